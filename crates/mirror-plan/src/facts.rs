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
    /// The releases of the plan that clusters can update to from here, by ascending version; none when no update graph was
    /// read, as for `platform.release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<Vec<ReleaseUpdate>>,
}

/// An update to another release of the plan, of the same architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseUpdate {
    /// The version that clusters update to.
    pub to: String,
    /// Whether the update is offered only to clusters where none of the risks applies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conditional: bool,
    /// The known risks of a conditional update, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<String>,
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
