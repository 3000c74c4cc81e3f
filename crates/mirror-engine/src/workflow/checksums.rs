//! `SHA256SUMS` beside an archive, for whoever carries it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use archive_format::is_archive_name;
use image_ref::{Algorithm, Hasher};
use mirror_job::workdir::write_whole;
use rooted_folder::RootedFolder;

/// The name that `sha256sum -c` is given.
const NAME: &str = "SHA256SUMS";

/// More than this is no list of sums of ours.
const LIMIT: u64 = 1024 * 1024;

/// Writes the sums of these files, which lie in `folder`. Gives the path.
///
/// # Errors
/// When a file cannot be read, or the sums cannot be written.
pub(super) fn write(folder: &Path, files: &[PathBuf]) -> io::Result<PathBuf> {
    let mut text = String::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (digest, _) = Hasher::of_reader(Algorithm::Sha256, &mut rooted_folder::open_regular(path)?)?;
        let _ = writeln!(text, "{}  {name}", digest.hex());
    }
    let path = folder.join(NAME);
    write_whole(&RootedFolder::at(folder), &path, text.as_bytes())?;
    Ok(path)
}

/// Removes the sums of an earlier archive. A file that names anything else is not ours, and stays.
///
/// # Errors
/// When they cannot be removed.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    let rooted = RootedFolder::at(folder);
    let Ok(text) = rooted.read_bounded(NAME, LIMIT) else { return Ok(()) };
    let text = String::from_utf8_lossy(&text);
    let is_ours = |line: &str| line.split_once("  ").is_some_and(|(_, name)| is_archive_name(name));
    if text.lines().all(is_ours) { rooted.remove_file(NAME) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_an_earlier_archive_go_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let chunk = folder.path().join("mirror_000001.tar");
        std::fs::write(&chunk, "x").unwrap();
        let path = write(folder.path(), &[chunk]).unwrap();
        let sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{sum}  mirror_000001.tar\n"));
        forget(folder.path()).unwrap();
        assert!(!path.exists());
        forget(folder.path()).unwrap();
        std::fs::write(&path, format!("{sum}  mine.txt\n")).unwrap();
        forget(folder.path()).unwrap();
        assert!(path.exists());
    }
}
