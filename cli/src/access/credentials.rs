//! Credentials for the transport: from files, from helper programs, from the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image_ref::Repository;
use oci_transport::{CredentialError, CredentialRequest, CredentialSource};
use registries_conf::{CredentialChain, Credentials, Helper, Lookup, Secret};

use crate::settings::Access;

/// Credentials from auth files, with helper programs run where a file names one.
#[derive(Debug)]
pub(super) struct Credentialed {
    chain: CredentialChain,
    search_path: Vec<PathBuf>,
}

impl Credentialed {
    /// Credentials from `chain`; helper programs are looked for in `search_path`.
    pub(super) fn new(chain: CredentialChain, search_path: Vec<PathBuf>) -> Self {
        Self { chain, search_path }
    }

    fn first(&self, lookups: Vec<Lookup>) -> Result<Option<Credentials>, CredentialError> {
        for lookup in lookups {
            let found = match lookup {
                Lookup::Found(credentials) => Some(credentials),
                Lookup::Helper(helper) => self.ask(&helper)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Runs a helper: the server's name goes in, JSON comes out. No shell, and only names that `Helper` accepted.
    fn ask(&self, helper: &Helper) -> Result<Option<Credentials>, CredentialError> {
        let name = helper.program();
        let program = find(&self.search_path, &name).ok_or_else(|| {
            CredentialError(format!("credential helper `{name}` for `{}` is not on PATH", helper.server))
        })?;
        let failed = |error: std::io::Error| CredentialError(format!("cannot run credential helper `{name}`: {error}"));
        let mut child = Command::new(program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input has decided already; its answer counts.
            let _ = stdin.write_all(helper.server.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        helper.answer(output.status.success(), &output.stdout).map_err(|error| CredentialError(error.to_string()))
    }
}

pub(super) fn find(search_path: &[PathBuf], name: &str) -> Option<PathBuf> {
    search_path.iter().map(|folder: &PathBuf| Path::new(folder).join(name)).find(|path| path.is_file())
}

impl CredentialSource for Credentialed {
    fn credentials(&self, repository: &Repository) -> Option<Credentials> {
        self.first(self.chain.lookups(repository)).ok().flatten()
    }

    fn lookup(&self, request: CredentialRequest<'_>) -> Result<Option<Credentials>, CredentialError> {
        self.first(self.chain.lookups(request.repository))
    }

    fn registry_credentials(&self, registry: &str) -> Result<Option<Credentials>, CredentialError> {
        self.first(self.chain.lookups_for_registry(registry))
    }
}

/// Credentials given on the command line (`--src-creds` and its relatives). They belong to the host that was asked for
/// and go to no mirror of it (contract `release.md` 7.2).
#[derive(Debug, Clone)]
pub(super) enum FixedCredentials {
    /// `--src-no-creds`: anonymous, whatever the auth files say.
    None,
    /// User and password, or a registry token.
    Some(Credentials),
}

impl FixedCredentials {
    /// What the flags of one side fix; nothing when the auth files are to be asked.
    pub(super) fn of(access: &Access) -> Option<Self> {
        if let Some(token) = &access.registry_token {
            return Some(Self::Some(Credentials::Bearer(Secret::new(token.expose()))));
        }
        if let Some(given) = &access.credentials {
            return Some(Self::Some(Credentials::basic(&given.username, given.password.expose())));
        }
        access.anonymous.then_some(Self::None)
    }
}

impl CredentialSource for FixedCredentials {
    fn credentials(&self, _: &Repository) -> Option<Credentials> {
        match self {
            Self::None => None,
            Self::Some(credentials) => Some(credentials.clone()),
        }
    }

    fn lookup(&self, request: CredentialRequest<'_>) -> Result<Option<Credentials>, CredentialError> {
        let same_host = request.repository.registry() == request.logical.registry();
        Ok(self.credentials(request.repository).filter(|_| same_host))
    }
}
