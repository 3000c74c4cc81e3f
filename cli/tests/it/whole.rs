//! One long life through real `docker-registry` processes: a release channel, an operator catalog and additional images
//! together, with every workflow and a dry run before and after each. skopeo says what is where.

use std::collections::{BTreeMap, BTreeSet};

use test_support::{
    DebianRegistry, OperatorWorld, Release, ReleaseSigner, Skopeo, UpdateService, World, WorldImage, update_graph,
};

use crate::harness::{Home, Outcome};

/// The operators there are.
const OPERATORS: &[(&str, &[&str])] = &[("foo", &["0.1.0", "0.2.0", "0.3.0"]), ("bar", &["1.0.0", "1.1.0"])];

/// Name below a destination, `repository:tag`, and digest.
type Images = BTreeMap<String, String>;

/// Everything outside of the gap, as long as it is there.
struct Outside {
    source: DebianRegistry,
    service: UpdateService,
    signer: ReleaseSigner,
    releases: [Release; 2],
    operators: OperatorWorld,
    additional: Vec<WorldImage>,
}

impl Outside {
    fn start() -> Option<Self> {
        let (source, service) = (DebianRegistry::start()?, UpdateService::start_blocking());
        let signer = ReleaseSigner::new("release@test");
        let releases = [Release::new("4.99.1", 6, 3), Release::new("4.99.2", 6, 3)];
        let operators = OperatorWorld::new(source.host(), OPERATORS);
        operators.push_to_debian(&source);
        let additional = World::small(7).images;
        for image in &additional {
            source.push(&image.repository, image.tag.as_deref(), &image.image);
        }
        for release in &releases {
            release.push_to_debian(&source);
            service.signature(release.digest(), 1, signer.sign(&release.identity()));
        }
        let nodes = releases.iter().map(|release| (release.tag.trim_end_matches("-x86_64"), release.by_digest()));
        service.graph("amd64", "stable-4.99", &update_graph(nodes, [("4.99.1", "4.99.2")]));
        Some(Self { source, service, signer, releases, operators, additional })
    }

    /// A home outside, where quay.io is the source registry.
    fn home(&self) -> Home {
        let host = self.source.host();
        self.home_with(&format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{host}\"\n"))
    }

    /// A home with this registries.conf that can reach the update service.
    fn home_with(&self, registries_conf: &str) -> Home {
        let home = Home::new();
        let conf = home.write("registries.conf", registries_conf);
        let key = home.write("key.asc", self.signer.public_key());
        home.variable("CONTAINERS_REGISTRIES_CONF", conf)
            .variable("OCP_SIGNATURE_VERIFICATION_PK", key)
            .variable("OCP_SIGNATURE_URL", self.service.signature_url())
            .variable("UPDATE_URL_OVERRIDE", self.service.graph_url())
    }

    /// The release and its components.
    fn release(&self, at: usize) -> Images {
        let release = &self.releases[at];
        let component = |(name, image): &(String, test_support::Image)| {
            (format!("openshift/release:{}-{name}", release.tag), image.digest.to_string())
        };
        let payload = (format!("openshift/release-images:{}", release.tag), release.digest().to_string());
        release.components.iter().map(component).chain([payload]).collect()
    }

    /// Bundles and operands of these versions, and what all operators share.
    fn operators(&self, versions: &[(&str, &str)]) -> Images {
        let of_version = |(package, version): &(&str, &str)| {
            [OperatorWorld::bundle(package, version), OperatorWorld::operand(package, version)]
        };
        let shared = self.operators.images.last().unwrap().clone();
        versions.iter().flat_map(of_version).chain([shared]).map(|image| named(&image)).collect()
    }

    fn additional(&self, count: usize) -> Images {
        self.additional[..count].iter().map(named).collect()
    }

    /// Writes the stanza of a configuration: releases up to a version, packages, so many additional images.
    fn stanza(&self, max: &str, packages: &str, images: usize) -> String {
        let host = self.source.host();
        let mut body = format!(
            "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n    maxVersion: {max}\noperators:\n\
             - catalog: {}\n  packages:\n",
            self.operators.catalog.reference(host)
        );
        for line in packages.lines() {
            body = body + "  " + line + "\n";
        }
        body.push_str("additionalImages:\n");
        for image in &self.additional[..images] {
            body = body + "- name: " + &image.reference(host) + "\n";
        }
        body
    }
}

/// What has no tag gets one made of its digest (`docs/behaviour/config-cli.md` 4.3).
fn named(image: &WorldImage) -> (String, String) {
    let tag = image.tag.clone().unwrap_or_else(|| image.digest().as_tag());
    (format!("{}:{tag}", image.repository), image.digest().to_string())
}

/// A registry inside, and the witness.
struct Inside<'a> {
    registry: DebianRegistry,
    namespace: &'a str,
    skopeo: &'a Skopeo,
}

impl<'a> Inside<'a> {
    fn start(namespace: &'a str, skopeo: &'a Skopeo) -> Self {
        Self { registry: DebianRegistry::start().unwrap(), namespace, skopeo }
    }

    fn to(&self) -> String {
        format!("{}{}", self.registry.host(), self.namespace)
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.to())
    }

    fn digest(&self, name: &str) -> Option<String> {
        self.skopeo.digest(&self.reference(name)).ok().map(|digest| digest.to_string())
    }

    /// Every image is there with its digest, and its repositories have no other tags; the catalog is whole.
    #[track_caller]
    fn holds(&self, images: &Images) {
        let mut repositories: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (name, digest) in images {
            assert_eq!(self.digest(name).as_ref(), Some(digest), "{name}");
            let (repository, tag) = name.rsplit_once(':').unwrap();
            repositories.entry(repository).or_default().insert(tag.to_owned());
        }
        for (repository, tags) in repositories {
            let found: BTreeSet<String> = self.skopeo.tags(&self.reference(repository)).unwrap().into_iter().collect();
            assert_eq!(found, tags, "{repository}");
        }
        self.skopeo.verify(&self.reference("cat/index:v1")).unwrap();
    }

    #[track_caller]
    fn is_empty(&self) {
        assert!(self.skopeo.tags(&self.reference("cat/index")).is_err());
        assert!(self.skopeo.tags(&self.reference("openshift/release")).is_err());
    }
}

fn all(parts: impl IntoIterator<Item = Images>) -> Images {
    parts.into_iter().flatten().collect()
}

/// The plan that a dry run saved.
fn dry_plan(folder: &std::path::Path) -> serde_json::Value {
    let text = std::fs::read(folder.join("working-dir/dry-run/sizes.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn incomplete(plan: &serde_json::Value) -> usize {
    plan["images"].as_array().unwrap().iter().filter(|image| image["complete"] == false).count()
}

/// The dry run found every image at the destination.
#[track_caller]
fn assert_nothing_lacks(folder: &std::path::Path) {
    let plan = dry_plan(folder);
    assert_eq!((incomplete(&plan), &plan["sizes"]["destinationLacksBytes"]), (0, &serde_json::json!(0)));
}

fn carry(from: &Home, to: &Home) {
    std::fs::create_dir_all(to.disk()).unwrap();
    if to.disk().join("mirror_000001.tar").exists() {
        std::fs::remove_file(to.disk().join("mirror_000001.tar")).unwrap();
    }
    assert_eq!(from.archives(), ["mirror_000001.tar"]);
    std::fs::copy(from.disk().join("mirror_000001.tar"), to.disk().join("mirror_000001.tar")).unwrap();
}

/// The blobs in the archive.
fn archived(home: &Home) -> BTreeSet<String> {
    home.entries("mirror_000001.tar").into_iter().filter(|name| name.ends_with("/data")).collect()
}

fn delete(home: &Home, inside: &Inside<'_>, args: &[&str]) -> Outcome {
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{}", inside.to()));
    let mut all = vec!["delete", "--workspace", &workspace, &to, "--dest-tls-verify=false", "--retry-delay=10ms"];
    all.extend(args);
    home.run(&all)
}

const NARROW: &str = "- name: foo\n  minVersion: 0.2.0\n  maxVersion: 0.2.0";
const WIDE: &str = "- name: foo\n  minVersion: 0.2.0\n- name: bar";

/// `m2d_d2m: happy path`, and every other workflow in its turn.
#[test]
fn a_whole_life() {
    let (Some(outside), Some(skopeo)) = (Outside::start(), Skopeo::find()) else { return };
    let station = outside.home();
    let far = Home::new();
    let key = far.write("key.asc", outside.signer.public_key());
    let far = far
        .variable("OCP_SIGNATURE_VERIFICATION_PK", key)
        .variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/")
        .variable("UPDATE_URL_OVERRIDE", "http://127.0.0.1:1/graph");
    let first = Inside::start("/m", &skopeo);

    // Mirror to disk, narrow.
    let narrow = outside.stanza("4.99.1", NARROW, 4);
    station.configuration(&narrow);
    station.to_disk(&["--dry-run"]).code(0);
    assert!(!station.disk().join("mirror_000001.tar").exists());
    let plan = dry_plan(&station.disk());
    let total = plan["images"].as_array().unwrap().len();
    // The payload, six components, two images of an operator, the shared one, four additional ones, and the catalog twice.
    assert_eq!((total, incomplete(&plan)), (16, 16));
    station
        .to_disk(&[])
        .code(0)
        .says("7 / 7 release images mirrored successfully")
        .says("5 / 5 operator images mirrored successfully")
        .says("4 / 4 additional images mirrored successfully");
    let first_archive = archived(&station);
    carry(&station, &far);
    station.to_disk(&["--dry-run"]).code(0);
    assert_eq!(incomplete(&dry_plan(&station.disk())), 0);

    // Disk to mirror.
    far.configuration(&narrow);
    let narrow_images = || all([outside.release(0), outside.operators(&[("foo", "0.2.0")]), outside.additional(4)]);
    far.to_mirror(&first.to(), &["--dry-run"]).code(0);
    first.is_empty();
    assert_eq!(incomplete(&dry_plan(&far.disk())), 15);
    far.to_mirror(&first.to(), &[]).code(0).says("4 / 4 operator images mirrored successfully");
    first.holds(&narrow_images());
    far.to_mirror(&first.to(), &["--dry-run"]).code(0);
    assert_nothing_lacks(&far.disk());

    // The increment: the next release, more of the catalog, more images.
    let wide = outside.stanza("4.99.2", WIDE, 6);
    station.configuration(&wide);
    station.to_disk(&["--dry-run"]).code(0);
    let lacking = incomplete(&dry_plan(&station.disk()));
    station.to_disk(&[]).code(0).says("14 / 14 release images mirrored successfully");
    assert!(lacking > 0);
    let second_archive = archived(&station);
    let twice: Vec<_> = second_archive.intersection(&first_archive).collect();
    assert!(twice.is_empty() && !second_archive.is_empty(), "archived twice: {twice:#?}");
    station.to_disk(&["--dry-run"]).code(0);
    assert_eq!(incomplete(&dry_plan(&station.disk())), 0);
    carry(&station, &far);
    far.configuration(&wide);
    far.to_mirror(&first.to(), &["--dry-run"]).code(0);
    assert!(incomplete(&dry_plan(&far.disk())) > 0);
    far.to_mirror(&first.to(), &[]).code(0);
    let selected = [("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")];
    let wide_images =
        || all([outside.release(0), outside.release(1), outside.operators(&selected), outside.additional(6)]);
    first.holds(&wide_images());
    far.to_mirror(&first.to(), &["--dry-run"]).code(0);
    assert_nothing_lacks(&far.disk());

    // Mirror to mirror from a station of its own: the same content.
    let direct = outside.home();
    let third = Inside::start("", &skopeo);
    direct.configuration(&wide);
    direct.mirror_to_mirror(&third.to(), &["--dry-run"]).code(0);
    third.is_empty();
    direct.mirror_to_mirror(&third.to(), &[]).code(0);
    third.holds(&wide_images());
    let catalog = first.digest("cat/index:v1").unwrap();
    assert_eq!(third.digest("cat/index:v1").unwrap(), catalog, "the catalog is rebuilt the same way");
    direct.mirror_to_mirror(&third.to(), &["--dry-run"]).code(0);
    assert_nothing_lacks(&direct.workspace());
    let resource = |folder: std::path::PathBuf, name: &str| {
        std::fs::read_to_string(folder.join("working-dir/cluster-resources").join(name)).unwrap()
    };
    for name in ["idms-oc-mirror.yaml", "itms-oc-mirror.yaml", "cs-index-v1.yaml", "cc-index-v1.yaml"] {
        let without_time = |text: String, to: &str| {
            let lines = text.lines().filter(|line| !line.contains("createdAt"));
            lines.fold(String::new(), |text, line| text + &line.replace(to, "DESTINATION") + "\n")
        };
        assert_eq!(
            without_time(resource(far.disk(), name), &first.to()),
            without_time(resource(direct.workspace(), name), &third.to()),
            "{name}"
        );
    }

    // Enclave: out of the first registry, which stands in for all that is outside.
    let host = outside.source.host().to_owned();
    let enterprise = first.to();
    let hop = outside.home_with(&format!(
        "[[registry]]\nprefix = \"quay.io/openshift-release-dev/ocp-release\"\n\
         location = \"{enterprise}/openshift/release-images\"\n\n\
         [[registry]]\nprefix = \"quay.io/openshift-release-dev/ocp-v4.0-art-dev\"\n\
         location = \"{enterprise}/openshift/release\"\n\n\
         [[registry]]\nprefix = \"{host}\"\nlocation = \"{enterprise}\"\n"
    ));
    let inner = outside.stanza("4.99.1", "- name: foo\n  minVersion: 0.3.0", 2);
    let inner_images = all([outside.release(0), outside.operators(&[("foo", "0.3.0")]), outside.additional(2)]);
    let (narrow_images, wide_images) = (narrow_images(), wide_images());
    let (release_0, operators_0) = (outside.release(0), outside.operators(&[("foo", "0.2.0")]));
    let disc = outside.stanza("4.99.1", NARROW, 2);
    let Outside { source, service, .. } = outside;
    drop(source);
    hop.configuration(&inner);
    hop.to_disk(&["--dry-run"]).code(0);
    let plan = dry_plan(&hop.disk());
    // The catalog counts twice, as it is and rebuilt.
    assert_eq!(incomplete(&plan), inner_images.len() + 2);
    hop.to_disk(&[]).code(0);
    hop.to_disk(&["--dry-run"]).code(0);
    assert_eq!(incomplete(&dry_plan(&hop.disk())), 0);
    let enclave = Inside::start("/e", &skopeo);
    carry_all(&hop, &far, &enclave, &inner);
    enclave.holds(&inner_images);
    drop(service);

    // Delete what the narrow configuration had, without the last two images; nothing outside is there any more.
    far.configuration(&wide);
    far.to_mirror(&first.to(), &["--dry-run"]).code(0);
    assert_nothing_lacks(&far.disk());
    let text = disc.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
    far.write("disc.yaml", format!("kind: DeleteImageSetConfiguration\ndelete:\n{text}"));
    delete(&far, &first, &["--generate", "-c", "disc.yaml", "--delete-id", "old"]).code(0).says("nothing deleted");
    first.holds(&wide_images);
    far.to_mirror(&first.to(), &["--dry-run"]).code(0);
    assert_nothing_lacks(&far.disk());
    let list = far.disk().join("working-dir/delete/delete-images-old.yaml");
    let text = std::fs::read_to_string(&list).unwrap();
    assert_eq!(text.matches("imageReference").count(), 7 + 3 + 2, "{text}");
    assert_eq!(text.matches("cat/index").count(), 0, "the catalog serves what is left: {text}");
    let needed = format!("  neededBy:\n  - docker://{}/ns/bar-bundle:1.1.0\n", first.to());
    assert!(text.contains(&needed), "{text}");
    let list = list.display().to_string();
    delete(&far, &first, &["--delete-yaml-file", &list, "--force-cache-delete"])
        .code(0)
        // The three components that did not change are those of the newer release too.
        .says("4 / 7 release images deleted successfully, 3 kept because something else uses them")
        .says("2 / 3 operator images deleted successfully, 1 kept because something else uses them")
        .says("2 / 2 additional images deleted successfully")
        .says("freed in the cache");
    let mut left = wide_images.clone();
    let gone = release_0.into_iter().chain(operators_0).chain(
        narrow_images.into_iter().filter(|(name, _)| inner_images.contains_key(name) && name.starts_with("apps/")),
    );
    for (name, digest) in gone {
        let is_shared = wide_images.iter().any(|(other, found)| {
            *found == digest && *other != name && other.split(':').next() == name.split(':').next()
        }) || name.starts_with("ns/shared:");
        if !is_shared {
            assert_eq!(first.digest(&name), None, "{name} is still there");
            left.remove(&name);
        }
    }
    assert_eq!(wide_images.len() - left.len(), 4 + 2 + 2);
    for (name, digest) in &left {
        assert_eq!(first.digest(name).as_ref(), Some(digest), "{name}");
    }
    assert_eq!(first.digest("cat/index:v1").unwrap(), catalog);
    // The payload is nowhere any more, and nothing else counts as its list of components.
    let dry = far.to_mirror(&first.to(), &["--dry-run"]);
    dry.code(2).says("load the archive that brought this release first");
}

/// Carries the enclave's archive to a home of its own that has nothing but the key, and loads it.
fn carry_all(hop: &Home, far: &Home, enclave: &Inside<'_>, stanza: &str) {
    let home = Home::new();
    let key = home.write("key.asc", std::fs::read(far.path().join("key.asc")).unwrap());
    let home = home.variable("OCP_SIGNATURE_VERIFICATION_PK", key).variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/");
    home.configuration(stanza);
    carry(hop, &home);
    home.to_mirror(&enclave.to(), &["--dry-run"]).code(0);
    enclave.is_empty();
    assert!(incomplete(&dry_plan(&home.disk())) > 0);
    home.to_mirror(&enclave.to(), &[]).code(0);
    home.to_mirror(&enclave.to(), &["--dry-run"]).code(0);
    assert_nothing_lacks(&home.disk());
}
