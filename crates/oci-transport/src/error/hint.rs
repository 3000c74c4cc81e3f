//! What the user can do about an error.

use std::fmt;

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
