//! Manifests as they travel: bytes whose digest was compared with what was asked for.

use std::fmt;

use bytes::Bytes;
use image_ref::{Algorithm, Digest, Hasher};

use crate::descriptor::Descriptor;
use crate::view::{ManifestError, ManifestView, guess_media_type};
use crate::{media_type, schema1};

/// A manifest whose digest was compared with what was asked for.
///
/// There are three ways to one, and no other: [`VerifiedManifest::verify`] for what was asked for by digest,
/// [`VerifiedManifest::named`] for what was asked for by a name alone, and [`VerifiedManifest::made`] for what this
/// program wrote itself. Caches and registries take only this type, so no path can forget the comparison.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedManifest {
    bytes: Bytes,
    media_type: String,
    digest: Digest,
    /// The part of signed schema 1 bytes that was hashed; none where all bytes were.
    payload: Option<Bytes>,
}

/// The bytes are not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("digest mismatch: the manifest has digest `{found}`, expected `{expected}`")]
pub struct WrongDigest {
    /// What was asked for.
    pub expected: Digest,
    /// What the bytes hash to.
    pub found: Digest,
}

impl VerifiedManifest {
    /// A manifest that was asked for by digest. `told` is the media type that came with the bytes, if one did; where it is
    /// not that of a manifest, the body tells.
    ///
    /// # Errors
    /// When the bytes have another digest.
    pub fn verify(bytes: impl Into<Bytes>, told: Option<&str>, asked: &Digest) -> Result<Self, WrongDigest> {
        let bytes = bytes.into();
        let media_type = media_type_of(&bytes, told);
        let (found, payload) = hash(asked.algorithm(), &bytes, &media_type);
        if found == *asked {
            return Ok(Self { bytes, media_type, digest: found, payload });
        }
        // Some registries count the signatures of schema 1 in.
        if payload.is_some() && Hasher::of(asked.algorithm(), &bytes) == *asked {
            return Ok(Self { bytes, media_type, digest: asked.clone(), payload: None });
        }
        Err(WrongDigest { expected: asked.clone(), found })
    }

    /// A manifest that was asked for by a name alone, such as a tag: whatever came is what the name stands for. The digest
    /// is SHA-256. Do not use this for what somebody gave a digest for.
    pub fn named(bytes: impl Into<Bytes>, told: Option<&str>) -> Self {
        let bytes = bytes.into();
        let media_type = media_type_of(&bytes, told);
        let (digest, payload) = hash(Algorithm::Sha256, &bytes, &media_type);
        Self { bytes, media_type, digest, payload }
    }

    /// A manifest that this program wrote itself. It takes a document, not bytes, so that no foreign bytes come this way.
    pub fn made(document: &serde_json::Value, media_type: &str) -> Self {
        let bytes = Bytes::from(document.to_string());
        let digest = Hasher::of(Algorithm::Sha256, &bytes);
        Self { bytes, media_type: media_type.to_owned(), digest, payload: None }
    }

    /// The bytes as they came, never written anew.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes that the digest is of: all of them, but for signed schema 1 only the payload that was signed. A store
    /// of content by digest keeps these.
    pub fn hashed_bytes(&self) -> &Bytes {
        self.payload.as_ref().unwrap_or(&self.bytes)
    }

    /// The media type under which it came, or is to be pushed.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The digest, of the algorithm that was asked for.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether the manifest has this digest, of whichever algorithm.
    pub fn has_digest(&self, digest: &Digest) -> bool {
        self.digest == *digest
            || (digest.algorithm() != self.digest.algorithm()
                && Hasher::of(digest.algorithm(), self.hashed_bytes()) == *digest)
    }

    /// The descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.bytes.len() as u64)
    }

    /// Reads the manifest. Of signed schema 1, only what was hashed is read.
    ///
    /// # Errors
    /// When the bytes are too many, are no JSON object, can be read in two ways, or lack what their media type requires.
    pub fn view(&self) -> Result<ManifestView, ManifestError> {
        ManifestView::parse(self.hashed_bytes(), &self.media_type)
    }
}

impl fmt::Debug for VerifiedManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedManifest({}, {}, {} bytes)", self.digest, self.media_type, self.bytes.len())
    }
}

/// The media type that was told, when it is one of a manifest; else that of the body. Registries in front of plain file
/// servers call everything `text/plain` or `application/json`.
fn media_type_of(bytes: &[u8], told: Option<&str>) -> String {
    let told = told.filter(|told| !told.is_empty());
    match told {
        Some(told) if media_type::is_manifest(told) => told.to_owned(),
        told => match (guess_media_type(bytes), told) {
            (guess, Some(told)) if !media_type::is_manifest(&guess) => told.to_owned(),
            (guess, _) => guess,
        },
    }
}

/// The digest of a manifest's bytes, and the part of them that it is of where that is not all.
fn hash(algorithm: Algorithm, bytes: &[u8], media_type: &str) -> (Digest, Option<Bytes>) {
    if media_type == media_type::DOCKER_SCHEMA1_SIGNED
        && let Some(payload) = schema1::signed_payload(bytes)
    {
        return (Hasher::of(algorithm, &payload), Some(payload.into()));
    }
    (Hasher::of(algorithm, bytes), None)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests are about it")]
mod tests {
    use super::*;

    fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        Hasher::of(algorithm, bytes)
    }

    /// What comes of bytes that were asked for by the digest of other bytes.
    #[test]
    fn only_what_was_asked_for_is_verified() {
        let body = br#"{"schemaVersion":2,"manifests":[]}"#;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let asked = digest(algorithm, body);
            let manifest = VerifiedManifest::verify(&body[..], None, &asked).unwrap();
            assert_eq!(
                (manifest.digest(), &manifest.bytes()[..], &manifest.hashed_bytes()[..]),
                (&asked, &body[..], &body[..])
            );
            assert_eq!(manifest.media_type(), media_type::OCI_INDEX);
            for other in [Algorithm::Sha256, Algorithm::Sha512] {
                assert!(manifest.has_digest(&digest(other, body)), "{other:?}");
                assert!(!manifest.has_digest(&digest(other, b"other")), "{other:?}");
            }
            let other = digest(algorithm, b"other");
            let error = VerifiedManifest::verify(&body[..], None, &other).unwrap_err();
            assert_eq!((&error.expected, &error.found), (&other, &asked));
        }
    }

    #[test]
    fn the_media_type_is_what_was_told_or_what_the_body_is() {
        let check = |told: Option<&str>, body: &str, expected: &str| {
            assert_eq!(VerifiedManifest::named(body.to_owned(), told).media_type(), expected, "{told:?} {body}");
        };
        let index = r#"{"manifests":[]}"#;
        check(None, index, media_type::OCI_INDEX);
        check(Some(""), index, media_type::OCI_INDEX);
        check(Some("text/plain"), index, media_type::OCI_INDEX);
        check(Some(media_type::DOCKER_LIST), index, media_type::DOCKER_LIST);
        check(Some("text/plain"), "{}", "text/plain");
        check(None, "{}", "application/octet-stream");
    }

    #[test]
    fn what_this_program_makes_has_the_digest_of_its_bytes() {
        let made = VerifiedManifest::made(&serde_json::json!({"manifests": []}), media_type::DOCKER_LIST);
        assert_eq!(made.digest(), &digest(Algorithm::Sha256, made.bytes()));
        assert_eq!(made.descriptor(), Descriptor::new(media_type::DOCKER_LIST, made.digest().clone(), 16));
        // Logs of a failed test name it, and do not hold its bytes.
        assert_eq!(
            format!("{made:?}"),
            format!("VerifiedManifest({}, {}, 16 bytes)", made.digest(), made.media_type())
        );
    }

    /// Of signed schema 1 the payload counts, whatever stands around it, and where a registry counts everything,
    /// everything is read.
    #[test]
    fn of_signed_schema_1_only_what_was_hashed_is_read() {
        let image = test_support::schema1_signed("ns/app", "v1", &[test_support::Layer::random(1, 100)]);
        let signed = VerifiedManifest::named(image.bytes.clone(), None);
        assert_eq!(signed.media_type(), media_type::DOCKER_SCHEMA1_SIGNED);
        assert_ne!(signed.bytes(), signed.hashed_bytes());
        assert_eq!(signed.digest(), &digest(Algorithm::Sha256, signed.hashed_bytes()));
        assert!(signed.has_digest(&digest(Algorithm::Sha512, signed.hashed_bytes())));
        assert_eq!(VerifiedManifest::verify(image.bytes.clone(), None, signed.digest()).unwrap(), signed);
        let whole = digest(Algorithm::Sha256, &image.bytes);
        let counted = VerifiedManifest::verify(image.bytes.clone(), None, &whole).unwrap();
        assert_eq!((counted.digest(), counted.hashed_bytes()), (&whole, counted.bytes()));
        // Neither digest is any other one.
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let other = digest(algorithm, b"other");
            let wrong = VerifiedManifest::verify(image.bytes.clone(), None, &other).unwrap_err();
            assert_eq!(wrong, WrongDigest { expected: other, found: digest(algorithm, signed.hashed_bytes()) });
        }
        // Another layer behind the payload is not what was hashed.
        let text = String::from_utf8(image.bytes.to_vec()).unwrap();
        let other = format!("sha256:{}", "e".repeat(64));
        let padded =
            text.replacen(r#""signatures""#, &format!(r#""fsLayers":[{{"blobSum":"{other}"}}],"signatures""#), 1);
        assert_ne!(padded, text);
        let padded = VerifiedManifest::verify(padded, Some(signed.media_type()), signed.digest()).unwrap();
        assert_eq!(padded.view().unwrap(), signed.view().unwrap());
    }
}
