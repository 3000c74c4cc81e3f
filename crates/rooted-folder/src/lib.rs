//! A folder and what lies beneath it, opened through one directory handle and without following links.
//!
//! A workspace, a cache or a medium was written by somebody else before this run. A link or a named pipe that lies in it
//! must not lead the run to other files of the operator, and must not make the run wait for ever.
//! [`RootedFolder`] opens its root once, and resolves every path below from that handle: with `openat2` and
//! `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS` where the kernel has it, else step by step with `O_NOFOLLOW`.
//!
//! - The root itself may be a link: the operator named it.
//! - Nothing beneath it may be a link that is followed, neither the file nor a folder on the way.
//! - Files are opened without waiting, and only regular files: no named pipe, no device, no socket.
//! - What is refused is a [`Refused`] inside the `io::Error`: it names the path, what lies there, and what to do.
//!
//! Paths are relative to the root, or begin with the root's own path; anything else, and `..`, is refused.
//!
//! ```
//! use rooted_folder::RootedFolder;
//!
//! # fn main() -> std::io::Result<()> {
//! # let scratch = tempfile::tempdir()?;
//! # let workspace = scratch.path();
//! let folder = RootedFolder::at(workspace);
//! folder.write_whole("logs/run.log", b"a line\n")?;
//! assert_eq!(folder.read(workspace.join("logs/run.log"))?, b"a line\n");
//! std::os::unix::fs::symlink("/etc/hosts", workspace.join("link"))?;
//! assert!(folder.read("link").is_err());
//! # Ok(())
//! # }
//! ```

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod entry;
mod files;
mod refused;
mod regular;
mod resolve;
mod tree;

pub use entry::{About, Entry, Kind};
pub use refused::{Refused, is_refused};
pub use regular::open_regular;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use self::resolve::Resolver;

/// A folder whose content is reached through one handle. Clones and views share the handle.
#[derive(Debug, Clone)]
pub struct RootedFolder {
    root: Arc<Root>,
    /// From the root to this folder; empty for the root itself.
    prefix: PathBuf,
    path: PathBuf,
}

#[derive(Debug)]
struct Root {
    path: PathBuf,
    /// Opened when first needed: a folder may be named before it is made.
    handle: OnceLock<OwnedFd>,
    resolver: Resolver,
}

impl RootedFolder {
    /// The folder at `path`, which need not exist yet. Touches nothing.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::with(path.into(), Resolver::default())
    }

    /// As [`RootedFolder::at`], resolving as on kernels without `openat2` (before Linux 5.6, and under some seccomp
    /// profiles). [`RootedFolder::at`] comes to the same by itself; this is for tests.
    pub fn step_by_step(path: impl Into<PathBuf>) -> Self {
        Self::with(path.into(), Resolver::StepByStep)
    }

    fn with(path: PathBuf, resolver: Resolver) -> Self {
        let root = Root { path: path.clone(), handle: OnceLock::new(), resolver };
        Self { root: Arc::new(root), prefix: PathBuf::new(), path }
    }

    /// A folder in this one, by its relative path or by one that begins with the path of this folder. It is reached through
    /// the same handle: unlike a root, it may not be a link. Touches nothing.
    #[must_use]
    pub fn below(&self, name: impl AsRef<Path>) -> Self {
        let name = name.as_ref();
        let name = name.strip_prefix(&self.path).unwrap_or(name);
        Self { root: Arc::clone(&self.root), prefix: self.prefix.join(name), path: self.path.join(name) }
    }

    /// Where it is, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root's handle.
    fn handle(&self) -> io::Result<&OwnedFd> {
        if let Some(handle) = self.root.handle.get() {
            return Ok(handle);
        }
        let opened = resolve::open_root(&self.root.path)?;
        Ok(self.root.handle.get_or_init(|| opened))
    }

    /// From the root to `path`, which is relative to this folder or begins with the path of this folder; made of plain
    /// names only, and empty for the root itself.
    fn relative(&self, path: &Path) -> io::Result<PathBuf> {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        let mut plain = PathBuf::new();
        for part in self.prefix.components().chain(below.components()) {
            match part {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(Refused::outside(&self.path, path).into());
                }
            }
        }
        Ok(plain)
    }

    /// A path relative to the root in the words of the operator.
    fn shown(&self, relative: &Path) -> PathBuf {
        self.root.path.join(relative)
    }
}
