//! A file system with little room, for tests of full disks.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory; it goes when this is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many KiB at `path`. None where this process may not mount.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn mount(path: &Path, kib: u32) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path.to_owned()));
        }
        eprintln!("skipped: this process may not mount a file system");
        None
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
    }

    /// Makes room again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a store may have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
