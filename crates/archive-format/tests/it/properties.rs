//! Properties: what we write, another tar reader reads the same; what is hostile stays in its folder.

use std::fs;
use std::io::Read as _;

use archive_format::{Archive, ArchiveOptions, ArchiveWriter, Store, confine};
use proptest::prelude::*;

use crate::digest_of;

fn name() -> impl Strategy<Value = String> {
    // Parts of 1 to 130 characters cross the borders of 100 and 155 bytes and need PAX now and then.
    let part = prop_oneof![8 => "[a-z0-9._-]{1,40}", 2 => "[a-z]{60,130}", 1 => "[a-zéß漢]{1,20}"];
    proptest::collection::vec(part, 1..5)
        .prop_map(|parts| format!("working-dir/{}", parts.join("/")))
        .prop_filter("parts that name folders", |name| !name.split('/').any(|part| part == "." || part == ".."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_reader_agrees(
        entries in proptest::collection::btree_map(name(), proptest::collection::vec(any::<u8>(), 0..1500), 1..20),
        max in 1000_u64..5000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut options = ArchiveOptions::default();
        options.max_chunk_bytes = max;
        options.durable = false;
        let mut writer = ArchiveWriter::create(dir.path(), &options).unwrap();
        for (name, content) in &entries {
            writer.add_bytes(name, content).unwrap();
        }
        let summary = writer.finish().unwrap();

        // No chunk is above the limit, unless it is one oversized file alone; the order inside a chunk is kept.
        let mut seen = Vec::new();
        for chunk in &summary.chunks {
            let mut tar = tar::Archive::new(fs::File::open(&chunk.path).unwrap());
            let mut sizes = Vec::new();
            for entry in tar.entries().unwrap() {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                sizes.push(content.len() as u64);
                seen.push((String::from_utf8(entry.path_bytes().into_owned()).unwrap(), content));
            }
            prop_assert_eq!(sizes.len() as u64, chunk.entries);
            prop_assert!(sizes.iter().sum::<u64>() <= max || sizes.len() == 1);
        }
        seen.sort();
        prop_assert_eq!(&seen, &entries.clone().into_iter().collect::<Vec<_>>());

        let archive = Archive::open(dir.path()).unwrap();
        prop_assert!(archive.warnings().is_empty(), "{:?}", archive.warnings());
        prop_assert_eq!(archive.entries().len(), entries.len());
        for entry in archive.entries() {
            prop_assert_eq!(&archive.read_entry(entry, 2000).unwrap(), &entries[&entry.name]);
        }
    }

    #[test]
    fn confined_paths_are_below(parent in "(/[a-z.]{1,5}){1,3}", name in "[a-z./]{0,20}") {
        if let Ok(path) = confine(std::path::Path::new(&parent), &name) {
            prop_assert!(!path.components().any(|part| part.as_os_str() == ".."));
            let cleaned = confine(std::path::Path::new("/"), &parent);
            prop_assert!(cleaned.is_err() || path.starts_with(cleaned.unwrap()), "{}", path.display());
        }
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_an_archive(bytes in proptest::collection::vec(any::<u8>(), 1..2048)) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mirror_000001.tar"), bytes).unwrap();
        let archive = Archive::open_damaged(dir.path()).unwrap();
        prop_assert!(archive.entries().len() <= 4);
    }

    #[test]
    fn a_blob_interrupted_anywhere_is_the_same_blob(
        length in 1_u32..400_000,
        cuts in proptest::collection::vec(0.0..1.0_f64, 0..6),
    ) {
        let content: Vec<u8> = (0..length).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let dir = tempfile::tempdir().unwrap();
        let digest = digest_of(&content);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a length")]
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * content.len() as f64) as usize).collect();
        cuts.sort_unstable();
        for cut in cuts {
            // Each run is a process of its own: the store is opened anew.
            let store = Store::open(dir.path()).unwrap();
            let mut blob = store.begin_blob(&digest, Some(content.len() as u64)).unwrap();
            let from = usize::try_from(blob.offset()).unwrap();
            blob.write(&content[from..cut.max(from)]).unwrap();
            blob.suspend().unwrap();
            prop_assert_eq!(store.blob_size(&digest), None);
        }
        let store = Store::open(dir.path()).unwrap();
        let mut blob = store.begin_blob(&digest, Some(content.len() as u64)).unwrap();
        let from = usize::try_from(blob.offset()).unwrap();
        blob.write(&content[from..]).unwrap();
        blob.finish().unwrap();
        prop_assert_eq!(store.read_small_blob(&digest, u64::MAX).unwrap(), content);
        prop_assert!(store.partials().unwrap().is_empty());
    }
}
