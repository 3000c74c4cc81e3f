//! What role an image plays, and which family of the configuration it belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The role of an image. The order of the variants is the order of copying (`docs/behaviour/config-cli.md` 6.4), so that a
/// bundle comes after everything it relates to and a catalog comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ImageKind {
    /// A component of a release payload, such as `etcd`; also the kubevirt boot image.
    #[serde(rename = "ocpReleaseContent")]
    ReleaseComponent,
    /// A release payload.
    #[serde(rename = "ocpRelease")]
    ReleasePayload,
    /// The update graph image of the update service.
    #[serde(rename = "cincinnatiGraph")]
    Graph,
    /// An image that an operator bundle names.
    #[serde(rename = "operatorRelatedImage")]
    OperatorRelated,
    /// An image of `mirror.additionalImages`.
    #[serde(rename = "generic")]
    Additional,
    /// An image found in a Helm chart.
    #[serde(rename = "helmImage")]
    Helm,
    /// An operator bundle.
    #[serde(rename = "operatorBundle")]
    OperatorBundle,
    /// An operator catalog, original or rebuilt.
    #[serde(rename = "operatorCatalog")]
    OperatorCatalog,
}

impl ImageKind {
    /// The name in logs, error files and delete lists (`docs/behaviour/config-cli.md` 6.2).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReleaseComponent => "ocpReleaseContent",
            Self::ReleasePayload => "ocpRelease",
            Self::Graph => "cincinnatiGraph",
            Self::OperatorRelated => "operatorRelatedImage",
            Self::Additional => "generic",
            Self::Helm => "helmImage",
            Self::OperatorBundle => "operatorBundle",
            Self::OperatorCatalog => "operatorCatalog",
        }
    }

    /// The kind with this name in a delete list.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::ReleaseComponent,
            Self::ReleasePayload,
            Self::Graph,
            Self::OperatorRelated,
            Self::Additional,
            Self::Helm,
            Self::OperatorBundle,
            Self::OperatorCatalog,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }

    /// The family that counts this image in results and exit codes.
    pub fn family(self) -> Family {
        match self {
            Self::ReleaseComponent | Self::ReleasePayload | Self::Graph => Family::Release,
            Self::OperatorRelated | Self::OperatorBundle | Self::OperatorCatalog => Family::Operator,
            Self::Additional => Family::Additional,
            Self::Helm => Family::Helm,
        }
    }
}

impl fmt::Display for ImageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part of the configuration. In the order of results (`docs/behaviour/config-cli.md` 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `mirror.platform`.
    Release,
    /// `mirror.operators`.
    Operator,
    /// `mirror.additionalImages`.
    Additional,
    /// `mirror.helm`.
    Helm,
}

impl Family {
    /// All families, in the order of results.
    pub const ALL: [Self; 4] = [Self::Release, Self::Operator, Self::Additional, Self::Helm];

    /// The word in result lines: `2 / 2 operator images mirrored successfully`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Operator => "operator",
            Self::Additional => "additional",
            Self::Helm => "helm",
        }
    }

    /// The bit of the exit code (`docs/behaviour/config-cli.md` 3).
    pub fn exit_bit(self) -> u8 {
        match self {
            Self::Release => 2,
            Self::Operator => 4,
            Self::Additional => 8,
            Self::Helm => 16,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
