//! How the registries of one side are accessed (`docs/behaviour/release.md` 7.1).

use std::fmt;
use std::path::PathBuf;

use oci_transport::Redactor;

use super::{UsageError, given as given_path};
use crate::args::SideArgs;
use crate::env::Snapshot;

/// How the registries of one side, source or destination, are accessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The only auth file to consult; none means the usual places.
    pub authfile: Option<PathBuf>,
    /// Fixed credentials, before any file.
    pub credentials: Option<Credentials>,
    /// Use no credentials at all.
    pub anonymous: bool,
    /// A fixed bearer token.
    pub registry_token: Option<Secret>,
    /// Directory with certificates, instead of the usual `certs.d` search.
    pub cert_dir: Option<PathBuf>,
    /// The folder that OCI layouts share their blobs in.
    pub shared_blob_dir: Option<PathBuf>,
    /// Where the docker daemon listens, in `skopeo`'s words.
    pub daemon_host: Option<String>,
    /// Require HTTPS and verify certificates.
    pub verify_tls: bool,
    /// Whether somebody gave the flag for that; else `insecure` of registries.conf counts as well.
    pub tls_given: bool,
}

impl Access {
    /// Settles the flags of one side; `prefix` is `src` or `dest`.
    pub(super) fn settle(
        prefix: &'static str,
        flags: SideArgs<'_>,
        authfile: Option<&PathBuf>,
        env: &Snapshot,
    ) -> Result<Self, UsageError> {
        let given = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let (creds, username, password) = (flags.creds, given(flags.username), given(flags.password));
        if creds.is_some() && flags.no_creds {
            return Err(UsageError::CredsAndNoCreds(prefix));
        }
        if username.is_some() && flags.no_creds {
            return Err(UsageError::UsernameAndNoCreds(prefix));
        }
        if creds.is_some() && username.is_some() {
            return Err(UsageError::CredsAndUsername(prefix));
        }
        let credentials = match (creds, username, password) {
            (Some(creds), _, _) => {
                let (username, password) = creds.split_once(':').unwrap_or((creds, ""));
                if username.is_empty() {
                    return Err(UsageError::EmptyCreds(prefix));
                }
                Some(Credentials { username: username.into(), password: Secret::new(password) })
            }
            (None, Some(username), Some(password)) => Some(Credentials { username, password: Secret::new(password) }),
            (None, Some(_), None) => return Err(UsageError::UsernameWithoutPassword(prefix)),
            (None, None, Some(_)) => return Err(UsageError::PasswordWithoutUsername(prefix)),
            (None, None, None) => None,
        };
        Ok(Self {
            authfile: given_path(flags.authfile, env).or_else(|| given_path(authfile, env)),
            credentials,
            anonymous: flags.no_creds,
            registry_token: given(flags.registry_token).map(Secret::new),
            cert_dir: given_path(flags.cert_dir, env),
            shared_blob_dir: given_path(flags.shared_blob_dir, env),
            daemon_host: given(flags.daemon_host),
            verify_tls: flags.tls_verify,
            tls_given: flags.tls_given,
        })
    }

    pub(super) fn hide_secrets(&self, redactor: &Redactor) {
        if let Some(Credentials { username, password }) = &self.credentials {
            redactor.hide(password.expose());
            redactor.hide_pair(username, password.expose());
        }
        if let Some(token) = &self.registry_token {
            redactor.hide(token.expose());
        }
    }
}

/// A user and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// The password; may be empty.
    pub password: Secret,
}

/// A text that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
