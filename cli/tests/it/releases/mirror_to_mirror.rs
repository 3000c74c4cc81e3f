//! Releases from registry to registry, what a failure leaves behind, and the way into an enclave.

use std::fmt::Write as _;

use test_support::{
    COMPONENTS, DebianRegistry, Effect, Fault, Image, ImageBuilder, IndexBuilder, Kind, Layer, OperatorWorld, Registry,
    Release, Skopeo, When,
};

use super::*;

fn resource(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.workspace().join("working-dir/cluster-resources").join(name)).unwrap()
}

#[test]
fn a_channel_and_its_next_z_stream() {
    let Some(outside) = Outside::new() else { return };
    let destination = Registry::start_blocking();
    let to = format!("{}/m", destination.host());
    let (first, second) = (Release::new("4.99.1", 20, 2), Release::new("4.99.2", 20, 2));
    outside.channel(&[&first]);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n");
    outside.home.mirror_to_mirror(&to, &[]).code(0).says("21 / 21 release images mirrored successfully");
    assert_arrived(&first, &destination, "m/");
    let signed = resource(&outside.home, "signature-configmap.yaml");
    assert!(signed.contains(&format!("sha256-{}-1: ", first.digest().hex())), "{signed}");
    let mirrors = resource(&outside.home, "idms-oc-mirror.yaml");
    assert!(mirrors.contains("source: quay.io/openshift-release-dev/ocp-release\n"), "{mirrors}");
    assert!(mirrors.contains(&format!("- {to}/openshift/release-images\n")), "{mirrors}");

    // The next z-stream brings two components and a payload.
    outside.channel(&[&first, &second]);
    outside.source.clear_requests();
    destination.clear_requests();
    outside.home.mirror_to_mirror(&to, &[]).code(0).says("42 / 42 release images mirrored successfully");
    assert_arrived(&second, &destination, "m/");
    let fetched = outside.source.requests_matching(&When::kind(Kind::Blob).method("GET"));
    // A layer and a config of each component, and of the payload the layer with the manifests and the config.
    assert!(fetched.len() <= 8, "{fetched:#?}");
    let sent = destination.requests_matching(&When::kind(Kind::Upload).method("PUT"));
    assert!(sent.len() <= 8, "{sent:#?}");

    // Nothing new: the graph is asked for, and no source.
    outside.source.clear_requests();
    outside.service.clear_requests();
    outside.home.mirror_to_mirror(&to, &[]).code(0).says("nothing to transfer");
    assert_eq!(outside.service.requests(), ["/graph?arch=amd64&channel=stable-4.99"]);
    assert_eq!(outside.source.request_count(), 0, "{:#?}", outside.source.requests());

    // A narrower configuration takes no signature from a cluster: the ConfigMap grows from run to run.
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.2\n");
    let outcome = outside.home.mirror_to_mirror(&to, &[]);
    assert!(!outcome.code(0).complaints().contains("release signature"), "{}", outcome.complaints());
    let signed = resource(&outside.home, "signature-configmap.yaml");
    for (number, release) in (1..).zip([&first, &second]) {
        assert!(signed.contains(&format!("sha256-{}-{number}: ", release.digest().hex())), "{signed}");
    }

    // What to delete is known without any of them.
    let Outside { source, service, home, .. } = outside;
    drop((source, service));
    let list = listed(&home, &to, "platform:\n  channels:\n  - name: stable-4.99\n    maxVersion: 4.99.1\n");
    assert_eq!(list.matches("- imageName: ").count(), 21, "{list}");
    assert!(
        list.contains(&format!("imageReference: docker://{to}/openshift/release-images:{}\n", first.tag)),
        "{list}"
    );
}

/// The list of images to delete for this `delete` stanza.
fn listed(home: &Home, to: &str, body: &str) -> String {
    let mut text = "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n".to_owned();
    for line in body.lines() {
        writeln!(text, "  {line}").unwrap();
    }
    home.write("disc.yaml", text);
    let (workspace, to) = (format!("file://{}", home.workspace().display()), format!("docker://{to}"));
    home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]).code(0);
    std::fs::read_to_string(home.workspace().join("working-dir/delete/delete-images.yaml")).unwrap()
}

/// What was mirrored without a look at its signature can be deleted without one.
#[test]
fn an_unsigned_release_can_be_deleted() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    release.push_to(&outside.source);
    let destination = Registry::start_blocking();
    let body = format!("platform:\n  graph: true\n  release: {}\n", release.by_tag());
    outside.home.configuration(&body.replace("  graph: true\n", ""));
    outside.home.mirror_to_mirror(destination.host(), &["--ignore-release-signature"]).code(0);
    let Outside { source, service, home, .. } = outside;
    drop((source, service));
    // The graph image is listed though it never was here.
    let list = listed(&home, destination.host(), &body);
    let hex = release.digest().hex();
    assert!(list.contains(&format!("openshift/release-images:{hex}\n")), "{list}");
    assert!(list.contains("type: cincinnatiGraph"), "{list}");
    assert_eq!(list.matches("- imageName: ").count(), 4, "{list}");
}

/// A component that fails stops the run: the payload is not pushed, what had not started sets its own bits too, and the
/// next run goes on from there.
#[test]
fn a_component_that_fails_stops_the_run() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 5, 5);
    outside.channel(&[&release]);
    let app = ImageBuilder::oci().layer(Layer::random(77, 400_000)).build();
    outside.source.push("ns/app", "v1", &app);
    let body = format!(
        "platform:\n  channels:\n  - name: stable-4.99\nadditionalImages:\n- name: {}/ns/app:v1\n",
        outside.source.host()
    );
    outside.home.configuration(&body);
    let broken = &release.components[2].1;
    let layer = &broken.blobs[2].digest;
    let not_found = || Fault::new(When::kind(Kind::Blob).digest(layer), Effect::status(404));
    // The additional image has the larger layer, which is not started before the small ones are through.
    let slow = Fault::new(
        When::kind(Kind::Blob).digest(&app.blobs[1].digest),
        Effect::Delay(std::time::Duration::from_secs(3)),
    );

    let destination = Registry::start_blocking();
    let to = destination.host().to_owned();
    let check = |outcome: &crate::harness::Outcome| {
        outcome.code(2 | 8).says(&format!("[Worker] error mirroring image quay.io/{COMPONENTS}@{}", broken.digest));
        outcome.says(&format!("skipping release {} because one of its components failed to mirror", release.by_tag()));
    };
    let faults = [outside.source.fault(not_found()), outside.source.fault(slow)];
    check(&outside.home.mirror_to_mirror(&to, &["--retry-times=0", "--parallel-images=1", "--parallel-layers=1"]));
    assert!(destination.manifest("openshift/release-images", &release.tag).is_none());
    assert!(destination.manifest("ns/app", "v1").is_none());
    faults.iter().for_each(test_support::ActiveFault::stop);
    // Resources name nothing that is not there.
    let folder = outside.home.workspace().join("working-dir/cluster-resources");
    assert!(!folder.join("signature-configmap.yaml").exists());

    outside.home.mirror_to_mirror(&to, &[]).code(0).says("6 / 6 release images").says("1 / 1 additional images");
    assert_arrived(&release, &destination, "");
    assert!(destination.manifest("ns/app", "v1").is_some());
}

/// A release that fails costs the other families what they had not copied yet: their bits are in the exit code too.
#[test]
fn a_component_that_fails_sets_the_bits_of_all_that_was_left() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 3, 3);
    outside.channel(&[&release]);
    let host = outside.source.host().to_owned();
    let operators = OperatorWorld::new(&host, &[("foo", &["0.1.0"])]);
    operators.push_to(&outside.source);
    let app = ImageBuilder::oci().layer(Layer::random(77, 400_000)).build();
    outside.source.push("ns/app", "v1", &app);
    outside.home.configuration(&format!(
        "platform:\n  channels:\n  - name: stable-4.99\noperators:\n- catalog: {host}/cat/index:v1\n\
         additionalImages:\n- name: {host}/ns/app:v1\n"
    ));
    let layer_of = |image: &Image| When::kind(Kind::Blob).digest(&image.blobs[1].digest);
    let slow = Effect::Delay(std::time::Duration::from_secs(3));
    let operand = OperatorWorld::operand("foo", "0.1.0").image;
    let component = &release.components[1].1;
    let broken = When::kind(Kind::Blob).digest(&component.blobs[2].digest);
    outside.source.fault(Fault::new(broken, Effect::status(404)));
    outside.source.fault(Fault::new(layer_of(&operand), slow.clone()));
    outside.source.fault(Fault::new(layer_of(&app), slow));
    let found = outside.home.to_disk(&["--retry-times=0", "--parallel-images=1", "--parallel-layers=1"]);
    found
        .code(2 | 4 | 8)
        .says("release images mirrored: Some release images failed")
        .says("operator images mirrored: Some operator images failed")
        .says("0 / 1 additional images mirrored: Some additional images failed");
    assert!(outside.home.archives().is_empty(), "an archive of a failed run");
}

/// The same from disk, where it is the destination that refuses.
#[test]
fn a_destination_that_refuses_a_component() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 5, 5);
    outside.mirrors(&[&release]);
    outside.home.to_disk(&[]).code(0);
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let destination = Registry::start_blocking();
    let tag = format!("{}-{}", release.tag, release.components[3].0);
    let fault =
        destination.fault(Fault::new(When::kind(Kind::Manifest).method("PUT").reference(&tag), Effect::status(400)));
    inside.to_mirror(destination.host(), &["--retry-times=0"]).code(2).says("skipping release docker://quay.io");
    assert!(fault.hits() > 0);
    assert!(destination.manifest("openshift/release-images", &release.tag).is_none());
    fault.stop();
    inside.to_mirror(destination.host(), &[]).code(0).says("6 / 6 release images mirrored successfully");
    assert_arrived(&release, &destination, "");
}

/// Internet to enterprise registry, then a narrower part of it to the registry of an enclave: real registries, an update
/// service inside, the update graph image from beside the releases (`docs/behaviour/release.md` 7.9).
#[test]
fn an_enclave_out_of_the_enterprise_registry() {
    let (Some(enterprise), Some(inner), Some(skopeo), Some(outside)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find(), Outside::new())
    else {
        return;
    };
    let releases = [Release::new("4.99.1", 6, 2), Release::new("4.99.2", 6, 2)];
    outside.channel(&[&releases[0], &releases[1]]);
    outside.source.push(
        "ubi9/ubi",
        "latest",
        &IndexBuilder::docker().architectures(&["amd64", "arm64"], 40, 5000).build(),
    );
    outside.service.graph_data(Layer::tar_gz([("LICENSE", b"free".as_slice())]).bytes);
    let body = "platform:\n  graph: true\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n";

    // The variable that names an update service also says that the graph image is not built: one run builds it into the
    // cache, another takes it from there together with the channel.
    let Outside { source, service, gpg: _gpg, home } = outside;
    let key = std::fs::read(home.path().join("key.asc")).unwrap();
    let internet = home_without_override(&service, source.host(), &key);
    internet.configuration(&format!("platform:\n  graph: true\n  release: {}\n", releases[1].by_tag()));
    internet.to_disk(&[]).code(0);
    let outer = home.variable("OC_MIRROR_CACHE", internet.path());
    outer.configuration(body);
    outer.to_disk(&[]).code(0).says("15 / 15 release images mirrored successfully");
    let station = enclave(&outer);
    carry(&outer, &station);
    let e = format!("{}/e", enterprise.host());
    station.to_mirror(&e, &[]).code(0);
    drop(source);

    // Per enclave: the names of the internet lead to the enterprise registry.
    let conf = format!(
        "[[registry]]\nlocation = \"quay.io/openshift-release-dev/ocp-release\"\n[[registry.mirror]]\nlocation = \
         \"{e}/openshift/release-images\"\ninsecure = true\n[[registry]]\nlocation = \
         \"quay.io/openshift-release-dev/ocp-v4.0-art-dev\"\n[[registry.mirror]]\nlocation = \"{e}/openshift/release\"\n"
    );
    let second = Home::new();
    let (conf, key) = (second.write("registries.conf", conf), second.write("key.asc", key));
    let second = second
        .variable("CONTAINERS_REGISTRIES_CONF", conf)
        .variable("OCP_SIGNATURE_VERIFICATION_PK", key)
        .variable("OCP_SIGNATURE_URL", service.signature_url())
        .variable("UPDATE_URL_OVERRIDE", service.graph_url());
    second.configuration("platform:\n  graph: true\n  channels:\n  - name: stable-4.99\n");
    second
        .mirror_to_mirror(&format!("{}/i", inner.host()), &[])
        .code(0)
        .says(&format!("the update graph image is taken from {e}/openshift/graph-image:latest"))
        .says("8 / 8 release images mirrored successfully");
    second.to_disk(&[]).code(0).says("8 / 8 release images mirrored successfully");
    drop(service);
    let third = enclave(&second);
    carry(&second, &third);
    third.to_mirror(&format!("{}/d", inner.host()), &[]).code(0);

    for namespace in ["i", "d"] {
        let at = |name: &str| format!("{}/{namespace}/openshift/{name}", inner.host());
        let payload = at(&format!("release-images:{}", releases[1].tag));
        assert_eq!(skopeo.digest(&payload).unwrap(), *releases[1].digest());
        for (name, image) in &releases[1].components {
            let component = at(&format!("release:{}-{name}", releases[1].tag));
            assert_eq!(skopeo.digest(&component).unwrap(), image.digest);
        }
        skopeo.verify(&payload).unwrap();
        skopeo.verify(&at("graph-image:latest")).unwrap();
        assert_eq!(
            skopeo.digest(&at("graph-image:latest")).unwrap(),
            skopeo.digest(&format!("{e}/openshift/graph-image:latest")).unwrap()
        );
        assert!(skopeo.digest(&at(&format!("release-images:{}", releases[0].tag))).is_err(), "narrower");
    }
    // Clusters go on asking for the original names.
    let mirrors = resource(&second, "idms-oc-mirror.yaml");
    assert!(mirrors.contains("source: quay.io/openshift-release-dev/ocp-release\n"), "{mirrors}");
    assert!(!mirrors.contains(enterprise.host()), "{mirrors}");
    assert!(
        resource(&second, "updateService.yaml").contains(&format!("{}/i/openshift/graph-image:latest", inner.host()))
    );
}
