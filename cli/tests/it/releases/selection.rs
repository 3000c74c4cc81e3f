//! What is selected, and what is said when nothing is (`docs/behaviour/release.md` 2).

use test_support::{Registry, Release};

use super::*;

#[test]
fn channels_that_select_nothing() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.channel(&[&release]);
    let check = |body: &str, expected: &[&str]| {
        outside.home.configuration(&format!("platform:\n  channels:\n{body}"));
        let outcome = outside.home.to_disk(&[]);
        outcome.code(2).says("collection error: [GetReleaseReferenceImages]");
        for text in expected {
            outcome.says(text);
        }
    };
    check(
        "  - name: stable-4.98\n",
        &["no release images found", "404 Not Found", "there is nothing for amd64 stable-4.98"],
    );
    check("  - name: stable-4.99\n    minVersion: 4.99.7\n", &["no release images found"]);
    check("  - name: stable-4.98\n  - name: stable-4.99\n", &["error list", "404"]);
    assert!(outside.home.archives().is_empty());
}

/// With its signature, and `signatures: --ignore-release-signature`.
#[test]
fn a_release_by_reference() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 4, 1);
    outside.publish(&release);
    let destination = Registry::start_blocking();

    // By tag: the digest is asked for once, and disk to mirror takes it from the archive.
    outside.home.configuration(&format!("platform:\n  release: {}\n", release.by_tag()));
    outside.home.to_disk(&[]).code(0).says("5 / 5 release images mirrored successfully");
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    inside.to_mirror(&format!("{}/tag", destination.host()), &[]).code(0);
    assert_arrived(&release, &destination, "tag/");
    assert!(outside.service.requests().iter().all(|request| !request.starts_with("/graph")));

    // By digest, and without signature: the digest is the tag.
    outside.service.forget();
    for (place, reference) in [("by-digest", release.by_digest()), ("by-tag", release.by_tag())] {
        let home = home(&outside.service, outside.source.host(), &outside.gpg.signing_key(place));
        home.configuration(&format!("platform:\n  release: {reference}\n"));
        home.to_disk(&[]).code(2).says("no signature found for");
        home.to_disk(&["--ignore-release-signature"]).code(0);
        let inside = enclave(&home);
        carry(&home, &inside);
        let to = format!("{}/{place}", destination.host());
        inside.to_mirror(&to, &["--ignore-release-signature"]).code(0);
        let resources = inside.disk().join("working-dir/cluster-resources");
        assert!(resources.join("idms-oc-mirror.yaml").is_file());
        assert!(
            !resources.join("signature-configmap.yaml").exists()
                && !resources.join("signature-configmap.json").exists()
        );
        let hex = release.digest().hex();
        let payload = destination.manifest(&format!("{place}/openshift/release-images"), hex);
        assert_eq!(payload.unwrap().digest, *release.digest());
        let component = format!("{hex}-{}", release.components[0].0);
        assert!(destination.manifest(&format!("{place}/openshift/release"), &component).is_some());
    }
}

#[test]
fn what_an_upgrade_needs_is_told_or_added() {
    let Some(outside) = Outside::new() else { return };
    let releases: Vec<Release> = ["4.99.1", "4.99.2", "4.99.3"].map(|version| Release::new(version, 2, 1)).into();
    let [first, second, third] = releases.as_slice() else { unreachable!() };
    outside.channel(&[first, second, third]);
    // Another channel for the ends only, so that the middle is missing.
    outside.service.graph("amd64", "fast-4.99", &graph(&[third]));
    outside.home.configuration(
        "platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n    maxVersion: 4.99.1\n  - name: fast-4.99\n    minVersion: 4.99.3\n    maxVersion: 4.99.3\n",
    );
    let outcome = outside.home.to_disk(&[]);
    outcome.code(0).says("4.99.3 cannot be reached from 4.99.1").says("--add-intermediate-releases").says("4.99.2");
    outcome.says("6 / 6 release images mirrored successfully");
    outside.home.to_disk(&["--add-intermediate-releases"]).code(0).says("9 / 9 release images mirrored successfully");
}

/// The channel between two configured ones is asked for, kept, and found again without a network (case 22 of
/// `docs/behaviour/release.md` 2.8).
#[test]
fn channels_in_between_are_kept() {
    let Some(outside) = Outside::new() else { return };
    let versions = ["4.97.1", "4.97.2", "4.98.1", "4.98.2", "4.99.1"];
    let releases: Vec<Release> = versions.iter().map(|version| Release::new(version, 1, 1)).collect();
    let r: Vec<&Release> = releases.iter().collect();
    for release in &r {
        outside.publish(release);
    }
    for (channel, releases) in [("stable-4.97", &r[..2]), ("stable-4.98", &r[1..4]), ("stable-4.99", &r[3..])] {
        outside.service.graph("amd64", channel, &graph(releases));
    }
    outside.home.configuration(
        "platform:\n  channels:\n  - name: stable-4.97\n    minVersion: 4.97.1\n    maxVersion: 4.97.1\n  - name: \
         stable-4.99\n    minVersion: 4.99.1\n    maxVersion: 4.99.1\n",
    );
    outside.home.to_disk(&[]).code(0).says("10 / 10 release images");
    let kept = std::fs::read_dir(outside.home.disk().join("working-dir/hold-release/cincinnati-graph-data")).unwrap();
    let mut kept: Vec<String> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort();
    assert_eq!(kept, ["amd64-stable-4.97.json", "amd64-stable-4.98.json", "amd64-stable-4.99.json"]);
    let asked = outside.service.requests().into_iter().filter(|request| request.starts_with("/graph")).count();
    assert_eq!(asked, 3);
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    drop((outside.source, outside.service));
    let destination = Registry::start_blocking();
    inside.to_mirror(destination.host(), &[]).code(0).says("10 / 10 release images");
    for release in &r {
        assert_arrived(release, &destination, "");
    }
}

/// What is added for an upgrade in mirror to disk is added again offline.
#[test]
fn added_releases_cross_the_gap() {
    let Some(outside) = Outside::new() else { return };
    let releases: Vec<Release> = ["4.96.1", "4.97.1", "4.98.1"].map(|version| Release::new(version, 1, 1)).into();
    let [first, second, third] = releases.as_slice() else { unreachable!() };
    for release in &releases {
        outside.publish(release);
    }
    outside.service.graph("amd64", "eus-4.96", &graph(&[first]));
    outside.service.graph("amd64", "eus-4.98", &graph(&[first, second, third]));
    outside.home.configuration(
        "platform:\n  channels:\n  - name: eus-4.96\n    minVersion: 4.96.1\n    maxVersion: 4.96.1\n  - name: eus-4.98\n    minVersion: 4.98.1\n    maxVersion: 4.98.1\n",
    );
    // There is no eus-4.97 to go through, which upstream reports as a mere 404.
    outside.home.to_disk(&[]).code(2).says("--add-intermediate-releases").says("`minVersion: 4.96.1`");
    outside.home.to_disk(&["--add-intermediate-releases"]).code(0).says("6 / 6 release images");
    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    let destination = Registry::start_blocking();
    inside.to_mirror(destination.host(), &["--add-intermediate-releases"]).code(0).says("6 / 6 release images");
    assert_arrived(second, &destination, "");
}

#[test]
fn updates_with_risks_are_named() {
    let Some(outside) = Outside::new() else { return };
    let (first, second) = (Release::new("4.99.1", 1, 1), Release::new("4.99.2", 1, 1));
    outside.publish(&first);
    outside.publish(&second);
    let mut risky = graph(&[&first, &second]);
    risky["edges"] = serde_json::json!([]);
    risky["conditionalEdges"] = serde_json::json!([{
        "edges": [{ "from": "4.99.1", "to": "4.99.2" }],
        "risks": [{ "url": "https://bugs.example/1", "name": "DiskFire", "message": "Disks may burn.", "matchingRules": [] }],
    }]);
    outside.service.graph("amd64", "stable-4.99", &risky);
    outside.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.1\n");
    outside
        .home
        .to_disk(&["--dry-run"])
        .code(0)
        .says("4.99.2 can be reached from 4.99.1 only by updates with known risks")
        .says("4.99.1 -> 4.99.2: DiskFire: Disks may burn. (https://bugs.example/1)");
}

/// OKD has a service of its own, which no variable moves, and a type that is neither is refused.
#[test]
fn types_of_channels() {
    let Some(outside) = Outside::new() else { return };
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let visitor = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(&mut stream), &mut line).unwrap();
        line
    });
    let Outside { source: _source, service, gpg: _gpg, home } = outside;
    let home = home.variable("HTTPS_PROXY", &address);
    home.configuration("platform:\n  channels:\n  - name: \"4-stable\"\n    type: okd\n");
    home.to_disk(&["--retry-times=0"]).code(2).says("no release images found").says("origin-release.ci.openshift.org");
    assert_eq!(visitor.join().unwrap().trim(), "CONNECT origin-release.ci.openshift.org:443 HTTP/1.1");
    assert!(service.requests().is_empty(), "{:?}", service.requests());
    home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    type: okd4\n");
    home.to_disk(&[]).code(1).says("okd4");
    home.configuration("platform:\n  channels:\n  - name: stable-4.99\n  - name: stable-4.99\n");
    home.to_disk(&[]).code(1).says("duplicate");
    // Bounds that are no versions are told before anything is asked.
    home.configuration("platform:\n  channels:\n  - name: stable-4.99\n    minVersion: v4.99.1\n");
    assert_ne!(home.to_disk(&[]).code, Some(0));
    assert!(service.requests().is_empty(), "{:?}", service.requests());
}
