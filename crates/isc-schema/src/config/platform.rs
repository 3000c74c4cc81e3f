//! `platform`: which OpenShift releases.

use image_ref::{ImageRef, Platform};

use crate::{Span, VersionBound};

/// The architecture that is mirrored when the configuration names none.
const DEFAULT_ARCHITECTURE: &str = "amd64";
/// The architecture name of the update service for payloads that hold all architectures.
const MULTI: &str = "multi";

/// `platform`: OpenShift releases and the update graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformConfig {
    /// `graph`: whether to build and mirror the update graph image.
    pub graph: bool,
    /// `channels`: release channels; ignored when `release` is given.
    pub channels: Vec<ReleaseChannel>,
    /// `architectures`: deprecated by `platforms`. For the effective value see
    /// [`PlatformConfig::release_architectures`].
    pub architectures: Vec<String>,
    /// `platforms`: the instances to take from multi-architecture images.
    pub platforms: Vec<Platform>,
    /// `release`: one release payload by reference.
    pub release: Option<ImageRef>,
    /// `kubeVirtContainer`: whether to add the KubeVirt boot images that the payload lists.
    pub kube_virt_container: bool,
    /// Where the section stands.
    pub span: Span,
}

impl PlatformConfig {
    /// The architectures to ask the update service for: `multi` when `platforms` is given, which wins over
    /// `architectures`; `amd64` when neither is (`docs/behaviour/config-cli.md` 1.2, `docs/behaviour/release.md` 2.1).
    pub fn release_architectures(&self) -> Vec<&str> {
        if !self.platforms.is_empty() {
            vec![MULTI]
        } else if self.architectures.is_empty() {
            vec![DEFAULT_ARCHITECTURE]
        } else {
            self.architectures.iter().map(String::as_str).collect()
        }
    }

    /// Fills in `architectures: [amd64]` when channels are listed without, as oc-mirror does for a
    /// DeleteImageSetConfiguration, where it shows in the echoed file (`docs/behaviour/config-cli.md` 1.4).
    pub(crate) fn fill_delete_defaults(&mut self) {
        if !self.channels.is_empty() && self.architectures.is_empty() {
            self.architectures.push(DEFAULT_ARCHITECTURE.to_owned());
        }
    }
}

/// An entry of `platform.channels`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseChannel {
    /// `name`, such as `stable-4.20`; unique in the file.
    pub name: String,
    /// `type`: OpenShift or OKD.
    pub release_type: ReleaseType,
    /// `minVersion`: the lowest release, inclusive; always a strict version.
    pub min_version: Option<VersionBound>,
    /// `maxVersion`: the highest release, inclusive; always a strict version.
    pub max_version: Option<VersionBound>,
    /// `shortestPath`: only the releases on the shortest upgrade path between the bounds.
    pub shortest_path: bool,
    /// `full`: from the first release of the channel, unless `minVersion` says otherwise.
    pub full: bool,
    /// Where the entry stands.
    pub span: Span,
}

/// `type` of a release channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ReleaseType {
    /// OpenShift Container Platform, `ocp`.
    #[default]
    Ocp,
    /// The community distribution, `okd`.
    Okd,
}

impl ReleaseType {
    /// The value in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ocp => "ocp",
            Self::Okd => "okd",
        }
    }
}
