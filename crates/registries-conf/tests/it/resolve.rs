//! Names asked for, names contacted (contract `release.md` 7.3).

use image_ref::ImageRef;
use registries_conf::{Layer, RegistriesConf};

/// The example configuration of the contract.
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
fn the_rows_of_the_contract() {
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
