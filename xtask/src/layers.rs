//! `cargo xtask layers`: the arrows between our crates, held against `cargo metadata`, and those between modules
//! ([`crate::modules`]).
//!
//! The table is the architecture (`docs/architecture.md` draws it). A new edge is a decision: change the table in the
//! same commit, and say why in `docs/adr/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::bail;
use serde::Deserialize;

use crate::modules;
use crate::process::{self, root, say};

/// Crate, our crates it may use, outside crates that must not be among its direct dependencies.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    ("image-ref", &[], PURE),
    ("isc-schema", &["image-ref"], PURE),
    ("registries-conf", &["image-ref"], PURE),
    ("fbc-catalog", &["image-ref"], PURE),
    ("cincinnati-graph", &["image-ref"], PURE),
    ("go-template", &[], PURE),
    ("helm-chart", &["go-template"], PURE),
    ("cluster-resources", &["image-ref"], PURE),
    ("image-signature", &["image-ref", "registries-conf"], PURE),
    ("rooted-folder", &[], OFFLINE),
    ("oci-manifest", &["image-ref"], PURE),
    ("archive-format", &["image-ref", "oci-manifest", "rooted-folder"], OFFLINE),
    ("oci-transport", &["image-ref", "oci-manifest", "registries-conf"], TERMINAL),
    ("mirror-plan", &["cincinnati-graph", "fbc-catalog", "image-ref", "isc-schema"], PURE),
    ("plan-document", &["image-ref", "mirror-plan"], PURE),
    ("image-layers", &[], OFFLINE),
    ("catalog-image", &["fbc-catalog", "image-layers", "image-ref", "oci-manifest"], OFFLINE),
    (
        "mirror-job",
        &[
            "archive-format",
            "fbc-catalog",
            "image-ref",
            "isc-schema",
            "mirror-plan",
            "oci-manifest",
            "oci-transport",
            "plan-document",
            "registries-conf",
            "rooted-folder",
        ],
        TERMINAL,
    ),
    (
        "mirror-content",
        &["archive-format", "image-ref", "mirror-job", "mirror-plan", "oci-manifest", "oci-transport"],
        TERMINAL,
    ),
    (
        "mirror-trust",
        &[
            "archive-format",
            "image-ref",
            "image-signature",
            "mirror-content",
            "mirror-job",
            "mirror-plan",
            "oci-manifest",
            "oci-transport",
            "plan-document",
            "registries-conf",
            "rooted-folder",
        ],
        TERMINAL,
    ),
    (
        "mirror-copy",
        &[
            "archive-format",
            "image-ref",
            "mirror-content",
            "mirror-job",
            "mirror-plan",
            "mirror-trust",
            "oci-manifest",
            "oci-transport",
            "rooted-folder",
        ],
        TERMINAL,
    ),
    (
        "mirror-collect",
        &[
            "archive-format",
            "catalog-image",
            "cincinnati-graph",
            "fbc-catalog",
            "helm-chart",
            "image-layers",
            "image-ref",
            "image-signature",
            "isc-schema",
            "mirror-content",
            "mirror-job",
            "mirror-plan",
            "oci-manifest",
            "oci-transport",
            "rooted-folder",
        ],
        TERMINAL,
    ),
    (
        "mirror-engine",
        &[
            "archive-format",
            "cincinnati-graph",
            "cluster-resources",
            "fbc-catalog",
            "helm-chart",
            "image-ref",
            "image-signature",
            "isc-schema",
            "mirror-collect",
            "mirror-content",
            "mirror-copy",
            "mirror-job",
            "mirror-plan",
            "mirror-trust",
            "oci-manifest",
            "oci-transport",
            "plan-document",
            "registries-conf",
            "rooted-folder",
        ],
        TERMINAL,
    ),
    ("test-support", &["image-ref"], &[]),
    (
        "oc-mirror",
        &[
            "image-ref",
            "image-signature",
            "isc-schema",
            "mirror-engine",
            "mirror-plan",
            "oci-transport",
            "plan-document",
            "registries-conf",
            "rooted-folder",
        ],
        &[],
    ),
    ("xtask", &["image-ref", "isc-schema", "test-support"], &[]),
];

/// What a terminal needs; libraries tell, the program draws.
const TERMINAL: &[&str] = &["clap", "indicatif", "tracing-subscriber", "anyhow"];

/// A crate that never talks to a network.
const OFFLINE: &[&str] = &["clap", "indicatif", "tracing-subscriber", "anyhow", "tokio", "reqwest", "axum"];

/// A crate that touches nothing outside its arguments.
const PURE: &[&str] =
    &["clap", "indicatif", "tracing-subscriber", "anyhow", "tokio", "reqwest", "axum", "tempfile", "rustix", "tar"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Compares the table with the workspace, in both directions.
pub(crate) fn run() -> anyhow::Result<()> {
    let metadata: Metadata = process::metadata(&["--no-deps"])?;
    let found: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let faults = faults(&found);
    if !faults.is_empty() {
        bail!("the arrows between crates differ from xtask/src/layers.rs:\n  {}", faults.join("\n  "));
    }
    let root = root();
    let folder = |package: &&Package| {
        let folder = Path::new(&package.manifest_path).parent()?;
        Some(folder.strip_prefix(&root).unwrap_or(folder).display().to_string())
    };
    let folders: Vec<String> = found.values().filter_map(folder).collect();
    let (faults, modules) = modules::check(&root, &folders)?;
    if !faults.is_empty() {
        bail!("the arrows between modules differ from xtask/src/modules.rs:\n  {}", faults.join("\n  "));
    }
    say(&format!("layers: {} crates, every arrow points down; {modules} modules, no circle", found.len()));
    Ok(())
}

fn faults(found: &BTreeMap<&str, &Package>) -> Vec<String> {
    let ours: BTreeSet<&str> = found.keys().copied().collect();
    let mut faults = Vec::new();
    for (name, _, _) in LAYERS {
        if !ours.contains(name) {
            faults.push(format!("`{name}` stands in the table but not in the workspace"));
        }
    }
    for (name, package) in found {
        let Some((_, allowed, banned)) = LAYERS.iter().find(|(known, _, _)| known == name) else {
            faults.push(format!("`{name}` has no line in the table"));
            continue;
        };
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            // Tests may lean on test-support and on any tool; the arrows are about what ships.
            if dependency.kind.as_deref() == Some("dev") {
                continue;
            }
            if ours.contains(used) && !allowed.contains(&used) {
                faults.push(format!("`{name}` uses `{used}`, and may use only {allowed:?}"));
            }
            if banned.contains(&used) {
                faults.push(format!("`{name}` depends on `{used}`, which its character forbids"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[(&str, Option<&str>)]) -> Package {
        let dependencies =
            uses.iter().map(|(name, kind)| Dependency { name: (*name).into(), kind: kind.map(Into::into) }).collect();
        Package { name: name.into(), manifest_path: String::new(), dependencies }
    }

    fn check(name: &str, uses: &[(&str, Option<&str>)], expected: &str) {
        let mut packages: Vec<Package> =
            LAYERS.iter().filter(|(known, _, _)| *known != name).map(|(known, _, _)| package(known, &[])).collect();
        packages.push(package(name, uses));
        let found = packages.iter().map(|package| (package.name.as_str(), package)).collect();
        assert_eq!(faults(&found).join("\n"), expected);
    }

    #[test]
    fn arrows() {
        check("isc-schema", &[("image-ref", None), ("serde", None)], "");
        check(
            "isc-schema",
            &[("mirror-plan", None)],
            "`isc-schema` uses `mirror-plan`, and may use only [\"image-ref\"]",
        );
        check("isc-schema", &[("tokio", None)], "`isc-schema` depends on `tokio`, which its character forbids");
        check("oci-transport", &[("test-support", Some("dev"))], "");
        check("newcomer", &[], "`newcomer` has no line in the table");
    }
}
