//! What holds for every text.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use image_ref::{Digest, ImageRef, Platform, Repository};
use proptest::prelude::*;

/// Texts that are often references: pieces in an order that often makes sense.
fn reference() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![8 => Just(""), 1 => Just("docker://"), 1 => Just("oci://"), 1 => Just("x://")];
    let domain =
        prop_oneof![Just(""), Just("quay.io/"), Just("localhost:5000/"), Just("[::1]:5000/"), Just("a/"), Just("A/")];
    let name = "[a-zA-Z0-9._:/-]{0,12}";
    let tag = prop_oneof![2 => Just(String::new()), 3 => "[:][A-Za-z0-9_.+-]{0,5}"];
    let digest = prop_oneof![
        3 => Just(String::new()),
        1 => "@sha256:[0-9a-f]{64}",
        1 => "@sha512:[0-9a-f]{128}",
        1 => "@[a-z0-9:]{0,9}",
    ];
    (scheme, domain, name, tag, digest)
        .prop_map(|(scheme, domain, name, tag, digest)| format!("{scheme}{domain}{name}{tag}{digest}"))
}

fn hash(image: &ImageRef) -> u64 {
    let mut hasher = DefaultHasher::new();
    image.hash(&mut hasher);
    hasher.finish()
}

fn check(text: &str) {
    let Ok(image) = ImageRef::parse_name(text) else { return };
    assert_eq!(image.as_written(), text);
    let again = ImageRef::parse_name(&image.to_string()).unwrap();
    assert_eq!(again, image);
    assert_eq!((again.tag(), again.digest(), again.name()), (image.tag(), image.digest(), image.name()));
    assert_eq!(again.to_string(), image.to_string());
    assert_eq!(hash(&again), hash(&image));
    assert_eq!(ImageRef::parse_name(&image.with_scheme()).unwrap(), image);
    let normalized = image.normalized();
    assert_eq!(normalized.normalized(), normalized);
    assert_eq!(ImageRef::parse_name(&normalized.to_string()).unwrap(), normalized);
    if let Ok(repository) = image.repository() {
        assert_eq!(repository.to_string().parse::<Repository>().unwrap(), repository);
        let from_parts = ImageRef::from_parts(&repository, image.tag(), image.digest().cloned());
        assert_eq!(from_parts, normalized);
    }
}

proptest! {
    #[test]
    fn references_survive_their_text(text in reference()) {
        check(&text);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        check(&text);
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert_eq!(digest.to_string(), text.clone());
        }
        if let Ok(platform) = text.parse::<Platform>() {
            prop_assert_eq!(platform.to_string(), text.clone());
            prop_assert!(platform.selects(&platform));
        }
    }

    #[test]
    fn order_is_that_of_the_text(left in reference(), right in reference()) {
        if let (Ok(left), Ok(right)) = (ImageRef::parse_name(&left), ImageRef::parse_name(&right)) {
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
            prop_assert_eq!(left == right, left.to_string() == right.to_string());
        }
    }
}
