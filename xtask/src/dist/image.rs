//! The container image, as an OCI layout (OCI image specification, "Image Layout").

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use image_ref::{Algorithm, Digest, Hasher};
use serde_json::{Value, json};

use super::{Tree, package};

/// Writes the image with the program as its entry point. Certificates of the system lie where the program looks for them:
/// mount `/etc/ssl/certs` and `/etc/containers`.
pub(super) fn write(tree: &Tree, version: &str, architecture: &str, folder: &Path) -> anyhow::Result<()> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).with_context(|| format!("cannot make {}", blobs.display()))?;
    let put = |bytes: &[u8]| -> anyhow::Result<Digest> {
        let digest = Hasher::of(Algorithm::Sha256, bytes);
        fs::write(blobs.join(digest.hex()), bytes)?;
        Ok(digest)
    };
    let mut files = tree.clone();
    files.retain(|path, _| path.starts_with("usr/bin/") || path.starts_with("usr/share/doc/"));
    let layer = package::tar(&files)?;
    let diff = Hasher::of(Algorithm::Sha256, &layer).to_string();
    let packed = package::gzip(&layer)?;
    let labels = json!({
        "org.opencontainers.image.title": "oc-mirror",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "Apache-2.0",
    });
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": ["/usr/bin/oc-mirror"], "Env": ["PATH=/usr/bin", "HOME=/"], "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [diff] },
        "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "cargo xtask dist" }],
    });
    let config = serde_json::to_vec(&config)?;
    let descriptor = |media: &str, digest: &Digest, size: usize| -> Value {
        json!({ "mediaType": media, "digest": digest.to_string(), "size": size })
    };
    let (layer_digest, config_digest) = (put(&packed)?, put(&config)?);
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config_digest, config.len()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &layer_digest, packed.len())],
        "annotations": labels,
    }))?;
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &put(&manifest)?, manifest.len());
    entry["platform"] = json!({ "os": "linux", "architecture": architecture });
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": version });
    let index =
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry] });
    fs::write(folder.join("index.json"), serde_json::to_vec(&index)?)?;
    fs::write(folder.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")?;
    Ok(())
}
