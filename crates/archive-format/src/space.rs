//! Questions to the filesystem: how much room is left.

use std::io;
use std::path::Path;

/// Free bytes, for this user, on the filesystem that holds `path`. `path` need not exist yet: the nearest folder above
/// it that does is asked.
///
/// # Errors
/// When nothing above `path` can be asked.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let mut asked = path;
    loop {
        match rustix::fs::statvfs(asked) {
            Ok(stat) => return Ok(stat.f_bavail.saturating_mul(stat.f_frsize)),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {
                asked = match asked.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => return Err(rustix::io::Errno::NOENT.into()),
                };
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_do_not_exist_yet_are_answered_by_their_parent() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > 0);
        assert!(free_bytes(&dir.path().join("a/b/c")).unwrap() > 0);
    }
}
