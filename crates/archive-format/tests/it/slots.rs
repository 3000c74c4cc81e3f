//! Blobs whose places are reserved before their bytes arrive: the same archive, written in any order.

use std::fs;
use std::path::{Path, PathBuf};

use archive_format::{ArchiveOptions, ArchiveSummary, ArchiveWriter, BlobSlot, WriteError};
use image_ref::Digest;

use crate::digest_of;

fn options(max: u64) -> ArchiveOptions {
    let mut options = ArchiveOptions::default();
    options.max_chunk_bytes = max;
    options.durable = false;
    options
}

/// Blobs with these lengths, each of other bytes.
fn blobs(lengths: &[usize]) -> Vec<(Digest, Vec<u8>)> {
    let blob = |(at, length): (usize, &usize)| {
        let seed = u8::try_from(at).unwrap();
        let bytes: Vec<u8> = (0..*length).map(|byte| u8::try_from(byte % 251).unwrap() ^ seed).collect();
        (digest_of(&bytes), bytes)
    };
    lengths.iter().enumerate().map(blob).collect()
}

fn write(dir: &Path, max: u64, blobs: &[(Digest, Vec<u8>)], fill: impl FnOnce(Vec<BlobSlot>)) -> ArchiveSummary {
    let mut writer = ArchiveWriter::create(dir, &options(max)).unwrap();
    writer.add_bytes("docker/registry/v2/repositories/a/_layers/x/link", b"link").unwrap();
    let reserve = |(digest, bytes): &(Digest, Vec<u8>)| writer.reserve_blob(digest, bytes.len() as u64).unwrap();
    let slots: Vec<_> = blobs.iter().filter_map(reserve).collect();
    writer.add_bytes("isc_x", b"kind: x").unwrap();
    fill(slots);
    writer.finish().unwrap()
}

/// The same entries written one after the other.
fn plain(dir: &Path, max: u64, blobs: &[(Digest, Vec<u8>)]) -> ArchiveSummary {
    let mut writer = ArchiveWriter::create(dir, &options(max)).unwrap();
    writer.add_bytes("docker/registry/v2/repositories/a/_layers/x/link", b"link").unwrap();
    for (digest, bytes) in blobs {
        writer.add_blob_bytes(digest, bytes).unwrap();
    }
    writer.add_bytes("isc_x", b"kind: x").unwrap();
    writer.finish().unwrap()
}

fn assert_same(one: &ArchiveSummary, other: &ArchiveSummary) {
    assert_eq!(one.chunks.len(), other.chunks.len());
    for (one, other) in one.chunks.iter().zip(&other.chunks) {
        assert_eq!((one.bytes, one.entries), (other.bytes, other.entries));
        assert!(fs::read(&one.path).unwrap() == fs::read(&other.path).unwrap(), "{}", one.path.display());
    }
    assert_eq!((one.content_bytes, &one.oversized), (other.content_bytes, &other.oversized));
}

#[test]
fn in_any_order_the_bytes_are_those_of_a_plain_archive() {
    // Blocks and their neighbours, an empty blob, a repeated one, one larger than a chunk in every position.
    let rows: [(u64, &[usize]); 6] = [
        (1_000_000, &[0, 1, 511, 512, 513, 300_000, 700_000, 5]),
        (10_000, &[6000, 5000, 12_000, 3000]),
        (10_000, &[12_000, 1, 2, 12_001]),
        (10_000, &[10_000, 10_000]),
        (1000, &[]),
        (4, &[0, 5]),
    ];
    for (max, lengths) in rows {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut blobs = blobs(lengths);
        blobs.extend(blobs.first().cloned());
        let expected = plain(one.path(), max, &blobs);
        let backwards = write(other.path(), max, &blobs, |slots| {
            assert_eq!(slots.len(), lengths.len(), "the repeated one has a place already");
            for slot in slots.into_iter().rev() {
                let bytes = &blobs.iter().find(|(digest, _)| digest == slot.digest()).unwrap().1;
                assert_eq!(slot.size(), bytes.len() as u64);
                slot.fill(bytes).unwrap();
            }
        });
        assert_same(&expected, &backwards);
    }
}

#[test]
fn many_at_the_same_time() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let blobs = blobs(&[900_000, 20, 800_000, 700_000, 300, 600_000, 500_000, 131_072]);
    let expected = plain(one.path(), 2_000_000, &blobs);
    let file = |at: usize| -> PathBuf { other.path().join(format!("blob{at}")) };
    fs::write(file(2), &blobs[2].1).unwrap();
    let parallel = write(&other.path().join("out"), 2_000_000, &blobs, |slots| {
        std::thread::scope(|scope| {
            for (at, (slot, (_, bytes))) in slots.into_iter().zip(&blobs).enumerate() {
                let path = file(at);
                scope.spawn(move || {
                    if at == 2 {
                        return slot.copy_from(&path).unwrap();
                    }
                    let mut writer = slot.open().unwrap();
                    for part in bytes.chunks(40_000 + 37_000 * at) {
                        writer.write(part).unwrap();
                    }
                    writer.finish().unwrap();
                });
            }
        });
    });
    assert_same(&expected, &parallel);
    for (digest, bytes) in &blobs {
        assert!(parallel.open().unwrap().read_small_blob(digest, 1_000_000).unwrap() == *bytes);
    }
}

#[test]
fn wrong_bytes_fill_no_slot_and_hurt_no_neighbour() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = blobs(&[200_000, 300_000]);
    let (digest, bytes) = &blobs[0];
    let reserve = || {
        let mut writer = ArchiveWriter::create(&dir.path().join("out"), &options(1_000_000)).unwrap();
        let slot = writer.reserve_blob(digest, 200_000).unwrap().unwrap();
        (writer, slot)
    };
    // (what is written, whether it can be written, the error at the end)
    let flipped: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
    let longer = vec![0; 200_001];
    let rows: [(&[u8], bool, &str); 4] = [
        (&flipped, true, "content has digest"),
        (&bytes[..199_999], true, "has 199999 bytes, expected 200000"),
        (&[], true, "has 0 bytes, expected 200000"),
        (&longer, false, "has 0 bytes, expected 200000"),
    ];
    for (wrong, can_be_written, expected) in rows {
        let (writer, slot) = reserve();
        let mut filling = slot.open().unwrap();
        assert_eq!(filling.write(wrong).is_ok(), can_be_written);
        let error = filling.finish().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        let error = writer.finish().unwrap_err();
        assert!(matches!(error, WriteError::Empty { count: 1, .. }));
        assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 0, "nothing is left");
    }
    let (writer, slot) = reserve();
    assert!(matches!(slot.fill(b"short"), Err(WriteError::Size { found: 5, .. })));
    drop(writer);
    let (writer, slot) = reserve();
    let other = dir.path().join("other");
    fs::write(&other, &blobs[1].1).unwrap();
    let error = slot.copy_from(&other).unwrap_err();
    assert!(matches!(error, WriteError::Read { .. }), "{error:?}");
    drop(writer);

    // A wrong start is forgotten, and what comes after the slot stays what it is.
    let summary = write(&dir.path().join("out"), 1_000_000, &blobs, |slots| {
        let [first, second] = <[BlobSlot; 2]>::try_from(slots).unwrap();
        second.fill(&blobs[1].1).unwrap();
        let mut filling = first.open().unwrap();
        filling.write(&flipped).unwrap();
        assert!(filling.write(b"one more").is_err());
        assert_ne!(filling.running_digest(), *digest);
        filling.restart().unwrap();
        assert_eq!(filling.offset(), 0);
        filling.write(bytes).unwrap();
        assert_eq!((filling.offset(), filling.running_digest()), (200_000, digest.clone()));
        filling.finish().unwrap();
    });
    let again = plain(&dir.path().join("plain"), 1_000_000, &blobs);
    assert_same(&again, &summary);
}

#[test]
fn an_archive_with_an_empty_slot_is_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mirror_000001.tar"), b"old").unwrap();
    let blobs = blobs(&[10, 20]);
    let mut writer = ArchiveWriter::create(dir.path(), &options(1000)).unwrap();
    let mut slots: Vec<_> = blobs.iter().filter_map(|(digest, _)| writer.reserve_blob(digest, 20).unwrap()).collect();
    slots.pop().unwrap().fill(&blobs[1].1).unwrap();
    let error = writer.finish().unwrap_err().to_string();
    assert!(error.starts_with(&format!("blob {} did not arrive (1 did not in all)", blobs[0].0)), "{error}");
    // Whoever still holds a slot of it writes nowhere.
    assert!(slots.pop().unwrap().open().is_err());
    assert_eq!(fs::read(dir.path().join("mirror_000001.tar")).unwrap(), b"old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn strict_archives_have_no_room_for_what_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(10);
    options.strict = true;
    let mut writer = ArchiveWriter::create(dir.path(), &options).unwrap();
    let error = writer.reserve_blob(&digest_of(b"x"), 11).unwrap_err();
    assert!(matches!(error, WriteError::TooLarge { ref name, .. } if name == "data"), "{error:?}");
}

#[test]
fn a_full_disk_says_what_was_missing() {
    let dir = tempfile::tempdir().unwrap();
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: this system has no /dev/full");
        return;
    }
    let blobs = blobs(&[2_000_000]);
    let mut writer = ArchiveWriter::create(dir.path(), &options(3_000_000)).unwrap();
    let slot = writer.reserve_blob(&blobs[0].0, 2_000_000).unwrap().unwrap();
    let chunk = dir.path().join(".mirror_000001.tar.partial");
    fs::remove_file(&chunk).unwrap();
    std::os::unix::fs::symlink("/dev/full", &chunk).unwrap();
    let mut filling = slot.open().unwrap();
    filling.write(&blobs[0].1[..100_000]).unwrap();
    let error = filling.write(&blobs[0].1[100_000..]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("2000000 bytes were still to be written"), "{error}");
    assert_eq!(filling.offset(), 100_000, "what was taken in before is still at hand");
}
