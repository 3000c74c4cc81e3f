//! A good archive of several chunks, then what somebody does to it on the way: what is read by digest has that digest, what `verify`
//! finds good is whole, and nothing is written beside its folder.

#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use archive_format::{
    Archive, ArchiveOptions, ArchiveWriter, Hasher, Warning, archive_file_name, contents, is_archive_name, layout, verify,
};
use image_ref::{Algorithm, Digest};
use libfuzzer_sys::fuzz_target;

/// How many bytes of content a chunk of the archive has.
const CHUNK: u64 = 2048;

// The parts of the input: images as the lengths of their layers, and changes of files as what is done, to which, where and with what.
fuzz_target!(|parts: (Vec<Vec<u8>>, Vec<(u8, u8, u16, &[u8])>)| {
    let (images, changes) = parts;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("medium");
    let made = make(&dir, &images);

    let good = Archive::open(&dir).expect("what was just written can be read");
    let found = verify(&good, 1, &());
    assert!(found.is_good(), "{:?}", found.problems);
    assert!(contents(&good).iter().all(|image| image.absent_blobs == 0));

    for (kind, which, place, bytes) in changes.into_iter().take(8) {
        change(&dir, kind, which, place, bytes);
    }
    let Ok(archive) = Archive::open_damaged(&dir) else {
        let names = names(&dir);
        let is_told = |name: &String| is_archive_name(name) && !names.contains(&".mirror.commit".to_owned());
        assert!(!names.iter().any(is_told), "a folder with chunks is an archive");
        return;
    };
    let opened = Archive::open(&dir);
    assert_eq!(opened.is_ok(), archive.damage().is_empty());
    let found = verify(&archive, 1, &());
    for (digest, location) in archive.blobs() {
        if let Ok(bytes) = archive.read_small_blob(digest, u64::MAX) {
            assert_eq!(Hasher::of(digest.algorithm(), &bytes), *digest);
            assert_eq!(bytes.len() as u64, location.len);
        } else {
            assert!(!found.is_good());
        }
        if let Ok(manifest) = archive.manifest(digest) {
            assert!(manifest.has_digest(digest));
        }
    }
    if found.is_good() {
        for image in contents(&archive) {
            assert_eq!(image.absent_blobs, 0, "{}", image.image);
        }
        for link in archive.tag_links() {
            assert!(Digest::from_tag(&link.tag).is_none_or(|digest| digest == link.digest), "{link:?}");
        }
        // What the names of the digests lead to is what was packed.
        for (digest, bytes) in &made {
            if archive.blob(digest).is_some() {
                assert_eq!(archive.read_small_blob(digest, u64::MAX).expect("verify has read it"), *bytes);
            }
        }
        // Two files of one number, and hidden files, are told.
        let mut numbers: Vec<&str> = archive.chunks().iter().map(|chunk| &chunk.name[chunk.name.len() - 10..]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() < archive.chunks().len() {
            assert!(archive.warnings().iter().any(|warning| matches!(warning, Warning::EqualNumbers(_))));
        }
        if archive.chunks().iter().any(|chunk| !chunk.path.ends_with(&chunk.name)) {
            assert!(archive.warnings().iter().any(|warning| matches!(warning, Warning::InterruptedReplacement(_))));
        }
    }
    let sandbox = folder.path().join("sandbox");
    let target = sandbox.join("inner");
    fs::create_dir_all(&target).unwrap();
    let _ = archive.extract_working_dir(&target);
    assert_eq!(names(&sandbox), ["inner"]);
    assert!(names(&target).iter().all(|name| name == "working-dir"));
});

/// Writes images that share their configuration, under a tag and under the tag of their digest; gives every blob.
fn make(dir: &Path, images: &[Vec<u8>]) -> BTreeMap<Digest, Vec<u8>> {
    let mut options = ArchiveOptions::default();
    (options.max_chunk_bytes, options.durable) = (CHUNK, false);
    let mut writer = ArchiveWriter::create(dir, &options).unwrap();
    let mut made = BTreeMap::new();
    let mut blob = |writer: &mut ArchiveWriter, bytes: Vec<u8>| {
        let digest = Hasher::of(Algorithm::Sha256, &bytes);
        writer.add_blob_bytes(&digest, &bytes).unwrap();
        made.insert(digest.clone(), bytes);
        digest
    };
    let config = blob(&mut writer, b"{}".to_vec());
    for (at, layers) in images.iter().take(4).enumerate() {
        let named = |digest: &Digest, size: usize| format!(r#"{{"digest":"{digest}","size":{size}}}"#);
        let layers = layers.iter().take(4).map(|size| {
            let size = usize::from(*size) * 7;
            named(&blob(&mut writer, vec![at as u8; size]), size)
        });
        let layers: Vec<String> = layers.collect();
        let manifest = format!(r#"{{"config":{},"layers":[{}]}}"#, named(&config, 2), layers.join(","));
        let root = blob(&mut writer, manifest.into_bytes());
        let repository = format!("ns/app{at}");
        for tag in ["v1".to_owned(), root.to_string().replace(':', "-")] {
            writer.add_bytes(&layout::tag_current_name(&repository, &tag), root.to_string().as_bytes()).unwrap();
            writer.add_bytes(&layout::tag_index_name(&repository, &tag, &root), root.to_string().as_bytes()).unwrap();
        }
        writer.add_bytes(&layout::revision_link_name(&repository, &root), root.to_string().as_bytes()).unwrap();
        writer.add_bytes(&format!("working-dir/signatures/{at}"), b"a signature").unwrap();
    }
    writer.add_bytes("isc_2026-08-21T10:11:12Z", b"kind: ImageSetConfiguration\n").unwrap();
    writer.finish().unwrap();
    made
}

/// Does one thing to one file of the folder.
fn change(dir: &Path, kind: u8, which: u8, place: u16, bytes: &[u8]) {
    let all = names(dir);
    let Some(name) = all.get(usize::from(which) % all.len().max(1)) else { return };
    let path = dir.join(name);
    let mut content = fs::read(&path).unwrap();
    let at = usize::from(place) % content.len().max(1);
    match kind % 12 {
        // Bytes of the content, whose header stays right.
        0 => {
            for (old, new) in content[at..].iter_mut().zip(bytes) {
                *old = *new;
            }
        }
        // Bytes of a header, with the checksum that belongs to them.
        1 => {
            let block = at / 512 * 512;
            for (old, new) in content[block..].iter_mut().skip(at % 160).zip(bytes) {
                *old = *new;
            }
            mend(&mut content, block);
        }
        2 => content.truncate(at),
        3 => content.extend_from_slice(bytes),
        4 => return fs::remove_file(&path).unwrap(),
        5 => return fs::rename(&path, dir.join(format!("zz-{name}"))).unwrap(),
        6 => return fs::write(dir.join(format!("zz-{name}")), &content).unwrap(),
        7 => return fs::write(dir.join(format!(".{name}.partial")), &content).unwrap(),
        8 => return fs::write(dir.join(".mirror.commit"), format!("{}\n", place % 5)).unwrap(),
        9 => return fs::write(dir.join(archive_file_name(u32::from(place % 8))), &content).unwrap(),
        // Another digest in the place of the first.
        10 => {
            let text = b"sha256:";
            if let Some(found) = content[at..].windows(text.len()).position(|window| window == text) {
                for (old, new) in content[at + found + text.len()..].iter_mut().zip(bytes) {
                    *old = b"0123456789abcdef"[usize::from(new % 16)];
                }
            }
        }
        // An entry of the last chunk once more, at the end.
        _ => {
            let block = at / 512 * 512;
            let entry = content.get(block..(block + 1024).min(content.len())).unwrap_or_default().to_vec();
            let end = content.len().saturating_sub(1024);
            content.splice(end..end, entry);
        }
    }
    fs::write(&path, content).unwrap();
}

/// Gives a block that carries tar's magic the right checksum.
fn mend(content: &mut [u8], block: usize) {
    let Some(block) = content.get_mut(block..block + 512) else { return };
    if &block[257..262] == b"ustar" {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// The names in a folder, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
