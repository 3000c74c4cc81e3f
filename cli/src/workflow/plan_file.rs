//! Plans on disk: read within bounds, and their signatures.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use image_signature::cosign::{PublicKey, verify_blob};
use plan_document::{Document, MAX_BYTES};

/// How large a key or a signature may be, in bytes.
const SMALL: u64 = 64 * 1024;

/// The bytes of a plan. One byte more than a plan may have is enough to refuse it.
pub(super) fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_at_most(path, MAX_BYTES + 1).with_context(|| format!("cannot read the plan `{}`", path.display()))
}

/// The plan in these bytes.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> anyhow::Result<Document> {
    Document::read(bytes).with_context(|| format!("plan `{}`", path.display()))
}

/// Reads a plan.
pub(super) fn read(path: &Path) -> anyhow::Result<Document> {
    parse(path, &read_bytes(path)?)
}

/// Compares the signature of a plan on this machine with a public key.
///
/// # Errors
/// When the key has not signed these bytes.
pub(super) fn verify(plan: &[u8], place: &Path, key: &Path, signature: &Path) -> anyhow::Result<()> {
    let text = read_text(signature).with_context(|| {
        format!(
            "cannot read the signature `{}`; `oc-mirror plan sign {} --key KEY` makes one",
            signature.display(),
            place.display()
        )
    })?;
    verify_text(plan, &place.display().to_string(), key, &text)
}

/// Compares a signature with a public key; `place` is the plan's name for people.
///
/// # Errors
/// When the key has not signed these bytes.
pub(super) fn verify_text(plan: &[u8], place: &str, key: &Path, signature: &str) -> anyhow::Result<()> {
    let pem = read_text(key).with_context(|| format!("cannot read the key `{}`", key.display()))?;
    let public = PublicKey::from_pem(&pem).with_context(|| format!("key `{}`", key.display()))?;
    if !verify_blob(&public, plan, signature) {
        bail!(
            "the plan `{place}` is not what was signed: its signature does not match the key `{}`. Ask whoever approved the \
             plan for the plan and its signature",
            key.display()
        );
    }
    Ok(())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = read_at_most(path, SMALL)?;
    String::from_utf8(bytes).context("it is no text")
}

fn read_at_most(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
