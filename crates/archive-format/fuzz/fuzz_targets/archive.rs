//! Arbitrary bytes as a chunk, or as a recipe for one: an error, or an archive whose extraction stays below its folder and whose entries can be
//! written again and read back the same.

#![no_main]

use std::fs;
use std::path::Path;

use archive_format::{Archive, ArchiveOptions, ArchiveWriter, confine, contents, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let bytes = &match bytes.split_first() {
        Some((0, raw)) => mend(raw),
        Some((_, recipe)) => cook(recipe),
        None => Vec::new(),
    }[..];
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

/// A chunk of a recipe: kinds, names, sizes and contents of entries, right or not. Raw bytes alone would hardly ever be a
/// header at all.
fn cook(recipe: &[u8]) -> Vec<u8> {
    const PLACES: [&str; 8] = [
        "",
        "docker/registry/v2/blobs/sha256/aa/",
        "docker/registry/v2/repositories/ns/app/_manifests/tags/",
        "docker/registry/v2/repositories/ns/app/_layers/sha256/",
        "working-dir/",
        "working-dir/../",
        "/",
        "../",
    ];
    let mut recipe = recipe.iter().copied();
    let mut chunk = Vec::new();
    while let Some(kind) = recipe.next() {
        let kind = match kind % 8 {
            0..=3 => b'0',
            4 => b'x',
            5 => b'L',
            _ => recipe.next().unwrap_or(b'5'),
        };
        let place = PLACES[usize::from(recipe.next().unwrap_or(0)) % PLACES.len()];
        let length = usize::from(recipe.next().unwrap_or(0)) % 48;
        let name: Vec<u8> = place.bytes().chain(recipe.by_ref().take(length)).collect();
        let length = usize::from(recipe.next().unwrap_or(0));
        let mut content: Vec<u8> = recipe.by_ref().take(length).collect();
        if kind == b'x' {
            content = [format!("{} path=", content.len() + 9).as_bytes(), &content[..], b"\n"].concat();
        }
        // Mostly the truth; else too much or too little, up to more than any disk has.
        let size = match recipe.next().unwrap_or(0) {
            claim @ 128.. => u64::from(claim) << (claim % 33),
            _ => content.len() as u64,
        };
        let mut block = [0; 512];
        for (at, field) in [
            (0, &name[..name.len().min(100)]),
            (100, b"0000644\0"),
            (124, format!("{:011o}\0", size & 0o777_7777_7777).as_bytes()),
            (156, &[kind]),
            (257, b"ustar\x0000"),
        ] {
            block[at..at + field.len()].copy_from_slice(field);
        }
        chunk.extend_from_slice(&block);
        chunk.extend_from_slice(&content);
        chunk.resize(chunk.len().next_multiple_of(512), 0);
    }
    // With the two blocks of the end, or cut.
    let end = if chunk.len() % 1024 == 0 { 1024 } else { 0 };
    chunk.resize(chunk.len() + end, 0);
    mend(&chunk)
}
