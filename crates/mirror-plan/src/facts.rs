//! What an image of a plan is to the people who approve it: the payload of a release, the bundle of an operator.

use serde::{Deserialize, Serialize};

/// The release that a payload brings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRelease {
    /// The version, such as `4.20.5`; none when only a digest was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The architecture in the words of the update service, such as `amd64`; none when only a digest was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The channels that selected it, in the order of the configuration; empty for `platform.release`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
}

/// The bundle of an operator in a catalog of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBundle {
    /// The catalog, as the configuration names it.
    pub catalog: String,
    /// The package.
    pub package: String,
    /// The bundle.
    pub name: String,
    /// The version as the catalog has it; none when the bundle has no readable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The channels that list it, in the order of the catalog.
    pub channels: Vec<BundleChannel>,
}

/// A channel that lists a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleChannel {
    /// The channel.
    pub name: String,
    /// Whether no other bundle of the channel replaces or skips this one, in the catalog as clusters get it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub head: bool,
}
