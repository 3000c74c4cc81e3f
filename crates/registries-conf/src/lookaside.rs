//! registries.d: where the signatures of an image lie (containers-registries.d(5), `docs/behaviour/release.md` 7.6).

use std::collections::BTreeMap;
use std::path::PathBuf;

use image_ref::{Digest, ImageRef, Repository};
use serde::Deserialize;

use crate::layer::{Layer, Origin, Position};
use crate::scopes::registry_scopes;

/// The merged meaning of all files of registries.d.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistriesD {
    default: Option<(Section, String)>,
    scopes: BTreeMap<String, (Section, String)>,
}

/// What is said about one scope; what is not said falls through to the scopes above.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Section {
    lookaside: Option<String>,
    lookaside_staging: Option<String>,
    sigstore: Option<String>,
    sigstore_staging: Option<String>,
    use_sigstore_attachments: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    #[serde(rename = "default-docker")]
    default: Option<Section>,
    docker: Option<BTreeMap<String, Option<Section>>>,
}

/// The base below which the signatures of all images of a scope lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookaside {
    /// A folder of this machine.
    Directory(PathBuf),
    /// An `http://` or `https://` address without trailing slash.
    Web(String),
}

/// A mistake in a file of registries.d.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum RegistriesDError {
    #[error("{origin}: invalid YAML: {message}")]
    Syntax { origin: Origin, message: String },
    #[error("error parsing signature storage configuration: `default-docker` defined both in `{0}` and in `{1}`")]
    DefaultTwice(String, String),
    #[error(
        "error parsing signature storage configuration: `docker` namespace `{scope}` defined both in `{first}` and in `{second}`"
    )]
    ScopeTwice { scope: String, first: String, second: String },
}

/// A lookaside that is no usable address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{layer}: invalid lookaside storage URL `{url}`: expected `https://…`, `http://…` or `file:///…`")]
pub struct LookasideError {
    /// What the configuration says.
    pub url: String,
    /// The file that says it.
    pub layer: String,
}

impl RegistriesD {
    /// Merges files (see [`crate::locations::registries_d`]). Unknown keys are ignored.
    ///
    /// # Errors
    /// When a file is no YAML of the right shape, or a scope is defined twice over all files.
    pub fn from_layers(layers: &[Layer]) -> Result<Self, RegistriesDError> {
        let mut merged = Self::default();
        for layer in layers {
            let file: Option<File> = serde_saphyr::from_str(&layer.text).map_err(|error| {
                let position = error
                    .location()
                    .map(|at| Position { line: to_usize(at.line()), column: to_usize(at.column()) })
                    .filter(|position| position.line > 0);
                // The parser repeats the position, and names options of its own that nobody here can set.
                let message = error.without_snippet().to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                let message = message.split(", set Duplicate").next().unwrap_or_default().to_owned();
                RegistriesDError::Syntax { origin: Origin::new(&layer.name, position), message }
            })?;
            merged.add(file.unwrap_or_default(), &layer.name)?;
        }
        Ok(merged)
    }

    fn add(&mut self, file: File, layer: &str) -> Result<(), RegistriesDError> {
        if let Some(section) = file.default {
            if let Some((_, first)) = &self.default {
                return Err(RegistriesDError::DefaultTwice(first.clone(), layer.into()));
            }
            self.default = Some((section, layer.into()));
        }
        for (scope, section) in file.docker.unwrap_or_default() {
            if let Some((_, first)) = self.scopes.get(&scope) {
                return Err(RegistriesDError::ScopeTwice { first: first.clone(), second: layer.into(), scope });
            }
            self.scopes.insert(scope, (section.unwrap_or_default(), layer.into()));
        }
        Ok(())
    }

    /// Where to read signatures of `image` from. `None` means the default folder,
    /// [`crate::locations::default_lookaside`].
    ///
    /// # Errors
    /// When the configured address cannot be used.
    pub fn lookaside(&self, image: &ImageRef) -> Result<Option<Lookaside>, LookasideError> {
        self.find(image, Section::read_base).map(|(url, layer)| Lookaside::parse(url, layer)).transpose()
    }

    /// Where to write signatures of `image` to: the staging address when there is one, else the lookaside.
    ///
    /// # Errors
    /// When the configured address cannot be used.
    pub fn lookaside_staging(&self, image: &ImageRef) -> Result<Option<Lookaside>, LookasideError> {
        self.find(image, Section::write_base).map(|(url, layer)| Lookaside::parse(url, layer)).transpose()
    }

    /// Whether signatures attached to the image in its registry (cosign's tag `sha256-<hex>.sig`) are read; `None` when
    /// nothing is said about that.
    pub fn use_sigstore_attachments(&self, image: &ImageRef) -> Option<bool> {
        self.find(image, |section| section.use_sigstore_attachments).map(|(value, _)| value)
    }

    /// The most specific section that sets a key; one that does not set it falls through.
    fn find<'a, T>(&'a self, image: &ImageRef, key: impl Fn(&'a Section) -> Option<T>) -> Option<(T, &'a str)> {
        let scopes = registry_scopes(image);
        let sections = scopes.iter().filter_map(|scope| self.scopes.get(scope)).chain(&self.default);
        sections.into_iter().find_map(|(section, layer)| Some((key(section)?, layer.as_str())))
    }
}

impl Section {
    fn read_base(&self) -> Option<&str> {
        first_set([&self.lookaside, &self.sigstore])
    }

    fn write_base(&self) -> Option<&str> {
        first_set([&self.lookaside_staging, &self.sigstore_staging, &self.lookaside, &self.sigstore])
    }
}

fn first_set<const N: usize>(candidates: [&Option<String>; N]) -> Option<&str> {
    candidates.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty())
}

impl Lookaside {
    fn parse(url: &str, layer: &str) -> Result<Self, LookasideError> {
        let refuse = || LookasideError { url: url.into(), layer: layer.into() };
        if let Some(path) = url.strip_prefix("file://") {
            return if path.starts_with('/') { Ok(Self::Directory(PathBuf::from(path))) } else { Err(refuse()) };
        }
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(refuse)?;
        if host.is_empty() || host.starts_with('/') || host.contains(|c: char| c.is_control() || c == ' ') {
            return Err(refuse());
        }
        Ok(Self::Web(url.trim_end_matches('/').to_owned()))
    }

    /// Where signature `n` (from 1) of the manifest with this `digest` lies: `<base>/<path>@sha256=<hex>/signature-<n>`.
    /// The path of the repository stands without its host; that is how the format is.
    #[must_use]
    pub fn signature(&self, repository: &Repository, digest: &Digest, n: usize) -> Self {
        let below = format!("{}@{}={}/signature-{n}", repository.path(), digest.algorithm().as_str(), digest.hex());
        match self {
            Self::Directory(base) => Self::Directory(base.join(below)),
            Self::Web(base) => Self::Web(format!("{base}/{below}")),
        }
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
