//! What was mirrored: the rows that resources are made of.

use image_ref::ImageRef;
use serde::{Deserialize, Serialize};

/// One image that lies at its destination now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mirrored {
    /// What the image is for.
    pub kind: Kind,
    /// The reference that clusters use, before any mirror.
    pub origin: ImageRef,
    /// Where the image is now.
    pub destination: ImageRef,
}

/// What a cluster uses an image for. Decides whether and in which set of mirrors it appears (`docs/behaviour/release.md`
/// 6.2); only what makes a difference there is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A release payload.
    Release,
    /// An image that a release payload names.
    ReleaseContent,
    /// The update graph image.
    Graph,
    /// An operator catalog.
    Catalog,
    /// An operator bundle, or an image that a bundle names.
    Operator,
    /// Anything else: an additional image, or an image that a Helm chart names.
    Generic,
}

/// The sets of mirrors, in the order they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Release,
    Operator,
    Generic,
}

impl Category {
    pub(crate) const ALL: [Self; 3] = [Self::Release, Self::Operator, Self::Generic];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Operator => "operator",
            Self::Generic => "generic",
        }
    }
}

impl Kind {
    /// The set of mirrors an image of this kind belongs to; graph and catalogs belong to none, since nothing in a
    /// cluster pulls them by their origin.
    pub(crate) fn category(self) -> Option<Category> {
        match self {
            Self::Release | Self::ReleaseContent => Some(Category::Release),
            Self::Operator => Some(Category::Operator),
            Self::Generic => Some(Category::Generic),
            Self::Graph | Self::Catalog => None,
        }
    }
}
