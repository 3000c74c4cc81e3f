//! Layers of catalogs, made by a recipe: names that are clean and stay below the folder, the same files each time, and no more bytes
//! than the bounds allow.

#![no_main]

use catalog_image::{ConfigsReader, Limits};
use image_layers::bounded_tar::TarLimits;
use libfuzzer_sys::fuzz_target;

const KEPT: u64 = 4096;

// The parts of the input: layers from the top down. Each is a tar as it came, or entries of kind, name and content.
fuzz_target!(|layers: Vec<(bool, &[u8], Vec<(u8, &str, &[u8])>)>| {
    let limits = Limits { kept_bytes: KEPT, layers: TarLimits { entries: 256, bytes: 1 << 20 } };
    let tars: Vec<Vec<u8>> = layers
        .into_iter()
        .take(8)
        .map(|(is_raw, bytes, entries)| if is_raw { bytes.to_vec() } else { tar_of(&entries) })
        .collect();
    let read = || {
        let mut reader = ConfigsReader::new("configs", limits);
        for tar in &tars {
            if reader.is_complete() {
                break;
            }
            if reader.layer(&tar[..]).is_err() {
                return None;
            }
        }
        Some(reader.into_files())
    };
    let files = read();
    assert_eq!(files, read());
    let Some(files) = files else { return };
    let mut bytes = 0;
    for (path, content) in &files {
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path}");
        bytes += path.len() + content.len();
    }
    assert!(bytes as u64 <= KEPT);
    assert!(files.is_sorted_by(|a, b| a.0 < b.0), "each name once");
    // No file lies below another file.
    for (above, _) in &files {
        assert!(!files.iter().any(|(path, _)| path.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/'))));
    }
});

/// A tar of entries whose headers are right; their names are what the recipe says, mostly below the folder.
fn tar_of(entries: &[(u8, &str, &[u8])]) -> Vec<u8> {
    const PLACES: [&str; 8] = ["configs/", "configs/a/", "configs/.wh.", "", ".wh.", "configs/a/.wh..wh..opq", "/configs/", "./"];
    const KINDS: [u8; 8] = *b"00000527";
    let mut tar = Vec::new();
    for (choice, name, content) in entries {
        let place = PLACES[usize::from(choice & 7)];
        let name = [place.as_bytes(), name.as_bytes()].concat();
        let mut header = tar::Header::new_gnu();
        let length = name.len().min(100);
        header.as_old_mut().name[..length].copy_from_slice(&name[..length]);
        header.set_entry_type(tar::EntryType::new(KINDS[usize::from(choice >> 3 & 7)]));
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}
