//! Rekor bundles that a trusted log did sign: an entry about something else confirms nothing, whatever its shape.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image_ref::{Digest, ImageRef, Transport};
use image_signature::cosign::SigningKey;
use image_signature::policy::{Candidate, evaluate};
use image_signature::{COSIGN_BUNDLE, Payload, SignatureBlob};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use registries_conf::Policy;

/// Made with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` for tests. Signs images and log entries.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0SzbFLppv1XxEhdC\n\
    0xrakAsZkuvrBD6HZc9n94yLj+ChRANCAARnE4imRke4SZSiSZLrR+VRn/y8jKiT\n\
    LbpYftsWbSrU2jpFVblOsFBe+YO0ADvQAvZLy4k9GLe+K/THb9qtQjIX\n\
    -----END PRIVATE KEY-----\n";

/// Either any body, or one of the right shape with any hash, signature and key.
type Input<'a> = (Option<&'a [u8]>, &'a str, &'a str, &'a str, &'a str, i64);

fuzz_target!(|input: Input<'_>| {
    let (body, algorithm, hash, content, key_text, time) = input;
    let key = SigningKey::from_pem(KEY).expect("the key is good");
    let log = p256::ecdsa::SigningKey::from_pkcs8_pem(KEY).expect("the key is good");
    let public = STANDARD.encode(key.public_pem());
    let text = format!(
        r#"{{"default": [{{"type": "sigstoreSigned", "keyData": "{public}", "rekorPublicKeyData": "{public}"}}]}}"#
    );
    let policy = Policy::parse("fuzz", &text).expect("a policy");

    let body = body.map_or_else(
        || {
            serde_json::json!({
                "apiVersion": "0.0.1", "kind": "hashedrekord",
                "spec": {
                    "data": {"hash": {"algorithm": algorithm, "value": hash}},
                    "signature": {"content": content, "publicKey": {"content": STANDARD.encode(key_text)}},
                },
            })
            .to_string()
            .into_bytes()
        },
        <[u8]>::to_vec,
    );
    let entry = serde_json::json!({"body": STANDARD.encode(body), "integratedTime": time, "logID": "l", "logIndex": 3});
    let confirmation: p256::ecdsa::Signature = log.sign(entry.to_string().as_bytes());
    let bundle = serde_json::json!({
        "SignedEntryTimestamp": STANDARD.encode(confirmation.to_der()), "Payload": entry,
    });

    let digest = Digest::from_sha256_bytes(&[7; 32]);
    let image = ImageRef::parse("reg.io/a:1").expect("a reference");
    let mut signature = key.sign(&Payload {
        manifest_digest: digest.clone(),
        docker_reference: "reg.io/a:1".to_owned(),
        creator: None,
        timestamp: None,
    });
    signature.annotations.insert(COSIGN_BUNDLE.to_owned(), bundle.to_string());
    let signatures = [SignatureBlob::Sigstore(signature)];
    let candidate =
        Candidate { transport: &Transport::Docker, image: &image, manifest_digest: &digest, signatures: &signatures };
    let no_files = |_: &std::path::Path| Err("no files".to_owned());
    let now = Timestamp::from_second(1_800_000_000).expect("in range");
    let refused = evaluate(&policy, &candidate, now, &no_files).expect_err("the entry is about something else");
    assert!(!refused.to_string().contains("is not signed by a trusted log"), "{refused}");
});
