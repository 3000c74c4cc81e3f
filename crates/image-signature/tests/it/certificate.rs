//! Signers with certificates: whom an authority vouches for, and when (`docs/behaviour/release.md` 7.7, `sigstoreSigned`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image_ref::Digest;
use image_signature::cosign::SigningKey;
use image_signature::{
    COSIGN_BUNDLE, COSIGN_CERTIFICATE, COSIGN_CHAIN, COSIGN_SIGNATURE, SignatureBlob, SigstoreSignature,
};
use sha2::{Digest as _, Sha256};
use test_support::{SigningAuthority, SigningCertificate, Subject, TransparencyLog};

use crate::cosign::payload;
use crate::policy::{digest, verdict};
use crate::signatures;

const NAME: &str = "reg.io/a:1";
const EMAIL: &str = "signer@lab.example";
const HOST: &str = "build.lab.example";
const PROVIDER: &str = "https://login.lab.example";
/// 2023-06-01T00:00:00Z, within the days of a certificate of [`briefly`].
const LOGGED: i64 = 1_685_577_600;

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// What the holder of a certificate attaches to an image.
fn signed(by: &SigningCertificate) -> SigstoreSignature {
    let mut signature = SigningKey::from_pem(&by.key).unwrap().sign(&payload(NAME));
    signature.annotations.insert(COSIGN_CERTIFICATE.into(), by.certificate.clone());
    signature.annotations.insert(COSIGN_CHAIN.into(), by.chain.clone());
    signature
}

#[track_caller]
fn check(what: &str, rule: &str, signature: SigstoreSignature, expected: &str) {
    let found = verdict(rule, NAME, &digest(), &[SignatureBlob::Sigstore(signature)]);
    assert!(found.contains(expected), "{what}: {found}");
    assert!(found == "ok" || found.contains("is rejected by policy: `sigstoreSigned`"), "{what}: {found}");
}

/// A certificate of few days, as Fulcio issues them (there, of minutes).
fn briefly() -> Subject<'static> {
    Subject {
        email: Some(EMAIL),
        oidc_issuer: Some(PROVIDER),
        from: Some((2023, 5, 31)),
        until: Some((2023, 6, 2)),
        ..Subject::default()
    }
}

#[test]
fn fulcio() {
    let (authority, foreign) = (SigningAuthority::new(), SigningAuthority::new());
    let (log, other_log) = (TransparencyLog::new(), TransparencyLog::new());
    let rule = |authority: &SigningAuthority, email: &str, provider: &str| {
        format!(
            r#"{{"type": "sigstoreSigned", "rekorPublicKeyData": "{}",
                 "fulcio": {{"caData": "{}", "oidcIssuer": "{provider}", "subjectEmail": "{email}"}}}}"#,
            base64(&log.public_key()),
            base64(&authority.root()),
        )
    };
    let required = rule(&authority, EMAIL, PROVIDER);
    let logged_at = |mut signature: SigstoreSignature, log: &TransparencyLog, seconds: i64| {
        let (text, certificate) =
            (&signature.annotations[COSIGN_SIGNATURE], &signature.annotations[COSIGN_CERTIFICATE]);
        let bundle = log.bundle(&signature.payload, text, certificate, seconds);
        signature.annotations.insert(COSIGN_BUNDLE.into(), bundle);
        signature
    };
    let logged = |signature: SigstoreSignature| logged_at(signature, &log, LOGGED);
    let holder = authority.issue(&briefly());
    let good = logged(signed(&holder));

    // The certificate has long expired; the log confirms that the signature was made before.
    check("good", &required, good.clone(), "ok");
    let without = |annotation: &str| {
        let mut signature = good.clone();
        signature.annotations.remove(annotation);
        signature
    };
    check("no certificate", &required, without(COSIGN_CERTIFICATE), "the signature carries no certificate");
    check("no bundle", &required, without(COSIGN_BUNDLE), "carries no Rekor bundle, which the policy requires");
    check("no chain", &required, without(COSIGN_CHAIN), "no chain leads to a trusted root");
    check("no signature", &required, without(COSIGN_SIGNATURE), "the signature annotation is missing");
    check("another log", &required, logged_at(signed(&holder), &other_log, LOGGED), "not signed by a trusted log");
    check("too late", &required, logged_at(signed(&holder), &log, LOGGED + 864_000), "had expired at 2023-06-11");
    check("too early", &required, logged_at(signed(&holder), &log, LOGGED - 864_000), "not yet valid at 2023-05-22");
    check("before time", &required, logged_at(signed(&holder), &log, -5), "no root is valid at 1969-12-31");
    check("out of range", &required, logged_at(signed(&holder), &log, i64::MAX), "the time is out of range");
    check("foreign authority", &rule(&foreign, EMAIL, PROVIDER), good.clone(), "no trusted authority vouches for");
    let as_good = foreign.issue(&briefly());
    check("issued by a stranger", &required, logged(signed(&as_good)), "certificate of `signer@lab.example`: ");
    check(
        "another address",
        &rule(&authority, "other@lab.example", PROVIDER),
        good.clone(),
        "the certificate is for `signer@lab.example`, required is `other@lab.example`",
    );
    check(
        "another provider",
        &rule(&authority, EMAIL, "https://other.example"),
        good.clone(),
        "is for an identity of `https://login.lab.example`, required is one of `https://other.example`",
    );
    let without_provider = authority.issue(&Subject { oidc_issuer: None, ..briefly() });
    check("no provider", &required, logged(signed(&without_provider)), "an identity of no provider");
    let newer = authority.issue(&Subject { oidc_issuer: None, oidc_issuer_v2: Some(PROVIDER), ..briefly() });
    check("provider in the newer form", &required, logged(signed(&newer)), "ok");
    let two = authority.issue(&Subject { oidc_issuer_v2: Some("https://other.example"), ..briefly() });
    check("two providers", &required, logged(signed(&two)), "the identity provider in the certificate cannot be read");

    // What the log has seen must be this.
    let mut other_certificate = good.clone();
    let sibling = authority.issue(&briefly());
    other_certificate.annotations.insert(COSIGN_CERTIFICATE.into(), sibling.certificate.clone());
    check("certificate exchanged", &required, other_certificate, "the Rekor entry is about another certificate");
    let mut altered = good.clone();
    altered.payload.push(b' ');
    check("payload altered", &required, altered.clone(), "the Rekor entry is about another payload");
    check(
        "altered and logged",
        &required,
        logged(altered),
        "the holder of the certificate for `signer@lab.example` did",
    );
    let mut another = signed(&holder);
    another.annotations.insert(COSIGN_SIGNATURE.into(), signed(&sibling).annotations[COSIGN_SIGNATURE].clone());
    check("signed by another", &required, logged(another), "invalid signature: the holder of the certificate for");
}

#[test]
fn pki() {
    let authority = SigningAuthority::new();
    let rule = |rest: &str, roots: &str| {
        format!(r#"{{"type": "sigstoreSigned", "pki": {{"caRootsData": "{}", {rest}}}}}"#, base64(roots))
    };
    let root = authority.root();
    let email = format!(r#""subjectEmail": "{EMAIL}""#);
    let subject = || Subject { email: Some(EMAIL), host: Some(HOST), ..Subject::default() };
    let good = signed(&authority.issue(&subject()));

    check("address", &rule(&email, &root), good.clone(), "ok");
    check("host", &rule(&format!(r#""subjectHostname": "{HOST}""#), &root), good.clone(), "ok");
    check("both", &rule(&format!(r#"{email}, "subjectHostname": "{HOST}""#), &root), good.clone(), "ok");
    let both = rule(&format!(r#"{email}, "subjectHostname": "other.example""#), &root);
    check("one of two", &both, good.clone(), "`build.lab.example`, required is `other.example`");
    let other = rule(r#""subjectEmail": "SIGNER@lab.example""#, &root);
    check("another address", &other, good.clone(), "required is `SIGNER@lab.example`");
    let nobody = signed(&authority.issue(&Subject::default()));
    check("for nobody", &rule(&email, &root), nobody, "the certificate is for nobody");
    let wild = signed(&authority.issue(&Subject { host: Some("*.lab.example"), ..Subject::default() }));
    check("one label", &rule(&format!(r#""subjectHostname": "{HOST}""#), &root), wild.clone(), "ok");
    check("two labels", &rule(r#""subjectHostname": "a.b.lab.example""#, &root), wild, "the certificate is for");

    // Where the intermediate comes from does not matter, if it comes.
    let mut bare = good.clone();
    bare.annotations.remove(COSIGN_CHAIN);
    let configured = format!(r#"{email}, "caIntermediatesData": "{}""#, base64(&authority.intermediate()));
    check("intermediate of the policy", &rule(&configured, &root), bare.clone(), "ok");
    check("no intermediate", &rule(&email, &root), bare.clone(), "no chain leads to a trusted root");
    let mut broken = good.clone();
    let half = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    broken.annotations.insert(COSIGN_CHAIN.into(), half.into());
    check("broken chain", &rule(&email, &root), broken, "the certificate chain cannot be read");
    let odd = format!("{half}{root}");
    check("a bundle with an odd root", &rule(&email, &odd), good.clone(), "ok");

    let foreign = SigningAuthority::new();
    check("foreign root", &rule(&email, &foreign.root()), good.clone(), "no trusted authority vouches");
    let past = SigningAuthority::until((2025, 6, 1));
    let of_past = signed(&past.issue(&subject()));
    check("expired root", &rule(&email, &past.root()), of_past, "no root is valid at 2026-01-01T00:00:00Z");
    let expired = signed(&authority.issue(&Subject { until: Some((2025, 12, 31)), ..subject() }));
    check("expired", &rule(&email, &root), expired, "a certificate of the chain had expired at 2026-01-01");
    let future = signed(&authority.issue(&Subject { from: Some((2026, 2, 1)), ..subject() }));
    check("not yet valid", &rule(&email, &root), future, "was not yet valid at 2026-01-01");
    let server = signed(&authority.issue(&Subject { for_servers: true, ..subject() }));
    check("for servers", &rule(&email, &root), server, "it is not meant for signing code");
    let ca = signed(&authority.issue(&Subject { authority: true, ..subject() }));
    check("an authority", &rule(&email, &root), ca, "it is the certificate of an authority");

    let mut altered = good.clone();
    altered.payload.push(b' ');
    check("altered", &rule(&email, &root), altered, "invalid signature: the holder of the certificate for");
    let mut twice = good.clone();
    twice.annotations.get_mut(COSIGN_CERTIFICATE).unwrap().push_str(&root);
    check("two certificates", &rule(&email, &root), twice, "carries 2 certificates of a signer, expected one");
    for noise in ["", "noise", half] {
        let mut noisy = good.clone();
        noisy.annotations.insert(COSIGN_CERTIFICATE.into(), noise.into());
        check("noise", &rule(&email, &root), noisy, "[1] the ");
    }
    // A signature that needs no certificate is none here, even with a good key.
    bare.annotations.remove(COSIGN_CERTIFICATE);
    check("no certificate", &rule(&email, &root), bare, "the signature carries no certificate");
}

/// Rekor's public key. Its log id, the SHA-256 of the key, stands in the bundles of the shared data.
const REKOR: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n\
    kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n\
    -----END PUBLIC KEY-----\n";

/// Signatures of the real Fulcio, Rekor and an authority made with openssl.
#[test]
pub(crate) fn the_shared_data() {
    if signatures("fulcio_v1.crt.pem").is_none() {
        return;
    }
    let text = |name: &str| String::from_utf8(signatures(name).unwrap()).unwrap();
    let file = |name: &str| base64(&text(name));
    let sigstore = |folder: &str| {
        let blob = SignatureBlob::parse(&signatures(&format!("{folder}/signature-1")).unwrap()).unwrap();
        let SignatureBlob::Sigstore(signature) = blob else { panic!("{folder}") };
        signature
    };
    let check_signature =
        |rule: &str, rest: &str, folder: &str, repository: &str, signature: SigstoreSignature, expected: &str| {
            let rule = format!(
                r#"{{"type": "sigstoreSigned", {rule}{rest},
                 "signedIdentity": {{"type": "exactRepository", "dockerRepository": "{repository}"}}}}"#
            );
            let manifest = signatures(&format!("{folder}/manifest.json")).unwrap();
            let digest = Digest::from_sha256_bytes(&Sha256::digest(&manifest).into());
            let found = verdict(&rule, NAME, &digest, &[SignatureBlob::Sigstore(signature)]);
            assert!(found.contains(expected), "{folder}: {found}");
        };
    let check = |rule: &str, rest: &str, folder: &str, repository: &str, expected: &str| {
        check_signature(rule, rest, folder, repository, sigstore(folder), expected);
    };
    let rekor = format!(r#", "rekorPublicKeyData": "{}""#, base64(REKOR));
    let fulcio = |email: &str, issuer: &str| {
        let ca = file("fulcio_v1.crt.pem");
        format!(r#""fulcio": {{"caData": "{ca}", "oidcIssuer": "{issuer}", "subjectEmail": "{email}"}}"#)
    };
    let (folder, repository) = ("dir-img-cosign-fulcio-rekor-valid", "192.168.64.2:5000/cosign-signed/fulcio-rekor-1");
    let github = "https://github.com/login/oauth";
    check(&fulcio("mitr@redhat.com", github), &rekor, folder, repository, "ok");
    check(&fulcio("other@redhat.com", github), &rekor, folder, repository, "is for `mitr@redhat.com`, required is");
    check(&fulcio("mitr@redhat.com", "https://x.example"), &rekor, folder, repository, "required is one of");
    check(&fulcio("mitr@redhat.com", github), &rekor, folder, "reg.io/other", "is not accepted");

    // Another certificate of the same person, of ten minutes, which signed something else: it is vouched for only while it
    // was valid, and then the signature is not its.
    let log = TransparencyLog::new();
    let own_log = format!(r#", "rekorPublicKeyData": "{}""#, base64(&log.public_key()));
    let with_other = |chain: bool, time: &str| {
        let mut signature = sigstore(folder);
        let certificate = text("fulcio-cert");
        signature.annotations.insert(COSIGN_CERTIFICATE.into(), certificate.clone());
        signature.annotations.insert(COSIGN_CHAIN.into(), if chain { text("fulcio-chain") } else { String::new() });
        let seconds = time.parse::<jiff::Timestamp>().unwrap().as_second();
        let bundle = log.bundle(&signature.payload, &signature.annotations[COSIGN_SIGNATURE], &certificate, seconds);
        signature.annotations.insert(COSIGN_BUNDLE.into(), bundle);
        signature
    };
    let within = "2022-12-12T18:50:00Z";
    for (signature, email, expected) in [
        (
            with_other(true, within),
            "mitr@redhat.com",
            "invalid signature: the holder of the certificate for `mitr@redhat.com`",
        ),
        (with_other(true, within), "other@redhat.com", "is for `mitr@redhat.com`, required is"),
        (with_other(true, "2022-12-12T18:59:00Z"), "mitr@redhat.com", "had expired at 2022-12-12T18:59:00Z"),
        (with_other(true, "2022-12-12T18:48:00Z"), "mitr@redhat.com", "was not yet valid at 2022-12-12T18:48:00Z"),
        (with_other(false, within), "mitr@redhat.com", "no chain leads to a trusted root"),
    ] {
        check_signature(&fulcio(email, github), &own_log, folder, repository, signature, expected);
    }

    let pki = |rest: &str, roots: &str| format!(r#""pki": {{"caRootsData": "{}", {rest}}}"#, file(roots));
    let (folder, repository) = ("dir-img-cosign-pki-valid", "localhost:5000/test");
    let email = r#""subjectEmail": "qiwan@redhat.com""#;
    let host = r#""subjectHostname": "myhost.example.com""#;
    check(&pki(email, "pki_root_crts.pem"), "", folder, repository, "ok");
    check(&pki(&format!("{email}, {host}"), "pki_root_crts.pem"), "", folder, repository, "ok");
    check(&pki(email, "fulcio_v1.crt.pem"), "", folder, repository, "no trusted authority vouches");
    check(&pki(r#""subjectHostname": "example.com""#, "pki_root_crts.pem"), "", folder, repository, "required is");
    let with = |certificate: Option<&str>, chain: Option<&str>| {
        let mut signature = sigstore(folder);
        if let Some(certificate) = certificate {
            signature.annotations.insert(COSIGN_CERTIFICATE.into(), text(certificate));
        }
        signature.annotations.insert(COSIGN_CHAIN.into(), chain.map(text).unwrap_or_default());
        signature
    };
    let plain = pki(email, "pki_root_crts.pem");
    let intermediates = format!(r#"{email}, "caIntermediatesData": "{}""#, file("pki_intermediate_crts.pem"));
    let helped = pki(&intermediates, "pki_root_crts.pem");
    for (rule, signature, expected) in [
        (&plain, with(None, None), "no chain leads to a trusted root"),
        (&helped, with(None, None), "ok"),
        (&plain, with(None, Some("pki-chain")), "ok"),
        (&plain, with(Some("pki-cert"), Some("pki-chain")), "ok"),
        (&helped, with(Some("pki-cert"), None), "ok"),
        (&plain, with(Some("fulcio-cert"), Some("fulcio-chain")), "no trusted authority vouches for"),
    ] {
        check_signature(rule, "", folder, repository, signature, expected);
    }

    let keys = |name: &str| format!(r#""keyData": "{}""#, file(name));
    let (folder, repository) = ("dir-img-cosign-key-rekor-valid", "192.168.64.2:5000/cosign-signed/key-1");
    check(&keys("cosign2.pub"), &rekor, folder, repository, "ok");
    check(&keys("cosign.pub"), &rekor, folder, repository, "none of the trusted keys made it");
}
