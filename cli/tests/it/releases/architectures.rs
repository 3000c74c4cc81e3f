//! Several architectures, lists with only some of their instances, and boot images (`docs/behaviour/release.md` 2.6 and 8).

use std::collections::BTreeSet;

use test_support::{Image, ImageBuilder, Layer, PAYLOADS, Registry, Release};

use super::*;

const ARCHITECTURES: [&str; 4] = ["amd64", "arm64", "ppc64le", "s390x"];

/// `sparse: architectures`.
#[test]
fn a_payload_of_each_architecture() {
    let Some(outside) = Outside::new() else { return };
    let single = Release::new("4.99.1", 3, 1);
    let multi = Release::multi("4.99.1", &["amd64", "arm64"], 3, 1);
    let arm = Release::of_architecture("4.99.1", "aarch64", "arm64", 3, 1);
    for (arch, release) in [("amd64", &single), ("multi", &multi), ("arm64", &arm)] {
        outside.publish(release);
        outside.service.graph(arch, "stable-4.99", &graph(&[release]));
    }
    outside.home.configuration(
        "platform:\n  architectures: [multi, amd64, arm64]\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n",
    );
    outside.home.to_disk(&[]).code(0).says("platform.architectures is deprecated").says("12 / 12 release images");
    let asked: BTreeSet<String> = outside.service.requests().into_iter().filter(|r| r.starts_with("/graph")).collect();
    let expected = ["amd64", "arm64", "multi"].map(|arch| format!("/graph?arch={arch}&channel=stable-4.99"));
    assert_eq!(asked, expected.into());
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    drop((outside.source, outside.service));
    let destination = Registry::start_blocking();
    inside.to_mirror(destination.host(), &[]).code(0);
    for release in [&single, &multi, &arm] {
        assert_arrived(release, &destination, "");
        assert_eq!(instances(&release.payload, &destination, "openshift/release-images"), all_of(&release.payload));
    }
}

/// `sparse: architectures`, without a channel: they select nothing, and what else there is is mirrored.
#[test]
fn architectures_without_a_channel() {
    let Some(outside) = Outside::new() else { return };
    let image = ImageBuilder::oci().layer(Layer::random(1, 1000)).build();
    outside.source.push("ns/app", "v1", &image);
    let architectures = "platform:\n  architectures: [multi, amd64]\n";
    let app = format!("additionalImages:\n- name: {}/ns/app:v1\n", outside.source.host());
    outside.home.configuration(&format!("{architectures}{app}"));
    let destination = Registry::start_blocking();
    let deprecated = "platform.architectures is deprecated";
    outside.home.mirror_to_mirror(destination.host(), &[]).code(0).says(deprecated);
    assert_eq!(destination.repositories(), ["ns/app"]);
    outside.home.to_disk(&[]).code(0).says(deprecated);
    // A release that is named has the architecture it has; nothing is said of the others.
    let release = Release::new("4.99.1", 2, 1);
    outside.publish(&release);
    outside.home.configuration(&format!("{architectures}  release: {}\n{app}", release.by_tag()));
    let outcome = outside.home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]);
    outcome.code(0).says("3 / 3 release images mirrored successfully");
    assert_eq!(outcome.line_with(deprecated), None);
    assert_arrived(&release, &destination, "m/");
    let asked = outside.service.requests();
    assert!(!asked.iter().any(|request| request.starts_with("/graph?")), "{asked:?}");

    outside.home.configuration(architectures);
    outside.home.to_disk(&[]).code(1).says("no images to copy");
}

/// Architectures of the instances of a list that a registry has; empty for an image.
fn instances(image: &Image, registry: &Registry, repository: &str) -> Vec<String> {
    let there = |child: &&Image| registry.manifest(repository, &child.digest.to_string()).is_some();
    image
        .children
        .iter()
        .filter(there)
        .filter_map(|child| Some(child.platform.as_ref()?.architecture.clone()))
        .collect()
}

fn all_of(image: &Image) -> Vec<String> {
    image.children.iter().filter_map(|child| Some(child.platform.as_ref()?.architecture.clone())).collect()
}

/// `sparse: validation`, `M2M and M2D+D2M filtered`, `no filter` and `strict registry`: lists travel whole, with the
/// instances that are asked for and no others, by every way.
#[test]
fn platforms_leave_the_other_instances_behind() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::multi("4.99.1", &ARCHITECTURES, 2, 1);
    outside.publish(&release);
    outside.service.graph("multi", "stable-4.99", &graph(&[&release]));
    let platforms = |names: &[&str]| {
        let entries = names.iter().map(|name| format!("\n  - {{os: linux, architecture: {name}}}"));
        format!("platform:\n  channels:\n  - name: stable-4.99\n  platforms:{}\n", entries.collect::<String>())
    };
    let check = |destination: &Registry, namespace: &str, expected: &[&str]| {
        assert_arrived(&release, destination, namespace);
        let payload = instances(&release.payload, destination, &format!("{namespace}openshift/release-images"));
        assert_eq!(payload, expected, "payload");
        for (name, component) in &release.components {
            let found = instances(component, destination, &format!("{namespace}openshift/release"));
            assert_eq!(found, expected, "{name}");
        }
    };
    let destination = Registry::builder().sparse(true).start_blocking();
    let two = platforms(&["amd64", "arm64"]);
    outside.home.configuration(&two);
    let outcome = outside.home.to_disk(&[]);
    outcome.code(0).says("missing children");
    assert!(outside.service.requests().contains(&"/graph?arch=multi&channel=stable-4.99".to_owned()));
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    inside.to_mirror(&format!("{}/d", destination.host()), &[]).code(0);
    check(&destination, "d/", &["amd64", "arm64"]);
    outside.home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    check(&destination, "m/", &["amd64", "arm64"]);

    // A registry that wants all children refuses.
    let strict = Registry::start_blocking();
    inside
        .to_mirror(strict.host(), &["--retry-times=0"])
        .code(2)
        .says("Manifest list with only the images of `platforms`");
    assert!(strict.manifest("openshift/release-images", &release.tag).is_none());

    // Without `platforms` the archive lacks what was left behind.
    inside.configuration("platform:\n  architectures: [multi]\n  channels:\n  - name: stable-4.99\n");
    inside.to_mirror(&format!("{}/w", destination.host()), &[]).code(2);

    outside.home.configuration(&platforms(&["amd64", "riscv64"]));
    outside
        .home
        .mirror_to_mirror(&format!("{}/n", destination.host()), &[])
        .code(2)
        .says("no instances found for platform")
        .says("Requested platform(s) not found in source manifest list for");
    outside.home.configuration("platform:\n  architectures: [multi]\n  channels:\n  - name: stable-4.99\n");
    outside.home.mirror_to_mirror(&format!("{}/a", destination.host()), &[]).code(0);
    check(&destination, "a/", &ARCHITECTURES);

    outside.home.configuration(&format!("{two}  architectures: [amd64]\n"));
    outside.home.to_disk(&[]).code(1).says("cannot be used together");
    outside.home.configuration(
        "platform:\n  channels:\n  - name: stable-4.99\n  platforms:\n  - {os: '', architecture: amd64}\n",
    );
    outside.home.to_disk(&[]).code(2).says("invalid platform for the release: platform OS must not be empty");
}

fn boot_image(seed: u64) -> Image {
    ImageBuilder::docker().layer(Layer::random(seed, 2000)).build()
}

#[test]
fn boot_images_travel_as_components() {
    let Some(outside) = Outside::new() else { return };
    let (x86, s390x) = (boot_image(901), boot_image(902));
    let images = || [("x86_64", x86.clone()), ("aarch64", boot_image(903)), ("s390x", s390x.clone())];
    let single = Release::new("4.99.1", 1, 1).boot_images(images());
    let multi = Release::multi("4.99.1", &ARCHITECTURES, 1, 1).boot_images(images());
    outside.channel(&[&single]);
    outside.publish(&multi);
    outside.service.graph("multi", "stable-4.99", &graph(&[&multi]));

    let channels = "  channels:\n  - name: stable-4.99\n";
    let mapped = || {
        let text = std::fs::read_to_string(outside.home.disk().join("working-dir/dry-run/mapping.txt")).unwrap();
        let name = |line: &str| Some(line.rsplit_once("kube-virt-container")?.1.to_owned());
        text.lines().filter_map(name).collect::<BTreeSet<_>>()
    };
    let check = |body: &str, expected: &[&str]| {
        outside.home.configuration(&format!("platform:\n{channels}{body}"));
        outside.home.to_disk(&["--dry-run"]).code(0);
        assert_eq!(mapped(), expected.iter().map(|name| (*name).to_owned()).collect(), "{body}");
    };
    let platforms = |names: &[&str]| {
        let entries = names.iter().map(|name| format!("\n  - {{os: linux, architecture: {name}}}"));
        format!("  kubeVirtContainer: true\n  platforms:{}\n", entries.collect::<String>())
    };
    check("", &[]);
    check("  kubeVirtContainer: true\n", &[""]);
    check("  kubeVirtContainer: true\n  architectures: [multi]\n", &["-x86_64", "-s390x"]);
    check("  kubeVirtContainer: true\n  architectures: [amd64]\n", &[""]);
    check(&platforms(&["amd64", "s390x"]), &["-x86_64", "-s390x"]);
    check(&platforms(&["s390x"]), &[""]);
    check(&platforms(&["arm64"]), &["-x86_64", "-s390x"]);
    check(&platforms(&ARCHITECTURES), &["-x86_64", "-s390x"]);

    // Through the gap.
    outside.home.configuration(&format!("platform:\n{channels}  kubeVirtContainer: true\n"));
    outside.home.to_disk(&[]).code(0).says("3 / 3 release images");
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let destination = Registry::start_blocking();
    inside.to_mirror(destination.host(), &[]).code(0);
    let there = destination.manifest("openshift/release", &format!("{}-kube-virt-container", single.tag));
    assert_eq!(there.unwrap().digest, x86.digest);
    // Registry to registry, with the names of several keys.
    outside.home.configuration(&format!("platform:\n{channels}  kubeVirtContainer: true\n  architectures: [multi]\n"));
    outside.home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    for (key, image) in [("x86_64", &x86), ("s390x", &s390x)] {
        let tag = format!("{}-kube-virt-container-{key}", multi.tag);
        assert_eq!(destination.manifest("m/openshift/release", &tag).unwrap().digest, image.digest);
    }
}

#[test]
fn boot_images_that_are_not_there() {
    let Some(outside) = Outside::new() else { return };
    let file = "release-manifests/0000_50_installer_coreos-bootimages.yaml";
    let check = |release: &Release, expected: &str| {
        outside.channel(&[release]);
        assert!(outside.source.manifest(PAYLOADS, &release.tag).is_some());
        outside.home.configuration("platform:\n  kubeVirtContainer: true\n  channels:\n  - name: stable-4.99\n");
        outside.home.to_disk(&[]).code(2).says(expected);
    };
    let plain = || Release::new("4.99.1", 1, 1);
    check(&plain(), "could not find kubevirt image in this release");
    check(&plain().boot_images([("aarch64", boot_image(1))]), "could not find kubevirt image in this release");
    check(
        &plain().layer(&Layer::tar_gz([(file, b"data: {stream: '{'}".as_slice())])),
        "`data.stream` of the boot images file",
    );
    check(&plain().layer(&Layer::tar_gz([(file, b"[".as_slice())])), "the boot images file is no ConfigMap");
}
