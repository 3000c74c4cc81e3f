//! What can go wrong, asked for its condition: whether to try again, what to report, what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

/// Why a transfer failed. The message says what was done, to which registry, what was answered, how often it was tried
/// and what can be done about it. It never carries a credential or the query of a URL.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    condition: Condition,
    action: String,
    registry: String,
    message: String,
    status: Option<u16>,
    codes: Vec<String>,
    retry_after: Option<Duration>,
    attempts: u32,
    hint: Option<Hint>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

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
    /// Status 408 or 425.
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
    /// registries.conf forbids the access or cannot name a source.
    Configuration,
    /// The local file system failed, or a blob source or sink did.
    Local,
    /// The transport is not supported.
    Unsupported,
}

impl Condition {
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
        matches!(self, Self::Reset | Self::Stall | Self::Timeout | Self::TooManyRequests)
    }

    /// The condition as a word for tables and reports, such as `too-many-requests`. Stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "connection-refused",
            Self::Reset => "connection-reset",
            Self::Eof => "connection-closed",
            Self::Stall => "stalled",
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
            Self::Configuration => "configuration",
            Self::Local => "local",
            Self::Unsupported => "unsupported",
        }
    }

    fn of_status(status: u16) -> Self {
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

/// Which side of a copy a client serves; only messages depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Images are read: flags begin with `--src-`.
    #[default]
    Source,
    /// Images are written: flags begin with `--dest-`.
    Destination,
}

impl Side {
    fn tls_flag(self) -> &'static str {
        match self {
            Self::Source => "--src-tls-verify=false",
            Self::Destination => "--dest-tls-verify=false",
        }
    }
}

/// What the user can do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// No credentials were found.
    AddCredentials {
        /// The keys that were looked for in the auth file, most specific first.
        keys: Vec<String>,
    },
    /// Credentials were found, and refused.
    CheckCredentials {
        /// The most general key that would fit.
        registry: String,
    },
    /// The certificate authority is unknown.
    TrustCertificate {
        /// The registry, as the folder below `certs.d` is called.
        registry: String,
        /// The side, for the name of the flag.
        side: Side,
    },
    /// The server wants a client certificate.
    ShowCertificate {
        /// The registry, as the folder below `certs.d` is called.
        registry: String,
    },
    /// The server speaks plain HTTP.
    AllowPlainHttp {
        /// The side, for the name of the flag.
        side: Side,
    },
    /// The registry limits the rate of requests.
    SlowDown,
    /// The registry refuses the method of a write.
    ReadOnly,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddCredentials { keys } => {
                write!(f, "no credentials were found, add an entry for ")?;
                for (at, key) in keys.iter().enumerate() {
                    write!(f, "{}`{key}`", if at == 0 { "" } else { " or " })?;
                }
                write!(f, " to the auth file")
            }
            Self::CheckCredentials { registry } => {
                write!(
                    f,
                    "the credentials found for `{registry}` were refused, log in again or check their permissions"
                )
            }
            Self::TrustCertificate { registry, side } => write!(
                f,
                "put the certificate authority into `certs.d/{registry}/ca.crt`, or use `{}`",
                side.tls_flag()
            ),
            Self::ShowCertificate { registry } => write!(
                f,
                "the server wants a client certificate, put `client.cert` and `client.key` into `certs.d/{registry}`"
            ),
            Self::AllowPlainHttp { side } => {
                write!(f, "the server answers in plain HTTP, use `{}` to allow that", side.tls_flag())
            }
            Self::ReadOnly => {
                f.write_str("the registry takes no writes here: it may be read-only or a pull-through cache")
            }
            Self::SlowDown => f.write_str("the registry limits requests, lower `--parallel-images` or log in"),
        }
    }
}

impl Error {
    /// An error in the middle of `action`, such as ``pulling manifest of `quay.io/ns/app:1` ``.
    pub(crate) fn new(condition: Condition, action: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            condition,
            action: action.into(),
            registry: String::new(),
            message: message.into(),
            status: None,
            codes: Vec::new(),
            retry_after: None,
            attempts: 1,
            hint: None,
            source: None,
        }))
    }

    /// A failure of the local side: sink, source, or a file.
    pub(crate) fn local(action: impl Into<String>, error: io::Error) -> Self {
        // A blob source that reads from a registry wraps our own error; its condition must survive.
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return inner.clone();
        }
        let mut this = Self::new(Condition::Local, action, error.to_string());
        this.0.source = Some(Arc::new(error));
        this
    }

    /// An answer with an unexpected status; `body` is what the registry said about it.
    pub(crate) fn status(
        action: impl Into<String>,
        status: http::StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let words = Words::read(body);
        let code = status.as_u16();
        let mut message = format!("{code} {}", status.canonical_reason().unwrap_or("unknown status"));
        if !words.text.is_empty() {
            message.push_str(": ");
            message.push_str(&words.text);
        }
        let mut this = Self::new(Condition::of_status(code), action, message);
        this.0.status = Some(code);
        this.0.codes = words.codes;
        this.0.retry_after = retry_after;
        this.0.hint = match code {
            405 => Some(Hint::ReadOnly),
            429 => Some(Hint::SlowDown),
            _ => None,
        };
        this
    }

    /// A request that got no answer, or whose body broke off.
    pub(crate) fn transport(action: impl Into<String>, error: reqwest::Error, registry: &str, side: Side) -> Self {
        let error = error.without_url();
        if let Some(own) = find_source::<Self>(&error) {
            return own.clone();
        }
        if let Some(local) = find_source::<LocalFailure>(&error) {
            return Self::new(local.condition, action, local.to_string()).with_registry(registry);
        }
        let (condition, message) = classify(&error);
        let mut this = Self::new(condition, action, message);
        registry.clone_into(&mut this.0.registry);
        this.0.hint = match condition {
            Condition::Certificate => Some(Hint::TrustCertificate { registry: registry.to_owned(), side }),
            Condition::PlainHttp => Some(Hint::AllowPlainHttp { side }),
            Condition::Tls if this.0.message.contains("CertificateRequired") => {
                Some(Hint::ShowCertificate { registry: registry.to_owned() })
            }
            _ => None,
        };
        this
    }

    pub(crate) fn with_hint(mut self, hint: Hint) -> Self {
        self.0.hint = Some(hint);
        self
    }

    pub(crate) fn with_registry(mut self, registry: &str) -> Self {
        registry.clone_into(&mut self.0.registry);
        self
    }

    pub(crate) fn with_action(mut self, action: &str) -> Self {
        action.clone_into(&mut self.0.action);
        self
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    pub(crate) fn with_condition(mut self, condition: Condition) -> Self {
        self.0.condition = condition;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The condition behind the error.
    pub fn condition(&self) -> Condition {
        self.0.condition
    }

    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        self.0.condition.is_retryable()
    }

    /// Whether the registry says that what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.0.condition == Condition::NotFound
    }

    /// Whether the registry or the way to it is overloaded, so that less concurrency would help.
    pub fn is_congestion(&self) -> bool {
        self.0.condition.is_congestion() || self.0.status == Some(503)
    }

    /// The HTTP status, if there was an answer.
    pub fn status_code(&self) -> Option<u16> {
        self.0.status
    }

    /// The registry's own error codes, such as `MANIFEST_UNKNOWN` (distribution specification, "Error codes").
    pub fn codes(&self) -> &[String] {
        &self.0.codes
    }

    /// `host[:port]` of the registry; empty when the error has to do with none.
    pub fn registry(&self) -> &str {
        &self.0.registry
    }

    /// What was being done, such as ``pulling manifest `quay.io/ns/app:1` ``.
    pub fn action(&self) -> &str {
        &self.0.action
    }

    /// How often it was tried.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the registry asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the user can do. It is part of the message already.
    pub fn hint(&self) -> Option<&Hint> {
        self.0.hint.as_ref()
    }

    /// The message alone, without action, attempts and hint.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.action, self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, " (after {} attempts)", self.0.attempts)?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.condition)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The source's text is part of the message already; a chain would print it twice.
        None
    }
}

/// A failure of the side that feeds an upload, on its way through the HTTP client. Trying again would not help.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct LocalFailure {
    /// [`Condition::Local`], or [`Condition::Digest`] when the content is wrong.
    pub(crate) condition: Condition,
    pub(crate) message: String,
}

impl LocalFailure {
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}

/// What a registry says in the body of an error answer.
struct Words {
    codes: Vec<String>,
    text: String,
}

impl Words {
    /// Reads the JSON of the distribution specification, that of `OAuth2` token servers, or the first line of a text.
    fn read(body: &[u8]) -> Self {
        if let Ok(parsed) = serde_json::from_slice::<ErrorBody>(body) {
            let mut codes = Vec::new();
            let mut texts: Vec<String> = Vec::new();
            for error in parsed.errors.into_iter().take(4) {
                let code = error.code.unwrap_or_default();
                let detail = match error.detail {
                    Some(serde_json::Value::String(detail)) if !detail.is_empty() => format!(" ({detail})"),
                    _ => String::new(),
                };
                let message = error.message.unwrap_or_default();
                texts.push(match (message.is_empty(), code.is_empty()) {
                    (false, false) => format!("{message}{detail} [{code}]"),
                    (false, true) => format!("{message}{detail}"),
                    _ => format!("{code}{detail}"),
                });
                codes.push(code);
            }
            texts.extend(parsed.error_description.or(parsed.error).or(parsed.details).or(parsed.message));
            if !texts.is_empty() {
                return Self { codes, text: shorten(&texts.join(", ")) };
            }
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start();
        // The page of a proxy or a load balancer says nothing that its status does not.
        let text = if text.starts_with('<') || text.starts_with('{') { "" } else { text.lines().next().unwrap_or("") };
        Self { codes: Vec::new(), text: shorten(text) }
    }
}

fn shorten(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    clean.trim().to_owned()
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
    error: Option<String>,
    error_description: Option<String>,
    details: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<String>,
    message: Option<String>,
    detail: Option<serde_json::Value>,
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        // `io::Error::source` skips the error it wraps, which is the one that matters.
        next = match this.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => this.source(),
        };
        Some(this)
    })
}

fn find_source<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

/// The condition of a failed request and its message: the innermost words, which name the cause.
fn classify(error: &reqwest::Error) -> (Condition, String) {
    let all: Vec<String> = chain(error).map(ToString::to_string).collect();
    let has = |needle: &str| all.iter().any(|text| text.contains(needle));
    let innermost = all.last().cloned().unwrap_or_default();
    let mut message = innermost.chars();
    let innermost: String = message.next().into_iter().flat_map(char::to_lowercase).chain(message).collect();

    if has("invalid peer certificate") || has("certificate not valid") {
        return (Condition::Certificate, format!("x509: {innermost}"));
    }
    if has("InvalidContentType") {
        return (Condition::PlainHttp, "http: server gave HTTP response to HTTPS client".to_owned());
    }
    let kinds = || chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    let is = |wanted: io::ErrorKind| kinds().any(|kind| kind == wanted);
    let condition = if has("proxy") || has("tunnel") || has("unsuccessful tunnel") {
        Condition::Proxy
    } else if error.is_dns() {
        Condition::Dns
    } else if is(io::ErrorKind::ConnectionRefused) {
        Condition::Refused
    } else if is(io::ErrorKind::ConnectionReset)
        || is(io::ErrorKind::ConnectionAborted)
        || is(io::ErrorKind::BrokenPipe)
    {
        Condition::Reset
    } else if is(io::ErrorKind::UnexpectedEof)
        || has("connection closed before message completed")
        || has("end of file")
    {
        Condition::Eof
    } else if is(io::ErrorKind::HostUnreachable) || is(io::ErrorKind::NetworkUnreachable) {
        Condition::Unreachable
    } else if error.is_timeout() || is(io::ErrorKind::TimedOut) {
        Condition::Timeout
    } else if has("tls") || has("TLS") || has("handshake") || has("fatal alert") {
        Condition::Tls
    } else if has("GO_AWAY") || has("go away") || has("stream error") || has("connection error") || error.is_body() {
        // HTTP/2 GOAWAY and RST_STREAM: the connection or stream is gone, a new one may be had.
        Condition::Reset
    } else if error.is_connect() || error.is_request() {
        Condition::Eof
    } else {
        Condition::Protocol
    };
    let message = match condition {
        Condition::Proxy => format!("proxyconnect: {innermost}"),
        _ if error.is_connect() => format!("cannot connect: {innermost}"),
        _ => innermost,
    };
    (condition, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_registries() {
        fn check(body: &str, expected: &str) {
            let error = Error::status("testing", http::StatusCode::FORBIDDEN, None, body.as_bytes());
            assert_eq!(error.to_string(), format!("testing: 403 Forbidden{expected}"), "{body}");
        }
        check("", "");
        check("denied by policy\nmore", ": denied by policy");
        check("<html><body>403</body></html>", "");
        check(r#"{"errors":[{"code":"DENIED","message":"no"}]}"#, ": no [DENIED]");
        check(r#"{"errors":[{"code":"DENIED","message":"no","detail":"quota"}]}"#, ": no (quota) [DENIED]");
        check(r#"{"errors":[{"code":"DENIED","detail":{"a":1}}]}"#, ": DENIED");
        check(r#"{"errors":[{"message":"one"},{"message":"two"}]}"#, ": one, two");
        check(r#"{"error":"invalid_grant","error_description":"expired"}"#, ": expired");
        check(r#"{"details":"incorrect username or password"}"#, ": incorrect username or password");
        check(r#"{"errors":[]}"#, "");
        check("a\u{7}b", ": a b");
    }

    #[test]
    fn conditions_of_statuses() {
        let retried: Vec<u16> = (300..600).filter(|status| Condition::of_status(*status).is_retryable()).collect();
        let expected: Vec<u16> = [408, 425, 429].into_iter().chain(500..600).collect();
        assert_eq!(retried, expected);
    }
}
