//! Putting a finished set of chunks in the place of the previous one.
//!
//! Chunks are written as `.mirror_000001.tar.partial`. When all are complete and on disk, the file `.mirror.commit`
//! with their number is written: from that moment the new set is the archive. Then the partials get their names, chunks
//! of the previous set that were not replaced go, and the commit file goes last. A run that is killed in between is
//! finished by the next writer; a reader meanwhile sees the new set under the partial names.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rooted_folder::RootedFolder;

const COMMIT: &str = ".mirror.commit";

/// The commit file while it is written.
const COMMIT_PARTIAL: &str = ".mirror.commit.partial";

/// Chunk numbers have six digits.
pub(super) const MOST_CHUNKS: u32 = 999_999;

/// The name of chunk `number`: `mirror_000001.tar` for 1.
pub fn archive_file_name(number: u32) -> String {
    format!("mirror_{number:06}.tar")
}

pub(super) fn partial_file_name(number: u32) -> String {
    format!(".mirror_{number:06}.tar.partial")
}

/// Whether a file in an archive's folder is taken for a chunk: `mirror_`, six digits and `.tar` at the end of its name.
/// Text in front is accepted, as upstream does; text behind (`.sha256`, `.part`) is not.
pub fn is_archive_name(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".tar") else { return false };
    let Some((start, digits)) = stem.len().checked_sub(6).and_then(|at| stem.split_at_checked(at)) else {
        return false;
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()) && start.ends_with("mirror_") && !name.starts_with('.')
}

/// The number in a chunk's name.
pub(super) fn chunk_number(name: &str) -> Option<u32> {
    let stem = name.strip_suffix(".tar").filter(|_| is_archive_name(name))?;
    stem.get(stem.len().checked_sub(6)?..)?.parse().ok()
}

/// A name that we gave ourselves: exactly `mirror_NNNNNN.tar`.
fn is_own_name(name: &str) -> bool {
    is_archive_name(name) && name.len() == "mirror_000001.tar".len()
}

fn partial_number(name: &str) -> Option<u32> {
    chunk_number(name.strip_prefix('.')?.strip_suffix(".partial")?)
}

/// Finishes what a killed run began: an announced replacement is completed, other partials are removed.
pub(super) fn recover(folder: &RootedFolder) -> io::Result<()> {
    match committed(folder, &names(folder)?)? {
        Some(count) => complete(folder, count),
        None => remove_partials(folder),
    }
}

/// Announces the new set of `count` chunks and puts it in place.
pub(super) fn commit(folder: &RootedFolder, count: u32, durable: bool) -> io::Result<()> {
    let mut file = folder.create(COMMIT_PARTIAL)?;
    file.write_all(format!("{count}\n").as_bytes())?;
    if durable {
        file.sync_all()?;
    }
    folder.rename(COMMIT_PARTIAL, COMMIT)?;
    if durable {
        folder.sync_dir("")?;
    }
    complete(folder, count)?;
    if durable {
        folder.sync_dir("")?;
    }
    Ok(())
}

fn complete(folder: &RootedFolder, count: u32) -> io::Result<()> {
    for number in 1..=count {
        match folder.rename(partial_file_name(number), archive_file_name(number)) {
            // Already renamed by the run that was killed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    for name in names(folder)?.into_iter().filter(|name| is_own_name(name)) {
        if chunk_number(&name).is_some_and(|number| number == 0 || number > count) {
            folder.remove_file(name)?;
        }
    }
    folder.remove_file(COMMIT)
}

pub(super) fn remove_partials(folder: &RootedFolder) -> io::Result<()> {
    for name in names(folder)? {
        if partial_number(&name).is_some() || name == COMMIT_PARTIAL {
            folder.remove_file(name)?;
        }
    }
    Ok(())
}

/// The number of chunks of an announced set, of a folder with these names. Every chunk of the set must be there: a number
/// that somebody else wrote must not remove chunks, and must not make this program count for hours.
fn committed(folder: &RootedFolder, names: &[String]) -> io::Result<Option<u32>> {
    let text = match folder.read_bounded(COMMIT, 64) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => String::new(),
        Err(error) => return Err(error),
    };
    let refused = |why: String| {
        let message = format!(
            "`{COMMIT}` is not what oc-mirror writes: {why}; compare the archive's files with what was sent, remove \
             `{COMMIT}`, and run again"
        );
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    let count = text.parse().ok().filter(|count| (1..=MOST_CHUNKS).contains(count));
    let count = count.ok_or_else(|| refused(format!("it holds no number from 1 to {MOST_CHUNKS}")))?;
    let is_there = |name: &str| names.binary_search_by(|one| one.as_str().cmp(name)).is_ok();
    let missing =
        (1..=count).find(|number| !is_there(&partial_file_name(*number)) && !is_there(&archive_file_name(*number)));
    if let Some(number) = missing {
        let name = archive_file_name(number);
        return Err(refused(format!("it says that the archive has {count} files, and `{name}` is missing")));
    }
    Ok(Some(count))
}

/// The chunks of an archive and the other names of its folder.
#[derive(Debug)]
pub(super) struct ChunkFiles {
    /// In lexical order of their final names.
    pub(super) chunks: Vec<(String, PathBuf)>,
    pub(super) foreign: Vec<String>,
    /// A replacement was announced and not completed: the hidden files that are read now. Empty when all have their names.
    pub(super) interrupted: Option<Vec<String>>,
}

/// Finds the chunks in `dir`, seeing an announced replacement as if it were complete.
pub(super) fn chunk_files(dir: &Path) -> io::Result<ChunkFiles> {
    let folder = RootedFolder::at(dir);
    let names = names(&folder)?;
    let count = committed(&folder, &names)?;
    let mut found = ChunkFiles { chunks: Vec::new(), foreign: Vec::new(), interrupted: count.map(|_| Vec::new()) };
    for name in &names {
        if let (Some(count), true) = (count, is_own_name(name)) {
            let number = chunk_number(name).unwrap_or(0);
            let superseded = number == 0 || number > count || names.binary_search(&partial_file_name(number)).is_ok();
            if superseded {
                continue;
            }
        }
        match (count, partial_number(name)) {
            (Some(count), Some(number)) if number <= count => {
                found.chunks.push((archive_file_name(number), dir.join(name)));
                found.interrupted.get_or_insert_default().push(name.clone());
            }
            _ if is_archive_name(name) => found.chunks.push((name.clone(), dir.join(name))),
            // Hidden names are ours or nobody's concern.
            _ if name.starts_with('.') => {}
            _ => found.foreign.push(name.clone()),
        }
    }
    found.chunks.sort();
    Ok(found)
}

/// Names in a folder that are no folders, sorted; none when there is no such folder.
fn names(folder: &RootedFolder) -> io::Result<Vec<String>> {
    let entries = match folder.read_dir("") {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let files = entries.iter().filter(|entry| !entry.kind().is_dir());
    Ok(files.filter_map(|entry| entry.text().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_chunks() {
        let rows = [
            ("mirror_000001.tar", true),
            ("mirror_999999.tar", true),
            ("site-a-mirror_000002.tar", true),
            ("mirror_00001.tar", false),
            ("mirror_0000001.tar", false),
            ("mirror_00000a.tar", false),
            ("mirror_000001.tar.gz", false),
            ("mirror_000001.tar.sha256", false),
            (".mirror_000001.tar.partial", false),
            ("mirror_000001", false),
            (".tar", false),
            ("é0001.tar", false),
        ];
        for (name, expected) in rows {
            assert_eq!(is_archive_name(name), expected, "{name}");
        }
    }
}
