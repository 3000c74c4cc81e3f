//! Regular files that an operator names, or that may be reached by a link: opened without waiting.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::{About, Kind, Refused};

/// Opens the regular file at `path` for reading; a link is followed. A named pipe, a device or a folder is an error that
/// says so, at once: opening them does not wait.
///
/// # Errors
/// As [`File::open`], and [`Refused`].
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let flags = i32::from_ne_bytes(flags.to_ne_bytes());
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    match opened {
        Ok(file) => only_regular(file, path),
        // A socket, or a device without a driver.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            Err(Refused::file(path, Kind::Socket).into())
        }
        Err(error) => Err(error),
    }
}

/// Gives the file back when it is regular.
pub(crate) fn only_regular(file: File, path: &Path) -> io::Result<File> {
    match About::new(rustix::fs::fstat(&file)?).kind() {
        Kind::File => Ok(file),
        kind => Err(Refused::file(path, kind).into()),
    }
}

/// The mode of new files; the caller's mask takes its bits away.
pub(crate) fn new_file() -> Mode {
    Mode::from_raw_mode(0o666)
}
