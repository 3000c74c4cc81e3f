//! Arbitrary bytes as a chunk: an error, or an archive whose extraction stays below its folder and whose entries can be
//! written again and read back the same.

#![no_main]

use std::fs;
use std::path::Path;

use archive_format::{Archive, ArchiveOptions, ArchiveWriter, confine, contents, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let bytes = &mend(bytes)[..];
    fs::write(dir.path().join("mirror_000001.tar"), bytes).unwrap();
    let archive = Archive::open_damaged(dir.path()).unwrap();
    for entry in archive.entries() {
        assert!(entry.offset + entry.len <= bytes.len() as u64);
        assert!(confine(Path::new("/parent"), &entry.name).is_ok(), "{}", entry.name);
    }
    let _ = contents(&archive);
    let found = verify(&archive, 1, &());
    assert!(found.bytes <= bytes.len() as u64 * (archive.entries().len() as u64 + 1));

    let sandbox = dir.path().join("sandbox");
    let target = sandbox.join("inner");
    fs::create_dir_all(&target).unwrap();
    let _ = archive.extract_working_dir(&target);
    assert_eq!(fs::read_dir(&sandbox).unwrap().count(), 1, "nothing beside the target");
    for entry in fs::read_dir(&target).unwrap() {
        assert_eq!(entry.unwrap().file_name(), "working-dir");
    }

    let mut writer = ArchiveWriter::create(&dir.path().join("again"), &{
        let mut options = ArchiveOptions::default();
        options.durable = false;
        options
    })
    .unwrap();
    for entry in archive.entries() {
        writer.add_bytes(&entry.name, &archive.read_entry(entry, u64::MAX).unwrap()).unwrap();
    }
    let again = writer.finish().unwrap().open().unwrap();
    let names = |archive: &Archive| archive.entries().iter().map(|e| (e.name.clone(), e.len)).collect::<Vec<_>>();
    assert_eq!(names(&archive), names(&again));
    assert!(archive.tag_links().eq(again.tag_links()));
});

/// Gives blocks that carry tar's magic the right checksum, so that the fuzzer gets behind it.
fn mend(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}
