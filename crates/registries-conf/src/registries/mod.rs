//! registries.conf: layers in, one merged configuration out.

mod matching;
mod parse;
mod resolve;
mod short_names;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use image_ref::Repository;

use crate::layer::{Layer, Origin};
pub use parse::{Error, ErrorKind};
pub use resolve::{Blocked, PullSource, ResolveError};
pub use short_names::{ShortName, ShortNameError, ShortNameMode};

/// The helper name that stands for the auth files themselves (containers-registries.conf(5), `credential-helpers`).
pub const AUTH_FILES_HELPER: &str = "containers-auth.json";

/// The merged meaning of all registries.conf files. [`RegistriesConf::default`] is the empty configuration, in which
/// every name stands for itself.
#[derive(Debug, Clone, Default)]
pub struct RegistriesConf {
    /// By prefix; byte order decides between equally long matches.
    registries: BTreeMap<String, Registry>,
    unqualified_search: Vec<String>,
    unqualified_search_layer: Option<String>,
    credential_helpers: Option<Vec<String>>,
    additional_layer_store_auth_helper: Option<String>,
    short_name_mode: Option<ShortNameMode>,
    /// Short name to `host/path`, with the layer that says so.
    aliases: BTreeMap<String, (Repository, String)>,
    layers: Vec<String>,
}

/// One `[[registry]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// What names the table is about: `host[:port][/path]`, or `*.domain`.
    pub prefix: String,
    /// What takes the place of the prefix in the name that is really contacted. `None` only with a wildcard prefix:
    /// names stay as they are.
    pub location: Option<String>,
    /// HTTPS without verification and plain HTTP are acceptable.
    pub insecure: bool,
    /// Access is forbidden. The mirrors of the table stay usable.
    pub blocked: bool,
    /// The mirrors, in the order they are to be tried, each before the location.
    pub mirrors: Vec<Mirror>,
    /// The file and line of the table.
    pub origin: Origin,
}

/// One `[[registry.mirror]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// What takes the place of the prefix.
    pub location: String,
    /// HTTPS without verification and plain HTTP are acceptable for this mirror.
    pub insecure: bool,
    /// Which pulls may use the mirror; `mirror-by-digest-only` of the table is already folded in.
    pub pull_from_mirror: PullFromMirror,
}

/// Which references a mirror serves (`pull-from-mirror`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullFromMirror {
    /// Every reference.
    #[default]
    All,
    /// Only references with a digest.
    DigestOnly,
    /// Only references without a digest.
    TagOnly,
}

impl PullFromMirror {
    fn serves(self, has_digest: bool) -> bool {
        match self {
            Self::All => true,
            Self::DigestOnly => has_digest,
            Self::TagOnly => !has_digest,
        }
    }
}

impl RegistriesConf {
    /// Merges the main file and the drop-ins behind it, in the order given (see [`crate::locations`]).
    ///
    /// A later `[[registry]]` table replaces an earlier one with the same prefix as a whole; lists are replaced when
    /// present, even by `[]`; aliases are merged one by one, and `""` erases (`docs/behaviour/release.md` 7.3, "merge").
    ///
    /// # Errors
    /// The first mistake found, with file, line and column.
    pub fn from_layers(layers: &[Layer]) -> Result<Self, Error> {
        let mut merged = Self::default();
        for layer in layers {
            parse::merge_layer(&mut merged, layer)?;
        }
        Ok(merged)
    }

    /// The tables by prefix.
    pub fn registries(&self) -> impl Iterator<Item = &Registry> {
        self.registries.values()
    }

    /// The table responsible for `name`, a `host[:port][/path]` without tag and digest: the one with the longest
    /// matching prefix, the first in byte order when two are equally long.
    pub fn registry_for(&self, name: &str) -> Option<&Registry> {
        self.registries
            .values()
            .filter(|registry| matching::matched_len(name, &registry.prefix).is_some())
            .reduce(|best, other| if other.prefix.len() > best.prefix.len() { other } else { best })
    }

    /// Whether the table for `name` (`host[:port]` or `host[:port]/path`) allows unverified TLS and plain HTTP. This
    /// is the question for a destination, which is never rewritten.
    pub fn is_insecure(&self, name: &str) -> bool {
        self.registry_for(name).is_some_and(|registry| registry.insecure)
    }

    /// Why `name` (`host[:port]/path`, as it would be contacted) must not be accessed, if so.
    pub fn blocked(&self, name: &str) -> Option<Blocked> {
        let registry = self.registry_for(name).filter(|registry| registry.blocked)?;
        Some(Blocked { prefix: registry.prefix.clone(), origin: registry.origin.clone() })
    }

    /// `unqualified-search-registries`, each a `host[:port]`.
    pub fn unqualified_search_registries(&self) -> &[String] {
        &self.unqualified_search
    }

    /// `credential-helpers` in order; [`AUTH_FILES_HELPER`] alone when no file says anything. An empty list is
    /// replaced by that default too, as upstream does.
    pub fn credential_helpers(&self) -> Vec<&str> {
        match self.credential_helpers.as_deref() {
            None | Some([]) => vec![AUTH_FILES_HELPER],
            Some(helpers) => helpers.iter().map(String::as_str).collect(),
        }
    }

    /// `additional-layer-store-auth-helper`, which concerns local storage and is read only to be reported.
    pub fn additional_layer_store_auth_helper(&self) -> Option<&str> {
        self.additional_layer_store_auth_helper.as_deref()
    }

    /// `short-name-mode`; permissive when no file says anything.
    pub fn short_name_mode(&self) -> ShortNameMode {
        self.short_name_mode.unwrap_or_default()
    }

    /// The short-name aliases, by name.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &Repository)> {
        self.aliases.iter().map(|(name, (target, _))| (name.as_str(), target))
    }

    /// The names of the files this was read from, in order.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }
}

impl fmt::Display for PullFromMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::DigestOnly => "digest-only",
            Self::TagOnly => "tag-only",
        })
    }
}
