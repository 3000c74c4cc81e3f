//! The plan: a plain value that says what to copy where, and why.

use std::fmt;
use std::sync::Arc;

use image_ref::{Digest, ImageRef, Platform};
use serde::{Deserialize, Serialize};

use crate::cache_name::CacheName;
use crate::collision::Collision;
use crate::facts::{PlannedBundle, PlannedRelease};
use crate::{Destination, DestinationError, ImageKind};

/// Which of the three workflows runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Source registries to archive.
    MirrorToDisk,
    /// Archive to destination registry.
    DiskToMirror,
    /// Source registries to destination registry.
    MirrorToMirror,
}

impl Mode {
    /// The name in the log (`docs/behaviour/config-cli.md` 6.2).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MirrorToDisk => "mirrorToDisk",
            Self::DiskToMirror => "diskToMirror",
            Self::MirrorToMirror => "mirrorToMirror",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an image is in the plan: a path through the configuration and what it led to, most general first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Why {
    /// Path in the configuration, such as `mirror.operators[0].packages[1]`.
    pub path: String,
    /// Line of the configuration, counted from 1; 0 when unknown.
    pub line: u32,
    /// The steps from there to the image, such as `channel stable`, `bundle foo.v1.2.3`.
    pub steps: Vec<String>,
}

/// The identity of an image in a plan: its source, its name in the cache, and its name at the destination. It stays when
/// images are sorted, left out or merged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ImageId(Arc<str>);

impl ImageId {
    fn of(source: &ImageRef, cache: &CacheName, destination: Option<&ImageRef>) -> Self {
        let destination = destination.map(ToString::to_string).unwrap_or_default();
        Self(format!("{source} {cache} {destination}").into())
    }
}

impl From<String> for ImageId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Debug for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The entry of the configuration that an image comes from. Places in lists count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfigEntry {
    /// `mirror.operators`.
    Operator(usize),
    /// `mirror.additionalImages`.
    Additional(usize),
}

/// One image to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedImage {
    /// What makes it this image; other images name it in their needs.
    pub id: ImageId,
    /// Its role.
    pub kind: ImageKind,
    /// The name by which logs, error files and delete lists know it (`docs/behaviour/config-cli.md` 4.3, "Origin").
    pub origin: String,
    /// The reference that the configuration, a release or a catalog names it by. Cluster resources and lists of v1 are made
    /// of it.
    pub named: ImageRef,
    /// Where it comes from at first: a source registry, an OCI layout.
    pub source: ImageRef,
    /// Its name in cache and archive.
    pub cache: CacheName,
    /// Its name at the destination registry; none in mirror to disk.
    pub destination: Option<ImageRef>,
    /// The platforms to take from a list; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Whether this program made the image (a rebuilt catalog, the graph image): it is in the cache before copying
    /// starts and no source registry knows it.
    #[serde(default)]
    pub built: bool,
    /// The images without which this one is useless: a bundle's related images. In a [`Plan`] they stand before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<ImageId>,
    /// The operators that are incomplete without it; empty for images of other families and for catalogs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorUse>,
    /// The bundles that it is, one for each catalog and bundle; empty for what is no bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<PlannedBundle>,
    /// The release whose payload it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<PlannedRelease>,
    /// Its name in the payload of a release, such as `etcd`; none for what is no component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The entry of the configuration that it comes from; none for images of releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<ConfigEntry>,
    /// What brought it in, for people.
    pub why: Why,
    /// The digest of its root manifest, where collecting has read or made that: a catalog, original or rebuilt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
    /// Which part of a catalog's entry it is; none for every image that is no catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<CatalogImage>,
    /// Images of other sources with the same digest and the same names. They are this one image, and clusters pull it by
    /// the names of all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Twin>,
    /// Whether it may be tagged by its digest where another image of its repository has its tag: its source is named by tag
    /// and digest, and whoever pulls it pulls the digest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tag_may_give_way: bool,
    /// Why this image is not copied: its name belongs to another image. A run reports it as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Collision>,
}

impl PlannedImage {
    /// An image with these names and nothing that is special about it: for all platforms, of a registry, needing nothing,
    /// and named as its source is.
    ///
    /// # Errors
    /// When it cannot have its name at the destination.
    pub fn new(
        kind: ImageKind,
        origin: impl Into<String>,
        source: ImageRef,
        cache: CacheName,
        destination: Option<&Destination>,
        why: Why,
    ) -> Result<Self, DestinationError> {
        let destination = destination.map(|destination| destination.image(&cache)).transpose()?;
        Ok(Self {
            id: ImageId::of(&source, &cache, destination.as_ref()),
            kind,
            origin: origin.into(),
            named: source.clone(),
            source,
            destination,
            cache,
            platforms: Vec::new(),
            built: false,
            needs: Vec::new(),
            operators: Vec::new(),
            bundles: Vec::new(),
            release: None,
            component: None,
            entry: None,
            why,
            root: None,
            catalog: None,
            twins: Vec::new(),
            tag_may_give_way: false,
            refused: None,
        })
    }

    /// The image with another name at the destination, or with none.
    #[must_use]
    pub fn with_destination(self, destination: Option<ImageRef>) -> Self {
        Self { id: ImageId::of(&self.source, &self.cache, destination.as_ref()), destination, ..self }
    }

    /// The digest of its root manifest, as far as the plan knows it: read by collecting, or written in the reference. What
    /// this program builds has another digest than the source it is named by.
    pub fn digest(&self) -> Option<&Digest> {
        self.root.as_ref().or_else(|| self.source.digest().filter(|_| !self.built))
    }
}

/// A catalog image: which one, and the name that clusters will know it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogImage {
    /// As its publisher made it, or made anew by this program.
    pub role: CatalogRole,
    /// Its name below a destination; none for an original of which only the rebuilt catalog goes to a destination.
    pub published: Option<CacheName>,
}

/// What a catalog image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CatalogRole {
    /// As its publisher made it.
    Original,
    /// With the selected operators only, made by this program.
    Rebuilt,
}

/// An image that another image of the plan stands for, because both have one digest and one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Its role.
    pub kind: ImageKind,
    /// Its name in logs.
    pub origin: String,
    /// The reference that it is named by.
    pub named: ImageRef,
    /// Its source.
    pub source: ImageRef,
}

/// A bundle of an operator that an image belongs to (`docs/behaviour/operators-archive.md` 4, "Association").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperatorUse {
    /// The operator: the name of its package.
    pub operator: String,
    /// The bundle.
    pub bundle: String,
}

/// A catalog of the configuration and the content it stands for in this run (`docs/behaviour/config-cli.md` 1.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedCatalog {
    /// Place of the entry in `mirror.operators`, from 0.
    pub entry: usize,
    /// The catalog by digest.
    pub catalog: ImageRef,
    /// The tag at the destination; none when the configuration names neither a tag nor a `targetTag`.
    pub target_tag: Option<String>,
}

/// An image that `blockedImages` keeps out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The image's origin.
    pub origin: String,
    /// The expression that matched.
    pub pattern: String,
}

/// Everything one run copies, in copying order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow.
    pub mode: Mode,
    /// The images, in the order of [`ImageKind`] and inside a kind as collected.
    pub images: Vec<PlannedImage>,
    /// What `blockedImages` kept out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Blocked>,
    /// The catalogs by digest, in the order of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogs: Vec<PinnedCatalog>,
}
