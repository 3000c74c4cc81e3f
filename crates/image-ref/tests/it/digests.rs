//! OCI image specification, "Digests".

use image_ref::{Algorithm, Digest, ParseDigestError, is_valid_tag};

#[test]
fn accepted() {
    for (algorithm, name, length) in [(Algorithm::Sha256, "sha256", 64), (Algorithm::Sha512, "sha512", 128)] {
        let hex = "0a".repeat(length / 2);
        let digest: Digest = format!("{name}:{hex}").parse().unwrap();
        assert_eq!((digest.algorithm(), digest.hex()), (algorithm, hex.as_str()));
        assert_eq!(digest.short(), "0a0a0a0a0a0a");
        let (tag, listing) = (digest.as_tag(), digest.as_referrers_tag());
        assert!(is_valid_tag(&tag) && is_valid_tag(&listing), "{tag} {listing}");
        assert!(format!("{name}-{hex}").starts_with(&tag), "{tag}");
        assert_eq!(listing, format!("{name}-{}", &hex[..64]));
        // A tag that was cut tells of no digest.
        let told = (algorithm == Algorithm::Sha256).then(|| digest.clone());
        assert_eq!((tag.len(), Digest::from_tag(&tag)), (told.as_ref().map_or(127, |_| 71), told));
        assert_eq!(digest.to_string(), format!("{name}:{hex}"));
        assert_eq!(serde_json::from_str::<Digest>(&serde_json::to_string(&digest).unwrap()).unwrap(), digest);
        assert_eq!(Digest::new(algorithm, &hex), Ok(digest));
    }
    assert_eq!(Digest::from_sha256_bytes(&[0x0a; 32]), Digest::sha256(&"0a".repeat(32)).unwrap());
    assert_eq!(Digest::from_sha512_bytes(&[0xff; 64]).hex(), "ff".repeat(64));
}

#[test]
fn refused() {
    let check = |text: &str, expected: fn(&ParseDigestError) -> bool| {
        let error = text.parse::<Digest>().unwrap_err();
        assert!(expected(&error), "{text}: {error:?}");
        assert!(error.to_string().starts_with("invalid digest"), "{error}");
    };
    let hex = "0".repeat(64);
    check("", |error| matches!(error, ParseDigestError::Colon));
    check(&hex, |error| matches!(error, ParseDigestError::Colon));
    check(&format!("sha1:{hex}"), |error| matches!(error, ParseDigestError::Algorithm(_)));
    check(&format!("SHA256:{hex}"), |error| matches!(error, ParseDigestError::Algorithm(_)));
    check(&format!(":{hex}"), |error| matches!(error, ParseDigestError::Algorithm(_)));
    check("sha256:", |error| matches!(error, ParseDigestError::Length { found: 0, .. }));
    check(&format!("sha256:{hex}0"), |error| matches!(error, ParseDigestError::Length { found: 65, .. }));
    check(&format!("sha512:{hex}"), |error| matches!(error, ParseDigestError::Length { expected: 128, .. }));
    check(&format!("sha256:{}A", &hex[1..]), |error| matches!(error, ParseDigestError::Character('A')));
    check(&format!("sha256:{}g", &hex[1..]), |error| matches!(error, ParseDigestError::Character('g')));
    // 64 bytes, but not 64 digits
    check(&format!("sha256:{}ü", &hex[2..]), |error| matches!(error, ParseDigestError::Character('ü')));
}
