//! `cargo xtask demo`: the main job end to end, with nothing but Rust: two registries in this process, the real binary
//! between them, and every image pulled back and compared.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use test_support::{Kind, Registry, When, World};

use crate::process::say;
use crate::pull;
use crate::tool::{self, Tool};

/// Runs the demonstration with our binary or another one; fails when anything differs.
pub(crate) fn run(binary: Option<&str>) -> anyhow::Result<()> {
    let binary = match binary {
        Some(binary) => fs::canonicalize(binary).with_context(|| format!("there is no `{binary}`"))?,
        None => tool::build(false)?,
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    // Two machines: what mirrors to disk has a cache, what mirrors from disk has none.
    let connected = Tool::new(&binary, &folder.path().join("connected"))?;
    let enclave = Tool::new(&binary, &folder.path().join("enclave"))?;
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(1);
    world.push_to(&source);
    let lists = world.images.iter().filter(|found| !found.image.children.is_empty()).count();
    say(&format!("source registry       http://{}", source.host()));
    say(&format!("destination registry  http://{}", destination.host()));
    say(&format!(
        "source holds          {} images ({lists} of them multi-arch), {}",
        world.images.len(),
        size(world.size())
    ));

    let configuration = folder.path().join("isc.yaml");
    let references = world.references(source.host());
    fs::write(&configuration, tool::configuration(references.iter().map(String::as_str)))?;
    let configuration = configuration.display().to_string();
    let disk = folder.path().join("disk");
    let disk_url = format!("file://{}", disk.display());

    let to_disk = ["-c", configuration.as_str(), disk_url.as_str(), "--src-tls-verify=false"];
    let seconds = step(&connected, &to_disk)?;
    say(&format!(
        "mirror to disk        {seconds:.1} s, {} from {} requests, archive {}",
        size(source.blob_bytes_served()),
        source.request_count(),
        size(archive_size(&disk)?)
    ));
    source.clear_requests();

    let target = format!("docker://{}/mirror", destination.host());
    let to_mirror =
        ["-c", configuration.as_str(), "--from", disk_url.as_str(), target.as_str(), "--dest-tls-verify=false"];
    let seconds = step(&enclave, &to_mirror)?;
    say(&format!(
        "disk to mirror        {seconds:.1} s, {} in {} requests, none to the source",
        size(destination.bytes_received()),
        destination.request_count()
    ));
    destination.clear_requests();
    let seconds = step(&enclave, &to_mirror)?;
    let sent: u64 = destination
        .requests_matching(&When::kind(Kind::Upload))
        .iter()
        .map(test_support::Request::bytes_received)
        .sum();
    say(&format!("disk to mirror again  {seconds:.1} s, {} in {} requests", size(sent), destination.request_count()));
    ensure!(sent == 0, "the second disk to mirror sent {sent} bytes of blobs that were there");
    ensure!(source.request_count() == 0, "disk to mirror asked the source registry");

    // Last, since it replaces the archive by one that holds what is new: nothing.
    let seconds = step(&connected, &to_disk)?;
    let blobs = source.requests_matching(&When::kind(Kind::Blob).method("GET")).len();
    say(&format!("mirror to disk again  {seconds:.1} s, {blobs} blobs from {} requests", source.request_count()));
    ensure!(blobs == 0, "the second mirror to disk fetched {blobs} blobs that it had");

    let mut total = pull::Found::default();
    for image in &world.images {
        let repository = format!("mirror/{}", image.repository);
        let digest = image.digest().to_string();
        // Contract `config-cli.md` 4.3: what has no tag gets one made of its digest.
        let tag = image.tag.clone().unwrap_or_else(|| image.digest().as_tag());
        let found = pull::verify(destination.host(), &repository, &tag, &digest)
            .with_context(|| format!("{} did not arrive as it was", image.reference("SOURCE")))?;
        total.manifests += found.manifests;
        total.blobs += found.blobs;
        total.bytes += found.bytes;
    }
    say(&format!(
        "pulled back           {} images, {} manifests, {} blobs, {}: every digest is that of the source",
        world.images.len(),
        total.manifests,
        total.blobs,
        size(total.bytes)
    ));
    Ok(())
}

/// Runs the tool; its seconds.
fn step(tool: &Tool, arguments: &[&str]) -> anyhow::Result<f64> {
    let start = Instant::now();
    let Output { status, stdout, stderr } = tool.command(arguments).output().context("cannot start oc-mirror")?;
    if !status.success() {
        let text = [stdout, stderr].concat();
        bail!("`oc-mirror {}` ended with {status}:\n{}", arguments.join(" "), String::from_utf8_lossy(&text));
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The bytes of all chunks in a folder.
fn archive_size(folder: &Path) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "tar") {
            total += entry.metadata()?.len();
        }
    }
    ensure!(total > 0, "mirror to disk left no archive in {}", folder.display());
    Ok(total)
}

fn size(bytes: u64) -> String {
    if bytes < 1_000_000 { format!("{:.1} kB", bytes as f64 / 1e3) } else { format!("{:.1} MB", bytes as f64 / 1e6) }
}
