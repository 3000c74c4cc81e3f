//! Simple-signing signatures follow their images to where registries.d wants those of the destination.

use std::collections::HashMap;

use serde_json::json;
use test_support::{
    Image, ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, ReleaseSigner, Skopeo, UpdateService,
};

use crate::harness::{Home, walk};
use crate::trust::KEY;

/// A list by tag and an image by digest, with a signature of each of their manifests at a server.
struct World {
    source: Registry,
    service: UpdateService,
    home: Home,
    signer: ReleaseSigner,
    images: [(&'static str, Image); 2],
    /// What is signed, by the path of the signature at the server.
    signatures: HashMap<String, Vec<u8>>,
}

/// The path of a signature at the server.
fn path(repository: &str, digest: &str) -> String {
    format!("/store/{repository}@{}/signature-1", digest.replace(':', "="))
}

const OPTIONS: [&str; 4] = ["--registries.d", "registries.d", "--retry-times", "1"];

impl World {
    fn new() -> Self {
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        let images = [
            ("ns/list", IndexBuilder::oci().architectures(&["amd64", "arm64"], 10, 9000).build()),
            ("ns/pinned", ImageBuilder::docker().layer(Layer::random(3, 9000)).build()),
        ];
        let home = Home::new();
        for (repository, image) in &images {
            source.push(repository, "v1", image);
        }
        let pinned = format!("{}/ns/pinned@{}", source.host(), images[1].1.digest);
        home.additional_images([format!("{}/ns/list:v1", source.host()), pinned]);
        let signer = ReleaseSigner::new("signer@lab");
        let mut world = Self { source, service, home, signer, images, signatures: HashMap::new() };
        let mut signatures = HashMap::new();
        world.each_manifest(|repository, digest| {
            let signature = world.sign(repository, digest);
            world.service.answer(&path(repository, digest), 200, signature.clone());
            signatures.insert(path(repository, digest), signature);
        });
        world.signatures = signatures;
        world
    }

    fn each_manifest(&self, mut each: impl FnMut(&str, &str)) {
        for (repository, image) in &self.images {
            image.manifests().iter().for_each(|manifest| each(repository, &manifest.digest.to_string()));
        }
    }

    fn sign(&self, repository: &str, digest: &str) -> Vec<u8> {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": format!("{}/{repository}:v1", self.source.host())},
                "image": {"docker-manifest-digest": digest},
                "type": "atomic container signature",
            },
            "optional": {},
        });
        self.signer.sign(payload.to_string().as_bytes())
    }

    /// registries.d: the source's signatures are at the server or in a folder, and of the destination this is said.
    fn registries_d(&self, source: &str, destination: &Registry, says: &str) {
        let text = format!("docker:\n  {}:\n    {source}\n  {}:\n    {says}\n", self.source.host(), destination.host());
        self.home.write("registries.d/lab.yaml", text);
    }

    fn server(&self) -> String {
        format!("lookaside: http://{}/store", self.service.host())
    }

    fn folder(&self, name: &str) -> String {
        format!("file://{}", self.home.path().join(name).display())
    }

    /// Every signature that the source has lies in the folder under the name of the destination.
    #[track_caller]
    fn assert_staged(&self, what: &str, folder: &str, prefix: &str) {
        self.each_manifest(|repository, digest| {
            let place = format!("{folder}/{prefix}{repository}@{}", digest.replace(':', "="));
            let folder = self.home.path().join(&place);
            assert_eq!(walk(&folder).len(), 1, "{what}: {place}");
            let bytes = std::fs::read(folder.join("signature-1")).unwrap();
            assert!(bytes == self.signatures[&path(repository, digest)], "{what}: {place} has other bytes");
        });
    }

    /// skopeo's verdict on an image of the destination, with the signatures of a folder.
    fn skopeo_accepts(&self, destination: &Registry, folder: &str, name: &str, key: &ReleaseSigner) -> Option<bool> {
        let skopeo = Skopeo::find()?;
        let home = &self.home;
        home.write("key.asc", key.public_key());
        let said = format!("{}/ns/{}", self.source.host(), name.split_once("ns/").unwrap().1.split(['@', ':']).next()?);
        let policy = json!({"default": [{
            "type": "signedBy", "keyType": "GPGKeys", "keyPath": home.path().join("key.asc"),
            "signedIdentity": {"type": "exactRepository", "dockerRepository": said},
        }]});
        let policy = home.write("strict.json", policy.to_string());
        home.write("skopeo.d/lab.yaml", format!("default-docker:\n  lookaside: {}\n", self.folder(folder)));
        let judged = skopeo.judge(&format!("{}/{name}", destination.host()), &policy, &home.path().join("skopeo.d"));
        if let Err(words) = &judged {
            assert!(words.contains("ignature"), "{words}");
        }
        Some(judged.is_ok())
    }
}

/// From a server and from a folder, with both spellings, through the archive and straight; skopeo accepts what arrives.
#[test]
fn signatures_go_to_the_staging_folder_of_the_destination() {
    let world = World::new();
    let home = &world.home;
    let from_folder = format!("sigstore: {}", world.folder("own/store"));
    for (what, source, staging) in
        [("server", world.server(), "lookaside-staging"), ("folder", from_folder, "sigstore-staging")]
    {
        let (through, straight) = (Registry::start_blocking(), Registry::start_blocking());
        for (path, signature) in &world.signatures {
            home.write(&format!("own{path}"), signature);
        }
        let says = |folder: &str| format!("{staging}: {}\n    lookaside: file:///nowhere", world.folder(folder));
        let (gap, direct) = (format!("{what}-gap"), format!("{what}-direct"));
        world.registries_d(&source, &straight, &says(&direct));
        home.mirror_to_mirror(&format!("{}/m", straight.host()), &OPTIONS).code(0);
        world.assert_staged(what, &direct, "m/");

        home.to_disk(&[&OPTIONS[..], &["--since", "2015-01-01"]].concat()).code(0);
        // In the disconnected network there is nothing but the archive.
        std::fs::remove_dir_all(home.cache()).unwrap();
        for folder in [home.disk().join("working-dir/lookaside"), home.path().join("own")] {
            let _ = std::fs::remove_dir_all(folder);
        }
        world.service.clear_requests();
        world.registries_d(&source, &through, &says(&gap));
        for _ in 0..2 {
            home.to_mirror(through.host(), &OPTIONS).code(0);
            world.assert_staged(what, &gap, "");
        }
        assert!(world.service.requests().is_empty(), "{what}: disk to mirror has asked the server");

        let pinned = format!("ns/pinned:{}", world.images[1].1.digest.as_tag());
        let foreign = ReleaseSigner::new("foreign@lab");
        for name in ["ns/list:v1", pinned.as_str()] {
            let verdict = |key: &ReleaseSigner| world.skopeo_accepts(&through, &gap, name, key);
            assert!(matches!(verdict(&world.signer), None | Some(true)), "{what}: {name}");
            assert!(matches!(verdict(&foreign), None | Some(false)), "{what}: {name}");
            let straight = world.skopeo_accepts(&straight, &direct, &format!("m/{name}"), &world.signer);
            assert!(matches!(straight, None | Some(true)), "{what}: m/{name}");
        }
    }
}

/// They stay behind when all signatures do, in a rehearsal, and where nobody has said where they are.
#[test]
fn nobody_is_asked_for_signatures_that_are_not_wanted() {
    let world = World::new();
    let destination = Registry::start_blocking();
    let staging = format!("lookaside-staging: {}", world.folder("staging"));
    let check = |what: &str, source: &str, more: &[&str]| {
        world.registries_d(source, &destination, &staging);
        let options = [&OPTIONS[..], more].concat();
        world.home.to_disk(&options).code(0);
        world.home.mirror_to_mirror(destination.host(), &options).code(0);
        assert!(world.service.requests().is_empty(), "{what}: {:?}", world.service.requests());
        assert!(!world.home.path().join("staging").exists(), "{what}");
        assert!(!world.home.disk().join("working-dir/lookaside").exists(), "{what}");
    };
    check("a rehearsal", &world.server(), &["--dry-run"]);
    check("signatures stay behind", &world.server(), &["--remove-signatures"]);
    check("no lookaside", "use-sigstore-attachments: true", &[]);
}

/// A server is asked once about what cannot change, and again when it did not answer; no image fails for that.
#[test]
fn a_server_that_fails_is_asked_again_and_one_that_answered_is_not() {
    let world = World::new();
    let destination = Registry::start_blocking();
    world.registries_d(&world.server(), &destination, &format!("lookaside-staging: {}", world.folder("staging")));
    let pinned = path("ns/pinned", &world.images[1].1.digest.to_string());
    let asks_for_pinned = || {
        world.service.clear_requests();
        world.home.to_disk(&OPTIONS).code(0);
        world.service.requests().iter().any(|path| path.contains("ns/pinned"))
    };
    world.service.answer(&pinned, 403, "");
    world.home.to_disk(&OPTIONS).code(0).says("stay behind").says("the server answered 403");
    assert!(asks_for_pinned());
    world.service.answer(&pinned, 200, world.signatures[&pinned].clone());
    assert!(asks_for_pinned());
    assert!(!asks_for_pinned());
    world.home.to_mirror(destination.host(), &OPTIONS).code(0);
    world.assert_staged("after an outage", "staging", "");

    // What a server says that is no signature is not written.
    world.service.answer(&pinned, 200, "<html>");
    std::fs::remove_dir_all(world.home.workspace()).ok();
    std::fs::remove_dir_all(world.home.path().join("staging")).unwrap();
    let outcome = world.home.mirror_to_mirror(destination.host(), &OPTIONS);
    outcome.code(0).says("signature-1` stays behind");
    let staged = walk(&world.home.path().join("staging"));
    assert_eq!(staged.len(), 3, "{staged:?}");
}

/// That a server has no signature counts for a day: signatures are published after their images.
#[test]
fn a_signature_that_is_published_later() {
    let world = World::new();
    let digest = world.images[1].1.digest.to_string();
    world.home.write("registries.d/lab.yaml", format!("docker:\n  {}:\n    {}\n", world.source.host(), world.server()));
    let pinned = path("ns/pinned", &digest);
    let asks = || {
        world.service.clear_requests();
        world.home.to_disk(&OPTIONS).code(0);
        world.service.requests().iter().any(|path| path.contains("ns/pinned"))
    };
    let below = format!("lookaside/{}/ns/pinned@{}", world.source.host(), digest.replace(':', "="));
    let folder = world.home.disk().join("working-dir").join(&below);
    let a_day_later = || {
        let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
        std::fs::File::open(&folder).unwrap().set_modified(yesterday).unwrap();
    };
    world.service.answer(&pinned, 404, "");
    assert!(asks());
    assert!(!asks(), "it has said so today");
    a_day_later();
    assert!(asks());
    assert!(!asks(), "it has said so today");
    world.service.answer(&pinned, 200, world.signatures[&pinned].clone());
    a_day_later();
    assert!(asks());
    let entry = format!("working-dir/{below}/signature-1");
    assert!(world.home.entries("mirror_000001.tar").contains(&entry));
    a_day_later();
    assert!(!asks(), "a signature is for good");
}

/// What keeps signatures from being written is said, and is no reason for an image to fail.
#[test]
fn what_cannot_be_written_is_said() {
    let world = World::new();
    let check = |says: &str, words: &str| {
        let destination = Registry::start_blocking();
        world.registries_d(&world.server(), &destination, says);
        world.home.mirror_to_mirror(destination.host(), &OPTIONS).code(0).says(words);
        assert!(destination.manifest("ns/list", "v1").is_some());
    };
    check("use-sigstore-attachments: true", "registries.d names no `lookaside-staging` for it");
    check("lookaside-staging: https://sigs.lab/x", "registries.d says https://sigs.lab/x, and only a folder");
    world.home.write("file", "not a folder");
    check(&format!("lookaside-staging: {}", world.folder("file")), "signatures are not written below");
    check("lookaside-staging: ftp://sigs.lab", "invalid lookaside storage URL");
    world.home.write("registries.d/lab.yaml", "docker: [");
    let destination = Registry::start_blocking();
    world.home.mirror_to_mirror(destination.host(), &OPTIONS).code(0).says("signatures stay behind");
}

/// A run that signs no catalog brings none of the signatures that an earlier one has made of the same catalog.
#[test]
fn an_unsigned_run_leaves_signatures_of_an_earlier_one_behind() {
    let source = Registry::start_blocking();
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]).push_to(&source);
    let home = Home::new();
    let catalog = format!("{}/cat/index:v1", source.host());
    home.configuration(&format!("operators:\n- catalog: {catalog}\n  packages:\n  - name: foo\n"));
    let key = home.write("catalogs.key", KEY).display().to_string();
    let check = |what: &str, more: &[&str], signed: bool| {
        let (through, straight) = (Registry::start_blocking(), Registry::start_blocking());
        home.to_disk(&[more, &["--since", "2015-01-01"]].concat()).code(0);
        let archived = home.entries("mirror_000001.tar").iter().any(|entry| entry.contains(".sig/current"));
        assert_eq!(archived, signed, "{what}");
        // The archive speaks for the run that made it, whether or not the key is here, too.
        home.to_mirror(through.host(), &[]).code(0);
        home.mirror_to_mirror(straight.host(), more).code(0);
        for registry in [&through, &straight] {
            let found = registry.tags("cat/index").iter().any(|tag| tag.starts_with("sha256-"));
            assert_eq!(found, signed, "{what}: {:?}", registry.tags("cat/index"));
        }
    };
    check("signed", &["--sign-catalogs", &key], true);
    check("not signed", &[], false);
}
