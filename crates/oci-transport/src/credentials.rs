//! Who says what credentials a repository needs.

use std::fmt;

use image_ref::Repository;
use registries_conf::Credentials;

/// What credentials are wanted for.
#[derive(Debug, Clone, Copy)]
pub struct CredentialRequest<'a> {
    /// The repository that is contacted. Auth files are searched under this name.
    pub repository: &'a Repository,
    /// The repository that was asked for; another one when a mirror is contacted. Credentials given on the command line
    /// belong to its host and must not be sent elsewhere (`docs/behaviour/release.md` 7.2).
    pub logical: &'a Repository,
}

/// Finds credentials. Called on a blocking thread, once per repository, so that it may run helper programs.
pub trait CredentialSource: Send + Sync {
    /// The most specific credentials for a repository; `None` means anonymous.
    fn credentials(&self, repository: &Repository) -> Option<Credentials>;

    /// The same, knowing what was asked for, and with a reason when a source fails.
    ///
    /// # Errors
    /// When an auth file or a helper program cannot be understood; anonymous access is then not tried.
    fn lookup(&self, request: CredentialRequest<'_>) -> Result<Option<Credentials>, CredentialError> {
        Ok(self.credentials(request.repository))
    }

    /// Where credentials come from, for the advice of an error. Runs no helper program.
    fn origin(&self, registry: &str, repository: Option<&Repository>) -> Origin {
        let _ = (registry, repository);
        Origin::default()
    }

    /// Credentials for a registry as a whole, for the check that it can be reached at all. Asks for a repository that is
    /// unlikely to exist, so that only the entry of the host fits; a source that can do better should.
    ///
    /// # Errors
    /// As [`CredentialSource::lookup`].
    fn registry_credentials(&self, registry: &str) -> Result<Option<Credentials>, CredentialError> {
        match Repository::new(registry, "v2") {
            Ok(repository) => self.lookup(CredentialRequest { repository: &repository, logical: &repository }),
            Err(error) => Err(CredentialError(error.to_string())),
        }
    }
}

/// Where credentials come from, or were looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The auth file whose entry counts, if one does.
    pub found: Option<String>,
    /// The auth files that were read, first the one that is asked first.
    pub read: Vec<String>,
    /// Whether the auth file was named on the command line.
    pub named: bool,
    /// The flag that settled the matter, such as `--dest-creds`; auth files are not asked then.
    pub flag: Option<&'static str>,
}

/// Why credentials could not be looked up. The text must not hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(pub String);

/// No credentials for anyone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl CredentialSource for Anonymous {
    fn credentials(&self, _: &Repository) -> Option<Credentials> {
        None
    }
}

/// The same credentials for every repository of one registry, and none for others (`--src-creds`,
/// `docs/behaviour/release.md` 7.1 and 7.2).
#[derive(Clone)]
pub struct Fixed {
    /// `host[:port]` of the registry they belong to; `None` for whatever registry is asked for, but never its mirrors.
    pub registry: Option<String>,
    /// The credentials.
    pub credentials: Credentials,
}

impl CredentialSource for Fixed {
    fn credentials(&self, repository: &Repository) -> Option<Credentials> {
        let fits = self.registry.as_deref().is_none_or(|registry| registry == repository.registry());
        fits.then(|| self.credentials.clone())
    }

    fn lookup(&self, request: CredentialRequest<'_>) -> Result<Option<Credentials>, CredentialError> {
        if request.repository.registry() == request.logical.registry() {
            Ok(self.credentials(request.repository))
        } else {
            Ok(None)
        }
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixed").field("registry", &self.registry).finish_non_exhaustive()
    }
}
