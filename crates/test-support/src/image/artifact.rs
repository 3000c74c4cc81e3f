//! Things that are no images and travel as such: OCI artifacts and cosign signatures.

use image_ref::Digest;
use serde_json::{Value, json};

use super::builder::pretty;
use super::{Blob, Image};
use crate::media_type;

/// An OCI 1.1 artifact: an empty configuration and one layer of any type. With a `subject` it is a referrer of it.
pub fn artifact(artifact_type: &str, layer_type: &str, content: &[u8], subject: Option<&Image>) -> Image {
    let empty = Blob::new("{}");
    let layer = Blob::new(content.to_vec());
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": { "mediaType": media_type::OCI_EMPTY, "digest": empty.digest, "size": 2 },
        "layers": [{ "mediaType": layer_type, "digest": layer.digest, "size": layer.bytes.len() }],
    });
    if let Some(subject) = subject {
        manifest["subject"] = subject.descriptor();
    }
    let mut image = Image::new(pretty(&manifest), media_type::OCI_MANIFEST);
    image.blobs = vec![empty, layer];
    image
}

/// The image that cosign keeps beside a signed one: a simple-signing payload as layer, the signature as annotation of
/// its descriptor. The signature is made up; the form is right.
pub fn cosign_signature(reference: &str, signed: &Image) -> Image {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": reference },
            "image": { "docker-manifest-digest": signed.digest },
            "type": "cosign container image signature",
        },
        "optional": Value::Null,
    });
    let layer = Blob::new(payload.to_string());
    let config = json!({
        "architecture": "",
        "os": "",
        "created": "0001-01-01T00:00:00Z",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    let config = Blob::new(config.to_string());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": config.digest, "size": config.bytes.len() },
        "layers": [{
            "mediaType": media_type::COSIGN_PAYLOAD,
            "digest": layer.digest,
            "size": layer.bytes.len(),
            "annotations": { "dev.cosignproject.cosign/signature": "MEUCIQDmade-up" },
        }],
    });
    let mut image = Image::new(manifest.to_string(), media_type::OCI_MANIFEST);
    image.blobs = vec![config, layer];
    image
}

/// The tag under which cosign keeps the signature of `digest`: `sha256-<hex>.sig`.
pub fn cosign_signature_tag(digest: &Digest) -> String {
    format!("{}.sig", digest.as_tag())
}
