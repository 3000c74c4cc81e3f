//! What was read out of catalogs and is kept in the cache: used again, and removed when nobody needs it any more.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use test_support::{ImageBuilder, Layer, Registry};

use crate::catalog_image::CONFIGS_LABEL;
use crate::catalogs::{catalog_of, documents_of};
use crate::harness::{Home, Outcome, walk};
use crate::operators::{operators, served, world};

/// The contents of catalogs that a cache keeps.
fn contents(cache: &Path) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = walk(&cache.join("catalogs"));
    kept.retain(|path| path.extension().is_some_and(|ending| ending == "zst"));
    kept.sort();
    kept
}

/// A year goes by in which nobody uses what is kept in this cache, except what was written since `spared` was listed.
fn grow_old(cache: &Path, spared: &[PathBuf]) {
    let year_ago = SystemTime::now() - Duration::from_secs(365 * 24 * 3600);
    for path in walk(&cache.join("catalogs")) {
        if !spared.contains(&path.with_extension("zst")) {
            std::fs::File::open(path).unwrap().set_modified(year_ago).unwrap();
        }
    }
}

fn says_read_before(outcome: &Outcome) -> bool {
    format!("{}{}", outcome.stdout, outcome.stderr).contains("an earlier run has read its layers")
}

/// What the layers hold is kept under the layers' digests, so the same layers are opened once: not for a second run of a
/// full catalog, not for another selection, and not when they come back in another image.
#[test]
fn layers_are_read_once() {
    let source = Registry::start_blocking();
    let documents = documents_of(&source, "red");
    let layer = Layer::tar_gz([("configs/foo/catalog.json", documents.as_bytes())]);
    let image = |base: u64| {
        let base = Layer::tar_gz([("bin/opm", base.to_string().as_bytes())]);
        ImageBuilder::docker()
            .label(CONFIGS_LABEL, "/configs")
            .layer(base)
            .layer(layer.clone())
            .created_by(&["ADD opm /bin", "ADD catalog /configs"])
            .build()
    };
    let home = Home::new();
    let run = |base: u64, body: &str| {
        source.push("cat/index", "v1", &image(base));
        operators(&home, source.host(), body);
        home.to_disk(&["--log-level", "debug"])
    };
    let (whole, part) = ("full: true", "packages:\n- name: foo");
    let first = run(1, whole);
    first.code(0);
    assert!(!says_read_before(&first));
    let kept = || contents(&home.cache());
    let [contents] = <[PathBuf; 1]>::try_from(kept()).unwrap();
    let before = std::fs::read(&contents).unwrap();

    // The layer has its name and its size and is no catalog any more: whoever opened it would fail.
    let digest = layer.digest();
    let hex = digest.hex();
    let blob = home.cache().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]));
    std::fs::write(&blob, vec![1; layer.bytes.len()]).unwrap();
    for (base, body) in [(1, whole), (1, part), (2, whole), (3, part)] {
        let outcome = run(base, body);
        outcome.code(0);
        assert!(says_read_before(&outcome), "{base} {body}: {}", outcome.stdout);
    }
    assert_eq!(kept(), std::slice::from_ref(&contents));

    // Damaged, it counts for nothing, so that the layer is opened again; then it is made anew.
    std::fs::write(&contents, &before[..before.len() / 2]).unwrap();
    run(1, whole).code(4).says("layer sha256:").says("of the catalog: the layer cannot be read");
    std::fs::write(&blob, &layer.bytes).unwrap();
    let mended = run(1, whole);
    mended.code(0);
    assert!(!says_read_before(&mended));
    assert_eq!(std::fs::read(&contents).unwrap(), before);
}

/// Forty times the same layer have more entries than all layers of a catalog may have. Once, they have not.
#[test]
fn a_layer_that_is_listed_many_times_is_unpacked_once() {
    let source = Registry::start_blocking();
    let documents = documents_of(&source, "red");
    let names: Vec<String> = (0..110_000).map(|number| format!("{number}")).collect();
    let base = Layer::tar_gz(names.iter().map(|name| (name.as_str(), b"".as_slice())));
    let mut image = ImageBuilder::docker().label(CONFIGS_LABEL, "/configs");
    for _ in 0..40 {
        image = image.layer(base.clone());
    }
    let image = image.layer(Layer::tar_gz([("configs/foo/catalog.json", documents.as_bytes())])).build();
    source.push("cat/index", "v1", &image);
    let home = Home::new();
    operators(&home, source.host(), "full: true");
    home.to_disk(&[]).code(0);
}

/// A catalog that another took the place of is forgotten after a while, and read anew where it is asked for by digest.
#[test]
fn contents_of_replaced_catalogs_go() {
    let source = Registry::start_blocking();
    let home = Home::new();
    let first = catalog_of(&source, "red").build();
    source.push("cat/index", "v1", &first);
    operators(&home, source.host(), "packages:\n- name: foo");
    home.to_disk(&[]).code(0);
    let of_first = contents(&home.cache());
    assert_eq!(of_first.len(), 1);

    source.push("cat/index", "v1", &catalog_of(&source, "blue").build());
    grow_old(&home.cache(), &[]);
    // While it is collected, the tag of the cache still names the first.
    home.to_disk(&[]).code(0);
    let both = contents(&home.cache());
    assert_eq!(both.len(), 2);
    let of_second: Vec<PathBuf> = both.iter().filter(|path| !of_first.contains(path)).cloned().collect();
    // A rehearsal removes nothing.
    home.to_disk(&["--dry-run"]).code(0);
    assert_eq!(contents(&home.cache()), both);
    home.to_disk(&["--log-level", "debug"]).code(0).says("contents of 1 catalogs that nobody uses are removed");
    assert_eq!(contents(&home.cache()), of_second);
    assert_eq!(walk(&home.cache().join("catalogs")).len(), 2);

    home.configuration(&format!(
        "operators:\n- catalog: {}/cat/index@{}\n  targetTag: old\n  full: true\n",
        source.host(),
        first.digest
    ));
    let again = home.to_disk(&["--log-level", "debug"]);
    again.code(0);
    assert!(!says_read_before(&again));
    assert_eq!(contents(&home.cache()), both);
    // A tag leads to each of them now: they may grow as old as they like.
    grow_old(&home.cache(), &[]);
    operators(&home, source.host(), "packages:\n- name: foo");
    home.to_disk(&[]).code(0);
    assert_eq!(contents(&home.cache()), both);
}

/// An archive does not bring again what an earlier one brought, and disk to mirror leaves no layers in the cache: what was
/// read out of the first archive is all there is, as long as the catalog has its name.
#[test]
fn contents_behind_the_gap_stay() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source, &[]);
    let home = Home::new();
    let host = source.host().to_owned();
    let (base, cache) = (home.path().join("far"), home.path().join("far/.oc-mirror/.cache"));
    let far = ["--cache-dir", base.to_str().unwrap(), "--log-level", "debug"];
    operators(&home, &host, "packages:\n- name: foo");
    home.to_disk(&[]).code(0);
    operators(&home, &host, "packages:\n- name: foo\n  minVersion: 0.3.0");
    home.to_mirror(destination.host(), &far).code(0);
    let kept = contents(&cache);
    assert_eq!(kept.len(), 1);

    operators(&home, &host, "packages:\n- name: foo\n- name: bar");
    home.to_disk(&[]).code(0);
    drop(source);
    grow_old(&cache, &[]);
    // The selection of the archive itself needs no contents.
    home.to_mirror(destination.host(), &far).code(0).says("nothing to read");
    assert_eq!(contents(&cache), kept);
    operators(&home, &host, "packages:\n- name: bar");
    let narrower = home.to_mirror(destination.host(), &far);
    narrower.code(0);
    assert!(says_read_before(&narrower));
    assert_eq!(served(&destination, "cat/index", "v1"), ["bar.v1.1.0"]);

    // Without them, the layers are taken from the catalog that is at the destination.
    std::fs::remove_dir_all(cache.join("catalogs")).unwrap();
    operators(&home, &host, "packages:\n- name: bar\n- name: foo");
    home.to_mirror(destination.host(), &far).code(0);
    assert_eq!(served(&destination, "cat/index", "v1"), ["bar.v1.1.0", "foo.v0.3.0"]);
    // Where there is none, and the cache has lost them again, it cannot be done, and that is said.
    std::fs::remove_dir_all(cache.join("catalogs")).unwrap();
    std::fs::remove_dir_all(cache.join("docker/registry/v2/blobs")).unwrap();
    operators(&home, &host, "packages:\n- name: bar\n- name: foo\n  minVersion: 0.3.0");
    home.to_mirror(Registry::start_blocking().host(), &far)
        .code(4)
        .says("of the catalog is neither in the archive nor in the cache of earlier runs");
}
