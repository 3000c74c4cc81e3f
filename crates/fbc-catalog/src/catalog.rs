//! The model: packages, channels, bundles, deprecations, and blobs this crate does not know.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::fields::{Fields, excerpt};
use crate::version::{Version, VersionError, parse_strict};

/// A file-based catalog: everything that was read, in the order it was read.
///
/// Cloning is cheap: the texts of the blobs are shared.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// `olm.package` blobs.
    pub packages: Vec<Package>,
    /// `olm.channel` blobs.
    pub channels: Vec<Channel>,
    /// `olm.bundle` blobs.
    pub bundles: Vec<Bundle>,
    /// `olm.deprecations` blobs.
    pub deprecations: Vec<Deprecations>,
    /// Blobs of any other schema, kept byte for byte.
    pub others: Vec<Other>,
}

/// An operator package (`olm.package`).
#[derive(Debug, Clone)]
pub struct Package {
    /// The name; unique in a sound catalog.
    pub name: String,
    /// The channel a subscription without a channel follows; empty when the catalog says none.
    pub default_channel: String,
    pub(crate) blob: Blob,
}

/// A channel of a package (`olm.channel`).
#[derive(Debug, Clone)]
pub struct Channel {
    /// The name; unique within its package.
    pub name: String,
    /// The package it belongs to.
    pub package: String,
    /// The bundles of the channel and the edges of its upgrade graph.
    pub entries: Vec<Entry>,
    pub(crate) blob: Blob,
}

/// One node of a channel's upgrade graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The bundle.
    pub name: String,
    /// The bundle it upgrades from, which need not be an entry.
    pub replaces: Option<String>,
    /// Bundles it upgrades from directly and that nobody should install any more.
    pub skips: Vec<String>,
    /// A range of versions it upgrades from. Not an edge of the graph.
    pub skip_range: Option<String>,
}

/// One version of an operator (`olm.bundle`).
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The name; unique within its package.
    pub name: String,
    /// The package it belongs to.
    pub package: String,
    /// The bundle image as written; empty for bundles that carry their manifests as `olm.bundle.object`.
    pub image: String,
    /// The images the operator needs, as written.
    pub related_images: Vec<RelatedImageEntry>,
    /// The properties, except the bulky ones that are only carried (`olm.bundle.object`, `olm.csv.metadata`).
    pub properties: Vec<Property>,
    /// Whether the bundle carries its manifests as `olm.bundle.object` properties.
    pub has_objects: bool,
    pub(crate) blob: Blob,
}

/// One line of `relatedImages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedImageEntry {
    /// What the operator calls the image; may be empty.
    pub name: String,
    /// The image as written.
    pub image: String,
}

/// A typed property of a bundle; the value is JSON text.
#[derive(Debug, Clone)]
pub struct Property {
    /// For example `olm.package` or `olm.gvk.required`.
    pub kind: String,
    /// The value as JSON text.
    pub value: Arc<str>,
}

/// The deprecations of a package (`olm.deprecations`).
#[derive(Debug, Clone)]
pub struct Deprecations {
    /// The package.
    pub package: String,
    /// What is deprecated, and why.
    pub entries: Vec<Deprecation>,
    pub(crate) blob: Blob,
}

/// One deprecated thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    /// `olm.package`, `olm.channel` or `olm.bundle`.
    pub schema: String,
    /// The channel or bundle; empty for the package itself.
    pub name: String,
    /// What users are told.
    pub message: String,
}

/// A blob of a schema this crate does not know.
#[derive(Debug, Clone)]
pub struct Other {
    /// The schema.
    pub schema: String,
    /// The package it belongs to; empty when it belongs to the catalog as a whole.
    pub package: String,
    /// Its name, often empty.
    pub name: String,
    pub(crate) blob: Blob,
}

/// Where a blob was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as the caller named it.
    pub file: Arc<str>,
    /// The line the document begins at, from 1.
    pub line: usize,
    /// The number of the document in the file, from 1; empty documents are counted, too.
    pub document: usize,
}

/// The text of a document and where it stood. Documents that were YAML are JSON here.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) text: Arc<Box<RawValue>>,
    pub(crate) origin: Origin,
}

/// The version facts of a bundle: its first `olm.package` property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageProperty {
    /// The package the property claims.
    pub package: String,
    /// The version as written.
    pub version: String,
    /// The release as written, empty when there is none.
    pub release: String,
}

impl Package {
    /// Where it was read.
    pub fn origin(&self) -> &Origin {
        &self.blob.origin
    }
}

impl Channel {
    /// Where it was read.
    pub fn origin(&self) -> &Origin {
        &self.blob.origin
    }
}

impl Bundle {
    /// Where it was read.
    pub fn origin(&self) -> &Origin {
        &self.blob.origin
    }

    /// All `olm.package` properties. A sound bundle has exactly one.
    ///
    /// # Errors
    /// When a property is no object of texts.
    pub fn package_properties(&self) -> Result<Vec<PackageProperty>, BundleVersionError> {
        let properties = self.properties.iter().filter(|property| property.kind == "olm.package");
        properties.map(|property| self.package_property(&property.value)).collect()
    }

    /// The version: of the first `olm.package` property, parsed strictly (`docs/behaviour/operators-archive.md` 2.2).
    ///
    /// # Errors
    /// See [`BundleVersionError`].
    pub fn version(&self) -> Result<Version, BundleVersionError> {
        let text = self.version_text()?;
        parse_strict(&text).map_err(|source| BundleVersionError::Version {
            bundle: self.name.clone(),
            package: self.package.clone(),
            source,
        })
    }

    /// The version as written.
    ///
    /// # Errors
    /// When there is no `olm.package` property, or it is no object of texts.
    pub fn version_text(&self) -> Result<String, BundleVersionError> {
        let property = self.properties.iter().find(|property| property.kind == "olm.package");
        let property = property.ok_or_else(|| BundleVersionError::NoPackageProperty {
            bundle: self.name.clone(),
            package: self.package.clone(),
        })?;
        Ok(self.package_property(&property.value)?.version)
    }

    /// The display name of the operator, from `olm.csv.metadata`. Reads the whole text of the bundle again.
    pub fn display_name(&self) -> Option<String> {
        let fields: Fields<'_> = serde_json::from_str(self.blob.text.get()).ok()?;
        let properties: Vec<Fields<'_>> = fields.decode("properties").ok()?;
        let metadata = properties
            .iter()
            .find(|property| property.text("type").is_ok_and(|kind| kind == "olm.csv.metadata"))?
            .get("value")?;
        let metadata: Fields<'_> = serde_json::from_str(metadata.get()).ok()?;
        metadata.text("displayName").ok().filter(|name| !name.is_empty())
    }

    fn package_property(&self, value: &str) -> Result<PackageProperty, BundleVersionError> {
        let read = || -> Option<PackageProperty> {
            let fields: Fields<'_> = serde_json::from_str(value).ok()?;
            Some(PackageProperty {
                package: fields.text("packageName").ok()?,
                version: fields.text("version").ok()?,
                release: fields.text("release").ok()?,
            })
        };
        read().ok_or_else(|| BundleVersionError::BrokenPackageProperty {
            bundle: self.name.clone(),
            package: self.package.clone(),
            value: excerpt(value),
        })
    }
}

impl Deprecations {
    /// Where it was read.
    pub fn origin(&self) -> &Origin {
        &self.blob.origin
    }
}

impl Other {
    /// Where it was read.
    pub fn origin(&self) -> &Origin {
        &self.blob.origin
    }

    /// The text: the very bytes of a JSON document, or the JSON form of a YAML document.
    pub fn text(&self) -> &str {
        self.blob.text.get()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} (document {})", self.file, self.line, self.document)
    }
}

/// A bundle whose version cannot be known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleVersionError {
    /// No `olm.package` property at all.
    #[error("bundle \"{bundle}\" in package \"{package}\" has no package property")]
    NoPackageProperty {
        /// The bundle.
        bundle: String,
        /// Its package.
        package: String,
    },
    /// An `olm.package` property that is not an object with texts in it.
    #[error("bundle \"{bundle}\" in package \"{package}\" has a broken package property `{value}`")]
    BrokenPackageProperty {
        /// The bundle.
        bundle: String,
        /// Its package.
        package: String,
        /// The beginning of the value as written.
        value: String,
    },
    /// A version that is not strictly semantic.
    #[error("bundle \"{bundle}\" in package \"{package}\" has an unusable version")]
    Version {
        /// The bundle.
        bundle: String,
        /// Its package.
        package: String,
        /// What is wrong with it.
        source: VersionError,
    },
}

impl BundleVersionError {
    /// The package of the bundle.
    pub fn package(&self) -> &str {
        match self {
            Self::Version { package, .. }
            | Self::NoPackageProperty { package, .. }
            | Self::BrokenPackageProperty { package, .. } => package,
        }
    }
}
