//! `cargo xtask bench requests`: how often a new image makes the tool ask its source for more than the image.
//!
//! Public registries count requests. What an image needs is each of its manifests once and its blobs; everything else (lists
//! of tags and referrers, questions for signatures, tokens) is counted here, for each new image of a mirror to disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use test_support::{OperatorWorld, Registry, Release, ReleaseSigner, UpdateService};

use super::options;
use crate::process::{complain, say};
use crate::tool::{self, Tool};

/// Components of the release, as real ones have.
const COMPONENTS: usize = 190;
/// Packages of the catalog: a repository for bundles and one for operands each. With the repository of the catalog and that of
/// the image that all share, the world has 300 repositories.
const PACKAGES: usize = 149;
/// How many packages have four versions and not three. With the catalog and the image that all share, the world has 1000 images.
const LONG_PACKAGES: usize = 52;
/// Requests beyond its own for each new image.
const TARGET: f64 = 0.3;

/// Mirrors each world to disk once, and prints a table.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let mut binary: Option<PathBuf> = None;
    options::each(arguments, "--binary", |name, value| {
        if name == "--binary" {
            binary = Some(fs::canonicalize(value)?);
        }
        Ok(name == "--binary")
    })?;
    let binary = match binary {
        Some(binary) => binary,
        None => tool::build(true)?,
    };
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    say(&format!("requests to the source in a mirror to disk; target: {TARGET} beyond its own for each new image\n"));
    say(
        "| world | referrers API | images | own manifests | blobs | beyond | lists of tags | referrers | for each image |",
    );
    say("|---|---|---|---|---|---|---|---|---|");
    for api in [false, true] {
        release(&binary, &temporary.path().join(format!("release-{api}")), api)?;
        operators(&binary, &temporary.path().join(format!("operators-{api}")), api)?;
    }
    Ok(())
}

fn release(binary: &Path, folder: &Path, api: bool) -> anyhow::Result<()> {
    complain("a release");
    let (registry, service) = (Registry::builder().referrers(api).start_blocking(), UpdateService::start_blocking());
    let signer = ReleaseSigner::new("release@bench");
    let release = Release::new("4.99.99", COMPONENTS, COMPONENTS);
    release.push_to(&registry);
    service.signature(release.digest(), 1, signer.sign(&release.identity()));
    let tool = Tool::new(binary, folder)?;
    let key = tool.home().join("key.asc");
    fs::write(&key, signer.public_key())?;
    fs::write(
        tool.home().join("registries.conf"),
        format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{}\"\n", registry.host()),
    )?;
    let body = format!("  platform:\n    release: {}\n", release.by_digest());
    mirror(&tool, &body, |command| {
        command
            .env("OCP_SIGNATURE_URL", service.signature_url())
            .env("OCP_SIGNATURE_VERIFICATION_PK", &key)
            .env("UPDATE_URL_OVERRIDE", service.graph_url());
    })?;
    print("a release of 190 components in one repository", &tool, &registry, api)
}

fn operators(binary: &Path, folder: &Path, api: bool) -> anyhow::Result<()> {
    complain("operators");
    let registry = Registry::builder().referrers(api).start_blocking();
    let names: Vec<String> = (0..PACKAGES).map(|at| format!("operator-{at}")).collect();
    let versions = ["0.1.0", "0.2.0", "0.3.0", "0.4.0"];
    let packages: Vec<(&str, &[&str])> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), &versions[..if at < LONG_PACKAGES { 4 } else { 3 }]))
        .collect();
    let world = OperatorWorld::new(registry.host(), &packages);
    world.push_to(&registry);
    let tool = Tool::new(binary, folder)?;
    let body = format!("  operators:\n  - catalog: {}\n    full: true\n", world.catalog.reference(registry.host()));
    mirror(&tool, &body, |_| ())?;
    print("operators: 1000 images in 300 repositories", &tool, &registry, api)
}

fn mirror(tool: &Tool, body: &str, adapt: impl FnOnce(&mut std::process::Command)) -> anyhow::Result<()> {
    let head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n";
    fs::write(tool.home().join("isc.yaml"), format!("{head}{body}"))?;
    let mut command = tool.command(&["-c", "isc.yaml", "file://disk", "--src-tls-verify=false"]);
    adapt(&mut command);
    let output = command.output().context("cannot start oc-mirror")?;
    ensure!(output.status.success(), "oc-mirror failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// One row: what the result document counts at the source, beside what the registry has.
fn print(world: &str, tool: &Tool, registry: &Registry, api: bool) -> anyhow::Result<()> {
    let logs = tool.home().join("disk/working-dir/logs");
    let document = fs::read_dir(&logs)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .with_context(|| format!("no result document in {}", logs.display()))?;
    let document: Value = serde_json::from_slice(&fs::read(document)?)?;
    let images = document["images"].as_array().map_or(0, Vec::len);
    let counted = document["requests"].as_array().into_iter().flatten();
    let counts = counted.filter(|entry| entry["host"] == registry.host()).find(|entry| entry["side"] == "source");
    let counts = counts.context("the result document counts no requests to the source")?;
    let count = |kind: &str| counts[kind].as_u64().unwrap_or(0);
    let kinds = ["manifests", "blobs", "uploads", "tags", "referrers", "tokens", "other"];
    let total: u64 = kinds.into_iter().map(count).sum();
    let seen = registry.request_count() as u64;
    // The first contact tries TLS, and a registry without TLS sees no request in that.
    ensure!((seen..=seen + 1).contains(&total), "the result document counts {total} requests, the registry {seen}");
    // Each manifest that the source has was needed once.
    let own: usize = registry.snapshot().manifests.values().map(distinct).sum();
    let beyond = total - count("blobs") - own as u64;
    #[expect(clippy::cast_precision_loss, reason = "both are small")]
    let each = beyond as f64 / images as f64;
    say(&format!(
        "| {world} | {} | {images} | {own} | {} | {beyond} | {} | {} | {each:.3} |",
        if api { "yes" } else { "no" },
        count("blobs"),
        count("tags"),
        count("referrers")
    ));
    Ok(())
}

/// The manifests of a repository: those that tags name have a digest of their own in the snapshot.
fn distinct(names: &std::collections::BTreeMap<String, (String, image_ref::Digest)>) -> usize {
    names.values().map(|(_, digest)| digest).collect::<std::collections::BTreeSet<_>>().len()
}
