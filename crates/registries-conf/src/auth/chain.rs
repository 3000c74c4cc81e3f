//! Several sources of credentials, asked one after the other.

use image_ref::Repository;

use super::{AuthFile, Helper, Lookup};
use crate::registries::{AUTH_FILES_HELPER, RegistriesConf};

/// Auth files and global helpers in the order they are asked; the first that yields credentials wins.
#[derive(Debug, Clone, Default)]
pub struct CredentialChain {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Files(Vec<(String, AuthFile)>),
    Helper(String),
}

impl CredentialChain {
    /// Only these files, in this order. Each comes with the name that messages use.
    pub fn from_files(files: Vec<(String, AuthFile)>) -> Self {
        Self { steps: vec![Step::Files(files)] }
    }

    /// The files and the global `credential-helpers` of registries.conf, in the order that setting gives. The files stand
    /// where it says `containers-auth.json`; without that word they are not asked at all.
    pub fn new(conf: &RegistriesConf, files: Vec<(String, AuthFile)>) -> Self {
        let mut files = Some(files);
        let steps = conf
            .credential_helpers()
            .into_iter()
            .filter_map(|name| match name {
                AUTH_FILES_HELPER => files.take().map(Step::Files),
                helper => Some(Step::Helper(helper.to_owned())),
            })
            .collect();
        Self { steps }
    }

    /// Everything that may know credentials for `repository`, in the order to ask. A [`Lookup::Found`] ends the search;
    /// a [`Lookup::Helper`] may know nothing, and then the next one counts. Empty means anonymous.
    pub fn lookups(&self, repository: &Repository) -> Vec<Lookup> {
        self.collect(repository.registry(), |file| file.credentials_for(repository))
    }

    /// The same for a whole registry, `host[:port]`.
    pub fn lookups_for_registry(&self, registry: &str) -> Vec<Lookup> {
        self.collect(registry, |file| file.credentials_for_registry(registry))
    }

    fn collect(&self, registry: &str, ask: impl Fn(&AuthFile) -> Option<Lookup>) -> Vec<Lookup> {
        let mut lookups = Vec::new();
        for step in &self.steps {
            match step {
                // Helpers know whole hosts only, never namespaces.
                Step::Helper(name) => lookups.extend(Helper::new(name, registry).map(Lookup::Helper)),
                Step::Files(files) => lookups.extend(files.iter().filter_map(|(_, file)| ask(file))),
            }
        }
        if let Some(found) = lookups.iter().position(|lookup| matches!(lookup, Lookup::Found(_))) {
            lookups.truncate(found + 1);
        }
        lookups
    }

    /// The names of the files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                Step::Files(files) => Some(files),
                Step::Helper(_) => None,
            })
            .flatten()
            .map(|(name, _)| name.as_str())
    }

    /// The name of the file whose entry for `registry`, or for the repository at `path` there, is the first to count.
    pub fn file_with_entry(&self, registry: &str, repository: Option<&Repository>) -> Option<&str> {
        let has = |file: &AuthFile| match repository {
            Some(repository) => file.credentials_for(repository),
            None => file.credentials_for_registry(registry),
        };
        self.steps.iter().find_map(|step| match step {
            Step::Files(files) => files.iter().find(|(_, file)| has(file).is_some()).map(|(name, _)| name.as_str()),
            Step::Helper(_) => None,
        })
    }

    /// The files' unusable entries, each with the file's name in front.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                Step::Files(files) => Some(files),
                Step::Helper(_) => None,
            })
            .flatten()
            .flat_map(|(name, file)| file.warnings().iter().map(move |warning| format!("{name}: {warning}")))
    }
}
