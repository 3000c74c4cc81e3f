//! A disk that is too small.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system of a few MiB, which goes away with it.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    #[expect(clippy::print_stderr, reason = "who reads the test's output should know what was not tested")]
    /// Mounted on `folder`; none, with a line that says so, where that is not allowed.
    pub(crate) fn mount(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "none"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        if done.is_ok_and(|status| status.success()) {
            return Some(Self(folder.to_owned()));
        }
        eprintln!("skipped: a small file system cannot be mounted");
        None
    }

    /// The folder, for `file://` and `--cache-dir`.
    pub(crate) fn folder(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
