//! A channel through the gap, whole and as an increment.

use test_support::{DebianRegistry, Kind, Registry, Release, Skopeo, UpdateService, When};

use super::*;

#[test]
fn a_channel_crosses_the_gap_and_the_next_z_stream_follows() {
    let Some(outside) = Outside::new() else { return };
    let first = Release::new("4.99.1", 190, 5);
    outside.channel(&[&first]);
    outside.home.configuration(
        "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n    maxVersion: 4.99.1\n",
    );
    outside.home.to_disk(&[]).code(0).says("191 / 191 release images mirrored successfully");
    assert_eq!(
        outside.service.requests(),
        [
            "/graph?arch=amd64&channel=stable-4.99".to_owned(),
            format!("/signatures/sha256={}/signature-1", first.digest().hex())
        ]
    );
    let working_dir = outside.home.disk().join("working-dir");
    let kept = |name: &str| assert!(working_dir.join(name).is_file(), "{name} is missing");
    kept("hold-release/cincinnati-graph-data/amd64-stable-4.99.json");
    kept("hold-release/ocp-release/4.99.1-x86_64/release-manifests/image-references");
    kept(&format!("signatures/4.99.1-x86_64-sha256-{}", first.digest().hex()));

    // Again: the graph may have changed and is asked for; nothing else is.
    outside.service.clear_requests();
    outside.source.clear_requests();
    outside.home.to_disk(&["--since", "2015-01-01"]).code(0);
    assert_eq!(outside.service.requests(), ["/graph?arch=amd64&channel=stable-4.99"]);
    assert_eq!(outside.source.request_count(), 0, "{:#?}", outside.source.requests());

    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let destination = Registry::start_blocking();
    let to = format!("{}/m", destination.host());
    inside.to_mirror(&to, &[]).code(0).says("191 / 191 release images mirrored successfully");
    assert_arrived(&first, &destination, "m/");

    // The next z-stream brings five new components and a payload; the rest stays where it is.
    let second = Release::new("4.99.2", 190, 5);
    outside.channel(&[&first, &second]);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n");
    outside.source.clear_requests();
    outside.home.to_disk(&[]).code(0).says("382 / 382 release images mirrored successfully");
    assert!(outside.source.blob_bytes_served() < 60_000, "{} bytes served", outside.source.blob_bytes_served());
    let archive = &outside.home.archives()[0];
    let blobs = outside.home.entries(archive).iter().filter(|name| name.ends_with("/data")).count();
    // Each new image: a manifest, a config and a layer; configs of tiny images may be the same.
    assert!((10..=18).contains(&blobs), "{blobs} blobs in the second archive");

    carry(&outside.home, &inside);
    destination.clear_requests();
    // A whole archive for another enclave, which has nothing yet.
    outside.home.to_disk(&["--since", "2015-01-01"]).code(0);
    let other = enclave(&outside.home);
    carry(&outside.home, &other);
    // Nothing outside is there any more.
    drop(outside);
    inside.to_mirror(&to, &[]).code(0).says("382 / 382 release images mirrored successfully");
    // At most a layer and a config for each changed component and the payload; all other requests are about names.
    let uploads = destination.requests_matching(&When::kind(Kind::Upload).method("PUT"));
    assert!((6..=12).contains(&uploads.len()), "{uploads:#?}");
    assert_arrived(&first, &destination, "m/");
    assert_arrived(&second, &destination, "m/");

    // Whatever is mirrored next, the cluster keeps the signatures of all that was.
    inside.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.2\n");
    inside.to_mirror(&to, &[]).code(0);
    let signed = inside.disk().join("working-dir/cluster-resources/signature-configmap.yaml");
    let signed = std::fs::read_to_string(signed).unwrap();
    for release in [&first, &second] {
        assert!(signed.contains(&format!("  sha256-{}-", release.digest().hex())), "{signed}");
    }

    // A narrower configuration into a second registry takes what it names.
    let narrow = Registry::start_blocking();
    other.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.2\n");
    other.to_mirror(narrow.host(), &[]).code(0).says("191 / 191 release images mirrored successfully");
    assert_arrived(&second, &narrow, "");
    assert!(narrow.manifest("openshift/release-images", &first.tag).is_none());
    other.configuration("platform:\n  channels:\n  - name: stable-4.98\n");
    other.to_mirror(narrow.host(), &[]).code(2).says("no release images found").says("No graph data found on disk");
}

/// The machine that loads the second archive has no cache: what the first brought is at the destination.
#[test]
fn the_next_z_stream_is_loaded_without_the_cache_of_the_first() {
    let Some(outside) = Outside::new() else { return };
    let (first, second) = (Release::new("4.99.1", 9, 3), Release::new("4.99.2", 9, 3));
    outside.channel(&[&first, &second]);
    let destination = Registry::start_blocking();
    let to = format!("{}/m", destination.host());
    for newest in ["4.99.1", "4.99.2"] {
        let inside = enclave(&outside.home);
        outside.home.configuration(&format!(
            "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n    maxVersion: {newest}\n"
        ));
        outside.home.to_disk(&[]).code(0);
        carry(&outside.home, &inside);
        inside.to_mirror(&to, &[]).code(0);
    }
    assert_arrived(&first, &destination, "m/");
    assert_arrived(&second, &destination, "m/");
}

#[test]
fn real_registries_on_both_sides() {
    let (Some(source), Some(destination), Some(skopeo), Some(gpg)) =
        (DebianRegistry::start(), DebianRegistry::start(), Skopeo::find(), Gpg::find())
    else {
        return;
    };
    let service = UpdateService::start_blocking();
    let key = gpg.signing_key(USER);
    let home = home(&service, source.host(), &key);
    let release = Release::new("4.99.1", 12, 3);
    release.push_to_debian(&source);
    service.signature(release.digest(), 1, gpg.sign(USER, &release.identity(), &[]));
    service.graph("amd64", "stable-4.99", &graph(&[&release]));
    home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    home.to_disk(&[]).code(0);
    drop((source, service));
    home.to_mirror(destination.host(), &[]).code(0).says("13 / 13 release images mirrored successfully");
    let payload = format!("{}/openshift/release-images:{}", destination.host(), release.tag);
    assert_eq!(skopeo.digest(&payload).unwrap(), *release.digest());
    skopeo.verify(&payload).unwrap();
    for (name, image) in &release.components {
        let component = format!("{}/openshift/release:{}-{name}", destination.host(), release.tag);
        assert_eq!(skopeo.digest(&component).unwrap(), image.digest);
    }
}
