//! The typed configuration: what the two documents say, with every reference and version already parsed.

mod helm;
mod images;
mod operators;
mod platform;

use std::fmt;

pub use helm::{Helm, HelmChart, HelmRepository};
pub use images::AdditionalImage;
pub use operators::{OperatorCatalog, Package, PackageChannel, SelectedBundle};
pub use platform::{PlatformConfig, ReleaseChannel, ReleaseType};

use crate::{BlockedImage, Span};

/// The `apiVersion` that is written. Any other is read as this one (`docs/behaviour/config-cli.md` 1.1).
pub const API_VERSION: &str = "mirror.openshift.io/v2alpha1";

/// Size of one archive chunk when the configuration says nothing, in GiB.
pub const DEFAULT_ARCHIVE_SIZE_GIB: u64 = 500;

/// The two kinds of configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What to mirror: `ImageSetConfiguration`.
    ImageSet,
    /// What to delete: `DeleteImageSetConfiguration`.
    Delete,
}

impl Kind {
    /// The value of the `kind` field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageSet => "ImageSetConfiguration",
            Self::Delete => "DeleteImageSetConfiguration",
        }
    }

    /// The top-level key below which the content stands.
    pub fn stanza(self) -> &'static str {
        match self {
            Self::ImageSet => "mirror",
            Self::Delete => "delete",
        }
    }

    /// The other kind.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::ImageSet => Self::Delete,
            Self::Delete => Self::ImageSet,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parsed configuration of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// What to mirror.
    ImageSet(ImageSetConfiguration),
    /// What to delete.
    Delete(DeleteImageSetConfiguration),
}

impl Document {
    /// Which kind this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ImageSet(_) => Kind::ImageSet,
            Self::Delete(_) => Kind::Delete,
        }
    }

    /// The content below `mirror` or `delete`.
    pub fn content(&self) -> &Mirror {
        match self {
            Self::ImageSet(configuration) => &configuration.mirror,
            Self::Delete(configuration) => &configuration.delete,
        }
    }
}

/// What to mirror: `kind: ImageSetConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSetConfiguration {
    /// `archiveSize`: the size of one archive chunk in GiB (1024³ bytes), when one is given.
    pub archive_size_gib: Option<u64>,
    /// `mirror`: the content.
    pub mirror: Mirror,
}

impl ImageSetConfiguration {
    /// The size of one archive chunk in bytes; [`DEFAULT_ARCHIVE_SIZE_GIB`] when none is given.
    pub fn archive_size_bytes(&self) -> u64 {
        self.archive_size_gib.unwrap_or(DEFAULT_ARCHIVE_SIZE_GIB) << 30
    }
}

/// What to delete: `kind: DeleteImageSetConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteImageSetConfiguration {
    /// `delete`: the content. Its `blocked_images` are always empty, the field does not exist in this kind.
    pub delete: Mirror,
}

impl DeleteImageSetConfiguration {
    /// The configuration that deletes what `mirrored` mirrors: same content, without blocked images and archive size
    /// (`docs/behaviour/config-cli.md` 5.1, the pinned `disc_pinned_*.yaml`).
    pub fn from_image_set(mirrored: &ImageSetConfiguration) -> Self {
        Self { delete: Mirror { blocked_images: Vec::new(), ..mirrored.mirror.clone() } }
    }
}

/// The content of an image set, below `mirror` or `delete`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirror {
    /// `platform`: OpenShift releases.
    pub platform: PlatformConfig,
    /// `operators`: operator catalogs.
    pub operators: Vec<OperatorCatalog>,
    /// `additionalImages`: single images.
    pub additional_images: Vec<AdditionalImage>,
    /// `helm`: Helm charts.
    pub helm: Helm,
    /// `blockedImages`: images to leave out, wherever they come from.
    pub blocked_images: Vec<BlockedImage>,
    /// `samples`: accepted and ignored, as upstream does.
    pub samples: Vec<Sample>,
}

/// An entry of `samples`; it has no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// `name`.
    pub name: String,
    /// Where the entry stands.
    pub span: Span,
}
