//! Tars that nobody vouches for: small on the wire, they may be huge unpacked, or made of nothing but names.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// What may stand in front of an entry, in bytes: long names and extended attributes. The library keeps all of it in memory,
/// whatever its size.
const MAX_HEADERS: u64 = 1 << 20;

/// How long a path may be, in bytes (`PATH_MAX` of Linux).
const MAX_PATH: u64 = 4096;

/// How much of a tar is read.
#[derive(Debug, Clone, Copy)]
pub struct TarLimits {
    /// How many entries.
    pub entries: u64,
    /// How many bytes, unpacked.
    pub bytes: u64,
}

impl TarLimits {
    /// For the layers of an image together: four million entries and 32 GiB, more than any has.
    pub const LAYER: Self = Self { entries: 4 << 20, bytes: 32 << 30 };
}

/// How much was read so far, of all tars that one [`TarLimits`] is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    entries: u64,
    bytes: u64,
}

/// A bound was reached. It comes inside an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} {what}")]
pub struct OverBound {
    /// The bound.
    pub limit: u64,
    /// What it bounds.
    pub what: &'static str,
}

impl OverBound {
    /// The bound that an error is about, however deep readers above have wrapped it.
    pub fn of(error: &io::Error) -> Option<Self> {
        let mut cause = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
        while let Some(inner) = cause {
            let nested = || inner.downcast_ref::<io::Error>().and_then(Self::of);
            if let Some(bound) = inner.downcast_ref::<Self>().cloned().or_else(nested) {
                return Some(bound);
            }
            cause = inner.source();
        }
        None
    }
}

fn over(limit: u64, what: &'static str) -> io::Error {
    io::Error::other(OverBound { limit, what })
}

/// Hands out every entry of a tar, and reads what follows the last one: a compressed stream has its checksum there. What was
/// `used` by earlier tars counts, so that many layers of one image have one bound together.
///
/// # Errors
/// Those of `each`; when the tar is damaged, cannot be read or goes over a bound.
pub fn each_entry<R: Read, E: From<io::Error>>(
    unpacked: R,
    limits: TarLimits,
    used: &mut Used,
    mut each: impl FnMut(&mut tar::Entry<'_, Bounded<R>>) -> Result<(), E>,
) -> Result<(), E> {
    let allowed = Rc::new(Cell::new(MAX_HEADERS));
    let bounded = Bounded { inner: unpacked, read: used.bytes, limits, allowed: Rc::clone(&allowed) };
    let mut archive = tar::Archive::new(bounded);
    let mut count = used.entries;
    for entry in archive.entries()? {
        let mut entry = entry?;
        count += 1;
        if count > limits.entries {
            return Err(over(limits.entries, "entries").into());
        }
        // A sparse file is as large as it likes; what lies in the tar is what the header says.
        let is_sparse = entry.header().entry_type().is_gnu_sparse();
        let content = if is_sparse { entry.header().entry_size()? } else { entry.size() };
        allowed.set(content.saturating_add(MAX_HEADERS));
        if entry.path_bytes().len() as u64 > MAX_PATH {
            return Err(over(MAX_PATH, "bytes of a path").into());
        }
        each(&mut entry)?;
    }
    allowed.set(u64::MAX);
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    *used = Used { entries: count, bytes: rest.read };
    Ok(())
}

/// A reader that fails behind its bounds.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    read: u64,
    limits: TarLimits,
    /// How much may be read until the next entry is there.
    allowed: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        if self.read > self.limits.bytes {
            return Err(over(self.limits.bytes, "bytes unpacked"));
        }
        let Some(allowed) = self.allowed.get().checked_sub(count as u64) else {
            return Err(over(MAX_HEADERS, "bytes of headers for one entry"));
        };
        self.allowed.set(allowed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use tar::EntryType;

    use super::*;

    /// A header and its content, as they stand in a tar.
    fn raw(kind: EntryType, name: &str, size: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(bytes.len() + usize::try_from(size.next_multiple_of(512)).unwrap(), b'x');
        bytes
    }

    /// The names in a tar, or why it is refused.
    #[track_caller]
    fn check(tar: &[u8], limits: TarLimits, expected: &str) {
        let mut names = Vec::new();
        let read = each_entry(tar, limits, &mut Used::default(), |entry| {
            names.push(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
            io::copy(entry, &mut io::sink()).map(drop)
        });
        let found = read.map_or_else(|error| error.to_string(), |()| names.join(" "));
        assert_eq!(found, expected);
    }

    #[test]
    fn bounds() {
        let all = TarLimits::LAYER;
        let file = |name: &str| raw(EntryType::Regular, name, 600);
        let end = vec![0; 1024];
        let two = [file("a"), file("b"), end.clone()].concat();
        check(&two, all, "a b");
        check(&two, TarLimits { entries: 1, ..all }, "more than 1 entries");
        check(&two, TarLimits { bytes: 2000, ..all }, "more than 2000 bytes unpacked");
        // The end counts as well, though nobody looks at it.
        check(&[file("a"), vec![0; 2 << 20]].concat(), all, "a");
        check(
            &[file("a"), vec![0; 2 << 20]].concat(),
            TarLimits { bytes: 1 << 20, ..all },
            "more than 1048576 bytes unpacked",
        );

        // Long names are read whole by the library; this program decides how long.
        let named = |kind: EntryType, length: u64| [raw(kind, "name", length), file("a"), end.clone()].concat();
        check(&named(EntryType::GNULongName, 300), all, &"x".repeat(300));
        check(&named(EntryType::GNULongName, 5000), all, "more than 4096 bytes of a path");
        for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
            check(&named(kind, 8 << 20), all, "more than 1048576 bytes of headers for one entry");
        }
        // What is passed over does not count as a name.
        let large = [raw(EntryType::Regular, "large", 8 << 20), file("a"), end].concat();
        let mut names = Vec::new();
        each_entry(&*large, all, &mut Used::default(), |entry| -> io::Result<()> {
            names.push(entry.size());
            Ok(())
        })
        .unwrap();
        assert_eq!(names, [8 << 20, 600]);
    }

    /// A sparse file that says it has exabytes has no room for more names than any other.
    #[test]
    fn sparse_files() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_path("sparse").unwrap();
        header.set_size(0);
        header.as_gnu_mut().unwrap().set_real_size(1 << 40);
        let hole = &mut header.as_gnu_mut().unwrap().sparse[0];
        hole.set_offset(1 << 40);
        hole.set_length(0);
        header.set_cksum();
        let long = raw(EntryType::GNULongName, "name", 8 << 20);
        let tar = [header.as_bytes().to_vec(), long, raw(EntryType::Regular, "a", 1)].concat();
        let read = each_entry(&*tar, TarLimits::LAYER, &mut Used::default(), |entry| {
            assert_eq!(entry.size(), 1 << 40);
            Ok::<(), io::Error>(())
        });
        assert_eq!(read.unwrap_err().to_string(), "more than 1048576 bytes of headers for one entry");
    }

    #[test]
    fn many_tars_have_one_bound_together() {
        let tar = raw(EntryType::Regular, "a", 512);
        let read = |limits: TarLimits, times: usize| {
            let mut used = Used::default();
            let tars = std::iter::repeat_n(&tar, times);
            let all = tars.map(|tar| each_entry(&tar[..], limits, &mut used, |_| Ok::<_, io::Error>(())));
            all.collect::<io::Result<Vec<()>>>().map_err(|error| error.to_string()).map(drop)
        };
        let entries = TarLimits { entries: 3, ..TarLimits::LAYER };
        assert_eq!(read(entries, 3), Ok(()));
        assert_eq!(read(entries, 4), Err("more than 3 entries".to_owned()));
        let bytes = TarLimits { bytes: 3 * tar.len() as u64, ..TarLimits::LAYER };
        assert_eq!(read(bytes, 3), Ok(()));
        assert_eq!(read(bytes, 4), Err(format!("more than {} bytes unpacked", 3 * tar.len())));
    }
}
