//! The main job, against in-process registries: source -> archive -> destination.

use std::fmt::Write as _;

use test_support::{Image, ImageBuilder, IndexBuilder, Kind, Layer, Registry, When};

use crate::harness::{Home, walk};

/// A world of every kind of image that additional images can be, pushed to `registry` below `ns/`.
fn world(registry: &Registry) -> Vec<(&'static str, String, Image)> {
    let base = || Layer::random(7, 300_000);
    let single = ImageBuilder::oci().layer(base()).layer(Layer::random(1, 40_000)).build();
    let docker = ImageBuilder::docker().layer(base()).layer(Layer::random(2, 50_000)).build();
    let list = IndexBuilder::docker().architectures(&["amd64", "arm64", "s390x"], 10, 20_000).build();
    let index = IndexBuilder::oci().architectures(&["amd64", "arm64"], 20, 30_000).build();
    let images = vec![
        ("ns/single", "v1".to_owned(), single),
        ("ns/docker", "v1".to_owned(), docker),
        ("ns/list", "latest".to_owned(), list),
        ("other/index", "2.0".to_owned(), index),
    ];
    for (repository, tag, image) in &images {
        registry.push(repository, tag.as_str(), image);
    }
    images
}

#[track_caller]
fn assert_same(source: &Registry, destination: &Registry, from: (&str, &str), to: (&str, &str)) {
    let expected = source.manifest(from.0, from.1).unwrap();
    let found = destination.manifest(to.0, to.1).unwrap_or_else(|| panic!("{to:?} is missing at the destination"));
    assert_eq!(found.digest, expected.digest);
    assert_eq!(found.media_type, expected.media_type);
}

#[test]
fn every_kind_of_image_crosses_the_gap() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = world(&source);
    let home = Home::new();
    let host = source.host();
    let pinned = images[0].2.digest.clone();
    home.configuration(&format!(
        "additionalImages:\n\
         - name: {host}/ns/single:v1\n\
         - name: {host}/ns/single@{pinned}\n\
         - name: {host}/ns/docker:v1\n  targetRepo: moved/docker\n  targetTag: prod\n\
         - name: {host}/ns/list\n\
         - name: docker://{host}/other/index:2.0\n"
    ));

    home.to_disk(&[]).code(0).says("5 / 5 additional images mirrored successfully");
    assert_eq!(home.archives(), ["mirror_000001.tar"]);
    home.to_mirror(&format!("{}/m", destination.host()), &[])
        .code(0)
        .says("5 / 5 additional images mirrored successfully");

    assert_same(&source, &destination, ("ns/single", "v1"), ("m/ns/single", "v1"));
    assert_same(&source, &destination, ("ns/single", "v1"), ("m/ns/single", &pinned.as_tag()));
    assert_same(&source, &destination, ("ns/docker", "v1"), ("m/moved/docker", "prod"));
    assert_same(&source, &destination, ("ns/list", "latest"), ("m/ns/list", "latest"));
    assert_same(&source, &destination, ("other/index", "2.0"), ("m/other/index", "2.0"));
    for (_, _, image) in &images {
        for blob in image.all_blobs() {
            assert!(destination.blob(&blob.digest).is_some(), "blob {} is missing", blob.digest);
        }
    }
}

#[test]
fn a_second_run_transfers_nothing() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = world(&source);
    let home = Home::new();
    let mut names: Vec<String> =
        images.iter().map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())).collect();
    names.push(format!("{}/ns/single@{}", source.host(), images[0].2.digest));
    home.additional_images(&names);
    home.to_disk(&[]).code(0);
    let first = home.entries("mirror_000001.tar");
    assert!(first.iter().any(|name| name.starts_with("docker/registry/v2/blobs/")));

    source.clear_requests();
    home.to_disk(&[]).code(0);
    assert_eq!(source.blob_bytes_served(), 0);
    let pinned = format!("sha256:{}", images[0].2.digest.hex());
    assert!(source.requests().iter().all(|request| !request.path.contains(&pinned)), "a pinned image was asked for");
    let second = home.entries("mirror_000001.tar");
    assert!(!second.iter().any(|name| name.starts_with("docker/registry/v2/blobs/")), "{second:#?}");

    // The first archive is gone; take the first run's content from the cache by forgetting the history.
    home.to_disk(&["--since", "2015-01-01"]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    let received = destination.bytes_received();
    destination.clear_requests();
    home.to_mirror(destination.host(), &[]).code(0).says("5 / 5 additional images mirrored successfully");
    assert!(received > 0);
    assert_eq!(destination.bytes_received(), 0, "{:#?}", destination.requests());
    assert!(destination.requests_matching(&When::kind(Kind::Blob)).is_empty());
}

#[test]
fn shared_layers_travel_once_and_are_mounted_elsewhere() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let shared = || Layer::random(99, 500_000);
    let images: Vec<Image> =
        (0..6).map(|n| ImageBuilder::oci().layer(shared()).layer(Layer::random(n, 1000)).build()).collect();
    for (n, image) in images.iter().enumerate() {
        source.push(&format!("ns/app{n}"), "v1", image);
    }
    let home = Home::new();
    home.additional_images((0..6).map(|n| format!("{}/ns/app{n}:v1", source.host())));
    home.to_disk(&[]).code(0);
    assert!(source.blob_bytes_served() < 600_000, "{} bytes served", source.blob_bytes_served());
    home.to_mirror(destination.host(), &[]).code(0);
    assert!(destination.bytes_received() < 700_000, "{} bytes received", destination.bytes_received());
    for (n, image) in images.iter().enumerate() {
        assert!(destination.has_blob(&format!("ns/app{n}"), &shared().digest()), "app{n}");
        assert_eq!(destination.manifest(&format!("ns/app{n}"), "v1").unwrap().digest, image.digest);
    }
}

#[test]
fn nothing_is_pushed_before_everything_it_names() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    world(&source);
    let home = Home::new();
    home.additional_images([format!("{}/ns/list:latest", source.host())]);
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    // The in-process registry refuses a manifest whose parts are missing; none was refused.
    assert!(
        destination.requests().iter().filter(|request| request.method == "PUT").all(|request| request.status() < 400)
    );
}

#[test]
fn an_archive_without_the_cache_is_enough() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = world(&source);
    let home = Home::new();
    home.additional_images(images.iter().map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())));
    home.to_disk(&[]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    drop(source);
    home.to_mirror(destination.host(), &[]).code(0);
    for (repository, tag, image) in &images {
        assert_eq!(destination.manifest(repository, tag).unwrap().digest, image.digest);
    }
    // Layers were never unpacked: what the cache got is manifests and links.
    let cached: u64 =
        walk(&home.cache().join("docker/registry/v2/blobs")).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(cached < 20_000, "{cached} bytes were unpacked");
}

#[test]
fn incremental_archives_build_on_each_other() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = world(&source);
    let home = Home::new();
    home.additional_images([format!("{}/ns/single:v1", source.host())]);
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);

    home.additional_images(
        images.iter().take(2).map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())),
    );
    home.to_disk(&[]).code(0);
    let blobs = home.entries("mirror_000001.tar").iter().filter(|name| name.contains("/blobs/")).count();
    // One layer, one config, one manifest are new; the base layer and the first image went before.
    assert_eq!(blobs, 3);
    home.to_mirror(destination.host(), &[]).code(0).says("2 / 2 additional images mirrored successfully");
    assert_eq!(destination.manifest("ns/docker", "v1").unwrap().digest, images[1].2.digest);
}

#[test]
fn a_missing_archive_of_the_sequence_is_named() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = world(&source);
    let home = Home::new();
    home.additional_images([format!("{}/ns/single:v1", source.host())]);
    home.to_disk(&[]).code(0);
    home.additional_images(
        images.iter().take(2).map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())),
    );
    home.to_disk(&[]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    home.to_mirror(destination.host(), &[])
        .code(8)
        .says("An earlier archive of this sequence is missing")
        .says("0 / 2 additional images mirrored");
}

#[test]
fn blocked_images_stay_out() {
    let source = Registry::start_blocking();
    world(&source);
    let home = Home::new();
    let host = source.host();
    home.configuration(&format!(
        "additionalImages:\n- name: {host}/ns/single:v1\n- name: {host}/ns/docker:v1\nblockedImages:\n- name: ns/dock.*\n"
    ));
    home.to_disk(&[]).code(0).says("1 / 1 additional images mirrored successfully");
    assert!(!home.entries("mirror_000001.tar").iter().any(|name| name.contains("/ns/docker/")));
}

#[test]
fn only_the_platforms_asked_for_travel() {
    let source = Registry::start_blocking();
    let destination = Registry::builder().sparse(true).start_blocking();
    world(&source);
    let home = Home::new();
    home.configuration(&format!(
        "additionalImages:\n- name: {}/ns/list:latest\n  platforms:\n  - os: linux\n    architecture: arm64\n",
        source.host()
    ));
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    assert_same(&source, &destination, ("ns/list", "latest"), ("ns/list", "latest"));
    let children: serde_json::Value =
        serde_json::from_slice(&destination.manifest("ns/list", "latest").unwrap().bytes).unwrap();
    for child in children["manifests"].as_array().unwrap() {
        let there = destination.manifest("ns/list", child["digest"].as_str().unwrap()).is_some();
        assert_eq!(there, child["platform"]["architecture"] == "arm64", "{child}");
    }
}

#[test]
fn a_platform_that_is_not_there_is_an_error() {
    let source = Registry::start_blocking();
    world(&source);
    let home = Home::new();
    home.configuration(&format!(
        "additionalImages:\n- name: {}/ns/list:latest\n  platforms:\n  - os: linux\n    architecture: riscv64\n",
        source.host()
    ));
    let warning = format!(
        "Requested platform(s) not found in source manifest list for {}/ns/list:latest; verify the platforms field in your ISC",
        source.host()
    );
    home.to_disk(&[]).code(8).says("no instances found for platform linux/riscv64").says(&warning);
    assert!(home.archives().is_empty());
    home.to_disk(&["--no-cache"]).code(8).says(&warning);
    home.to_disk(&["--dry-run"]).says(&warning);
}

/// `docs/behaviour/operators-archive.md` 7.5: an image of one platform travels whatever is asked for, and the other
/// side can ask for no more of a list than was brought.
#[test]
fn platforms_behind_the_gap() {
    let source = Registry::start_blocking();
    world(&source);
    let home = Home::new();
    let ask = |image: &str, architectures: &[&str]| {
        let mut body = format!("additionalImages:\n- name: {}/ns/{image}\n", source.host());
        if !architectures.is_empty() {
            body.push_str("  platforms:\n");
        }
        for architecture in architectures {
            writeln!(body, "  - os: linux\n    architecture: {architecture}").unwrap();
        }
        home.configuration(&body);
    };
    let destination = Registry::builder().sparse(true).start_blocking();
    ask("single:v1", &["riscv64"]);
    home.to_disk(&[]).code(0).says("1 / 1 additional images mirrored successfully");
    home.to_mirror(&format!("{}/d", destination.host()), &[]).code(0);
    home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    for namespace in ["d", "m"] {
        assert_same(&source, &destination, ("ns/single", "v1"), (&format!("{namespace}/ns/single"), "v1"));
    }
    ask("list:latest", &["arm64"]);
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    for more in [&["arm64", "amd64"][..], &[]] {
        ask("list:latest", more);
        let outcome = home.to_mirror(destination.host(), &[]);
        outcome.code(8).says("is not at the destination, not in the archive and not in the cache");
        outcome.says("made with fewer `platforms` than the configuration names now, name the same");
    }
}

#[test]
fn the_archive_is_reproducible() {
    let source = Registry::start_blocking();
    let images = world(&source);
    let names: Vec<String> =
        images.iter().map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())).collect();
    let layout = || {
        let home = Home::new();
        home.additional_images(&names);
        home.to_disk(&[]).code(0);
        let entries = home.entries("mirror_000001.tar");
        entries.into_iter().filter(|name| name.starts_with("docker/")).collect::<Vec<_>>()
    };
    assert_eq!(layout(), layout());
}

#[test]
fn the_result_document_tells_everything() {
    let source = Registry::start_blocking();
    let images = world(&source);
    let home = Home::new();
    home.additional_images([format!("{}/ns/single:v1", source.host()), format!("{}/ns/missing:v1", source.host())]);
    let outcome = home.to_disk(&["--output", "json"]);
    outcome.code(8);
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["exitCode"], 8);
    assert_eq!(document["mode"], "mirrorToDisk");
    assert_eq!(document["images"][0]["outcome"], "copied");
    assert_eq!(document["images"][0]["digest"], images[0].2.digest.to_string());
    assert_eq!(document["images"][1]["outcome"], "failed");
    assert_eq!(document["images"][1]["error"]["condition"], "not-found");
    assert_eq!(document["images"][1]["error"]["retryCanHelp"], false);
}

#[test]
fn an_unnamed_tag_means_latest() {
    let source = Registry::start_blocking();
    world(&source);
    let home = Home::new();
    home.additional_images([format!("{}/ns/list", source.host())]);
    home.to_disk(&[]).code(0).says("latest");
}

#[test]
fn what_a_loss_of_power_leaves_in_the_cache_is_mended() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = world(&source);
    let home = Home::new();
    home.additional_images(images.iter().map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())));
    home.to_disk(&[]).code(0);
    let cached = || {
        let files: Vec<_> = walk(&home.cache().join("docker")).into_iter().collect();
        files.into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).map(|(bytes, path)| (path, bytes))
    };
    let whole: std::collections::BTreeMap<_, _> = cached().collect();
    // Every third file is empty, every other third is half of itself.
    for (number, (path, bytes)) in whole.iter().enumerate() {
        let blob = path.ends_with("data");
        match number % 3 {
            0 => std::fs::write(path, "").unwrap(),
            1 if blob => std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
            _ => {}
        }
    }
    home.to_disk(&["--since", "2001-01-01"]).code(0);
    assert_eq!(cached().collect::<std::collections::BTreeMap<_, _>>(), whole);
    home.to_mirror(destination.host(), &[]).code(0);
    for (repository, tag, _) in &images {
        assert_same(&source, &destination, (repository, tag), (repository, tag));
    }
}
