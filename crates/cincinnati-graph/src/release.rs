//! A selected release, and why it was selected.

use std::fmt;

use image_ref::{ImageRef, ParseError};
use semver::Version;

use crate::query::Service;

/// One selected release: a version for an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// The payload as the service names it, normally `repository@sha256:…`.
    pub payload: String,
    /// The architecture that was asked for; `multi` when the payload is a manifest list.
    pub arch: String,
    /// The service that knows it.
    pub service: Service,
    /// Every reason why it was selected, the first one first.
    pub reasons: Vec<Reason>,
}

impl Release {
    /// The payload as an image reference.
    ///
    /// # Errors
    /// When the service gave something that is none.
    pub fn image(&self) -> Result<ImageRef, ParseError> {
        ImageRef::parse(&self.payload)
    }
}

/// Why a release was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The channel in which it was found.
    pub channel: String,
    /// By which rule.
    pub why: Why,
}

/// The rule that selected a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Why {
    /// It is the highest version of a channel configured without bounds.
    Head,
    /// It lies between the bounds of its channel.
    Range,
    /// It is on the shortest path between the bounds of its channel, or one of them.
    ShortestPath,
    /// It is on the update path from the lowest to the highest configured version, across channels.
    CrossChannel,
    /// It was added because an update inside the selection needs it.
    Intermediate,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "head of the channel",
            Self::Range => "between the bounds",
            Self::ShortestPath => "on the shortest path",
            Self::CrossChannel => "on the path across channels",
            Self::Intermediate => "needed by an update",
        })
    }
}
