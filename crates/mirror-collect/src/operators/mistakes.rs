//! Mistakes of an entry of `operators` that its catalog shows: which package, channel, bundle or version is meant, and what
//! to write instead.

use std::fmt::Write as _;

use fbc_catalog::{Kind, NotFound, Part, SelectError, Subject, Versions};
use isc_schema::{BoundField, Item, OperatorCatalog, Place, VersionBound};
use mirror_plan::operators::OperatorError;

use crate::fault::{Fault, Finding};

/// A selection that the catalog refuses.
pub(super) fn of_selection(index: usize, entry: &OperatorCatalog, error: &SelectError) -> Fault {
    let found = error.subjects().into_iter().map(|subject| {
        let help = [error.advice(), listing_for(entry, error, &subject)];
        let help: Vec<String> = help.into_iter().flatten().collect();
        let help = (!help.is_empty()).then(|| help.join("\n"));
        Finding { help, ..Finding::at(place(index, entry, &subject)) }
    });
    Fault::new(format!("failed to filter catalog: {error}"), found.collect())
}

/// A selection that comes to nothing: because of the packages that do not exist, when it names any.
pub(super) fn nothing_selected(index: usize, entry: &OperatorCatalog, not_found: &[NotFound]) -> Fault {
    let packages = not_found.iter().filter(|missing| missing.kind == Kind::Package);
    let found = packages.map(|missing| {
        let item = package(index, entry, &missing.name);
        let near =
            (!missing.near.is_empty()).then(|| format!("packages with a similar name: {}\n", missing.near.join(", ")));
        let help = format!("{}{}", near.unwrap_or_default(), listing(entry, None, None));
        Finding { place: item.into(), message: Some(missing.to_string()), help: Some(help) }
    });
    Fault::new("no related images found: nothing of the catalog is selected", found.collect())
}

/// An image of a package that cannot be planned.
pub(super) fn of_image(index: usize, entry: &OperatorCatalog, error: &OperatorError) -> Fault {
    let item = package(index, entry, error.package());
    Fault::new(error.to_string(), vec![Finding { help: error.advice(), ..Finding::at(item) }])
}

/// The package that an entry names; the entry itself when it names no such package.
fn package(index: usize, entry: &OperatorCatalog, name: &str) -> Item {
    let named = entry.packages().iter().position(|package| package.name == name);
    named.map_or(Item::Catalog(index), |at| Item::Package(index, at))
}

/// Where the entry says what the subject is: its bound, its channel or bundle, its package, or the entry itself.
fn place(index: usize, entry: &OperatorCatalog, subject: &Subject<'_>) -> Place {
    let item = package(index, entry, subject.package);
    let Item::Package(_, at) = item else { return item.into() };
    let Some(package) = entry.packages().get(at) else { return item.into() };
    let of_package = (item, &package.min_version, &package.max_version);
    let of_part = match subject.part {
        Some(Part::Channel(name)) => {
            let named = package.channels.iter().enumerate().find(|(_, channel)| channel.name == name);
            named
                .map(|(number, channel)| (Item::Channel(index, at, number), &channel.min_version, &channel.max_version))
        }
        Some(Part::Bundle(name)) => {
            let bundle = package.bundles.iter().position(|bundle| bundle.name == name);
            return bundle.map_or(item, |bundle| Item::Bundle(index, at, bundle)).into();
        }
        None => None,
    };
    let (item, _, _) = of_part.unwrap_or(of_package);
    let bounds = of_part
        .into_iter()
        .chain([of_package])
        .find_map(|(item, min, max)| Some(item.bound(bound(subject.versions?, min.as_ref(), max.as_ref())?)));
    bounds.unwrap_or_else(|| item.into())
}

/// Which bound is meant: the one that is written there, and neither when a range has both.
fn bound(versions: Versions, min: Option<&VersionBound>, max: Option<&VersionBound>) -> Option<BoundField> {
    match (versions, min, max) {
        (Versions::Min, Some(_), _) | (Versions::Range, Some(_), None) => Some(BoundField::Min),
        (Versions::Max, _, Some(_)) | (Versions::Range, None, Some(_)) => Some(BoundField::Max),
        _ => None,
    }
}

/// The command that lists the names or versions to choose from; none when none of them would help.
fn listing_for(entry: &OperatorCatalog, error: &SelectError, subject: &Subject<'_>) -> Option<String> {
    let package = Some(subject.package);
    match error {
        SelectError::NothingExists { .. }
        | SelectError::OverrideNotKept { .. }
        | SelectError::DefaultNotKept { .. }
        | SelectError::NoDefault { .. }
        | SelectError::BundlesOutsideDefault { .. } => Some(listing(entry, package, None)),
        SelectError::EmptyChannel { channel, .. } | SelectError::VersionNotFound { channel, .. } => {
            Some(listing(entry, package, Some(channel)))
        }
        _ => None,
    }
}

fn listing(entry: &OperatorCatalog, package: Option<&str>, channel: Option<&str>) -> String {
    let mut command = format!("oc-mirror list operators --catalog {}", entry.catalog.as_written());
    let what = match (package, channel) {
        (None, _) => "packages",
        (Some(_), None) => "channels",
        (Some(_), Some(_)) => "versions",
    };
    for (flag, name) in [("--package", package), ("--channel", channel)] {
        if let Some(name) = name {
            // Writing to a text cannot fail.
            let _ = write!(command, " {flag} {name}");
        }
    }
    format!("`{command}` lists the {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::configuration;

    const TEXT: &str = "\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  operators:
  - catalog: reg/a:v1
    packages:
    - name: foo
      channels:
      - name: fast
        minVersion: 1.0.0
        maxVersion: 2.0.0
      - name: slow
        maxVersion: 3.0.0
      - name: plain
    - name: bar
      minVersion: 4.0.0
    - name: baz
      bundles:
      - name: baz.v1
      - name: baz.v2
";

    /// Positions follow from what an error is about, never from the words of its message.
    #[test]
    fn where_a_subject_stands() {
        let mirror = &configuration(TEXT).mirror;
        let (min, max, range) = (Some(Versions::Min), Some(Versions::Max), Some(Versions::Range));
        let (channel, bundle) = (|name| Some(Part::Channel(name)), |name| Some(Part::Bundle(name)));
        for (package, part, versions, path, line) in [
            ("foo", None, None, "mirror.operators[0].packages[0]", "- name: foo"),
            ("foo", channel("slow"), None, "mirror.operators[0].packages[0].channels[1]", "- name: slow"),
            (
                "foo",
                channel("fast"),
                min,
                "mirror.operators[0].packages[0].channels[0].minVersion",
                "minVersion: 1.0.0",
            ),
            (
                "foo",
                channel("fast"),
                max,
                "mirror.operators[0].packages[0].channels[0].maxVersion",
                "maxVersion: 2.0.0",
            ),
            // Both bounds make the range, so the channel is meant.
            ("foo", channel("fast"), range, "mirror.operators[0].packages[0].channels[0]", "- name: fast"),
            (
                "foo",
                channel("slow"),
                range,
                "mirror.operators[0].packages[0].channels[1].maxVersion",
                "maxVersion: 3.0.0",
            ),
            ("foo", channel("plain"), range, "mirror.operators[0].packages[0].channels[2]", "- name: plain"),
            // The configuration does not name the channel.
            ("foo", channel("gone"), range, "mirror.operators[0].packages[0]", "- name: foo"),
            ("bar", channel("fast"), range, "mirror.operators[0].packages[1].minVersion", "minVersion: 4.0.0"),
            ("bar", None, None, "mirror.operators[0].packages[1]", "- name: bar"),
            ("baz", bundle("baz.v2"), None, "mirror.operators[0].packages[2].bundles[1]", "- name: baz.v2"),
            ("baz", bundle("baz.v3"), None, "mirror.operators[0].packages[2]", "- name: baz"),
            // Nor the package.
            ("other", channel("fast"), range, "mirror.operators[0]", "- catalog: reg/a:v1"),
        ] {
            let place = place(0, &mirror.operators[0], &Subject { package, part, versions });
            assert_eq!(place.to_string(), path);
            let span = mirror.span_of(place).unwrap();
            assert_eq!(TEXT.lines().nth(span.line as usize - 1).unwrap().trim(), line, "{path}");
        }
    }
}
