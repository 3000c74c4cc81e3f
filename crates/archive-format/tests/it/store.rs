//! The cache: layout, partial blobs, links, garbage collection.

use std::fs;

use archive_format::{Collected, Store, StoreError};
use oci_manifest::VerifiedManifest;

use crate::digest_of;
use crate::small_disk::SmallDisk;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join(".oc-mirror/.cache")).unwrap();
    (dir, store)
}

/// All files below the root, relative, sorted, without the lock.
fn tree(store: &Store) -> Vec<String> {
    fn walk(dir: &std::path::Path, base: &std::path::Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, found);
            } else {
                found.push(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(store.root(), store.root(), &mut found);
    found.retain(|name| name != "oc-mirror.lock");
    found.sort();
    found
}

fn manifest(layers: &[&[u8]]) -> Vec<u8> {
    let descriptors: Vec<String> =
        layers.iter().map(|layer| format!(r#"{{"digest":"{}","size":{}}}"#, digest_of(layer), layer.len())).collect();
    format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, descriptors[0], descriptors[1..].join(",")).into()
}

fn verified(bytes: &[u8]) -> VerifiedManifest {
    VerifiedManifest::verify(bytes.to_vec(), None, &digest_of(bytes)).unwrap()
}

fn index(children: &[&[u8]]) -> Vec<u8> {
    let descriptors: Vec<String> =
        children.iter().map(|child| format!(r#"{{"digest":"{}","size":{}}}"#, digest_of(child), child.len())).collect();
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptors.join(",")).into()
}

fn put_image(store: &Store, repository: &str, tag: Option<&str>, layers: &[&[u8]]) -> Vec<u8> {
    for layer in layers {
        store.put_blob(&digest_of(layer), layer).unwrap();
        store.link_layer(repository, &digest_of(layer)).unwrap();
    }
    let bytes = manifest(layers);
    store.put_manifest(repository, &verified(&bytes)).unwrap();
    if let Some(tag) = tag {
        store.tag(repository, tag, &digest_of(&bytes)).unwrap();
    }
    bytes
}

#[test]
fn the_layout_is_distributions() {
    let (_dir, store) = store();
    let bytes = put_image(&store, "openshift/release", Some("v1"), &[b"config"]);
    let (config, manifest) = (digest_of(b"config"), digest_of(&bytes));
    let (c, m) = (config.hex(), manifest.hex());
    let v2 = "docker/registry/v2";
    let mut expected = vec![
        format!("{v2}/blobs/sha256/{}/{c}/data", &c[..2]),
        format!("{v2}/blobs/sha256/{}/{m}/data", &m[..2]),
        format!("{v2}/repositories/openshift/release/_layers/sha256/{c}/link"),
        format!("{v2}/repositories/openshift/release/_manifests/revisions/sha256/{m}/link"),
        format!("{v2}/repositories/openshift/release/_manifests/tags/v1/current/link"),
        format!("{v2}/repositories/openshift/release/_manifests/tags/v1/index/sha256/{m}/link"),
    ];
    expected.sort();
    assert_eq!(tree(&store), expected);
    let link = fs::read(store.root().join(&expected[4])).unwrap();
    assert_eq!((link.len(), link), (71, manifest.to_string().into_bytes()));

    assert_eq!(store.repositories().unwrap(), ["openshift/release"]);
    assert_eq!(store.tags("openshift/release").unwrap(), ["v1"]);
    assert_eq!(store.revisions("openshift/release").unwrap(), std::slice::from_ref(&manifest));
    assert_eq!(store.resolve_tag("openshift/release", "v1").unwrap(), Some(manifest.clone()));
    assert_eq!(store.resolve_tag("openshift/release", "v2").unwrap(), None);
    assert!(store.has_revision("openshift/release", &manifest).unwrap());
    assert!(!store.has_revision("openshift/other", &manifest).unwrap());
    assert_eq!(store.read_small_blob(&manifest, 4096).unwrap(), bytes);
}

#[test]
fn a_second_run_is_refused_and_told_why() {
    let (_dir, store) = store();
    assert!(store.is_guarded());
    let error = Store::open(store.root()).unwrap_err();
    assert!(error.is_locked());
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    let root = store.root().to_owned();
    drop(store);
    Store::open(&root).unwrap();
}

#[test]
fn blobs_are_invisible_until_verified() {
    let (_dir, store) = store();
    let content = vec![7_u8; 1_000_000];
    let digest = digest_of(&content);
    let mut blob = store.begin_blob(&digest, Some(1_000_000)).unwrap();
    assert!(matches!(store.begin_blob(&digest, None), Err(StoreError::Busy(_))));
    for part in content.chunks(333_333) {
        assert_eq!(store.blob_size(&digest), None);
        blob.write(part).unwrap();
    }
    assert!(blob.write(b"x").is_err(), "more than the size");
    blob.finish().unwrap();
    assert_eq!(store.blob_size(&digest), Some(1_000_000));
    assert!(store.partials().unwrap().is_empty());
}

#[test]
fn wrong_bytes_are_thrown_away_and_missing_bytes_are_kept() {
    let (_dir, store) = store();
    let digest = digest_of(b"right");
    let mut blob = store.begin_blob(&digest, Some(5)).unwrap();
    blob.write(b"wrong").unwrap();
    assert!(matches!(blob.finish(), Err(StoreError::Digest { .. })));
    assert!(store.partials().unwrap().is_empty());

    let mut blob = store.begin_blob(&digest, Some(5)).unwrap();
    assert_eq!(blob.offset(), 0);
    blob.write(b"rig").unwrap();
    assert!(matches!(blob.finish(), Err(StoreError::Size { expected: 5, found: 3, .. })));
    let mut blob = store.begin_blob(&digest, Some(5)).unwrap();
    assert_eq!(blob.offset(), 3);
    blob.write(b"ht").unwrap();
    blob.finish().unwrap();
    assert_eq!(store.read_small_blob(&digest, 5).unwrap(), b"right");
    assert!(matches!(store.read_small_blob(&digest, 4), Err(StoreError::TooLarge { .. })));
}

#[test]
fn a_killed_run_is_resumed() {
    let (_dir, store) = store();
    let content: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = digest_of(&content);
    let root = store.root().to_owned();
    // What kill -9 leaves: a partial blob, a temporary file, a partial blob whose final name exists, an over-long one.
    let done = digest_of(b"done");
    store.put_blob(&done, b"done").unwrap();
    let long = digest_of(b"long");
    drop(store);
    let partial = root.join("partial/sha256");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join(digest.hex()), &content[..1_234_567]).unwrap();
    fs::write(partial.join(done.hex()), b"do").unwrap();
    fs::write(partial.join(long.hex()), b"longer than it should be").unwrap();
    fs::write(root.join("partial/tmp/17"), b"half a link").unwrap();

    let store = Store::open(&root).unwrap();
    assert_eq!(fs::read_dir(root.join("partial/tmp")).unwrap().count(), 0);
    let mut left = store.partials().unwrap();
    left.sort();
    let mut expected = vec![(digest.clone(), 1_234_567), (long.clone(), 24)];
    expected.sort();
    assert_eq!(left, expected);
    let mut blob = store.begin_blob(&digest, Some(content.len() as u64)).unwrap();
    assert_eq!(blob.offset(), 1_234_567);
    blob.write(&content[1_234_567..]).unwrap();
    blob.finish().unwrap();
    let mut blob = store.begin_blob(&long, Some(4)).unwrap();
    assert_eq!(blob.offset(), 0);
    blob.write(b"long").unwrap();
    blob.finish().unwrap();
    // A partial that was complete when the run was killed needs no byte more.
    let whole = digest_of(b"whole");
    fs::write(partial.join(whole.hex()), b"whole").unwrap();
    let blob = store.begin_blob(&whole, Some(5)).unwrap();
    assert_eq!(blob.offset(), 5);
    blob.finish().unwrap();
    assert!(store.partials().unwrap().is_empty());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_dir, store) = store();
    let digest = digest_of(b"x");
    for repository in ["", "..", "../a", "a/../b", "/a", "a//b", "A", "a/_layers"] {
        assert!(matches!(store.link_layer(repository, &digest), Err(StoreError::Repository(_))), "{repository}");
        assert!(matches!(store.tags(repository), Err(StoreError::Repository(_))), "{repository}");
    }
    for tag in ["", "..", "a/b", ".hidden"] {
        assert!(matches!(store.tag("a", tag, &digest), Err(StoreError::Tag(_))), "{tag}");
    }
}

#[test]
fn garbage_collection_keeps_what_tags_lead_to() {
    let (_dir, store) = store();
    let child = put_image(&store, "a", None, &[b"config1", b"layer1"]);
    let missing = b"a child that a sparse copy left out".to_vec();
    let list = index(&[&child, &missing]);
    store.put_manifest("a", &verified(&list)).unwrap();
    store.tag("a", "v1", &digest_of(&list)).unwrap();
    let signature_tag = format!("{}.sig", digest_of(&list).as_tag());
    put_image(&store, "a", Some(&signature_tag), &[b"config2", b"signature"]);
    let untagged = put_image(&store, "a", None, &[b"config3", b"layer1", b"layer3"]);
    // Overwritten tags leave their old manifest untagged.
    let old = put_image(&store, "b", Some("v1"), &[b"config4", b"layer4"]);
    let new = put_image(&store, "b", Some("v1"), &[b"config5", b"layer1"]);
    // An attestation about a kept manifest.
    let about = format!(
        r#"{{"config":{{"digest":"{0}","size":7}},"subject":{{"digest":"{1}","size":1}},"layers":[]}}"#,
        digest_of(b"config5"),
        digest_of(&new)
    )
    .into_bytes();
    store.put_manifest("b", &verified(&about)).unwrap();
    fs::create_dir_all(store.root().join("docker/registry/v2/repositories/b/_uploads/1")).unwrap();
    drop(store.begin_blob(&digest_of(b"never"), None).map(|mut blob| blob.write(b"nev")).unwrap());

    let collected = store.garbage_collect().unwrap();
    let gone: [&[u8]; 6] = [&untagged, b"config3", b"layer3", &old, b"config4", b"layer4"];
    assert_eq!(collected.manifests, 2);
    assert_eq!(collected.blobs, 6);
    assert_eq!(collected.bytes, gone.iter().map(|bytes| bytes.len() as u64).sum::<u64>() + 3);
    for bytes in gone {
        assert_eq!(store.blob_size(&digest_of(bytes)), None);
    }
    let kept: [&[u8]; 9] = [&child, &list, b"config1", b"layer1", b"config2", b"signature", &new, b"config5", &about];
    for bytes in kept {
        assert!(store.blob_size(&digest_of(bytes)).is_some(), "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(store.revisions("a").unwrap().len(), 3);
    assert!(!store.root().join("docker/registry/v2/repositories/b/_uploads").exists());
    assert_eq!(store.garbage_collect().unwrap(), Collected::default(), "collecting twice is collecting once");

    // A tagged manifest that cannot be read protects everything.
    fs::write(store.blob_path(&digest_of(&new)), b"rotten").unwrap();
    let before = tree(&store);
    assert!(store.garbage_collect().is_err());
    assert_eq!(tree(&store), before);
}

#[test]
fn deleting_a_revision_takes_its_tags() {
    let (_dir, store) = store();
    let bytes = put_image(&store, "a", Some("v1"), &[b"config"]);
    store.tag("a", "latest", &digest_of(&bytes)).unwrap();
    let other = put_image(&store, "a", Some("v2"), &[b"config", b"layer"]);
    assert!(store.delete_revision("a", &digest_of(&bytes)).unwrap());
    assert!(!store.delete_revision("a", &digest_of(&bytes)).unwrap());
    assert_eq!(store.tags("a").unwrap(), ["v2"]);
    assert!(store.delete_tag("a", "v2").unwrap());
    assert!(!store.delete_tag("a", "v2").unwrap());
    assert_eq!(store.revisions("a").unwrap(), [digest_of(&other)]);
}

#[test]
fn a_full_disk_says_for_what_room_was_missing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(dir.path(), 2048) else { return };
    let store = Store::open(&dir.path().join(".oc-mirror/.cache")).unwrap();
    let content = vec![1_u8; 1_000_000];
    let digest = digest_of(&content);
    disk.fill();
    let mut blob = store.begin_blob(&digest, Some(1_000_000)).unwrap();
    blob.write(&content[..1000]).unwrap();
    let error = blob.write(&content[1000..]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("1000000 bytes were still to be written"), "{error}");
    drop(blob);
    let mut blob = store.begin_blob(&digest, Some(1_000_000)).unwrap();
    blob.write(&content[..1000]).unwrap();
    let error = blob.finish().unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { needed: 1_000_000, .. }), "{error:?}");
    assert_eq!(store.blob_size(&digest), None);
}
