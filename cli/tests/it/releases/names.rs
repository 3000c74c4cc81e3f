//! Releases keep their names, whatever a catalog of the same run calls its images.

use test_support::{Image, ImageBuilder, Layer, Registry, Release};

use super::*;
use crate::operators::world;

fn image(seed: u64) -> Image {
    ImageBuilder::oci().layer(Layer::random(seed, 2000)).build()
}

/// A catalog whose bundle names these images of its own registry.
fn hostile(names: &[String]) -> Registry {
    let registry = Registry::start_blocking();
    let names: Vec<String> = (900..)
        .zip(names)
        .map(|(seed, name)| {
            let (repository, tag) = name.split_once(':').unwrap();
            registry.push(repository, tag, &image(seed));
            format!("{}/{name}", registry.host())
        })
        .collect();
    world(&registry, &names.iter().map(String::as_str).collect::<Vec<_>>());
    registry
}

fn configuration(catalogs: &Registry) -> String {
    format!(
        "platform:\n  channels:\n  - name: stable-4.99\noperators:\n- catalog: {}/cat/index:v1\n  packages:\n  - name: foo\n",
        catalogs.host()
    )
}

#[test]
fn a_catalog_replaces_nothing_of_a_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 3, 2);
    outside.channel(&[&release]);
    let component = format!("{}-{}", release.tag, release.components[0].0);
    let payload = |repository: &str| format!("{repository}:{}", release.tag);
    let rows: [(&str, &[&str], Vec<String>); 4] = [
        ("m", &[], vec![payload("openshift/release-images"), format!("openshift/release:{component}")]),
        ("", &[], vec![payload("openshift/release-images")]),
        // From the root of the registry it is the place of another mirror's releases.
        ("openshift", &[], vec![payload("release-images"), payload("openshift/release-images")]),
        (
            "m",
            &["--max-nested-paths=2"],
            vec![payload("openshift-release-images"), format!("openshift-release:{component}")],
        ),
    ];
    for (namespace, flags, names) in rows {
        println!("{namespace} {flags:?}");
        let catalogs = hostile(&names);
        outside.home.configuration(&configuration(&catalogs));
        for _ in 0..2 {
            let destination = Registry::start_blocking();
            let to = format!("{}/{namespace}", destination.host());
            outside
                .home
                .mirror_to_mirror(to.trim_end_matches('/'), flags)
                .code(4)
                .says("reserved for images of releases");
            let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            if flags.is_empty() {
                assert_arrived(&release, &destination, &prefix);
                assert!(
                    !destination.repositories().contains(&"openshift/release-images".to_owned())
                        || namespace.is_empty()
                );
            } else {
                let found = destination.manifest("m/openshift-release-images", &release.tag).unwrap();
                assert_eq!(found.digest, *release.digest());
                let found = destination.manifest("m/openshift-release", &component).unwrap();
                assert_eq!(found.digest, release.components[0].1.digest);
            }
            let asked = catalogs.requests();
            let of_release = asked.iter().filter(|request| request.path.contains("release"));
            assert_eq!(of_release.count(), 0, "{asked:#?}");
        }
    }
}

/// In the archive both have names of their own; only the destination's limit makes them one.
#[test]
fn a_limit_of_paths_gives_no_catalog_the_name_of_a_release() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 3, 2);
    outside.channel(&[&release]);
    let catalogs = hostile(&[format!("openshift-release-images:{}", release.tag)]);
    outside.home.configuration(&configuration(&catalogs));
    outside.home.to_disk(&[]).code(0);
    let Outside { source, service, home, .. } = outside;
    drop((source, service, catalogs));
    let destination = Registry::start_blocking();
    let to = format!("{}/m", destination.host());
    for _ in 0..2 {
        home.to_mirror(&to, &["--max-nested-paths=2"]).code(4).says("reserved for images of releases");
        let found = destination.manifest("m/openshift-release-images", &release.tag).unwrap();
        assert_eq!(found.digest, *release.digest());
    }
    home.to_mirror(&to, &[]).code(0);
    assert_arrived(&release, &destination, "m/");
}

/// A line of the configuration is told before anything is asked.
#[test]
fn a_line_in_a_place_of_releases_ends_the_run_without_a_request() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 3, 2);
    outside.channel(&[&release]);
    let other = Registry::start_blocking();
    let destination = Registry::start_blocking();
    for name in ["openshift/release-images", "openshift/release", "openshift/graph-image"] {
        let lines = [
            format!("- name: {}/{name}:{}", other.host(), release.tag),
            format!("- name: {}/{name}@{}", other.host(), image(1).digest),
            format!("- name: {}/any:1\n  targetRepo: {name}", other.host()),
        ];
        for line in lines {
            outside
                .home
                .configuration(&format!("platform:\n  channels:\n  - name: stable-4.99\nadditionalImages:\n{line}\n"));
            let texts = ["mirror.additionalImages[0], line 8", "reserved for images of releases", "Set `targetRepo`"];
            let to = format!("{}/m", destination.host());
            for outcome in [
                outside.home.mirror_to_mirror(&to, &[]),
                outside.home.mirror_to_mirror(&to, &["--dry-run"]),
                outside.home.to_disk(&[]),
            ] {
                outcome.code(1);
                for text in texts {
                    outcome.says(text);
                }
            }
        }
    }
    assert_eq!((other.request_count(), outside.source.request_count()), (0, 0));
    assert_eq!(destination.repositories(), Vec::<String>::new());
}
