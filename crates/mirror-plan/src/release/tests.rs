//! The rules of `docs/behaviour/release.md` 2.7, 3, 4 and 8, row by row.

use std::path::{Path, PathBuf};

use image_ref::{Digest, ImageRef, Platform};
use proptest::prelude::*;

use super::*;

fn hex(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn component(name: &str, image: &str) -> Component {
    Component { name: name.into(), image: image.into(), annotations: std::collections::BTreeMap::new() }
}

fn real(name: &str) -> Option<Vec<u8>> {
    let path: PathBuf = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/release")).join(name);
    let bytes = std::fs::read(path).ok();
    if bytes.is_none() {
        println!("skipped: no {name} of a real release here");
    }
    bytes
}

#[test]
fn names_of_releases() {
    let check = |image: &str, folder: &str, payload: &str, etcd: &str| {
        let release = ReleaseName::new(image.parse().unwrap()).unwrap();
        let component = component("etcd", &format!("quay.io/ocp/art-dev@sha256:{}", hex('e')));
        assert_eq!(release.folder(), folder, "{image}");
        assert_eq!(release.payload().to_string(), payload, "{image}");
        assert_eq!(release.component(&component).unwrap().to_string(), etcd, "{image}");
    };
    check(
        "quay.io/openshift-release-dev/ocp-release:4.16.2-x86_64",
        "ocp-release/4.16.2-x86_64",
        "openshift/release-images:4.16.2-x86_64",
        "openshift/release:4.16.2-x86_64-etcd",
    );
    check(
        "docker://reg.lan:5000/a/ocp-release:4.20.3-multi",
        "ocp-release/4.20.3-multi",
        "openshift/release-images:4.20.3-multi",
        "openshift/release:4.20.3-multi-etcd",
    );
    let ab = hex('a');
    check(
        &format!("quay.io/openshift-release-dev/ocp-release@sha256:{ab}"),
        &format!("ocp-release@sha256/{ab}"),
        &format!("openshift/release-images:{ab}"),
        &format!("openshift/release:{ab}-etcd"),
    );
    check(
        &format!("quay.io/x/ocp-release:4.1.0@sha256:{ab}"),
        "ocp-release/4.1.0",
        "openshift/release-images:4.1.0",
        "openshift/release:4.1.0-etcd",
    );
}

#[test]
fn releases_without_a_name() {
    let error = |image: &str| ReleaseName::new(ImageRef::parse_name(image).unwrap()).unwrap_err().to_string();
    insta::assert_snapshot!(error("quay.io/a/b"), @"release `quay.io/a/b` has neither tag nor digest");
    insta::assert_snapshot!(error("quay.io/a/..:x"), @"release `quay.io/a/..:x`: invalid repository path `a/..`: expected lower-case components separated by `/`, like `openshift/cli`");
}

#[test]
fn components() {
    let release = ReleaseName::new("quay.io/ocp/ocp-release:4.16.2-x86_64".parse().unwrap()).unwrap();
    let check = |name: &str, image: &str, expected: &str| {
        let found = release.component(&component(name, image));
        assert_eq!(found.map_or_else(|error| error.to_string(), |image| image.to_string()), expected);
    };
    let x = hex('1');
    check("cli", "quay.io/ocp/art-dev:cli", "openshift/release:4.16.2-x86_64-cli");
    check(
        "kube-virt-container-s390x",
        "quay.io/ocp/art-dev:k",
        "openshift/release:4.16.2-x86_64-kube-virt-container-s390x",
    );
    check("", &format!("quay.io/ocp/art-dev@sha256:{x}"), &format!("ocp/art-dev:sha256-{x}"));
    check(
        "cli",
        "",
        "component `cli` of the release: \"\" unable to parse image correctly: the name is empty, expected `host/path:tag` or `host/path@digest`",
    );
    check(
        "cli",
        "quay.io/a/b",
        "component `cli` of the release: quay.io/a/b unable to parse image correctly: tag and digest are empty",
    );
    check(
        "a/b",
        "quay.io/a/b:1",
        "component `a/b` of the release cannot be named at the destination: `4.16.2-x86_64-a/b` is no tag",
    );
}

#[test]
fn origins() {
    let release = ReleaseName::new("quay.io/ocp/ocp-release:4.16.2-x86_64".parse().unwrap()).unwrap();
    let check = |image: &ReleaseImage, to: &str, from: &str| {
        assert_eq!((image.origin(false), image.origin(true)), (to.to_owned(), from.to_owned()));
    };
    let payload = "quay.io/ocp/ocp-release:4.16.2-x86_64";
    check(&release.payload(), payload, &format!("docker://{payload}"));
    let etcd = format!("quay.io/ocp/art-dev@sha256:{}", hex('e'));
    check(&release.component(&component("etcd", &etcd)).unwrap(), &etcd, &etcd);
    let graph = "docker://localhost:55000/openshift/graph-image:latest";
    check(&graph_image(graph.parse().unwrap()), graph, graph);
    assert_eq!(graph_image(graph.parse().unwrap()).to_string(), "openshift/graph-image:latest");
}

/// Two tags of one digest are two images; the same tag twice is one.
#[test]
fn duplicates() {
    let release = ReleaseName::new("quay.io/ocp/ocp-release:1-x".parse().unwrap()).unwrap();
    let same = format!("quay.io/ocp/art-dev@sha256:{}", hex('d'));
    let other = format!("quay.io/ocp/art-dev@sha256:{}", hex('b'));
    let components = [component("z", &same), component("a", &same), component("z", &same), component("m", &other)];
    let images: Vec<String> = release.images(&components).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        images,
        [
            "openshift/release:1-x-m",
            "openshift/release:1-x-a",
            "openshift/release:1-x-z",
            "openshift/release-images:1-x"
        ]
    );
}

#[test]
fn image_references() {
    let check = |json: &str, expected: &str| {
        let found = ImageReferences::parse(json.as_bytes()).map_or_else(
            |error| error.to_string(),
            |found| found.components.iter().map(|c| format!("{}={}", c.name, c.image)).collect::<Vec<_>>().join(" "),
        );
        assert_eq!(found, expected, "{json}");
    };
    let tag = |name: &str| {
        format!(r#"{{"name": "{name}", "from": {{"kind": "Other", "name": "r/{name}:1"}}, "generation": null}}"#)
    };
    check(
        &format!(r#"{{"kind": "ImageStream", "spec": {{"tags": [{}, {}]}}, "status": {{}}}}"#, tag("b"), tag("a")),
        "b=r/b:1 a=r/a:1",
    );
    check(&format!(r#"{{"spec": {{"tags": [{}, {}]}}}}"#, tag("b"), tag("b")), "b=r/b:1 b=r/b:1");
    check(r#"{"metadata": {"creationTimestamp": null}, "spec": {"tags": [{"name": "x", "annotations": null}]}}"#, "x=");
    check(r#"{"metadata": {"creationTimestamp": "2023-01-12T18:29:52Z"}}"#, "");
    check("{}", "");
    check(
        r#"{"metadata": {"creationTimestamp": "12 January"}}"#,
        &ImageReferencesError::CreationTimestamp {
            text: "12 January".into(),
            reason: "12 January".parse::<jiff::Timestamp>().unwrap_err().to_string(),
        }
        .to_string(),
    );
    check(
        "[]",
        "image-references is not the expected JSON of an ImageStream: invalid length 0, expected struct WireImageStream with 2 elements at line 1 column 2",
    );
    check(
        "{",
        "image-references is not the expected JSON of an ImageStream: EOF while parsing an object at line 1 column 1",
    );
}

#[test]
fn a_real_payload() {
    let Some(bytes) = real("image-references") else { return };
    let references = ImageReferences::parse(&bytes).unwrap();
    assert_eq!((references.version.as_str(), references.components.len()), ("4.12.0", 183));
    assert_eq!(references.created.as_deref(), Some("2023-01-12T18:29:52Z"));
    let release = ReleaseName::new("quay.io/openshift-release-dev/ocp-release:4.12.0-x86_64".parse().unwrap()).unwrap();
    let images = release.images(&references.components).unwrap();
    assert_eq!(images.len(), 184);
    let mut places: Vec<String> = images.iter().map(ToString::to_string).collect();
    assert!(places.contains(&"openshift/release:4.12.0-x86_64-etcd".to_owned()));
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 184, "every image has a place of its own");
    assert!(images.iter().all(|image| image.source.digest().is_some() || image.role == ReleaseRole::Payload));
}

const STREAM: &str = r#"{"stream": "rhcos", "architectures": {
    "x86_64": {"images": {"kubevirt": {"digest-ref": "quay.io/k@sha256:x"}, "ami": 7}}, "aarch64": {}, "ppc64le": null,
    "s390x": {"images": {"kubevirt": {"digest-ref": ""}}}}}"#;

#[test]
fn kubevirt_keys() {
    let check = |platforms: &[&str], architectures: &[&str], asked: &[&str], skipped: &[&str]| {
        let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
        let architectures: Vec<String> = architectures.iter().map(|text| (*text).to_owned()).collect();
        let keys = KubevirtKeys::new(&platforms, &architectures);
        assert_eq!(
            (keys.asked.as_slice(), keys.skipped.as_slice()),
            (asked, &*skipped.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
        );
    };
    let both = &["x86_64", "s390x"];
    check(&[], &[], &["x86_64"], &[]);
    check(&["linux/amd64", "linux/s390x"], &[], both, &[]);
    check(&["linux/s390x", "linux/s390x"], &[], &["s390x"], &[]);
    check(&["linux/arm64"], &[], both, &["arm64"]);
    check(&["linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"], &[], both, &["arm64", "ppc64le"]);
    check(&["linux/arm64"], &["amd64"], both, &["arm64"]);
    check(&[], &["multi"], both, &[]);
    check(&[], &["amd64", "multi"], both, &[]);
    check(&[], &["amd64"], &["x86_64"], &[]);
    check(&[], &["s390x", "arm64"], &["s390x"], &["arm64"]);
    check(&[], &["arm64", "ppc64le"], &["x86_64"], &["arm64", "ppc64le"]);
}

#[test]
fn kubevirt_images() {
    let yaml = format!(
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  releaseVersion: x\n  stream: |\n    {}\n",
        STREAM.replace('\n', "\n    ")
    );
    let json = serde_json::json!({"kind": "ConfigMap", "data": {"stream": STREAM}}).to_string();
    for text in [yaml, json] {
        let images = Bootimages::parse(&text).unwrap();
        let check = |architectures: &[&str], expected: &str| {
            let architectures: Vec<String> = architectures.iter().map(|text| (*text).to_owned()).collect();
            let found = images.kubevirt(&KubevirtKeys::new(&[], &architectures)).map_or_else(
                |error| error.to_string(),
                |found| found.iter().map(|c| format!("{}={}", c.name, c.image)).collect::<Vec<_>>().join(" "),
            );
            assert_eq!(found, expected);
        };
        check(&[], "kube-virt-container=quay.io/k@sha256:x");
        // The suffix follows what was asked for, not what was found.
        check(&["multi"], "kube-virt-container-x86_64=quay.io/k@sha256:x");
        check(
            &["s390x"],
            "could not find kubevirt image in this release: none for s390x; remove `kubeVirtContainer` from the configuration or configure another architecture",
        );
    }
}

#[test]
fn boot_images_that_cannot_be_read() {
    let error = |text: &str| Bootimages::parse(text).unwrap_err().to_string();
    assert!(error("kind: [").starts_with("the boot images file is no ConfigMap: "));
    insta::assert_snapshot!(error("kind: ConfigMap"), @"the boot images file has no `data.stream`");
    insta::assert_snapshot!(error("data: {stream: '{'}"), @"`data.stream` of the boot images file is not the expected JSON: EOF while parsing an object at line 1 column 1");
}

#[test]
fn real_boot_images() {
    let Some(bytes) = real("0000_50_installer_coreos-bootimages.yaml") else { return };
    let images = Bootimages::parse(std::str::from_utf8(&bytes).unwrap()).unwrap();
    let names = |architectures: &[String]| {
        let found = images.kubevirt(&KubevirtKeys::new(&[], architectures)).unwrap();
        found.into_iter().map(|component| component.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["kube-virt-container"]);
    assert_eq!(names(&["multi".into()]), ["kube-virt-container-x86_64", "kube-virt-container-s390x"]);
}

#[test]
fn direct_releases() {
    let digest: Digest = format!("sha256:{}", hex('a')).parse().unwrap();
    let other: Digest = format!("sha256:{}", hex('b')).parse().unwrap();
    let check = |text: &str, needs: bool, expected: &str| {
        let release = DirectRelease::parse(text).unwrap();
        assert_eq!(matches!(release, DirectRelease::NeedsDigest(_)), needs, "{text}");
        assert_eq!(release.with_digest(digest.clone()).to_string(), expected, "{text}");
    };
    check("quay.io/ocp/ocp-release:4.16.2-x86_64", true, &format!("quay.io/ocp/ocp-release@{digest}"));
    check(&format!("quay.io/ocp/ocp-release@{other}"), false, &format!("quay.io/ocp/ocp-release@{other}"));
    check(&format!("quay.io/ocp/ocp-release:4.16.2@{other}"), false, &format!("quay.io/ocp/ocp-release@{other}"));
    insta::assert_snapshot!(DirectRelease::parse("quay.io/ocp/ocp-release").unwrap_err(), @"platform.release: quay.io/ocp/ocp-release unable to parse image correctly: tag and digest are empty");
}

#[test]
fn extracted_paths() {
    let check = |path: &str, expected: Result<Option<&str>, &str>| {
        let found = extracted_path(path).map_err(|error| error.to_string());
        assert_eq!(found.as_ref().map(Option::as_deref).map_err(String::as_str), expected, "{path}");
    };
    check("release-manifests/image-references", Ok(Some("release-manifests/image-references")));
    check("./release-manifests//x/", Ok(Some("release-manifests/x")));
    check("/release-manifests", Ok(Some("release-manifests")));
    check("usr/bin/oc", Ok(None));
    check("../etc/passwd", Ok(None));
    check(
        "release-manifests/../../x",
        Err("path `release-manifests/../../x` of the release image leaves its directory"),
    );
}

#[test]
fn signature_addresses() {
    let digest = Digest::sha256(&hex('a')).unwrap();
    let check = |over: Option<&str>, number, expected: &str| {
        assert_eq!(
            signature::url(signature::base(over).unwrap(), &digest, number),
            format!("{expected}/signature-{number}")
        );
    };
    let a = hex('a');
    let public = "https://mirror.openshift.com/pub/openshift-v4/signatures/openshift/release/sha256=";
    check(None, 1, &format!("{public}{a}"));
    check(Some(""), 2, &format!("{public}{a}"));
    check(Some("http://127.0.0.1:9/sigs/"), 1, &format!("http://127.0.0.1:9/sigs/sha256={a}"));
    // Used as typed: without the slash the last element grows.
    check(Some("http://127.0.0.1:9/sigs"), 1, &format!("http://127.0.0.1:9/sigssha256={a}"));
    insta::assert_snapshot!(signature::base(Some("sigs.lan/x")).unwrap_err(), @"`sigs.lan/x` is no URL of signatures: relative URL without a base; using https://mirror.openshift.com/pub/openshift-v4/signatures/openshift/release/");
}

#[test]
fn signature_files() {
    let digest = Digest::sha256(&hex('a')).unwrap();
    let name = signature::file_name("4.16.2-x86_64", &digest);
    assert_eq!(name, format!("4.16.2-x86_64-sha256-{}", hex('a')));
    assert_eq!(signature::parse_file_name(&name), Some(("4.16.2-x86_64", digest.clone())));
    assert_eq!(signature::parse_file_name("readme"), None);
    assert_eq!(signature::parse_file_name("4.16.2-sha256-abc"), None);

    let other = format!("4.16.3-sha256-{}", hex('b'));
    let earlier = format!("4.15.0-sha256-{}", hex('a'));
    let found = signature::find_kept([name.as_str(), other.as_str(), earlier.as_str()], &digest);
    assert_eq!(found, [earlier.as_str(), name.as_str()]);
    assert!(signature::find_kept([other.as_str()], &digest).is_empty());
    assert_eq!(signature::find_kept([hex('a').as_str()], &digest).len(), 1);
    assert_eq!(signature::of_older_file_name(&hex('a')), Some(digest));
    assert_eq!(signature::of_older_file_name(&name), None);
}

#[test]
fn signatures_are_required() {
    for (ignore, direct, expected) in
        [(false, false, true), (false, true, true), (true, false, true), (true, true, false)]
    {
        assert_eq!(signature::is_required(ignore, direct), expected, "{ignore} {direct}");
    }
}

#[test]
fn signed_names() {
    let signed = signature::signed_name("quay.io/openshift-release-dev/ocp-release:4.16.2-x86_64").unwrap();
    assert_eq!(signed.tag(), Some("4.16.2-x86_64"));
    let error = |text: &str| signature::signed_name(text).unwrap_err().to_string();
    insta::assert_snapshot!(error("quay.io/a/b"), @"could not parse identity docker reference image quay.io/a/b: quay.io/a/b unable to parse image correctly: tag and digest are empty");
    insta::assert_snapshot!(error(&format!("quay.io/a/b@sha256:{}", hex('a'))), @"could not parse identity docker reference image quay.io/a/b@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: it has no tag");
}

proptest! {
    /// A kept path stays below its directory, and keeping it again changes nothing.
    #[test]
    fn kept_paths_stay_inside(path in "(release-manifests|a|\\.|\\.\\.|/){0,8}") {
        if let Ok(Some(kept)) = extracted_path(&path) {
            prop_assert!(!kept.starts_with('/') && !kept.split('/').any(|part| part == ".." || part == "."));
            prop_assert_eq!(extracted_path(&kept).unwrap(), Some(kept));
        }
    }

    /// A signature file is found again by tag and by digest.
    #[test]
    fn signature_files_are_found_again(tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}", hex in "[0-9a-f]{64}") {
        let digest = Digest::sha256(&hex).unwrap();
        let name = signature::file_name(&tag, &digest);
        prop_assert_eq!(signature::parse_file_name(&name), Some((tag.as_str(), digest.clone())));
        prop_assert_eq!(signature::find_kept([name.as_str()], &digest), [name.as_str()]);
    }

    /// Whatever the bytes, they are read or refused.
    #[test]
    fn payload_files(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,100}") {
        let _ = (ImageReferences::parse(&bytes), Bootimages::parse(&text));
    }
}

/// A payload must not make a run read a folder or a store of this machine.
#[test]
fn components_are_images_of_registries_only() {
    let name = ReleaseName::new(ImageRef::parse("quay.io/ocp/ocp-release:4.16.2-x86_64").unwrap()).unwrap();
    for image in [
        "oci:///etc/x",
        "dir:///etc",
        "containers-storage:///x",
        "docker-daemon://x:1",
        "docker-archive:///x.tar",
        "quay.io/UPPER/x:1",
        "quay.io/a//b:1",
    ] {
        let error = name.component(&component("etcd", image)).unwrap_err().to_string();
        let expected = format!("component `etcd` of the release is `{image}`, which is no image of a registry: ");
        assert!(error.starts_with(&expected), "{error}");
    }
    assert!(name.component(&component("etcd", &format!("quay.io/a/b@sha256:{}", hex('1')))).is_ok());
}
