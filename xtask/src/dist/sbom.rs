//! What the program is made of: a `CycloneDX` document, and the texts of the licences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::process;

/// A dependency of the program.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Component {
    name: String,
    version: String,
    licence: String,
    /// Where its sources lie here.
    folder: std::path::PathBuf,
    /// Whether it comes from a registry of packages, and not from this repository.
    is_foreign: bool,
}

/// Everything that is linked into the program: its normal dependencies, and theirs. Those of building and testing are not.
pub(super) fn components() -> anyhow::Result<BTreeSet<Component>> {
    components_of(&process::metadata(&["--locked"])?)
}

fn components_of(about: &Value) -> anyhow::Result<BTreeSet<Component>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&about["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&about["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let root = packages.iter().find(|(_, package)| package["name"] == "oc-mirror").map(|(id, _)| id.clone());
    let mut waiting = vec![root.context("cargo metadata knows the package oc-mirror")?];
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(id) = waiting.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        if let Some(package) = packages.get(&id) {
            let manifest = text(&package["manifest_path"]);
            found.insert(Component {
                name: text(&package["name"]),
                version: text(&package["version"]),
                licence: text(&package["license"]),
                folder: Path::new(&manifest).parent().unwrap_or(Path::new("")).to_owned(),
                is_foreign: package["source"].is_string(),
            });
        }
        for dependency in nodes.get(&id).map(|node| list(&node["deps"])).unwrap_or_default() {
            let is_normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            if is_normal {
                waiting.push(text(&dependency["pkg"]));
            }
        }
    }
    Ok(found)
}

/// A `CycloneDX` document (version 1.5) of the program.
pub(super) fn cyclonedx(components: &BTreeSet<Component>, version: &str) -> String {
    let listed: Vec<Value> = components
        .iter()
        .filter(|component| component.is_foreign)
        .map(|component| {
            json!({
                "type": "library",
                "bom-ref": format!("pkg:cargo/{}@{}", component.name, component.version),
                "name": component.name,
                "version": component.version,
                "purl": format!("pkg:cargo/{}@{}", component.name, component.version),
                "licenses": [{ "expression": component.licence.replace('/', " OR ") }],
            })
        })
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "oc-mirror", "version": version } },
        "components": listed,
    });
    format!("{document:#}\n")
}

/// The licences of everything that is linked in: names first, then each text once.
pub(super) fn licences(components: &BTreeSet<Component>) -> anyhow::Result<String> {
    let mut text = String::from("oc-mirror is licensed under Apache-2.0. It contains:\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for component in components.iter().filter(|component| component.is_foreign) {
        let name = format!("{} {}", component.name, component.version);
        let _ = writeln!(text, "{name}: {}", component.licence);
        let mut files: Vec<_> = fs::read_dir(&component.folder)
            .with_context(|| format!("cannot list {}", component.folder.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
                path.is_file()
                    && ["LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|start| name.starts_with(start))
            })
            .collect();
        files.sort();
        for file in files {
            let bytes = fs::read(&file)?;
            let licence = String::from_utf8_lossy(&bytes).trim().replace("\r\n", "\n");
            texts.entry(licence).or_default().push(name.clone());
        }
    }
    for (licence, names) in texts {
        let _ = write!(text, "\n{}\n{}\n\n{licence}\n", "-".repeat(80), names.join(", "));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_in_and_nothing_else() {
        let package = |id: &str, source: Value| json!({ "id": id, "name": id, "version": "1.0.0", "license": "MIT", "manifest_path": "/x/Cargo.toml", "source": source });
        let dependency = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let about = json!({
            "packages": [
                package("oc-mirror", Value::Null), package("own", Value::Null), package("used", json!("registry")),
                package("below", json!("registry")), package("tester", json!("registry")), package("builder", json!("registry")),
            ],
            "resolve": { "nodes": [
                { "id": "oc-mirror", "deps": [dependency("own", Value::Null), dependency("tester", json!("dev")), dependency("builder", json!("build"))] },
                { "id": "own", "deps": [dependency("used", Value::Null)] },
                { "id": "used", "deps": [dependency("below", Value::Null)] },
            ] },
        });
        let found = components_of(&about).unwrap();
        let names: Vec<_> = found.iter().map(|component| (component.name.as_str(), component.is_foreign)).collect();
        assert_eq!(names, [("below", true), ("oc-mirror", false), ("own", false), ("used", true)]);
    }
}
