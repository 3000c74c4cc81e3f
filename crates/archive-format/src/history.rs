//! Which blobs earlier archives carried: the files `.history-<time>` of a working directory
//! (`docs/behaviour/operators-archive.md` 6.5).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use image_ref::Digest;
use jiff::Timestamp;
use rooted_folder::RootedFolder;

use crate::archive::Archive;

/// The folder below the working directory.
pub const HISTORY_DIR: &str = ".history";

const PREFIX: &str = ".history-";

/// How many histories may be named after seconds that follow each other before one is replaced.
const MOST_IN_ONE_SECOND: i64 = 60;

/// A set of digests that earlier archives carried: manifests, configs, layers, signatures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The digests.
    pub digests: HashSet<Digest>,
    /// The file they were read from; `None` when there was none to read.
    pub file: Option<PathBuf>,
}

impl History {
    /// Reads the newest history of `working_dir` by the time in its name; with `before`, the newest strictly before that
    /// moment. None gives the empty set.
    ///
    /// # Errors
    /// When a name with the prefix has no time, or a file cannot be read.
    pub fn read(working_dir: &RootedFolder, before: Option<Timestamp>) -> Result<Self, HistoryError> {
        let newest = files(working_dir)?.into_iter().rfind(|(time, _)| before.is_none_or(|before| *time < before));
        let Some((_, path)) = newest else { return Ok(Self::default()) };
        Ok(Self { digests: read_file(working_dir, &path)?, file: Some(path) })
    }

    /// Which archive brought a blob first, by the time in the name of its history, of all blobs that histories of
    /// `working_dir` name.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn origins(working_dir: &RootedFolder) -> Result<HashMap<Digest, Timestamp>, HistoryError> {
        let mut origins = HashMap::new();
        for (time, path) in files(working_dir)? {
            for digest in read_file(working_dir, &path)? {
                origins.entry(digest).or_insert(time);
            }
        }
        Ok(origins)
    }

    /// As [`History::origins`], by the histories that travel in an archive. Names without a time are passed over.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn origins_in(archive: &Archive) -> Result<HashMap<Digest, Timestamp>, HistoryError> {
        let mut origins = HashMap::new();
        let mut found = Vec::new();
        for entry in archive.entries() {
            let time = entry.name.strip_prefix("working-dir/").and_then(|name| name.strip_prefix(HISTORY_DIR));
            let time = time.and_then(|name| name.strip_prefix('/')?.strip_prefix(PREFIX)?.parse::<Timestamp>().ok());
            found.extend(time.map(|time| (time, entry)));
        }
        found.sort_by_key(|(time, _)| *time);
        for (time, entry) in found {
            let path = Path::new(&entry.name);
            let reader =
                archive.open_entry(entry).map_err(|source| HistoryError::Io { path: path.to_owned(), source })?;
            for digest in parse(io::BufReader::new(reader)).map_err(|error| error.at(path))? {
                origins.entry(digest).or_insert(time);
            }
        }
        Ok(origins)
    }

    /// Whether an earlier archive carried this blob.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }

    /// Writes the history of an archive that is complete: this set and the blobs `added` to the archive, sorted, under
    /// the time `now` in whole seconds. Returns the file.
    ///
    /// A name that is taken stays as it is, and the next free second is used: archives carry earlier histories, and two
    /// of one name would take each other's place where an archive is loaded.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write<'d>(
        &'d self,
        working_dir: &RootedFolder,
        added: impl IntoIterator<Item = &'d Digest>,
        now: Timestamp,
    ) -> Result<PathBuf, HistoryError> {
        let dir = working_dir.path().join(HISTORY_DIR);
        let named = |second: i64| {
            let at = now.checked_add(jiff::SignedDuration::from_secs(second)).unwrap_or(now);
            dir.join(format!("{PREFIX}{}", at.strftime("%Y-%m-%dT%H:%M:%SZ")))
        };
        let free = (0..MOST_IN_ONE_SECOND).map(named).find(|path| !working_dir.exists(path));
        let path = free.unwrap_or_else(|| named(0));
        // The temporary name has no prefix, so that a killed run leaves nothing that is read as a history.
        let temporary = dir.join(".partial");
        let union: BTreeSet<&Digest> = self.digests.iter().chain(added).collect();
        let write = || {
            working_dir.create_dir_all(HISTORY_DIR)?;
            let mut file = io::BufWriter::new(working_dir.create(&temporary)?);
            for digest in union {
                writeln!(file, "{digest}")?;
            }
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            working_dir.rename(&temporary, &path)?;
            working_dir.sync_dir(HISTORY_DIR)
        };
        match write() {
            Ok(()) => Ok(path),
            Err(source) => Err(HistoryError::Io { path, source }),
        }
    }
}

/// The histories of a working directory, oldest first.
fn files(working_dir: &RootedFolder) -> Result<Vec<(Timestamp, PathBuf)>, HistoryError> {
    let dir = working_dir.path().join(HISTORY_DIR);
    let entries = match working_dir.read_dir(HISTORY_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(HistoryError::Io { path: dir, source }),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = dir.join(entry.name());
        let name = entry.name().to_string_lossy();
        let Some(time) = name.strip_prefix(PREFIX) else { continue };
        let time: Timestamp = time.parse().map_err(|_| HistoryError::Time { path: path.clone() })?;
        files.push((time, path));
    }
    files.sort();
    Ok(files)
}

fn read_file(working_dir: &RootedFolder, path: &Path) -> Result<HashSet<Digest>, HistoryError> {
    let file = working_dir.open(path).map_err(|source| HistoryError::Io { path: path.to_owned(), source })?;
    parse(io::BufReader::new(file)).map_err(|error| error.at(path))
}

/// Reads the lines of a history: one digest each; empty lines are skipped.
///
/// # Errors
/// [`HistoryLineError`] for a line that is no digest, with its number.
pub fn parse(reader: impl io::BufRead) -> Result<HashSet<Digest>, HistoryLineError> {
    let mut digests = HashSet::new();
    // A digest has at most 135 bytes; a "line" of gigabytes must not become a string of gigabytes.
    let mut reader = reader;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let count = io::Read::take(&mut reader, 1024).read_until(b'\n', &mut line).map_err(HistoryLineError::Io)?;
        if count == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            let digest = text.parse().map_err(|_| HistoryLineError::Line { number, text: text.to_owned() })?;
            digests.insert(digest);
        }
    }
    Ok(digests)
}

/// Why the lines of a history cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum HistoryLineError {
    #[error("line {number}: `{text}` is no digest, expected `sha256:` and 64 hex digits")]
    Line { number: u64, text: String },
    #[error(transparent)]
    Io(io::Error),
}

impl HistoryLineError {
    fn at(self, path: &Path) -> HistoryError {
        HistoryError::Lines { path: path.to_owned(), reason: self }
    }
}

/// Why the history of a working directory cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum HistoryError {
    #[error("unable to read history metadata from working-dir : `{}` has no time in its name, expected `.history-2026-08-21T10:11:12Z`", path.display())]
    Time { path: PathBuf },
    #[error("unable to read history metadata from working-dir : `{}`: {reason}", path.display())]
    Lines { path: PathBuf, reason: HistoryLineError },
    #[error("cannot use the history `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
}
