//! Operator catalogs: read, select, rebuild, mirror, through an archive and back out of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use test_support::{CatalogBuilder, DebianRegistry, Image, ImageBuilder, IndexBuilder, Layer, Registry, Skopeo};

use crate::harness::Home;

/// Versions of the two operators of the test catalog.
const BUNDLES: [(&str, &str, &str); 5] = [
    ("foo", "0.1.0", ""),
    ("foo", "0.2.0", "0.1.0"),
    ("foo", "0.3.0", "0.2.0"),
    ("bar", "1.0.0", ""),
    ("bar", "1.1.0", "1.0.0"),
];

/// Something that takes images: a registry in this process or a real one.
pub(crate) trait Target {
    fn host(&self) -> &str;
    fn put(&self, repository: &str, tag: &str, image: &Image);
}

impl Target for Registry {
    fn host(&self) -> &str {
        self.host()
    }

    fn put(&self, repository: &str, tag: &str, image: &Image) {
        self.push(repository, tag, image);
    }
}

impl Target for DebianRegistry {
    fn host(&self) -> &str {
        self.host()
    }

    fn put(&self, repository: &str, tag: &str, image: &Image) {
        self.push(repository, tag, image);
    }
}

/// A related image that all bundles share.
fn shared() -> Image {
    IndexBuilder::oci().architectures(&["amd64", "arm64"], 500, 5000).build()
}

fn seed(package: &str, version: &str) -> u64 {
    package.bytes().chain(version.bytes()).fold(7, |seed, byte| seed * 31 + u64::from(byte))
}

fn bundle_image(package: &str, version: &str) -> Image {
    ImageBuilder::docker().layer(Layer::random(seed(package, version), 3000)).build()
}

fn operand_image(package: &str, version: &str) -> Image {
    ImageBuilder::oci().layer(Layer::random(seed(package, version) + 1, 9000)).build()
}

/// The catalog of two operators, `extra` related images of `foo.v0.3.0` included, and everything it names.
pub(crate) fn world(registry: &impl Target, extra: &[&str]) -> Image {
    let host = registry.host();
    registry.put("ns/shared", "v1", &shared());
    let mut files: Vec<(String, String)> = Vec::new();
    for package in ["foo", "bar"] {
        let mut text = format!("{{\"schema\":\"olm.package\",\"name\":\"{package}\",\"defaultChannel\":\"beta\"}}\n");
        let mut entries = Vec::new();
        for (_, version, replaces) in BUNDLES.iter().filter(|bundle| bundle.0 == package) {
            registry.put(&format!("ns/{package}-bundle"), version, &bundle_image(package, version));
            let operand = operand_image(package, version);
            registry.put(&format!("ns/{package}"), version, &operand);
            let replaces =
                if replaces.is_empty() { String::new() } else { format!(",\"replaces\":\"{package}.v{replaces}\"") };
            entries.push(format!("{{\"name\":\"{package}.v{version}\"{replaces}}}"));
            let mut related = vec![
                format!("{host}/ns/{package}-bundle:{version}"),
                format!("{host}/ns/{package}@{}", operand.digest),
                format!("{host}/ns/shared@{}", shared().digest),
            ];
            if *version == "0.3.0" {
                related.extend(extra.iter().map(|name| (*name).to_owned()));
            }
            let related: Vec<String> =
                related.iter().map(|image| format!("{{\"name\":\"\",\"image\":\"{image}\"}}")).collect();
            writeln!(
                text,
                "{{\"schema\":\"olm.bundle\",\"name\":\"{package}.v{version}\",\"package\":\"{package}\",\
                 \"image\":\"{host}/ns/{package}-bundle:{version}\",\"properties\":[{{\"type\":\"olm.package\",\
                 \"value\":{{\"packageName\":\"{package}\",\"version\":\"{version}\"}}}}],\"relatedImages\":[{}]}}",
                related.join(",")
            )
            .unwrap();
        }
        let entries = entries.join(",");
        writeln!(
            text,
            "{{\"schema\":\"olm.channel\",\"name\":\"beta\",\"package\":\"{package}\",\"entries\":[{entries}]}}"
        )
        .unwrap();
        files.push((format!("{package}/catalog.json"), text));
    }
    let files = files.into_iter().map(|(path, text)| (path, text.into_bytes()));
    let catalog = CatalogBuilder::new().files(files).architectures(&["amd64", "arm64"]).oci().build();
    registry.put("cat/index", "v1", &catalog);
    catalog
}

/// Names of the bundles in the catalog files of an image, the first instance of it, as its top layer has them.
fn bundles(manifest: &dyn Fn(&str) -> Vec<u8>, blob: &dyn Fn(&str) -> Vec<u8>, reference: &str) -> BTreeSet<String> {
    let mut image: Value = serde_json::from_slice(&manifest(reference)).unwrap();
    if let Some(child) = image["manifests"][0]["digest"].as_str() {
        image = serde_json::from_slice(&manifest(child)).unwrap();
    }
    let config: Value = serde_json::from_slice(&blob(image["config"]["digest"].as_str().unwrap())).unwrap();
    // A source without a command has no cache in the new one either.
    let command = config["config"]["Cmd"].as_array().unwrap();
    assert_eq!(command[..2], [serde_json::json!("serve"), serde_json::json!("/configs")]);
    let layers = image["layers"].as_array().unwrap();
    assert_eq!(layers.len(), config["rootfs"]["diff_ids"].as_array().unwrap().len());
    let text = untar(&blob(layers.last().unwrap()["digest"].as_str().unwrap()));
    let metas = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
    metas.filter(|meta| meta["schema"] == "olm.bundle").map(|meta| meta["name"].as_str().unwrap().to_owned()).collect()
}

/// All files of a compressed tar, one after the other.
fn untar(bytes: &[u8]) -> String {
    let mut tar =
        Command::new("tar").args(["-xzOf", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = tar.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Bundles of a catalog at an in-process registry.
pub(crate) fn served(registry: &Registry, repository: &str, reference: &str) -> Vec<String> {
    let manifest = |reference: &str| registry.manifest(repository, reference).unwrap().bytes.to_vec();
    let blob = |digest: &str| registry.blob(&digest.parse().unwrap()).unwrap().to_vec();
    bundles(&manifest, &blob, reference).into_iter().collect()
}

/// A configuration of the test catalog.
pub(crate) fn operators(home: &Home, host: &str, body: &str) {
    let mut text = format!("operators:\n- catalog: {host}/cat/index:v1\n");
    for line in body.lines() {
        writeln!(text, "  {line}").unwrap();
    }
    home.configuration(&text);
}

pub(crate) const FOO_FROM_0_2: &str = "packages:\n- name: foo\n  minVersion: 0.2.0\n- name: bar";

/// Every bundle and operand of these versions is in the registry.
#[track_caller]
pub(crate) fn assert_there(registry: &Registry, prefix: &str, versions: &[(&str, &str)]) {
    for (package, version) in versions {
        let bundle = registry.manifest(&format!("{prefix}ns/{package}-bundle"), version).unwrap();
        assert_eq!(bundle.digest, bundle_image(package, version).digest);
        let operand = operand_image(package, version);
        let found = registry.manifest(&format!("{prefix}ns/{package}"), &operand.digest.as_tag()).unwrap();
        assert_eq!(found.digest, operand.digest);
    }
    let found = registry.manifest(&format!("{prefix}ns/shared"), &shared().digest.as_tag()).unwrap();
    assert_eq!(found.digest, shared().digest);
}

pub(crate) fn filtered(home: &Home) -> Vec<std::path::PathBuf> {
    let output =
        Command::new("find").arg(home.disk().join("working-dir/operator-catalogs")).args(["-name", "digest"]).output();
    let mut paths: Vec<_> = String::from_utf8(output.unwrap().stdout).unwrap().lines().map(Into::into).collect();
    paths.sort();
    paths
}

#[test]
fn a_selection_crosses_the_gap() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    // Three bundles, three operands, one shared image, the catalog and what was made of it.
    home.to_disk(&[]).code(0).says("rebuilding catalogs").says("9 / 9 operator images mirrored successfully");
    // The archive alone is enough, and nothing else is asked.
    drop(source);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(&format!("{}/m", destination.host()), &[])
        .code(0)
        .says("8 / 8 operator images mirrored successfully");
    assert_eq!(served(&destination, "m/cat/index", "v1"), ["bar.v1.1.0", "foo.v0.2.0", "foo.v0.3.0"]);
    assert_there(&destination, "m/", &[("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")]);
    assert!(destination.manifest("m/ns/foo-bundle", "0.1.0").is_none());
    let index: Value = serde_json::from_slice(&destination.manifest("m/cat/index", "v1").unwrap().bytes).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    let digest = std::fs::read_to_string(&filtered(&home)[0]).unwrap();
    assert_eq!(destination.manifest("m/cat/index", "v1").unwrap().digest.hex(), digest);
}

#[test]
fn a_narrower_selection_is_made_offline() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    let host = source.host().to_owned();
    operators(&home, &host, FOO_FROM_0_2);
    home.to_disk(&[]).code(0);
    drop(source);
    std::fs::remove_dir_all(home.cache()).unwrap();
    operators(&home, &host, "packages:\n- name: foo\n  minVersion: 0.3.0");
    home.to_mirror(destination.host(), &[]).code(0).says("4 / 4 operator images mirrored successfully");
    assert_eq!(served(&destination, "cat/index", "v1"), ["foo.v0.3.0"]);
    assert_there(&destination, "", &[("foo", "0.3.0")]);
    assert!(destination.manifest("ns/bar-bundle", "1.1.0").is_none());
}

#[test]
fn a_second_run_transfers_nothing_and_reads_nothing() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    home.to_disk(&[]).code(0);
    source.clear_requests();
    let second = home.to_disk(&["--log-level", "debug"]);
    second.code(0).says("nothing to read");
    assert_eq!(source.blob_bytes_served(), 0, "{:#?}", source.requests());
    assert!(!home.entries("mirror_000001.tar").iter().any(|name| name.contains("/registry/v2/blobs/")));
}

#[test]
fn the_rebuilt_catalog_is_the_same_everywhere() {
    let source = Registry::start_blocking();
    world(&source, &[]);
    let digest = || {
        let home = Home::new();
        operators(&home, source.host(), FOO_FROM_0_2);
        home.to_disk(&[]).code(0);
        let paths = filtered(&home);
        assert_eq!(paths.len(), 1);
        std::fs::read_to_string(&paths[0]).unwrap()
    };
    assert_eq!(digest(), digest());
}

#[test]
fn a_full_catalog_travels_untouched() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), "full: true\ntargetCatalog: other/name\ntargetTag: prod");
    home.to_disk(&[]).code(0);
    drop(source);
    std::fs::remove_dir_all(home.cache()).unwrap();
    let outcome = home.to_mirror(destination.host(), &[]);
    outcome.code(0).says("12 / 12 operator images mirrored successfully");
    // It is the publisher's, and so are its signatures.
    assert!(!outcome.stdout.contains("is not signed"), "{}", outcome.stdout);
    assert_eq!(destination.manifest("other/name", "prod").unwrap().digest, catalog.digest);
    assert_there(&destination, "", &BUNDLES.map(|(package, version, _)| (package, version)));
}

/// The names of `docs/behaviour/config-cli.md` 4.2 (`operators: digest catalog` is one of them), and the same catalog twice.
#[test]
fn tags_at_the_destination() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let home = Home::new();
    let host = source.host();
    let digest = &catalog.digest;
    home.configuration(&format!(
        "operators:\n\
         - catalog: {host}/cat/index@{digest}\n  packages:\n  - name: foo\n\
         - catalog: {host}/cat/index:v1\n  targetCatalog: n/c\n  targetTag: t\n  packages:\n  - name: bar\n"
    ));
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    for namespace in ["", "m/"] {
        let (renamed, same) = (format!("{namespace}n/c"), format!("{namespace}cat/index"));
        assert_eq!(served(&destination, &renamed, "t"), ["bar.v1.1.0"]);
        let tags = destination.tags(&same);
        assert_eq!(tags.len(), 1, "{tags:?}");
        let published = destination.manifest(&same, &tags[0]).unwrap();
        assert_eq!(published.digest.as_tag(), tags[0]);
        assert_eq!(served(&destination, &same, &tags[0]), ["foo.v0.3.0"]);
    }

    // A catalog that travels untouched keeps its digest.
    home.configuration(&format!("operators:\n- catalog: {host}/cat/index@{digest}\n  full: true\n"));
    for namespace in ["d/", "f/"] {
        let to = format!("{}/{namespace}", destination.host());
        if namespace == "d/" {
            home.to_disk(&["--since", "2015-01-01"]).code(0);
            home.to_mirror(&to, &[]).code(0);
        } else {
            home.mirror_to_mirror(&to, &[]).code(0);
        }
        assert_eq!(destination.tags(&format!("{namespace}cat/index")), [digest.as_tag()]);
        let found = destination.manifest(&format!("{namespace}cat/index"), &digest.as_tag()).unwrap();
        assert_eq!(found.digest, *digest);
    }
}

#[test]
fn pinned_configurations_name_the_catalog_by_digest() {
    let source = Registry::start_blocking();
    let catalog = world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), "packages:\n- name: foo");
    home.to_disk(&[]).code(0);
    for prefix in ["isc_pinned_", "disc_pinned_"] {
        let path = std::fs::read_dir(home.disk().join("working-dir"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
            .unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("catalog: {}/cat/index@{}", source.host(), catalog.digest)), "{text}");
        assert!(text.contains("targetTag: v1"), "{text}");
    }
}

#[test]
fn a_missing_related_image_costs_its_bundle_only() {
    let source = Registry::start_blocking();
    let missing = format!("{}/ns/missing:v9", source.host());
    world(&source, &[&missing]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    let outcome = home.to_disk(&[]);
    outcome
        .code(4)
        .says("8 / 10 operator images mirrored")
        .says("(Operator bundles: [foo.v0.3.0] - Operators: [foo]) error:")
        .says("because one of its related images failed to mirror");
    let logs = home.disk().join("working-dir/logs");
    let errors = std::fs::read_dir(logs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("mirroring_errors_"))
        .unwrap();
    let errors = std::fs::read_to_string(errors).unwrap();
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains(&format!("error mirroring image docker://{missing} (Operator bundles: [foo.v0.3.0]")));
}

/// Collection errors end the run with exit code 4 and nothing mirrored.
#[test]
fn collection_errors() {
    let source = Registry::start_blocking();
    world(&source, &["r.io/ns/no-tag"]);
    let check = |body: &str, texts: &[&str]| {
        let home = Home::new();
        operators(&home, source.host(), body);
        let outcome = home.to_disk(&[]);
        outcome.code(4).says("collection error");
        for text in texts {
            outcome.says(text);
        }
        assert!(home.archives().is_empty());
    };
    check("full: true", &["tag and digest are empty", "SKIPPING bundle foo.v0.3.0 of operator foo"]);
    check("packages:\n- name: foo\n  minVersion: 9.0.0", &["failed to filter catalog"]);
    check("packages:\n- name: fooo", &["package \"fooo\" does not exist in the catalog", "no related images found"]);
    check(
        "packages:\n- name: bar\nplatforms:\n- {os: linux, architecture: riscv64}",
        &[
            "no instances found for platform",
            "Requested platform(s) not found in source manifest list for",
            "verify the platforms field in your ISC",
        ],
    );

    let home = Home::new();
    home.configuration("operators:\n- catalog: 127.0.0.1:1/no/such:v1\n");
    home.to_disk(&["--retry-times=1"]).code(4).says("collection error").says("127.0.0.1:1");

    let sqlite = ImageBuilder::docker().layer(Layer::random(1, 1000)).build();
    source.push("cat/index", "v1", &sqlite);
    check("packages:\n- name: bar", &["it is not a file-based catalog"]);
}

#[test]
fn only_the_platforms_asked_for() {
    let source = Registry::start_blocking();
    let destination = Registry::builder().sparse(true).start_blocking();
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), "packages:\n- name: bar\nplatforms:\n- {os: linux, architecture: arm64}");
    home.to_disk(&[]).code(0);
    drop(source);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[]).code(0);
    let index: Value = serde_json::from_slice(&destination.manifest("cat/index", "v1").unwrap().bytes).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["platform"]["architecture"], "arm64");
    assert_eq!(served(&destination, "cat/index", "v1"), ["bar.v1.1.0"]);
}

/// `sparse`: of lists among the images of an operator, and of a full catalog, only the instances asked for travel, both
/// ways; the lists keep their digests.
#[test]
fn lists_of_operators_lose_the_other_platforms() {
    let (source, destination) = (Registry::start_blocking(), Registry::builder().sparse(true).start_blocking());
    let (catalog, shared) = (world(&source, &[]), shared());
    let assert_sparse = |repository: &str, tag: &str, image: &Image| {
        let list = destination.manifest(repository, tag).unwrap();
        assert_eq!(list.digest, image.digest, "{repository}");
        let list: Value = serde_json::from_slice(&list.bytes).unwrap();
        assert_eq!(list["manifests"].as_array().unwrap().len(), 2);
        for entry in list["manifests"].as_array().unwrap() {
            let is_there = destination.manifest(repository, entry["digest"].as_str().unwrap()).is_some();
            assert_eq!(is_there, entry["platform"]["architecture"] == "amd64", "{repository}: {entry}");
        }
    };
    for (place, body) in [("part", "packages:\n- name: bar"), ("full", "full: true")] {
        let home = Home::new();
        operators(&home, source.host(), &format!("{body}\nplatforms:\n- {{os: linux, architecture: amd64}}"));
        let to = |way: &str| format!("{}/{place}-{way}", destination.host());
        home.to_disk(&[]).code(0);
        home.to_mirror(&to("disk"), &[]).code(0);
        home.mirror_to_mirror(&to("mirror"), &[]).code(0);
        for way in ["disk", "mirror"] {
            assert_sparse(&format!("{place}-{way}/ns/shared"), &shared.digest.as_tag(), &shared);
            if place == "full" {
                assert_sparse(&format!("{place}-{way}/cat/index"), "v1", &catalog);
            }
        }
    }
}

/// Two real registries, read back with `skopeo`.
#[test]
fn real_registries_and_skopeo() {
    let (Some(source), Some(destination), Some(skopeo)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find())
    else {
        return;
    };
    world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    let catalog = format!("{}/m/cat/index:v1", destination.host());
    skopeo.verify(&catalog).unwrap();
    let folder = home.path().join("layout");
    let layout = format!("oci:{}:catalog", folder.display());
    let output = Command::new("skopeo")
        .args(["copy", "--all", "--preserve-digests", "--src-tls-verify=false"])
        .args([format!("docker://{catalog}"), layout])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |digest: &str| std::fs::read(folder.join("blobs").join(digest.replace(':', "/"))).unwrap();
    let digest = skopeo.digest(&catalog).unwrap().to_string();
    let found: Vec<String> = bundles(&read, &read, &digest).into_iter().collect();
    assert_eq!(found, ["bar.v1.1.0", "foo.v0.2.0", "foo.v0.3.0"]);
    for (package, version) in [("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")] {
        let bundle = format!("{}/m/ns/{package}-bundle:{version}", destination.host());
        assert_eq!(skopeo.digest(&bundle).unwrap(), bundle_image(package, version).digest);
        let operand = operand_image(package, version).digest;
        let name = format!("{}/m/ns/{package}:{}", destination.host(), operand.as_tag());
        assert_eq!(skopeo.digest(&name).unwrap(), operand);
    }
}

/// From registry to registry, and from a folder: the same catalog, the same digest.
#[test]
fn mirror_to_mirror_and_catalogs_in_folders() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world(&source, &[]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    let (workspace, to) =
        (format!("file://{}/ws", home.path().display()), format!("docker://{}/m", destination.host()));
    let args = ["-c", "isc.yaml", "--workspace", &workspace, &to, "--src-tls-verify=false", "--dest-tls-verify=false"];
    for _ in 0..2 {
        home.run(&args).code(0).says("9 / 9 operator images mirrored successfully");
    }
    assert_eq!(served(&destination, "m/cat/index", "v1"), ["bar.v1.1.0", "foo.v0.2.0", "foo.v0.3.0"]);
    assert_there(&destination, "m/", &[("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")]);

    let home = Home::new();
    write_layout(&home.path().join("folder/idx"), &catalog);
    home.configuration(&format!(
        "operators:\n- catalog: oci://{}/folder/idx\n  packages:\n  - name: foo\n    minVersion: 0.2.0\n  - name: bar\n",
        home.path().display()
    ));
    home.to_disk(&[]).code(0).says("9 / 9 operator images mirrored successfully");
    std::fs::remove_dir_all(home.cache()).unwrap();
    std::fs::remove_dir_all(home.path().join("folder")).unwrap();
    home.to_mirror(destination.host(), &[]).code(0);
    let digest = |repository: &str, tag: &str| destination.manifest(repository, tag).unwrap().digest;
    assert_eq!(digest("idx", "latest"), digest("m/cat/index", "v1"));

    // As a whole it travels as it is: it was not rebuilt, and it is not ours to sign.
    let home = Home::new();
    write_layout(&home.path().join("folder/whole"), &catalog);
    home.configuration(&format!("operators:\n- catalog: oci://{}/folder/whole\n  full: true\n", home.path().display()));
    home.write("own.key", crate::trust::KEY);
    for more in [&[][..], &["--sign-catalogs=own.key"]] {
        let outcomes = [
            home.to_disk(more),
            home.to_mirror(destination.host(), more),
            home.mirror_to_mirror(&format!("{}/straight", destination.host()), more),
        ];
        for outcome in outcomes {
            assert!(!outcome.code(0).stdout.contains("is not signed"), "{}", outcome.stdout);
        }
        for repository in ["whole", "straight/whole"] {
            assert_eq!(destination.tags(repository), ["latest"]);
            assert_eq!(digest(repository, "latest"), catalog.digest);
        }
    }
}

/// Writes an image as an OCI layout.
pub(crate) fn write_layout(folder: &std::path::Path, image: &Image) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for manifest in image.manifests() {
        std::fs::write(blobs.join(manifest.digest.hex()), &manifest.bytes).unwrap();
    }
    for blob in image.all_blobs() {
        std::fs::write(blobs.join(blob.digest.hex()), &blob.bytes).unwrap();
    }
    std::fs::write(folder.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
    let entry = serde_json::json!({"mediaType": image.media_type, "digest": image.digest.to_string(), "size": image.bytes.len()});
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [entry]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
}
