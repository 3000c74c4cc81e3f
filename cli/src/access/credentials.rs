//! Credentials for the transport: from files, from helper programs, from the command line.

use std::path::PathBuf;
use std::sync::Arc;

use image_ref::Repository;
use oci_transport::{CredentialError, CredentialRequest, CredentialSource};
use registries_conf::{CredentialChain, Credentials, Lookup, Secret};

use super::helper::{Helpers, Processes};
use crate::settings::Access;

/// Credentials from auth files, with helper programs run where a file names one.
#[derive(Debug)]
pub(super) struct Credentialed {
    chain: CredentialChain,
    helpers: Helpers,
}

impl Credentialed {
    /// Credentials from `chain`; helper programs are looked for in `search_path`, and are among `processes` while they run.
    pub(super) fn new(chain: CredentialChain, search_path: Vec<PathBuf>, processes: Arc<Processes>) -> Self {
        Self { chain, helpers: Helpers::new(search_path, processes) }
    }

    fn first(&self, lookups: Vec<Lookup>) -> Result<Option<Credentials>, CredentialError> {
        for lookup in lookups {
            let found = match lookup {
                Lookup::Found(credentials) => Some(credentials),
                Lookup::Helper(helper) => self.helpers.ask(&helper)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
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
