//! A short notation for catalogs, requests and results, so that a row of a test is a row of a page.
//!
//! Catalogs, one thing a line:
//! - `package NAME default=CHANNEL`: what follows belongs to it;
//! - `CHANNEL: a | b>a | c>b!x,y~"<1.0.0"`: entries with `>` replaces, `!` skips, `~` skipRange. Every entry gets a bundle
//!   whose version is what follows `.v` in its name, or the name without a leading `v`;
//! - `+NAME` or `+NAME=VERSION`: a bundle beyond those, or with another version; `-NAME`: no bundle for this entry;
//! - `deprecated package`, `deprecated channel NAME`, `deprecated bundle NAME`; `other SCHEMA`; before any package,
//!   `other SCHEMA` belongs to no package.
//!
//! Requests: `full`, then packages separated by `;`: `NAME default=C >=MIN <=MAX bundles=a,b CHANNEL CHANNEL[>=MIN,<=MAX]`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fbc_catalog::{Catalog, ChannelRequest, PackageRequest, Request, RuleSet, Selected, select};
use serde_json::{Value, json};

pub(crate) fn catalog(text: &str) -> Catalog {
    Catalog::read([("catalog.json", catalog_json(text))]).unwrap()
}

pub(crate) fn catalog_json(text: &str) -> String {
    let mut documents: Vec<Value> = Vec::new();
    let mut package = String::new();
    let mut bundles: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    let mut deprecations: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("package ") {
            let (name, default) = rest.split_once(" default=").unwrap_or((rest, ""));
            name.trim().clone_into(&mut package);
            documents.push(json!({"schema": "olm.package", "name": package, "defaultChannel": default}));
        } else if let Some(schema) = line.strip_prefix("other ") {
            documents.push(match package.as_str() {
                "" => json!({"schema": schema}),
                package => json!({"schema": schema, "package": package}),
            });
        } else if let Some(what) = line.strip_prefix("deprecated ") {
            let (schema, name) = what.split_once(' ').unwrap_or((what, ""));
            let mut reference = json!({"schema": format!("olm.{schema}")});
            if !name.is_empty() {
                reference["name"] = name.into();
            }
            let entry = json!({"reference": reference, "message": "old"});
            deprecations.entry(package.clone()).or_default().push(entry);
        } else if let Some(bundle) = line.strip_prefix('+') {
            let (name, version) = bundle.split_once('=').unwrap_or((bundle, version_of(bundle)));
            bundles.insert((package.clone(), name.to_owned()), Some(version.to_owned()));
        } else if let Some(bundle) = line.strip_prefix('-') {
            bundles.insert((package.clone(), bundle.to_owned()), None);
        } else {
            let (channel, entries) = line.split_once(':').expect("a line of the notation");
            let entries: Vec<Value> =
                entries.split('|').map(str::trim).filter(|entry| !entry.is_empty()).map(entry).collect();
            for entry in &entries {
                let name = entry["name"].as_str().unwrap();
                let key = (package.clone(), name.to_owned());
                bundles.entry(key).or_insert_with(|| Some(version_of(name).to_owned()));
            }
            let channel = channel.trim();
            documents.push(json!({"schema": "olm.channel", "name": channel, "package": package, "entries": entries}));
        }
    }
    for ((package, name), version) in bundles {
        let Some(version) = version else { continue };
        let image = format!("quay.io/acme/{package}:{}", name.replace('+', "_"));
        documents.push(json!({
            "schema": "olm.bundle", "name": name, "package": package, "image": image,
            "properties": [{"type": "olm.package", "value": {"packageName": package, "version": version}}],
            "relatedImages": [{"name": "", "image": image}],
        }));
    }
    for (package, entries) in deprecations {
        documents.push(json!({"schema": "olm.deprecations", "package": package, "entries": entries}));
    }
    documents.iter().map(Value::to_string).collect()
}

fn version_of(name: &str) -> &str {
    name.split_once(".v").map_or(name.strip_prefix('v').unwrap_or(name), |(_, version)| version)
}

fn entry(text: &str) -> Value {
    let (text, range) =
        text.split_once('~').map_or((text, None), |(text, range)| (text, Some(range.trim_matches('"'))));
    let (text, skips) = text.split_once('!').map_or((text, None), |(text, skips)| (text, Some(skips)));
    let (name, replaces) = text.split_once('>').map_or((text, None), |(name, replaces)| (name, Some(replaces)));
    let mut entry = json!({"name": name.trim()});
    if let Some(replaces) = replaces {
        entry["replaces"] = replaces.trim().into();
    }
    if let Some(skips) = skips {
        entry["skips"] = skips.split(',').map(str::trim).collect();
    }
    if let Some(range) = range {
        entry["skipRange"] = range.into();
    }
    entry
}

pub(crate) fn request(text: &str) -> Request {
    let (strict, text) = text.strip_prefix("strict ").map_or((false, text), |rest| (true, rest));
    let (full, text) = text.strip_prefix("full").map_or((false, text), |rest| (true, rest));
    let packages = text.split(';').map(str::trim).filter(|package| !package.is_empty()).map(package).collect();
    Request { full, packages, strict }
}

fn package(text: &str) -> PackageRequest {
    let mut words = text.split_whitespace();
    let mut request = PackageRequest { name: words.next().unwrap().to_owned(), ..PackageRequest::default() };
    for word in words {
        if let Some(default) = word.strip_prefix("default=") {
            request.default_channel = Some(default.into());
        } else if let Some(bundles) = word.strip_prefix("bundles=") {
            request.bundles = bundles.split(',').map(str::to_owned).collect();
        } else if let Some(min) = word.strip_prefix(">=") {
            request.min_version = Some(min.into());
        } else if let Some(max) = word.strip_prefix("<=") {
            request.max_version = Some(max.into());
        } else {
            let (name, bounds) = word.split_once('[').unwrap_or((word, ""));
            let mut channel = ChannelRequest { name: name.into(), ..ChannelRequest::default() };
            for bound in bounds.trim_end_matches(']').split(',') {
                channel.min_version = bound.strip_prefix(">=").map(str::to_owned).or(channel.min_version);
                channel.max_version = bound.strip_prefix("<=").map(str::to_owned).or(channel.max_version);
            }
            request.channels.push(channel);
        }
    }
    request
}

/// The result on one line: `CHANNEL: entries; … | bundles …`, names without what stands before the version.
pub(crate) fn outcome(catalog: &Catalog, wanted: &str, rules: RuleSet) -> String {
    match select(catalog, &request(wanted), rules) {
        Ok(selected) => shape(&selected.catalog),
        Err(errors) => format!("error: {errors}"),
    }
}

pub(crate) fn shape(catalog: &Catalog) -> String {
    let mut shape = String::new();
    for channel in &catalog.channels {
        let entries: Vec<&str> = channel.entries.iter().map(|entry| version_of(&entry.name)).collect();
        let separator = if shape.is_empty() { "" } else { "; " };
        write!(shape, "{separator}{}: {}", channel.name, entries.join(" ")).unwrap();
    }
    let bundles: Vec<&str> = catalog.bundles.iter().map(|bundle| version_of(&bundle.name)).collect();
    write!(shape, " | {}", bundles.join(" ")).unwrap();
    shape
}

/// Default channels, deprecations and other blobs of a selection.
pub(crate) fn rest(selected: &Selected) -> String {
    let catalog = &selected.catalog;
    let defaults: Vec<&str> = catalog.packages.iter().map(|package| package.default_channel.as_str()).collect();
    let deprecations: Vec<String> = catalog
        .deprecations
        .iter()
        .flat_map(|blob| &blob.entries)
        .map(|entry| {
            format!("{} {}", entry.schema.trim_start_matches("olm."), version_of(&entry.name)).trim().to_owned()
        })
        .collect();
    let others: Vec<String> =
        catalog.others.iter().map(|other| format!("{}/{}", other.package, other.schema)).collect();
    format!("default {} | deprecated {} | others {}", defaults.join(" "), deprecations.join(", "), others.join(" "))
}

/// Example catalog A of `docs/behaviour/operators-archive.md` 2.6.
pub(crate) const A: &str = r#"
    other root.schema
    package apple default=stable
      stable: apple.v1.0.0 | apple.v1.1.0>apple.v1.0.0~">=1.0.0 <1.1.0" | apple.v1.2.0>apple.v1.1.0 | apple.v2.0.0>apple.v1.2.0
      fast: apple.v2.0.0 | apple.v2.1.0>apple.v2.0.0!apple.v2.0.5
      +apple.v2.0.5
      deprecated package
      deprecated channel fast
      deprecated bundle apple.v1.0.0
      deprecated bundle apple.v2.0.0
      other my.schema
    package pear default=main
      main: pear.v0.1.0 | pear.v0.2.0>pear.v0.1.0
      other my.schema
"#;
