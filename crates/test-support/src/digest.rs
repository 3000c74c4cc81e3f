//! Digests of bytes and of manifests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use image_ref::Digest;
use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_sha256_bytes(&Sha256::digest(bytes).into())
}

/// The digest under which a registry keeps a manifest: that of its bytes, except for signed schema 1 manifests, where
/// it is that of the payload without the signatures (Docker image manifest version 2, schema 1, "Signed manifests").
pub fn manifest_digest(bytes: &[u8]) -> Digest {
    match signed_payload(bytes) {
        Some(payload) => sha256(&payload),
        None => sha256(bytes),
    }
}

fn signed_payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let manifest: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let protected = manifest.get("signatures")?.get(0)?.get("protected")?.as_str()?;
    let protected: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).ok()?).ok()?;
    let length = usize::try_from(protected.get("formatLength")?.as_u64()?).ok()?;
    let tail = URL_SAFE_NO_PAD.decode(protected.get("formatTail")?.as_str()?).ok()?;
    let mut payload = bytes.get(..length)?.to_vec();
    payload.extend(tail);
    Some(payload)
}
