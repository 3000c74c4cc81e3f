//! `internal/oc-mirror-version.json`: which oc-mirror wrote an archive (`docs/behaviour/operators-archive.md` 6.1).

use std::fmt;
use std::io;

use rooted_folder::RootedFolder;
use serde::{Deserialize, Serialize};

/// The file, below the working directory.
pub const VERSION_FILE: &str = "internal/oc-mirror-version.json";

/// The file holds two short texts.
const MOST_BYTES: u64 = 1024 * 1024;

/// The version that wrote an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionMetadata {
    /// Such as `v0.1.0`.
    #[serde(default)]
    pub git_version: String,
    /// The commit it was built from.
    #[serde(default)]
    pub git_commit: String,
}

impl VersionMetadata {
    /// The bytes of the file: JSON indented by two spaces.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings serialise")
    }

    /// Writes the file below `working_dir`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, working_dir: &RootedFolder) -> io::Result<()> {
        working_dir.write_whole(VERSION_FILE, self.to_json().as_bytes())
    }

    /// Compares this program with the version recorded in `working_dir`; `None` when they are the same. Never an error:
    /// a difference is worth a warning only.
    pub fn compare(&self, working_dir: &RootedFolder) -> Option<VersionWarning> {
        match working_dir.read_bounded(VERSION_FILE, MOST_BYTES) {
            Ok(bytes) => self.compare_json(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(VersionWarning::Missing),
            Err(error) => Some(VersionWarning::Unreadable(error.to_string())),
        }
    }

    /// As [`VersionMetadata::compare`], from the bytes of the file.
    pub fn compare_json(&self, bytes: &[u8]) -> Option<VersionWarning> {
        match serde_json::from_slice::<Self>(bytes) {
            Ok(archive) if archive == *self => None,
            Ok(archive) => Some(VersionWarning::Mismatch { archive, program: self.clone() }),
            Err(error) => Some(VersionWarning::Unreadable(error.to_string())),
        }
    }
}

/// What is worth saying about the version that wrote an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionWarning {
    /// The archive does not say.
    Missing,
    /// What it says cannot be read.
    Unreadable(String),
    /// Another version wrote it.
    Mismatch {
        /// Who wrote the archive.
        archive: VersionMetadata,
        /// Who reads it.
        program: VersionMetadata,
    },
}

impl fmt::Display for VersionWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "No oc-mirror version metadata found in this archive. It was made by an older oc-mirror; \
                 consider making it again with the version that reads it",
            ),
            Self::Unreadable(reason) => {
                write!(f, "oc-mirror version metadata of this archive cannot be read: {reason}")
            }
            Self::Mismatch { archive, program } => write!(
                f,
                "oc-mirror version mismatch: the archive was made by {} ({}), this is {} ({})",
                archive.git_version.escape_debug(),
                archive.git_commit.escape_debug(),
                program.git_version,
                program.git_commit
            ),
        }
    }
}
