//! What the user can do about an error.

use std::fmt;
use std::path::PathBuf;

use crate::credentials::Origin;

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

/// How to log in so that the next run finds it.
fn log_in(f: &mut fmt::Formatter<'_>, origin: &Origin, registry: &str) -> fmt::Result {
    match origin.read.first().filter(|_| origin.named) {
        Some(file) => write!(f, "run `podman login --authfile {file} {registry}`"),
        None => write!(f, "run `podman login {registry}`"),
    }
}

/// What the user can do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// No credentials were found.
    AddCredentials {
        /// The keys that were looked for in the auth files, most specific first; the last is `host[:port]`.
        keys: Vec<String>,
        /// Where they were looked for.
        origin: Origin,
    },
    /// Credentials were found, and refused.
    CheckCredentials {
        /// `host[:port]` of the registry.
        registry: String,
        /// Where they were found.
        origin: Origin,
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
    /// The registry refuses to open an upload.
    ReadOnly,
    /// The registry has no such repository, and makes none by itself.
    CreateRepository {
        /// The repository with its registry.
        repository: String,
    },
    /// The registry refuses the media types of Docker.
    AcceptDockerTypes,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddCredentials { keys, origin } => {
                let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                write!(f, "no credentials were found for {}", quoted.join(" or "))?;
                if let Some(flag) = origin.flag {
                    return write!(f, ", as {flag} was given and auth files are not read then");
                }
                match origin.read.as_slice() {
                    [] => f.write_str(", and there is no auth file: ")?,
                    files => {
                        let files: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
                        write!(f, " in {}: ", files.join(" and "))?;
                    }
                }
                log_in(f, origin, keys.last().map_or("", String::as_str))
            }
            Self::CheckCredentials { registry, origin } => {
                if let Some(flag) = origin.flag {
                    return write!(f, "the credentials of {flag} were refused: check them, and their permissions");
                }
                write!(f, "the credentials found for `{registry}`")?;
                if let Some(file) = &origin.found {
                    write!(f, " in `{file}`")?;
                }
                f.write_str(" were refused: ")?;
                log_in(f, origin, registry)?;
                f.write_str(" again, or check their permissions")
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
            Self::CreateRepository { repository } => {
                write!(f, "create the repository `{repository}` first, since this registry makes none by itself")
            }
            Self::AcceptDockerTypes => f.write_str(
                "let the registry take Docker's media types, such as with `\"compat\": [\"docker2s2\"]` below `http` in the \
                 configuration of zot",
            ),
            Self::ReadOnly => {
                f.write_str("the registry takes no writes here: it may be read-only or a pull-through cache")
            }
            Self::SlowDown => f.write_str("the registry limits requests, lower `--parallel-images` or log in"),
        }
    }
}
