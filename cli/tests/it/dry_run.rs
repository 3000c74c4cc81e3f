//! `--dry-run` and `--dry-run-manifest-lists` (`docs/behaviour/config-cli.md` 5.3), and the refusal of runs that cannot fit.

use std::fmt::Write as _;

use test_support::{ImageBuilder, IndexBuilder, Kind, Layer, Registry, When};

use crate::harness::small_disk::SmallDisk;
use crate::harness::{Home, resources};
use crate::operators;

/// A source with a single image and a list.
fn source() -> Registry {
    let source = Registry::start_blocking();
    let single = ImageBuilder::oci().layer(Layer::random(1, 200_000)).build();
    source.push("ns/app", "v1", &single);
    source.push("ns/list", "v2", &IndexBuilder::oci().architectures(&["amd64", "arm64"], 20, 30_000).build());
    source
}

fn read(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.disk().join("working-dir/dry-run").join(name)).unwrap()
}

fn plan(home: &Home) -> serde_json::Value {
    serde_json::from_str(&read(home, "sizes.json")).unwrap()
}

fn blob_requests(registry: &Registry) -> usize {
    registry.requests_matching(&When::kind(Kind::Blob).method("GET")).len()
}

/// `dry_run: M2D+D2M`, the first half.
#[test]
fn mirror_to_disk_before_and_after() {
    let source = source();
    let home = Home::new();
    let host = source.host();
    home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/ns/list:v2")]);
    home.write("disk/working-dir/dry-run/left-over", "");

    home.to_disk(&["--dry-run"])
        .code(0)
        .says("2/2 images necessary for mirroring are not available in the cache.")
        .says("dry-run/mapping.txt")
        .says("to download: ")
        .says("archive: about ")
        .says("disk for the cache: ");
    let lines = format!(
        "docker://{host}/ns/app:v1=docker://localhost:55000/ns/app:v1\n\
         docker://{host}/ns/list:v2=docker://localhost:55000/ns/list:v2\n"
    );
    assert_eq!(read(&home, "mapping.txt"), lines);
    assert_eq!(read(&home, "missing.txt"), lines);
    assert!(!home.disk().join("working-dir/dry-run/left-over").exists(), "the folder is emptied first");
    assert!(home.archives().is_empty());
    assert_eq!(blob_requests(&source), 0, "a dry run fetched a layer");
    let before = plan(&home);
    let expected = before["sizes"]["bytes"].as_u64().unwrap();
    assert_eq!(before["sizes"]["downloadBytes"].as_u64().unwrap(), expected);
    assert_eq!(before["sizes"]["cachedBytes"], 0);
    assert_eq!(before["sizes"]["archive"]["files"], 1);
    assert_eq!(before["sizes"]["fits"], true);
    assert_eq!(before["images"][0]["complete"], false);

    home.to_disk(&[]).code(0);
    let archive = std::fs::metadata(home.disk().join("mirror_000001.tar")).unwrap();
    let estimated = before["sizes"]["archive"]["bytes"].as_u64().unwrap();
    assert!(estimated <= archive.len() && archive.len() < estimated + 60_000, "{estimated} {}", archive.len());

    home.to_disk(&["--dry-run"]).code(0).says("all 2 images required for mirroring are available in local cache");
    assert!(!home.disk().join("working-dir/dry-run/missing.txt").exists());
    let after = plan(&home);
    assert_eq!(after["sizes"]["downloadBytes"], 0);
    assert_eq!(after["sizes"]["cachedBytes"].as_u64().unwrap(), expected);
    assert_eq!(after["images"][1]["complete"], true);
    // The archive of the real run is untouched.
    let still = std::fs::metadata(home.disk().join("mirror_000001.tar")).unwrap();
    assert_eq!((still.len(), still.modified().unwrap()), (archive.len(), archive.modified().unwrap()));
}

/// `dry_run: manifest lists`.
#[test]
fn instances_of_lists() {
    let source = source();
    let home = Home::new();
    let host = source.host();
    let list = source.manifest("ns/list", "v2").unwrap();
    home.additional_images([format!("{host}/ns/list@{}", list.digest), format!("{host}/ns/list:v2")]);
    home.to_disk(&["--dry-run-manifest-lists"]).code(0);
    let mapping = read(&home, "mapping.txt");
    let children: serde_json::Value = serde_json::from_slice(&list.bytes).unwrap();
    let mut expected =
        format!("docker://{host}/ns/list@{}=docker://localhost:55000/ns/list:{}\n", list.digest, list.digest.as_tag());
    for name in ["ns/list", "ns/list:v2"] {
        if name.ends_with("v2") {
            writeln!(expected, "docker://{host}/ns/list:v2=docker://localhost:55000/ns/list:v2").unwrap();
        }
        for child in children["manifests"].as_array().unwrap() {
            let digest = child["digest"].as_str().unwrap();
            writeln!(expected, "docker://{host}/{name}@{digest}=docker://localhost:55000/ns/list@{digest}").unwrap();
        }
    }
    assert_eq!(mapping, expected);
    assert_eq!(read(&home, "missing.txt"), expected);
}

/// `dry_run: M2M`: from the source to the destination; only catalogs go into the cache as well.
#[test]
fn mirror_to_mirror_names_both_sides() {
    let (source, destination) = (source(), Registry::start_blocking());
    operators::world(&source, &[]);
    let home = Home::new();
    let (from, to) = (source.host(), format!("{}/m", destination.host()));
    home.configuration(&format!(
        "operators:\n- catalog: {from}/cat/index:v1\n  packages:\n  - name: bar\nadditionalImages:\n- name: {from}/ns/app:v1\n"
    ));
    home.mirror_to_mirror(&to, &["--dry-run"]).code(0);
    let folder = home.workspace().join("working-dir/dry-run");
    let mapping = std::fs::read_to_string(folder.join("mapping.txt")).unwrap();
    let mapping = mapping.replace(&to, "THERE/m").replace(from, "HERE");
    // The rebuilt catalog is made in the cache, where the id of its selection is its tag.
    let id = mapping.lines().find_map(|line| line.strip_prefix("docker://localhost:55000/cat/index:")?.split_once('='));
    let mapping = mapping.replace(id.unwrap().0, "ID");
    insta::assert_snapshot!(home.steady(&mapping), @r"
    docker://HERE/ns/bar@sha256:HEX=docker://THERE/m/ns/bar:sha256-HEX
    docker://HERE/ns/shared@sha256:HEX=docker://THERE/m/ns/shared:sha256-HEX
    docker://HERE/ns/app:v1=docker://THERE/m/ns/app:v1
    docker://HERE/ns/bar-bundle:1.1.0=docker://THERE/m/ns/bar-bundle:1.1.0
    docker://HERE/cat/index@sha256:HEX=docker://localhost:55000/cat/index:v1
    docker://localhost:55000/cat/index:ID=docker://THERE/m/cat/index:v1
    ");
    assert!(!folder.join("missing.txt").exists());
    assert!(destination.repositories().is_empty(), "{:?}", destination.repositories());

    // Mirror to disk names the original, and nothing that was made of it; another port names another cache.
    home.to_disk(&["--dry-run", "--port=4711"]).code(0);
    let mapping = read(&home, "mapping.txt");
    let catalogs: Vec<&str> = mapping.lines().filter(|line| line.contains("cat/index")).collect();
    let [catalog] = catalogs[..] else { panic!("{mapping}") };
    assert!(catalog.ends_with("=docker://localhost:4711/cat/index:v1"), "{catalog}");
}

/// `dry_run: M2D+D2M`, the second half.
#[test]
fn disk_to_mirror_pushes_nothing() {
    let (source, destination) = (source(), Registry::start_blocking());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host()), format!("{}/ns/list:v2", source.host())]);
    home.to_disk(&[]).code(0);
    let to = format!("{}/m", destination.host());
    home.to_mirror(&to, &["--dry-run"]).code(0).says("the destination lacks: ");
    assert_eq!(
        read(&home, "mapping.txt"),
        format!(
            "docker://localhost:55000/ns/app:v1=docker://{to}/ns/app:v1\n\
             docker://localhost:55000/ns/list:v2=docker://{to}/ns/list:v2\n"
        )
    );
    assert!(!home.disk().join("working-dir/dry-run/missing.txt").exists());
    assert!(destination.repositories().is_empty());
    let sizes = plan(&home)["sizes"].clone();
    assert_eq!(sizes["destinationLacksBytes"], sizes["bytes"]);

    home.to_mirror(&to, &[]).code(0);
    let found = home.to_mirror(&to, &["--dry-run", "--output=json"]);
    let found: serde_json::Value = serde_json::from_str(&found.code(0).stdout).unwrap();
    assert_eq!(found["sizes"]["destinationLacksBytes"], 0);
}

#[test]
fn images_that_cannot_be_inspected_are_no_error() {
    let source = source();
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host()), format!("{}/ns/gone:v1", source.host())]);
    home.to_disk(&["--dry-run", "--retry-times=1"])
        .code(0)
        .says("cannot inspect")
        .says("1 of them could not be inspected");
    assert_eq!(read(&home, "mapping.txt").lines().count(), 2);
}

#[test]
fn what_cannot_fit_is_refused_before_a_layer_is_fetched() {
    let source = Registry::start_blocking();
    source.push("ns/big", "v1", &ImageBuilder::oci().layer(Layer::random(1, 6_000_000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/big:v1", source.host())]);
    let Some(disk) = SmallDisk::mount(&home.path().join("small"), "4m") else { return };
    let cache = disk.folder("cache");
    home.to_disk(&["--dry-run", "--cache-dir", &cache]).code(0).says("not enough room for the cache");
    home.to_disk(&["--cache-dir", &cache]).code(1).says("not enough room for the cache").says("--force");
    assert_eq!(blob_requests(&source), 0, "a layer was asked for");
    assert!(home.archives().is_empty());
    // With --force it is tried, and the disk has the last word.
    home.to_disk(&["--cache-dir", &cache, "--force", "--retry-times=0"]).code(8);
    assert!(blob_requests(&source) > 0);
}

/// All images are in the cache, and the archive does not fit: nobody is told to go on.
#[test]
fn a_rehearsal_that_cannot_fit_does_not_say_go_on() {
    let source = Registry::start_blocking();
    source.push("ns/big", "v1", &ImageBuilder::oci().layer(Layer::random(1, 6_000_000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/big:v1", source.host())]);
    home.to_disk(&[]).code(0);
    let go_on = "available in local cache. You may proceed";
    home.to_disk(&["--dry-run"]).code(0).says(go_on);
    let Some(small) = SmallDisk::mount(&home.path().join("small"), "4m") else { return };
    let target = format!("file://{}", small.folder("disk"));
    let dry_run =
        |more: &[&str]| home.run(&[&["-c", "isc.yaml", &target, "--src-tls-verify=false", "--dry-run"], more].concat());
    let told = dry_run(&[]);
    told.code(0).says("available in local cache.").says("not enough room for the archive");
    assert!(!told.stderr.contains("You may proceed") && !told.stdout.contains("You may proceed"), "{}", told.stderr);
    dry_run(&["--check"]).code(1).says("not enough room for the archive");
    // With a larger disk, the same command goes on.
    drop(small);
    dry_run(&["--check"]).code(0).says(go_on);
}

/// A selection is made and kept, so that the plan tells its size and its name; beside it, a dry run leaves only its own
/// files and its logs.
#[test]
fn what_a_dry_run_of_catalogs_leaves_behind() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    operators::world(&source, &[]);
    let home = Home::new();
    operators::operators(&home, source.host(), operators::FOO_FROM_0_2);
    home.to_disk(&["--dry-run"]).code(0);
    let assert_left = |folder: &str| {
        let files: Vec<String> = home.files().into_iter().filter(|name| name.starts_with(folder)).collect();
        let expected =
            ["dry-run/", "logs/", "operator-catalogs/index/"].map(|name| format!("{folder}/working-dir/{name}"));
        let is_expected = |name: &str| expected.iter().any(|expected| name.starts_with(expected.as_str()));
        // The lock is no content.
        let other: Vec<&String> =
            files.iter().filter(|name| !is_expected(name) && !name.ends_with("/.working-dir.lock")).collect();
        assert!(other.is_empty(), "{other:#?}");
        assert!(
            expected.iter().all(|expected| files.iter().any(|name| name.starts_with(expected.as_str()))),
            "{files:#?}"
        );
    };
    assert_left("disk");
    let plan = plan(&home);
    assert_eq!(plan["sizes"]["unknownImages"], 0);
    let digest = std::fs::read_to_string(&operators::filtered(&home)[0]).unwrap();
    let digests: Vec<&str> = plan["images"].as_array().unwrap().iter().filter_map(|i| i["digest"].as_str()).collect();
    assert!(digests.contains(&format!("sha256:{digest}").as_str()), "{digests:?}");
    // The real run makes the very same, out of what is there.
    home.to_disk(&["--log-level", "debug"]).code(0).says("nothing to read");
    assert_eq!(std::fs::read_to_string(&operators::filtered(&home)[0]).unwrap(), digest);

    home.mirror_to_mirror(destination.host(), &["--dry-run"]).code(0);
    assert!(destination.repositories().is_empty(), "{:?}", destination.repositories());
    assert!(home.files().iter().all(|name| !name.starts_with("workspace/working-dir/isc_pinned_")));
}

/// A catalog that is given by digest is named by the digest of what becomes of it, and a rehearsal knows that too: its
/// resources are those of the run.
#[test]
fn resources_have_the_names_that_a_run_gives_them() {
    let source = Registry::start_blocking();
    let catalog = operators::world(&source, &[]);
    let name = format!("{}/cat/index@{}", source.host(), catalog.digest);
    let check = |rehearse_and_run: &dyn Fn(&Home, &str, &[&str]), working_dir: &str, packages: &str| {
        let (home, destination) = (Home::new(), Registry::start_blocking());
        home.configuration(&format!("operators:\n- catalog: {name}\n{packages}"));
        if working_dir.starts_with("disk") {
            home.to_disk(&[]).code(0);
        }
        let names = |more: &[&str]| -> Vec<String> {
            rehearse_and_run(&home, destination.host(), more);
            let found = resources::read(&home.path().join(working_dir));
            found.into_keys().filter(|name| name.starts_with('c')).collect()
        };
        let (rehearsed, made) = (names(&["--dry-run"]), names(&[]));
        let tags = destination.tags("cat/index");
        let [tag] = &tags[..] else { panic!("{tags:?}") };
        let suffix: String = tag.chars().take(12).collect();
        assert_eq!(made, ["cc", "cs"].map(|kind| format!("{kind}-index-{suffix}.yaml")));
        assert_eq!(rehearsed, made);
    };
    for packages in ["  packages:\n  - name: foo\n", "  full: true\n"] {
        let from_disk = |home: &Home, to: &str, more: &[&str]| _ = home.to_mirror(to, more).code(0);
        check(&from_disk, "disk/working-dir", packages);
        let straight = |home: &Home, to: &str, more: &[&str]| _ = home.mirror_to_mirror(to, more).code(0);
        check(&straight, "workspace/working-dir", packages);
    }
}
