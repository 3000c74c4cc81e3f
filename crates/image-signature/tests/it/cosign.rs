//! cosign's signatures with a key.

use image_ref::Digest;
use image_signature::cosign::{KeyError, PublicKey, SigningKey};
use image_signature::{Payload, PayloadKind, SignatureBlob};
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};

use crate::signatures;

/// The signing key made of 32 equal bytes, in PEM.
pub(crate) fn key_pem(byte: u8) -> String {
    p256::SecretKey::from_slice(&[byte; 32]).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

pub(crate) fn payload(reference: &str) -> Payload {
    Payload {
        manifest_digest: Digest::from_sha256_bytes(&[7; 32]),
        docker_reference: reference.to_owned(),
        creator: None,
        timestamp: None,
    }
}

#[test]
fn what_a_key_signs_its_public_half_verifies() {
    let key = SigningKey::from_pem(&key_pem(1)).unwrap();
    let public = PublicKey::from_pem(&key.public_pem()).unwrap();
    let other = PublicKey::from_pem(&SigningKey::from_pem(&key_pem(2)).unwrap().public_pem()).unwrap();
    let signed = key.sign(&payload("reg.io/a:1"));
    assert_eq!(signed, key.sign(&payload("reg.io/a:1")), "the same bytes each time");
    assert_eq!(Payload::parse(&signed.payload, PayloadKind::Cosign).unwrap(), payload("reg.io/a:1"));
    let signature = signed.signature().unwrap();
    assert!(public.verifies(&signed.payload, &signature));
    assert!(!other.verifies(&signed.payload, &signature));
    assert!(!public.verifies(b"altered", &signature));
    assert!(!public.verifies(&signed.payload, &signature[1..]));
    assert!(!format!("{key:?}").contains("SecretKey"));
    assert!(public.same_as(&public) && !public.same_as(&other));
}

#[test]
fn keys_that_are_none() {
    assert_eq!(SigningKey::from_pem("").unwrap_err(), KeyError::Private);
    assert_eq!(
        SigningKey::from_pem("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----").unwrap_err(),
        KeyError::Encrypted
    );
    assert_eq!(PublicKey::from_pem(&key_pem(1)).unwrap_err(), KeyError::Public);
    assert_eq!(
        PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").unwrap_err(),
        KeyError::Public
    );
}

#[test]
pub(crate) fn the_shared_data() {
    let Some(pem) = signatures("cosign.pub") else { return };
    let key = PublicKey::from_pem(&String::from_utf8(pem).unwrap()).unwrap();
    let check = |name: &str, expected: bool| {
        let SignatureBlob::Sigstore(signature) = SignatureBlob::parse(&signatures(name).unwrap()).unwrap() else {
            panic!("{name}")
        };
        assert_eq!(key.verifies(&signature.payload, &signature.signature().unwrap()), expected, "{name}");
    };
    check("dir-img-cosign-valid/signature-1", true);
    check("dir-img-cosign-valid-with-tag/signature-1", true);
    check("unknown-cosign-key.signature", false);
    let rsa = String::from_utf8(signatures("some-rsa-key.pub").unwrap()).unwrap();
    assert!(!PublicKey::from_pem(&rsa).unwrap().same_as(&key));
}
