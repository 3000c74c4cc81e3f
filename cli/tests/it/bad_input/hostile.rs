//! Archives that somebody took apart and put together again: nothing is written outside, nothing wrong is pushed, and what
//! is wrong is named. Each is loaded (disk to mirror) and verified (`archive verify`).

use std::fs;

use tar::EntryType;
use test_support::{Image, ImageBuilder, Layer, Registry};

use super::Site;
use crate::harness::{Home, Outcome, walk};
use crate::tape::{Entry, read, write};

/// A mirrored site whose archive was changed, and no cache that could help.
fn changed(change: impl FnOnce(&mut Vec<Entry>)) -> Site {
    let site = Site::mirrored();
    let path = site.home.disk().join("mirror_000001.tar");
    let mut entries = read(&path);
    change(&mut entries);
    write(&path, &entries);
    fs::remove_dir_all(site.home.cache()).unwrap();
    fs::remove_dir_all(site.home.disk().join("working-dir")).unwrap();
    site
}

fn blob_name(digest: &image_ref::Digest) -> String {
    format!("docker/registry/v2/blobs/sha256/{}/{}/data", &digest.hex()[..2], digest.hex())
}

fn blob_of<'e>(entries: &'e mut [Entry], digest: &image_ref::Digest) -> &'e mut Entry {
    let name = blob_name(digest);
    entries.iter_mut().find(|entry| entry.name == name).unwrap()
}

fn load(site: &Site, destination: &Registry) -> Outcome {
    site.home.to_mirror(destination.host(), &["--retry-times=1"])
}

fn verify(site: &Site) -> Outcome {
    site.home.run(&["archive", "verify", "disk"])
}

/// Everything below the home, without what runs write in the working directory.
fn outside(home: &Home) -> Vec<String> {
    home.files()
        .into_iter()
        .filter(|name| !name.starts_with("disk/working-dir/") && !name.starts_with(".oc-mirror"))
        .collect()
}

/// Names that lead out of the folder they are meant for end the run before the destination is asked
/// (`docs/behaviour/operators-archive.md` 6.7).
#[test]
fn names_that_lead_outside() {
    for name in [
        "working-dir/../../evil",
        "../working-dir/evil",
        "/working-dir/evil",
        "working-dir/a/../../../../../../../../tmp/evil",
        "docker/registry/v2/../../../../evil",
        "/docker/registry/v2/blobs/sha256/aa/data",
    ] {
        let site = changed(|entries| entries.insert(0, Entry::file(name, "evil")));
        let before = outside(&site.home);
        let destination = Registry::start_blocking();
        load(&site, &destination).code(1).says("content filepath is tainted: ");
        assert_eq!(destination.request_count(), 0, "{name}");
        verify(&site).code(1).says("content filepath is tainted: ");
        assert_eq!(outside(&site.home), before, "{name}");
        assert!(!walk(site.home.path()).iter().any(|path| path.ends_with("evil")), "{name}");
    }
}

/// Links and devices are ignored with a warning, and what "goes through" them does not.
#[test]
fn links_and_devices() {
    let site = changed(|entries| {
        let tail = entries.pop().unwrap();
        entries.push(Entry::special("working-dir/lookaside/out", EntryType::Symlink, "../../../outside"));
        entries.push(Entry::file("working-dir/lookaside/out/evil", "evil"));
        entries.push(Entry::special("working-dir/lookaside/hard", EntryType::Link, "../../isc.yaml"));
        entries.push(Entry::special("working-dir/lookaside/device", EntryType::Char, ""));
        entries.push(Entry::special("working-dir/lookaside/pipe", EntryType::Fifo, ""));
        entries.push(Entry { mode: 0o6777, ..Entry::file("working-dir/lookaside/program", "x") });
        entries.push(Entry::file("x-working-dir/misled", "foreign"));
        entries.push(tail);
    });
    fs::create_dir(site.home.path().join("outside")).unwrap();
    let destination = Registry::start_blocking();
    let outcome = load(&site, &destination);
    insta::assert_snapshot!(outcome.code(0).complaints(), @"
    [WARN]   : chunk 1: ignored entry `working-dir/lookaside/out` of type `2`
    [WARN]   : chunk 1: ignored entry `working-dir/lookaside/hard` of type `1`
    [WARN]   : chunk 1: ignored entry `working-dir/lookaside/device` of type `3`
    [WARN]   : chunk 1: ignored entry `working-dir/lookaside/pipe` of type `6`
    [WARN]   : chunk 1: ignored foreign entry `x-working-dir/misled`
    ");
    assert_eq!(fs::read_dir(site.home.path().join("outside")).unwrap().count(), 0);
    let lookaside = site.home.disk().join("working-dir/lookaside");
    assert_eq!(fs::read(lookaside.join("out/evil")).unwrap(), b"evil");
    let program = fs::metadata(lookaside.join("program")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&program.permissions()) & 0o7777, 0o644);
    for name in ["hard", "device", "pipe"] {
        assert!(!lookaside.join(name).exists(), "{name}");
    }
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, site.image.digest);
    verify(&site).code(0).says("ignored entry `working-dir/lookaside/device` of type `3`");
}

/// A header that promises more than the file has.
#[test]
fn sizes_that_are_lies() {
    for size in [5000, 1 << 32, (1 << 33) - 1] {
        let site = changed(|entries| {
            let mut huge = Entry::file("working-dir/huge", "tiny");
            huge.size = Some(size);
            entries.push(huge);
        });
        let destination = Registry::start_blocking();
        load(&site, &destination).code(1).says("error reading archive").says("truncated at byte");
        assert_eq!(destination.request_count(), 0);
        verify(&site).code(1).says("truncated at byte");
    }
}

/// A manifest of a size that nobody would accept is not read into memory.
#[test]
fn a_manifest_that_is_too_large() {
    let site = Site::mirrored();
    let digest = site.image.digest.clone();
    let path = site.home.disk().join("mirror_000001.tar");
    let mut entries = read(&path);
    blob_of(&mut entries, &digest).bytes = vec![b' '; 5 << 20];
    write(&path, &entries);
    fs::remove_dir_all(site.home.cache()).unwrap();
    let destination = Registry::start_blocking();
    load(&site, &destination).code(1).says("has 5242880 bytes, at most 4194304 are read here");
    assert_eq!(destination.bytes_received(), 0);
    verify(&site).code(1).says("ns/app:v1");
}

/// The last of equal names counts, as when a tar is unpacked.
#[test]
fn entries_that_occur_twice() {
    let layer = Layer::random(7, 300_000).digest();
    let wrong = |entries: &[Entry]| {
        let mut wrong = entries.iter().find(|entry| entry.name == blob_name(&layer)).unwrap().clone();
        wrong.bytes[5] ^= 1;
        wrong
    };
    // The right one is the last.
    let site = changed(|entries| entries.insert(0, wrong(entries)));
    let destination = Registry::start_blocking();
    load(&site, &destination).code(0).says("1 entries occur again later; the last of each counts");
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, site.image.digest);
    verify(&site).code(0);
    // The wrong one is the last.
    let site = changed(|entries| entries.push(wrong(entries)));
    let destination = Registry::start_blocking();
    load(&site, &destination).code(8).says("mirror_000001.tar is damaged (it does not have its digest)");
    assert_eq!(destination.manifest("ns/app", "v1"), None);
    verify(&site).code(1).says(&format!("blob {layer} is damaged")).says("needed by ns/app:v1");
    // The last one is shorter: no blob of that length is in the image.
    let site = changed(|entries| {
        let mut short = wrong(entries);
        short.bytes.truncate(1000);
        entries.push(short);
    });
    let destination = Registry::start_blocking();
    load(&site, &destination).code(8).says(&layer.to_string());
    assert_eq!(destination.manifest("ns/app", "v1"), None);
    verify(&site).code(1).says("occurs with 300000 and with 1000 bytes");
}

/// A link that was bent to a digest that is not there, or to no digest.
#[test]
fn links_of_tags_that_were_changed() {
    let link = "docker/registry/v2/repositories/ns/app/_manifests/tags/v1/current/link";
    let other = format!("sha256:{}", "5".repeat(64));
    for (text, expected) in [
        (other.as_str(), "An earlier archive of this sequence is missing"),
        ("cut", "neither in the archive nor in the cache"),
    ] {
        let site = changed(|entries| {
            entries.iter_mut().find(|entry| entry.name == link).unwrap().bytes = text.as_bytes().to_vec();
        });
        let destination = Registry::start_blocking();
        load(&site, &destination).code(8).says(expected).says("ns/app:v1");
        assert!(destination.repositories().is_empty(), "{text}");
    }
}

/// An archive in three files: two images that share nothing, each with its layers in a file of its own.
fn in_chunks() -> (Site, Image) {
    let site = Site::new();
    let other = ImageBuilder::oci().layer(Layer::random(50, 70_000)).build();
    site.source.push("ns/other", "v1", &other);
    let host = site.source.host();
    site.home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/ns/other:v1")]);
    site.home.to_disk(&[]).code(0);
    let disk = site.home.disk();
    let entries = read(&disk.join("mirror_000001.tar"));
    let is_of = |name: &str, image: &Image| image.blobs.iter().any(|blob| name == blob_name(&blob.digest));
    let (of_app, rest): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| is_of(&entry.name, &site.image));
    let (of_other, mut rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|entry| is_of(&entry.name, &other));
    let tail = rest.split_off(rest.iter().position(|entry| entry.name.starts_with("working-dir/")).unwrap());
    write(&disk.join("mirror_000001.tar"), &[rest, of_other].concat());
    write(&disk.join("mirror_000002.tar"), &of_app);
    write(&disk.join("mirror_000003.tar"), &tail);
    fs::remove_dir_all(site.home.cache()).unwrap();
    (site, other)
}

#[test]
fn files_in_another_order_or_twice() {
    let (site, other) = in_chunks();
    let disk = site.home.disk();
    verify(&site).code(0);
    // Reordered: numbers exchanged, and a name in front, which upstream accepts.
    fs::rename(disk.join("mirror_000001.tar"), disk.join("site-a-mirror_000004.tar")).unwrap();
    fs::rename(disk.join("mirror_000003.tar"), disk.join("mirror_000001.tar")).unwrap();
    fs::rename(disk.join("site-a-mirror_000004.tar"), disk.join("mirror_000003.tar")).unwrap();
    // Twice, under a number of its own.
    fs::copy(disk.join("mirror_000002.tar"), disk.join("site-a-mirror_000004.tar")).unwrap();
    let destination = Registry::start_blocking();
    load(&site, &destination).code(0).says("Extracting chunk file (4 / 4): ").says("entries occur again later");
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, site.image.digest);
    assert_eq!(destination.manifest("ns/other", "v1").unwrap().digest, other.digest);
    verify(&site).code(0);
}

/// Which file to copy again is said first, and nothing is pushed.
#[test]
fn a_file_that_was_left_behind() {
    let (site, _other) = in_chunks();
    let (disk, destination) = (site.home.disk(), Registry::start_blocking());
    let check = |name: &str, said: &str| {
        let aside = site.home.path().join(name);
        fs::rename(disk.join(name), &aside).unwrap();
        for outcome in [
            load(&site, &destination),
            site.home.run(&["describe", "disk"]),
            site.home.run(&["archive", "list", "disk"]),
            site.home.run(&["archive", "verify", "disk"]),
        ] {
            outcome.code(1).says(said);
        }
        let verified = site.home.run(&["archive", "verify", "disk"]);
        let lines: Vec<&str> = verified.stderr.lines().collect();
        let at = |text: &str| lines.iter().position(|line| line.contains(text));
        assert!(at(said) < at("verifying"), "{lines:#?}");
        assert_eq!(destination.request_count(), 0, "{name}");
        fs::rename(&aside, disk.join(name)).unwrap();
    };
    check("mirror_000001.tar", "is missing: copy it from where the archive was made: mirror_000001.tar");
    check("mirror_000002.tar", "is missing: copy it from where the archive was made: mirror_000002.tar");
    check("mirror_000003.tar", "`mirror_000002.tar` is not the end of the archive. Copy mirror_000003.tar and");
    load(&site, &destination).code(0);
    fs::remove_file(disk.join("mirror_000002.tar")).unwrap();
    let found = site.home.run(&["archive", "verify", "disk", "--output=json"]);
    let found: serde_json::Value = serde_json::from_str(&found.code(1).stdout).unwrap();
    assert_eq!(found["affectedImages"], serde_json::json!(["ns/app:v1"]));
    let kinds: std::collections::BTreeSet<_> =
        found["problems"].as_array().unwrap().iter().map(|problem| problem["problem"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["missing", "missing-chunks"].into());

    // The last file alone cannot be missed by its number; the configuration that ends an archive is.
    let (site, _) = in_chunks();
    fs::remove_file(site.home.disk().join("mirror_000003.tar")).unwrap();
    verify(&site).code(1).says("The archive's last file is missing");
}

/// A bit that flipped in one file: that file, that blob, those images, and no other image suffers.
#[test]
fn a_flipped_bit_in_one_file_of_three() {
    let (site, other) = in_chunks();
    let path = site.home.disk().join("mirror_000002.tar");
    let layer = Layer::random(7, 300_000).digest();
    let mut entries = read(&path);
    blob_of(&mut entries, &layer).bytes[200_000] ^= 0x10;
    write(&path, &entries);
    let destination = Registry::start_blocking();
    let outcome = load(&site, &destination);
    outcome.code(8).says(&format!("blob {layer} in {} is damaged", path.display())).says("ns/app:v1");
    assert_eq!(destination.manifest("ns/app", "v1"), None);
    assert_eq!(destination.manifest("ns/other", "v1").unwrap().digest, other.digest);
    let found = site.home.run(&["archive", "verify", "disk", "--output=json"]);
    let found: serde_json::Value = serde_json::from_str(&found.code(1).stdout).unwrap();
    assert_eq!(found["problems"].as_array().unwrap().len(), 1);
    assert_eq!(found["problems"][0]["chunk"], "mirror_000002.tar");
    assert_eq!(found["problems"][0]["digest"], layer.to_string());
    assert_eq!(found["affectedImages"], serde_json::json!(["ns/app:v1"]));
}
