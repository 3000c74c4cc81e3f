//! What lies at a path: kinds, sizes, modes.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Stat};

/// What lies at a path, no link followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    File,
    Folder,
    Link,
    Pipe,
    Socket,
    Device,
    Unknown,
}

impl Kind {
    /// A regular file.
    pub fn is_file(self) -> bool {
        self == Self::File
    }

    /// A folder.
    pub fn is_dir(self) -> bool {
        self == Self::Folder
    }

    /// A symbolic link.
    pub fn is_symlink(self) -> bool {
        self == Self::Link
    }
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Pipe,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice | FileType::BlockDevice => Self::Device,
            FileType::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a symbolic link",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Unknown => "neither file nor folder",
        })
    }
}

/// What the filesystem says of a path, no link followed.
#[derive(Debug, Clone, Copy)]
pub struct About(Stat);

impl About {
    pub(crate) fn new(stat: Stat) -> Self {
        Self(stat)
    }

    /// What lies there.
    pub fn kind(&self) -> Kind {
        FileType::from_raw_mode(self.0.st_mode).into()
    }

    /// Bytes of a file.
    #[expect(clippy::len_without_is_empty, reason = "a number of bytes, as of `std::fs::Metadata`")]
    pub fn len(&self) -> u64 {
        u64::try_from(self.0.st_size).unwrap_or(0)
    }

    /// Permission bits, with set-id and sticky bits.
    pub fn mode(&self) -> u32 {
        self.0.st_mode & 0o7777
    }

    /// User id of the owner.
    pub fn owner(&self) -> u32 {
        self.0.st_uid
    }

    /// When the content was last written.
    pub fn modified(&self) -> SystemTime {
        let seconds = Duration::from_secs(u64::try_from(self.0.st_mtime).unwrap_or(0));
        let rest = Duration::from_nanos(self.0.st_mtime_nsec);
        SystemTime::UNIX_EPOCH + seconds + rest
    }
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub(crate) name: OsString,
    pub(crate) kind: Kind,
}

impl Entry {
    /// The name, without its folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The name when it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.name.to_str()
    }

    /// What lies there.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
