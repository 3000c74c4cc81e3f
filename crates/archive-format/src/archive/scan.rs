//! Reading the headers of one chunk, stepping over the content.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::header::{self, BLOCK, HeaderError, PaxRecords};

/// Longest name, and longest extended header, that is read into memory.
const EXTENSION_LIMIT: u64 = 1024 * 1024;

/// Longest name in bytes: no filesystem of ours takes a longer path.
const NAME_LIMIT: usize = 4096;

/// How much is read at once around a header. Small entries lie close together.
const WINDOW: usize = 64 * 1024;

/// One entry of a chunk as its headers describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScannedEntry {
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) mode: u32,
    /// Where the content begins, bytes from the start of the chunk.
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// Steps from header to header.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    file: &'a File,
    len: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
    ended: Option<End>,
}

/// How a chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With the zero blocks that say so.
    Marked,
    /// At the end of the file after a whole entry: readable, but perhaps cut.
    Unmarked,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(file: &'a File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len, position: 0, window: Vec::new(), window_start: 0, ended: None })
    }

    /// How the chunk ended, once [`Scanner::next_entry`] gave `None`.
    pub(super) fn end(&self) -> Option<End> {
        self.ended
    }

    /// The next entry, with GNU and PAX extensions applied; `None` at the end.
    pub(super) fn next_entry(&mut self) -> Result<Option<ScannedEntry>, ScanError> {
        let mut long_name: Option<Vec<u8>> = None;
        let mut pax = PaxRecords::default();
        loop {
            let at = self.position;
            if at == self.len {
                if long_name.is_some() || pax != PaxRecords::default() {
                    return Err(ScanError::Truncated { at });
                }
                self.ended = Some(End::Unmarked);
                return Ok(None);
            }
            if self.len - at < BLOCK as u64 {
                return Err(ScanError::Truncated { at });
            }
            let mut block = [0; BLOCK];
            self.read_at(&mut block, at)?;
            let Some(raw) = header::decode(&block).map_err(|source| ScanError::Header { at, source })? else {
                self.ended = Some(End::Marked);
                return Ok(None);
            };
            let content = at + BLOCK as u64;
            let is_extension = matches!(raw.kind, b'x' | b'g' | b'L' | b'K');
            // A PAX size belongs to the entry, not to further extensions of it. Links and folders carry a size in
            // some writers and never content.
            let len = match raw.kind {
                _ if is_extension => raw.size,
                b'1'..=b'6' => 0,
                _ => pax.size.unwrap_or(raw.size),
            };
            let end = content.checked_add(len).filter(|end| *end <= self.len).ok_or(ScanError::Truncated { at })?;
            // Writers leave the padding of the last entry out; what is cut there is no content.
            self.position = end.saturating_add(header::padding(len)).min(self.len);
            if is_extension {
                if len > EXTENSION_LIMIT {
                    return Err(ScanError::Extension { at, len });
                }
                let mut bytes = vec![0; usize::try_from(len).expect("limited")];
                self.read_at(&mut bytes, content)?;
                match raw.kind {
                    b'x' => pax = header::decode_pax(&bytes).map_err(|source| ScanError::Header { at, source })?,
                    b'L' => {
                        bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
                        long_name = Some(bytes);
                    }
                    // Link targets are never followed, and global records name no entry.
                    _ => {}
                }
                continue;
            }
            let name = pax.path.take().or(long_name).unwrap_or(raw.name);
            if name.len() > NAME_LIMIT {
                return Err(ScanError::Name { at, len: name.len() });
            }
            let name = String::from_utf8(name).unwrap_or_else(|error| {
                // Lossy names fit no place of ours; they are shown and skipped.
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            });
            return Ok(Some(ScannedEntry { name, kind: raw.kind, mode: raw.mode, offset: content, len }));
        }
    }

    /// Reads exactly, through the window.
    pub(super) fn read_at(&mut self, target: &mut [u8], at: u64) -> Result<(), ScanError> {
        let inside = |start: u64, window: &[u8]| {
            let skip = usize::try_from(at.checked_sub(start)?).ok()?;
            let end = skip.checked_add(target.len())?;
            (end <= window.len()).then_some(skip..end)
        };
        if inside(self.window_start, &self.window).is_none() {
            let wanted = target.len().max(WINDOW) as u64;
            let available = usize::try_from(wanted.min(self.len.saturating_sub(at))).expect("at most a window");
            self.window.resize(available, 0);
            self.window_start = at;
            if let Err(source) = self.file.read_exact_at(&mut self.window, at) {
                self.window.clear();
                return Err(ScanError::Io { at, source });
            }
        }
        let place = inside(self.window_start, &self.window).and_then(|place| self.window.get(place));
        target.copy_from_slice(place.ok_or(ScanError::Truncated { at })?);
        Ok(())
    }
}

/// Why a chunk cannot be read on. Offsets are bytes from its start.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    #[error("truncated at byte {at}: the entry there is not complete")]
    Truncated { at: u64 },
    #[error("{}byte {at}: {source}", if *at == 0 { "this is no tar file: " } else { "" })]
    Header { at: u64, source: HeaderError },
    #[error("byte {at}: an extended header of {len} bytes is not accepted")]
    Extension { at: u64, len: u64 },
    #[error("byte {at}: a name of {len} bytes is not accepted")]
    Name { at: u64, len: usize },
    #[error("byte {at}: {source}")]
    Io { at: u64, source: io::Error },
}
