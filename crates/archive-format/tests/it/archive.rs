//! Archives: splitting, replacement, reading, hostile entries.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use archive_format::{Archive, ArchiveError, ArchiveOptions, ArchiveSummary, ArchiveWriter, Warning, WriteError};

use crate::digest_of;

fn options(max: u64, strict: bool) -> ArchiveOptions {
    let mut options = ArchiveOptions::from_archive_size(None, strict);
    options.max_chunk_bytes = max;
    options.durable = false;
    options
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The sizes of the entries of each chunk, as the `tar` crate reads them.
fn sizes(summary: &ArchiveSummary) -> Vec<Vec<u64>> {
    let chunk = |path: &Path| {
        let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
        archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect()
    };
    summary.chunks.iter().map(|written| chunk(&written.path)).collect()
}

#[test]
fn splitting_example_of_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::create(dir.path(), &options(10, false)).unwrap();
    for size in [6, 5, 12, 3] {
        writer.add_bytes(&format!("working-dir/{size}"), &vec![0; size]).unwrap();
    }
    assert_eq!(writer.bytes_written(), 26);
    let summary = writer.finish().unwrap();
    assert_eq!(files(dir.path()), ["mirror_000001.tar", "mirror_000002.tar", "mirror_000003.tar"]);
    assert_eq!(sizes(&summary), [vec![6], vec![5, 3], vec![12]]);
    assert_eq!(summary.oversized, [("working-dir/12".to_owned(), 12)]);

    let dir = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::create(dir.path(), &options(10, true)).unwrap();
    writer.add_bytes("6", &[0; 6]).unwrap();
    writer.add_bytes("5", &[0; 5]).unwrap();
    assert!(matches!(writer.add_bytes("12", &[0; 12]), Err(WriteError::TooLarge { .. })));
    drop(writer);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn archives_are_replaced_when_complete() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["mirror_000001.tar", "mirror_000002.tar", "mirror_000007.tar", "mirror_notes.tar", "a.txt"] {
        fs::write(dir.path().join(name), b"old").unwrap();
    }
    let mut writer = ArchiveWriter::create(dir.path(), &options(10, false)).unwrap();
    writer.add_bytes("working-dir/a", b"new").unwrap();
    drop(writer);
    assert_eq!(fs::read(dir.path().join("mirror_000001.tar")).unwrap(), b"old");
    assert_eq!(files(dir.path()).len(), 5);

    let mut writer = ArchiveWriter::create(dir.path(), &ArchiveOptions::default()).unwrap();
    writer.add_bytes("working-dir/a", b"new").unwrap();
    writer.finish().unwrap();
    assert_eq!(files(dir.path()), ["a.txt", "mirror_000001.tar", "mirror_notes.tar"]);
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.foreign_files(), ["a.txt", "mirror_notes.tar"]);
    assert!(archive.warnings().is_empty(), "{:?}", archive.warnings());
}

#[test]
fn what_is_written_is_read_from_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let big: Vec<u8> = (0..700_000_u32).flat_map(u32::to_be_bytes).collect();
    let path = dir.path().join("blob");
    fs::write(&path, &big).unwrap();
    let (digest, manifest) = (digest_of(&big), digest_of(b"{}"));
    let out = dir.path().join("out");
    let mut writer = ArchiveWriter::create(&out, &options(1_000_000, false)).unwrap();
    let link = "docker/registry/v2/repositories/openshift/release/_manifests/tags/v1/current/link";
    writer.add_bytes(link, manifest.to_string().as_bytes()).unwrap();
    assert!(writer.add_blob(&digest, &path, big.len() as u64).unwrap());
    assert!(!writer.add_blob(&digest, &path, big.len() as u64).unwrap());
    assert!(writer.add_blob_bytes(&manifest, b"{}").unwrap());
    writer.add_bytes("isc_2026-08-21T10:11:12Z", b"kind: x").unwrap();
    let summary = writer.finish().unwrap();
    assert_eq!(summary.chunks.len(), 2);

    let archive = summary.open().unwrap();
    assert_eq!(archive.resolve_tag("openshift/release", "v1"), Some(&manifest));
    assert_eq!(archive.tags("openshift/release"), [("v1", &manifest)]);
    assert_eq!(archive.repositories(), ["openshift/release"]);
    assert_eq!(archive.read_small_blob(&manifest, 10).unwrap(), b"{}");
    assert_eq!(archive.blob(&digest).unwrap().chunk, 1);
    for from in [0, 1, 1_999_999, 2_800_000] {
        let mut bytes = Vec::new();
        archive.open_blob(&digest, from as u64).unwrap().read_to_end(&mut bytes).unwrap();
        assert!(bytes == big[from..], "from {from}");
    }
    assert!(archive.open_blob(&digest, 2_800_001).is_err());
    assert!(archive.open_blob(&digest_of(b"none"), 0).is_err());
    assert_eq!(archive.configuration().unwrap().name, "isc_2026-08-21T10:11:12Z");
    assert!(archive.warnings().is_empty(), "{:?}", archive.warnings());
}

#[test]
fn errors_of_opening_have_the_texts_of_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let error = Archive::open(dir.path()).unwrap_err();
    let expected =
        format!("no tar archives matching \"mirror_[0-9]{{6}}\\\\.tar\" found in \"{}\"", dir.path().display());
    assert_eq!(error.to_string(), expected);
    assert!(matches!(Archive::open(&dir.path().join("none")), Err(ArchiveError::NoArchives(_))));

    let path = dir.path().join("mirror_000001.tar");
    fs::write(&path, b"").unwrap();
    let error = Archive::open(dir.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("empty archive file \"{}\"", path.display()));

    fs::write(&path, b"no tar at all").unwrap();
    let error = Archive::open(dir.path()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("error reading archive {}: ", path.display())), "{error}");
}

/// Writes `mirror_000001.tar` with raw names and types.
fn hostile(dir: &Path, entries: &[(&str, tar::EntryType, &[u8])]) {
    let mut builder = tar::Builder::new(fs::File::create(dir.join("mirror_000001.tar")).unwrap());
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o4777);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.finish().unwrap();
}

#[test]
fn hostile_entries_write_nothing_outside() {
    use std::os::unix::fs::PermissionsExt as _;
    use tar::EntryType;
    for name in ["working-dir/../../evil", "../working-dir/evil", "/working-dir/evil"] {
        let dir = tempfile::tempdir().unwrap();
        hostile(dir.path(), &[("working-dir/fine", EntryType::Regular, b"x"), (name, EntryType::Regular, b"evil")]);
        let error = Archive::open(dir.path()).unwrap_err();
        assert!(error.to_string().starts_with("content filepath is tainted: "), "{name}: {error}");
    }

    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    hostile(
        dir.path(),
        &[
            ("working-dir/link", EntryType::Symlink, b""),
            ("working-dir/hard", EntryType::Link, b""),
            ("working-dir/device", EntryType::Char, b""),
            ("working-dir/fifo", EntryType::Fifo, b""),
            ("working-dir/", EntryType::Directory, b""),
            ("working-dir/.history/file", EntryType::Regular, b"first"),
            ("./working-dir//.history/file", EntryType::Regular, b"second"),
            ("x-working-dir/file", EntryType::Regular, b"misrouted by substring tests"),
            ("../elsewhere", EntryType::Regular, b"foreign"),
        ],
    );
    let archive = Archive::open(dir.path()).unwrap();
    let extracted = archive.extract_working_dir(&target).unwrap();
    assert_eq!((extracted.files, extracted.bytes), (1, 6));
    let file = target.join("working-dir/.history/file");
    assert_eq!(fs::read(&file).unwrap(), b"second");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(files(&target), ["working-dir"]);
    assert_eq!(files(&target.join("working-dir")), [".history"]);
    let kinds = archive.warnings().iter().filter(|warning| matches!(warning, Warning::NotRegular { .. })).count();
    let foreign = archive.warnings().iter().filter(|warning| matches!(warning, Warning::ForeignEntry { .. })).count();
    assert_eq!((kinds, foreign), (4, 2), "{:?}", archive.warnings());
    assert!(archive.warnings().contains(&Warning::DuplicateEntries(1)));
}
