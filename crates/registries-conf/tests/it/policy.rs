//! policy.json: what is accepted as a policy, and which part of it applies (`docs/behaviour/release.md` 7.7).

use image_ref::{ImageRef, Transport};
use insta::assert_snapshot;
use registries_conf::Policy;
use registries_conf::policy::{KeySource, Requirement, SignedIdentity, SigstoreTrust};

use crate::shared;

/// A policy whose default is the one requirement `json`.
fn with(json: &str) -> Result<Policy, String> {
    Policy::parse("policy.json", &format!(r#"{{"default": [{json}]}}"#)).map_err(|error| error.to_string())
}

fn only(json: &str) -> Requirement {
    let policy = with(json).unwrap();
    let image = ImageRef::parse("reg.io/x:1").unwrap();
    policy.requirements_for(&Transport::Docker, &image).requirements[0].clone()
}

#[test]
fn the_most_specific_scope_applies_alone() {
    let hex = "a".repeat(64);
    let scopes = [
        "reg.io:5000/ns/app:1".to_owned(),
        format!("reg.io:5000/ns/app@sha256:{hex}"),
        "reg.io:5000/ns/app".to_owned(),
        "reg.io:5000/ns".to_owned(),
        "reg.io:5000".to_owned(),
        "*.deep.io".to_owned(),
        "*.io".to_owned(),
        "docker.io/library".to_owned(),
        String::new(),
    ];
    let sections: Vec<_> = scopes.iter().map(|scope| format!(r#""{scope}": [{{"type": "reject"}}]"#)).collect();
    let text = format!(
        r#"{{"default": [{{"type": "insecureAcceptAnything"}}], "transports": {{"docker": {{{}}}, "oci": {{"/srv": [{{"type": "reject"}}], "/srv/a:x": [{{"type": "reject"}}]}}, "atomic": {{}}}}}}"#,
        sections.join(",")
    );
    let policy = Policy::parse("p.json", &text).unwrap();
    let check = |image: &str, expected: &str| {
        let image = ImageRef::parse(image).unwrap();
        assert_eq!(policy.requirements_for(image.transport(), &image).to_string(), expected, "{image}");
    };
    check("reg.io:5000/ns/app:1", r#"transports.docker."reg.io:5000/ns/app:1" of p.json"#);
    check(
        &format!("reg.io:5000/ns/app@sha256:{hex}"),
        &format!(r#"transports.docker."reg.io:5000/ns/app@sha256:{hex}" of p.json"#),
    );
    check("reg.io:5000/ns/app:2", r#"transports.docker."reg.io:5000/ns/app" of p.json"#);
    check("reg.io:5000/ns/app/sub:2", r#"transports.docker."reg.io:5000/ns/app" of p.json"#);
    check("reg.io:5000/ns/application:2", r#"transports.docker."reg.io:5000/ns" of p.json"#);
    check("reg.io:5000/x:2", r#"transports.docker."reg.io:5000" of p.json"#);
    check("reg.io/x:2", r#"transports.docker."*.io" of p.json"#);
    check("a.b.deep.io:443/x:2", r#"transports.docker."*.deep.io" of p.json"#);
    check("deep.io/x:2", r#"transports.docker."*.io" of p.json"#);
    check("busybox:1", r#"transports.docker."docker.io/library" of p.json"#);
    check("reg.org/x:1", r#"transports.docker."" of p.json"#);
    check("oci:///srv/a:x", r#"transports.oci."/srv/a:x" of p.json"#);
    check("oci:///srv/a:y", r#"transports.oci."/srv" of p.json"#);
    check("oci:///srv2/a", "default of p.json");
    check("dir:///srv/a", "default of p.json");
}

#[test]
fn every_requirement_type() {
    assert_eq!(only(r#"{"type": "insecureAcceptAnything"}"#), Requirement::InsecureAcceptAnything);
    assert_eq!(only(r#"{"type": "reject"}"#), Requirement::Reject);
    let signed_by = |json: &str| match only(json) {
        Requirement::SignedBy(signed) => signed,
        other => panic!("{other:?}"),
    };
    let signed = signed_by(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}"#);
    assert_eq!(signed.keys, KeySource::Paths(vec!["/k".into()]));
    assert_eq!(signed.signed_identity, SignedIdentity::MatchRepoDigestOrExact);
    let signed = signed_by(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/a", "/b"]}"#);
    assert_eq!(signed.keys, KeySource::Paths(vec!["/a".into(), "/b".into()]));
    let signed = signed_by(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyData": "a2V5"}"#);
    assert_eq!(signed.keys, KeySource::Data(vec![b"key".to_vec()]));

    let sigstore = |rest: &str| match only(&format!(r#"{{"type": "sigstoreSigned", {rest}}}"#)) {
        Requirement::SigstoreSigned(signed) => signed,
        other => panic!("{other:?}"),
    };
    assert_eq!(sigstore(r#""keyPath": "/k""#).trust, SigstoreTrust::Keys(KeySource::Paths(vec!["/k".into()])));
    assert_eq!(
        sigstore(r#""keyDatas": ["a2V5", "a2V6"], "rekorPublicKeyPath": "/r""#).rekor,
        Some(KeySource::Paths(vec!["/r".into()]))
    );
    let fulcio = sigstore(
        r#""fulcio": {"caPath": "/ca", "oidcIssuer": "https://i", "subjectEmail": "a@b"}, "rekorPublicKeyDatas": ["a2V5"]"#,
    );
    assert!(
        matches!(fulcio.trust, SigstoreTrust::Fulcio(fulcio) if fulcio.oidc_issuer == "https://i" && fulcio.subject_email == "a@b")
    );
    let pki = sigstore(r#""pki": {"caRootsPath": "/r", "caIntermediatesPath": "/i", "subjectHostname": "h"}"#);
    assert!(
        matches!(pki.trust, SigstoreTrust::Pki(pki) if pki.intermediates.is_some() && pki.subject_hostname.as_deref() == Some("h"))
    );

    let identity = |json: &str| {
        signed_by(&format!(
            r#"{{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {json}}}"#
        ))
        .signed_identity
    };
    assert_eq!(identity(r#"{"type": "matchExact"}"#), SignedIdentity::MatchExact);
    assert_eq!(identity(r#"{"type": "matchRepoDigestOrExact"}"#), SignedIdentity::MatchRepoDigestOrExact);
    assert_eq!(identity(r#"{"type": "matchRepository"}"#), SignedIdentity::MatchRepository);
    assert_eq!(
        identity(r#"{"type": "exactReference", "dockerReference": "busybox:1"}"#),
        SignedIdentity::ExactReference(ImageRef::parse("docker.io/library/busybox:1").unwrap())
    );
    assert_eq!(
        identity(r#"{"type": "exactRepository", "dockerRepository": "reg.io/x"}"#),
        SignedIdentity::ExactRepository("reg.io/x".parse().unwrap())
    );
    assert_eq!(
        identity(r#"{"type": "remapIdentity", "prefix": "reg.io:5000", "signedPrefix": "quay.io/ns"}"#),
        SignedIdentity::Remap { prefix: "reg.io:5000".into(), signed_prefix: "quay.io/ns".into() }
    );
}

#[test]
fn mistakes_are_refused() {
    let file = |text: &str| Policy::parse("policy.json", text).unwrap_err().to_string();
    assert_snapshot!(file(""), @"policy.json:1:1: invalid policy: EOF while parsing a value");
    assert_snapshot!(file("{}"), @"policy.json:1:2: invalid policy: missing field `default`");
    assert_snapshot!(
        file(r#"{"default": []}"#),
        @r#"policy.json: invalid policy: default: the list of requirements must not be empty; write `[{"type": "reject"}]` to refuse"#
    );
    assert_snapshot!(
        file("{\"default\": [{\"type\": \"reject\"}],\n \"transport\": {}}"),
        @"policy.json:2:12: invalid policy: unknown field `transport`, expected `default` or `transports`"
    );
    assert_snapshot!(
        file(r#"{"default": [{"type": "reject"}], "default": [{"type": "reject"}]}"#),
        @"policy.json:1:43: invalid policy: duplicate field `default`"
    );
    assert_snapshot!(
        file(r#"{"default": [{"type": "reject"}], "transports": {"docker": {"a": [{"type": "reject"}], "a": []}}}"#),
        @"policy.json:1:90: invalid policy: duplicate key `a`"
    );
    assert_snapshot!(
        file(r#"{"default": [{"type": "reject"}], "transports": {"docker": {"a": []}}}"#),
        @r#"policy.json: invalid policy: transports.docker."a": the list of requirements must not be empty; write `[{"type": "reject"}]` to refuse"#
    );
    assert_snapshot!(
        file(r#"{"default": [{"type": "reject"}], "transports": {"docker": {"a": [{"type": "signedBy", "keyType": "GPGKeys"}]}}}"#),
        @r#"policy.json: invalid policy: transports.docker."a"[0]: exactly one of keyPath, keyPaths and keyData must be specified"#
    );

    let error = |json: &str| with(json).unwrap_err();
    assert_snapshot!(
        error(r#"{"type": "allow"}"#),
        @"policy.json:1:29: invalid policy: unknown variant `allow`, expected one of `insecureAcceptAnything`, `reject`, `signedBy`, `signedBaseLayer`, `sigstoreSigned`"
    );
    assert_snapshot!(error("{}"), @"policy.json:1:15: invalid policy: missing field `type`");
    assert_snapshot!(
        error(r#"{"type": "reject", "keyPath": "/k"}"#),
        @"policy.json:1:48: invalid policy: unknown field `keyPath`, there are no fields"
    );
    assert_snapshot!(
        error(r#"{"type": "reject", "type": "insecureAcceptAnything"}"#),
        @"policy.json:1:38: invalid policy: duplicate field `type`"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyPath": "/k"}"#),
        @"policy.json:1:50: invalid policy: missing field `keyType`"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "PGP", "keyPath": "/k"}"#),
        @"policy.json: invalid policy: default[0]: unknown keyType `PGP`, expected `GPGKeys`"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "keyData": "a2V5"}"#),
        @"policy.json: invalid policy: default[0]: exactly one of keyPath, keyPaths and keyData must be specified"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "keypath": "/k"}"#),
        @"policy.json:1:89: invalid policy: unknown field `keypath`, expected one of `keyType`, `keyPath`, `keyPaths`, `keyData`, `signedIdentity`"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": []}"#),
        @"policy.json: invalid policy: default[0]: keyPaths must not be empty"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyData": "?"}"#),
        @"policy.json: invalid policy: default[0]: keyData is not base64: Invalid symbol 63, offset 0."
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "matchNothing"}}"#),
        @"policy.json:1:116: invalid policy: unknown variant `matchNothing`, expected one of `matchExact`, `matchRepoDigestOrExact`, `matchRepository`, `exactReference`, `exactRepository`, `remapIdentity`"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "matchExact", "x": 1}}"#),
        @"policy.json:1:122: invalid policy: unknown field `x`, there are no fields"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "exactReference", "dockerReference": "reg.io/x"}}"#),
        @"policy.json: invalid policy: default[0]: dockerReference `reg.io/x` contains neither a tag nor a digest"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "exactRepository", "dockerRepository": "reg.io/UPPER"}}"#),
        @"policy.json: invalid policy: default[0]: dockerRepository: invalid repository path `UPPER`: expected lower-case components separated by `/`, like `openshift/cli`"
    );
    assert_snapshot!(
        error(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "remapIdentity", "prefix": "reg.io/x:1", "signedPrefix": "a.io"}}"#),
        @"policy.json: invalid policy: default[0]: prefix `reg.io/x:1` must be `host[:port]` or `host[:port]/path`"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned"}"#),
        @"policy.json: invalid policy: default[0]: exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki must be specified"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "keyPath": "/k", "unknown": 1}"#),
        @"policy.json:1:70: invalid policy: unknown field `unknown`, expected one of `keyPath`, `keyPaths`, `keyData`, `keyDatas`, `fulcio`, `pki`, `rekorPublicKeyPath`, `rekorPublicKeyPaths`, `rekorPublicKeyData`, `rekorPublicKeyDatas`, `signedIdentity`"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "keyPath": "/k", "pki": {"caRootsPath": "/r", "subjectEmail": "a@b"}}"#),
        @"policy.json: invalid policy: default[0]: exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki must be specified"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "keyPath": "/k", "rekorPublicKeyPath": "/r", "rekorPublicKeyData": "a2V5"}"#),
        @"policy.json: invalid policy: default[0]: at most one of rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and rekorPublicKeyDatas can be specified"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "fulcio": {"caPath": "/ca", "oidcIssuer": "i", "subjectEmail": "a@b"}}"#),
        @"policy.json: invalid policy: default[0]: a rekorPublicKeyPath or one of its relatives must be specified with fulcio"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "fulcio": {"oidcIssuer": "i", "subjectEmail": "a@b"}, "rekorPublicKeyPath": "/r"}"#),
        @"policy.json: invalid policy: default[0]: exactly one of fulcio.caPath and fulcio.caData must be specified"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "fulcio": {"caPath": "/ca", "caData": "a2V5", "oidcIssuer": "i", "subjectEmail": "a@b"}, "rekorPublicKeyPath": "/r"}"#),
        @"policy.json: invalid policy: default[0]: fulcio.caPath and fulcio.caData cannot both be specified"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "pki": {"caRootsPath": "/r", "subjectEmail": "a@b"}, "rekorPublicKeyPath": "/k"}"#),
        @"policy.json: invalid policy: default[0]: rekorPublicKeyPath and its relatives are not supported with pki"
    );
    assert_snapshot!(
        error(r#"{"type": "sigstoreSigned", "pki": {"caRootsPath": "/r"}}"#),
        @"policy.json: invalid policy: default[0]: at least one of pki.subjectHostname and pki.subjectEmail must be specified"
    );
}

/// What serde reads a struct, or a word that says its kind, from as well.
#[test]
fn a_list_is_no_object() {
    let check = |error: &str| {
        assert!(error.ends_with(": invalid policy: invalid type: sequence, expected a JSON object"), "{error}");
    };
    check(&Policy::parse("policy.json", r#"[[{"type": "reject"}]]"#).unwrap_err().to_string());
    for requirement in [
        r#"["insecureAcceptAnything"]"#,
        r#"{"type": "sigstoreSigned", "keyPath": "/k", "signedIdentity": ["matchRepository"]}"#,
        r#"{"type": "sigstoreSigned", "fulcio": ["/ca", null, "i", "a@b"], "rekorPublicKeyPath": "/r"}"#,
    ] {
        check(&with(requirement).unwrap_err());
    }
}

/// `base64` breaks what it writes into lines.
#[test]
fn key_data_in_lines() {
    let signed = only(r#"{"type": "signedBy", "keyType": "GPGKeys", "keyData": "a2\r\nV5\n"}"#);
    assert!(matches!(signed, Requirement::SignedBy(signed) if signed.keys == KeySource::Data(vec![b"key".to_vec()])));
}

#[test]
pub(crate) fn the_shared_data() {
    let Some(text) = shared("default-policy.json") else { return };
    let policy = Policy::parse("default-policy.json", &text).unwrap();
    let check = |image: &str, expected: &str| {
        let image = ImageRef::parse(image).unwrap();
        let applicable = policy.requirements_for(image.transport(), &image);
        assert_eq!(applicable.requirements, [Requirement::InsecureAcceptAnything]);
        assert_eq!(applicable.to_string(), expected);
    };
    check("reg.io/x:1", "default of default-policy.json");
    check("docker-daemon://x", r#"transports.docker-daemon."" of default-policy.json"#);
    let text = shared("signatures/policy.json").unwrap();
    Policy::parse("policy.json", &text).unwrap();
}
