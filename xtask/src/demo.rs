//! `cargo xtask demo`: the main job end to end, with nothing but Rust: registries, an update service and a signer in this
//! process, the real binary between them, and every image pulled back and compared.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use test_support::{Kind, OperatorWorld, Registry, ReleaseSigner, When};

use crate::outside::Outside;
use crate::process::say;
use crate::pull;
use crate::tool::{self, Tool};

/// Runs the demonstration with our binary or another one; fails when anything differs. `--keep` leaves the folder, with the
/// configuration and the commands, and the registries as long as standard input is open.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    let (mut binary, mut is_kept) = (None, false);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match *word {
            "--keep" => is_kept = true,
            "--binary" => binary = Some(words.next().context("--binary needs a path")?),
            other => bail!("unknown option {other}: there are --binary PATH and --keep"),
        }
    }
    let binary = if let Some(binary) = binary {
        fs::canonicalize(binary).with_context(|| format!("there is no `{binary}`"))?
    } else {
        say("demo: building oc-mirror first; from an empty target folder this takes some minutes");
        tool::build(false)?
    };
    let mut folder = tempfile::Builder::new().prefix("oc-mirror-demo-").tempdir().context("cannot make a folder")?;
    folder.disable_cleanup(is_kept);
    // Two machines: what mirrors to disk has a cache and the network, what mirrors from disk has neither.
    let connected = Tool::new(&binary, &folder.path().join("connected"))?;
    let enclave = Tool::new(&binary, &folder.path().join("enclave"))?;
    let signer = ReleaseSigner::new("release@demo");
    let outside = Outside::new(&signer);
    let destination = Registry::start_blocking();
    let expected = outside.expected();
    say(&format!(
        "outside of the gap    registry http://{0}, update service http://{1}",
        outside.source.host(),
        outside.service.host()
    ));
    say(&format!("inside                registry http://{}", destination.host()));
    say(&format!(
        "to be mirrored        release 4.99.1 (signed, {} components), 3 of 5 versions in a catalog, {} images",
        outside.release.components.len(),
        outside.images.images.len()
    ));

    let key = folder.path().join("key.asc");
    fs::write(&key, signer.public_key())?;
    outside.lead_there(connected.home())?;
    let outside_of = |command: &mut Command| outside.settle(command, &key);
    let inside_of = |command: &mut Command| {
        // Whoever asked anybody but the destination would end here.
        command.env("OCP_SIGNATURE_VERIFICATION_PK", &key).env("OCP_SIGNATURE_URL", "http://127.0.0.1:1/");
    };
    let configuration = folder.path().join("isc.yaml");
    fs::write(&configuration, outside.configuration())?;
    let configuration = configuration.display().to_string();
    let disk = folder.path().join("disk");
    let disk_url = format!("file://{}", disk.display());
    let to_disk = ["-c", configuration.as_str(), disk_url.as_str(), "--src-tls-verify=false"];
    let seconds = step(connected.command(&to_disk), outside_of)?;
    let source = &outside.source;
    say(&format!(
        "mirror to disk        {seconds:.1} s, {} from {} requests, archive {}",
        size(source.blob_bytes_served()),
        source.request_count(),
        size(archive_size(&disk)?)
    ));
    source.clear_requests();
    outside.service.clear_requests();

    let target = format!("docker://{}/mirror", destination.host());
    let to_mirror =
        ["-c", configuration.as_str(), "--from", disk_url.as_str(), target.as_str(), "--dest-tls-verify=false"];
    let seconds = step(enclave.command(&to_mirror), inside_of)?;
    say(&format!(
        "disk to mirror        {seconds:.1} s, {} in {} requests, none to the outside",
        size(destination.bytes_received()),
        destination.request_count()
    ));
    let resources = resources(&disk.join("working-dir/cluster-resources"))?;
    destination.clear_requests();
    let seconds = step(enclave.command(&to_mirror), inside_of)?;
    let sent: u64 = destination
        .requests_matching(&When::kind(Kind::Upload))
        .iter()
        .map(test_support::Request::bytes_received)
        .sum();
    say(&format!("disk to mirror again  {seconds:.1} s, {} in {} requests", size(sent), destination.request_count()));
    ensure!(sent == 0, "the second disk to mirror sent {sent} bytes of blobs that were there");
    ensure!(source.request_count() == 0, "disk to mirror asked the source registry");
    ensure!(outside.service.requests().is_empty(), "disk to mirror asked the update service");

    // Last, since it replaces the archive by one that holds what is new: nothing.
    let seconds = step(connected.command(&to_disk), outside_of)?;
    let blobs = source.requests_matching(&When::kind(Kind::Blob).method("GET")).len();
    say(&format!("mirror to disk again  {seconds:.1} s, {blobs} blobs from {} requests", source.request_count()));
    ensure!(blobs == 0, "the second mirror to disk fetched {blobs} blobs that it had");

    let mut total = pull::Found::default();
    for (repository, tag, digest) in &expected {
        let found = pull::verify(destination.host(), &format!("mirror/{repository}"), tag, digest)
            .with_context(|| format!("{repository}:{tag} did not arrive as it was"))?;
        total.manifests += found.manifests;
        total.blobs += found.blobs;
        total.bytes += found.bytes;
    }
    let left_out = OperatorWorld::bundle("foo", "0.1.0");
    let repository = format!("mirror/{}", left_out.repository);
    ensure!(destination.manifest(&repository, "0.1.0").is_none(), "foo 0.1.0 was not asked for, and is there");
    say(&format!(
        "pulled back           {} images, {} manifests, {} blobs, {}: every digest is that of the source",
        expected.len(),
        total.manifests,
        total.blobs,
        size(total.bytes)
    ));
    let catalog = destination.manifest("mirror/cat/index", "v1").context("the catalog is not at the destination")?;
    let found = pull::verify(destination.host(), "mirror/cat/index", "v1", &catalog.digest.to_string())?;
    say(&format!("catalog               rebuilt with what was selected, {} blobs, each with its digest", found.blobs));
    say(&format!("for the cluster       {}", resources.join("\n                      ")));
    if is_kept {
        let commands = [connected.shown(&to_disk, outside_of), enclave.shown(&to_mirror, inside_of)];
        keep(folder.path(), &commands)?;
    } else {
        say(
            "next                  `cargo xtask demo --keep` keeps configuration, archive and registries to try for yourself;",
        );
        say("                      docs/guide/first-mirror.md mirrors what you need");
    }
    Ok(())
}

/// Says what is left, and keeps the registries until standard input ends.
fn keep(folder: &Path, commands: &[String]) -> anyhow::Result<()> {
    let script = folder.join("commands.sh");
    fs::write(&script, format!("#!/bin/sh -eu\n# The two commands of the demonstration.\n{}\n", commands.join("\n")))?;
    say(&format!("kept                  {}: isc.yaml, disk, and the two commands in commands.sh", folder.display()));
    say(&format!(
        "                      try `sh {}` in another terminal; the registries run until Ctrl-D here",
        script.display()
    ));
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).context("cannot wait for the end of input")?;
    Ok(())
}

/// One line for each file of cluster resources: its name and what is in it.
fn resources(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let value = |key: &str| {
            let found =
                text.lines().filter_map(move |line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
            found.collect::<Vec<String>>()
        };
        let kinds = value("kind:").into_iter().zip(value("  name:"));
        let kinds: Vec<String> = kinds.map(|(kind, name)| format!("{kind} {name}")).collect();
        lines.push(format!("{}: {}", path.file_name().unwrap_or_default().display(), kinds.join(", ")));
    }
    lines.sort();
    ensure!(lines.len() == 5, "expected IDMS, ITMS, CatalogSource, ClusterCatalog and ConfigMap, found {lines:?}");
    Ok(lines)
}

/// Runs the tool; its seconds.
fn step(mut command: Command, settle: impl Fn(&mut Command)) -> anyhow::Result<f64> {
    settle(&mut command);
    let start = Instant::now();
    let Output { status, stdout, stderr } = command.output().context("cannot start oc-mirror")?;
    if !status.success() {
        let text = [stdout, stderr].concat();
        bail!("`{command:?}` ended with {status}:\n{}", String::from_utf8_lossy(&text));
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
