//! Docker schema 1: the payload under the signatures.
//!
//! A signed schema 1 manifest is a JSON Web Signature in "pretty" form: the payload with a `signatures` property spliced
//! in before the last brace. Its digest is that of the payload, which each signature's protected header describes:
//! the first `formatLength` bytes of the file, then `formatTail`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The bytes that were signed; `None` when `bytes` are no signed schema 1 manifest.
pub(crate) fn signed_payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let signed: Signed = serde_json::from_slice(bytes).ok()?;
    let first = decode(&signed.signatures.first()?.protected)?;
    // All signatures must describe one payload, otherwise there is no one digest.
    if signed.signatures.iter().skip(1).any(|other| decode(&other.protected).as_ref() != Some(&first)) {
        return None;
    }
    let tail = URL_SAFE_NO_PAD.decode(first.format_tail.trim_end_matches('=')).ok()?;
    let mut payload = bytes.get(..first.format_length)?.to_vec();
    payload.extend_from_slice(&tail);
    Some(payload)
}

fn decode(protected: &str) -> Option<Protected> {
    let json = URL_SAFE_NO_PAD.decode(protected.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&json).ok()
}

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}
