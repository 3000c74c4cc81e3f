//! Credentials for the transport: from files, from helper programs, from the command line.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use image_ref::Repository;
use oci_transport::{CredentialError, CredentialRequest, CredentialSource, Origin, Side};
use registries_conf::{CredentialChain, Credentials, Helper, Lookup, Secret};

use super::helper::{Helpers, Processes};
use crate::log::Log;
use crate::settings::Access;

/// Credentials from auth files, with helper programs run where a file names one.
#[derive(Debug)]
pub(super) struct Credentialed {
    chain: CredentialChain,
    helpers: Helpers,
    /// Whether the auth file was named on the command line.
    named: bool,
    left_over: Arc<LeftOver>,
}

/// Tells once of each `credsStore` whose program is not there: Docker Desktop leaves that setting behind when it goes.
#[derive(Debug)]
pub(super) struct LeftOver {
    log: Log,
    told: Mutex<HashSet<String>>,
}

impl LeftOver {
    /// Tells the log.
    pub(super) fn new(log: Log) -> Self {
        Self { log, told: Mutex::default() }
    }

    fn tell(&self, helper: &Helper) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(helper.name.clone()) {
            self.log.caution(format_args!(
                "`credsStore` of the auth file names `{}`, which is not on PATH: continuing without the credentials that it \
                 may have; remove `credsStore` if Docker Desktop left it behind",
                helper.program()
            ));
        }
    }
}

impl Credentialed {
    /// Credentials from `chain`; helper programs are looked for in `search_path`, and are among `processes` while they run.
    pub(super) fn new(
        chain: CredentialChain,
        named: bool,
        search_path: Vec<PathBuf>,
        processes: Arc<Processes>,
        left_over: Arc<LeftOver>,
    ) -> Self {
        Self { chain, helpers: Helpers::new(search_path, processes), named, left_over }
    }

    fn first(&self, lookups: Vec<Lookup>) -> Result<Option<Credentials>, CredentialError> {
        for lookup in lookups {
            let found = match lookup {
                Lookup::Found(credentials) => Some(credentials),
                Lookup::Store(helper) if !self.helpers.has(&helper) => {
                    self.left_over.tell(&helper);
                    None
                }
                Lookup::Helper(helper) | Lookup::Store(helper) => self.helpers.ask(&helper)?,
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

    fn origin(&self, registry: &str, repository: Option<&Repository>) -> Origin {
        Origin {
            found: self.chain.file_with_entry(registry, repository).map(str::to_owned),
            read: self.chain.files().map(str::to_owned).collect(),
            named: self.named,
            flag: None,
        }
    }
}

/// Credentials given on the command line (`--src-creds` and its relatives). They belong to the host that was asked for
/// and go to no mirror of it (`docs/behaviour/release.md` 7.2).
#[derive(Debug, Clone)]
pub(super) struct FixedCredentials {
    /// User and password, or a registry token; none: anonymous, whatever the auth files say.
    credentials: Option<Credentials>,
    /// The flag that gave them.
    flag: &'static str,
}

impl FixedCredentials {
    /// What the flags of one side fix; nothing when the auth files are to be asked.
    pub(super) fn of(side: Side, access: &Access) -> Option<Self> {
        let flag = |source, destination| if matches!(side, Side::Source) { source } else { destination };
        if let Some(token) = &access.registry_token {
            let credentials = Some(Credentials::Bearer(Secret::new(token.expose())));
            return Some(Self { credentials, flag: flag("--src-registry-token", "--dest-registry-token") });
        }
        if let Some(given) = &access.credentials {
            let credentials = Some(Credentials::basic(&given.username, given.password.expose()));
            return Some(Self { credentials, flag: flag("--src-creds", "--dest-creds") });
        }
        access.anonymous.then_some(Self { credentials: None, flag: flag("--src-no-creds", "--dest-no-creds") })
    }
}

impl CredentialSource for FixedCredentials {
    fn credentials(&self, _: &Repository) -> Option<Credentials> {
        self.credentials.clone()
    }

    fn origin(&self, _: &str, _: Option<&Repository>) -> Origin {
        Origin { flag: Some(self.flag), ..Origin::default() }
    }

    fn lookup(&self, request: CredentialRequest<'_>) -> Result<Option<Credentials>, CredentialError> {
        let same_host = request.repository.registry() == request.logical.registry();
        Ok(self.credentials(request.repository).filter(|_| same_host))
    }
}
