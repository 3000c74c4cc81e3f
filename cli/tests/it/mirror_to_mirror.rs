//! Mirror to mirror: source registry -> destination registry, nothing on disk but the working directory.

use std::time::Duration;

use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When, World};

use crate::harness::Home;

/// Every file below a folder, relative to it.
fn files(folder: &std::path::Path) -> Vec<String> {
    fn walk(root: &std::path::Path, folder: &std::path::Path, files: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                files.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

#[track_caller]
fn assert_world(world: &World, destination: &Registry, namespace: &str) {
    for image in &world.images {
        let tag = image.tag.clone().unwrap_or_else(|| image.digest().as_tag());
        let repository = format!("{namespace}{}", image.repository);
        let found = destination.manifest(&repository, &tag).unwrap_or_else(|| panic!("{repository}:{tag} is missing"));
        assert_eq!(found.digest, *image.digest());
        for blob in image.image.all_blobs() {
            assert!(destination.has_blob(&repository, &blob.digest), "{repository} lacks {}", blob.digest);
        }
    }
}

#[test]
fn images_stream_from_registry_to_registry() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(11);
    world.push_to(&source);
    let home = Home::new();
    home.additional_images(world.references(source.host()));
    home.mirror_to_mirror(&format!("{}/m", destination.host()), &[])
        .code(0)
        .says("workflow mode: mirrorToMirror")
        .says("additional images mirrored successfully");
    assert_world(&world, &destination, "m/");

    // No blob touched the disk, and the pinned configuration was written.
    assert!(files(&home.cache()).iter().all(|name| !name.ends_with("/data")), "{:#?}", files(&home.cache()));
    let written = files(&home.workspace());
    let count = |prefix: &str| written.iter().filter(|name| name.starts_with(prefix)).count();
    assert_eq!((count("working-dir/isc_pinned_"), count("working-dir/disc_pinned_")), (1, 1), "{written:#?}");
    assert!(home.workspace().join("working-dir/cluster-resources/itms-oc-mirror.yaml").is_file());
}

#[test]
fn a_second_run_sends_nothing_and_leaves_the_source_in_peace() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(12);
    world.push_to(&source);
    let home = Home::new();
    let pinned = world.images.iter().map(|image| format!("{}/{}@{}", source.host(), image.repository, image.digest()));
    home.additional_images(pinned);
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    source.clear_requests();
    destination.clear_requests();
    home.mirror_to_mirror(destination.host(), &[]).code(0).says("nothing to transfer");
    assert_eq!(source.request_count(), 0, "{:#?}", source.requests());
    assert_eq!(destination.bytes_received(), 0);
    assert!(destination.requests().iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
}

#[test]
fn a_shared_layer_is_fetched_once_and_sent_once() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let shared = || Layer::random(99, 500_000);
    for n in 0..6 {
        let image = ImageBuilder::oci().layer(shared()).layer(Layer::random(n, 1000)).build();
        source.push(&format!("ns/app{n}"), "v1", &image);
    }
    let home = Home::new();
    let names = |range: std::ops::Range<u64>| range.map(|n| format!("{}/ns/app{n}:v1", source.host()));
    home.additional_images(names(0..5));
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    let (served, received) = (source.blob_bytes_served(), destination.bytes_received());
    assert!(served < 600_000, "{served} bytes served");
    assert!(received < 700_000, "{received} bytes received");

    // An image that comes later gets the layer from what is there already.
    home.additional_images(names(0..6));
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    let more = source.blob_bytes_served() - served;
    assert!(more < 10_000, "{more} more bytes served");
    for n in 0..6 {
        assert!(destination.has_blob(&format!("ns/app{n}"), &shared().digest()), "app{n}");
    }
}

/// A blob is on its way into a repository when another image of that repository turns out to need it, and then one of
/// another repository. docker-registry rewrites the link of a blob that it gets a second time, and for a moment it does
/// not know the blob: a manifest that is pushed just then is refused.
#[test]
fn a_blob_goes_into_a_repository_once() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let shared = || Layer::random(99, 50_000);
    let images = [("ns/first", "v1", 0), ("ns/target", "v1", 400), ("ns/target", "v2", 800), ("ns/third", "v1", 1200)];
    for (seed, (repository, tag, pause)) in images.into_iter().enumerate() {
        let image = ImageBuilder::oci().layer(shared()).layer(Layer::random(seed as u64, 1000)).build();
        source.push(repository, tag, &image);
        let manifest = When::kind(Kind::Manifest).repository(repository).reference(tag);
        source.fault(Fault::new(manifest.once(), Effect::Delay(Duration::from_millis(pause))));
    }
    let mount = || When::kind(Kind::Upload).method("POST").repository("ns/target").digest(&shared().digest());
    destination.fault(Fault::new(mount(), Effect::Delay(Duration::from_secs(3))));
    let home = Home::new();
    home.additional_images(images.map(|(repository, tag, _)| format!("{}/{repository}:{tag}", source.host())));
    home.mirror_to_mirror(destination.host(), &[]).code(0).says("4 / 4 additional images mirrored successfully");
    assert_eq!(destination.requests_matching(&mount()).len(), 1, "{:#?}", destination.requests_matching(&mount()));
}

#[test]
fn other_instances_of_a_list_come_later() {
    let source = Registry::start_blocking();
    let destination = Registry::builder().sparse(true).start_blocking();
    let world = World::small(13);
    world.push_to(&source);
    let list = world.images.iter().find(|image| image.image.manifests().len() > 2).unwrap();
    let pinned = format!("{}/{}@{}", source.host(), list.repository, list.digest());
    let home = Home::new();
    home.configuration(&format!(
        "additionalImages:\n- name: {pinned}\n  platforms:\n  - os: linux\n    architecture: amd64\n"
    ));
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    let there = || {
        let manifests = list.image.manifests();
        manifests
            .iter()
            .filter(|image| destination.manifest(&list.repository, &image.digest.to_string()).is_some())
            .count()
    };
    assert_eq!(there(), 2, "the list and one instance");
    home.additional_images([&pinned]);
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    assert_eq!(there(), list.image.manifests().len());
}

#[test]
fn a_workspace_named_working_dir_is_taken_as_it_is() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(14);
    world.push_to(&source);
    let home = Home::new();
    home.additional_images(world.references(source.host()));
    let (workspace, to) = (home.path().join("w/working-dir"), format!("docker://{}", destination.host()));
    let workspace_flag = format!("file://{}", workspace.display());
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let args = ["-c", "isc.yaml", "--workspace", &workspace_flag, &to, tls[0], tls[1]];
    home.run(&args).code(0);
    assert!(workspace.join("cluster-resources/itms-oc-mirror.yaml").is_file());
    assert!(!workspace.join("working-dir").exists());
}

#[test]
fn what_failed_is_named_and_the_rest_is_there() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(15);
    world.push_to(&source);
    let home = Home::new();
    let mut names = world.references(source.host());
    names.push(format!("{}/ns/nowhere:v1", source.host()));
    home.additional_images(names);
    home.mirror_to_mirror(destination.host(), &[])
        .code(8)
        .says("[Worker] error mirroring image")
        .says("ns/nowhere:v1")
        .says("Pinned ISC written to")
        .says("itms-oc-mirror.yaml file created");
    assert_world(&world, &destination, "");
}

#[test]
fn both_sides_may_stumble() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(16);
    world.push_to(&source);
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET").times(3), Effect::status(503)));
    destination.fault(Fault::new(When::any().method("PUT").times(3), Effect::status(502)));
    let home = Home::new();
    home.additional_images(world.references(source.host()));
    home.mirror_to_mirror(destination.host(), &["--retry-times=6"]).code(0);
    assert_world(&world, &destination, "");
}

#[test]
fn a_destination_that_refuses_is_told_at_once() {
    let source = Registry::start_blocking();
    let destination = Registry::builder().auth(test_support::Auth::basic("somebody", "else")).start_blocking();
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.mirror_to_mirror(destination.host(), &[]).code(1).says("checking registry").says("access");
    assert_eq!(source.request_count(), 0);
}
