//! What there is to list: packages, channels with their heads, versions (`docs/behaviour/config-cli.md` 2.8).

use std::collections::{HashMap, HashSet};

use crate::catalog::{Bundle, Catalog, Channel};
use crate::duplicates::merge;
use crate::graph::{Graph, GraphFault};
use crate::version::cmp_precedence;

/// One package of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRow {
    /// The package.
    pub name: String,
    /// The display name of its highest version, from `olm.csv.metadata`; empty when that has none.
    pub display_name: String,
    /// The default channel; empty when the catalog says none.
    pub default_channel: String,
    /// Its channels, sorted by name.
    pub channels: Vec<ChannelRow>,
}

/// One channel of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// The channel.
    pub name: String,
    /// The head, or why there is none.
    pub head: Result<String, Vec<GraphFault>>,
    /// The versions in it as written, ordered by bundle name. Bundles without a version are left out.
    pub versions: Vec<String>,
}

/// The packages of a catalog, sorted by name. What equal documents say counts once.
pub fn packages(catalog: &Catalog) -> Vec<PackageRow> {
    let merged = merge(catalog);
    let catalog = &*merged.catalog;
    let mut bundles: HashMap<&str, Vec<&Bundle>> = HashMap::new();
    for bundle in &catalog.bundles {
        bundles.entry(&bundle.package).or_default().push(bundle);
    }
    let mut channels: HashMap<&str, Vec<&Channel>> = HashMap::new();
    for channel in &catalog.channels {
        channels.entry(&channel.package).or_default().push(channel);
    }
    let mut rows: Vec<PackageRow> = catalog
        .packages
        .iter()
        .map(|package| {
            let mut own = bundles.get(package.name.as_str()).cloned().unwrap_or_default();
            let display_name = highest(&own).and_then(Bundle::display_name).unwrap_or_default();
            own.sort_by(|left, right| left.name.cmp(&right.name));
            let of_package = channels.get(package.name.as_str()).map(Vec::as_slice).unwrap_or_default();
            let mut channels: Vec<ChannelRow> = of_package.iter().map(|channel| row(channel, &own)).collect();
            channels.sort_by(|left, right| left.name.cmp(&right.name));
            PackageRow {
                name: package.name.clone(),
                display_name,
                default_channel: package.default_channel.clone(),
                channels,
            }
        })
        .collect();
    rows.sort_by(|left, right| left.name.cmp(&right.name));
    rows
}

/// The row of a channel of a package that has these bundles.
fn row(channel: &Channel, bundles: &[&Bundle]) -> ChannelRow {
    let names: HashSet<&str> = channel.entries.iter().map(|entry| entry.name.as_str()).collect();
    let inside = bundles.iter().filter(|bundle| names.contains(bundle.name.as_str()));
    ChannelRow {
        name: channel.name.clone(),
        head: Graph::new(&channel.entries).head().map(|head| head.name.clone()),
        versions: inside.filter_map(|bundle| bundle.version_text().ok()).collect(),
    }
}

/// The bundle with the highest version; the first of equals, and any before those without a version.
fn highest<'a>(bundles: &[&'a Bundle]) -> Option<&'a Bundle> {
    let is_higher = |bundle: &Bundle, known: &Bundle| match (bundle.version(), known.version()) {
        (Ok(version), Ok(known)) => cmp_precedence(&version, &known).is_gt(),
        (version, known) => version.is_ok() && known.is_err(),
    };
    bundles.iter().copied().reduce(|known, bundle| if is_higher(bundle, known) { bundle } else { known })
}
