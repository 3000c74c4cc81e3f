//! What the user can do about an error.

use std::fmt;
use std::path::PathBuf;

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
        /// Where it belongs.
        file: PathBuf,
        /// The side, for the name of the flag.
        side: Side,
    },
    /// The certificate has expired.
    RenewCertificate,
    /// The certificate is not valid yet.
    CheckClock,
    /// The certificate is for other names.
    UseCertifiedName,
    /// The certificate has no names.
    NameInCertificate {
        /// The host that it should name.
        host: String,
    },
    /// The certificate is for another use.
    CertificateForServers,
    /// The proxy cannot be reached, or refuses.
    CheckProxy {
        /// The variable that names it.
        variable: &'static str,
    },
    /// The name has no address.
    CheckName,
    /// Nobody listens.
    CheckServer,
    /// No way leads there.
    CheckRoute,
    /// The registry sends uploads to another of its names, which wants credentials.
    UploadElsewhere {
        /// `host[:port]` of the other name.
        host: String,
        /// `host[:port]` of the registry.
        registry: String,
        /// Whether credentials for the other name were found, and refused.
        was_known: bool,
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
            Self::TrustCertificate { file, side } => {
                write!(f, "put the certificate authority into `{}`, or use `{}`", file.display(), side.tls_flag())
            }
            Self::RenewCertificate => f.write_str("renew the server's certificate"),
            Self::CheckClock => f.write_str("correct this machine's clock, or replace the certificate"),
            Self::UseCertifiedName => {
                f.write_str("use a name that the certificate has, or renew the certificate with this name")
            }
            Self::NameInCertificate { host } => {
                let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
                write!(f, "make a new certificate with `{name}` in its subjectAltName; the common name does not count")
            }
            Self::CertificateForServers => {
                f.write_str("make a new certificate with serverAuth in its extendedKeyUsage, or without that extension")
            }
            Self::CheckProxy { variable } => {
                write!(f, "check the proxy of {variable}, or name the host in NO_PROXY if no proxy leads there")
            }
            Self::CheckName => f.write_str(
                "check the name and this machine's DNS; if only a proxy can reach the host, set HTTPS_PROXY",
            ),
            Self::CheckServer => {
                f.write_str("check that a server listens there, and that no firewall refuses the connection")
            }
            Self::CheckRoute => {
                f.write_str("check the route and the firewall; if only a proxy can reach the host, set HTTPS_PROXY")
            }
            Self::UploadElsewhere { host, registry, was_known } => {
                if *was_known {
                    write!(f, "the credentials found for `{host}` were refused: run `podman login {host}` again")?;
                } else {
                    write!(
                        f,
                        "credentials for `{registry}` are never sent to another name, and there are none for `{host}`: run \
                         `podman login {host}`"
                    )?;
                }
                write!(f, ", or let the registry call itself `{registry}` (Quay: SERVER_HOSTNAME)")
            }
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
