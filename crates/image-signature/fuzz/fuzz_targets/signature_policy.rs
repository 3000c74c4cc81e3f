//! Verdicts: an image without a good signature is refused, whatever its attachments, their annotations and their Rekor
//! bundles look like; the refusal is one line.
#![no_main]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image_ref::{Digest, ImageRef, Transport};
use image_signature::cosign::SigningKey;
use image_signature::policy::{Candidate, evaluate};
use image_signature::{
    COSIGN_BUNDLE, COSIGN_CERTIFICATE, COSIGN_CHAIN, COSIGN_MEDIA_TYPE, Payload, SignatureBlob, SigstoreSignature,
};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use registries_conf::Policy;

/// Made with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` for tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0SzbFLppv1XxEhdC\n\
    0xrakAsZkuvrBD6HZc9n94yLj+ChRANCAARnE4imRke4SZSiSZLrR+VRn/y8jKiT\n\
    LbpYftsWbSrU2jpFVblOsFBe+YO0ADvQAvZLy4k9GLe+K/THb9qtQjIX\n\
    -----END PRIVATE KEY-----\n";
const PGP_KEY: &[u8] = include_bytes!("../fixtures/key.gpg");

/// A kept signature, a payload, three annotations (bundle, certificate, chain), and whether the payload is the signed one.
type Input<'a> = (&'a [u8], &'a [u8], &'a str, &'a str, &'a str, bool);

fuzz_target!(|input: Input<'_>| {
    let (file, said, bundle, certificate, chain, signed) = input;
    let key = SigningKey::from_pem(KEY).expect("the key is good");
    let public = STANDARD.encode(key.public_pem());
    let gpg = STANDARD.encode(PGP_KEY);
    let rule = |text: String| Policy::parse("fuzz", &format!(r#"{{"default": [{text}]}}"#)).expect("a policy");
    let with_log =
        rule(format!(r#"{{"type": "sigstoreSigned", "keyData": "{public}", "rekorPublicKeyData": "{public}"}}"#));
    let plain = rule(format!(r#"{{"type": "sigstoreSigned", "keyData": "{public}"}}"#));
    let simple = rule(format!(r#"{{"type": "signedBy", "keyType": "GPGKeys", "keyData": "{gpg}"}}"#));

    let digest = Digest::from_sha256_bytes(&[7; 32]);
    let image = ImageRef::parse("reg.io/a:1").expect("a reference");
    let payload = Payload {
        manifest_digest: digest.clone(),
        docker_reference: "reg.io/a:1".to_owned(),
        creator: None,
        timestamp: None,
    };
    let mut signature = key.sign(&payload);
    if !signed {
        signature.payload = said.to_vec();
    }
    for (name, value) in [(COSIGN_BUNDLE, bundle), (COSIGN_CERTIFICATE, certificate), (COSIGN_CHAIN, chain)] {
        signature.annotations.insert(name.to_owned(), value.to_owned());
    }
    let bare = SigstoreSignature {
        media_type: COSIGN_MEDIA_TYPE.to_owned(),
        payload: said.to_vec(),
        annotations: BTreeMap::new(),
    };
    let mut signatures = vec![SignatureBlob::Sigstore(signature), SignatureBlob::Sigstore(bare)];
    signatures.extend(SignatureBlob::parse(file).ok());
    let candidate =
        Candidate { transport: &Transport::Docker, image: &image, manifest_digest: &digest, signatures: &signatures };
    let ask = |policy: &Policy| {
        let no_files = |_: &std::path::Path| Err("no files".to_owned());
        evaluate(policy, &candidate, Timestamp::from_second(1_800_000_000).expect("in range"), &no_files)
    };
    if !signed {
        // What an ECDSA signature covers is the payload; another one with the same signature would be a forgery.
        assert!(said == payload.to_cosign_json() || ask(&plain).is_err());
    }
    for policy in [&with_log, &simple] {
        let refused = ask(policy).expect_err("nobody can forge these");
        assert!(!refused.to_string().contains('\n'), "{refused}");
    }
});
