//! Reading payloads (`docs/behaviour/release.md` 3).

use std::os::unix::fs::PermissionsExt as _;

use image_signature::cosign::SigningKey;
use test_support::{
    COMPONENTS, Effect, Fault, Image, ImageBuilder, IndexBuilder, Layer, PAYLOADS, Registry, Release, When,
    cosign_signature_tag, image_references,
};

use super::*;
use crate::trust::policy::{KEY, signature};

#[test]
fn half_of_an_extraction_is_not_trusted() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 4, 1);
    outside.mirrors(&[&release]);
    let folder = "disk/working-dir/hold-release/ocp-release/4.99.1-x86_64/release-manifests";
    outside.home.write(&format!("{folder}/image-references"), "{\"spec\":{\"tags\":[]}}");
    outside.home.to_disk(&[]).code(0).says("5 / 5 release images mirrored successfully");
    let kept = outside.home.path().join(folder).join("image-references");
    assert!(std::fs::read_to_string(kept).unwrap().contains("component-003"));
}

/// A policy is about what is mirrored: the payload, whose own signature counts, is read, and neither it nor a component
/// is taken along unless its name is accepted.
#[test]
fn a_policy_refuses_a_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 3, 1);
    outside.mirrors(&[&release]);
    let policy = ["--secure-policy", "--policy=policy.json"];
    let check = |accepted: &[&str], refused: &str| {
        let anything = serde_json::json!([{ "type": "insecureAcceptAnything" }]);
        let scopes: serde_json::Map<_, _> =
            accepted.iter().map(|name| (format!("quay.io/{name}"), anything.clone())).collect();
        let text = serde_json::json!({ "default": [{ "type": "reject" }], "transports": { "docker": scopes } });
        outside.home.write("policy.json", text.to_string());
        outside.home.to_disk(&policy).code(2).says(&format!("quay.io/{refused}")).says("is rejected by policy");
        assert!(outside.home.archives().is_empty());
        let destination = Registry::start_blocking();
        outside.home.mirror_to_mirror(destination.host(), &policy).code(2).says("is rejected by policy");
        assert!(destination.manifest("openshift/release-images", &release.tag).is_none());
    };
    // Whichever comes first.
    check(&[], "openshift-release-dev/ocp-");
    check(&[PAYLOADS], COMPONENTS);
    check(&[COMPONENTS], PAYLOADS);
}

/// `secure_policy: permissive`, for releases: payload and components that cosign has signed travel with their signatures,
/// and a policy that asks for them accepts both by every way.
#[test]
fn a_policy_accepts_a_signed_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.mirrors(&[&release]);
    outside.home.write("key.pub", SigningKey::from_pem(KEY).unwrap().public_pem());
    let sign = |repository: &str, image: &Image| {
        let signed = signature(KEY, &format!("quay.io/{repository}"), image, false);
        outside.source.push(repository, cosign_signature_tag(&image.digest).as_str(), &signed);
    };
    sign(PAYLOADS, &release.payload);
    let (last, others) = release.components.split_last().unwrap();
    for (_, image) in others {
        sign(COMPONENTS, image);
    }
    let policy = ["--secure-policy", "--policy=policy.json"];
    let rule = serde_json::json!({
        "type": "sigstoreSigned", "keyPath": outside.home.path().join("key.pub"),
        "signedIdentity": { "type": "matchRepository" },
    });
    outside.home.write("policy.json", serde_json::json!({ "default": [rule] }).to_string());
    outside.home.to_disk(&policy).code(2).says("no signature exists");
    assert!(outside.home.archives().is_empty());
    sign(COMPONENTS, &last.1);

    for kind in ["sigstoreSigned", "insecureAcceptAnything"] {
        if kind == "insecureAcceptAnything" {
            outside.home.write("policy.json", serde_json::json!({ "default": [{ "type": kind }] }).to_string());
        }
        let destination = Registry::start_blocking();
        outside.home.to_disk(&[&policy[..], &["--since", "2015-01-01"]].concat()).code(0);
        let links =
            outside.home.cache().join("docker/registry/v2/repositories/openshift/release-images/_manifests/tags");
        assert!(links.join(cosign_signature_tag(&release.payload.digest)).is_dir(), "{kind}");
        outside.home.to_mirror(&format!("{}/d", destination.host()), &policy).code(0);
        outside.home.mirror_to_mirror(&format!("{}/m", destination.host()), &policy).code(0);
        for namespace in ["d/", "m/"] {
            assert_arrived(&release, &destination, namespace);
            let signed = |repository: &str, image: &Image| {
                let tag = cosign_signature_tag(&image.digest);
                assert!(destination.manifest(&format!("{namespace}{repository}"), &tag).is_some(), "{kind}: {tag}");
            };
            signed("openshift/release-images", &release.payload);
            release.components.iter().for_each(|(_, image)| signed("openshift/release", image));
        }
    }
}

#[test]
fn a_missing_component_fails_the_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 4, 1);
    outside.channel(&[&release]);
    outside.source.remove(COMPONENTS, &release.components[2].1.digest.to_string());
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    let missing = &release.components[2].1.digest;
    let outcome = outside.home.to_disk(&[]);
    outcome.code(2).says(&format!("[Worker] error mirroring image quay.io/{COMPONENTS}@{missing}"));
    assert!(outside.home.archives().is_empty());
    assert!(outside.source.manifest(PAYLOADS, &release.tag).is_some());
}

/// A release that fails ends the run, and with it the credential helper that another image still waits for.
#[test]
fn nobody_waits_for_a_helper_when_a_release_has_failed() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 1, 1);
    outside.channel(&[&release]);
    let component = release.components[0].1.digest.to_string();
    outside.source.remove(COMPONENTS, &component);
    // Not before the helper is running.
    outside.source.fault(Fault::new(When::path(&component), Effect::Delay(std::time::Duration::from_secs(3))));
    let Outside { source: _source, service: _service, gpg: _gpg, home } = outside;
    let folder = home.path().join("bin").display().to_string();
    let home = home.variable("PATH", format!("{folder}:/usr/bin:/bin"));
    let other = Registry::start_blocking();
    other.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 4000)).build());
    let helper = home.write("bin/docker-credential-lab", "#!/bin/sh\necho $$ >\"$HOME/pid\"\nexec sleep 600\n");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.write("auth.json", format!("{{\"credHelpers\": {{\"{}\": \"lab\"}}}}", other.host()));
    home.configuration(&format!(
        "platform:\n  channels:\n  - name: stable-4.99\nadditionalImages:\n- name: {}/ns/app:v1\n",
        other.host()
    ));
    let outcome = home.to_disk(&["--authfile", "auth.json"]);
    outcome.code(2 | 8).says(&format!("[Worker] error mirroring image quay.io/{COMPONENTS}@{component}"));
    let pid = std::fs::read_to_string(home.path().join("pid")).expect("the helper was started");
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "the helper {pid} lives on");
    assert!(outcome.line_with("took longer than").is_none(), "{}", outcome.stdout);
}

/// What a payload holds is its file system: the newest layer counts, whatever lies below.
#[test]
fn files_that_newer_layers_replace() {
    let Some(outside) = Outside::new() else { return };
    let list = "release-manifests/image-references";
    let whole = Release::new("4.99.1", 3, 1);
    let components: Vec<(&str, &Image)> = whole.components.iter().map(|(name, image)| (name.as_str(), image)).collect();
    let mirrored = |release: Release, expected: &str| {
        outside.channel(&[&release]);
        outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
        outside.home.to_disk(&["--dry-run"]).code(0);
        let text = std::fs::read_to_string(outside.home.disk().join("working-dir/dry-run/mapping.txt")).unwrap();
        let mut names: Vec<&str> =
            text.lines().filter_map(|line| Some(line.rsplit_once("/release:4.99.1-x86_64-")?.1)).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), expected);
    };
    mirrored(whole.clone(), "component-000 component-001 component-002");
    let one = image_references("4.99.1", components[1..2].iter().copied());
    mirrored(whole.clone().layer(&Layer::tar_gz([(list, one.as_slice())])), "component-001");
    // Removed with its folder, and brought again.
    let removed = whole.clone().layer(&Layer::tar_gz([(".wh.release-manifests", b"".as_slice())]));
    mirrored(removed.clone().layer(&Layer::zstd([(list, one.as_slice())])), "component-001");
    // Two tags of one digest are two images.
    let twice = [("one", components[0].1), ("two", components[0].1)];
    let twice = image_references("4.99.1", twice);
    mirrored(whole.clone().layer(&Layer::tar([(list, twice.as_slice())])), "one two");

    let refused = |release: Release, expected: &str| {
        outside.channel(&[&release]);
        outside.home.to_disk(&[]).code(2).says(expected);
    };
    refused(removed, "the image holds no `release-manifests/image-references`; is it a release payload?");
    refused(whole.clone().layer(&Layer::tar_gz([(list, b"{".as_slice())])), "not the expected JSON of an ImageStream");
    let late = br#"{"metadata": {"creationTimestamp": "yesterday"}, "spec": {"tags": []}}"#;
    refused(whole.clone().layer(&Layer::tar_gz([(list, late.as_slice())])), "was created at `yesterday`");
    let nameless = br#"{"spec": {"tags": [{"name": "x", "from": {"kind": "DockerImage"}}]}}"#;
    refused(whole.layer(&Layer::tar_gz([(list, nameless.as_slice())])), "component `x` of the release");
}

/// A payload that is an index of indexes, and one whose indexes have no end.
#[test]
fn nested_indexes() {
    let Some(outside) = Outside::new() else { return };
    let mut release = Release::multi("4.99.1", &["amd64", "s390x"], 2, 1);
    for _ in 0..2 {
        release.payload = IndexBuilder::docker().child(release.payload).build();
    }
    outside.publish(&release);
    outside.service.graph("multi", "stable-4.99", &graph(&[&release]));
    let body = "platform:\n  architectures: [multi]\n  channels:\n  - name: stable-4.99\n";
    outside.home.configuration(body);
    outside.home.to_disk(&[]).code(0).says("3 / 3 release images mirrored successfully");
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let destination = Registry::start_blocking();
    inside.to_mirror(destination.host(), &[]).code(0);
    assert_arrived(&release, &destination, "");
    let innermost = &release.payload.children[0].children[0].children[1];
    assert!(destination.manifest("openshift/release-images", &innermost.digest.to_string()).is_some());

    for _ in 0..5 {
        release.payload = IndexBuilder::docker().child(release.payload).build();
    }
    outside.publish(&release);
    outside.service.graph("multi", "stable-4.99", &graph(&[&release]));
    outside.home.to_disk(&[]).code(2).says("nest deeper than 5 levels");
}
