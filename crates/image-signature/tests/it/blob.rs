//! Signatures as they are kept.

use image_signature::SignatureBlob;

use crate::signatures;

#[test]
fn formats_are_recognised() {
    let check = |bytes: &[u8], expected: &str| {
        let found = match SignatureBlob::parse(bytes) {
            Ok(SignatureBlob::SimpleSigning(message)) => format!("simple {}", message.len()),
            Ok(SignatureBlob::Sigstore(signature)) => format!("sigstore {}", signature.is_signature()),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    };
    check(b"", "the signature file is empty");
    check(b"\xa3\x01", "simple 2");
    check(b"\0simple-signing\n\xa3\x01", "simple 2");
    check(b"-----BEGIN PGP MESSAGE-----\n", "simple 28");
    check(b"<html>", "unrecognized signature format `<html>`");
    check(b"\0future\nx", "unrecognized signature format `future`");
    check(b"\0sigstore-json\n{\"mimeType\": \"other\", \"payload\": \"\"}", "sigstore false");
    for (name, expected) in [
        ("dir-img-valid/signature-1", "simple 715"),
        ("dir-img-cosign-valid/signature-1", "sigstore true"),
        ("dir-img-cosign-other-attachment/signature-1", "sigstore false"),
    ] {
        let Some(bytes) = signatures(name) else { return };
        check(&bytes, expected);
    }
}
