//! Signed messages (`docs/behaviour/release.md` 4.2, "do").

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image_signature::openpgp::{Keyring, KeyringError, MessageError, verify};
use jiff::{SignedDuration, Timestamp};
use test_support::{Gpg, ReleaseSigner};

use crate::{now, shared, signatures};

const PAYLOAD: &[u8] = b"{\"critical\": {}}";

fn ring(bytes: &[u8]) -> Keyring {
    Keyring::parse(bytes).unwrap()
}

/// The signer, or the reason.
fn outcome(message: &[u8], keyring: &Keyring, now: Timestamp) -> String {
    match verify(message, keyring, now) {
        Ok(verified) => {
            assert_eq!(verified.payload, PAYLOAD);
            format!("signed by {}", verified.signer)
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn messages_of_gpg() {
    let Some(gpg) = Gpg::find() else { return };
    let now = Timestamp::now() + SignedDuration::from_mins(10);
    let rsa = gpg.key("rsa@test", "rsa2048", "sign", &[]);
    let ed = gpg.key("ed@test", "ed25519", "sign", &[]);
    gpg.key("other@test", "ed25519", "sign", &[]);
    let keys = ring(&gpg.export("rsa@test")).and(ring(&gpg.export("ed@test")));
    let check = |message: &[u8], expected: &str| assert_eq!(outcome(message, &keys, now), expected);

    // Every shape gpg gives to a good message.
    let good = gpg.sign("rsa@test", PAYLOAD, &[]);
    check(&good, &format!("signed by {rsa}"));
    check(&gpg.sign("ed@test", PAYLOAD, &[]), &format!("signed by {ed}"));
    check(&gpg.sign("rsa@test", PAYLOAD, &["--armor"]), &format!("signed by {rsa}"));
    let plain = gpg.sign("rsa@test", PAYLOAD, &["-z", "0"]);
    check(&plain, &format!("signed by {rsa}"));
    check(&gpg.sign("rsa@test", PAYLOAD, &["--compress-algo", "zlib"]), &format!("signed by {rsa}"));
    check(&gpg.sign("rsa@test", PAYLOAD, &["--digest-algo", "SHA512"]), &format!("signed by {rsa}"));
    let armored = gpg.run(&["--armor", "--export", "rsa@test", "ed@test"], b"");
    assert_eq!(ring(&armored).fingerprints().count(), 2);
    let two_blocks =
        [gpg.run(&["--armor", "--export", "rsa@test"], b""), gpg.run(&["--armor", "--export", "ed@test"], b"")]
            .concat();
    assert_eq!(ring(&two_blocks).fingerprints().collect::<Vec<_>>(), [rsa.clone(), ed.clone()]);

    // Wrong key, no signature, several signatures.
    let other = gpg.sign("other@test", PAYLOAD, &[]);
    assert!(matches!(verify(&other, &keys, now), Err(MessageError::UnknownKey(_))));
    let stored = gpg.run(&["--store"], PAYLOAD);
    check(&stored, "the message is not signed");
    let both = gpg.run(&["--local-user", "rsa@test", "--local-user", "ed@test", "--sign"], PAYLOAD);
    check(&both, "expected exactly one signature, found 2");
    let detached = gpg.run(&["--local-user", "rsa@test", "--detach-sign"], PAYLOAD);
    assert!(verify(&detached, &keys, now).is_err());

    // Weak digests.
    let sha1 = gpg.sign("rsa@test", PAYLOAD, &["--digest-algo", "SHA1"]);
    check(&sha1, "the signature uses the digest SHA1, which is too weak");
    let ripemd = gpg.sign("rsa@test", PAYLOAD, &["--digest-algo", "RIPEMD160"]);
    check(&ripemd, "the signature uses the digest RIPEMD160, which is too weak");

    // Altered, truncated, and bits all over the uncompressed form flipped.
    let at = plain.windows(PAYLOAD.len()).position(|window| window == PAYLOAD).unwrap();
    let mut altered = plain.clone();
    altered[at + 2] ^= 1;
    check(&altered, &format!("invalid signature: what key {rsa} signed is not this message"));
    for end in (0..plain.len()).step_by(3) {
        assert!(verify(&plain[..end], &keys, now).is_err(), "cut after {end} bytes");
    }
    for end in (0..good.len()).step_by(3) {
        assert!(verify(&good[..end], &keys, now).is_err(), "compressed, cut after {end} bytes");
    }
    for bit in (0..plain.len() * 8).step_by(37) {
        let mut flipped = plain.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(verified) = verify(&flipped, &keys, now) {
            assert_eq!(verified.payload, PAYLOAD, "bit {bit} changes what is signed");
        }
    }

    // Too much, compressed a thousandfold.
    let bomb = gpg.sign("rsa@test", &vec![0; 8 << 20], &[]);
    assert!(bomb.len() < 1 << 20);
    check(&bomb, "the message is larger than the 4194304 bytes that are read");
    check(&vec![0x80; 5 << 20], "the message is larger than the 4194304 bytes that are read");
}

/// A packet of compressed data (RFC 9580, 5.6) in the new format, with zlib.
fn compressed(content: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(content).unwrap();
    let content = zlib.finish().unwrap();
    let length = u32::try_from(content.len() + 1).unwrap().to_be_bytes();
    [&[0xc8, 0xff], &length[..], &[2], &content].concat()
}

/// What would cost memory or time before a key is asked is refused by its outline.
#[test]
fn messages_that_grow() {
    let signer = ReleaseSigner::new("signer@test");
    let keys = ring(signer.public_key().as_bytes());
    let key = keys.fingerprints().next().unwrap();
    let now = Timestamp::now() + SignedDuration::from_mins(10);
    let check = |message: &[u8], expected: &str| {
        let expected = expected.replace("MALFORMED", "not an `OpenPGP` signed message");
        assert_eq!(outcome(message, &keys, now), expected);
    };
    let good = signer.sign(PAYLOAD);
    let accepted = format!("signed by {key}");
    check(&good, &accepted);
    let nested = |count: usize| (0..count).fold(good.clone(), |inner, _| compressed(&inner));
    check(&nested(1), &accepted);
    check(&nested(4), &accepted);
    check(&nested(5), "MALFORMED: compressed data stand between other packets");

    let large = "the message is larger than the 4194304 bytes that are read";
    let zeros = compressed(&vec![0; 64 << 20]);
    assert!(zeros.len() < 100_000);
    check(&zeros, large);
    check(&compressed(&zeros), large);
    let many = "MALFORMED: it has more than 16 packets";
    // The announcement of a signature, again and again; the library would hash the payload for each.
    assert_eq!(good[0], 0xc4, "the first packet announces the signature");
    let announcement = &good[..2 + usize::from(good[1])];
    let flood = [announcement.repeat(200_000), good.clone()].concat();
    check(&flood, many);
    check(&compressed(&flood), many);
    check(&compressed(&announcement.repeat(10 << 20)), large);
    check(&[b"\xca\x03PGP".repeat(17), good.clone()].concat(), many);
    // What is signed is compressed by itself, which nobody does; and what stands around compressed data.
    let inner = [announcement, &compressed(&good[announcement.len()..])].concat();
    check(&inner, "MALFORMED: compressed data stand between other packets");
    check(&[compressed(&good), good.clone()].concat(), "MALFORMED: something follows the compressed data");
}

#[test]
fn expiry_of_gpg() {
    let Some(gpg) = Gpg::find() else { return };
    let past = ["--faked-system-time", "20250101T000000!"];
    let short = gpg.key("short@test", "ed25519", "sign", &past);
    let keys = ring(&gpg.export("short@test"));
    let message = gpg.sign("short@test", PAYLOAD, &past);
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    assert_eq!(outcome(&message, &keys, at("2025-01-01T12:00:00Z")), format!("signed by {short}"));
    assert_eq!(
        outcome(&message, &keys, at("2025-01-02T12:00:00Z")),
        format!("the key {short} expired at 2025-01-02T00:00:00Z")
    );

    let long = gpg.key("long@test", "ed25519", "sign", &[]);
    let keys = ring(&gpg.export("long@test"));
    let message = gpg.sign("long@test", PAYLOAD, &["--default-sig-expire", "2d"]);
    let now = Timestamp::now();
    assert_eq!(outcome(&message, &keys, now), format!("signed by {long}"));
    let later = outcome(&message, &keys, now + SignedDuration::from_hours(72));
    assert!(later.starts_with(&format!("the signature by key {long} expired at ")), "{later}");
}

#[test]
fn revocation_and_usage_of_gpg() {
    let Some(gpg) = Gpg::find() else { return };
    let now = Timestamp::now() + SignedDuration::from_mins(10);
    let certify = gpg.key("certify@test", "ed25519", "cert", &[]);
    gpg.run(&["--quick-add-key", &certify, "ed25519", "sign", "never"], b"");
    let message = gpg.sign("certify@test", PAYLOAD, &[]);
    let verified = verify(&message, &ring(&gpg.export("certify@test")), now).unwrap();
    assert_eq!(verified.primary, certify);
    assert_ne!(verified.signer, certify, "the subkey signed");

    let key = gpg.key("revoked@test", "ed25519", "sign", &[]);
    let message = gpg.sign("revoked@test", PAYLOAD, &[]);
    assert_eq!(outcome(&message, &ring(&gpg.export("revoked@test")), now), format!("signed by {key}"));
    gpg.revoke(&key);
    assert_eq!(outcome(&message, &ring(&gpg.export("revoked@test")), now), format!("the key {key} is revoked"));
}

#[test]
fn signatures_of_the_future_do_not_count() {
    let Some(gpg) = Gpg::find() else { return };
    let key = gpg.key("future@test", "ed25519", "sign", &[]);
    let keys = ring(&gpg.export("future@test"));
    let signed = Timestamp::now() + SignedDuration::from_hours(240);
    let message =
        gpg.sign("future@test", PAYLOAD, &["--faked-system-time", &signed.strftime("%Y%m%dT%H%M%S!").to_string()]);
    let good = format!("signed by {key}");
    for hours in [1, 0, -12, -23] {
        assert_eq!(outcome(&message, &keys, signed + SignedDuration::from_hours(hours)), good, "{hours}");
    }
    let told = outcome(&message, &keys, signed - SignedDuration::from_hours(25));
    assert!(told.starts_with(&format!("the signature by key {key} was made at ")), "{told}");
    assert!(told.contains("more than 24 hours after the time of this machine, "), "{told}");
    assert!(told.ends_with("; check the clock of this machine"), "{told}");
}

#[test]
fn short_rsa_keys_do_not_count() {
    let Some(gpg) = Gpg::find() else { return };
    let now = Timestamp::now() + SignedDuration::from_mins(10);
    for (bits, is_good) in [(1024, false), (2048, true)] {
        let user = format!("rsa{bits}@test");
        let key = gpg.key(&user, &format!("rsa{bits}"), "sign", &[]);
        let message = gpg.sign(&user, PAYLOAD, &[]);
        let expected = if is_good {
            format!("signed by {key}")
        } else {
            format!("the key {key} is an RSA key of {bits} bits; keys below 2048 bits can be broken")
        };
        assert_eq!(outcome(&message, &ring(&gpg.export(&user)), now), expected);
    }
}

#[test]
fn rings_that_are_none() {
    assert_eq!(Keyring::parse(b"").unwrap_err(), KeyringError::NoKeys);
    assert_eq!(Keyring::parse(b"not a key").unwrap_err(), KeyringError::NoKeys);
    assert_eq!(Keyring::parse(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n").unwrap_err(), KeyringError::NoKeys);
    assert!(matches!(verify(b"", &Keyring::default(), now()), Err(MessageError::Malformed(_))));
}

/// The public keys of OpenShift releases, as published.
#[test]
fn the_release_keys() {
    let Some(keys) = shared("release/redhat-release-pubkeys.asc") else { return };
    assert_eq!(
        ring(&keys).fingerprints().collect::<Vec<_>>(),
        ["567E347AD0044ADE55BA8A5F199E2F91FD431D51", "B08B659EE86AF623BC90E8DB938A80CAF21541EB"]
    );
}

/// Every signature file of the containers projects, against all their keys.
#[test]
pub(crate) fn the_shared_data() {
    let Some(keys) = signatures("pubring.gpg") else { return };
    let keys = ring(&keys);
    let check = |name: &str, expected: &str| {
        let found = match verify(&signatures(name).unwrap(), &keys, now()) {
            Ok(verified) => format!("signed by {}", verified.signer),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{name}: {found}");
    };
    let testing = "signed by 08CD26E446E2E95249B7A405E932F44B23E8DD43";
    for good in [
        "dir-img-valid/signature-1",
        "image.signature",
        "no-optional-fields.signature",
        "invalid-reference.signature",
        "invalid-blob.signature",
    ] {
        check(good, testing);
    }
    check("dir-img-valid-2/signature-2", testing);
    check("subkey.signature", "signed by 57D1D95BBC53BA0EAFF0718CD75B3109B3BAAEAF");
    check("subkey-revoked.signature", "the key 4D33404E00B470050709F3233EF0F93A1F602997 is revoked");
    check("unknown-key.signature", "which is not in the key ring");
    check("unknown-key.signature-v3", "which is not in the key ring");
    check("corrupt.signature", "invalid signature");
    check("corrupt.signature-v3", "invalid signature");
    check("unsigned-literal.signature", "the message is not signed");
    check("unsigned-encrypted.signature", "the message is not signed");
    check("expired.signature", "expired at");
    check("subkey-revoked.signature-v3", "the key 4D33404E00B470050709F3233EF0F93A1F602997 is revoked");
    check("invalid-blob.signature-v3", testing);
    check("subkey.signature-v3", "signed by 57D1D95BBC53BA0EAFF0718CD75B3109B3BAAEAF");

    for (name, count) in [
        ("public-key.gpg", 1),
        ("public-key-1.gpg", 1),
        ("public-key-2.gpg", 1),
        ("public-key-with-subkey.gpg", 1),
        ("public-key-with-revoked-subkey.gpg", 1),
    ] {
        assert_eq!(ring(&signatures(name).unwrap()).fingerprints().count(), count, "{name}");
    }
}
