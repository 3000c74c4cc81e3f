//! `sigstoreSigned` with certificates: of Fulcio, at the moment that a log confirms, and of an authority of one's own.

use image_signature::{COSIGN_BUNDLE, COSIGN_CERTIFICATE, COSIGN_CHAIN, COSIGN_SIGNATURE};
use serde_json::json;
use test_support::{Image, SigningAuthority, SigningCertificate, Subject, TransparencyLog};

use super::{KEY, Row, World, check, signature};

const EMAIL: &str = "signer@lab.example";
const PROVIDER: &str = "https://login.lab.example";

/// What a signer with a certificate attaches; `log` has seen it.
fn certified(
    by: &SigningCertificate,
    log: Option<&TransparencyLog>,
    name: &str,
    signed: &Image,
    altered: bool,
) -> Image {
    let mut image = signature(&by.key, name, signed, altered);
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.bytes).unwrap();
    let annotations = &mut manifest["layers"][0]["annotations"];
    annotations[COSIGN_CERTIFICATE] = by.certificate.clone().into();
    annotations[COSIGN_CHAIN] = by.chain.clone().into();
    if let Some(log) = log {
        let text = annotations[COSIGN_SIGNATURE].as_str().unwrap();
        // 2023-06-01: the certificates of this module have expired since.
        annotations[COSIGN_BUNDLE] = log.bundle(&image.blobs[1].bytes, text, &by.certificate, 1_685_577_600).into();
    }
    image.bytes = manifest.to_string().into();
    image.digest = test_support::manifest_digest(&image.bytes);
    image
}

/// Every row in all forms, for one of both kinds of authority.
fn check_authority(fulcio: bool) {
    let (authority, foreign, log) = (SigningAuthority::new(), SigningAuthority::new(), TransparencyLog::new());
    let always = Subject { email: Some(EMAIL), ..Subject::default() };
    let briefly =
        Subject { oidc_issuer: Some(PROVIDER), from: Some((2023, 5, 31)), until: Some((2023, 6, 2)), ..always.clone() };
    let subject = if fulcio { briefly } else { always };
    let (holder, stranger) = (authority.issue(&subject), foreign.issue(&subject));
    let other = authority.issue(&Subject { email: Some("other@lab.example"), ..subject.clone() });
    let other_provider = authority.issue(&Subject { oidc_issuer: Some("https://other.lab.example"), ..subject });
    let seen = fulcio.then_some(&log);
    let attach = |row: &str, name: &str, image: &Image, _: bool| match row {
        "good" => Some(certified(&holder, seen, name, image, false)),
        "only-a-key" => Some(signature(KEY, name, image, false)),
        "foreign-authority" => Some(certified(&stranger, seen, name, image, false)),
        "altered" => Some(certified(&holder, seen, name, image, true)),
        "another-identity" => Some(certified(&other, seen, name, image, false)),
        "another-provider" => Some(certified(&other_provider, seen, name, image, false)),
        "other-name" => Some(certified(&holder, seen, &format!("{name}-other"), image, false)),
        "not-in-the-log" => Some(certified(&holder, None, name, image, false)),
        _ => None,
    };
    let rule = |world: &World| {
        let file = |name: &str, text: String| world.home.write(name, text).display().to_string();
        let root = file("root.pem", authority.root());
        let identity = json!({"type": "matchRepository"});
        if fulcio {
            json!({
                "type": "sigstoreSigned", "signedIdentity": identity,
                "fulcio": {"caPath": root, "oidcIssuer": PROVIDER, "subjectEmail": EMAIL},
                "rekorPublicKeyPath": file("rekor.pub", log.public_key()),
            })
        } else {
            json!({
                "type": "sigstoreSigned", "signedIdentity": identity,
                "pki": {"caRootsPath": root, "subjectEmail": EMAIL},
            })
        }
    };
    let mut rows: Vec<Row> = vec![
        ("good", None),
        ("absent", Some("no signature exists")),
        ("only-a-key", Some("the signature carries no certificate")),
        ("foreign-authority", Some("no trusted authority vouches for")),
        ("altered", Some("the holder of the certificate for")),
        ("another-identity", Some("required is `signer@lab.example`")),
        ("other-name", Some("-other` is not accepted")),
    ];
    if fulcio {
        rows.push(("another-provider", Some("required is one of `https://login.lab.example`")));
        rows.push(("not-in-the-log", Some("carries no Rekor bundle")));
    }
    check(rule, &rows, &attach);
}

#[test]
fn signatures_with_a_certificate_of_fulcio() {
    check_authority(true);
}

#[test]
fn signatures_with_a_certificate_of_ones_own_authority() {
    check_authority(false);
}
