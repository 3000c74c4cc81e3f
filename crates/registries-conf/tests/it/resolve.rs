//! Names asked for, names contacted (`docs/behaviour/release.md` 7.3).

use image_ref::ImageRef;
use registries_conf::{Layer, RegistriesConf};

/// The example configuration of `docs/behaviour/release.md` 7.3.
const EXAMPLE: &str = include_str!("../../../../fixtures/registries-conf/example.conf");
const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The sources in order, or the error.
fn resolve(conf: &RegistriesConf, reference: &str) -> String {
    let image = ImageRef::parse(&reference.replace("sha256:X", &format!("sha256:{HEX}"))).unwrap();
    match conf.resolve(&image) {
        Ok(sources) => {
            let images: Vec<_> = sources.iter().map(|source| source.image.to_string().replace(HEX, "X")).collect();
            images.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_rows_of_the_behaviour_pages() {
    let conf = RegistriesConf::from_layers(&[Layer::new("example.conf", EXAMPLE)]).unwrap();
    let check = |reference: &str, expected: &str| assert_eq!(resolve(&conf, reference), expected, "{reference}");
    let release = "quay.io/openshift-release-dev/ocp-release";
    let component = "quay.io/openshift-release-dev/ocp-v4.0-art-dev";

    check("quay.io/foo/bar:1", "mirror.lab:5000/foo/bar:1 quay.io/foo/bar:1");
    check(&format!("{release}:T"), &format!("mirror.lab:5000/openshift/release-images:T {release}:T"));
    check(
        &format!("{release}-nightly:1"),
        &format!("mirror.lab:5000/openshift-release-dev/ocp-release-nightly:1 {release}-nightly:1"),
    );
    check(
        &format!("{component}@sha256:X"),
        &format!("mirror.lab:5000/openshift/release@sha256:X {component}@sha256:X"),
    );
    check(&format!("{component}:t"), &format!("{component}:t"));
    check("a.example.com/x:1", "m.lab/ex/x:1 a.example.com/x:1");
    check("b.eu.example.com/x:1", "eu-store.lab/x:1");
    check("example.com/x:1", "example.com/x:1");
    check("blocked.io/x:1", "ok.lab/x:1");
    check("p.io/x:1", "t.lab/x:1 b.lab/x:1 p.io/x:1");
    check("p.io/x@sha256:X", "d.lab/x@sha256:X b.lab/x@sha256:X p.io/x@sha256:X");
    check("host.io:5000/x:1", "m2.lab:5000/x:1 host.io:5000/x:1");
    check(
        "a.example.com:5000/x:1",
        "a.example.com:5000/x:1: rewriting reference with the registry `*.example.com` of example.conf:22:1: \
         invalid reference format `m.lab/ex:5000/x:1`: invalid repository path `ex:5000/x`: expected lower-case \
         components separated by `/`, like `openshift/cli`",
    );
    check("ubi8/ubi:1", "docker.io/ubi8/ubi:1");
    check("ubi8:1", "docker.io/library/ubi8:1");

    assert_eq!(
        conf.blocked("blocked.io/x").unwrap().to_string(),
        "registry blocked.io is blocked in example.conf:32:1"
    );
}

/// A table that says nothing about blocking or mirrors still answers the question for destinations.
#[test]
fn insecure_and_blocked_by_name() {
    let text = "[[registry]]\nlocation = 'plain.lab:5000'\ninsecure = true\n[[registry]]\nlocation = 'no.io/secret'\nblocked = true\n\
                [[registry]]\nlocation = 'mixed.io'\nblocked = true\n[[registry.mirror]]\nlocation = 'no.io/secret'\n";
    let conf = RegistriesConf::from_layers(&[Layer::new("r.conf", text)]).unwrap();
    assert!(conf.is_insecure("plain.lab:5000") && conf.is_insecure("plain.lab:5000/a/b"));
    assert!(!conf.is_insecure("plain.lab") && !conf.is_insecure("other.lab:5000"));
    assert!(conf.blocked("no.io/other").is_none());
    assert_eq!(resolve(&conf, "no.io/secret/x:1"), "no.io/secret/x:1: registry no.io/secret is blocked in r.conf:4:1");
    assert_eq!(resolve(&conf, "mixed.io/x:1"), "mixed.io/x:1: registry mixed.io is blocked in r.conf:7:1");
    assert_eq!(resolve(&conf, "oci:///srv/layout"), "oci:///srv/layout");
}

#[test]
fn a_tie_goes_to_the_first_in_byte_order() {
    let text = "[[registry]]\nprefix = 'x.a.io'\nlocation = 'plain.lab'\n[[registry]]\nprefix = '*.a.io'\nlocation = 'wild.lab'";
    let conf = RegistriesConf::from_layers(&[Layer::new("r.conf", text)]).unwrap();
    assert_eq!(resolve(&conf, "x.a.io/y:1"), "wild.lab/y:1");
}

#[test]
pub(crate) fn the_shared_data() {
    let conf = |names: &[&str]| -> Option<RegistriesConf> {
        let layers: Option<Vec<_>> =
            names.iter().map(|name| crate::shared_layer(&format!("registries-conf/{name}.conf"))).collect();
        Some(RegistriesConf::from_layers(&layers?).unwrap())
    };
    let Some(pulls) = conf(&["pull-sources-from-reference"]) else { return };
    let check = |reference: &str, expected: &str| assert_eq!(resolve(&pulls, reference), expected, "{reference}");
    // Rewriting to a name of its own; digests and tags.
    let a = "mirror-1.registry-a.com/image:1 mirror-2.registry-a.com/image:1 registry-a.com/bar/image:1";
    check("registry-a.com/foo/image:1", a);
    check("registry-a.com/baz/image:1", a);
    check("registry-b.com/foo/image:1", "registry-b.com/bar/image:1");
    let b = "mirror-1.registry-b.com/image@sha256:X mirror-2.registry-b.com/image@sha256:X registry-b.com/bar/image@sha256:X";
    check("registry-b.com/foo/image@sha256:X", b);
    check("registry-b.com/baz/image@sha256:X", b);
    check("registry-b.com/baz/image:1", "registry-b.com/bar/image:1");
    check("registry-c.com/baz/image:1", "mirror-1.registry-c.com/image:1 registry-c.com/bar/image:1");
    check(
        "registry-c.com/baz/image@sha256:X",
        "mirror-1.registry-c.com/image@sha256:X mirror-2.registry-c.com/image@sha256:X registry-c.com/bar/image@sha256:X",
    );
    check("registry-d.com/baz/image:1", "registry-d.com/bar/image:1");
    check(
        "registry-e.com/baz/image:1",
        "mirror-1.registry-e.com/image:1 mirror-2.registry-e.com/image:1 registry-e.com/bar/image:1",
    );
    check("registry-e.com/baz/image@sha256:X", "registry-e.com/bar/image@sha256:X");
    check(
        "registry-f.com/baz/image@sha256:X",
        "mirror-1.registry-f.com/image@sha256:X registry-f.com/bar/image@sha256:X",
    );
    check(
        "registry-g.com/baz/image:1",
        "mirror-2.registry-g.com/image:1 mirror-3.registry-g.com/image:1 mirror-4.registry-g.com/image:1 registry-g.com/bar/image:1",
    );
    check(
        "registry-g.com/baz/image@sha256:X",
        "mirror-1.registry-g.com/image@sha256:X mirror-3.registry-g.com/image@sha256:X mirror-4.registry-g.com/image@sha256:X registry-g.com/bar/image@sha256:X",
    );

    let mirrors = conf(&["mirrors"]).unwrap();
    let sources = mirrors.resolve(&ImageRef::parse("registry.com/image:tag").unwrap()).unwrap();
    let insecure: Vec<_> = sources.iter().map(|source| (source.mirror, source.insecure)).collect();
    assert_eq!(insecure, [(true, false), (true, true), (false, false)]);
    assert!(
        resolve(&mirrors, "blocked.registry.com/x:1")
            .contains("registry blocked.registry.com is blocked in mirrors.conf:")
    );

    let find = conf(&["find-registry"]).unwrap();
    let check = |reference: &str, expected: &str| assert_eq!(resolve(&find, reference), expected, "{reference}");
    check("simple-prefix.com/foo/bar:latest", "registry.com:5000/foo/bar:latest");
    check("not-simple-prefix.com/foo:1", "not-simple-prefix.com/foo:1");
    check("complex-prefix.com:4000/with/path/and/beyond:tag", "another-registry.com:5000/and/beyond:tag");
    check("complex-prefix.com:4000/with:tag", "complex-prefix.com:4000/with:tag");
    check("no-prefix.com/foo:1", "no-prefix.com/foo:1");
    check("empty-prefix.com/foo:1", "empty-prefix.com/foo:1");
    check("foo.so.simple-prefix.com/bar:1", "subdomain-prefix.com/bar:1");
    check("foo.simple-prefix.com/bar:1", "subdomain-prefix-2.com/bar:1");
    check("a.not.quite.simple-prefix.com/bar:1", "subdomain-prefix-1.com/bar:1");
    check("foo.bar.docker.io/bar:1", "subdomain-prefix-4.com/bar:1");
    check("foo.bar.example.com:5000/bar:1", "subdomain-prefix-5.com/bar:1");
    check("foo.internal.registry.com/bar:1", "foo.internal.registry.com/bar:1");
    check("x.foobar.io/bar:1", "x.foobar.io/bar:1");

    let find = conf(&[
        "find-registry",
        "registries.conf.d/subdomain-override-1",
        "registries.conf.d/subdomain-override-2",
        "registries.conf.d/subdomain-override-3",
    ])
    .unwrap();
    let check = |reference: &str, expected: &str| assert_eq!(resolve(&find, reference), expected, "{reference}");
    check("a.not.quite.simple-prefix.com/bar:1", "subdomain-prefix-1-overridden-by-dropin-location.com/bar:1");
    check("foo.docker.io/bar:1", "subdomain-prefix-2.com/bar:1");
    check("foo.docker.com/bar:1", "subdomain-prefix-2-overridden-by-dropin-location.com/bar:1");
    check("a.bar.example.com/bar:1", "subdomain-prefix-3-overridden-by-dropin-location.com/bar:1");
}
