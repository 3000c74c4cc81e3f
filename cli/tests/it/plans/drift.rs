//! The sources move on after the approval.

use test_support::{ImageBuilder, Layer, OperatorWorld, Registry, World, cosign_signature, cosign_signature_tag};

use super::{asked_for_names, move_every_tag};
use crate::harness::Home;

/// A source with images of all kinds, a signed one among them, and a configuration of them by tag.
fn site(seed: u64) -> (Registry, Home) {
    let source = Registry::start_blocking();
    let (world, operators) =
        (World::small(seed), OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]));
    world.push_to(&source);
    operators.push_to(&source);
    for image in &world.images[..3] {
        let signature = cosign_signature(&format!("{}/{}", source.host(), image.repository), &image.image);
        source.push(&image.repository, cosign_signature_tag(image.digest()).as_str(), &signature);
    }
    let home = Home::new();
    let mut body = format!(
        "operators:\n- catalog: {}\n  packages:\n  - name: foo\nadditionalImages:\n",
        operators.catalog.reference(source.host())
    );
    for name in world.references(source.host()) {
        body = body + "- name: " + &name + "\n";
    }
    home.configuration(&body);
    (source, home)
}

#[test]
fn after_every_tag_has_moved_the_plan_still_arrives() {
    let (source, home) = site(21);
    let destination = Registry::start_blocking();
    home.plan_to_mirror(&format!("{}/m", destination.host()), "plan.json", &[]).code(0).says("the plan is in");
    assert!(destination.repositories().is_empty(), "planning sends nothing: {:?}", destination.repositories());
    let plan = home.document("plan.json");
    assert!(move_every_tag(&source) > 10);
    source.clear_requests();
    home.apply_to_mirror("plan.json", &[]).code(0).says("applying the plan sha256:");

    assert_eq!(asked_for_names(&source), Vec::<String>::new(), "a name was asked for");
    let mut signatures = 0;
    for image in plan["images"].as_array().unwrap() {
        let Some(name) = image["destination"].as_str() else { continue };
        let (repository, tag) = name.split_once('/').unwrap().1.rsplit_once(':').unwrap();
        let found = destination.manifest(repository, tag).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(found.digest.to_string(), image["digest"].as_str().unwrap(), "{name}");
        for blob in image["blobs"].as_array().unwrap() {
            assert!(destination.has_blob(repository, &blob.as_str().unwrap().parse().unwrap()), "{name} lacks {blob}");
        }
        for attached in image["attached"].as_array().unwrap() {
            let found = destination.manifest(repository, attached["tag"].as_str().unwrap());
            assert_eq!(found.unwrap().digest.to_string(), attached["digest"].as_str().unwrap(), "{name}");
            signatures += 1;
        }
    }
    assert_eq!(signatures, 3);

    // Applied again, nothing moves and the sources are left in peace.
    source.clear_requests();
    destination.clear_requests();
    home.apply_to_mirror("plan.json", &[]).code(0).says("nothing to transfer");
    assert_eq!((destination.bytes_received(), asked_for_names(&source)), (0, Vec::new()));
}

/// Two hundred tags move between the approval and the run. Nothing that arrives is anything but what was approved.
#[test]
fn two_hundred_tags_move_and_nothing_drifts() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let home = Home::new();
    let names: Vec<String> = (0..200)
        .map(|at| {
            let image = ImageBuilder::oci().layer(Layer::random(5000 + at, 300)).build();
            source.push(&format!("many/app{at}"), "v1", &image);
            format!("{}/many/app{at}:v1", source.host())
        })
        .collect();
    home.additional_images(&names);
    home.plan_to_mirror(destination.host(), "plan.json", &[]).code(0);
    assert_eq!(move_every_tag(&source), 200);
    source.clear_requests();
    home.apply_to_mirror("plan.json", &[]).code(0);
    let plan = home.document("plan.json");
    let images = plan["images"].as_array().unwrap();
    let drifted = images.iter().filter(|image| {
        let (repository, tag) =
            image["destination"].as_str().unwrap().split_once('/').unwrap().1.rsplit_once(':').unwrap();
        let found = destination.manifest(repository, tag);
        found.is_none_or(|found| found.digest.to_string() != image["digest"].as_str().unwrap())
    });
    assert_eq!((images.len(), drifted.count()), (200, 0));
    assert_eq!(asked_for_names(&source), Vec::<String>::new(), "a name was asked for");
}

#[test]
fn into_an_archive_too() {
    let (source, home) = site(22);
    home.plan_to_disk("plan.json", &[]).code(0);
    assert!(home.archives().is_empty());
    let plan = home.document("plan.json");
    move_every_tag(&source);
    source.clear_requests();
    home.with_flags(&["apply", "plan.json"]).code(0);
    assert_eq!(asked_for_names(&source), Vec::<String>::new(), "a name was asked for");
    let entries = home.entries("mirror_000001.tar");
    for image in plan["images"].as_array().unwrap() {
        let (repository, tag) = image["name"].as_str().unwrap().rsplit_once(':').unwrap();
        let digest = image["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let link =
            format!("docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}/index/sha256/{digest}/link");
        assert!(entries.contains(&link), "{link}");
    }
    for blob in plan["blobs"].as_object().unwrap().keys() {
        let hex = blob.strip_prefix("sha256:").unwrap();
        assert!(entries.contains(&format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2])), "{blob}");
    }
}

#[test]
fn what_is_gone_is_named() {
    let (source, home) = site(23);
    let destination = Registry::start_blocking();
    home.plan_to_mirror(destination.host(), "plan.json", &[]).code(0);
    let plan = home.document("plan.json");
    let image = plan["images"].as_array().unwrap().iter().find(|image| image["name"] == "apps/single:v1").unwrap();
    let digest = image["digest"].as_str().unwrap();
    move_every_tag(&source);
    source.remove("apps/single", digest);
    home.apply_to_mirror("plan.json", &["--retry-times=0"])
        .code(8)
        .says(digest)
        .says("make a new plan, or load the image from an archive");
    assert!(destination.manifest("apps/single", "v1").is_none());
    assert!(destination.manifest("apps/docker", "1.0").is_some(), "the others arrive");
}
