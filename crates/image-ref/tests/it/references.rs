//! `docs/behaviour/config-cli.md` 1.3, and the tags of section 4.

use std::collections::HashSet;

use image_ref::{Digest, ImageRef, ParseError, Repository, Transport};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// `#` in a text stands for `@sha256:` and 64 hex digits. Columns: text, scheme, domain, path, tag, has a digest.
#[test]
fn parts() {
    for (text, scheme, domain, path, tag, digest) in [
        // transport
        ("docker://quay.io/ns/app:1", "docker", "quay.io", "ns/app", Some("1"), false),
        ("quay.io/ns/app:1", "docker", "quay.io", "ns/app", Some("1"), false),
        ("oci:///var/lib/layout", "oci", "", "/var/lib/layout", None, false),
        ("oci://relative/dir:v1", "oci", "", "relative/dir:v1", None, false),
        ("oci:///my layouts/app", "oci", "", "/my layouts/app", None, false),
        ("oci-archive:///a.tar", "oci-archive", "", "/a.tar", None, false),
        ("docker-archive:///a.tar:ns/app:1", "docker-archive", "", "/a.tar:ns/app:1", None, false),
        ("dir:///d", "dir", "", "/d", None, false),
        ("file:///archives", "file", "", "/archives", None, false),
        ("containers-storage://x", "containers-storage", "", "x", None, false),
        ("oci:///var/lib/layout#", "oci", "", "/var/lib/layout", None, true),
        // the tag is behind the last colon after the first slash
        ("host:5000/a:t", "docker", "host:5000", "a", Some("t"), false),
        ("host:5000/a#", "docker", "host:5000", "a", None, true),
        ("host:5000/a/b:c:d", "docker", "host:5000", "a/b:c", Some("d"), false),
        ("[::1]:5000/a/b:t", "docker", "[::1]:5000", "a/b", Some("t"), false),
        ("[2001:db8::1]/a#", "docker", "[2001:db8::1]", "a", None, true),
        // any colon when there is no slash; no Docker Hub names
        ("foo:1", "docker", "", "foo", Some("1"), false),
        ("foo#", "docker", "", "foo", None, true),
        ("localhost:5000", "docker", "", "localhost", Some("5000"), false),
        // the first element is the domain as soon as there is a slash
        ("ns/app:1", "docker", "ns", "app", Some("1"), false),
        ("quay.io/app:1", "docker", "quay.io", "app", Some("1"), false),
        ("quay.io/a/b/c/d:1", "docker", "quay.io", "a/b/c/d", Some("1"), false),
        ("QUAY.io/Ns/App:V1", "docker", "QUAY.io", "Ns/App", Some("V1"), false),
        // tag and digest
        ("quay.io/ns/app:1#", "docker", "quay.io", "ns/app", Some("1"), true),
        ("host:5000/a:1#", "docker", "host:5000", "a", Some("1"), true),
        ("quay.io/ns/app:_-.x", "docker", "quay.io", "ns/app", Some("_-.x"), false),
    ] {
        let text = text.replace('#', &format!("@sha256:{HEX}"));
        let image = ImageRef::parse(&text).unwrap();
        assert_eq!(image.transport().scheme(), scheme, "{text}");
        assert_eq!(image.domain(), domain, "{text}");
        assert_eq!(image.path(), path, "{text}");
        assert_eq!(image.tag(), tag, "{text}");
        assert_eq!(image.digest().is_some(), digest, "{text}");
        assert_eq!(image.as_written(), text);
        assert_eq!(image.to_string(), text.strip_prefix("docker://").unwrap_or(&text));
    }
}

#[test]
fn refused() {
    let check = |text: &str, expected: fn(&ParseError) -> bool| {
        let error = ImageRef::parse(text).unwrap_err();
        assert!(expected(&error), "{text}: {error:?}");
        let message = error.to_string();
        assert!(message.starts_with(text) || message.starts_with(&format!("{text:?}")), "{message}");
        assert!(message.contains("unable to parse image correctly"), "{message}");
    };
    for text in ["", "docker://", ":1", "oci://", "@sha256:", "docker://:tag"] {
        check(text, |error| matches!(error, ParseError::EmptyName(_) | ParseError::Digest { .. }));
    }
    for text in ["quay.io/ns/app", "foo", "docker://quay.io/ns/app", "host:5000/a"] {
        check(text, |error| matches!(error, ParseError::TagAndDigestEmpty(_)));
        assert!(ImageRef::parse_name(text).is_ok());
    }
    for text in ["quay.io/ns/app:", "quay.io/ns/app:-x", "quay.io/ns/app:.x", "quay.io/ns/app:a+b", "a:b/c:ü"] {
        check(text, |error| matches!(error, ParseError::Tag { .. }));
    }
    let long_tag = format!("quay.io/ns/app:{}", "x".repeat(129));
    check(&long_tag, |error| matches!(error, ParseError::Tag { .. }));
    for text in ["quay.io/ns/app@", "quay.io/ns/app@sha256:12", "a@sha256:b@sha256:c", "oci:///d@latest", "a/b:1@md5:0"]
    {
        check(text, |error| matches!(error, ParseError::Digest { .. }));
    }
    for text in [" quay.io/ns/app:1", "quay.io/ns/app:1\n", "quay.io/n s/app:1", "oci:///a\u{0}b", "a\u{1b}[31m:1"] {
        check(text, |error| matches!(error, ParseError::Character { .. }));
    }
    for text in ["docker://docker://quay.io/ns/app:1", "docker://oci://a:1"] {
        check(text, |error| matches!(error, ParseError::TwoSchemes(_)));
    }
}

#[test]
fn equality_is_that_of_the_canonical_text() {
    let image = |text: &str| ImageRef::parse(text).unwrap();
    assert_eq!(image("docker://quay.io/ns/app:1"), image("quay.io/ns/app:1"));
    assert_ne!(image("foo:1"), image("docker.io/library/foo:1"));
    assert_eq!(image("foo:1").normalized(), image("docker.io/library/foo:1"));
    assert_ne!(image("oci://quay.io/ns/app"), image("quay.io/ns/app:1"));
    let both = HashSet::from([image("docker://quay.io/ns/app:1"), image("quay.io/ns/app:1")]);
    assert_eq!(both.len(), 1);
    let mut sorted = [image("a/b:1"), image("a/b-c:1"), image("docker://a/a:2")];
    sorted.sort();
    assert_eq!(sorted.map(|image| image.to_string()), ["a/a:2", "a/b-c:1", "a/b:1"]);
}

#[test]
fn derived_references() {
    let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
    let image = ImageRef::parse("docker://host:5000/ns/app:1").unwrap();
    assert_eq!(image.with_tag("2").as_written(), "host:5000/ns/app:2");
    assert_eq!(image.with_digest(digest.clone()).as_written(), format!("host:5000/ns/app@sha256:{HEX}"));
    assert_eq!(image.with_name("other/x").to_string(), "other/x:1");
    assert_eq!(image.with_scheme(), "docker://host:5000/ns/app:1");
    assert_eq!(ImageRef::parse("oci:///d").unwrap().with_scheme(), "oci:///d");
    assert_eq!(image.base_name(), "app");
    assert_eq!(ImageRef::parse("oci:///var/layout/").unwrap().base_name(), "layout");
    assert_eq!(ImageRef::parse("foo:1").unwrap().base_name(), "foo");
    let repository = Repository::new("quay.io", "ns/app").unwrap();
    assert_eq!(
        ImageRef::from_parts(&repository, Some("1"), Some(digest)).to_string(),
        format!("quay.io/ns/app:1@sha256:{HEX}")
    );
    assert_eq!(ImageRef::from_parts(&repository, None, None).to_string(), "quay.io/ns/app");
}

/// `docs/behaviour/config-cli.md` 4: the tag an image gets in the cache and at the destination.
#[test]
fn tags_in_cache_and_destination() {
    for (text, expected) in [
        ("quay.io/ns/app:1".to_owned(), "1".to_owned()),
        (format!("quay.io/ns/app:1@sha256:{HEX}"), "1".to_owned()),
        (format!("quay.io/ns/app@sha256:{HEX}"), format!("sha256-{HEX}")),
        (format!("host:5000/app@sha256:{HEX}"), format!("sha256-{HEX}")),
        ("quay.io/ns/app".to_owned(), "latest".to_owned()),
        ("oci:///d".to_owned(), "latest".to_owned()),
    ] {
        assert_eq!(ImageRef::parse_name(&text).unwrap().tag_or_digest_tag(), expected, "{text}");
    }
}

#[test]
fn as_json_it_is_the_text_as_written() {
    let image = ImageRef::parse("docker://quay.io/ns/app:1").unwrap();
    let json = serde_json::to_string(&image).unwrap();
    assert_eq!(json, r#""docker://quay.io/ns/app:1""#);
    assert_eq!(serde_json::from_str::<ImageRef>(&json).unwrap(), image);
    assert!(serde_json::from_str::<ImageRef>(r#""a b:1""#).is_err());
}

#[test]
fn transports() {
    for scheme in ["docker", "oci", "oci-archive", "docker-archive", "dir", "file", "docker-daemon", "x"] {
        let transport = Transport::from_scheme(scheme);
        assert_eq!(transport.scheme(), scheme);
        assert_eq!(transport.to_string(), format!("{scheme}://"));
        assert_eq!(matches!(transport, Transport::Other(_)), ["docker-daemon", "x"].contains(&scheme));
    }
}
