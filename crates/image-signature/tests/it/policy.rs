//! Policies applied to images (`docs/behaviour/release.md` 7.7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image_ref::{Digest, ImageRef, Transport};
use image_signature::cosign::SigningKey;
use image_signature::policy::{Candidate, evaluate};
use image_signature::{COSIGN_BUNDLE, SignatureBlob, SigstoreSignature};
use registries_conf::Policy;
use sha2::{Digest as _, Sha256};

use crate::cosign::{key_pem, payload};
use crate::{now, signatures};

/// The verdict on `image`: `ok`, or the refusal.
pub(crate) fn verdict(requirements: &str, image: &str, digest: &Digest, signatures: &[SignatureBlob]) -> String {
    let policy = Policy::parse("p.json", &format!(r#"{{"default": [{requirements}]}}"#)).unwrap();
    let image = ImageRef::parse(image).unwrap();
    let candidate = Candidate { transport: &Transport::Docker, image: &image, manifest_digest: digest, signatures };
    let read = |path: &std::path::Path| std::fs::read(path).map_err(|_| "no such file".to_owned());
    match evaluate(&policy, &candidate, now(), &read) {
        Ok(accepted) => {
            assert_eq!(accepted.place, "default of p.json");
            "ok".to_owned()
        }
        Err(rejection) => rejection.to_string(),
    }
}

pub(crate) fn digest() -> Digest {
    Digest::from_sha256_bytes(&[7; 32])
}

fn sigstore(key: u8, rest: &str) -> String {
    let public = SigningKey::from_pem(&key_pem(key)).unwrap().public_pem();
    format!(r#"{{"type": "sigstoreSigned", "keyData": "{}"{rest}}}"#, STANDARD.encode(public))
}

fn signed(key: u8, reference: &str) -> SigstoreSignature {
    SigningKey::from_pem(&key_pem(key)).unwrap().sign(&payload(reference))
}

#[test]
fn sigstore_with_a_key() {
    let check = |signatures: &[SigstoreSignature], digest: &Digest, expected: &str| {
        let signatures: Vec<_> = signatures.iter().cloned().map(SignatureBlob::Sigstore).collect();
        let found = verdict(&sigstore(1, ""), "reg.io/a:1", digest, &signatures);
        assert!(found.contains(expected), "{found}");
        assert!(
            found == "ok"
                || found.starts_with("reg.io/a:1 is rejected by policy: `sigstoreSigned` of default of p.json")
        );
    };
    check(&[signed(1, "reg.io/a:1")], &digest(), "ok");
    check(&[signed(2, "reg.io/a:1"), signed(1, "reg.io/a:1")], &digest(), "ok");
    check(&[], &digest(), "a signature was required, but no signature exists");
    check(&[signed(2, "reg.io/a:1")], &digest(), "[1] invalid signature: none of the trusted keys made it");
    check(&[signed(1, "reg.io/b:1")], &digest(), "[1] signature for identity `reg.io/b:1` is not accepted");
    check(
        &[signed(1, "reg.io/a:1")],
        &Digest::from_sha256_bytes(&[8; 32]),
        "[1] signature for the manifest sha256:0707",
    );
    let mut altered = signed(1, "reg.io/a:1");
    altered.payload.push(b' ');
    check(&[altered], &digest(), "invalid signature");
    let mut bare = signed(1, "reg.io/a:1");
    bare.annotations.clear();
    check(&[bare], &digest(), "the signature annotation is missing");
}

#[test]
fn what_needs_no_signature_or_cannot_be_verified() {
    let check = |requirements: &str, expected: &str| {
        let all = [SignatureBlob::Sigstore(signed(1, "reg.io/a:1")), SignatureBlob::SimpleSigning(vec![0xa3, 1])];
        let found = verdict(requirements, "reg.io/a:1", &digest(), &all);
        assert!(found.contains(expected), "{found}");
    };
    let accept = r#"{"type": "insecureAcceptAnything"}"#;
    let reject = r#"{"type": "reject"}"#;
    check(accept, "ok");
    check(reject, "reg.io/a:1 is rejected by policy: `reject` of default of p.json: images here are refused");
    check(&format!("{accept}, {reject}"), "`reject` of entry 2 in default of p.json");
    check(&format!("{accept}, {}", sigstore(1, "")), "ok");
    check(&format!("{}, {}", sigstore(1, ""), sigstore(2, "")), "`sigstoreSigned` of entry 2 in");
    check(r#"{"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}}"#, "is not supported");
    check(r#"{"type": "signedBy", "keyType": "X509Certificates", "keyPath": "/k"}"#, "is not supported");
    check(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/absent"}"#, "/absent: no such file");
    check(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyData": "AAAA"}"#, "no public key found");
    check(r#"{"type": "sigstoreSigned", "keyPath": "/absent"}"#, "/absent: no such file");
    check(
        r#"{"type": "sigstoreSigned", "fulcio": {"caPath": "/absent", "oidcIssuer": "i", "subjectEmail": "e"}, "rekorPublicKeyPath": "/r"}"#,
        "/absent: no such file",
    );
    check(
        r#"{"type": "sigstoreSigned", "pki": {"caRootsData": "AAAA", "subjectEmail": "e"}}"#,
        "key 1 in the policy: no certificate found",
    );
}

/// A log entry about `signature` by key `signer`, confirmed by the log with key `log`.
fn bundle(signature: &SigstoreSignature, signer: u8, log: u8) -> String {
    use p256::ecdsa::signature::Signer as _;
    use p256::pkcs8::DecodePrivateKey as _;
    let hash: String =
        Sha256::digest(&signature.payload).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let public = SigningKey::from_pem(&key_pem(signer)).unwrap().public_pem();
    let body = serde_json::json!({
        "apiVersion": "0.0.1", "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hash}},
            "signature": {"content": STANDARD.encode(signature.signature().unwrap()), "publicKey": {"content": STANDARD.encode(public)}},
        },
    });
    let entry = serde_json::json!({"body": STANDARD.encode(body.to_string()), "integratedTime": 7, "logID": "l", "logIndex": 3});
    let key = p256::ecdsa::SigningKey::from_pkcs8_pem(&key_pem(log)).unwrap();
    let confirmation: p256::ecdsa::Signature = key.sign(entry.to_string().as_bytes());
    serde_json::json!({"SignedEntryTimestamp": STANDARD.encode(confirmation.to_der()), "Payload": entry}).to_string()
}

#[test]
fn a_transparency_log_must_have_seen_the_signature() {
    let log = SigningKey::from_pem(&key_pem(9)).unwrap().public_pem();
    let required = sigstore(1, &format!(r#", "rekorPublicKeyData": "{}""#, STANDARD.encode(log)));
    let signature = signed(1, "reg.io/a:1");
    let check = |bundle: Option<String>, expected: &str| {
        let mut signature = signature.clone();
        signature.annotations.extend(bundle.map(|bundle| (COSIGN_BUNDLE.to_owned(), bundle)));
        let found = verdict(&required, "reg.io/a:1", &digest(), &[SignatureBlob::Sigstore(signature)]);
        assert!(found.contains(expected), "{found}");
    };
    check(Some(bundle(&signature, 1, 9)), "ok");
    check(None, "carries no Rekor bundle");
    check(Some("{}".to_owned()), "the Rekor bundle is malformed");
    check(Some(bundle(&signature, 1, 8)), "not signed by a trusted log");
    check(Some(bundle(&signature, 2, 9)), "about another key");
    check(Some(bundle(&signed(1, "reg.io/b:1"), 1, 9)), "about another payload");
}

#[test]
pub(crate) fn the_shared_data() {
    let Some(manifest) = signatures("image.manifest.json") else { return };
    let blob = |name: &str| SignatureBlob::parse(&signatures(name).unwrap()).unwrap();
    let of = |bytes: &[u8]| Digest::from_sha256_bytes(&Sha256::digest(bytes).into());
    let gpg = |identity: &str| {
        let keys = STANDARD.encode(signatures("pubring.gpg").unwrap());
        format!(r#"{{"type": "signedBy", "keyType": "GPGKeys", "keyData": "{keys}", "signedIdentity": {identity}}}"#)
    };
    let any = r#"{"type": "exactRepository", "dockerRepository": "docker.io/testing/manifest"}"#;
    let check = |requirement: &str, manifest: &[u8], names: &[&str], expected: &str| {
        let blobs: Vec<_> = names.iter().map(|name| blob(name)).collect();
        let found = verdict(requirement, "docker.io/testing/manifest:latest", &of(manifest), &blobs);
        assert!(found.contains(expected), "{names:?}: {found}");
    };
    let good = "dir-img-valid/signature-1";
    check(&gpg(any), &manifest, &[good], "ok");
    check(&gpg(any), &manifest, &["unknown-key.signature", good], "ok");
    check(&gpg(any), &manifest, &["unknown-key.signature"], "is not in the key ring");
    check(&gpg(any), &manifest, &["corrupt.signature"], "invalid signature");
    check(&gpg(any), &manifest, &["invalid-blob.signature"], "the signed payload is not what a signature says");
    check(&gpg(any), b"another manifest", &[good], "signature for the manifest");
    check(&gpg(any), &manifest, &["dir-img-cosign-valid/signature-1"], "no signature exists");
    let modified = signatures("dir-img-modified-manifest/manifest.json").unwrap();
    check(&gpg(any), &modified, &[good], "signature for the manifest");

    let cosign = |identity: &str| {
        let key = STANDARD.encode(signatures("cosign.pub").unwrap());
        format!(r#"{{"type": "sigstoreSigned", "keyData": "{key}", "signedIdentity": {identity}}}"#)
    };
    let sample = r#"{"type": "exactRepository", "dockerRepository": "192.168.64.2:5000/cosign-signed-single-sample"}"#;
    let manifest = signatures("dir-img-cosign-valid/manifest.json").unwrap();
    let good = "dir-img-cosign-valid/signature-1";
    check(&cosign(sample), &manifest, &[good], "ok");
    check(&cosign(r#"{"type": "matchRepository"}"#), &manifest, &[good], "signature for identity");
    let second = "dir-img-cosign-valid-2/signature-2";
    check(&cosign(sample), &manifest, &[second], "ok");
    check(&cosign(sample), &manifest, &["unknown-cosign-key.signature", second], "ok");
    let tagged = signatures("dir-img-cosign-valid-with-tag/manifest.json").unwrap();
    let repository = r#"{"type": "exactRepository", "dockerRepository": "192.168.64.2:5000/skopeo-signed"}"#;
    check(&cosign(repository), &tagged, &["dir-img-cosign-valid-with-tag/signature-1"], "ok");
    check(
        &cosign(&repository.replace("skopeo", "other")),
        &tagged,
        &["dir-img-cosign-valid-with-tag/signature-1"],
        "signature for identity",
    );
    check(&cosign(sample), &manifest, &["unknown-cosign-key.signature"], "none of the trusted keys made it");
    check(&cosign(sample), &manifest, &["dir-img-cosign-other-attachment/signature-1"], "no signature exists");
    let modified = signatures("dir-img-cosign-modified-manifest/manifest.json").unwrap();
    check(&cosign(sample), &modified, &[good], "signature for the manifest");
}
