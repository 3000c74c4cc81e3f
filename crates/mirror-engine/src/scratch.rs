//! What a run without a cache cannot do without: catalogs and release payloads while they are read, and what is built of
//! them. It lies beside the archive, never in it, and goes away with the run.

use std::io;
use std::path::{Path, PathBuf};

use archive_format::{Holder, Store, StoreError};

/// Hidden, so that nobody takes it for a part of the archive.
const NAME: &str = ".oc-mirror-scratch";

/// A store that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    store: Store,
    path: PathBuf,
}

impl Scratch {
    /// Makes one in the folder of the archive, which the caller has locked.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn create(folder: &Path, holder: &Holder) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        Ok(Self { store: Store::open_as(&path, holder)?, path })
    }

    /// Removes what a killed run left in the folder, which the caller has locked.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove_left_over(folder: &Path) -> io::Result<()> {
        let path = folder.join(NAME);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io::Error::new(
                error.kind(),
                format!("cannot remove `{}` of an earlier run: {error}", path.display()),
            )),
            _ => Ok(()),
        }
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
