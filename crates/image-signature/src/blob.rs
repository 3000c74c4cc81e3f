//! Signatures as they are kept: in lookasides, `dir:` images, and attached to images in their registry.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The layer media type of a cosign signature.
pub const COSIGN_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The layer annotation with the signature in base64.
pub const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The layer annotation with a signing certificate in PEM.
pub const COSIGN_CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The layer annotation with the chain of that certificate in PEM.
pub const COSIGN_CHAIN: &str = "dev.sigstore.cosign/chain";
/// The layer annotation with what a Rekor log confirmed.
pub const COSIGN_BUNDLE: &str = "dev.sigstore.cosign/bundle";

/// One signature of an image, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureBlob {
    /// An `OpenPGP` message.
    SimpleSigning(Vec<u8>),
    /// A cosign payload with its annotations.
    Sigstore(SigstoreSignature),
}

/// A cosign signature: what a layer of the image `sha256-<hex>.sig` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreSignature {
    /// The media type of the layer.
    pub media_type: String,
    /// The content of the layer: what is signed.
    pub payload: Vec<u8>,
    /// The annotations of the layer.
    pub annotations: BTreeMap<String, String>,
}

impl SigstoreSignature {
    /// The signature itself, as bytes; `None` when the annotation is missing or not base64.
    pub fn signature(&self) -> Option<Vec<u8>> {
        // `openssl base64` breaks lines, and signers paste what it gives.
        let text = self.annotations.get(COSIGN_SIGNATURE)?.replace(['\r', '\n'], "");
        STANDARD.decode(text.trim()).ok()
    }

    /// Whether the layer holds a signature at all, and not another attachment.
    pub fn is_signature(&self) -> bool {
        self.media_type == COSIGN_MEDIA_TYPE
    }
}

/// A kept signature in an unknown format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum BlobError {
    #[error("the signature file is empty")]
    Empty,
    #[error("unrecognized signature format `{0}`")]
    Format(String),
    #[error("invalid sigstore signature file: {0}")]
    Sigstore(String),
}

#[derive(Deserialize)]
struct RawSigstore {
    #[serde(rename = "mimeType")]
    media_type: String,
    payload: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl SignatureBlob {
    /// Recognises a signature file: `\0sigstore-json\n` and JSON, or else an `OpenPGP` message (containers/image's
    /// "signature blob" format).
    ///
    /// # Errors
    /// When the file is empty, announces a format that is not known, or is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, BlobError> {
        match bytes {
            [] => Err(BlobError::Empty),
            [0, rest @ ..] => {
                let end = rest.iter().take(64).position(|b| *b == b'\n');
                let split = end.and_then(|end| Some((rest.get(..end)?, rest.get(end + 1..)?)));
                let (format, content) = split.unwrap_or((rest, &[]));
                match format {
                    b"simple-signing" => Ok(Self::SimpleSigning(content.to_vec())),
                    b"sigstore-json" => sigstore(content).map(Self::Sigstore),
                    other => {
                        let name: String = String::from_utf8_lossy(other).chars().take(64).collect();
                        Err(BlobError::Format(name.escape_debug().to_string()))
                    }
                }
            }
            // Binary messages begin with a packet tag, whose highest bit is set; armored ones with dashes.
            [first, ..] if *first >= 0x80 || bytes.starts_with(b"-----BEGIN PGP") => {
                Ok(Self::SimpleSigning(bytes.to_vec()))
            }
            _ => Err(BlobError::Format(
                String::from_utf8_lossy(bytes.get(..16).unwrap_or(bytes)).escape_debug().to_string(),
            )),
        }
    }
}

fn sigstore(content: &[u8]) -> Result<SigstoreSignature, BlobError> {
    let raw: RawSigstore = serde_json::from_slice(content).map_err(|error| BlobError::Sigstore(error.to_string()))?;
    let payload = STANDARD.decode(&raw.payload).map_err(|error| BlobError::Sigstore(format!("payload: {error}")))?;
    Ok(SigstoreSignature { media_type: raw.media_type, payload, annotations: raw.annotations })
}
