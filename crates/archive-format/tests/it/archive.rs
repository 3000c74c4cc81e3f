//! Archives: splitting, replacement, reading, hostile entries.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use archive_format::{Archive, ArchiveError, ArchiveOptions, ArchiveSummary, ArchiveWriter, Warning, WriteError};

use crate::digest_of;
use crate::small_disk::SmallDisk;

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
fn splitting_example_of_the_behaviour_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::create(dir.path(), &options(10, false)).unwrap();
    for size in [6, 5, 12, 3] {
        writer.add_bytes(&format!("working-dir/{size}"), &vec![0; size]).unwrap();
    }
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
fn errors_of_opening_have_the_texts_of_the_behaviour_pages() {
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
    assert!(archive.warnings().iter().any(|warning| matches!(warning, Warning::DuplicateEntries { count: 1, .. })));
}

#[test]
fn archives_by_other_writers_are_read() {
    for format in ["gnu", "pax"] {
        let fixture = format!("{}/../../fixtures/archive/{format}.tar", env!("CARGO_MANIFEST_DIR"));
        let dir = tempfile::tempdir().unwrap();
        fs::copy(fixture, dir.path().join("copied-mirror_000001.tar")).unwrap();
        let archive = Archive::open(dir.path()).unwrap();
        let digest = digest_of(b"{}");
        assert_eq!(archive.read_small_blob(&digest, 2).unwrap(), b"{}", "{format}");
        assert_eq!(archive.resolve_tag("openshift/release-images", "v1"), Some(&digest));
        let link = match archive.warnings() {
            [Warning::NotRegular { name, kind: '2', .. }] => name.clone(),
            other => panic!("{format}: {other:?}"),
        };
        let long = format!("working-dir/operator-catalogs/{}/{}/", "n".repeat(120), "m".repeat(120));
        assert_eq!(link, format!("{long}link"));
        let target = dir.path().join("out");
        assert_eq!(archive.extract_working_dir(&target).unwrap().files, 2);
        assert_eq!(fs::read(target.join(format!("{long}file"))).unwrap(), b"long");
        assert_eq!(fs::read(target.join("working-dir/größe")).unwrap(), b"umlaut");
        assert_eq!(archive.entries().len(), 5);
    }
}

#[test]
fn same_input_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("working-dir");
    for name in ["b/z", "b/a", "a-b", ".history/x", "a/y"] {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    std::os::unix::fs::symlink("a-b", tree.join("link")).unwrap();
    let write = |out: &str| {
        let mut writer = ArchiveWriter::create(&dir.path().join(out), &options(1000, false)).unwrap();
        writer.add_tree("working-dir", &tree).unwrap();
        let summary = writer.finish().unwrap();
        assert_eq!(summary.skipped, [tree.join("link")]);
        summary
    };
    let (one, two) = (write("one"), write("two"));
    let bytes = fs::read(&one.chunks[0].path).unwrap();
    assert!(bytes == fs::read(&two.chunks[0].path).unwrap());
    assert_eq!(bytes.len() as u64, one.chunks[0].bytes);
    let names: Vec<String> = one.open().unwrap().entries().iter().map(|entry| entry.name.clone()).collect();
    // Go's walk: the names of a folder sorted as bytes, folders entered in place.
    let expected =
        ["working-dir/.history/x", "working-dir/a/y", "working-dir/a-b", "working-dir/b/a", "working-dir/b/z"];
    assert_eq!(names, expected);
}

#[test]
fn messages_about_files_that_are_too_large() {
    let gib = archive_format::GIB;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    // A sparse file: three GiB that take no room, and are not read in strict mode.
    fs::File::create(&path).unwrap().set_len(3 * gib).unwrap();
    let strict = ArchiveOptions::from_archive_size(Some(1), true);
    assert_eq!(strict.max_chunk_bytes, gib);
    let mut writer = ArchiveWriter::create(&dir.path().join("out"), &strict).unwrap();
    let error = writer.add_file("working-dir/big", &path).unwrap_err();
    insta::assert_snapshot!(error, @"
    maxArchiveSize 1G is too small compared to sizes of files that need to be included in the archive.
    data: 3G
     Aborting archive generation
    ");
    for gib_of in [None, Some(0)] {
        assert_eq!(ArchiveOptions::from_archive_size(gib_of, false).max_chunk_bytes, 500 * gib);
    }
    drop(writer);

    let mut permissive = ArchiveWriter::create(&dir.path().join("out"), &options(10, false)).unwrap();
    permissive.add_bytes("a", &[0; 11]).unwrap();
    permissive.add_bytes("b", &[0; 10]).unwrap();
    permissive.add_bytes("c", &[0; 12]).unwrap();
    let summary = permissive.finish().unwrap();
    assert_eq!(sizes(&summary), [vec![10], vec![11], vec![12]], "the current chunk stays open");
    insta::assert_snapshot!(summary.oversized_warnings().join("\n"), @"
    maxArchiveSize 0G is too small compared to sizes of files that need to be included in the archive.
    a: 0G
    maxArchiveSize 0G is too small compared to sizes of files that need to be included in the archive.
    c: 0G
    ");
    insta::assert_snapshot!(summary.closing_warning().unwrap(), @"
    The following files exceed the archiveSize configured: 
    a: 0
    c: 0
    Please consider updating archiveSize to at least 0
    ");
}

#[test]
fn a_full_disk_says_what_was_missing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let Some(disk) = SmallDisk::mount(&out, 4096) else { return };
    let mut writer = ArchiveWriter::create(&out, &options(3_000_000, false)).unwrap();
    writer.add_bytes("working-dir/a", &vec![0; 2_000_000]).unwrap();
    // There is no room for the second chunk.
    disk.fill();
    let source = dir.path().join("source");
    fs::write(&source, vec![1; 2_500_000]).unwrap();
    let error = writer.add_file("working-dir/b", &source).unwrap_err();
    assert!(matches!(error, WriteError::NoSpace { needed: 2_500_512, .. }), "{error:?}");
    assert!(error.to_string().contains("2500512 bytes were still to be written"), "{error}");
    assert!(matches!(writer.add_bytes("working-dir/c", b"c"), Err(WriteError::Broken { .. })));
    assert!(matches!(writer.finish(), Err(WriteError::Broken { .. })));
    disk.empty();
    assert!(files(&out).is_empty(), "{:?}", files(&out));
}

/// What lies in the folder, which set counts, and how many chunks that has.
type Step<'s> = (&'s [(&'s str, &'s str)], &'s str, usize);

#[test]
fn a_kill_at_each_step_of_the_replacement_leaves_a_whole_archive() {
    // What lies in the folder after each step, from the first byte written to the last rename, and which set counts.
    let (old, new) = ("old", "new");
    let steps: [Step<'_>; 6] = [
        // Writing the second new chunk.
        (
            &[
                ("mirror_000001.tar", old),
                ("mirror_000002.tar", old),
                ("mirror_000003.tar", old),
                (".mirror_000001.tar.partial", new),
                (".mirror_000002.tar.partial", "cut"),
            ],
            old,
            3,
        ),
        // The announcement itself is half written.
        (
            &[
                ("mirror_000001.tar", old),
                ("mirror_000002.tar", old),
                ("mirror_000003.tar", old),
                (".mirror_000001.tar.partial", new),
                (".mirror_000002.tar.partial", new),
                (".mirror.commit.partial", "x"),
            ],
            old,
            3,
        ),
        // Announced.
        (
            &[
                ("mirror_000001.tar", old),
                ("mirror_000002.tar", old),
                ("mirror_000003.tar", old),
                (".mirror_000001.tar.partial", new),
                (".mirror_000002.tar.partial", new),
                (".mirror.commit", "2\n"),
            ],
            new,
            2,
        ),
        // One renamed.
        (
            &[
                ("mirror_000001.tar", new),
                ("mirror_000002.tar", old),
                ("mirror_000003.tar", old),
                (".mirror_000002.tar.partial", new),
                (".mirror.commit", "2\n"),
            ],
            new,
            2,
        ),
        // All renamed.
        (
            &[
                ("mirror_000001.tar", new),
                ("mirror_000002.tar", new),
                ("mirror_000003.tar", old),
                (".mirror.commit", "2\n"),
            ],
            new,
            2,
        ),
        // The previous set is gone.
        (&[("mirror_000001.tar", new), ("mirror_000002.tar", new), (".mirror.commit", "2\n")], new, 2),
    ];
    for (step, (left, counts, chunks)) in steps.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in *left {
            let path = dir.path().join(name);
            if name.starts_with(".mirror.commit") || *content == "cut" {
                fs::write(path, content).unwrap();
                continue;
            }
            let scratch = dir.path().join("scratch");
            let mut writer = ArchiveWriter::create(&scratch, &options(1000, false)).unwrap();
            writer.add_bytes(&format!("working-dir/{content}-{}", &name[name.len() - 8..]), b"x").unwrap();
            fs::rename(&writer.finish().unwrap().chunks[0].path, path).unwrap();
            fs::remove_dir(scratch).unwrap();
        }
        let check = |archive: &Archive| {
            assert_eq!(archive.chunks().len(), *chunks, "step {step}");
            assert!(archive.entries().iter().all(|entry| entry.name.contains(counts)), "step {step}");
        };
        // A reader writes nothing and sees one whole set.
        let before = files(dir.path());
        let archive = Archive::open(dir.path()).unwrap();
        check(&archive);
        let hidden = archive.warnings().iter().find_map(|warning| match warning {
            Warning::InterruptedReplacement(hidden) => Some(hidden.clone()),
            _ => None,
        });
        let read = left.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name.ends_with(".tar.partial"));
        assert_eq!(hidden, (*counts == new).then(|| read.collect()), "step {step}");
        assert_eq!(files(dir.path()), before);
        // The next writer cleans up; when it gives up itself, the set is still there.
        drop(ArchiveWriter::create(dir.path(), &options(1000, false)).unwrap());
        let expected: Vec<String> = (1..=*chunks).map(|number| format!("mirror_{number:06}.tar")).collect();
        assert_eq!(files(dir.path()), expected, "step {step}");
        check(&Archive::open(dir.path()).unwrap());
    }
}

#[test]
fn damage_of_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::create(dir.path(), &options(4000, false)).unwrap();
    for name in ["a", "b", "c"] {
        writer.add_bytes(&format!("working-dir/{name}"), &[1; 3000]).unwrap();
    }
    let summary = writer.finish().unwrap();
    let second = &summary.chunks[1].path;
    let whole = fs::read(second).unwrap();
    assert_eq!(whole.len(), 512 + 3072 + 1024);
    // (bytes left of the second chunk, whether it opens, entries, warnings)
    let rows = [
        (0, false, 2, 0),
        (1, false, 2, 0),
        (511, false, 2, 0),
        (512, false, 2, 0),
        (512 + 2999, false, 2, 0),
        (512 + 3000, true, 3, 1),
        (512 + 3072, true, 3, 1),
        (512 + 3072 + 1, false, 3, 0),
        (512 + 3072 + 512, true, 3, 0),
        (whole.len(), true, 3, 0),
    ];
    for (left, opens, entries, warnings) in rows {
        fs::write(second, &whole[..left]).unwrap();
        assert_eq!(Archive::open(dir.path()).is_ok(), opens, "{left} bytes left");
        let damaged = Archive::open_damaged(dir.path()).unwrap();
        assert_eq!(damaged.damage().len(), usize::from(!opens), "{left} bytes left");
        assert_eq!((damaged.entries().len(), damaged.warnings().len()), (entries, warnings), "{left} bytes left");
    }
    // Every flipped bit of a header is noticed.
    for bit in [0, 7, 8 * 100, 8 * 124 + 3, 8 * 156, 8 * 300] {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(second, &flipped).unwrap();
        assert!(Archive::open(dir.path()).is_err(), "bit {bit}");
    }
    // Chunks are read in the order of their names; a missing one is said.
    fs::remove_file(second).unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.warnings(), [Warning::MissingChunks(vec![2])]);
    insta::assert_snapshot!(archive.warnings()[0], @"the archive has gaps: mirror_000002.tar not found; was every file copied?");
}

#[test]
fn headers_that_lie_about_sizes() {
    for size in [1_u64 << 40, u64::MAX, u64::MAX - 511, (1 << 63) + 1] {
        let dir = tempfile::tempdir().unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_path("working-dir/huge").unwrap();
        header.set_size(size);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(4096, 0);
        fs::write(dir.path().join("mirror_000001.tar"), bytes).unwrap();
        let error = Archive::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("truncated"), "{size}: {error}");
    }
}

#[test]
fn existing_files_keep_their_mode_and_links_are_not_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut writer = ArchiveWriter::create(&out, &options(1000, false)).unwrap();
    writer.add_bytes("working-dir/kept", b"new").unwrap();
    writer.add_bytes("working-dir/link", b"new").unwrap();
    writer.finish().unwrap();
    let target = dir.path().join("target");
    fs::create_dir_all(target.join("working-dir")).unwrap();
    let (kept, link) = (target.join("working-dir/kept"), target.join("working-dir/link"));
    fs::write(&kept, b"older and longer").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    Archive::open(&out).unwrap().extract_working_dir(&target).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"new");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&link).unwrap(), b"new");
    assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(files(&target.join("working-dir")), ["kept", "link"]);
}

#[test]
fn the_last_link_of_a_tag_counts_also_when_it_is_worthless() {
    // Found by fuzzing.
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::create(dir.path(), &options(1000, false)).unwrap();
    let link = |tag: &str| archive_format::layout::tag_current_name("a", tag);
    let digest = digest_of(b"{}");
    writer.add_bytes(&link("v1"), digest.to_string().as_bytes()).unwrap();
    writer.add_bytes(&link("v1"), b"sha256:cut").unwrap();
    writer.add_bytes(&link("v2"), b"sha256:cut").unwrap();
    writer.add_bytes(&link("v2"), digest.to_string().as_bytes()).unwrap();
    let archive = writer.finish().unwrap().open().unwrap();
    assert_eq!(archive.tags("a"), [("v2", &digest)]);
    let bad = archive.warnings().iter().filter(|warning| matches!(warning, Warning::BadLink { .. })).count();
    assert_eq!(bad, 2);
}
