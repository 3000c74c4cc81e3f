//! What each place says of what it has, has not, and has in a damaged copy.

use std::io::Read as _;
use std::path::Path;

use archive_format::{ArchiveOptions, ArchiveWriter};
use image_ref::{Algorithm, Hasher};
use oci_manifest::media_type::OCI_MANIFEST;

use super::*;

const REPOSITORY: &str = "a/b";

fn manifest(text: &str) -> VerifiedManifest {
    VerifiedManifest::made(
        &serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": {"text": text}}),
        OCI_MANIFEST,
    )
}

fn layer(bytes: &[u8]) -> Descriptor {
    Descriptor::new("", Hasher::of(Algorithm::Sha256, bytes), bytes.len() as u64)
}

fn bytes_of(source: &dyn BlobSource) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.open(0).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// A cache with a manifest under a name, and a layer.
fn cache(folder: &Path, content: &VerifiedManifest, bytes: &[u8]) -> Store {
    let store = Store::open(folder).unwrap();
    store.put_manifest(REPOSITORY, content).unwrap();
    store.tag(REPOSITORY, "v1", content.digest()).unwrap();
    store.put_blob(&layer(bytes).digest, bytes).unwrap();
    store
}

/// The same as an archive.
fn archive(folder: &Path, content: &VerifiedManifest, bytes: &[u8]) -> Arc<Archive> {
    let mut writer = ArchiveWriter::create(folder, &ArchiveOptions::from_archive_size(None, false)).unwrap();
    let link = format!("docker/registry/v2/repositories/{REPOSITORY}/_manifests/tags/v1/current/link");
    writer.add_bytes(&link, content.digest().to_string().as_bytes()).unwrap();
    writer.add_blob_bytes(content.digest(), content.hashed_bytes()).unwrap();
    writer.add_blob_bytes(&layer(bytes).digest, bytes).unwrap();
    writer.finish().unwrap();
    Arc::new(Archive::open(folder).unwrap())
}

/// Replaces `from` by as many bytes of `to` in every file of a folder.
fn damage(folder: &Path, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path, from, to);
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let places: Vec<usize> =
            bytes.windows(from.len()).enumerate().filter(|(_, at)| *at == from).map(|(at, _)| at).collect();
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn what_a_place_has_is_given_and_what_it_has_not_is_none() {
    let (folder, content) = (tempfile::tempdir().unwrap(), manifest("there"));
    let places: [Box<dyn Fn() -> Brought>; 3] = [
        Box::new(|| Brought::of(None, &cache(&folder.path().join("c1"), &content, b"layer"))),
        Box::new(|| {
            let store = Store::open(&folder.path().join("c2")).unwrap();
            Brought::of(Some(&archive(&folder.path().join("a2"), &content, b"layer")), &store)
        }),
        Box::new(|| {
            let store = cache(&folder.path().join("c3"), &content, b"layer");
            Brought::of(Some(&archive(&folder.path().join("a3"), &manifest("other"), b"other")), &store)
        }),
    ];
    for (number, place) in places.iter().enumerate() {
        std::fs::create_dir_all(folder.path().join(format!("a{}", number + 1))).unwrap();
        let place = place();
        assert_eq!(place.read_manifest(content.digest()).unwrap().as_ref(), Some(&content), "{number}");
        assert_eq!(place.read_manifest(manifest("absent").digest()).unwrap(), None, "{number}");
        let blob = place.open_blob(&layer(b"layer")).unwrap().unwrap();
        assert_eq!(bytes_of(blob.as_ref()), b"layer", "{number}");
        assert!(place.open_blob(&layer(b"absent")).unwrap().is_none(), "{number}");
        let any = Descriptor::new("", layer(b"layer").digest, 0);
        assert_eq!([place.blob_size(&layer(b"layer")), place.blob_size(&any)], [Some(5); 2], "{number}");
        // The name of the archive counts before that of the cache.
        let named = if number == 2 { manifest("other") } else { content.clone() };
        assert_eq!(place.resolve_tag(REPOSITORY, "v1").unwrap().as_ref(), Some(named.digest()), "{number}");
        assert_eq!(place.resolve_tag(REPOSITORY, "v2").unwrap(), None, "{number}");
    }
}

#[test]
fn what_is_damaged_in_the_cache_is_absent() {
    let (folder, content) = (tempfile::tempdir().unwrap(), manifest("whole"));
    let place = Cached(cache(folder.path(), &content, b"layer"));
    damage(folder.path(), b"whole", b"wrong");
    assert_eq!(place.read_manifest(content.digest()).unwrap(), None);
    // A file that lost its end.
    std::fs::write(place.0.blob_path(&layer(b"layer").digest), b"lay").unwrap();
    assert!(place.open_blob(&layer(b"layer")).unwrap().is_none());
    assert_eq!(place.blob_size(&layer(b"layer")), None);
}

#[test]
fn what_is_damaged_in_an_archive_is_an_error() {
    let (folder, content) = (tempfile::tempdir().unwrap(), manifest("whole"));
    let (chunks, cached) = (folder.path().join("archive"), folder.path().join("cache"));
    std::fs::create_dir(&chunks).unwrap();
    drop(archive(&chunks, &content, b"layer"));
    damage(&chunks, b"whole", b"wrong");
    let damaged = Archived(Arc::new(Archive::open(&chunks).unwrap()));
    let error = damaged.read_manifest(content.digest()).unwrap_err();
    assert_eq!((error.condition.as_str(), error.retry_can_help), ("archive", false));
    // The cache has a whole copy: nobody needs that of the archive.
    let store = Store::open(&cached).unwrap();
    let place = Brought { archive: Some(damaged), cache: Cached(store.clone()) };
    assert!(place.read_manifest(content.digest()).is_err());
    store.put_manifest(REPOSITORY, &content).unwrap();
    assert_eq!(place.read_manifest(content.digest()).unwrap(), Some(content));
}

#[tokio::test]
async fn the_second_is_asked_for_what_the_first_has_not_and_not_after_an_error() {
    let (folder, one, two) = (tempfile::tempdir().unwrap(), manifest("one"), manifest("two"));
    let chunks = folder.path().join("archive");
    std::fs::create_dir(&chunks).unwrap();
    drop(archive(&chunks, &two, b"second"));
    let open = || Archived(Arc::new(Archive::open(&chunks).unwrap()));
    let cached = Cached(cache(&folder.path().join("cache"), &one, b"first"));
    let both = FirstOf(cached.clone(), open());
    let name = CacheName { repository: REPOSITORY.into(), tag: "v1".into() };
    for content in [&one, &two] {
        assert_eq!(both.manifest(content.digest()).await.unwrap().as_ref(), Some(content));
    }
    for bytes in [b"first".as_slice(), b"second"] {
        assert_eq!(both.size(&layer(bytes)).await.unwrap(), Some(bytes.len() as u64));
        assert_eq!(bytes_of(both.blob(&layer(bytes)).await.unwrap().unwrap().as_ref()), bytes);
    }
    assert_eq!(both.size(&layer(b"none")).await.unwrap(), None);
    assert!(both.blob(&layer(b"none")).await.unwrap().is_none());
    assert_eq!(both.tag(&name).await.unwrap().as_ref(), Some(one.digest()));
    assert_eq!(FirstOf(open(), cached.clone()).tag(&name).await.unwrap().as_ref(), Some(two.digest()));
    damage(&chunks, b"two", b"owt");
    cached.0.put_manifest(REPOSITORY, &two).unwrap();
    assert!(FirstOf(open(), cached.clone()).manifest(two.digest()).await.is_err());
    assert_eq!(FirstOf(cached, open()).manifest(two.digest()).await.unwrap(), Some(two));
}
