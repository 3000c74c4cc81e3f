//! An archive of what could be had: what mirror to disk writes when an image cannot be copied, and what becomes of it.

use serde_json::Value;
use test_support::{ActiveFault, Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::{Home, Outcome};
use crate::operators::{FOO_FROM_0_2, assert_there, operators, served, world as world_of_operators};

/// Two images with a common layer, and a third that has a layer of its own.
struct World {
    source: Registry,
    home: Home,
}

/// The layer that only `ns/b` has, larger than those of the others.
fn own_layer() -> Layer {
    Layer::random(2, 600_000)
}

impl World {
    fn new() -> Self {
        let (source, home) = (Registry::start_blocking(), Home::new());
        let base = || Layer::random(7, 300_000);
        source.push("ns/a", "v1", &ImageBuilder::oci().layer(base()).layer(Layer::random(1, 400_000)).build());
        source.push("ns/b", "v1", &ImageBuilder::oci().layer(base()).layer(own_layer()).build());
        source.push("ns/c", "v1", &ImageBuilder::docker().layer(Layer::random(3, 1000)).build());
        let world = Self { source, home };
        world.ask(&["ns/a", "ns/b", "ns/c"]);
        world
    }

    fn name(&self, repository: &str) -> String {
        format!("{}/{repository}:v1", self.source.host())
    }

    fn ask(&self, repositories: &[&str]) {
        self.home.additional_images(repositories.iter().map(|repository| self.name(repository)));
    }

    /// Lets the layer that only `ns/b` has be gone.
    fn lose_layer(&self) -> ActiveFault {
        let layer = When::kind(Kind::Blob).method("GET").digest(&own_layer().digest());
        self.source.fault(Fault::new(layer, Effect::status(404)))
    }

    fn to_disk(&self, more: &[&str]) -> Outcome {
        let mut args = vec!["--retry-times=0"];
        args.extend(more);
        self.home.to_disk(&args)
    }

    fn report(&self, more: &[&str], code: i32) -> Value {
        let mut args = vec!["--output=json"];
        args.extend(more);
        serde_json::from_str(&self.to_disk(&args).code(code).stdout).unwrap()
    }

    fn histories(&self) -> Vec<String> {
        let folder = self.home.disk().join("working-dir/.history");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    fn blobs(&self) -> usize {
        self.home.entries("mirror_000001.tar").iter().filter(|name| name.contains("/v2/blobs/")).count()
    }
}

/// What is complete is archived and loaded; both sides name what lacks, with its line, and end with the same bit.
#[test]
fn the_archive_holds_what_is_complete_and_both_sides_name_the_rest() {
    let (world, destination) = (World::new(), Registry::start_blocking());
    let lost = world.lose_layer();
    let outcome = world.to_disk(&[]);
    outcome.code(8).says("2 / 3 additional images mirrored");
    insta::assert_snapshot!(outcome.complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/b:v1 error: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/b`: 404 Not Found: repository name not known to registry [NAME_UNKNOWN]
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    THE ARCHIVE IS INCOMPLETE. It lacks 1 of its 3 images:
    * 127.0.0.1:PORT/ns/b:v1, line 6 of the configuration (mirror.additionalImages[1])
    You can carry it as it is: disk to mirror names the same images. Or fix the causes and run the same command again. As long as this archive lies in `HOME/disk`, the next one holds everything again; once you have moved this one away, the next one holds what is missing. With --all-or-nothing, no incomplete archive is written.
    ");
    assert_eq!(world.home.archives(), ["mirror_000001.tar"]);
    let entries = world.home.entries("mirror_000001.tar");
    let links = |repository: &str| entries.iter().any(|name| name.contains(&format!("repositories/{repository}/")));
    assert_eq!((links("ns/a"), links("ns/b"), links("ns/c")), (true, false, true));
    assert!(entries.iter().any(|name| name == "working-dir/internal/incomplete.json"), "{entries:?}");
    assert!(entries.last().unwrap().starts_with("isc_"), "{entries:?}");

    // The archive says it itself, and is good.
    let verified = world.home.run(&["archive", "verify", "disk"]);
    verified.code(0).says("the archive is incomplete").says(&world.name("ns/b"));
    world.home.run(&["describe", "disk"]).code(0).says("Lacks:").says(&world.name("ns/b"));
    let listed = world.home.run(&["archive", "list", "disk", "--output=json"]);
    let listed: Value = serde_json::from_str(&listed.code(0).stdout).unwrap();
    assert_eq!(listed["lacking"][0]["line"], 6);

    let loaded = world.home.to_mirror(destination.host(), &["--cache-dir=inside"]);
    loaded.code(8).says("2 / 3 additional images mirrored");
    insta::assert_snapshot!(loaded.complaints(), @"
    [WARN]   : The archive is incomplete: when it was made, mirror to disk could not copy 1 of its 3 images:
    * 127.0.0.1:PORT/ns/b:v1, line 6 of the configuration (mirror.additionalImages[1])
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/b:v1 error: not in the archive, because mirror to disk could not copy the image: pulling blob `sha256:HEX` from `127.0.0.1:PORT/ns/b`: 404 Not Found: repository name not known to registry [NAME_UNKNOWN]
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    The archive is incomplete: when it was made, mirror to disk could not copy 1 of its 3 images:
    * 127.0.0.1:PORT/ns/b:v1, line 6 of the configuration (mirror.additionalImages[1])
    Make another archive where the sources can be reached, and load it too.
    ");
    assert_eq!(destination.repositories(), ["ns/a", "ns/c"]);

    // The cause is mended: the next archive lies where this one lay, and holds everything.
    lost.stop();
    let complete = world.to_disk(&[]);
    complete.code(0).says("The incomplete archive of").says("the new archive holds its content again");
    let entries = world.home.entries("mirror_000001.tar");
    assert!(!entries.iter().any(|name| name.contains("incomplete")), "{entries:?}");
    let fresh = Registry::start_blocking();
    world.home.to_mirror(fresh.host(), &["--cache-dir=fresh"]).code(0).says("3 / 3 additional images mirrored");
    assert_eq!(fresh.repositories(), ["ns/a", "ns/b", "ns/c"]);
}

/// The result document and the histories tell of what is in the archive, and of nothing else.
#[test]
fn documents_and_histories_record_what_is_there() {
    let world = World::new();
    world.lose_layer();
    let report = world.report(&[], 8);
    let archive = &report["archive"];
    assert_eq!((&archive["complete"], &archive["blobs"]), (&Value::Bool(false), &Value::from(7)), "{archive:#}");
    let lacking = archive["lacking"].as_array().unwrap();
    assert_eq!(lacking.len(), 1);
    assert_eq!(lacking[0]["origin"], world.name("ns/b"));
    assert_eq!((&lacking[0]["line"], &lacking[0]["path"]), (&6.into(), &"mirror.additionalImages[1]".into()));
    assert!(lacking[0]["reason"].as_str().unwrap().contains("404"), "{lacking:?}");
    let histories = world.histories();
    assert_eq!(histories.len(), 1);
    let known: Vec<&str> = histories[0].lines().collect();
    assert_eq!(known.len(), 7, "{known:?}");
    // The configuration of `ns/b` arrived, and no image that is complete needs it.
    let config = world.source.manifest("ns/b", "v1").unwrap();
    let config: Value = serde_json::from_slice(&config.bytes).unwrap();
    assert!(!known.contains(&config["config"]["digest"].as_str().unwrap()));
    assert_eq!(world.report(&[], 8)["archive"]["complete"], false);

    // A complete archive says so.
    let other = World::new();
    let report = other.report(&[], 0);
    assert_eq!(report["archive"]["complete"], true);
    assert!(report["archive"].get("lacking").is_none());
}

/// An archive that was carried away is continued: the next one holds what was missing.
#[test]
fn what_was_carried_is_not_archived_again() {
    let (world, destination) = (World::new(), Registry::start_blocking());
    let lost = world.lose_layer();
    world.to_disk(&[]).code(8);
    world.home.to_mirror(destination.host(), &["--cache-dir=inside"]).code(8);
    std::fs::remove_file(world.home.disk().join("mirror_000001.tar")).unwrap();
    lost.stop();
    world.to_disk(&[]).code(0);
    // The layer, the configuration and the manifest of `ns/b`; the layer that it shares was carried.
    assert_eq!(world.blobs(), 3);
    world.home.to_mirror(destination.host(), &["--cache-dir=inside"]).code(0);
    assert_eq!(destination.repositories(), ["ns/a", "ns/b", "ns/c"]);
    world.home.run(&["archive", "verify", "disk"]).code(0);
}

/// A run that writes no archive says so and why, and leaves what was there.
#[test]
fn when_no_archive_is_written_the_reason_is_said() {
    let check = |prepare: &dyn Fn(&World), more: &[&str], code: i32, reason: &str| {
        let world = World::new();
        prepare(&world);
        let outcome = world.to_disk(more);
        outcome.code(code).says(&format!("No archive was written: {reason}"));
        assert!(world.home.archives().is_empty(), "{reason}");
        assert!(world.histories().is_empty(), "{reason}");
    };
    let lose = |world: &World| drop(world.lose_layer());
    check(&lose, &["--all-or-nothing"], 8, "--all-or-nothing asks for all images.");
    check(&lose, &["--no-cache"], 8, "with --no-cache an archive holds all images.");
    let nothing = |world: &World| {
        world.ask(&["ns/b"]);
        world.lose_layer();
    };
    check(&nothing, &[], 8, "no image is complete.");
    let gone = |world: &World| world.ask(&["ns/gone"]);
    check(&gone, &[], 8, "no image is complete.");
    let refuse = |world: &World| {
        let policy = serde_json::json!({
            "default": [{"type": "insecureAcceptAnything"}],
            "transports": {"docker": {format!("{}/ns/c", world.source.host()): [{"type": "reject"}]}},
        });
        world.home.write("policy.json", policy.to_string());
    };
    check(&refuse, &["--secure-policy", "--policy=policy.json"], 8, "the signature policy does not let");
    // The policy also counts where another image failed for another reason.
    let both = |world: &World| {
        refuse(world);
        world.lose_layer();
    };
    check(&both, &["--secure-policy", "--policy=policy.json"], 8, "the signature policy does not let");
}

/// Collecting is not copying: nothing is archived when a part of the configuration cannot be had.
#[test]
fn when_collecting_failed_there_is_no_archive() {
    let world = World::new();
    let host = world.source.host().to_owned();
    let check = |more: &str, code: i32| {
        world.home.configuration(&format!("additionalImages:\n- name: {}\n{more}", world.name("ns/a")));
        world.to_disk(&[]).code(code).says("collection error");
        assert!(world.home.archives().is_empty());
    };
    let catalog = format!("operators:\n- catalog: {host}/no/such:v1\n");
    let chart = "helm:\n  local:\n  - name: gone\n    path: ./gone.tgz\n";
    check(&catalog, 4);
    check(chart, 16);
    check(&format!("{catalog}{chart}"), 20);
}

/// An incomplete archive never takes the place of a complete one, which stays byte for byte. Once it is carried and moved
/// away, the same command writes what can be had.
#[test]
fn a_complete_archive_stays() {
    let world = World::new();
    world.ask(&["ns/a"]);
    world.to_disk(&[]).code(0);
    let path = world.home.disk().join("mirror_000001.tar");
    let earlier = std::fs::read(&path).unwrap();
    world.ask(&["ns/a", "ns/b", "ns/c"]);
    let check = |lost: &ActiveFault| {
        let outcome = world.to_disk(&[]);
        outcome.code(8).says("an incomplete archive never replaces a complete one").says("mirror_000001.tar");
        assert!(std::fs::read(&path).unwrap() == earlier);
        assert_eq!((world.home.archives().len(), world.histories().len()), (1, 1));
        lost.stop();
    };
    check(&world.lose_layer());
    let manifest = When::kind(Kind::Manifest).repository("ns/b");
    check(&world.source.fault(Fault::new(manifest, Effect::status(404))));

    let lost = world.lose_layer();
    std::fs::rename(&path, world.home.path().join("carried.tar")).unwrap();
    assert_eq!(world.report(&[], 8)["archive"]["lacking"].as_array().unwrap().len(), 1);
    // An incomplete one may take the place of an incomplete one, and a complete one too.
    assert_eq!(world.report(&[], 8)["archive"]["complete"], false);
    lost.stop();
    assert_eq!(world.report(&[], 0)["archive"]["complete"], true);
    let links = world.home.entries("mirror_000001.tar");
    assert!(links.iter().any(|name| name.contains("repositories/ns/b/")));
}

/// An image whose manifest cannot be had, one whose layer cannot, and one that needs both wait for nobody.
#[test]
fn operators_lose_the_bundle_that_lacks_an_image() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let missing = format!("{}/ns/missing:v9", source.host());
    world_of_operators(&source, &[&missing]);
    let home = Home::new();
    operators(&home, source.host(), FOO_FROM_0_2);
    let outcome = home.to_disk(&["--output=json"]);
    let report: Value = serde_json::from_str(&outcome.code(4).stdout).unwrap();
    let lacking = report["archive"]["lacking"].as_array().unwrap();
    let kinds: Vec<&str> = lacking.iter().map(|image| image["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["operatorRelatedImage", "operatorBundle"]);
    assert!(lacking.iter().all(|image| image["operators"][0]["operator"] == "foo"), "{lacking:?}");
    outcome.says("without which these operators are incomplete: foo");
    drop(source);

    let loaded = home.to_mirror(destination.host(), &["--cache-dir=inside"]);
    loaded.code(4).says("7 / 9 operator images mirrored").says("because mirror to disk could not copy the image");
    // As mirror to mirror does it: the catalog names the bundle all the same.
    assert_there(&destination, "", &[("foo", "0.2.0"), ("bar", "1.1.0")]);
    assert!(destination.manifest("ns/foo-bundle", "0.3.0").is_none());
    assert_eq!(served(&destination, "cat/index", "v1"), ["bar.v1.1.0", "foo.v0.2.0", "foo.v0.3.0"]);
}

/// A catalog that is not in the archive costs its own operators; everything else is loaded.
#[test]
fn a_catalog_that_is_missing_costs_its_operators() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let catalog = world_of_operators(&source, &[]);
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(5, 1000)).build());
    let home = Home::new();
    let host = source.host();
    home.configuration(&format!(
        "operators:\n- catalog: {host}/cat/index:v1\n  full: true\nadditionalImages:\n- name: {host}/ns/app:v1\n"
    ));
    // The program of an instance is copied, and not read: collecting does not need it.
    let other = &catalog.children[1].blobs[1].digest;
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET").digest(other), Effect::status(404)));
    home.to_disk(&["--retry-times=0"]).code(4).says("1 / 1 additional images mirrored successfully");
    drop(source);
    let loaded = home.to_mirror(destination.host(), &["--cache-dir=inside"]);
    loaded.code(4).says("and its operators are left out").says("1 / 1 additional images mirrored successfully");
    assert_eq!(destination.repositories(), ["ns/app"]);
}

/// A note that somebody has damaged is said, and does not keep the archive from being loaded.
#[test]
fn a_note_that_cannot_be_read_is_a_warning() {
    let (world, destination) = (World::new(), Registry::start_blocking());
    world.lose_layer();
    world.to_disk(&[]).code(8);
    let path = world.home.disk().join("mirror_000001.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"\"format\": 1,";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[at] = b'!';
    std::fs::write(&path, bytes).unwrap();
    let loaded = world.home.to_mirror(destination.host(), &["--cache-dir=inside"]);
    loaded.code(8).says("incomplete.json` of the archive cannot be read").says("2 / 3 additional images");
    world.home.run(&["archive", "verify", "disk"]).code(0).says("incomplete.json` of the archive cannot be read");
}
