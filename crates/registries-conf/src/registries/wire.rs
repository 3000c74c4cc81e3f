//! The TOML of registries.conf as it is written, before anything is decided about it.
//!
//! Unknown keys are ignored, as containers-registries.conf(5) readers do: newer files must not stop older programs.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(rename = "registry", default)]
    pub(super) registries: Vec<Spanned<Registry>>,
    #[serde(rename = "unqualified-search-registries")]
    pub(super) unqualified_search: Option<Vec<Spanned<String>>>,
    #[serde(rename = "credential-helpers")]
    pub(super) credential_helpers: Option<Vec<String>>,
    #[serde(rename = "additional-layer-store-auth-helper", default)]
    pub(super) additional_layer_store_auth_helper: String,
    #[serde(rename = "short-name-mode")]
    pub(super) short_name_mode: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) aliases: BTreeMap<Spanned<String>, Spanned<String>>,
    /// The whole of the v1 format lives below this key.
    #[serde(rename = "registries", default)]
    pub(super) version_1: Version1,
}

#[derive(Debug, Deserialize)]
pub(super) struct Registry {
    #[serde(default)]
    pub(super) prefix: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) location: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(default)]
    pub(super) blocked: bool,
    #[serde(rename = "mirror-by-digest-only", default)]
    pub(super) mirror_by_digest_only: bool,
    /// Belongs to mirrors; read here only to say so.
    #[serde(rename = "pull-from-mirror")]
    pub(super) pulls: Option<Spanned<String>>,
    #[serde(rename = "mirror", default)]
    pub(super) mirrors: Vec<Spanned<Mirror>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mirror {
    #[serde(default)]
    pub(super) location: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(rename = "pull-from-mirror")]
    pub(super) pulls: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Version1 {
    #[serde(default)]
    search: Version1List,
    #[serde(default)]
    insecure: Version1List,
    #[serde(default)]
    block: Version1List,
}

#[derive(Debug, Default, Deserialize)]
struct Version1List {
    #[serde(default)]
    registries: Vec<String>,
}

impl Version1 {
    /// Whether the v1 tables say anything. Empty lists are common leftovers and count as absent.
    pub(super) fn says_something(&self) -> bool {
        [&self.search, &self.insecure, &self.block].iter().any(|list| !list.registries.is_empty())
    }
}
