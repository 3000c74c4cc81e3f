//! A published catalog from end to end: registry, disk, second registry, and out again with `skopeo`.
//!
//! The catalog is real data, in which only digests are exchanged: those of the images that are selected, which are made
//! up here, because nobody can make an image for a given digest. `registries.conf` leads every public host to the local
//! registry. Where the real data is absent, a generated catalog of the same shape takes its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use test_support::{
    CatalogBuilder, DebianRegistry, GeneratedCatalog, Image, ImageBuilder, IndexBuilder, Layer, Skopeo,
};

use crate::catalog_image::{Instance, instances, instances_of};
use crate::harness::Home;

/// Where the catalog is published.
const CATALOG: &str = "registry.redhat.io/redhat/certified-operator-index";

/// What is asked for, and what comes of it.
struct Selection {
    /// `packages` of the configuration.
    packages: &'static str,
    /// `package default | channel: entries | …`, one package a line; entries without the package's prefix.
    expected: &'static str,
}

/// Heads, ranges over `skips`, two channels of which one has a bound, another default channel, images by tag, by digest
/// and by both.
const OF_REAL: Selection = Selection {
    packages: "
- name: hulft
  minVersion: 10.4.0
  maxVersion: 10.5.0
- name: minio-object-store-operator
- name: tigera-operator
  channels:
  - {name: release-v1.38, minVersion: 1.38.1}
  - {name: release-v1.40}
- name: stackable-commons-operator
  defaultChannel: '26.7'
  channels:
  - {name: '26.7'}
- name: nutanixcsioperator
  minVersion: 3.7.0
  maxVersion: 3.7.2
- name: nvidia-network-operator
  channels:
  - {name: v26.4}",
    expected: "
hulft stable | stable: hulft.v10.4.0 hulft.v10.5.0
minio-object-store-operator stable | stable: minio-object-store-operator.v2026.7.21224148
tigera-operator release-v1.40 | release-v1.38: tigera-operator.v1.38.1 tigera-operator.v1.38.2 | release-v1.40: tigera-operator.v1.40.4
stackable-commons-operator 26.7 | 26.7: commons-operator.v26.7.0
nutanixcsioperator stable-3.x | stable-3.x: nutanixcsioperator.v3.7.0 nutanixcsioperator.v3.7.1 nutanixcsioperator.v3.7.2
nvidia-network-operator v26.4 | v26.4: nvidia-network-operator.v26.4.1",
};

const OF_GENERATED: Selection = Selection {
    packages: "
- name: operator-001
- name: operator-003
  minVersion: 1.3.0
  maxVersion: 1.6.9
- name: operator-004
  channels:
  - {name: candidate, minVersion: 1.6.3}
  - {name: stable}",
    expected: "
operator-001 stable | stable: operator-001.v2.3.3
operator-003 stable | stable: operator-003.v1.3.4 operator-003.v1.4.2 operator-003.v1.5.0 operator-003.v1.6.3
operator-004 stable | candidate: operator-004.v1.6.3 operator-004.v1.7.1 operator-004.v2.0.4 operator-004.v2.1.2 operator-004.v2.2.0 operator-004.v2.3.3 | stable: operator-004.v2.3.3",
};

#[test]
fn a_published_catalog_crosses_the_gap() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/fbc/certified-operators-v4.18.tar.xz");
    if !data.is_file() {
        eprintln!("skipped: there is no {}", data.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar").arg("-xJf").arg(&data).arg("-C").arg(folder.path()).output();
    if !unpacked.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `tar` with `xz` cannot unpack the catalog: {unpacked:?}");
        return;
    }
    let root = folder.path().join("configs");
    let files = std::fs::read_dir(&root).unwrap().map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = std::fs::read_to_string(root.join(&name).join("catalog.yaml")).unwrap();
        (format!("{name}/catalog.yaml"), text)
    });
    check(files.collect(), &OF_REAL);
}

#[test]
fn a_generated_catalog_crosses_the_gap() {
    let shape = GeneratedCatalog { packages: 6, ..GeneratedCatalog::with_metadata() };
    check(shape.files().collect(), &OF_GENERATED);
}

fn check(mut files: BTreeMap<String, String>, selection: &Selection) {
    let (Some(source), Some(destination), Some(skopeo)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find())
    else {
        return;
    };
    let expected = Expected::parse(selection.expected);
    let mut hosts = BTreeSet::from(["registry.redhat.io".to_owned()]);
    for package in expected.packages.keys() {
        let text = files.get_mut(&format!("{package}/catalog.yaml")).unwrap();
        *text = publish_images(&source, text, &mut hosts);
    }
    let bytes = files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes()));
    let catalog = CatalogBuilder::new().files(bytes).architectures(&["amd64", "arm64"]).oci().build();
    source.push(CATALOG, "v4.18", &catalog);

    let home = Home::new();
    let conf = home.write("registries.conf", redirections(&hosts, source.host()));
    let home = home.variable("CONTAINERS_REGISTRIES_CONF", conf);
    let mut configuration = format!("operators:\n- catalog: {CATALOG}:v4.18\n  packages:\n");
    for line in selection.packages.lines().skip(1) {
        writeln!(configuration, "  {line}").unwrap();
    }
    home.configuration(&configuration);
    home.to_disk(&[]).code(0);
    // The other side of the gap has the archive and nothing else.
    drop(source);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);

    let (_, repository) = CATALOG.split_once('/').unwrap();
    let published = format!("{}/m/{repository}:v4.18", destination.host());
    let layout = home.path().join("layout");
    skopeo.copy_all(&format!("docker://{published}"), &format!("oci:{}:catalog", layout.display())).unwrap();
    let read = |digest: &str| std::fs::read(layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
    let made = instances(&read, &skopeo.digest(&published).unwrap().to_string());
    assert_eq!(made.len(), 2);
    for (made, source) in made.iter().zip(&instances_of(&catalog)) {
        made.assert_startable(source);
        expected.assert_served(made, &files);
    }
    let images = expected.images(&files);
    assert!(images.len() > 10, "{images:?}");
    for (name, digest) in images {
        let found = skopeo.digest(&format!("{}/m/{name}", destination.host()));
        assert_eq!(found.unwrap().to_string(), digest, "{name}");
    }
}

/// Makes an image for every reference of a package, and gives the text with the digests of these.
fn publish_images(source: &DebianRegistry, text: &str, hosts: &mut BTreeSet<String>) -> String {
    let mut rewritten = text.to_owned();
    for reference in references(text) {
        let (name, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest)));
        let (host, path) = name.split_once('/').unwrap();
        let (repository, tag) = path.rsplit_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
        let image = made_image(reference);
        source.push(&format!("{host}/{repository}"), tag, &image);
        hosts.insert(host.to_owned());
        if let Some(digest) = digest {
            rewritten = rewritten.replace(digest, &image.digest.to_string());
        }
    }
    rewritten
}

/// A small image that belongs to a reference; every third one is multi-arch. Two references of one digest, as they
/// occur in catalogs, get the same image.
fn made_image(reference: &str) -> Image {
    let key = reference.split_once('@').map_or(reference, |(_, digest)| digest);
    let seed = key.bytes().fold(17_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    if seed.is_multiple_of(3) {
        IndexBuilder::oci().architectures(&["amd64", "arm64"], seed, 2000).build()
    } else {
        ImageBuilder::docker().layer(Layer::random(seed, 2000)).build()
    }
}

/// The texts of the lines `image: …`, each once.
fn references(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("image: ")).collect()
}

fn redirections(hosts: &BTreeSet<String>, local: &str) -> String {
    hosts.iter().fold(String::new(), |mut conf, host| {
        writeln!(conf, "[[registry]]\nprefix = \"{host}\"\nlocation = \"{local}/{host}\"\ninsecure = true\n").unwrap();
        conf
    })
}

/// What a selection leaves of the packages it names.
struct Expected {
    packages: BTreeMap<String, Kept>,
}

struct Kept {
    default_channel: String,
    /// Entries by channel.
    channels: BTreeMap<String, Vec<String>>,
}

impl Expected {
    fn parse(text: &str) -> Self {
        let packages = text.lines().filter(|line| !line.is_empty()).map(|line| {
            let mut parts = line.split(" | ");
            let (package, default_channel) = parts.next().unwrap().split_once(' ').unwrap();
            let channels = parts.map(|part| {
                let (channel, entries) = part.split_once(": ").unwrap();
                (channel.to_owned(), entries.split(' ').map(str::to_owned).collect())
            });
            (package.to_owned(), Kept { default_channel: default_channel.to_owned(), channels: channels.collect() })
        });
        Self { packages: packages.collect() }
    }

    /// Asserts that an image serves these packages, and of each exactly what is expected, word by word as in the source.
    fn assert_served(&self, made: &Instance, source: &BTreeMap<String, String>) {
        let served: BTreeMap<String, Vec<u8>> = made.served().into_iter().collect();
        let paths: Vec<String> = self.packages.keys().map(|package| format!("{package}/catalog.json")).collect();
        assert_eq!(served.keys().cloned().collect::<Vec<_>>(), paths);
        for (package, kept) in &self.packages {
            let found = serde_json::Deserializer::from_slice(&served[&format!("{package}/catalog.json")]);
            let mut found: Vec<Value> = found.into_iter().map(Result::unwrap).collect();
            let mut wanted: Vec<Value> =
                documents(package, source).into_iter().filter_map(|document| kept.leave(document)).collect();
            found.sort_by_key(key);
            wanted.sort_by_key(key);
            assert_eq!(found.iter().map(key).collect::<Vec<_>>(), wanted.iter().map(key).collect::<Vec<_>>());
            assert!(found == wanted, "{package} differs in something else than its documents");
        }
    }

    /// The images of the kept bundles: `repository:tag` at the destination, and digest.
    fn images(&self, source: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut images = BTreeMap::new();
        for (package, kept) in &self.packages {
            for bundle in documents(package, source).into_iter().filter_map(|document| kept.leave(document)) {
                let related = bundle["relatedImages"].as_array().into_iter().flatten().map(|image| &image["image"]);
                for reference in related.chain([&bundle["image"]]).filter_map(Value::as_str) {
                    let (name, digest) = match reference.split_once('@') {
                        Some((name, digest)) => (name, digest.to_owned()),
                        None => (reference, made_image(reference).digest.to_string()),
                    };
                    let (_, path) = name.split_once('/').unwrap();
                    let tagged = if path.contains(':') {
                        path.to_owned()
                    } else {
                        format!("{path}:{}", digest.replace(':', "-"))
                    };
                    images.insert(tagged, digest);
                }
            }
        }
        images
    }
}

impl Kept {
    /// What is left of a document of the package, by rules written down here once more.
    fn leave(&self, mut document: Value) -> Option<Value> {
        let name = document["name"].as_str().unwrap_or_default().to_owned();
        match document["schema"].as_str().unwrap() {
            "olm.package" => document["defaultChannel"] = self.default_channel.as_str().into(),
            "olm.channel" => {
                let kept = self.channels.get(&name)?;
                let entries = document["entries"].as_array_mut().unwrap();
                entries.retain(|entry| kept.iter().any(|kept| entry["name"] == kept.as_str()));
                assert_eq!(entries.len(), kept.len(), "the catalog lacks one of {kept:?}");
            }
            "olm.bundle" if !self.channels.values().flatten().any(|kept| *kept == name) => return None,
            _ => {}
        }
        Some(document)
    }
}

fn documents(package: &str, source: &BTreeMap<String, String>) -> Vec<Value> {
    let text = &source[&format!("{package}/catalog.yaml")];
    let documents = format!("\n{text}");
    let documents = documents.split("\n---\n").filter(|document| !document.trim().is_empty());
    documents.map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

fn key(document: &Value) -> String {
    format!("{} {}", document["schema"], document["name"])
}
