//! What a Rekor transparency log confirmed about a signature, checked offline against the log's public key.
//!
//! cosign attaches a *bundle*: the log entry and the log's signature over it (the signed entry timestamp). The entry must be
//! about this signature, this payload and this key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::blob::{COSIGN_BUNDLE, SigstoreSignature};
use crate::certificate;
use crate::cosign::PublicKey;

/// Why a log confirms nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RekorError {
    #[error("the signature carries no Rekor bundle, which the policy requires")]
    Missing,
    #[error("the Rekor bundle is malformed: {0}")]
    Malformed(&'static str),
    #[error("the Rekor bundle is not signed by a trusted log")]
    Untrusted,
    #[error("the Rekor entry is about another {0}")]
    Other(&'static str),
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "SignedEntryTimestamp")]
    signed_entry_timestamp: String,
    #[serde(rename = "Payload")]
    payload: Entry,
}

/// Members in the order in which the log's signature covers them (RFC 8785: by name).
#[derive(Deserialize, serde::Serialize)]
struct Entry {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    #[serde(rename = "logIndex")]
    log_index: i64,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    data: Data,
    signature: Signature,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct Signature {
    content: String,
    #[serde(rename = "publicKey")]
    public_key: Key,
}

#[derive(Deserialize)]
struct Key {
    content: String,
}

/// Who made the signature that a log should have seen.
#[derive(Clone, Copy)]
pub(crate) enum Signer<'a> {
    /// The holder of a key.
    Key(&'a PublicKey),
    /// The holder of a certificate; the log keeps the certificate itself.
    Certificate(&'a certificate::Signer),
}

/// Checks that one of `logs` confirmed the signature made by `signer`; gives the moment at which it did.
///
/// # Errors
/// When there is no bundle, it is malformed, no trusted log signed it, or it is about something else.
pub(crate) fn check(
    signature: &SigstoreSignature,
    signer: Signer<'_>,
    logs: &[&PublicKey],
) -> Result<Timestamp, RekorError> {
    let bundle = signature.annotations.get(COSIGN_BUNDLE).ok_or(RekorError::Missing)?;
    let bundle: Bundle = serde_json::from_str(bundle).map_err(|_| RekorError::Malformed("not a bundle"))?;
    let timestamp = decode(&bundle.signed_entry_timestamp, "the signed entry timestamp is not base64")?;
    let covered = serde_json::to_vec(&bundle.payload).map_err(|_| RekorError::Malformed("not a log entry"))?;
    if !logs.iter().any(|log| log.verifies(&covered, &timestamp)) {
        return Err(RekorError::Untrusted);
    }

    let body = decode(&bundle.payload.body, "the body is not base64")?;
    let body: Body = serde_json::from_slice(&body).map_err(|_| RekorError::Malformed("the body is no entry"))?;
    if (body.kind.as_str(), body.api_version.as_str()) != ("hashedrekord", "0.0.1") {
        return Err(RekorError::Malformed("the entry is no `hashedrekord` 0.0.1"));
    }
    let hash = hex(&Sha256::digest(&signature.payload));
    if body.spec.data.hash.algorithm != "sha256" || !body.spec.data.hash.value.eq_ignore_ascii_case(&hash) {
        return Err(RekorError::Other("payload"));
    }
    let logged = decode(&body.spec.signature.content, "the logged signature is not base64")?;
    if signature.signature() != Some(logged) {
        return Err(RekorError::Other("signature"));
    }
    let logged = decode(&body.spec.signature.public_key.content, "the logged key is not base64")?;
    match signer {
        Signer::Key(signer) => {
            let key = PublicKey::from_pem(&String::from_utf8_lossy(&logged));
            if !key.map_err(|_| RekorError::Other("kind of key"))?.same_as(signer) {
                return Err(RekorError::Other("key"));
            }
        }
        Signer::Certificate(signer) if !signer.is(&logged) => return Err(RekorError::Other("certificate")),
        Signer::Certificate(_) => {}
    }
    Timestamp::from_second(bundle.payload.integrated_time)
        .map_err(|_| RekorError::Malformed("the time is out of range"))
}

fn decode(text: &str, problem: &'static str) -> Result<Vec<u8>, RekorError> {
    STANDARD.decode(text).map_err(|_| RekorError::Malformed(problem))
}

fn hex(bytes: &[u8]) -> String {
    let digits = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digits(byte >> 4), digits(byte & 15)]).collect()
}
