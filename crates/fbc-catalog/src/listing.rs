//! What there is to list: packages, channels with their heads, versions (contract `config-cli.md` 2.8).

use crate::catalog::{Bundle, Catalog};
use crate::graph::{Graph, GraphFault};
use crate::version::cmp_precedence;

/// One package of the list of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRow {
    /// The package.
    pub name: String,
    /// The display name of its highest version, from `olm.csv.metadata`; empty when that has none.
    pub display_name: String,
    /// The default channel; empty when the catalog says none.
    pub default_channel: String,
}

/// One channel of the list of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// The channel.
    pub name: String,
    /// The head, or why there is none.
    pub head: Result<String, Vec<GraphFault>>,
}

/// The packages of a catalog, sorted by name.
pub fn packages(catalog: &Catalog) -> Vec<PackageRow> {
    let mut highest: std::collections::HashMap<&str, &Bundle> = std::collections::HashMap::new();
    for bundle in &catalog.bundles {
        let known = highest.entry(&bundle.package).or_insert(bundle);
        if is_higher(bundle, known) {
            *known = bundle;
        }
    }
    let mut rows: Vec<PackageRow> = catalog
        .packages
        .iter()
        .map(|package| PackageRow {
            name: package.name.clone(),
            display_name: highest
                .get(package.name.as_str())
                .and_then(|bundle| bundle.display_name())
                .unwrap_or_default(),
            default_channel: package.default_channel.clone(),
        })
        .collect();
    rows.sort_by(|left, right| left.name.cmp(&right.name));
    rows
}

/// The channels of a package, sorted by name; nothing when there is no such package.
pub fn channels(catalog: &Catalog, package: &str) -> Option<Vec<ChannelRow>> {
    catalog.packages.iter().find(|known| known.name == package)?;
    let of_package = catalog.channels.iter().filter(|channel| channel.package == package);
    let mut rows: Vec<ChannelRow> = of_package
        .map(|channel| ChannelRow {
            name: channel.name.clone(),
            head: Graph::new(&channel.entries).head().map(|head| head.name.clone()),
        })
        .collect();
    rows.sort_by(|left, right| left.name.cmp(&right.name));
    Some(rows)
}

/// The versions of a channel as written, ordered by bundle name; nothing when there is no such channel. Bundles without
/// a version are left out.
pub fn versions(catalog: &Catalog, package: &str, channel: &str) -> Option<Vec<String>> {
    let channel = catalog.channels.iter().find(|known| known.package == package && known.name == channel)?;
    let names: std::collections::HashSet<&str> = channel.entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut bundles: Vec<&Bundle> = catalog
        .bundles
        .iter()
        .filter(|bundle| bundle.package == package && names.contains(bundle.name.as_str()))
        .collect();
    bundles.sort_by(|left, right| left.name.cmp(&right.name));
    Some(bundles.iter().filter_map(|bundle| bundle.version_text().ok()).collect())
}

fn is_higher(bundle: &Bundle, known: &Bundle) -> bool {
    match (bundle.version(), known.version()) {
        (Ok(version), Ok(known)) => cmp_precedence(&version, &known).is_gt(),
        (version, known) => version.is_ok() && known.is_err(),
    }
}
