//! What a signature says, parsed strictly (containers-signature(5)).

use image_signature::{Payload, PayloadKind, SignatureBlob};

const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn check(text: &str, kind: PayloadKind, expected: &str) {
    let text = text.replace("sha256:A", &format!("sha256:{HEX}"));
    let found = match Payload::parse(text.as_bytes(), kind) {
        Ok(payload) => {
            format!("{} {:?} {:?}", payload.docker_reference, payload.creator, payload.timestamp)
        }
        Err(error) => error.to_string(),
    };
    assert!(found.contains(expected), "{text}: {found}");
}

#[test]
fn only_the_documented_shape() {
    use PayloadKind::{Cosign, SimpleSigning};
    let with = |kind: &str, more: &str, optional: &str| {
        format!(
            r#"{{"critical": {{"type": "{kind}", "image": {{"docker-manifest-digest": "sha256:A"}}, "identity": {{"docker-reference": "reg.io/a:1"}}{more}}}{optional}}}"#
        )
    };
    let simple = "atomic container signature";
    let cosign = "cosign container image signature";
    check(
        &with(simple, "", r#", "optional": {"creator": "c", "timestamp": 7, "new": {}}"#),
        SimpleSigning,
        r#"reg.io/a:1 Some("c") Some(7)"#,
    );
    check(&with(simple, "", r#", "optional": {}"#), SimpleSigning, "reg.io/a:1 None None");
    check(&with(cosign, "", r#", "optional": null"#), Cosign, "reg.io/a:1 None None");
    check(
        &with(simple, "", r#", "optional": {}"#),
        Cosign,
        "is of type `atomic container signature`, expected `cosign",
    );
    check(
        &with(cosign, "", r#", "optional": {}"#),
        SimpleSigning,
        "is of type `cosign container image signature`, expected `atomic",
    );
    check(&with(simple, r#", "extra": 1"#, r#", "optional": {}"#), SimpleSigning, "unknown field `extra`");
    check(&with(simple, "", r#", "optional": {}, "extra": 1"#), SimpleSigning, "unknown field `extra`");
    check(&with(simple, r#", "type": "x""#, r#", "optional": {}"#), SimpleSigning, "duplicate field `type`");
    check(
        &with(simple, "", r#", "optional": {"creator": "a", "creator": "b"}"#),
        SimpleSigning,
        "duplicate field `creator`",
    );
    check(&with(simple, "", r#", "optional": {"timestamp": "7"}"#), SimpleSigning, "invalid type");
    check(&with(simple, "", r#", "optional": {}"#).replace("sha256:A", "sha256:zz"), SimpleSigning, "invalid digest");
    check("{}", SimpleSigning, "missing field `critical`");
    check(
        r#"{"critical": {"type": "atomic container signature"}, "optional": {}}"#,
        SimpleSigning,
        "missing field `image`",
    );
    check("&", SimpleSigning, "expected value");
}

/// A key that is trusted could have signed anything; what nests without end does not end the program.
#[test]
fn nesting_without_end() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let optional = format!("{{\"critical\": {{}}, \"optional\": {{\"x\": {deep}}}}}");
    for text in [deep.clone(), format!("{{\"critical\": {deep}}}"), optional] {
        assert!(Payload::parse(text.as_bytes(), PayloadKind::Cosign).is_err());
    }
    let kept = format!("\0sigstore-json\n{{\"mimeType\": \"x\", \"payload\": \"\", \"other\": {deep}}}");
    // The rest of such a file is passed over.
    let _ = SignatureBlob::parse(kept.as_bytes());
    assert!(SignatureBlob::parse(format!("\0sigstore-json\n{deep}").as_bytes()).is_err());
}
