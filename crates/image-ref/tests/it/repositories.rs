//! The grammar of the distribution specification.

use image_ref::{ImageRef, Repository, is_valid_path, is_valid_tag};

#[test]
fn registries() {
    for registry in [
        "quay.io",
        "localhost",
        "localhost:5000",
        "a",
        "a.b.c:65535",
        "127.0.0.1:5000",
        "[::1]",
        "[::1]:5000",
        "[2001:db8::1]:443",
        "REGISTRY.example:5000",
        "my_registry:5000",
        "a-b.c",
    ] {
        let repository = Repository::new(registry, "ns/app").unwrap();
        assert_eq!((repository.registry(), repository.path()), (registry, "ns/app"));
        assert_eq!(repository.to_string().parse::<Repository>().unwrap(), repository);
    }
    for registry in [
        "", ":5000", "a:", "a:0", "a:65536", "a:b", "a:1:2", "-a", "a-", ".a", "a..b", "a.", "a b", "[::1", "[x]:1",
        "[::1]x", "::1", "[]", "a/b", "ü", "a:+1",
    ] {
        assert!(Repository::new(registry, "ns/app").is_err(), "{registry}");
    }
}

#[test]
fn paths() {
    let long = "a".repeat(255);
    for path in ["a", "a/b/c", "a0", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "a-b_c.d", long.as_str()] {
        assert!(is_valid_path(path), "{path}");
    }
    let too_long = "a".repeat(256);
    for path in [
        "",
        "/a",
        "a/",
        "a//b",
        "A",
        "a/B",
        ".a",
        "a.",
        "a..b",
        "a___b",
        "_a",
        "-a",
        "a-",
        "a._b",
        "a-.b",
        "a b",
        "a:b",
        "a@b",
        "ü",
        "a\n",
        too_long.as_str(),
    ] {
        assert!(!is_valid_path(path), "{path}");
    }
}

#[test]
fn tags() {
    let long = "x".repeat(128);
    for tag in ["1", "v1.2.3", "_", "latest", "A-b_c.d", long.as_str()] {
        assert!(is_valid_tag(tag), "{tag}");
    }
    let too_long = "x".repeat(129);
    for tag in ["", ".x", "-x", "a b", "a+b", "a/b", "a:b", "ü", "a\n", too_long.as_str()] {
        assert!(!is_valid_tag(tag), "{tag}");
    }
}

#[test]
fn of_references() {
    for (text, expected) in [
        ("quay.io/ns/app:1", Some("quay.io/ns/app")),
        ("foo:1", Some("docker.io/library/foo")),
        ("[::1]:5000/a:1", Some("[::1]:5000/a")),
        ("QUAY.io/ns/app:1", Some("QUAY.io/ns/app")),
        ("quay.io/Ns/app:1", None),
        ("quay.io//app:1", None),
        ("quay.io/a:b:1", None),
        ("host:port/a:1", None),
        ("oci://quay.io/ns/app", None),
    ] {
        let repository = ImageRef::parse(text).unwrap().repository();
        assert_eq!(repository.as_ref().ok().map(ToString::to_string).as_deref(), expected, "{text}: {repository:?}");
    }
}
