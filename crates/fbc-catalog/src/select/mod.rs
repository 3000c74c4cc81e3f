//! Selecting: a catalog and a request give a smaller catalog that OLM still loads, and a report.

#![allow(
    clippy::result_large_err,
    reason = "an error ends the run; its size costs nothing there, boxes would cost readers"
)]

mod bridge;
mod channel;
mod check;
mod error;
mod nearest;
mod package;
mod report;
mod requirements;
mod subject;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::catalog::{Bundle, Catalog, Channel, Deprecations, Other, Package};
use crate::duplicates::{Merged, merge};
use crate::near::near;
use crate::request::{Request, RuleSet};
use crate::validate::validate;
use package::{PackageSelection, select_package};
use view::PackageView;

pub use error::{Mend, SelectError, SelectErrors};
pub use nearest::EmptyAdvice;
pub use report::{Kind, NotFound, Report, Warning};
pub use requirements::{MissingRequirement, Provider, Requirement};
pub use subject::{Part, Subject, Versions};

/// What was selected, and what is to say about it.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The smaller catalog.
    pub catalog: Catalog,
    /// The remarks.
    pub report: Report,
}

/// Selects from a catalog.
///
/// `full` without packages gives the catalog as it is. In every other case documents that stand there several times stand
/// once in the result, each kept channel has exactly one head, each
/// requested package has its default channel, and nothing is kept that no channel lists. Where a range or a list of
/// bundles leaves parts of a channel that do not hang together, the fewest entries that hold them together are kept as
/// well ([`Warning::Bridged`]), unless the request is strict. Defects that the source catalog
/// has itself, and that the selection does not touch, are no error; they stand in [`Report::violations`].
///
/// # Errors
/// See [`SelectError`]; all errors of all packages come in one answer.
pub fn select(catalog: &Catalog, request: &Request, rules: RuleSet) -> Result<Selected, SelectErrors> {
    let mut errors = check::check(request, rules);
    if !errors.is_empty() {
        return Err(SelectErrors(errors));
    }
    if request.full && request.packages.is_empty() {
        return Ok(Selected { catalog: catalog.clone(), report: Report::default() });
    }
    let Merged { catalog, conflicts } = merge(catalog);
    let catalog = &*catalog;
    let views = PackageView::all(catalog);
    let mut report = Report::default();
    let mut selections: BTreeMap<&str, PackageSelection<'_>> = BTreeMap::new();
    let mut run = |name, view, wanted, report: &mut Report| {
        let of_package = conflicts.iter().filter(|conflict| conflict.package == name);
        let mut conflicts: Vec<SelectError> = of_package.cloned().map(SelectError::Conflict).collect();
        if !conflicts.is_empty() {
            // Nobody knows which of the documents the rest of the selection should go by.
            errors.append(&mut conflicts);
            return;
        }
        match select_package(name, view, wanted, request, rules, report) {
            Ok(selection) => {
                selections.insert(name, selection);
            }
            Err(mut package_errors) => errors.append(&mut package_errors),
        }
    };
    if request.packages.is_empty() {
        for (name, view) in &views {
            run(name, view, None, &mut report);
        }
    }
    for wanted in &request.packages {
        match views.get_key_value(wanted.name.as_str()) {
            Some((name, view)) => run(name, view, Some(wanted), &mut report),
            None => report.not_found.push(NotFound {
                kind: Kind::Package,
                package: wanted.name.clone(),
                name: wanted.name.clone(),
                near: near(&wanted.name, views.keys().copied()),
            }),
        }
    }
    if !errors.is_empty() {
        return Err(SelectErrors(errors));
    }
    let selected = assemble(catalog, &selections);
    report.violations = check_against_source(catalog, &selected)?;
    report.missing = requirements::missing(catalog, &selected);
    Ok(Selected { catalog: selected, report })
}

/// Cuts the catalog down to the selections.
fn assemble(catalog: &Catalog, selections: &BTreeMap<&str, PackageSelection<'_>>) -> Catalog {
    let of = |package: &str| selections.get(package);
    let packages = catalog.packages.iter().filter_map(|package| {
        let default_channel = of(&package.name)?.default_channel.clone();
        Some(Package { default_channel, ..package.clone() })
    });
    let mut channels = Vec::new();
    let mut kept_bundles: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut kept_channels: HashSet<(&str, &str)> = HashSet::new();
    for (index, channel) in catalog.channels.iter().enumerate() {
        let Some(kept) = of(&channel.package).and_then(|selection| selection.channels.get(&index)) else { continue };
        let entries = channel.entries.iter().filter(|entry| kept.contains(entry.name.as_str())).cloned().collect();
        channels.push(Channel {
            name: channel.name.clone(),
            package: channel.package.clone(),
            entries,
            blob: channel.blob.clone(),
        });
        kept_bundles.entry(&channel.package).or_default().extend(kept);
        kept_channels.insert((&channel.package, &channel.name));
    }
    let is_kept = |package: &str, bundle: &str| kept_bundles.get(package).is_some_and(|names| names.contains(bundle));
    let mut seen = BTreeSet::new();
    let mut bundles: Vec<Bundle> = catalog
        .bundles
        .iter()
        .filter(|bundle| is_kept(&bundle.package, &bundle.name) && seen.insert((&bundle.package, &bundle.name)))
        .cloned()
        .collect();
    bundles.sort_by(|left, right| (&left.package, &left.name).cmp(&(&right.package, &right.name)));
    let deprecations = catalog.deprecations.iter().filter(|blob| of(&blob.package).is_some()).map(|blob| {
        let package = blob.package.as_str();
        let mut entries = blob.entries.clone();
        entries.retain(|entry| match entry.schema.as_str() {
            "olm.bundle" => is_kept(package, &entry.name),
            "olm.channel" => kept_channels.contains(&(package, entry.name.as_str())),
            _ => true,
        });
        Deprecations { package: blob.package.clone(), entries, blob: blob.blob.clone() }
    });
    let belongs = |other: &&Other| other.package.is_empty() || of(&other.package).is_some();
    Catalog {
        packages: packages.collect(),
        channels,
        bundles,
        deprecations: deprecations.collect(),
        others: catalog.others.iter().filter(belongs).cloned().collect(),
    }
}

/// Holds the promise that selecting breaks nothing: what OLM would refuse must have been refused in the source, too.
fn check_against_source(source: &Catalog, selected: &Catalog) -> Result<Vec<crate::validate::Violation>, SelectErrors> {
    let violations = validate(selected);
    if violations.is_empty() {
        return Ok(violations);
    }
    let known: HashSet<_> =
        validate(source).into_iter().map(|violation| (violation.package, violation.channel, violation.rule)).collect();
    let is_new = |violation: &&crate::validate::Violation| {
        !known.contains(&(violation.package.clone(), violation.channel.clone(), violation.rule))
    };
    let new: Vec<_> = violations.iter().filter(is_new).cloned().map(SelectError::Violation).collect();
    if new.is_empty() { Ok(violations) } else { Err(SelectErrors(new)) }
}
