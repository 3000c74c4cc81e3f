//! The digest of a cache: FNV-1a over the catalog and the cache, each written as a tar.
//!
//! Nobody reads these tars. Their bytes are those of Go's `archive/tar`: ustar, with a PAX record for a name that does not
//! fit.

use std::collections::BTreeMap;

/// Permissions of files and folders. The digest covers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Of folders.
    pub folder: u32,
    /// Of files.
    pub file: u32,
}

impl Modes {
    /// What everybody may read, so that a container runs as whatever user.
    pub const READABLE: Self = Self { folder: 0o755, file: 0o644 };
    /// What `opm` gives its caches.
    pub const OPM: Self = Self { folder: 0o750, file: 0o640 };
}

/// The digest of a cache, as 16 hexadecimal digits: `configs` are the files of the catalog, `cache` those of the folder
/// `cache` in the cache's folder. Paths are below their folders.
pub fn digest(configs: &[(&str, &[u8])], configs_modes: Modes, cache: &[(&str, &[u8])], cache_modes: Modes) -> String {
    let mut hash = Fnv::default();
    for (files, modes) in [(configs, configs_modes), (cache, cache_modes)] {
        let mut root = Folder::default();
        for (path, bytes) in files {
            root.insert(path, bytes);
        }
        root.write(".", modes, &mut hash);
        hash.update(&[0; 2 * BLOCK]);
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a, 64 bits.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    hash.update(bytes);
    hash.0
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

const BLOCK: usize = 512;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// A folder and what is in it, by name: a walk comes by a folder before what is in it.
#[derive(Default)]
struct Folder<'a>(BTreeMap<&'a str, Node<'a>>);

enum Node<'a> {
    File(&'a [u8]),
    Folder(Folder<'a>),
}

impl<'a> Folder<'a> {
    fn insert(&mut self, path: &'a str, bytes: &'a [u8]) {
        match path.split_once('/') {
            None => {
                self.0.insert(path, Node::File(bytes));
            }
            Some((name, rest)) => {
                let node = self.0.entry(name).or_insert_with(|| Node::Folder(Folder::default()));
                if let Node::Folder(folder) = node {
                    folder.insert(rest, bytes);
                }
            }
        }
    }

    fn write(&self, path: &str, modes: Modes, hash: &mut Fnv) {
        header(path, modes.folder, 0, b'5', hash);
        for (name, node) in &self.0 {
            let path = if path == "." { (*name).to_owned() } else { format!("{path}/{name}") };
            match node {
                Node::Folder(folder) => folder.write(&path, modes, hash),
                Node::File(bytes) => {
                    header(&path, modes.file, bytes.len(), b'0', hash);
                    content(bytes, hash);
                }
            }
        }
    }
}

fn content(bytes: &[u8], hash: &mut Fnv) {
    hash.update(bytes);
    let over = bytes.len() % BLOCK;
    if over > 0 {
        hash.update(&vec![0; BLOCK - over]);
    }
}

fn header(path: &str, mode: u32, size: usize, kind: u8, hash: &mut Fnv) {
    let fits = path.is_ascii() && path.len() <= NAME;
    let split = if fits { Some(("", path)) } else { split(path) };
    let (prefix, name) = split.unwrap_or_else(|| {
        pax(path, hash);
        ("", path)
    });
    let mut block = Block::new(name, prefix);
    block.number(100, 8, u64::from(mode));
    block.number(108, 8, 0);
    block.number(116, 8, 0);
    block.number(124, 12, size as u64);
    block.number(136, 12, 0);
    block.number(329, 8, 0);
    block.number(337, 8, 0);
    hash.update(&block.finish(kind));
}

/// Prefix and name of a path that is too long for a name alone, as ustar divides it.
fn split(path: &str) -> Option<(&str, &str)> {
    if !path.is_ascii() {
        return None;
    }
    let searched = path.get(..path.len().min(PREFIX + 1))?;
    let at = searched.rfind('/')?;
    let (prefix, name) = (path.get(..at)?, path.get(at + 1..)?);
    (at > 0 && !name.is_empty() && name.len() <= NAME).then_some((prefix, name))
}

/// The record that carries a name that fits nowhere else.
fn pax(path: &str, hash: &mut Fnv) {
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    let record = record(path);
    let name = ascii(&format!("{folder}{slash}PaxHeaders.0/{file}"));
    let name = name.get(..name.len().min(NAME)).unwrap_or_default().trim_end_matches('/');
    let mut block = Block::new(name, "");
    for (at, width) in [(100, 8), (108, 8), (116, 8)] {
        block.number(at, width, 0);
    }
    block.number(124, 12, record.len() as u64);
    block.number(136, 12, 0);
    hash.update(&block.finish(b'x'));
    content(record.as_bytes(), hash);
}

/// `LENGTH path=PATH`, where the length counts itself.
fn record(path: &str) -> String {
    let rest = format!(" path={path}\n");
    let mut size = rest.len();
    loop {
        let text = format!("{size}{rest}");
        if text.len() == size {
            return text;
        }
        size = text.len();
    }
}

fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

struct Block([u8; BLOCK]);

impl Block {
    fn new(name: &str, prefix: &str) -> Self {
        let mut block = Self([0; BLOCK]);
        block.put(0, NAME, ascii(name).as_bytes());
        block.put(257, 8, b"ustar\x0000");
        block.put(345, PREFIX, prefix.as_bytes());
        block
    }

    /// What is longer than its field is cut off.
    fn put(&mut self, at: usize, width: usize, bytes: &[u8]) {
        for (place, byte) in self.0.iter_mut().skip(at).take(width).zip(bytes) {
            *place = *byte;
        }
    }

    fn number(&mut self, at: usize, width: usize, value: u64) {
        let digits = format!("{value:0>width$o}", width = width - 1);
        self.put(at, width, digits.as_bytes());
    }

    fn finish(mut self, kind: u8) -> [u8; BLOCK] {
        self.put(156, 1, &[kind]);
        self.put(148, 8, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.put(148, 8, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_of_known_texts() {
        // From the reference tables of the algorithm's authors.
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn names_that_are_divided() {
        let long = "n".repeat(100);
        let check = |path: &str, expected: Option<(&str, &str)>| assert_eq!(split(path), expected, "{path}");
        check(&format!("a/{long}"), Some(("a", &long)));
        check(&format!("a/b/{long}"), Some(("a/b", &long)));
        check(&format!("a/{long}n"), None);
        check(&format!("{long}n"), None);
        check(&format!("/{long}"), None);
        check(&format!("é/{long}"), None);
        let prefix = "p".repeat(155);
        check(&format!("{prefix}/x"), Some((&prefix, "x")));
        check(&format!("p{prefix}/x"), None);
    }

    #[test]
    fn records_count_themselves() {
        let check = |length: usize, size: &str| {
            let record = record(&"x".repeat(length));
            assert_eq!(record.len().to_string(), size);
            assert!(record.starts_with(&format!("{size} path=x")));
        };
        check(1, "9");
        check(90, "99");
        check(91, "101");
        check(150, "160");
    }
}
