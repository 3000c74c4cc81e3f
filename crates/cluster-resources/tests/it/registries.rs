//! `registries.conf` for the next hop, as the crate that reads such files understands it.

use cluster_resources::{Kind, Mirrored, Request, registries_conf};
use image_ref::ImageRef;
use registries_conf::{Layer, RegistriesConf};

use crate::{request, row, worked_example};

/// Asserts that each image is asked for where it lies, and at its source after that.
#[track_caller]
fn check(rows: &[Mirrored], request: &Request<'_>) {
    let text = registries_conf(rows, request).expect("images have sources");
    let conf = RegistriesConf::from_layers(&[Layer::new("registries.conf", &text)]).expect("the file can be read");
    for row in rows.iter().filter(|row| row.kind != Kind::Graph) {
        let found = conf.resolve(&row.origin).expect("nothing is blocked");
        let names: Vec<&str> = found.iter().map(|source| source.image.name()).collect();
        let origin = row.origin.normalized();
        assert!(names.contains(&row.destination.name()), "{names:?}:\n{text}");
        assert_eq!(names.last(), Some(&origin.name()), "{text}");
        assert!(found.iter().all(|source| !source.mirror || source.insecure == request.insecure));
    }
}

#[test]
fn the_next_hop_finds_every_image_by_its_public_name() {
    let rows = worked_example("mirror.lab:5000/ns");
    check(&rows, &request());
    check(&rows, &Request { insecure: true, ..request() });
    insta::assert_snapshot!(registries_conf(&rows, &request()).unwrap(), @r#"
    # Written by oc-mirror v0.0.0-unknown.
    # Machines that read images from this mirror under their public names need these tables: podman, skopeo, and
    # oc-mirror in the next hop. Copy this file to /etc/containers/registries.conf.d/oc-mirror.conf, or name it in
    # CONTAINERS_REGISTRIES_CONF.

    [[registry]]
    location = "ghcr.io/foo/podinfo"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/my/renamed"

    [[registry]]
    location = "nvcr.io/x"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/x"

    [[registry]]
    location = "quay.io/acme"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/acme"

    [[registry]]
    location = "quay.io/openshift-release-dev/ocp-release"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/openshift/release-images"

    [[registry]]
    location = "quay.io/openshift-release-dev/ocp-v4.0-art-dev"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/openshift/release"

    [[registry]]
    location = "registry.access.redhat.com/ubi9"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/ubi9"

    [[registry]]
    location = "registry.redhat.io/redhat"

    [[registry.mirror]]
    location = "mirror.lab:5000/ns/redhat"
    "#);
}

/// Folded paths are paired one by one, also below one namespace.
#[test]
fn folded_paths() {
    let rows = [
        row(Kind::Generic, "quay.io/a/b/c:1", "m.io/a/b-c:1"),
        row(Kind::Generic, "quay.io/a/b/d@D", "m.io/a/b-d:x"),
        row(Kind::Generic, "quay.io/a:1", "m.io/a:1"),
    ];
    check(&rows, &Request { max_nested_paths: Some(2), ..request() });
}

/// One image of a repository has another name, and the others keep theirs.
#[test]
fn a_renamed_image_hides_no_other() {
    let rows = [
        row(Kind::Generic, "quay.io/ns/app:1", "m.io/ns/app:1"),
        row(Kind::Generic, "quay.io/ns/app@D", "m.io/moved/app:x"),
        row(Kind::Generic, "quay.io/ns/app/part:1", "m.io/ns/app/part:1"),
        row(Kind::Generic, "quay.io/ns/other:1", "m.io/ns/other:1"),
    ];
    check(&rows, &request());
}

/// Short names are those of Docker's registry.
#[test]
fn names_without_a_registry() {
    let rows = [row(Kind::Generic, "ubi:1", "m.io/ubi:1"), row(Kind::Generic, "docker.io/a/b:1", "m.io/a/b:1")];
    check(&rows, &request());
}

#[test]
fn nothing_to_say() {
    let rows = [
        // A folder is no registry.
        row(Kind::Generic, "oci:///tmp/app", "m.io/tmp/app:latest"),
        // The next hop reaches no cache.
        row(Kind::Catalog, "quay.io/a/idx:v1", "localhost:55000/a/idx:v1"),
        // Nothing has moved.
        row(Kind::Generic, "m.io/a/b:1", "m.io/a/b:1"),
        row(Kind::Graph, "localhost:55000/openshift/graph-image:latest", "m.io/openshift/graph-image:latest"),
    ];
    assert_eq!(registries_conf(&rows, &request()), None);
    assert_eq!(registries_conf(&[], &request()), None);
}

proptest::proptest! {
    /// Whatever the paths and however they nest, each image is found where it lies.
    #[test]
    fn every_origin_leads_to_its_destination(
        paths in proptest::collection::btree_set("[ab]{1,2}(/[ab]{1,2}){0,2}", 1..6),
        namespace in "(/[ab]{1,2}){0,2}",
    ) {
        let image = |text: String| ImageRef::parse(&text).unwrap();
        let rows: Vec<Mirrored> = paths
            .iter()
            .map(|path| Mirrored {
                kind: Kind::Generic,
                origin: image(format!("q.io/{path}:1")),
                destination: image(format!("m.io{namespace}/{path}:1")),
            })
            .collect();
        check(&rows, &request());
    }
}
