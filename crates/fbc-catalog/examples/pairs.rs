//! Counts what becomes of every pair of bounds and every pair of bundles in the channels of a catalog.
//!
//! `cargo run -p fbc-catalog --example pairs -- FOLDER...`: each folder below FOLDER is read as a catalog of one package.

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::Path;

use fbc_catalog::{Catalog, ChannelRequest, PackageRequest, Request, RuleSet, Warning, select, validate};

#[derive(Default, Debug)]
struct Tally {
    sound: usize,
    bridged: usize,
    refused: usize,
    violated: usize,
    above: usize,
}

fn main() {
    let (mut ranges, mut bundles) = (Tally::default(), Tally::default());
    for folder in std::env::args().skip(1) {
        for package in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let files = std::fs::read_dir(&package).expect("a folder of a package").map(|entry| {
                let path = entry.expect("an entry").path();
                (name(&path), std::fs::read(&path).expect("a file"))
            });
            let catalog = Catalog::read(files).expect("a catalog");
            if !validate(&catalog).is_empty() {
                println!("left out, broken at its source: {}", name(&package));
                continue;
            }
            count(&catalog, &mut ranges, &mut bundles);
        }
    }
    println!("pairs of bounds: {ranges:?}\npairs of bundles: {bundles:?}");
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn count(catalog: &Catalog, ranges: &mut Tally, bundles: &mut Tally) {
    for channel in &catalog.channels {
        let version = |name: &str| {
            let bundle = catalog.bundles.iter().find(|bundle| bundle.package == channel.package && bundle.name == name);
            bundle.and_then(|bundle| bundle.version().ok())
        };
        let mut versions: Vec<_> =
            channel.entries.iter().filter_map(|entry| Some((version(&entry.name)?, entry.name.clone()))).collect();
        versions.sort();
        for (at, (min, first)) in versions.iter().enumerate() {
            for (max, second) in &versions[at..] {
                let request = |package: PackageRequest| Request {
                    packages: vec![PackageRequest {
                        name: channel.package.clone(),
                        default_channel: Some(channel.name.clone()),
                        ..package
                    }],
                    ..Request::default()
                };
                let of_channel = ChannelRequest {
                    name: channel.name.clone(),
                    min_version: Some(min.to_string()),
                    max_version: Some(max.to_string()),
                };
                let range = PackageRequest { channels: vec![of_channel], ..PackageRequest::default() };
                note(catalog, &request(range), Some(max), ranges);
                let pair = PackageRequest { bundles: vec![first.clone(), second.clone()], ..PackageRequest::default() };
                note(catalog, &request(pair), None, bundles);
            }
        }
    }
}

fn note(catalog: &Catalog, request: &Request, max: Option<&fbc_catalog::version::Version>, tally: &mut Tally) {
    let Ok(selected) = select(catalog, request, RuleSet::VersionRange) else {
        tally.refused += 1;
        return;
    };
    let is_bridged = selected.report.warnings.iter().any(|warning| matches!(warning, Warning::Bridged { .. }));
    tally.sound += usize::from(!is_bridged);
    tally.bridged += usize::from(is_bridged);
    tally.violated += usize::from(!validate(&selected.catalog).is_empty());
    let is_above = |bundle: &fbc_catalog::Bundle| {
        let version = bundle.version().ok();
        matches!((version, max), (Some(version), Some(max)) if fbc_catalog::version::cmp_precedence(&version, max).is_gt())
    };
    tally.above += usize::from(selected.catalog.bundles.iter().any(is_above));
}
