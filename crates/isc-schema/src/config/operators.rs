//! `operators`: which operators of which catalogs.

use image_ref::{ImageRef, Platform};

use crate::{Span, VersionBound};

/// An entry of `operators`: a catalog and what to take from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCatalog {
    /// `catalog`: the catalog image.
    pub catalog: ImageRef,
    /// `packages`: the operators to take. `None` (absent) and an empty list both mean every operator; they differ in
    /// the hash that names the filtered catalog on disk (`docs/behaviour/operators-archive.md` 3.3).
    pub packages: Option<Vec<Package>>,
    /// `targetCatalog`: another path for the catalog at the destination.
    pub target_catalog: Option<String>,
    /// `targetTag`: another tag for the catalog at the destination.
    pub target_tag: Option<String>,
    /// `full`: every bundle instead of the heads of channels.
    pub full: bool,
    /// `skipDependencies`: without effect, but part of the hash that names the filtered catalog on disk.
    pub skip_dependencies: bool,
    /// `targetCatalogSourceTemplate`: path of a `CatalogSource` file to start from.
    pub target_catalog_source_template: Option<String>,
    /// `platforms`: the instances to take from multi-architecture images.
    pub platforms: Vec<Platform>,
    /// Where the entry stands.
    pub span: Span,
}

impl OperatorCatalog {
    /// A catalog of which the channel heads of every operator are wanted.
    pub fn new(catalog: ImageRef) -> Self {
        Self {
            catalog,
            packages: None,
            target_catalog: None,
            target_tag: None,
            full: false,
            skip_dependencies: false,
            target_catalog_source_template: None,
            platforms: Vec::new(),
            span: Span::default(),
        }
    }

    /// The operators to take; empty for all.
    pub fn packages(&self) -> &[Package] {
        self.packages.as_deref().unwrap_or_default()
    }

    /// Whether the catalog is copied untouched: `full` and no packages (`docs/behaviour/config-cli.md` 1.6).
    pub fn is_whole(&self) -> bool {
        self.full && self.packages().is_empty()
    }

    /// The name under which the catalog must be unique in the file: its reference with `targetCatalog` as the path and
    /// `targetTag` as the tag (`docs/behaviour/config-cli.md` 1.4, rule 3).
    pub fn effective_name(&self) -> String {
        let mut name = self.catalog.clone();
        if let Some(path) = &self.target_catalog {
            name = match name.domain() {
                "" => name.with_name(path),
                domain => name.with_name(&format!("{domain}/{path}")),
            };
        }
        if let Some(tag) = &self.target_tag {
            // Another transport than a registry has no tags; the text is a key for comparison only.
            name = name.with_tag(tag);
        }
        name.to_string()
    }
}

/// An entry of `operators[].packages`: one operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// `name`, unique in its catalog.
    pub name: String,
    /// `channels`: the channels to take; empty for the selection's default.
    pub channels: Vec<PackageChannel>,
    /// `defaultChannel`: the default channel in the rebuilt catalog.
    pub default_channel: Option<String>,
    /// `minVersion`: the lowest version, inclusive.
    pub min_version: Option<VersionBound>,
    /// `maxVersion`: the highest version, inclusive.
    pub max_version: Option<VersionBound>,
    /// `bundles`: exactly these bundles; never together with channels, bounds or `full`.
    pub bundles: Vec<SelectedBundle>,
    /// Where the entry stands.
    pub span: Span,
}

/// An entry of `operators[].packages[].channels`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageChannel {
    /// `name`, unique in its package.
    pub name: String,
    /// `minVersion`: the lowest version, inclusive.
    pub min_version: Option<VersionBound>,
    /// `maxVersion`: the highest version, inclusive.
    pub max_version: Option<VersionBound>,
    /// Where the entry stands.
    pub span: Span,
}

/// An entry of `operators[].packages[].bundles`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectedBundle {
    /// `name` of the bundle as in the catalog, such as `3scale-operator.v0.10.0-mas`.
    pub name: String,
    /// Where the entry stands.
    pub span: Span,
}
