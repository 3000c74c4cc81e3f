//! One run per cache and one per workspace: exclusive lock files that say who holds them.
//!
//! The lock is the kernel's (`flock`), so it ends with the process that holds it, however that ends. The text in the
//! file only informs the run that is refused; a stale text locks nothing.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rooted_folder::RootedFolder;
use rustix::io::Errno;

/// Who holds a lock, as written into the lock file: `key: value` lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Holder {
    /// Process id, 0 when unknown.
    pub pid: u32,
    /// What was started, such as `mirror-to-disk`. Empty when unknown.
    pub command: String,
    /// When, in the caller's words, normally RFC 3339. Empty when unknown.
    pub started: String,
}

impl Holder {
    /// This process, with the words of the caller, who knows the command line and the clock.
    pub fn this_process(command: impl Into<String>, started: impl Into<String>) -> Self {
        Self { pid: std::process::id(), command: command.into(), started: started.into() }
    }

    fn parse(text: &str) -> Self {
        let mut holder = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(": ")) {
            match key {
                "pid" => holder.pid = value.parse().unwrap_or(0),
                "command" => value.clone_into(&mut holder.command),
                "started" => value.clone_into(&mut holder.started),
                _ => {}
            }
        }
        holder
    }

    fn to_text(&self) -> String {
        let line = |text: &str| text.replace(['\n', '\r'], " ");
        format!("pid: {}\ncommand: {}\nstarted: {}\n", self.pid, line(&self.command), line(&self.started))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => write!(f, "another process")?,
            pid => write!(f, "process {pid}")?,
        }
        if !self.command.is_empty() {
            write!(f, " (`{}`)", self.command)?;
        }
        if !self.started.is_empty() {
            write!(f, " since {}", self.started.escape_debug())?;
        }
        Ok(())
    }
}

/// A held lock file. Dropping it, or the end of the process, gives the lock back.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
    file: File,
    guarded: bool,
}

impl LockFile {
    /// Takes the exclusive lock `name` in `folder` without waiting and writes `holder` into it. The folder is made.
    ///
    /// # Errors
    /// [`LockError::Locked`] when another run holds the lock. [`LockError::Io`] when the file cannot be made or written, and
    /// when a link or a special file lies in its place.
    pub fn acquire(folder: &RootedFolder, name: &str, holder: &Holder) -> Result<Self, LockError> {
        let path = folder.path().join(name);
        let failed = |source| LockError::Io { path: path.clone(), source };
        folder.create_dir_all("").map_err(failed)?;
        let mut file = folder.open_or_create(name).map_err(failed)?;
        let guarded = match file.try_lock() {
            Ok(()) => true,
            // Some network filesystems have no locks; a run alone there should not be refused.
            Err(TryLockError::Error(source)) if has_no_locks(&source) => false,
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Whatever can be read helps; a lock is reported even when its holder cannot be.
                let _ = (&file).take(4096).read_to_string(&mut text);
                return Err(LockError::Locked { path, holder: Holder::parse(&text) });
            }
        };
        file.set_len(0).and_then(|()| file.write_all(holder.to_text().as_bytes())).map_err(failed)?;
        Ok(Self { path, file, guarded })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the filesystem really excludes others. `false` on filesystems without locks.
    pub fn is_guarded(&self) -> bool {
        self.guarded
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // The file stays: removing it would let a third run lock a new file while a second still waits on this one.
        let _ = self.file.rewind().and_then(|()| self.file.set_len(0));
    }
}

/// Whether this is the answer of a filesystem that cannot lock: it knows no locks, or the server that should keep them has
/// nobody who does (`ENOLCK`, as on NFS without its lock manager).
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || Errno::from_io_error(error) == Some(Errno::NOLCK)
}

/// The lock of a workspace: one run per working directory.
#[derive(Debug)]
pub struct WorkspaceLock(LockFile);

impl WorkspaceLock {
    /// Takes the lock of `working_dir`. The lock file lies beside it (`.working-dir.lock` for `working-dir`), so that
    /// it never travels in an archive.
    ///
    /// # Errors
    /// As [`LockFile::acquire`].
    pub fn acquire(working_dir: &Path, holder: &Holder) -> Result<Self, LockError> {
        let name = working_dir.file_name().map_or_else(|| "working-dir".into(), |name| name.to_string_lossy());
        let folder = RootedFolder::at(working_dir.parent().unwrap_or(working_dir));
        LockFile::acquire(&folder, &format!(".{name}.lock"), holder).map(Self)
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum LockError {
    #[error("`{}` is locked by {holder}: wait for that run to end, or use another directory", path.display())]
    Locked { path: PathBuf, holder: Holder },
    #[error("cannot take the lock `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let working_dir = dir.path().join("working-dir");
        let holder = Holder::this_process("mirror-to-disk -c isc.yaml", "2026-08-21T10:11:12Z");
        let first = WorkspaceLock::acquire(&working_dir, &holder).unwrap();
        assert_eq!(first.path(), dir.path().join(".working-dir.lock"));
        let Err(LockError::Locked { holder: seen, .. }) = WorkspaceLock::acquire(&working_dir, &Holder::default())
        else {
            panic!("a second lock must be refused")
        };
        assert_eq!(seen, holder);
        insta::assert_snapshot!(
            LockError::Locked { path: "/w/.working-dir.lock".into(), holder: Holder { pid: 7, ..seen } },
            @"`/w/.working-dir.lock` is locked by process 7 (`mirror-to-disk -c isc.yaml`) since 2026-08-21T10:11:12Z: wait for that run to end, or use another directory"
        );
        drop(first);
        WorkspaceLock::acquire(&working_dir, &Holder::default()).unwrap();
    }

    #[test]
    fn a_link_in_its_place_is_refused_and_its_target_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (target, lock) = (dir.path().join("target"), dir.path().join(".working-dir.lock"));
        std::fs::write(&target, "mine").unwrap();
        for target in [target.clone(), dir.path().join("nowhere"), dir.path().to_owned()] {
            std::os::unix::fs::symlink(&target, &lock).unwrap();
            let error = WorkspaceLock::acquire(&dir.path().join("working-dir"), &Holder::default()).unwrap_err();
            let LockError::Io { source, .. } = error else { panic!("{error:?}") };
            assert!(rooted_folder::is_refused(&source), "{source:?}");
            std::fs::remove_file(&lock).unwrap();
        }
        assert_eq!(std::fs::read_to_string(target).unwrap(), "mine");
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn filesystems_without_locks() {
        let check = |errno: Errno, expected: bool| assert_eq!(has_no_locks(&errno.into()), expected, "{errno}");
        check(Errno::NOLCK, true);
        check(Errno::OPNOTSUPP, true);
        check(Errno::NOSYS, true);
        check(Errno::AGAIN, false);
        check(Errno::ACCESS, false);
        check(Errno::IO, false);
    }

    #[test]
    fn unknown_holders_are_still_named() {
        assert_eq!(Holder::parse("garbage").to_string(), "another process");
        assert_eq!(Holder::parse("pid: x\ncommand: a\n").to_string(), "another process (`a`)");
    }
}
