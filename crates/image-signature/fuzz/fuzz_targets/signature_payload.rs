//! Kept signatures and what they say: a payload is what its own JSON says again, and nothing has two kinds.
#![no_main]

use image_signature::{Payload, PayloadKind, SignatureBlob};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let simple = Payload::parse(bytes, PayloadKind::SimpleSigning);
    let cosign = Payload::parse(bytes, PayloadKind::Cosign);
    assert!(simple.is_err() || cosign.is_err());
    for payload in [simple, cosign].into_iter().flatten() {
        assert_eq!(Payload::parse(&payload.to_cosign_json(), PayloadKind::Cosign), Ok(payload));
    }

    let marked = [&b"\0sigstore-json\n"[..], bytes].concat();
    for kept in [bytes, marked.as_slice()] {
        match SignatureBlob::parse(kept) {
            Ok(SignatureBlob::SimpleSigning(message)) => assert!(kept.ends_with(&message)),
            Ok(SignatureBlob::Sigstore(signature)) => {
                assert!(kept.starts_with(b"\0sigstore-json\n"));
                let _ = signature.signature();
                let _ = Payload::parse(&signature.payload, PayloadKind::Cosign);
            }
            Err(error) => assert!(!error.to_string().contains('\n')),
        }
    }
});
