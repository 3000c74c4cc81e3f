//! Data of measurements that are over: emptied when they end, removed after all of them.
//!
//! A file system may look past every inode that was freed in the last minutes whenever a file is made (ext4 without a
//! journal does), so that a measurement which follows the removal of an earlier one's files pays for it: `perf` showed a
//! quarter of the processor time of disk to mirror there. A file that is only emptied gives its space back just as well.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A folder for what nobody needs any more.
#[derive(Debug)]
pub(super) struct Spent {
    folder: PathBuf,
    count: usize,
}

impl Spent {
    /// Everything goes under `folder`, which is made when it is first needed.
    pub(super) fn under(folder: &Path) -> Self {
        Self { folder: folder.join("spent"), count: 0 }
    }

    /// Takes a folder away under its name, and gives its space back.
    ///
    /// # Errors
    /// When a file cannot be emptied or the folder cannot be moved.
    pub(super) fn take(&mut self, folder: &Path) -> io::Result<()> {
        empty(folder)?;
        fs::create_dir_all(&self.folder)?;
        self.count += 1;
        fs::rename(folder, self.folder.join(self.count.to_string()))
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        // What stays is empty files, under a name that says what they are.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            empty(&entry.path())?;
        } else if kind.is_file() {
            OpenOptions::new().write(true).truncate(true).open(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_empty_at_once_and_gone_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let mut spent = Spent::under(folder.path());
        for file in [one.join("a/b/file"), other.join("file")] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "bytes").unwrap();
        }
        spent.take(&one).unwrap();
        spent.take(&other).unwrap();
        assert!(!one.exists() && !other.exists());
        for kept in ["spent/1/a/b/file", "spent/2/file"] {
            assert_eq!(fs::read(folder.path().join(kept)).unwrap(), b"", "{kept}");
        }
        assert!(spent.take(&one).is_err());
        drop(spent);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
