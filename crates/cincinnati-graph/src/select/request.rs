//! What to select: the release part of a configuration in this crate's words.

use regex::Regex;

use crate::Service;

/// `mirror.platform`, as far as it decides which releases are selected.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The release channels, in configuration order.
    pub channels: Vec<Channel>,
    /// For which architectures.
    pub architectures: Architectures,
    /// How bounds that the configuration leaves open are settled when there are several architectures.
    pub bounds: BoundsRule,
    /// The unsupported `VERSION_FILTER`: when set, only matching versions can be head or first of a channel.
    pub version_filter: Option<VersionFilter>,
    /// Select, beyond the configuration, the releases that an update from the lowest to the highest selected one needs
    /// (`--add-intermediate-releases`).
    pub add_intermediate_releases: bool,
}

/// One entry of `platform.channels`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Channel {
    /// The channel, such as `stable-4.16`.
    pub name: String,
    /// The service that knows it.
    pub service: Service,
    /// The lower bound, inclusive, as written; empty or `None` when open.
    pub min_version: Option<String>,
    /// The upper bound, inclusive, as written; empty or `None` when open.
    pub max_version: Option<String>,
    /// Without bounds: the whole channel instead of its head.
    pub full: bool,
    /// Only the releases on the shortest path between the bounds.
    pub shortest_path: bool,
}

impl Channel {
    /// The head of an OpenShift Container Platform channel.
    pub fn head(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// The architectures of a configuration. Each is a query of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Architectures {
    /// Neither `platforms` nor `architectures`: `amd64`.
    #[default]
    Default,
    /// `platforms`: sparse copies of the `multi` payload.
    Platforms,
    /// The deprecated `architectures`, in configuration order. An empty list counts as [`Architectures::Default`].
    List(Vec<String>),
}

impl Architectures {
    /// From the two lists of a configuration. `platforms` wins, as in the one place where both are accepted
    /// (a `DeleteImageSetConfiguration`).
    pub fn new(has_platforms: bool, architectures: &[String]) -> Self {
        match (has_platforms, architectures) {
            (true, _) => Self::Platforms,
            (false, []) => Self::Default,
            (false, list) => Self::List(list.to_vec()),
        }
    }

    /// What the update service is asked for, each once.
    pub fn queried(&self) -> Vec<&str> {
        match self {
            Self::List(list) if !list.is_empty() => {
                let mut queried: Vec<&str> = Vec::with_capacity(list.len());
                for arch in list {
                    if !queried.contains(&arch.as_str()) {
                        queried.push(arch);
                    }
                }
                queried
            }
            Self::Default | Self::List(_) => vec!["amd64"],
            Self::Platforms => vec!["multi"],
        }
    }
}

/// Whose head and first release stand for open bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BoundsRule {
    /// Those of the first architecture that has them, for all architectures: the releases of all architectures stay
    /// the same ones (`docs/behaviour/release.md` 2.6). An architecture that lacks them is warned about.
    #[default]
    Shared,
    /// Those of each architecture.
    PerArchitecture,
}

/// A regular expression that versions must match to count as head or first of a channel.
#[derive(Debug, Clone)]
pub struct VersionFilter(Regex);

impl VersionFilter {
    /// Compiles the value of `VERSION_FILTER`.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn parse(text: &str) -> Result<Self, InvalidVersionFilterError> {
        Regex::new(text).map(Self).map_err(|source| InvalidVersionFilterError { text: text.into(), source })
    }

    pub(crate) fn matches(&self, version: &semver::Version) -> bool {
        self.0.is_match(&version.to_string())
    }
}

/// `VERSION_FILTER` is no regular expression.
#[derive(Debug, Clone, thiserror::Error)]
#[error("InvalidVersionFilter: `{text}` is no regular expression: {source}")]
pub struct InvalidVersionFilterError {
    text: String,
    source: regex::Error,
}
