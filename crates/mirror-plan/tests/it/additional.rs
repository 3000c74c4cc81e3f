//! `mirror.additionalImages`: names in cache and at the destination (`docs/behaviour/operators-archive.md` 8.1,
//! `docs/behaviour/config-cli.md` 4.3 and 4.8).

use isc_schema::AdditionalImage;
use mirror_plan::{Destination, additional};

const F: &str = "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const TAG_F: &str = "sha256-ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// `name`, `targetRepo`, `targetTag` -> what is pulled, the name in the cache, the name at the destination.
fn check(name: &str, repo: Option<&str>, tag: Option<&str>, source: &str, cache: &str, destination: &str) {
    let mut image = AdditionalImage::new(name.parse().unwrap());
    image.target_repo = repo.map(Into::into);
    image.target_tag = tag.map(Into::into);
    let at = Destination::parse("reg.lan:5000/m").unwrap();
    let collected = additional::plan(&[image], Some(&at)).unwrap();
    let planned = &collected.images[0];
    assert_eq!(planned.source.with_scheme(), source, "{name}");
    assert_eq!(planned.cache.to_string(), cache, "{name}");
    assert_eq!(planned.destination.as_ref().unwrap().with_scheme(), destination, "{name}");
    assert_eq!(planned.origin, name);
}

#[test]
fn names() {
    check(
        "img.example/t/cli:1",
        None,
        None,
        "docker://img.example/t/cli:1",
        "t/cli:1",
        "docker://reg.lan:5000/m/t/cli:1",
    );
    check(
        &format!("img.example/t/cli@{F}"),
        None,
        None,
        &format!("docker://img.example/t/cli@{F}"),
        &format!("t/cli:{TAG_F}"),
        &format!("docker://reg.lan:5000/m/t/cli:{TAG_F}"),
    );
    check(
        &format!("img.example/t/cli@{F}"),
        Some("x/y"),
        None,
        &format!("docker://img.example/t/cli@{F}"),
        &format!("x/y:{TAG_F}"),
        &format!("docker://reg.lan:5000/m/x/y:{TAG_F}"),
    );
    check(
        &format!("img.example/t/cli@{F}"),
        None,
        Some("z"),
        &format!("docker://img.example/t/cli@{F}"),
        "t/cli:z",
        "docker://reg.lan:5000/m/t/cli:z",
    );
    check(
        "img.example/t/cli:1",
        Some("x/y"),
        Some("z"),
        "docker://img.example/t/cli:1",
        "x/y:z",
        "docker://reg.lan:5000/m/x/y:z",
    );
}

#[test]
fn tag_and_digest_is_pulled_by_digest_and_kept_under_the_tag() {
    let name = format!("img.example/t/cli:1@{F}");
    check(&name, None, None, &format!("docker://img.example/t/cli@{F}"), "t/cli:1", "docker://reg.lan:5000/m/t/cli:1");
    let collected = additional::plan(&[AdditionalImage::new(name.parse().unwrap())], None).unwrap();
    let warning = format!("{name} has both tag and digest : using digest to pull, but tag only for mirroring");
    assert_eq!(collected.warnings, [warning]);
}

#[test]
fn a_port_is_no_tag() {
    // Upstream misreads this one as having a tag (config-cli.md 4.6, quirk; do not reproduce).
    check(
        &format!("img.example:5000/p@{F}"),
        None,
        None,
        &format!("docker://img.example:5000/p@{F}"),
        &format!("p:{TAG_F}"),
        &format!("docker://reg.lan:5000/m/p:{TAG_F}"),
    );
}

#[test]
fn local_layouts() {
    check(
        "oci:///srv/img/app",
        None,
        None,
        "oci:///srv/img/app",
        "srv/img/app:latest",
        "docker://reg.lan:5000/m/srv/img/app:latest",
    );
    check("oci:///srv/img/app", Some("a/b"), Some("t"), "oci:///srv/img/app", "a/b:t", "docker://reg.lan:5000/m/a/b:t");
}

/// Registries take neither upper case nor blanks: a folder gets the nearest path, an image of a registry is refused.
#[test]
fn a_path_that_no_registry_takes() {
    let at = Destination::parse("reg.lan:5000").unwrap();
    let planned = |name: &str| additional::plan(&[AdditionalImage::new(name.parse().unwrap())], Some(&at));
    let found = planned("oci:///srv/My Img/App:v1").unwrap();
    assert_eq!(found.images[0].destination.as_ref().unwrap().to_string(), "reg.lan:5000/srv/my-img/app:v1");
    let errors = planned("quay.io/Ns/App:v1").unwrap_err();
    insta::assert_snapshot!(errors[0].1, @"`Ns/App:v1` cannot be the name of an image at the destination: invalid repository path `Ns/App`: expected lower-case components separated by `/`, like `openshift/cli`");
}
