//! `cargo xtask demo`: the main job end to end, with nothing but Rust: registries, an update service and a signer in this
//! process, the real binary between them, and every image pulled back and compared.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use test_support::{Kind, OperatorWorld, Registry, Release, ReleaseSigner, UpdateService, When, World, update_graph};

use crate::process::say;
use crate::pull;
use crate::tool::{self, Tool};

/// The operators there are, of which the configuration takes `foo` from 0.2.0 on and the head of `bar`.
const OPERATORS: &[(&str, &[&str])] = &[("foo", &["0.1.0", "0.2.0", "0.3.0"]), ("bar", &["1.0.0", "1.1.0"])];
/// What the configuration takes.
const SELECTED: [(&str, &str); 3] = [("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")];

/// Everything outside of the gap.
struct Outside {
    source: Registry,
    service: UpdateService,
    release: Release,
    operators: OperatorWorld,
    images: World,
}

impl Outside {
    fn new(signer: &ReleaseSigner) -> Self {
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        let release = Release::new("4.99.1", 12, 12);
        let operators = OperatorWorld::new(source.host(), OPERATORS);
        let images = World::small(1);
        release.push_to(&source);
        operators.push_to(&source);
        images.push_to(&source);
        service.signature(release.digest(), 1, signer.sign(&release.identity()));
        service.graph("amd64", "stable-4.99", &update_graph([("4.99.1", release.by_digest())], []));
        Self { source, service, release, operators, images }
    }

    /// The configuration: a channel, a selection of operators, and all additional images.
    fn configuration(&self) -> String {
        let images = self.images.references(self.source.host());
        let mut text = tool::configuration(images.iter().map(String::as_str));
        text.push_str("  platform:\n    channels:\n    - name: stable-4.99\n  operators:\n  - catalog: ");
        text.push_str(&self.operators.catalog.reference(self.source.host()));
        text.push_str("\n    packages:\n    - name: foo\n      minVersion: 0.2.0\n    - name: bar\n");
        text
    }

    /// What is to arrive as it was: repository below the namespace, tag and digest.
    fn expected(&self) -> Vec<(String, String, String)> {
        let mut expected =
            vec![("openshift/release-images".to_owned(), self.release.tag.clone(), self.release.digest().to_string())];
        for (name, image) in &self.release.components {
            let tag = format!("{}-{name}", self.release.tag);
            expected.push(("openshift/release".to_owned(), tag, image.digest.to_string()));
        }
        let selected = SELECTED
            .iter()
            .flat_map(|(package, version)| {
                [OperatorWorld::bundle(package, version), OperatorWorld::operand(package, version)]
            })
            .chain(self.operators.images.last().cloned());
        for image in selected.chain(self.images.images.iter().cloned()) {
            // Contract `config-cli.md` 4.3: what has no tag gets one made of its digest.
            let tag = image.tag.clone().unwrap_or_else(|| image.digest().as_tag());
            expected.push((image.repository.clone(), tag, image.digest().to_string()));
        }
        expected
    }
}

/// Runs the demonstration with our binary or another one; fails when anything differs.
pub(crate) fn run(binary: Option<&str>) -> anyhow::Result<()> {
    let binary = match binary {
        Some(binary) => fs::canonicalize(binary).with_context(|| format!("there is no `{binary}`"))?,
        None => tool::build(false)?,
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
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
    // The references inside a release name quay.io.
    let redirect =
        format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{0}\"\ninsecure = true\n", outside.source.host());
    fs::write(connected.home().join("registries.conf"), redirect)?;
    let outside_of = |command: &mut Command| {
        command
            .env("OCP_SIGNATURE_VERIFICATION_PK", &key)
            .env("OCP_SIGNATURE_URL", outside.service.signature_url())
            .env("UPDATE_URL_OVERRIDE", outside.service.graph_url());
    };
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
