//! What the retry policy and the reports go by.

use std::fmt;

/// The condition behind an error: what the retry policy and the reports go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// The connection was refused.
    Refused,
    /// The connection was reset or aborted.
    Reset,
    /// The connection ended in the middle of a message, or TLS was closed.
    Eof,
    /// No byte moved for the stall timeout.
    Stall,
    /// A manifest, list or token did not arrive as a whole in time, although its bytes moved.
    TooSlow,
    /// A connection could not be made in time.
    Timeout,
    /// The name has no address.
    Dns,
    /// No route to the host or its network.
    Unreachable,
    /// The proxy refused or failed.
    Proxy,
    /// TLS could not be agreed upon.
    Tls,
    /// The certificate is not trusted.
    Certificate,
    /// The server speaks plain HTTP where HTTPS was expected.
    PlainHttp,
    /// Status 401 after the credentials were used, or no credentials that would fit.
    Unauthorized,
    /// Status 403.
    Denied,
    /// Status 404, or 410.
    NotFound,
    /// Status 408 or 425, or a manifest whose blobs the registry does not know for a moment.
    TryAgain,
    /// Status 429.
    TooManyRequests,
    /// Status 413, or a manifest over its limit.
    TooLarge,
    /// Another status of 400 to 499.
    Rejected,
    /// Status 500 to 599.
    ServerError,
    /// An upload session that the registry has forgotten or refuses to continue.
    UploadLost,
    /// The content is not what its digest or size says.
    Digest,
    /// The answer is not what the protocol asks for.
    Protocol,
    /// A redirect that must not be followed.
    Redirect,
    /// registries.conf forbids the access.
    Blocked,
    /// registries.conf cannot name a source, or a file of the configuration is wrong.
    Configuration,
    /// The local file system failed, or a blob source or sink did.
    Local,
    /// The transport is not supported.
    Unsupported,
}

impl Condition {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Refused,
        Self::Reset,
        Self::Eof,
        Self::Stall,
        Self::TooSlow,
        Self::Timeout,
        Self::Dns,
        Self::Unreachable,
        Self::Proxy,
        Self::Tls,
        Self::Certificate,
        Self::PlainHttp,
        Self::Unauthorized,
        Self::Denied,
        Self::NotFound,
        Self::TryAgain,
        Self::TooManyRequests,
        Self::TooLarge,
        Self::Rejected,
        Self::ServerError,
        Self::UploadLost,
        Self::Digest,
        Self::Protocol,
        Self::Redirect,
        Self::Blocked,
        Self::Configuration,
        Self::Local,
        Self::Unsupported,
    ];

    /// Whether another attempt may succeed.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::Reset
                | Self::Eof
                | Self::Stall
                | Self::Timeout
                | Self::Dns
                | Self::Unreachable
                | Self::TryAgain
                | Self::TooManyRequests
                | Self::ServerError
                | Self::UploadLost
                | Self::Digest
        )
    }

    /// Whether no connection came about.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Self::Refused | Self::Timeout | Self::Dns | Self::Unreachable)
    }

    /// Whether the registry or the way to it is overloaded, so that less concurrency would help.
    pub fn is_congestion(self) -> bool {
        matches!(self, Self::Reset | Self::Stall | Self::TooSlow | Self::Timeout | Self::TooManyRequests)
    }

    /// The condition as a word for tables and reports, such as `too-many-requests`. Stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "connection-refused",
            Self::Reset => "connection-reset",
            Self::Eof => "connection-closed",
            Self::Stall => "stalled",
            Self::TooSlow => "too-slow",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Unreachable => "unreachable",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Certificate => "untrusted-certificate",
            Self::PlainHttp => "plain-http",
            Self::Unauthorized => "unauthorized",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::TryAgain => "try-again",
            Self::TooManyRequests => "too-many-requests",
            Self::TooLarge => "too-large",
            Self::Rejected => "rejected",
            Self::ServerError => "server-error",
            Self::UploadLost => "upload-lost",
            Self::Digest => "digest-mismatch",
            Self::Protocol => "protocol",
            Self::Redirect => "redirect",
            Self::Blocked => "blocked",
            Self::Configuration => "configuration",
            Self::Local => "local",
            Self::Unsupported => "unsupported",
        }
    }

    pub(super) fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Denied,
            404 | 410 => Self::NotFound,
            407 => Self::Proxy,
            408 | 425 => Self::TryAgain,
            413 => Self::TooLarge,
            429 => Self::TooManyRequests,
            500..=599 => Self::ServerError,
            400..=499 => Self::Rejected,
            _ => Self::Protocol,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Condition::ALL.iter().map(|condition| condition.as_str()).collect();
        assert_eq!(words.len(), Condition::ALL.len());
        assert_eq!(words.len(), Condition::Unsupported as usize + 1, "the last one is the last of the list, too");
    }

    #[test]
    fn conditions_of_statuses() {
        let retried: Vec<u16> = (300..600).filter(|status| Condition::of_status(*status).is_retryable()).collect();
        let expected: Vec<u16> = [408, 425, 429].into_iter().chain(500..600).collect();
        assert_eq!(retried, expected);
    }
}
