//! Verification and contents.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use archive_format::{
    Archive, ArchiveOptions, ArchiveWriter, Problem, ProblemKind, VerifyObserver, contents, layout, verify,
};
use image_ref::Digest;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest_of;

struct Maker(ArchiveWriter);

impl Maker {
    fn new(dir: &Path, max: u64) -> Self {
        let mut options = ArchiveOptions::default();
        options.max_chunk_bytes = max;
        options.durable = false;
        Self(ArchiveWriter::create(dir, &options).unwrap())
    }

    fn blob(&mut self, bytes: &[u8]) -> Digest {
        self.0.add_blob_bytes(&digest_of(bytes), bytes).unwrap();
        digest_of(bytes)
    }

    fn tag(&mut self, repository: &str, tag: &str, digest: &Digest) {
        let link = digest.to_string();
        self.0.add_bytes(&layout::tag_current_name(repository, tag), link.as_bytes()).unwrap();
        self.0.add_bytes(&layout::revision_link_name(repository, digest), link.as_bytes()).unwrap();
    }

    fn finish(mut self) {
        self.0.add_bytes("isc_2026-08-21T10:11:12Z", b"kind: ImageSetConfiguration\n").unwrap();
        self.0.finish().unwrap();
    }
}

fn image(config: &Digest, layers: &[&Digest]) -> Vec<u8> {
    let layers: Vec<String> = layers.iter().map(|digest| format!(r#"{{"digest":"{digest}","size":1}}"#)).collect();
    format!(r#"{{"config":{{"digest":"{config}","size":1}},"layers":[{}]}}"#, layers.join(",")).into()
}

fn list(children: &[&Digest]) -> Vec<u8> {
    let child = |(at, digest): (usize, &&Digest)| {
        let architecture = ["amd64", "arm64"][at];
        format!(r#"{{"digest":"{digest}","size":1,"platform":{{"os":"linux","architecture":"{architecture}"}}}}"#)
    };
    let children: Vec<String> = children.iter().enumerate().map(child).collect();
    format!(r#"{{"manifests":[{}]}}"#, children.join(",")).into()
}

/// Two images that share a layer, one of them behind a sparse index.
fn sample(dir: &Path) -> (Digest, Digest) {
    let mut maker = Maker::new(dir, 100_000);
    let config = maker.blob(b"config");
    let shared = maker.blob(&vec![1; 60_000]);
    let own = maker.blob(&vec![2; 60_000]);
    let one = maker.blob(&image(&config, &[&shared]));
    let two = maker.blob(&image(&config, &[&shared, &own]));
    let index = maker.blob(&list(&[&two, &digest_of(b"left out by platform")]));
    maker.tag("a/one", "v1", &one);
    maker.tag("b/two", "v2", &index);
    maker.tag("c/of-another-workspace", "v3", &digest_of(b"not here"));
    maker.finish();
    (shared, own)
}

fn problems(dir: &Path) -> Vec<Problem> {
    let archive = Archive::open_damaged(dir).unwrap();
    let found = verify(&archive, 3, &());
    assert_eq!(found.is_good(), found.problems.is_empty());
    found.problems
}

#[test]
fn a_good_archive() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let archive = Archive::open(dir.path()).unwrap();
    let found = verify(&archive, 0, &());
    assert!(found.is_good(), "{found:?}");
    assert_eq!((found.blobs, found.other_images, found.in_earlier_archives), (6, 1, 0));
    let listed = contents(&archive);
    let rows: Vec<_> =
        listed.iter().map(|image| (image.image.as_str(), image.blobs, image.platforms.join(","))).collect();
    assert_eq!(rows, [("a/one:v1", 3, String::new()), ("b/two:v2", 5, "linux/amd64".to_owned())]);
    assert!(listed[1].bytes > 120_000 && listed[1].absent_blobs == 0);
}

#[test]
fn a_flipped_bit_names_chunk_blob_and_images() {
    let dir = tempfile::tempdir().unwrap();
    let (shared, own) = sample(dir.path());
    for (digest, images) in [(&shared, vec!["a/one:v1", "b/two:v2"]), (&own, vec!["b/two:v2"])] {
        let archive = Archive::open(dir.path()).unwrap();
        let place = archive.blob(digest).unwrap();
        let chunk = &archive.chunks()[place.chunk];
        let file = fs::File::options().read(true).write(true).open(&chunk.path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, place.offset + 100).unwrap();
        file.write_all_at(&[byte[0] ^ 4], place.offset + 100).unwrap();
        let found = problems(dir.path());
        assert_eq!(found.len(), 1);
        assert!(matches!(&found[0].kind, ProblemKind::Damaged { digest: d, .. } if d == digest), "{found:?}");
        assert_eq!(
            (found[0].chunk.as_deref(), &found[0].images[..]),
            (Some(chunk.name.as_str()), &images.iter().map(ToString::to_string).collect::<Vec<_>>()[..])
        );
        file.write_all_at(&byte, place.offset + 100).unwrap();
    }
    assert!(problems(dir.path()).is_empty());
}

#[test]
fn missing_chunks_and_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let (_, own) = sample(dir.path());
    fs::remove_file(dir.path().join("mirror_000001.tar")).unwrap();
    let kinds: Vec<ProblemKind> = problems(dir.path()).into_iter().map(|problem| problem.kind).collect();
    assert!(kinds.contains(&ProblemKind::MissingChunks { numbers: vec![1] }), "{kinds:?}");
    assert!(kinds.contains(&ProblemKind::Missing { digest: digest_of(b"config") }), "{kinds:?}");
    assert!(!kinds.contains(&ProblemKind::Missing { digest: own }), "{kinds:?}");

    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    fs::remove_file(dir.path().join("mirror_000002.tar")).unwrap();
    let kinds: Vec<ProblemKind> = problems(dir.path()).into_iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Incomplete], "manifests and configuration were in the last chunk");

    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let second = dir.path().join("mirror_000002.tar");
    fs::write(&second, &fs::read(&second).unwrap()[..61_000]).unwrap();
    let kinds: Vec<ProblemKind> = problems(dir.path()).into_iter().map(|problem| problem.kind).collect();
    assert!(
        matches!(&kinds[..], [ProblemKind::Chunk { reason }, ProblemKind::Incomplete] if reason.contains("truncated")),
        "{kinds:?}"
    );
}

#[test]
fn blobs_of_earlier_archives_are_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    let mut maker = Maker::new(dir.path(), 100_000);
    let config = maker.blob(b"config");
    let (earlier, lost) = (digest_of(b"earlier"), digest_of(b"lost"));
    let manifest = maker.blob(&image(&config, &[&earlier, &lost]));
    maker.tag("a", "v1", &manifest);
    let gone = digest_of(b"a whole image carried before");
    maker.tag("a", "v0", &gone);
    let broken = maker.blob(b"this is tagged and no manifest");
    maker.tag("b", "v1", &broken);
    let history = format!("{earlier}\n{gone}\n");
    maker.0.add_bytes("working-dir/.history/.history-2026-06-15T00:00:00Z", history.as_bytes()).unwrap();
    maker.finish();
    let archive = Archive::open(dir.path()).unwrap();
    let found = verify(&archive, 1, &());
    assert_eq!((found.in_earlier_archives, found.other_images), (2, 0));
    let text: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let text = text.join("\n").replace(lost.hex(), "<lost>").replace(broken.hex(), "<broken>");
    insta::assert_snapshot!(text, @"
    mirror_000001.tar: sha256:<broken> is no manifest: manifest of type `application/octet-stream` cannot be read: expected ident at line 1 column 2; needed by b:v1
    blob sha256:<lost> is missing; needed by a:v1
    ");
    let json = serde_json::to_value(&found.problems[1]).unwrap();
    assert_eq!(json["problem"], "missing");
    assert_eq!(json["images"][0], "a:v1");
}

#[derive(Default)]
struct Watcher {
    announced: AtomicU64,
    seen: AtomicU64,
    stop_after: u64,
}

impl VerifyObserver for Watcher {
    fn started(&self, _blobs: u64, bytes: u64) {
        self.announced.store(bytes, Ordering::Relaxed);
    }

    fn advanced(&self, bytes: u64) {
        self.seen.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.stop_after
    }
}

#[test]
fn progress_and_cancellation() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let archive = Archive::open(dir.path()).unwrap();
    let watcher = Watcher { stop_after: u64::MAX, ..Watcher::default() };
    let found = verify(&archive, 2, &watcher);
    assert!(found.is_good());
    assert_eq!(watcher.seen.load(Ordering::Relaxed), watcher.announced.load(Ordering::Relaxed));
    assert_eq!(watcher.seen.load(Ordering::Relaxed), found.bytes);
    let watcher = Watcher { stop_after: 1, ..Watcher::default() };
    let found = verify(&archive, 1, &watcher);
    assert!(found.cancelled && !found.is_good() && found.problems.is_empty());
}

#[test]
fn untagged_manifests_are_listed_by_digest() {
    let dir = tempfile::tempdir().unwrap();
    let mut maker = Maker::new(dir.path(), 100_000);
    let config = maker.blob(b"config");
    let manifest = maker.blob(&image(&config, &[]));
    let name = layout::revision_link_name("a/b", &manifest);
    maker.0.add_bytes(&name, manifest.to_string().as_bytes()).unwrap();
    maker.finish();
    let archive = Archive::open(dir.path()).unwrap();
    let listed = contents(&archive);
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].image.clone(), listed[0].blobs), (format!("a/b@{manifest}"), 2));
    assert!(verify(&archive, 0, &()).is_good());
}
