//! What a selection ends in: releases, and everything that has to be said about them.

use std::fmt;
use std::sync::Arc;

use semver::Version;

use crate::{GraphError, Release};

/// The result of a selection: what could be selected, and what went wrong in other channels.
///
/// Which of the two counts is the caller's act: [`Selection::into_releases`] applies upstream's rule.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The releases, by architecture in configuration order, then ascending by version.
    pub releases: Vec<Release>,
    /// Channels, or steps across channels, that failed while the others went on.
    pub failures: Vec<Failure>,
    /// What the user should know though nothing failed.
    pub warnings: Vec<Warning>,
    /// Whether channels were configured at all.
    pub(super) has_channels: bool,
}

impl Selection {
    /// Applies upstream's rule (`docs/behaviour/release.md` 2.3): channels that select nothing are an error, and so is any
    /// failed channel, though the others went on.
    ///
    /// # Errors
    /// [`SelectionError`]; its text begins with what black-box tests look for.
    pub fn into_releases(self) -> Result<Vec<Release>, SelectionError> {
        if self.releases.is_empty() && self.has_channels {
            return Err(SelectionError::NoReleaseImages { failures: self.failures });
        }
        if !self.failures.is_empty() {
            return Err(SelectionError::Failures { failures: self.failures });
        }
        Ok(self.releases)
    }
}

/// A selection that must not be mirrored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum SelectionError {
    #[error("[GetReleaseReferenceImages] no release images found{}", details(failures))]
    NoReleaseImages { failures: Vec<Failure> },
    #[error("[GetReleaseReferenceImages] error list [{}]", join(failures))]
    Failures { failures: Vec<Failure> },
}

fn join(failures: &[Failure]) -> String {
    failures.iter().map(Failure::to_string).collect::<Vec<_>>().join("; ")
}

fn details(failures: &[Failure]) -> String {
    if failures.is_empty() {
        ": no version lies between the bounds of the configured channels".to_owned()
    } else {
        format!(": {}", join(failures))
    }
}

/// What failed for one architecture, in a channel or across channels.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The architecture that was asked for.
    pub arch: String,
    /// The channel, when the failure belongs to one.
    pub channel: Option<String>,
    /// The number of that channel in the request, from 0.
    pub index: Option<usize>,
    /// What failed.
    pub error: SelectError,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

/// Why a channel selects nothing. Reasons and shapes are those of `docs/behaviour/release.md` 1 and 2.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum SelectError {
    #[error("channel value must be set")]
    EmptyChannel,
    #[error("`{0}` cannot be a channel or an architecture: it holds a slash or a control character")]
    InvalidName(String),
    #[error("min semver parsing `{text}` of channel {channel:?}: {source}; expected three numbers, like `4.16.2`")]
    Min { channel: String, text: String, source: Arc<semver::Error> },
    #[error("max semver parsing `{text}` of channel {channel:?}: {source}; expected three numbers, like `4.16.2`")]
    Max { channel: String, text: String, source: Arc<semver::Error> },
    #[error("APIRequestError: {}channel {channel:?}: {source}", version_in(version.as_ref()))]
    Request { channel: String, version: Option<Version>, source: Arc<GraphError> },
    #[error("NoVersionsFound: no cluster versions found for {arch:?} in the {channel:?} channel")]
    NoHead { arch: String, channel: String },
    #[error("NoVersionsFound: no cluster versions found in the {channel:?} channel")]
    NoVersions { channel: String },
    #[error("VersionNotFound: current version {version} not found in the {channel:?} channel")]
    CurrentNotFound { version: Version, channel: String },
    #[error("VersionNotFound: requested version {version} not found in the {channel:?} channel")]
    RequestedNotFound { version: Version, channel: String },
    #[error("failed to find minimum release version: {0}")]
    NoMinimum(String),
    #[error("failed to find maximum release version: {0}")]
    NoMaximum(String),
    #[error("invalid channel name {0}: expected a name that ends in `-X.Y`, like `stable-4.16`")]
    InvalidChannelName(String),
    #[error(
        "{request}; there is no channel {missing:?}, but {channel:?} holds {}: add `--add-intermediate-releases`, or \
         configure {channel:?} with `minVersion: {}`, `maxVersion: {}` and `shortestPath: true` in place of the \
         channels of its path",
        .versions.0, .versions.0, .versions.1
    )]
    MissingIntermediate {
        request: Box<SelectError>,
        missing: String,
        channel: String,
        versions: Box<(Version, Version)>,
    },
    #[error("no channel after {from:?} leads to {to:?}: configure the channels in between")]
    NoWay { from: String, to: String },
}

fn version_in(version: Option<&Version>) -> String {
    version.map(|version| format!("version {version} in ")).unwrap_or_default()
}

/// What the user should know though nothing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum Warning {
    #[error("platform.architectures is deprecated: use platform.platforms instead")]
    ArchitecturesDeprecated,
    #[error(
        "platform.platforms copies manifest lists without all of their images: the registry must accept manifest lists \
         with missing children"
    )]
    SparseManifests,
    #[error(
        "channel {channel}: from {min} to {max} is an update between extended support releases; the releases in \
         between may be needed, see the report on update paths"
    )]
    ExtendedUpdateSupport { channel: String, min: Version, max: Version },
    #[error("No upgrade path for {version} in target channel {channel}")]
    NoUpgradePath { version: Version, channel: String },
    #[error(
        "update path is blocked for {arch}: {version} is not in channel {channel}, so only {target} is added from there"
    )]
    Blocked { arch: String, version: Version, channel: String, target: Version },
    #[error(
        "channel {channel} selects nothing for {arch}: none of its releases is between {min} and {max}, the bounds \
         settled for {first_arch}"
    )]
    NothingForArchitecture { channel: String, arch: String, first_arch: String, min: Version, max: Version },
    #[error("channel {channel} ({arch}): {message}")]
    Graph { channel: String, arch: String, message: String },
    #[error("channel {missing} does not exist; the path from {from} to {to} was taken from channel {channel}")]
    AroundMissingChannel { missing: String, channel: String, from: Version, to: Version },
}
