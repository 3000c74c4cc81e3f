//! Taking the working directory out of an archive. Layers stay where they are.

use std::fs::{File, Permissions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rooted_folder::RootedFolder;

use super::{Archive, ArchiveError, confine};

/// What [`Archive::extract_working_dir`] wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extracted {
    /// Files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What is looked at for holes at once. Filesystems have holes of 4 KiB and more.
const BLOCK: usize = 64 * 1024;

impl Archive {
    /// Writes the entries below `working-dir/` under `parent`, the folder that holds the working directory.
    ///
    /// Regular files only, each through a temporary file and a rename, so that an existing file is replaced whole and a
    /// symbolic link of that name is replaced and not followed. A link in the place of a folder is an error. New files get
    /// mode 0600, 0640, 0644, … as their header says, never an execute, write-for-others or set-id bit; existing files keep
    /// their mode. Zeros become holes, so that an entry that takes no room on the medium takes none here.
    ///
    /// # Errors
    /// [`ArchiveError::Tainted`] before anything is written when a name leads out of `parent`;
    /// [`ArchiveError::Extract`] when the disk refuses.
    pub fn extract_working_dir(&self, parent: &Path) -> Result<Extracted, ArchiveError> {
        self.extract_if(parent, |_| true)
    }

    /// As [`Archive::extract_working_dir`], for those entries whose name (`working-dir/…`) is `wanted`.
    ///
    /// # Errors
    /// As [`Archive::extract_working_dir`].
    pub fn extract_if(&self, parent: &Path, wanted: impl Fn(&str) -> bool) -> Result<Extracted, ArchiveError> {
        let chosen =
            self.entries().iter().filter(|entry| entry.name.starts_with("working-dir/") && wanted(&entry.name));
        let mut targets = Vec::new();
        for entry in chosen {
            confine(parent, &entry.name)?;
            targets.push(entry);
        }
        let folder = RootedFolder::at(parent);
        let mut extracted = Extracted::default();
        for entry in targets {
            let path = Path::new(&entry.name);
            let temporary = temporary_name(path);
            let written = self.open_entry(entry).and_then(|mut reader| {
                let file = create(&folder, &temporary)?;
                let bytes = copy_with_holes(&mut reader, &file)?;
                file.set_permissions(Permissions::from_mode(mode_of(&folder, path, entry.mode)))?;
                folder.rename(&temporary, path)?;
                Ok(bytes)
            });
            extracted.bytes += written.map_err(|source| {
                let _ = folder.remove_file(&temporary);
                ArchiveError::Extract { path: parent.join(path), source }
            })?;
            extracted.files += 1;
        }
        Ok(extracted)
    }
}

/// Beside its final name, in a form that no entry of ours has.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Names may be as long as the filesystem allows; the temporary one must not be longer.
    if name.len() > 200 {
        name = "long".into();
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".oc-mirror-partial");
    path.with_file_name(hidden)
}

/// A new file in the place of what a killed run left, or of a link of that name.
fn create(folder: &RootedFolder, path: &Path) -> io::Result<File> {
    folder.remove_file_if_there(path)?;
    match folder.create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            folder.create_dir_all(path.parent().expect("names begin with `working-dir/`"))?;
            folder.create_new(path)
        }
        other => other,
    }
}

/// Copies what is left of `reader` to the start of a new file, and says how many bytes that are.
fn copy_with_holes(reader: &mut impl Read, mut file: &File) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let mut length = 0_u64;
    loop {
        let count = fill(reader, &mut block)?;
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        if bytes.iter().all(|byte| *byte == 0) {
            file.seek(SeekFrom::Current(i64::try_from(count).expect("a block is small")))?;
        } else {
            file.write_all(bytes)?;
        }
        length += count as u64;
    }
    file.set_len(length)?;
    Ok(length)
}

/// Reads until the block is full or the reader is at its end.
fn fill(reader: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = block.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn mode_of(folder: &RootedFolder, path: &Path, stated: u32) -> u32 {
    match folder.about(path) {
        Ok(about) if about.kind().is_file() => about.mode() & 0o777,
        _ => stated & 0o644 | 0o600,
    }
}
