//! cosign's signatures with a key: a detached signature over the payload, made and checked with ordinary public-key
//! cryptography.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};
use sha2::{Digest as _, Sha256};

use crate::blob::{COSIGN_MEDIA_TYPE, COSIGN_SIGNATURE, SigstoreSignature};
use crate::payload::Payload;
use rsa::traits::PublicKeyParts as _;

/// A public key that cosign signatures are checked with.
#[derive(Debug, Clone)]
pub struct PublicKey(Kind);

#[derive(Debug, Clone)]
enum Kind {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
    Rsa(Box<rsa::pkcs1v15::VerifyingKey<rsa::sha2::Sha256>>),
}

/// The shortest RSA key that is believed, in bits.
const MIN_RSA_BITS: usize = 2048;

/// A text is no key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum KeyError {
    #[error("not a public key: expected PEM `PUBLIC KEY` with an ECDSA P-256, ECDSA P-384, Ed25519 or RSA key")]
    Public,
    #[error("the public key is an RSA key of {bits} bits; keys below {MIN_RSA_BITS} bits can be broken")]
    Weak { bits: usize },
    #[error(
        "not a signing key: expected PEM `PRIVATE KEY` (PKCS #8, not encrypted) with an ECDSA P-256 key; \
         `openssl pkcs8 -topk8 -nocrypt` makes one"
    )]
    Private,
    #[error("the signing key is encrypted: decrypt it first, with `openssl pkcs8` or `cosign`")]
    Encrypted,
}

impl PublicKey {
    /// Parses a public key in PEM, as `cosign generate-key-pair` writes it.
    ///
    /// # Errors
    /// When the text is no key, or of a kind that is not supported.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let pem = pem.trim();
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self(Kind::P256(key)));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self(Kind::P384(key)));
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self(Kind::Ed25519(key)));
        }
        Self::rsa(rsa::RsaPublicKey::from_public_key_pem(pem).map_err(|_| KeyError::Public)?)
    }

    /// The key of a certificate, in DER (RFC 5280, `SubjectPublicKeyInfo`).
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Ok(Self(Kind::P256(key)));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Ok(Self(Kind::P384(key)));
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(der) {
            return Ok(Self(Kind::Ed25519(key)));
        }
        Self::rsa(rsa::RsaPublicKey::from_public_key_der(der).map_err(|_| KeyError::Public)?)
    }

    fn rsa(key: rsa::RsaPublicKey) -> Result<Self, KeyError> {
        let bits = key.n().bits();
        if bits < MIN_RSA_BITS {
            return Err(KeyError::Weak { bits });
        }
        Ok(Self(Kind::Rsa(Box::new(rsa::pkcs1v15::VerifyingKey::new(key)))))
    }

    /// Whether both are the same key.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::P256(one), Kind::P256(other)) => one == other,
            (Kind::P384(one), Kind::P384(other)) => one == other,
            (Kind::Ed25519(one), Kind::Ed25519(other)) => one == other,
            (Kind::Rsa(one), Kind::Rsa(other)) => AsRef::<rsa::RsaPublicKey>::as_ref(&**one) == other.as_ref().as_ref(),
            _ => false,
        }
    }

    /// Whether `signature` is a signature of `message` by this key: ECDSA in ASN.1 over SHA-256, RSA PKCS #1 v1.5 over
    /// SHA-256, or Ed25519.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            // cosign hashes with SHA-256 whatever the curve.
            Kind::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(message), &signature).is_ok()),
            Kind::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Kind::Rsa(key) => rsa::pkcs1v15::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

/// Signatures in certificates: key as its bit string, message, signature.
pub(crate) mod raw {
    use p256::ecdsa::signature::Verifier as _;
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    use rsa::pkcs1::DecodeRsaPublicKey as _;
    use rsa::pkcs1v15;
    use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
    use rsa::traits::PublicKeyParts as _;

    use super::MIN_RSA_BITS;

    fn p256_over<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) =
            (p256::ecdsa::VerifyingKey::from_sec1_bytes(key), p256::ecdsa::Signature::from_der(signature))
        else {
            return false;
        };
        key.verify_prehash(&D::digest(message), &signature).is_ok()
    }

    fn p384_over<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) =
            (p384::ecdsa::VerifyingKey::from_sec1_bytes(key), p384::ecdsa::Signature::from_der(signature))
        else {
            return false;
        };
        key.verify_prehash(&D::digest(message), &signature).is_ok()
    }

    pub(crate) fn p256_sha256(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        p256_over::<Sha256>(key, message, signature)
    }

    pub(crate) fn p256_sha384(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        p256_over::<Sha384>(key, message, signature)
    }

    pub(crate) fn p384_sha256(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        p384_over::<Sha256>(key, message, signature)
    }

    pub(crate) fn p384_sha384(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        p384_over::<Sha384>(key, message, signature)
    }

    pub(crate) fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) =
            (ed25519_dalek::VerifyingKey::try_from(key), ed25519_dalek::Signature::from_slice(signature))
        else {
            return false;
        };
        key.verify_strict(message, &signature).is_ok()
    }

    fn rsa_key(key: &[u8]) -> Option<rsa::RsaPublicKey> {
        rsa::RsaPublicKey::from_pkcs1_der(key).ok().filter(|key| key.n().bits() >= MIN_RSA_BITS)
    }

    pub(crate) fn rsa_sha256(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) = (rsa_key(key), pkcs1v15::Signature::try_from(signature)) else { return false };
        pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(message, &signature).is_ok()
    }

    pub(crate) fn rsa_sha384(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) = (rsa_key(key), pkcs1v15::Signature::try_from(signature)) else { return false };
        pkcs1v15::VerifyingKey::<Sha384>::new(key).verify(message, &signature).is_ok()
    }

    pub(crate) fn rsa_sha512(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) = (rsa_key(key), pkcs1v15::Signature::try_from(signature)) else { return false };
        pkcs1v15::VerifyingKey::<Sha512>::new(key).verify(message, &signature).is_ok()
    }
}

/// Whether `signature`, the text that `cosign sign-blob` and [`SigningKey::sign_blob`] write, is that of `content` by this key.
pub fn verify_blob(key: &PublicKey, content: &[u8], signature: &str) -> bool {
    STANDARD.decode(signature.trim()).is_ok_and(|signature| key.verifies(content, &signature))
}

/// A private key to sign with, ECDSA P-256. Cannot be printed.
pub struct SigningKey(p256::ecdsa::SigningKey);

impl SigningKey {
    /// Parses an unencrypted PKCS #8 key in PEM.
    ///
    /// # Errors
    /// When the text is no such key, or encrypted.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.contains("-----BEGIN ENCRYPTED ") {
            return Err(KeyError::Encrypted);
        }
        p256::ecdsa::SigningKey::from_pkcs8_pem(pem.trim()).map(Self).map_err(|_| KeyError::Private)
    }

    /// The public half in PEM, to be given to those who verify.
    pub fn public_pem(&self) -> String {
        self.0.verifying_key().to_public_key_pem(LineEnding::LF).expect("a P-256 point always encodes")
    }

    /// Signs the content of a file: the text that `cosign sign-blob` writes, the base64 of the signature in DER.
    pub fn sign_blob(&self, content: &[u8]) -> String {
        let signature: p256::ecdsa::Signature = self.0.sign(content);
        STANDARD.encode(signature.to_der().as_bytes())
    }

    /// Signs a payload: the layer and its annotations, as cosign attaches them. Deterministic (RFC 6979): the same payload
    /// and key give the same bytes.
    pub fn sign(&self, payload: &Payload) -> SigstoreSignature {
        let payload = payload.to_cosign_json();
        let signature: p256::ecdsa::Signature = self.0.sign(&payload);
        let annotations =
            BTreeMap::from([(COSIGN_SIGNATURE.to_owned(), STANDARD.encode(signature.to_der().as_bytes()))]);
        SigstoreSignature { media_type: COSIGN_MEDIA_TYPE.to_owned(), payload, annotations }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(hidden)")
    }
}
