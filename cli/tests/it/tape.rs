//! Archive files taken apart and put together again.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use tar::EntryType;

/// One entry of an archive file.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
    /// What the header says; the length of the content when it tells the truth.
    pub(crate) size: Option<u64>,
    /// Target of links.
    pub(crate) target: String,
}

impl Entry {
    pub(crate) fn file(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, kind) = (name.to_owned(), EntryType::Regular);
        Self { name, kind, mode: 0o644, bytes: bytes.into(), size: None, target: String::new() }
    }

    pub(crate) fn special(name: &str, kind: EntryType, target: &str) -> Self {
        Self { kind, target: target.to_owned(), ..Self::file(name, []) }
    }
}

/// All entries of a file; the kind and mode of each are those of a plain file.
pub(crate) fn read(path: &Path) -> Vec<Entry> {
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        Entry::file(&name, bytes)
    });
    entries.collect()
}

/// Writes a file of these entries, whatever they say.
pub(crate) fn write(path: &Path, entries: &[Entry]) {
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        // The crate refuses names that climb.
        if header.set_path(&entry.name).is_err() {
            header.as_old_mut().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        }
        if !entry.target.is_empty() {
            header.set_link_name(&entry.target).unwrap();
        }
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_size(entry.size.unwrap_or(entry.bytes.len() as u64));
        header.set_cksum();
        builder.append(&header, &entry.bytes[..]).unwrap();
    }
    builder.finish().unwrap();
}
