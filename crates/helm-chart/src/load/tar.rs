//! Reads tar archives out of memory, as far as packaged charts need it: files, long names, PAX headers.

use std::collections::BTreeMap;

/// Size of everything in a tar.
const BLOCK: usize = 512;

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) data: &'a [u8],
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A symbolic or hard link, and where it points.
    Link(String),
    /// A device or a pipe.
    Other,
}

/// Why an archive cannot be read, in Go's words where Go has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("archive/tar: invalid tar header")]
    Header,
    #[error("unexpected EOF")]
    Truncated,
}

/// Walks the entries of an archive.
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
}

impl<'a> Entries<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn block(&mut self) -> Result<Option<&'a [u8]>, Error> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let (block, rest) = self.bytes.split_at_checked(BLOCK).ok_or(Error::Truncated)?;
        self.bytes = rest;
        Ok(Some(block))
    }

    fn data(&mut self, size: u64) -> Result<&'a [u8], Error> {
        let size = usize::try_from(size).map_err(|_| Error::Truncated)?;
        let data = self.bytes.get(..size).ok_or(Error::Truncated)?;
        // The padding of the last entry may be missing.
        let padded = size.next_multiple_of(BLOCK).min(self.bytes.len());
        self.bytes = self.bytes.get(padded..).unwrap_or_default();
        Ok(data)
    }

    fn entry(&mut self) -> Result<Option<Entry<'a>>, Error> {
        let mut long_name: Option<String> = None;
        let mut long_link: Option<String> = None;
        let mut pax: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let Some(block) = self.block()? else { return Ok(None) };
            if block.iter().all(|byte| *byte == 0) {
                // Two empty blocks are the end; so is one that nothing follows.
                return match self.block()? {
                    Some(block) if block.iter().any(|byte| *byte != 0) => Err(Error::Header),
                    _ => Ok(None),
                };
            }
            let header = Header::read(block)?;
            match header.kind {
                b'L' => long_name = Some(text(self.data(header.size)?)),
                b'K' => long_link = Some(text(self.data(header.size)?)),
                b'x' => pax = records(self.data(header.size)?)?,
                // Global headers say nothing that a chart needs.
                b'g' => {
                    self.data(header.size)?;
                }
                kind => {
                    let name = pax.remove("path").or(long_name).unwrap_or(header.name);
                    let link = pax.remove("linkpath").or(long_link).unwrap_or(header.link);
                    if pax.keys().any(|key| key.starts_with("GNU.sparse.")) || kind == b'S' {
                        return Err(Error::Header);
                    }
                    let size = match pax.get("size") {
                        Some(size) => size.parse().map_err(|_| Error::Header)?,
                        None => header.size,
                    };
                    let kind = match kind {
                        b'1' | b'2' => Kind::Link(link),
                        b'5' => Kind::Folder,
                        b'3' | b'4' | b'6' => Kind::Other,
                        // An old archive marks a folder by the slash at the end of its name.
                        _ if kind == 0 && name.ends_with('/') => Kind::Folder,
                        _ => Kind::File,
                    };
                    // What is no file has no data, whatever its size says.
                    let data = if kind == Kind::File { self.data(size)? } else { &[] };
                    return Ok(Some(Entry { name, kind, data }));
                }
            }
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entry();
        if entry.is_err() {
            self.bytes = &[];
        }
        entry.transpose()
    }
}

struct Header {
    name: String,
    link: String,
    kind: u8,
    size: u64,
}

impl Header {
    fn read(block: &[u8]) -> Result<Self, Error> {
        let field = |from: usize, to: usize| block.get(from..to).ok_or(Error::Truncated);
        let sum = number(field(148, 156)?)?;
        let computed: u64 = block
            .iter()
            .enumerate()
            .map(|(index, byte)| if (148..156).contains(&index) { 32 } else { u64::from(*byte) })
            .sum();
        let signed: i64 = block
            .iter()
            .enumerate()
            .map(|(index, byte)| if (148..156).contains(&index) { 32 } else { i64::from(byte.cast_signed()) })
            .sum();
        if sum != computed && i64::try_from(sum) != Ok(signed) {
            return Err(Error::Header);
        }
        let mut name = text(field(0, 100)?);
        // The prefix of POSIX; GNU archives keep other things there.
        if field(257, 263)? == b"ustar\0" {
            let prefix = text(field(345, 500)?);
            if !prefix.is_empty() {
                name = format!("{prefix}/{name}");
            }
        }
        let kind = block.get(156).copied().ok_or(Error::Truncated)?;
        Ok(Self { name, link: text(field(157, 257)?), kind, size: number(field(124, 136)?)? })
    }
}

/// The text up to the first zero.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// A number in octal digits, or in binary when the first bit is set.
fn number(field: &[u8]) -> Result<u64, Error> {
    if let Some((first, rest)) = field.split_first().filter(|(first, _)| *first & 0x80 != 0) {
        let mut value: u64 = u64::from(first & 0x7F);
        for byte in rest {
            value = value.checked_mul(256).ok_or(Error::Header)? + u64::from(*byte);
        }
        return Ok(value);
    }
    let digits = text(field);
    let digits = digits.trim_matches(' ');
    if digits.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(digits, 8).map_err(|_| Error::Header)
}

/// The records of a PAX header: `length key=value\n`.
fn records(mut bytes: &[u8]) -> Result<BTreeMap<String, String>, Error> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let blank = bytes.iter().position(|byte| *byte == b' ').ok_or(Error::Header)?;
        let digits = bytes.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok());
        let length: usize = digits.and_then(|text| text.parse().ok()).ok_or(Error::Header)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(Error::Header)?;
        let record = record.get(blank + 1..).ok_or(Error::Header)?;
        let record = record.strip_suffix(b"\n").ok_or(Error::Header)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(Error::Header)?;
        let (key, value) = record.split_at(equals);
        let value = value.strip_prefix(b"=").ok_or(Error::Header)?;
        records.insert(String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(value).into_owned());
        bytes = rest;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of a file, with a checksum that fits.
    pub(in crate::load) fn header(name: &str, kind: u8, size: usize, link: &str) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    fn with_data(mut header: Vec<u8>, data: &[u8]) -> Vec<u8> {
        header.extend_from_slice(data);
        header.resize(header.len().next_multiple_of(BLOCK), 0);
        header
    }

    fn names(bytes: &[u8]) -> Result<Vec<(String, Kind, usize)>, Error> {
        Entries::new(bytes).map(|entry| entry.map(|entry| (entry.name, entry.kind, entry.data.len()))).collect()
    }

    #[test]
    fn entries_are_read_with_long_names_and_pax_records() {
        let long = "a/".repeat(80) + "b";
        let mut tar = with_data(header("x/f", b'0', 3, ""), b"abc");
        tar.extend(header("x/d/", b'5', 0, ""));
        tar.extend(header("x/l", b'2', 0, "../up"));
        tar.extend(with_data(header("././@LongLink", b'L', long.len(), ""), long.as_bytes()));
        tar.extend(header("short", b'0', 0, ""));
        tar.extend(with_data(header("pax", b'x', 14, ""), b"14 path=x/pax\n"));
        tar.extend(with_data(header("short", b'0', 1, ""), b"x"));
        tar.extend([0; 2 * BLOCK]);
        let file = |name: &str, size| (name.to_owned(), Kind::File, size);
        assert_eq!(
            names(&tar).unwrap(),
            [
                file("x/f", 3),
                ("x/d/".into(), Kind::Folder, 0),
                ("x/l".into(), Kind::Link("../up".into()), 0),
                file(&long, 0),
                file("x/pax", 1),
            ]
        );
    }

    #[test]
    fn what_is_cut_or_changed_is_an_error() {
        let tar = with_data(header("f", b'0', 600, ""), &[b'x'; 600]);
        assert_eq!(names(&tar[..700]), Err(Error::Truncated));
        assert_eq!(names(&tar[..100]), Err(Error::Truncated));
        let mut changed = tar.clone();
        changed[0] = b'g';
        assert_eq!(names(&changed), Err(Error::Header));
        // The padding of the last file may be missing.
        assert_eq!(names(&tar[..BLOCK + 600]).unwrap().len(), 1);
    }
}
