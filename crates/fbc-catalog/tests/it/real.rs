//! What holds for generated graphs holds for whole catalogs, too: published ones, which are skipped with a message where
//! the data is absent, and generated ones of their shape.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use fbc_catalog::{Catalog, ChannelRequest, PackageRequest, Request, Rule, RuleSet, Selected, select, validate, write};
use test_support::GeneratedCatalog;

pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The files of a published catalog from the shared data.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn published(name: &str) -> Option<Files> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/fbc/{name}.tar.xz"));
    let folder = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).output();
    if !archive.is_file() || !unpacked.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no {}, or no `tar` with `xz` to unpack it", archive.display());
        return None;
    }
    let root = folder.path().join("configs");
    let mut files = Vec::new();
    for package in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap()) {
        for file in std::fs::read_dir(package.path()).unwrap().map(|entry| entry.unwrap()) {
            let path = file.path().strip_prefix(&root).unwrap().display().to_string();
            files.push((path, std::fs::read(file.path()).unwrap()));
        }
    }
    files.sort();
    Some(files)
}

/// Requests that make sense for a catalog: the whole of it, and for its first package the heads, all of it, some
/// channels, and ranges between versions that it has.
fn requests(catalog: &Catalog) -> Vec<Request> {
    let mut requests = vec![Request::default()];
    for package in catalog.packages.iter().take(1) {
        let one = |change: &dyn Fn(&mut PackageRequest)| {
            let mut request = PackageRequest { name: package.name.clone(), ..PackageRequest::default() };
            change(&mut request);
            Request { packages: vec![request], ..Request::default() }
        };
        requests.push(one(&|_| {}));
        requests.push(Request { full: true, ..one(&|_| {}) });
        for channel in catalog.channels.iter().filter(|channel| channel.package == package.name).take(3) {
            requests.push(one(&|request| {
                request.default_channel = Some(channel.name.clone());
                request.channels = vec![ChannelRequest { name: channel.name.clone(), ..ChannelRequest::default() }];
            }));
        }
        let bundles = catalog.bundles.iter().filter(|bundle| bundle.package == package.name);
        let mut versions: Vec<_> = bundles.filter_map(|bundle| bundle.version().ok()).collect();
        versions.sort();
        let at = |part: usize| versions.get(versions.len() * part / 4).map(ToString::to_string);
        requests.push(one(&|request| request.min_version = at(2)));
        requests.push(one(&|request| request.max_version = at(2)));
        requests.push(one(&|request| {
            request.min_version = at(1);
            request.max_version = at(3);
        }));
        let of_package = catalog.bundles.iter().filter(|bundle| bundle.package == package.name);
        requests.push(one(&|request| {
            request.bundles = of_package.clone().take(1).map(|bundle| bundle.name.clone()).collect();
        }));
    }
    requests
}

fn bytes(catalog: &Catalog) -> Vec<(String, Vec<u8>)> {
    write(catalog).unwrap()
}

/// Gives how many requests were met and how many refused.
fn check(catalog: &Catalog) -> (usize, usize) {
    let broken: HashSet<(String, Option<String>, Rule)> =
        validate(catalog).into_iter().map(|found| (found.package, found.channel, found.rule)).collect();
    let (mut met, mut refused) = (0, 0);
    for request in requests(catalog) {
        for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
            let Ok(Selected { catalog: selected, report }) = select(catalog, &request, rules) else {
                refused += 1;
                continue;
            };
            met += 1;
            let again = select(catalog, &request, rules).unwrap();
            let written = bytes(&selected);
            assert!(bytes(&again.catalog) == written && again.report == report, "{request:?} is not the same twice");
            let twice = select(&selected, &request, rules);
            let twice = twice.unwrap_or_else(|errors| panic!("{request:?} {rules:?} of its own result: {errors}"));
            assert!(bytes(&twice.catalog) == written, "{request:?} {rules:?} of its own result is something else");
            let read = Catalog::read(written.iter().map(|(path, bytes)| (path, bytes))).unwrap();
            assert!(bytes(&read) == written, "{request:?} {rules:?} does not survive being written and read");

            let asked: HashSet<&str> = request.packages.iter().map(|package| package.name.as_str()).collect();
            let is_asked = |package: &String| asked.is_empty() || asked.contains(package.as_str());
            let packages = selected.packages.iter().map(|one| &one.name);
            let packages = packages.chain(selected.channels.iter().map(|one| &one.package));
            let packages = packages.chain(selected.deprecations.iter().map(|one| &one.package));
            let others = selected.others.iter().map(|one| &one.package).filter(|package| !package.is_empty());
            let mut packages = packages.chain(selected.bundles.iter().map(|one| &one.package)).chain(others);
            assert!(packages.all(is_asked), "{request:?} keeps other packages");
            if !request.full {
                for channel in &selected.channels {
                    let edges = channel.entries.iter().flat_map(|entry| entry.replaces.iter().chain(&entry.skips));
                    let superseded: HashSet<&String> = edges.collect();
                    let heads = channel.entries.iter().filter(|entry| !superseded.contains(&entry.name)).count();
                    assert_eq!(heads, 1, "{request:?} {rules:?}: channel {} of {}", channel.name, channel.package);
                }
            }

            // One head for each channel, every entry with its bundle, the default channel there: all that OLM wants,
            // except where the published catalog is broken itself.
            for violation in validate(&selected) {
                let known = (violation.package.clone(), violation.channel.clone(), violation.rule);
                assert!(broken.contains(&known), "{request:?} {rules:?} breaks a rule: {violation}");
            }
            let listed: HashSet<(&str, &str)> = selected
                .channels
                .iter()
                .flat_map(|channel| channel.entries.iter().map(|entry| (&*channel.package, &*entry.name)))
                .collect();
            assert!(selected.bundles.iter().all(|bundle| listed.contains(&(&*bundle.package, &*bundle.name))));
            if !request.full
                && request.packages.iter().all(|package| package.min_version.is_none() && package.max_version.is_none())
            {
                assert!(selected.channels.iter().all(|channel| channel.entries.len() == 1), "{request:?}");
            }
        }
    }
    (met, refused)
}

/// What a snapshot gives back is the catalog itself, down to the text of each document and where it stood.
#[track_caller]
fn assert_snapshot(catalog: &Catalog) {
    let mut snapshot = Vec::new();
    catalog.write_snapshot(&mut snapshot).unwrap();
    let again = Catalog::from_snapshot(std::str::from_utf8(&snapshot).unwrap()).unwrap();
    assert!(format!("{again:?}") == format!("{catalog:?}"), "a snapshot gives back something else");
}

/// Whole catalogs are large, and what is asserted is about single packages: they come in portions of a few neighbours.
#[test]
fn published_catalogs() {
    const PORTION: usize = 4;
    for (name, least) in
        [("redhat-operators-v4.18", 30), ("certified-operators-v4.18", 150), ("certified-operators-v4.14", 100)]
    {
        let Some(files) = published(name) else { continue };
        let (mut met, mut refused) = (0, 0);
        for portion in files.chunks(PORTION) {
            let catalog = Catalog::read(portion.iter().map(|(path, bytes)| (path, bytes))).unwrap();
            assert_snapshot(&catalog);
            let (met_here, refused_here) = check(&catalog);
            met += met_here;
            refused += refused_here;
        }
        assert!(met >= least && refused < met / 4, "{name}: {met} met, {refused} refused");
    }
}

#[test]
fn generated_catalogs() {
    let shape = GeneratedCatalog { packages: 2, bundle_bytes: 1500, ..GeneratedCatalog::with_metadata() };
    let catalog = Catalog::read(shape.files()).unwrap();
    assert_eq!(validate(&catalog), []);
    assert_snapshot(&catalog);
    let (met, refused) = check(&catalog);
    assert!(met >= 16 && refused == 0, "{met} met, {refused} refused");
}
