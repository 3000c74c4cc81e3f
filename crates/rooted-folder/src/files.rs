//! Reading and writing files beneath the root.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};

use crate::regular::{new_file, only_regular};
use crate::{About, RootedFolder};

/// Numbers of temporary names in this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How many taken temporary names are passed over: those of a killed run that had this process id.
const TRIES: u32 = 10_000;

impl RootedFolder {
    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// As [`File::open`], and [`crate::Refused`].
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.file(path.as_ref(), OFlags::RDONLY, Mode::empty())
    }

    /// Opens a regular file for reading and writing; makes an empty one where none is. What is in it stays.
    ///
    /// # Errors
    /// As [`RootedFolder::open`].
    pub fn open_or_create(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.file(path.as_ref(), OFlags::RDWR | OFlags::CREATE, new_file())
    }

    /// An empty regular file for writing: a new one, or the one that is there, emptied.
    ///
    /// # Errors
    /// As [`RootedFolder::open`].
    pub fn create(&self, path: impl AsRef<Path>) -> io::Result<File> {
        // Emptied only when it is known to be a regular file.
        let file = self.file(path.as_ref(), OFlags::RDWR | OFlags::CREATE, new_file())?;
        file.set_len(0)?;
        Ok(file)
    }

    /// A new file for writing.
    ///
    /// # Errors
    /// As [`File::create_new`]: anything of that name is in the way, a link too.
    pub fn create_new(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.file(path.as_ref(), OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, new_file())
    }

    /// As [`RootedFolder::create_new`], for its owner alone (mode 0600).
    ///
    /// # Errors
    /// As [`RootedFolder::create_new`].
    pub fn create_private(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.file(path.as_ref(), OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(0o600))
    }

    fn file(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
        let relative = self.relative(path)?;
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.open_at(&relative, flags, mode)?;
        only_regular(File::from(opened), &self.shown(&relative))
    }

    /// The whole content of a regular file.
    ///
    /// # Errors
    /// As [`std::fs::read`], and [`crate::Refused`].
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let mut file = self.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The whole content of a regular file of at most `most` bytes.
    ///
    /// # Errors
    /// As [`RootedFolder::read`]; [`io::ErrorKind::FileTooLarge`] when it is longer.
    pub fn read_bounded(&self, path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        self.open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            let message = format!("`{}` is longer than {most} bytes", self.path.join(path).display());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(bytes)
    }

    /// The whole content of a regular file, as text.
    ///
    /// # Errors
    /// As [`std::fs::read_to_string`], and [`crate::Refused`].
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Writes a file under its final name only when it is whole: to a new temporary name beside it, then renamed. A link
    /// of the final name is replaced, never followed. Missing folders are made. Mode 0644, less the caller's mask.
    ///
    /// # Errors
    /// When the disk refuses; the temporary file is removed.
    pub fn write_whole(&self, path: impl AsRef<Path>, content: &[u8]) -> io::Result<()> {
        self.replace(path.as_ref(), content, |above| self.create_temporary(above, ".tmp-"))
    }

    /// As [`RootedFolder::write_whole`], for its owner alone (mode 0600).
    ///
    /// # Errors
    /// As [`RootedFolder::write_whole`].
    pub fn write_whole_private(&self, path: impl AsRef<Path>, content: &[u8]) -> io::Result<()> {
        self.replace(path.as_ref(), content, |above| temporary(above, ".tmp-", |path| self.create_private(path)))
    }

    fn replace(
        &self,
        path: &Path,
        content: &[u8],
        temporary: impl Fn(&Path) -> io::Result<(PathBuf, File)>,
    ) -> io::Result<()> {
        let relative = self.relative(path)?;
        self.refuse_folder(&relative)?;
        let above = path.parent().unwrap_or(Path::new(""));
        self.create_dir_all(above)?;
        let (temporary, mut file) = temporary(above)?;
        let written = file.write_all(content);
        drop(file);
        written.and_then(|()| self.rename(&temporary, path)).inspect_err(|_| {
            // The error that is told is the first one.
            let _ = self.remove_file(&temporary);
        })
    }

    /// A rename cannot replace a folder; the operator learns what is in the way.
    fn refuse_folder(&self, relative: &Path) -> io::Result<()> {
        match self.stat_at(relative) {
            Ok(about) if about.kind().is_dir() => Err(crate::Refused::file(&self.shown(relative), about.kind()).into()),
            _ => Ok(()),
        }
    }

    /// A new empty file in `folder`, of a name that begins with `prefix`. Mode 0644, less the caller's mask. The caller renames or
    /// removes it.
    ///
    /// # Errors
    /// As [`RootedFolder::create_new`].
    pub fn create_temporary(&self, folder: impl AsRef<Path>, prefix: &str) -> io::Result<(PathBuf, File)> {
        temporary(folder.as_ref(), prefix, |path| {
            self.file(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(0o644))
        })
    }

    /// A new empty folder in `folder`, of a name that begins with `prefix`. The caller renames or removes it.
    ///
    /// # Errors
    /// As [`RootedFolder::create_dir`].
    pub fn create_temporary_dir(&self, folder: impl AsRef<Path>, prefix: &str) -> io::Result<PathBuf> {
        temporary(folder.as_ref(), prefix, |path| self.create_dir(path)).map(|(path, ())| path)
    }

    /// What lies at `path`, no link followed.
    ///
    /// # Errors
    /// As [`std::fs::symlink_metadata`].
    pub fn about(&self, path: impl AsRef<Path>) -> io::Result<About> {
        self.stat_at(&self.relative(path.as_ref())?)
    }

    /// Whether a regular file lies there.
    pub fn is_file(&self, path: impl AsRef<Path>) -> bool {
        self.about(path).is_ok_and(|about| about.kind().is_file())
    }

    /// Whether a folder lies there.
    pub fn is_dir(&self, path: impl AsRef<Path>) -> bool {
        self.about(path).is_ok_and(|about| about.kind().is_dir())
    }

    /// Whether anything lies there, a link that leads nowhere included.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.about(path).is_ok()
    }
}

fn temporary<T>(folder: &Path, prefix: &str, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(PathBuf, T)> {
    for _ in 0..TRIES {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{prefix}{}-{number}", std::process::id()));
        match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|made| (path, made)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
