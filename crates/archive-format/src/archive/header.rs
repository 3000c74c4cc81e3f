//! Tar headers: USTAR as written by us, and everything that Go, GNU and POSIX writers produce, as read by us.
//!
//! Written headers are reproducible: mode 0644, owner 0:0 without names, and one fixed modification time. The time is
//! 1980-01-01 and not zero, because GNU tar calls the epoch implausible on every file.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

/// Tar's unit.
pub(super) const BLOCK: usize = 512;

/// Modification time of all entries, seconds since 1970: 1980-01-01T00:00:00Z.
pub(super) const MTIME: u64 = 315_532_800;

/// Mode of all entries.
pub(super) const MODE: u32 = 0o644;

/// Largest size that eleven octal digits hold.
const OCTAL_SIZE_MAX: u64 = 0o777_7777_7777;

/// Bytes between the end of `len` bytes of content and the next header.
pub(super) fn padding(len: u64) -> u64 {
    len.wrapping_neg() % BLOCK as u64
}

/// The header of a regular file: one block, preceded by a PAX extended header when USTAR cannot say it.
pub(super) fn encode(name: &str, size: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BLOCK);
    let split = split_name(name);
    let mut records = String::new();
    if split.is_none() {
        pax_record(&mut records, "path", name);
    }
    if size > OCTAL_SIZE_MAX {
        pax_record(&mut records, "size", &size.to_string());
    }
    if !records.is_empty() {
        // The name of the extended header itself is for readers that do not know it.
        bytes.extend_from_slice(&block("", "PaxHeaders.0/entry", b'x', records.len() as u64));
        bytes.extend_from_slice(records.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    let (prefix, name) = split.unwrap_or_else(|| ("", ascii_tail(name)));
    bytes.extend_from_slice(&block(prefix, name, b'0', if size > OCTAL_SIZE_MAX { 0 } else { size }));
    bytes
}

/// `(prefix, name)` of USTAR: the whole name when it has at most 100 bytes, else split at a `/`. `None` when USTAR
/// cannot hold it.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() || name.contains('\0') {
        return None;
    }
    if name.len() <= 100 {
        return Some(("", name));
    }
    // The split is at the last `/` that the prefix has room for, as Go's writer does.
    let head = name.get(..156).unwrap_or(name);
    let (prefix, rest) = name.split_at_checked(head.rfind('/').filter(|at| *at > 0)?)?;
    let rest = rest.strip_prefix('/')?;
    (!rest.is_empty() && rest.len() <= 100).then_some((prefix, rest))
}

fn ascii_tail(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    if base.is_ascii() && base.len() <= 100 { base } else { "entry" }
}

/// `"<length> <key>=<value>\n"`, where the length counts its own digits.
fn pax_record(records: &mut String, key: &str, value: &str) {
    use std::fmt::Write as _;
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() + rest != length {
        length += 1;
    }
    let _ = writeln!(records, "{length} {key}={value}");
}

fn block(prefix: &str, name: &str, kind: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        let place = block.get_mut(at..at + bytes.len()).expect("every field lies in the block");
        place.copy_from_slice(bytes);
    };
    put(0, name.as_bytes());
    put(100, format!("{MODE:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, format!("{MTIME:011o}\0").as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    put(345, prefix.as_bytes());
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// One header block as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawHeader {
    pub(super) name: Vec<u8>,
    pub(super) kind: u8,
    pub(super) size: u64,
    pub(super) mode: u32,
}

/// Reads a header block; `None` for the all-zero block that ends an archive.
pub(super) fn decode(block: &[u8; BLOCK]) -> Result<Option<RawHeader>, HeaderError> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let expected = number(&block[148..156]).ok_or(HeaderError::Number("checksum"))?;
    let others = || block[..148].iter().chain(&block[156..]);
    let unsigned: u64 = others().map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ');
    // Ancient writers summed signed bytes.
    let signed: i64 = others().map(|byte| i64::from(byte.cast_signed())).sum::<i64>() + 8 * i64::from(b' ');
    if expected != unsigned && i64::try_from(expected) != Ok(signed) {
        return Err(HeaderError::Checksum);
    }
    let mut name = Vec::new();
    if &block[257..265] == b"ustar\x0000" && block[345] != 0 {
        name.extend_from_slice(text(&block[345..500]));
        name.push(b'/');
    }
    name.extend_from_slice(text(&block[..100]));
    let size = number(&block[124..136]).ok_or(HeaderError::Number("size"))?;
    // A wrong mode is no reason to refuse what can be read.
    let mode = number(&block[100..108]).and_then(|mode| u32::try_from(mode).ok()).unwrap_or(MODE);
    Ok(Some(RawHeader { name, kind: block[156], size, mode }))
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A numeric field: octal digits between spaces and NULs, or big-endian base 256 when the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let (high, low) = rest.split_at(rest.len().saturating_sub(8));
        let fits = *first == 0x80 && high.iter().all(|byte| *byte == 0);
        return fits.then(|| low.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// What a PAX extended header says about the next entry.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct PaxRecords {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

/// Reads the records of a PAX extended header; unknown keys are skipped, an empty value takes a record back.
pub(super) fn decode_pax(mut bytes: &[u8]) -> Result<PaxRecords, HeaderError> {
    let mut records = PaxRecords::default();
    while bytes.first().is_some_and(|first| *first != 0) {
        let space = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or(HeaderError::Pax)?;
        let digits = bytes.get(..space).and_then(|digits| std::str::from_utf8(digits).ok());
        let length = digits.and_then(|text| text.parse::<usize>().ok());
        let length = length.filter(|length| *length > space + 1 && *length <= bytes.len()).ok_or(HeaderError::Pax)?;
        let (record, rest) = bytes.split_at(length);
        let record = record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or(HeaderError::Pax)?;
        let mut halves = record.splitn(2, |byte| *byte == b'=');
        let (Some(key), Some(value)) = (halves.next(), halves.next()) else { return Err(HeaderError::Pax) };
        match key {
            b"path" => records.path = (!value.is_empty()).then(|| value.to_vec()),
            b"size" if value.is_empty() => records.size = None,
            b"size" => {
                let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                records.size = Some(size.ok_or(HeaderError::Number("PAX size"))?);
            }
            _ => {}
        }
        bytes = rest;
    }
    Ok(records)
}

/// Why a block is no header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("header checksum does not match")]
    Checksum,
    #[error("header field `{0}` is no number")]
    Number(&'static str),
    #[error("malformed PAX extended header")]
    Pax,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(name: &str, size: u64) -> (Vec<u8>, u64) {
        let bytes = encode(name, size);
        let first = decode(bytes[..BLOCK].try_into().unwrap()).unwrap().unwrap();
        let mut pax = PaxRecords::default();
        if first.kind == b'x' {
            pax = decode_pax(&bytes[BLOCK..BLOCK + usize::try_from(first.size).unwrap()]).unwrap();
        }
        let last = decode(bytes[bytes.len() - BLOCK..].try_into().unwrap()).unwrap().unwrap();
        assert_eq!((last.kind, last.mode), (b'0', 0o644));
        (pax.path.unwrap_or(last.name), pax.size.unwrap_or(last.size))
    }

    #[test]
    fn names_and_sizes_survive() {
        let long = format!("{}/{}", "a/".repeat(40), "b".repeat(90));
        let longer = format!("working-dir/{}", "c".repeat(200));
        let pax_boundary = "é".repeat(44);
        let rows = [
            ("a", 0),
            (long.as_str(), 1),
            (longer.as_str(), OCTAL_SIZE_MAX),
            ("working-dir/ümlaut", OCTAL_SIZE_MAX + 1),
            (pax_boundary.as_str(), u64::MAX / 2),
        ];
        for (name, size) in rows {
            assert_eq!(round_trip(name, size), (name.as_bytes().to_vec(), size));
        }
    }

    #[test]
    fn ustar_is_used_whenever_it_can() {
        let hex = "a".repeat(64);
        let link = format!("docker/registry/v2/repositories/some/repository/_manifests/revisions/sha256/{hex}/link");
        assert_eq!(encode(&link, 71).len(), BLOCK);
        assert_eq!(encode(&format!("{}/x", "p".repeat(155)), 1).len(), BLOCK);
        assert_eq!(encode(&format!("{}/x", "p".repeat(156)), 1).len(), 3 * BLOCK);
        assert_eq!(encode("é", 1).len(), 3 * BLOCK);
    }

    #[test]
    fn numbers() {
        let mut base256 = [0_u8; 12];
        base256[0] = 0x80;
        base256[4..].copy_from_slice(&u64::MAX.to_be_bytes());
        let mut too_big = base256;
        too_big[3] = 1;
        let rows: [(&[u8], Option<u64>); 8] = [
            (b"00000000017\0", Some(15)),
            (b"         17 ", Some(15)),
            (b"            ", Some(0)),
            (b"77777777777\0", Some(OCTAL_SIZE_MAX)),
            (b"0000000008\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (&base256, Some(u64::MAX)),
            (&too_big, None),
        ];
        for (field, expected) in rows {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }

    #[test]
    fn pax_lies_are_errors() {
        for bytes in ["5 a=b", "99 path=x\n", "x path=a\n", "11 size=abc\n", "3 a\n", " a=b\n", "0 a=b\n"] {
            assert!(decode_pax(bytes.as_bytes()).is_err(), "{bytes}");
        }
        assert_eq!(decode_pax(b"").unwrap(), PaxRecords::default());
        assert_eq!(decode_pax(b"10 path=a\n8 path=\n").unwrap(), PaxRecords::default());
    }
}
