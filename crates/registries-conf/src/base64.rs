//! Base64 as people paste it.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};

/// Decodes `text`. Line ends inside it are passed over, as upstream does: `base64` breaks what it writes into lines.
pub(crate) fn base64_of(text: &str) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(text.replace(['\r', '\n'], ""))
}
