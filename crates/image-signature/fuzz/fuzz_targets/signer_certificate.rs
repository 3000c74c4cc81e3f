//! Certificates of signers: whatever is done to a good one, it never speaks for anybody else, and noise for nobody.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image_ref::{Digest, ImageRef, Transport};
use image_signature::cosign::SigningKey;
use image_signature::policy::{Candidate, evaluate};
use image_signature::{COSIGN_CERTIFICATE, COSIGN_CHAIN, Payload, SignatureBlob};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use registries_conf::Policy;

/// An authority, and a key with its certificate, made with openssl for this.
const ROOT: &str = include_str!("../fixtures/root.pem");
const KEY: &str = include_str!("../fixtures/signer.key");
const CERTIFICATE: &[u8] = include_bytes!("../fixtures/signer.der");

/// A place in the good certificate, how many bytes go there, and what comes instead.
type Edit<'a> = (u16, u8, &'a [u8]);

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

fuzz_target!(|input: (Vec<Edit<'_>>, &[u8], &[u8], bool)| {
    let (edits, noise, chain, as_root) = input;
    let mut certificate = CERTIFICATE.to_vec();
    for (at, gone, new) in edits {
        let from = usize::from(at) % (certificate.len() + 1);
        let to = (from + usize::from(gone)).min(certificate.len());
        certificate.splice(from..to, new.iter().copied());
    }
    // A root that cannot be read is left out of its bundle.
    let roots = if as_root { format!("{}{ROOT}", pem(noise)) } else { ROOT.to_owned() };
    let policy = |rest: &str| {
        let roots = STANDARD.encode(&roots);
        let text =
            format!(r#"{{"default": [{{"type": "sigstoreSigned", "pki": {{"caRootsData": "{roots}", {rest}}}}}]}}"#);
        Policy::parse("fuzz", &text).expect("a policy")
    };
    let digest = Digest::from_sha256_bytes(&[7; 32]);
    let image = ImageRef::parse("reg.io/a:1").expect("a reference");
    let key = SigningKey::from_pem(KEY).expect("the key is good");
    let mut signature = key.sign(&Payload {
        manifest_digest: digest.clone(),
        docker_reference: "reg.io/a:1".to_owned(),
        creator: None,
        timestamp: None,
    });
    let good = certificate == CERTIFICATE && chain.is_empty();
    if !chain.is_empty() {
        signature.annotations.insert(COSIGN_CHAIN.to_owned(), pem(chain));
    }
    for (der, good) in [(certificate.as_slice(), good), (noise, false)] {
        signature.annotations.insert(COSIGN_CERTIFICATE.to_owned(), pem(der));
        let signatures = [SignatureBlob::Sigstore(signature.clone())];
        let candidate = Candidate {
            transport: &Transport::Docker,
            image: &image,
            manifest_digest: &digest,
            signatures: &signatures,
        };
        let no_files = |_: &std::path::Path| Err("no files".to_owned());
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let ask = |rest: &str| evaluate(&policy(rest), &candidate, now, &no_files);
        let named = ask(r#""subjectEmail": "signer@lab.example", "subjectHostname": "build.lab.example""#);
        assert!(named.is_ok() || !good, "{named:?}");
        assert!(as_root || ask(r#""subjectEmail": "other@lab.example""#).is_err());
        if let Err(refused) = named {
            assert!(!refused.to_string().contains('\n'), "{refused}");
        }
    }
});
