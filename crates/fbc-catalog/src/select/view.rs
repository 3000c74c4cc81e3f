//! A catalog looked at package by package.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::{Bundle, BundleVersionError, Catalog, Channel};
use crate::version::Version;

/// One package with everything that belongs to it. Indices are positions in the catalog's lists.
#[derive(Debug, Default)]
pub(crate) struct PackageView<'a> {
    /// The default channel according to the (last) package blob; empty when there is none.
    pub(crate) default_channel: &'a str,
    pub(crate) channels: Vec<(usize, &'a Channel)>,
    /// By name; of several with one name the first counts.
    pub(crate) bundles: HashMap<&'a str, &'a Bundle>,
}

/// The versions of a package's bundles by bundle name.
pub(crate) type Versions<'a> = HashMap<&'a str, Result<Version, BundleVersionError>>;

impl<'a> PackageView<'a> {
    pub(crate) fn all(catalog: &'a Catalog) -> BTreeMap<&'a str, Self> {
        let mut views: BTreeMap<&str, Self> = BTreeMap::new();
        for package in &catalog.packages {
            views.entry(&package.name).or_default().default_channel = &package.default_channel;
        }
        for (index, channel) in catalog.channels.iter().enumerate() {
            views.entry(&channel.package).or_default().channels.push((index, channel));
        }
        for bundle in &catalog.bundles {
            views.entry(&bundle.package).or_default().bundles.entry(&bundle.name).or_insert(bundle);
        }
        views
    }

    pub(crate) fn has_channel(&self, name: &str) -> bool {
        self.channels.iter().any(|(_, channel)| channel.name == name)
    }

    /// The names of all channels, sorted.
    pub(crate) fn channel_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.channels.iter().map(|(_, channel)| channel.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn versions(&self) -> Versions<'a> {
        self.bundles.iter().map(|(name, bundle)| (*name, bundle.version())).collect()
    }
}
