//! Where signatures lie (`docs/behaviour/release.md` 7.6, "Format").

use image_ref::{Digest, ImageRef};
use insta::assert_snapshot;
use registries_conf::{Lookaside, RegistriesD};

use crate::{layer, shared_layer};

fn show(lookaside: Result<Option<Lookaside>, registries_conf::LookasideError>) -> String {
    match lookaside {
        Ok(None) => "default".to_owned(),
        Ok(Some(Lookaside::Directory(path))) => format!("dir {}", path.display()),
        Ok(Some(Lookaside::Web(url))) => url,
        Err(error) => error.to_string(),
    }
}

fn check(conf: &RegistriesD, image: &str, read: &str, write: &str) {
    let image = ImageRef::parse(image).unwrap();
    assert_eq!(
        (show(conf.lookaside(&image)).as_str(), show(conf.lookaside_staging(&image)).as_str()),
        (read, write),
        "{image}"
    );
}

#[test]
fn the_most_specific_scope_that_sets_a_key() {
    let conf = RegistriesD::from_layers(&[
        layer("default.yaml", "default-docker:\n  use-sigstore-attachments: true\n  sigstore: https://old.io/\n"),
        layer(
            "a.yaml",
            "docker:\n  reg.io:\n    lookaside: https://reg.io/sigs\n  reg.io/ns:\n    use-sigstore-attachments: false\n  reg.io/ns/app:1:\n    lookaside-staging: file:///stage\n  '*.wild.io':\n    lookaside: https://wild.io\n  null.io:\nfuture: 1\n",
        ),
    ])
    .unwrap();
    check(&conf, "reg.io/x:1", "https://reg.io/sigs", "https://reg.io/sigs");
    check(&conf, "reg.io/ns/app:1", "https://reg.io/sigs", "dir /stage");
    check(&conf, "a.b.wild.io:5000/x:1", "https://wild.io", "https://wild.io");
    check(&conf, "null.io/x:1", "https://old.io", "https://old.io");
    check(&conf, "reg.io:5000/x:1", "https://old.io", "https://old.io");
    check(&RegistriesD::default(), "reg.io/x:1", "default", "default");
    let attachments = |image: &str| conf.use_sigstore_attachments(&ImageRef::parse(image).unwrap());
    assert_eq!((attachments("reg.io/x:1"), attachments("other.io/x:1")), (Some(true), Some(true)));
    assert_eq!(attachments("reg.io/ns/app:1"), Some(false));
    assert_eq!(RegistriesD::default().use_sigstore_attachments(&ImageRef::parse("reg.io/x:1").unwrap()), None);
}

#[test]
fn a_signature_has_a_place() {
    let digest = Digest::sha256(&"a".repeat(64)).unwrap();
    let repository = "reg.io:5000/ns/app".parse().unwrap();
    let conf = RegistriesD::from_layers(&[layer(
        "a",
        "docker: {a.io: {lookaside: 'https://a.io/sigs/'}, b.io: {lookaside: 'file:///sigs'}}",
    )])
    .unwrap();
    let place = |image: &str| {
        let base = conf.lookaside(&ImageRef::parse(image).unwrap()).unwrap().unwrap();
        show(Ok(Some(base.signature(&repository, &digest, 2))))
    };
    let hex = "a".repeat(64);
    assert_eq!(place("a.io/x:1"), format!("https://a.io/sigs/ns/app@sha256={hex}/signature-2"));
    assert_eq!(place("b.io/x:1"), format!("dir /sigs/ns/app@sha256={hex}/signature-2"));
}

#[test]
fn mistakes() {
    let error = |texts: &[&str]| {
        let layers: Vec<_> = texts.iter().enumerate().map(|(at, text)| layer(&format!("{at}.yaml"), text)).collect();
        RegistriesD::from_layers(&layers).unwrap_err().to_string()
    };
    assert_snapshot!(
        error(&["default-docker: {}", "default-docker: {}"]),
        @"error parsing signature storage configuration: `default-docker` defined both in `0.yaml` and in `1.yaml`"
    );
    assert_snapshot!(
        error(&["docker: {a.io: {}}", "docker: {b.io: {}}", "docker:\n  a.io: {}"]),
        @"error parsing signature storage configuration: `docker` namespace `a.io` defined both in `0.yaml` and in `2.yaml`"
    );
    assert_snapshot!(
        error(&["docker:\n  a.io: {}\n  a.io: {}"]),
        @"0.yaml:3:3: invalid YAML: duplicate mapping key: a.io"
    );
    assert_snapshot!(
        error(&["docker:\n  a.io:\n    use-sigstore-attachments: maybe"]),
        @"0.yaml:3:31: invalid YAML: invalid boolean"
    );
    assert_snapshot!(error(&["docker: ["]), @"0.yaml:1:9: invalid YAML: expected mapping start");
    for text in ["", "{}", "# nothing", "docker:", "default-docker:"] {
        assert_eq!(RegistriesD::from_layers(&[layer("a", text)]), Ok(RegistriesD::default()), "{text}");
    }
}

#[test]
pub(crate) fn the_shared_data() {
    let layers = ["internet-user.yaml", "internal-example.com.yaml", "emptyConfig.yaml"];
    let Some(layers) =
        layers.iter().map(|name| shared_layer(&format!("registries-d/{name}"))).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let conf = RegistriesD::from_layers(&layers).unwrap();
    let same = |image: &str, both: &str| check(&conf, image, both, both);
    same("example.com/x:1", "https://lookaside.example.com");
    same("registry.test.example.com/x:1", "http://registry.test.example.com/lookaside");
    check(
        &conf,
        "registry.test.example.com:8888/x:1",
        "http://registry.test.example.com:8889/lookaside",
        "https://registry.test.example.com:8889/lookaside/specialAPIserverWhichDoesNotExist",
    );
    same("localhost/x:1", "dir /home/mitr/mydevelopment1");
    same("localhost:8080/x:1", "dir /home/mitr/mydevelopment2");
    for (path, url) in [
        ("invalid/url/test", ":emptyscheme"),
        ("file/path/test", "/no/scheme/just/a/path"),
        ("relative/path/test", "no/scheme/relative/path"),
    ] {
        same(
            &format!("localhost/{path}:1"),
            &format!(
                "internal-example.com.yaml: invalid lookaside storage URL `{url}`: expected `https://…`, `http://…` or `file:///…`"
            ),
        );
    }
    same("docker.io/contoso/x:1", "https://lookaside.contoso.com/fordocker");
    same("docker.io/centos/x:1", "https://lookaside.centos.org");
    check(
        &conf,
        "docker.io/centos/mybetaproduct:2",
        "http://localhost:9999/mybetaWIP/lookaside",
        "dir /srv/mybetaWIP/lookaside",
    );
    // Both keys come from the same section: its lookaside hides the staging address of the scope above.
    same("docker.io/centos/mybetaproduct:latest", "https://lookaside.centos.org");
    same("unknown.io/x:1", "dir /mnt/companywide/signatures/for/other/repositories");
    assert!(RegistriesD::from_layers(&[shared_layer("registries-d/invalid-but.notyaml").unwrap()]).is_err());
}
