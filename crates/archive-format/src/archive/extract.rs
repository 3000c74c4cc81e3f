//! Taking the working directory out of an archive. Layers stay where they are.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

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

impl Archive {
    /// Writes the entries below `working-dir/` under `parent`, the folder that holds the working directory.
    ///
    /// Regular files only, each through a temporary file and a rename, so that an existing file is replaced whole and a
    /// symbolic link of that name is replaced and not followed. New files get mode 0600, 0640, 0644, … as their header
    /// says, never an execute, write-for-others or set-id bit; existing files keep their mode.
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
            targets.push((entry, confine(parent, &entry.name)?));
        }
        let mut extracted = Extracted::default();
        for (entry, path) in targets {
            let failed = |source| ArchiveError::Extract { path: path.clone(), source };
            let temporary = temporary_name(&path);
            let written = self.open_entry(entry).and_then(|mut reader| write_file(&temporary, &mut reader));
            let written = written.and_then(|bytes| {
                fs::set_permissions(&temporary, Permissions::from_mode(mode_of(&path, entry.mode)))?;
                fs::rename(&temporary, &path)?;
                Ok(bytes)
            });
            extracted.bytes += written.map_err(|source| {
                let _ = fs::remove_file(&temporary);
                failed(source)
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

fn write_file(path: &Path, reader: &mut impl io::Read) -> io::Result<u64> {
    let create = || {
        // A link left under the temporary name must not be followed.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        File::create_new(path)
    };
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().expect("confined paths have a parent"))?;
            create()?
        }
        other => other?,
    };
    io::copy(reader, &mut file)
}

fn mode_of(path: &Path, stated: u32) -> u32 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => meta.permissions().mode() & 0o777,
        _ => stated & 0o644 | 0o600,
    }
}
