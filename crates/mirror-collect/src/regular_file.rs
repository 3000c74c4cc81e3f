//! Files of this machine that an operator names: regular, and of bounded size.

use std::io::{self, Read as _};
use std::path::Path;

use rooted_folder::open_regular;

/// The bytes of a regular file of this machine that has at most so many.
///
/// # Errors
/// When it is not there, no regular file, or larger.
pub(crate) fn read_bounded(place: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(place)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("it is larger than the {most} bytes that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
