//! `cargo xtask deny`: what may enter the build, by `deny.toml`: licences, crates that stay out, sources.
//!
//! Reads the same file as `cargo deny check licenses bans sources`, and refuses a file that says more than this check knows.
//! Why the gate does not install `cargo-deny`: `docs/adr/0010-own-check-of-dependencies.md`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::process::{self, root, say};

/// The sources of crates that `unknown-registry = "deny"` lets pass.
const REGISTRIES: &[&str] =
    &["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// Checks every crate that a build for one of the targets takes in, and lists every fault at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let path = root().join("deny.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rules: Rules = toml::from_str(&text).context("deny.toml")?;
    let platforms = rules.graph.targets.iter().flat_map(|target| ["--filter-platform", target]);
    let metadata: Metadata = process::metadata(&std::iter::once("--locked").chain(platforms).collect::<Vec<_>>())?;
    let faults = faults(&rules, &metadata)?;
    if faults.is_empty() {
        say(&format!("deny: {} crates", metadata.packages.len()));
        return Ok(());
    }
    bail!("{} rules of deny.toml are broken:\n  {}", faults.len(), faults.join("\n  "));
}

/// The part of `deny.toml` that this check knows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Rules {
    graph: GraphRules,
    licenses: LicenceRules,
    bans: BanRules,
    /// Whatever is unknown is denied: the types know nothing else.
    #[serde(rename = "sources")]
    _sources: SourceRules,
    /// Needs a database from the network: only `cargo deny check advisories` reads it.
    #[serde(rename = "advisories")]
    _advisories: toml::Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphRules {
    targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LicenceRules {
    allow: BTreeSet<String>,
    private: Private,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Private {
    ignore: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BanRules {
    multiple_versions: Allowed,
    wildcards: Denied,
    allow_wildcard_paths: bool,
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SourceRules {
    #[serde(rename = "unknown-git")]
    _unknown_git: Denied,
    #[serde(rename = "unknown-registry")]
    _unknown_registry: Denied,
}

/// The only choice that this check has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Denied {
    Deny,
}

/// The only choice that this check has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Allowed {
    Allow,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
    #[serde(default)]
    wrappers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    /// An empty list for a crate that is never published.
    publish: Option<Vec<String>>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    req: String,
    path: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// What breaks the rules, sorted.
fn faults(rules: &Rules, metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let resolved: BTreeSet<&str> = metadata.resolve.nodes.iter().map(|node| node.id.as_str()).collect();
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .filter(|package| resolved.contains(package.id.as_str()))
        .map(|package| (package.id.as_str(), package))
        .collect();
    let name = |id: &str| packages.get(id).map(|package| package.name.as_str());
    let Allowed::Allow = rules.bans.multiple_versions;
    let Denied::Deny = rules.bans.wildcards;
    let mut faults = Vec::new();
    for package in packages.values() {
        let about = format!("{} {}", package.name, package.version);
        let is_private = package.publish.as_ref().is_some_and(Vec::is_empty);
        if !(is_private && rules.licenses.private.ignore) {
            match &package.license {
                None => faults.push(format!("{about}: names no licence")),
                Some(text) if is_allowed(text, &rules.licenses.allow).with_context(|| about.clone())? => {}
                Some(text) => faults.push(format!("{about}: `{text}` is not among the allowed licences")),
            }
        }
        match &package.source {
            None if metadata.workspace_members.contains(&package.id) => {}
            Some(source) if REGISTRIES.contains(&source.as_str()) => {}
            source => faults.push(format!("{about}: comes from {}", source.as_deref().unwrap_or("a folder"))),
        }
        if metadata.workspace_members.contains(&package.id) {
            for dependency in &package.dependencies {
                let is_path = dependency.path.is_some() && rules.bans.allow_wildcard_paths;
                if dependency.req == "*" && !is_path {
                    faults.push(format!("{about}: takes any version of {}", dependency.name));
                }
            }
        }
    }
    for ban in &rules.bans.deny {
        for node in &metadata.resolve.nodes {
            let uses = node.dependencies.iter().any(|id| name(id) == Some(ban.name.as_str()));
            let user = name(&node.id).unwrap_or(&node.id);
            if uses && !ban.wrappers.iter().any(|wrapper| wrapper == user) {
                faults.push(format!("{user}: uses {}, which stays out: {}", ban.name, ban.reason));
            }
        }
    }
    faults.sort();
    faults.dedup();
    Ok(faults)
}

/// Whether a licence expression (SPDX; older crates write `/` for `OR`) can be satisfied by the allowed licences.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> anyhow::Result<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let outcome = any_of(&mut words, allowed).with_context(|| format!("the licence `{expression}`"))?;
    if let Some(word) = words.next() {
        bail!("the licence `{expression}`: `{word}` is not expected there");
    }
    Ok(outcome)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> anyhow::Result<bool> {
    let mut outcome = all_of(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        outcome |= all_of(words, allowed)?;
    }
    Ok(outcome)
}

fn all_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> anyhow::Result<bool> {
    let mut outcome = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        outcome &= one(words, allowed)?;
    }
    Ok(outcome)
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> anyhow::Result<bool> {
    let word = words.next().context("it ends too early")?;
    if word == "(" {
        let outcome = any_of(words, allowed)?;
        words.next_if_eq(&")").context("a bracket is not closed")?;
        return Ok(outcome);
    }
    if ["AND", "OR", "WITH", ")"].contains(&word) {
        bail!("`{word}` is not expected there");
    }
    let mut name = word.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", words.next().context("it ends too early")?);
    }
    Ok(allowed.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Zlib"].map(str::to_owned).into();
        let rows = [
            ("MIT", Some(true)),
            ("MIT/Apache-2.0", Some(true)),
            ("GPL-3.0", Some(false)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("GPL-3.0 AND MIT", Some(false)),
            ("MIT AND (Apache-2.0 OR GPL-3.0)", Some(true)),
            ("(MIT OR Zlib) AND GPL-3.0", Some(false)),
            // `AND` binds more strongly.
            ("MIT OR Zlib AND GPL-3.0", Some(true)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT WITH LLVM-exception", Some(false)),
            ("", None),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT)", None),
            ("MIT Zlib", None),
            ("AND MIT", None),
        ];
        for (text, expected) in rows {
            assert_eq!(is_allowed(text, &allowed).ok(), expected, "{text}");
        }
    }

    const RULES: &str = r#"
        [graph]
        targets = ["x86_64-unknown-linux-gnu"]
        [licenses]
        allow = ["MIT"]
        private = { ignore = true }
        [bans]
        multiple-versions = "allow"
        wildcards = "deny"
        allow-wildcard-paths = true
        deny = [{ crate = "a", reason = "we have b" }, { crate = "c", wrappers = ["ours"], reason = "one user" }]
        [sources]
        unknown-git = "deny"
        unknown-registry = "deny"
        [advisories]
        yanked = "deny"
    "#;

    fn package(name: &str, source: Option<&str>, more: &str) -> String {
        let source = source.map_or("null".to_owned(), |source| format!("\"{source}\""));
        let more = if more.is_empty() { r#""license": "MIT", "publish": null, "dependencies": []"# } else { more };
        format!(r#"{{"id": "{name}", "name": "{name}", "version": "1.0.0", "source": {source}, {more}}}"#)
    }

    fn check(packages: &[String], edges: &[(&str, &str)], expected: &[&str]) {
        let ours = package("ours", None, r#""license": null, "publish": [], "dependencies": []"#);
        let names: Vec<String> = std::iter::once(&ours)
            .chain(packages)
            .map(|text| serde_json::from_str::<Package>(text).unwrap().name)
            .collect();
        let nodes: Vec<String> = names
            .iter()
            .map(|name| {
                let of = edges.iter().filter(|(from, _)| from == name).map(|(_, to)| *to).collect::<Vec<_>>();
                format!(r#"{{"id": "{name}", "dependencies": {}}}"#, serde_json::to_string(&of).unwrap())
            })
            .collect();
        let all = std::iter::once(&ours).chain(packages).cloned().collect::<Vec<_>>().join(", ");
        let text = format!(
            r#"{{"packages": [{all}], "resolve": {{"nodes": [{}]}}, "workspace_members": ["ours", "mine"]}}"#,
            nodes.join(", ")
        );
        let rules: Rules = toml::from_str(RULES).unwrap();
        assert_eq!(faults(&rules, &serde_json::from_str(&text).unwrap()).unwrap(), expected);
    }

    #[test]
    fn every_rule_is_held() {
        let registry = Some(REGISTRIES[0]);
        let of = |licence: &str| format!(r#""license": {licence}, "publish": null, "dependencies": []"#);
        check(&[package("b", registry, "")], &[("ours", "b")], &[]);
        check(&[package("a", registry, "")], &[("ours", "a")], &["ours: uses a, which stays out: we have b"]);
        check(
            &[package("b", registry, ""), package("c", registry, "")],
            &[("ours", "c"), ("b", "c")],
            &["b: uses c, which stays out: one user"],
        );
        check(
            &[package("b", registry, &of(r#""GPL-3.0""#)), package("d", registry, &of("null"))],
            &[],
            &["b 1.0.0: `GPL-3.0` is not among the allowed licences", "d 1.0.0: names no licence"],
        );
        check(
            &[package("b", Some("git+https://git.example/b"), ""), package("d", None, "")],
            &[],
            &["b 1.0.0: comes from git+https://git.example/b", "d 1.0.0: comes from a folder"],
        );
        let wild = r#""license": "MIT", "publish": [], "dependencies": [
            {"name": "b", "req": "*", "path": null}, {"name": "e", "req": "*", "path": "/e"}]"#;
        check(&[package("mine", None, wild)], &[], &["mine 1.0.0: takes any version of b"]);
    }

    #[test]
    fn a_rule_that_is_not_known_is_refused() {
        for more in ["[licenses.clarify]\n", "[output]\n", "[bans.workspace-dependencies]\n"] {
            assert!(toml::from_str::<Rules>(&format!("{RULES}\n{more}")).is_err(), "{more}");
        }
        let lenient = RULES.replace("unknown-git = \"deny\"", "unknown-git = \"allow\"");
        assert!(toml::from_str::<Rules>(&lenient).is_err());
    }
}
