//! Reads tar archives out of memory as Go's `archive/tar` does: what Helm takes is taken, what it refuses is refused.
//!
//! Sparse files are refused: no chart has one.

use std::collections::BTreeMap;

/// Size of everything in a tar.
const BLOCK: usize = 512;

/// The most bytes of a header of extended names or records; Go's bound.
const MAX_SPECIAL: u64 = 1 << 20;

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The size that the header says. What is no file has no data, whatever this is.
    pub(super) size: u64,
    /// The bytes; an error when the archive ends before them.
    pub(super) data: Result<&'a [u8], Error>,
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
    /// A header for all entries that follow. Go gives it as an entry, and does not use what it says.
    Global,
}

/// Why an archive cannot be read, in Go's words where Go has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("archive/tar: invalid tar header")]
    Header,
    #[error("archive/tar: header field too long")]
    Long,
    #[error("unexpected EOF")]
    Truncated,
    /// The archive goes on, but what follows could not be unpacked.
    #[error("the rest of the archive is missing")]
    Missing,
}

/// Walks the entries of an archive.
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
    /// Whether more bytes would follow that could not be unpacked.
    cut: bool,
    /// Bytes of the last entry's padding, which is read with the next entry.
    padding: usize,
}

impl<'a> Entries<'a> {
    /// The entries of an archive of which these bytes are known; `cut` says that they are not all.
    pub(super) fn new(bytes: &'a [u8], cut: bool) -> Self {
        Self { bytes, cut, padding: 0 }
    }

    fn short(&self) -> Error {
        if self.cut { Error::Missing } else { Error::Truncated }
    }

    /// The next block, or none at the end.
    fn block(&mut self) -> Result<Option<&'a [u8; BLOCK]>, Error> {
        if self.bytes.is_empty() && !self.cut {
            return Ok(None);
        }
        let (block, rest) = self.bytes.split_first_chunk().ok_or(self.short())?;
        self.bytes = rest;
        Ok(Some(block))
    }

    /// The data of an entry. The padding behind it is left for later.
    fn data(&mut self, size: u64) -> Result<&'a [u8], Error> {
        let data = usize::try_from(size).ok().and_then(|size| self.bytes.split_at_checked(size));
        let Some((data, rest)) = data else {
            self.bytes = &[];
            return Err(self.short());
        };
        self.bytes = rest;
        self.padding = data.len().next_multiple_of(BLOCK) - data.len();
        Ok(data)
    }

    /// The data of a header that says something of the next entry.
    fn special(&mut self, header: &Header) -> Result<&'a [u8], Error> {
        let data = self.data(header.size);
        if header.size > MAX_SPECIAL {
            return Err(Error::Long);
        }
        data
    }

    /// Skips the padding of the last entry; none at the end of the archive.
    fn skip_padding(&mut self) -> Result<Option<()>, Error> {
        let padding = std::mem::take(&mut self.padding);
        match self.bytes.get(padding..) {
            Some(rest) => self.bytes = rest,
            None if self.cut => return Err(Error::Missing),
            // The padding of the last entry may be missing.
            None => return Ok(None),
        }
        Ok(Some(()))
    }

    fn entry(&mut self) -> Result<Option<Entry<'a>>, Error> {
        let mut long_name: Option<String> = None;
        let mut long_link: Option<String> = None;
        let mut pax: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        loop {
            if self.skip_padding()?.is_none() {
                return Ok(None);
            }
            let Some(block) = self.block()? else { return Ok(None) };
            if block.iter().all(|byte| *byte == 0) {
                // Two empty blocks are the end, whatever follows; so is one that nothing follows.
                return match self.block()? {
                    Some(block) if block.iter().any(|byte| *byte != 0) => Err(Error::Header),
                    _ => Ok(None),
                };
            }
            let mut header = Header::read(block)?;
            match header.kind {
                b'L' => long_name = Some(text(self.special(&header)?)),
                b'K' => long_link = Some(text(self.special(&header)?)),
                b'x' => pax = records(self.special(&header)?)?,
                b'g' => {
                    header.merge(&records(self.special(&header)?)?)?;
                    return Ok(Some(Entry { name: header.name, kind: Kind::Global, size: 0, data: Ok(&[]) }));
                }
                kind => {
                    header.merge(&pax)?;
                    let name = long_name.filter(|name| !name.is_empty()).unwrap_or(header.name);
                    let link = long_link.filter(|link| !link.is_empty()).unwrap_or(header.link);
                    if kind == b'S' || pax.keys().any(|key| key.starts_with(b"GNU.sparse.")) {
                        return Err(Error::Header);
                    }
                    let size = header.size;
                    let kind = match kind {
                        b'1' | b'2' => Kind::Link(link),
                        b'5' => Kind::Folder,
                        b'3' | b'4' | b'6' => Kind::Other,
                        // An old archive marks a folder by the slash at the end of its name.
                        0 if name.ends_with('/') => Kind::Folder,
                        _ => Kind::File,
                    };
                    // What is no file has no data, whatever its size says.
                    let data = if kind == Kind::File { self.data(size) } else { Ok::<&[u8], _>(&[]) };
                    let kind = if kind == Kind::File && header.mode_of_folder { Kind::Folder } else { kind };
                    return Ok(Some(Entry { name, kind, size, data }));
                }
            }
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entry().transpose()
    }
}

struct Header {
    name: String,
    link: String,
    kind: u8,
    size: u64,
    /// Whether the bits of the mode say that this is a folder.
    mode_of_folder: bool,
}

impl Header {
    fn read(block: &[u8; BLOCK]) -> Result<Self, Error> {
        let sum = octal(&block[148..156])?;
        let bytes = block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
        let unsigned: i64 = bytes.clone().map(i64::from).sum();
        let signed: i64 = bytes.map(|byte| i64::from(byte.cast_signed())).sum();
        if sum != unsigned && sum != signed {
            return Err(Error::Header);
        }
        let mut name = text(&block[..100]);
        // Go looks at these numbers, too, before it gives an entry.
        for field in [&block[108..116], &block[116..124], &block[136..148]] {
            number(field)?;
        }
        let (magic, version) = (&block[257..263], &block[263..265]);
        let posix = magic == b"ustar\0";
        let gnu = magic == b"ustar " && version == b" \0";
        if posix || gnu {
            number(&block[329..337])?;
            number(&block[337..345])?;
        }
        let mut prefix = String::new();
        if posix && &block[508..512] == b"tar\0" {
            prefix = text(&block[345..476]);
            number(&block[476..488])?;
            number(&block[488..500])?;
        } else if posix {
            prefix = text(&block[345..500]);
        } else if gnu {
            // GNU's archives have times there. Old versions of Go wrote a prefix all the same.
            let times = [&block[345..357], &block[357..369]];
            if times.into_iter().any(|field| !field.starts_with(b"\0") && number(field).is_err()) {
                prefix = Some(text(&block[345..500])).filter(|text| text.is_ascii()).unwrap_or_default();
            }
        }
        if !prefix.is_empty() {
            name = format!("{prefix}/{name}");
        }
        let mode = number(&block[100..108])?;
        Ok(Self {
            name,
            link: text(&block[157..257]),
            kind: block[156],
            size: u64::try_from(number(&block[124..136])?).map_err(|_| Error::Header)?,
            mode_of_folder: mode & !0o7777 == 0o40000,
        })
    }

    /// Takes over what records say. An empty value says nothing.
    fn merge(&mut self, records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), Error> {
        for (key, value) in records.iter().filter(|(_, value)| !value.is_empty()) {
            let value = String::from_utf8_lossy(value);
            let whole = |text: &str| text.parse::<i64>().map_err(|_| Error::Header);
            match key.as_slice() {
                b"path" => self.name = value.into_owned(),
                b"linkpath" => self.link = value.into_owned(),
                b"size" => self.size = u64::try_from(whole(&value)?).map_err(|_| Error::Header)?,
                b"uid" | b"gid" => {
                    whole(&value)?;
                }
                b"atime" | b"mtime" | b"ctime" => {
                    let (seconds, fraction) = value.split_once('.').unwrap_or((&value, ""));
                    whole(seconds)?;
                    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                        return Err(Error::Header);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The text up to the first zero.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// A number in octal digits, or in binary when the first bit is set.
fn number(field: &[u8]) -> Result<i64, Error> {
    let first = field.first().copied().unwrap_or_default();
    if first & 0x80 == 0 {
        return octal(field);
    }
    let negative = first & 0x40 != 0;
    let mut value: u64 = 0;
    for (at, byte) in field.iter().enumerate() {
        let byte = if negative { !byte } else { *byte };
        let byte = if at == 0 { byte & 0x7F } else { byte };
        if value >> 56 > 0 {
            return Err(Error::Header);
        }
        value = value << 8 | u64::from(byte);
    }
    let value = i64::try_from(value).map_err(|_| Error::Header)?;
    Ok(if negative { !value } else { value })
}

fn octal(field: &[u8]) -> Result<i64, Error> {
    let digits = String::from_utf8_lossy(field);
    let digits = text(digits.trim_matches([' ', '\0']).as_bytes());
    if digits.is_empty() {
        return Ok(0);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Header);
    }
    u64::from_str_radix(&digits, 8).map(u64::cast_signed).map_err(|_| Error::Header)
}

/// The records of a PAX header: `length key=value\n`.
fn records(mut bytes: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let blank = bytes.iter().position(|byte| *byte == b' ').ok_or(Error::Header)?;
        let digits = bytes.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok());
        let length = digits.and_then(|text| text.parse::<i64>().ok()).filter(|length| *length >= 5);
        let length = length.and_then(|length| usize::try_from(length).ok()).ok_or(Error::Header)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(Error::Header)?;
        bytes = rest;
        let record = record.get(blank + 1..).ok_or(Error::Header)?;
        let record = record.strip_suffix(b"\n").ok_or(Error::Header)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(Error::Header)?;
        let (key, value) = record.split_at(equals);
        let value = value.strip_prefix(b"=").ok_or(Error::Header)?;
        let checked = if matches!(key, b"path" | b"linkpath" | b"uname" | b"gname") { value } else { key };
        if key.is_empty() || checked.contains(&0) {
            return Err(Error::Header);
        }
        records.insert(key.to_vec(), value.to_vec());
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
        let entry = |entry: Entry<'_>| Ok((entry.name, entry.kind, entry.data?.len()));
        Entries::new(bytes, false).map(|found| entry(found?)).collect()
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
