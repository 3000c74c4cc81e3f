//! Folders beneath the root: made, listed, renamed, removed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use crate::{About, Entry, Kind, Refused, RootedFolder};

/// Folders in each other that are removed at once. Each costs a descriptor or two, and a hostile tree has no end.
const DEEPEST: u32 = 128;

/// A folder that is listed.
const LISTED: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The mode of new folders; the caller's mask takes its bits away.
const NEW_FOLDER: Mode = Mode::from_raw_mode(0o777);

impl RootedFolder {
    /// Makes the root with the folders above it, where links are followed; not a folder below it.
    ///
    /// # Errors
    /// As [`std::fs::create_dir_all`].
    pub fn create_root(&self) -> io::Result<()> {
        if self.root.path.as_os_str().is_empty() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.root.path)
    }

    /// Makes a folder and those above it, the root included.
    ///
    /// # Errors
    /// As [`std::fs::create_dir_all`], and [`Refused`] where a link or a special file is in the way.
    pub fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        match self.open_folder(&relative) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other.map(drop),
        }
        self.create_root()?;
        let mut made = PathBuf::new();
        for part in relative.components() {
            let Component::Normal(name) = part else { continue };
            let above = self.open_folder(&made)?;
            made.push(name);
            match rustix::fs::mkdirat(&above, name, NEW_FOLDER) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        self.open_folder(&made).map(drop)
    }

    /// Makes one folder, in a folder that is there.
    ///
    /// # Errors
    /// As [`std::fs::create_dir`], and [`Refused`].
    pub fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        let (holder, name) = self.holder(&relative)?;
        Ok(rustix::fs::mkdirat(&holder, name, NEW_FOLDER)?)
    }

    /// A handle of a folder, only to walk through.
    fn open_folder(&self, relative: &Path) -> io::Result<OwnedFd> {
        self.open_at(relative, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
    }

    /// What lies in a folder, sorted by name.
    ///
    /// # Errors
    /// As [`std::fs::read_dir`], and [`Refused`].
    pub fn read_dir(&self, path: impl AsRef<Path>) -> io::Result<Vec<Entry>> {
        let relative = self.relative(path.as_ref())?;
        entries(&self.open_at(&relative, LISTED, Mode::empty())?)
    }

    /// Renames what is at `from`, a link itself and not what it leads to; what is at `to` is replaced likewise.
    ///
    /// # Errors
    /// As [`std::fs::rename`], and [`Refused`] where a link is on the way to one of them.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        let (from, to) = (self.relative(from.as_ref())?, self.relative(to.as_ref())?);
        let (from, from_name) = self.holder(&from)?;
        let (to, to_name) = self.holder(&to)?;
        Ok(rustix::fs::renameat(&from, from_name, &to, to_name)?)
    }

    /// Removes a file, a link itself, or a special file.
    ///
    /// # Errors
    /// As [`std::fs::remove_file`], and [`Refused`].
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        let (holder, name) = self.holder(&relative)?;
        Ok(rustix::fs::unlinkat(&holder, name, AtFlags::empty())?)
    }

    /// As [`RootedFolder::remove_file`], where there may be nothing to remove. Says whether there was.
    ///
    /// # Errors
    /// As [`RootedFolder::remove_file`], except when nothing lies there.
    pub fn remove_file_if_there(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        was_there(self.remove_file(path))
    }

    /// Sets when what lies at `path` was last written; of a link itself, not of what it leads to.
    ///
    /// # Errors
    /// As [`std::fs::File::set_modified`], and [`Refused`].
    pub fn set_modified(&self, path: impl AsRef<Path>, time: SystemTime) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let written = Timespec {
            tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: since.subsec_nanos().into(),
        };
        let untouched = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
        let times = Timestamps { last_access: untouched, last_modification: written };
        let (holder, name) = self.holder(&relative)?;
        Ok(rustix::fs::utimensat(&holder, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As [`std::fs::remove_dir`], and [`Refused`].
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        let (holder, name) = self.holder(&relative)?;
        Ok(rustix::fs::unlinkat(&holder, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes a folder and what is in it. Links in it are removed, and nothing is removed behind them; a link in its
    /// place is [`Refused`].
    ///
    /// # Errors
    /// As [`std::fs::remove_dir_all`]; [`Refused`].
    pub fn remove_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        let whole = self.shown(&relative);
        let (holder, name) = self.holder(&relative)?;
        let kind = About::new(rustix::fs::statat(&holder, name, AtFlags::SYMLINK_NOFOLLOW)?).kind();
        if !kind.is_dir() {
            return Err(Refused::folder(&whole, kind).into());
        }
        remove_tree(holder.as_fd(), name, &whole, DEEPEST)
    }

    /// As [`RootedFolder::remove_dir_all`], where there may be nothing to remove. Says whether there was.
    ///
    /// # Errors
    /// As [`RootedFolder::remove_dir_all`], except when nothing lies there.
    pub fn remove_dir_all_if_there(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        was_there(self.remove_dir_all(path))
    }

    /// Brings the names in a folder to disk.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_all`].
    pub fn sync_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let relative = self.relative(path.as_ref())?;
        Ok(rustix::fs::fsync(self.open_at(&relative, LISTED, Mode::empty())?)?)
    }
}

fn was_there(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn entries(folder: &OwnedFd) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut listing = Dir::read_from(folder)?;
    while let Some(entry) = listing.read() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match Kind::from(entry.file_type()) {
            // Some filesystems do not say.
            Kind::Unknown => match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => About::new(stat).kind(),
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            },
            kind => kind,
        };
        found.push(Entry { name: OsString::from(name), kind });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn remove_tree(holder: BorrowedFd<'_>, name: &OsStr, path: &Path, deeper: u32) -> io::Result<()> {
    let Some(deeper) = deeper.checked_sub(1) else { return Err(Refused::too_deep(path).into()) };
    let folder = rustix::fs::openat(holder, name, LISTED, Mode::empty())?;
    for entry in entries(&folder)? {
        if entry.kind.is_dir() {
            remove_tree(folder.as_fd(), &entry.name, &path.join(&entry.name), deeper)?;
        } else {
            match rustix::fs::unlinkat(&folder, entry.name.as_os_str(), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(rustix::fs::unlinkat(holder, name, AtFlags::REMOVEDIR)?)
}
