//! Docker Hub's short forms, which nothing but `normalized` knows.

use image_ref::ImageRef;

#[test]
fn short_forms() {
    for (text, expected) in [
        ("foo:1", "docker.io/library/foo:1"),
        ("ns/foo:1", "docker.io/ns/foo:1"),
        ("a/b/c:1", "docker.io/a/b/c:1"),
        ("docker.io/foo:1", "docker.io/library/foo:1"),
        ("docker.io/ns/foo:1", "docker.io/ns/foo:1"),
        ("index.docker.io/foo:1", "docker.io/library/foo:1"),
        ("index.docker.io/ns/foo:1", "docker.io/ns/foo:1"),
        ("docker://foo:1", "docker.io/library/foo:1"),
        // domains
        ("localhost/foo:1", "localhost/foo:1"),
        ("localhost:5000/foo:1", "localhost:5000/foo:1"),
        ("registry:5000/foo:1", "registry:5000/foo:1"),
        ("quay.io/foo:1", "quay.io/foo:1"),
        ("[::1]:5000/foo:1", "[::1]:5000/foo:1"),
        ("REGISTRY/foo:1", "REGISTRY/foo:1"),
        // not of a registry
        ("oci://foo", "oci://foo"),
        ("dir:///foo", "dir:///foo"),
    ] {
        let image = ImageRef::parse(text).unwrap().normalized();
        assert_eq!(image.to_string(), expected, "{text}");
        assert_eq!(image.normalized(), image);
    }
}
