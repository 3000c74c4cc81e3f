//! From a relative path to a descriptor, no link followed: by `openat2`, or step by step.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::{About, Kind, Refused, RootedFolder};

/// How paths are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Resolver {
    /// `openat2`, and step by step where the kernel refuses it.
    #[default]
    Kernel,
    /// One `openat` with `O_NOFOLLOW` for each name.
    StepByStep,
}

/// Set when the kernel has no `openat2`, or a seccomp profile forbids it: asking again would be in vain.
static NO_OPENAT2: AtomicBool = AtomicBool::new(false);

/// A handle of a folder that is only walked through.
const THROUGH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a root. Links are followed: whoever named the root decided on it. The folder above a plain name is the current one.
pub(crate) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(rustix::fs::open(path, THROUGH, Mode::empty())?)
}

impl RootedFolder {
    /// Opens `relative` with `flags`; nothing on the way and nothing at its end is a link that is followed.
    pub(crate) fn open_at(&self, relative: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let root = self.handle()?.as_fd();
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        let opened = match self.root.resolver {
            Resolver::Kernel if !NO_OPENAT2.load(Ordering::Relaxed) => {
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
                match rustix::fs::openat2(root, relative, flags, mode, resolve) {
                    Err(Errno::NOSYS) => {
                        NO_OPENAT2.store(true, Ordering::Relaxed);
                        step_by_step(root, relative, flags, mode)
                    }
                    // Older seccomp profiles answer EPERM to what they do not know; a lookup that raced asks to try again.
                    Err(Errno::PERM | Errno::AGAIN) => step_by_step(root, relative, flags, mode),
                    other => other,
                }
            }
            _ => step_by_step(root, relative, flags, mode),
        };
        opened.map_err(|errno| self.explain(relative, flags, errno))
    }

    /// The folder that holds `relative`, and its last name.
    pub(crate) fn holder<'p>(&self, relative: &'p Path) -> io::Result<(OwnedFd, &'p OsStr)> {
        let name = relative.file_name().ok_or_else(|| io::Error::from(Refused::outside(&self.path, relative)))?;
        let above = relative.parent().unwrap_or(Path::new(""));
        Ok((self.open_at(above, THROUGH, Mode::empty())?, name))
    }

    /// What lies at `relative` itself.
    pub(crate) fn stat_at(&self, relative: &Path) -> io::Result<About> {
        if relative.as_os_str().is_empty() {
            return Ok(About::new(rustix::fs::fstat(self.handle()?)?));
        }
        let (holder, name) = self.holder(relative)?;
        Ok(About::new(rustix::fs::statat(&holder, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Says of an error that a link or a special file is its cause. The walk looks only, so that it may be raced: the path
    /// was refused before.
    fn explain(&self, relative: &Path, flags: OFlags, errno: Errno) -> io::Error {
        let doubtful = [Errno::LOOP, Errno::NOTDIR, Errno::NXIO, Errno::ISDIR, Errno::XDEV, Errno::NODEV];
        if doubtful.contains(&errno)
            && let Some(refused) = self.obstacle(relative, flags.contains(OFlags::DIRECTORY))
        {
            return refused.into();
        }
        errno.into()
    }

    /// The first thing on the way to `relative` that is not what is needed there.
    fn obstacle(&self, relative: &Path, folder: bool) -> Option<Refused> {
        let root = self.handle().ok()?;
        let mut held: Option<OwnedFd> = None;
        let mut path = self.root.path.clone();
        let mut names = relative.components().peekable();
        while let Some(Component::Normal(name)) = names.next() {
            path.push(name);
            let at = held.as_ref().map_or(root.as_fd(), AsFd::as_fd);
            let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let (kind, is_last) = (About::new(stat).kind(), names.peek().is_none());
            match kind {
                Kind::Folder if is_last && !folder => return Some(Refused::file(&path, kind)),
                Kind::Folder => {}
                Kind::File if is_last && !folder => return None,
                // A file in place of a folder is the plain error that callers know.
                Kind::File => return None,
                _ if is_last && !folder => return Some(Refused::file(&path, kind)),
                _ => return Some(Refused::folder(&path, kind)),
            }
            let next = rustix::fs::openat(at, name, THROUGH | OFlags::NOFOLLOW, Mode::empty()).ok()?;
            held = Some(next);
        }
        None
    }
}

/// As `openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`, for paths of plain names.
fn step_by_step(root: BorrowedFd<'_>, relative: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let mut held: Option<OwnedFd> = None;
    let mut names = relative.components().peekable();
    while let Some(part) = names.next() {
        let name = match part {
            Component::Normal(name) => name,
            Component::CurDir => OsStr::new("."),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Errno::XDEV),
        };
        let at = held.as_ref().map_or(root, AsFd::as_fd);
        if names.peek().is_none() {
            return refuse_link(rustix::fs::openat(at, name, flags, mode)?, flags);
        }
        let next = rustix::fs::openat(at, name, THROUGH | OFlags::NOFOLLOW, Mode::empty())?;
        held = Some(next);
    }
    Err(Errno::INVAL)
}

/// With `O_PATH | O_NOFOLLOW`, `openat` gives a handle of the link itself where `openat2` refuses.
fn refuse_link(opened: OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    if flags.contains(OFlags::PATH) && About::new(rustix::fs::fstat(&opened)?).kind() == Kind::Link {
        return Err(Errno::LOOP);
    }
    Ok(opened)
}
