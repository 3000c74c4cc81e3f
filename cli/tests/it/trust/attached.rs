//! Artifacts of images: what it costs to look for them, and what becomes of them where a registry is different.

use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use super::{Signed, assert_all_attached, push_all};
use crate::harness::Home;

/// Requests for anything but the images themselves.
fn questions(registry: &Registry) -> usize {
    registry.requests_matching(&When::path(r"\.(sig|att|sbom)$|/referrers/|/tags/list")).len()
}

/// Images of one repository, the first of them with everything that may be attached.
fn repository(registry: &Registry, images: u64) -> (Signed, Vec<String>) {
    let signed = Signed::new("ns/many", ImageBuilder::oci().layer(Layer::random(99, 5000)).build());
    signed.push_to(registry);
    let mut names = vec![format!("{}/ns/many@{}", registry.host(), signed.image.digest)];
    for seed in 1..images {
        let image = ImageBuilder::oci().layer(Layer::random(seed, 3000)).build();
        registry.push("ns/many", format!("v{seed}").as_str(), &image);
        names.push(format!("{}/ns/many@{}", registry.host(), image.digest));
    }
    (signed, names)
}

#[test]
fn one_list_answers_for_all_images_of_a_repository() {
    let source = Registry::builder().referrers(false).start_blocking();
    let (signed, names) = repository(&source, 12);
    // Without the API, the list of referrers lies under a tag.
    let index = test_support::IndexBuilder::oci().child(signed.attached.last().unwrap().1.clone()).build();
    source.push("ns/many", signed.image.digest.as_tag().as_str(), &index);
    let (home, destination) = (Home::new(), Registry::start_blocking());
    home.additional_images(names);
    home.to_disk(&[]).code(0);
    // The list, one question for the API, and what the list shows: a signature, an attestation and an SBOM.
    assert_eq!(questions(&source), 1 + 1 + 3);
    // The result document counts them by kind, with the manifests of 12 images, of the artifacts and of the list.
    let found = home.requests("source", source.host());
    assert_eq!(found["tags"], 1);
    assert_eq!(found["referrers"], 1);
    assert_eq!(found["manifests"], source.requests_matching(&When::kind(Kind::Manifest)).len());
    assert_eq!(found["blobs"], source.requests_matching(&When::kind(Kind::Blob)).len());
    home.to_mirror(destination.host(), &[]).code(0);
    signed.assert_attached(&destination, "");
}

/// A list with more pages than there are images to ask about costs more than it tells.
#[test]
fn a_list_with_more_pages_than_images_is_given_up() {
    let check = |images: u64, page: usize, lists: usize, tags: usize| {
        let source = Registry::builder().referrers(false).page_size(page).start_blocking();
        let (signed, names) = repository(&source, 12);
        let home = Home::new();
        home.additional_images(names.into_iter().take(usize::try_from(images).unwrap()));
        home.to_disk(&[]).code(0);
        assert_eq!(source.requests_matching(&When::kind(Kind::Tags)).len(), lists, "{images} of pages of {page}");
        let asked = When::path(r"\.(sig|att|sbom)$");
        assert_eq!(source.requests_matching(&asked).len(), tags, "{images} of pages of {page}");
        let entries = home.entries("mirror_000001.tar");
        for tag in signed.attached.iter().filter_map(|(tag, _)| tag.as_ref()) {
            assert!(entries.iter().any(|name| name.contains(&format!("tags/{tag}/current"))), "{tag}");
        }
    };
    // 14 tags: v1 to v11, and three of cosign.
    check(1, 2, 1, 3);
    check(2, 7, 2, 3);
    check(3, 4, 3, 9);
    check(4, 4, 4, 3);
}

/// Whatever comes in place of a list, everything is found.
#[test]
fn lists_that_cannot_be_believed() {
    let check = |what: Effect| {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let images = Signed::all();
        push_all(&images, &source);
        source.fault(Fault::new(When::kind(Kind::Tags), what));
        let home = Home::new();
        home.additional_images(images[..2].iter().map(|image| image.name(source.host())));
        let outcome = home.mirror_to_mirror(destination.host(), &[]);
        assert_eq!(outcome.code(0).complaints(), "");
        assert_all_attached(&images[..2], &destination, "");
    };
    let says = |body: &str| Effect::Status { code: 200, headers: Vec::new(), body: Some(body.to_owned()) };
    for status in [401, 403, 404, 405, 501] {
        check(Effect::status(status));
    }
    check(says("<html>"));
    // Tags of somebody else: that of the image is missing.
    check(says(r#"{"name":"ns/single","tags":["latest"]}"#));
    check(says(r#"{"name":"ns/single","tags":null}"#));
}

/// An image without its SBOM is of use; the refusal is told once, and no later run asks again.
#[test]
fn an_artifact_that_the_destination_refuses_leaves_the_image_alone() {
    let check = |refused: &str, status: u16| {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let images = Signed::all();
        push_all(&images, &source);
        let home = Home::new();
        home.additional_images(images.iter().map(|image| image.name(source.host())));
        let puts = || When::path(&format!("/manifests/{refused}")).method("PUT");
        let fault = destination.fault(Fault::new(puts(), Effect::status(status)));
        home.to_disk(&[]).code(0);
        let warnings = |said: &str| said.matches("and later runs do not try again").count();
        let load = || home.to_mirror(destination.host(), &["--retry-times", "0"]);
        let first = load();
        assert_eq!(warnings(&first.code(0).complaints()), 3, "one for each repository: {}", first.complaints());
        for image in &images {
            let tag = if image.repository == "other/pinned" { image.image.digest.as_tag() } else { "v1".to_owned() };
            assert!(destination.manifest(image.repository, &tag).is_some(), "{refused} {status} {tag}");
        }
        let hits = fault.hits();
        let second = load();
        assert_eq!((warnings(&second.code(0).complaints()), fault.hits()), (0, hits), "{refused} {status}");
        // A cache that knows nothing asks again, and what is taken then stays.
        fault.stop();
        std::fs::remove_dir_all(home.cache().join("refused")).unwrap();
        assert_eq!(load().code(0).complaints(), "");
        assert_all_attached(&images, &destination, "");
    };
    check(r"sha256-[0-9a-f]{64}\.att$", 400);
    check(r"sha256-[0-9a-f]{64}\.sbom$", 415);
    check(r"sha256-[0-9a-f]{64}\.sig$", 403);
}

#[test]
fn a_signature_that_a_policy_wants_must_arrive() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let images = Signed::all();
    push_all(&images[..1], &source);
    let home = Home::new();
    home.additional_images(images[..1].iter().map(|image| image.name(source.host())));
    home.write("policy.json", r#"{"default": [{"type": "insecureAcceptAnything"}]}"#);
    destination.fault(Fault::new(When::path(r"\.sig$").method("PUT"), Effect::status(400)));
    let policy = ["--secure-policy", "--policy=policy.json", "--retry-times", "0"];
    home.mirror_to_mirror(destination.host(), &policy).code(8);
    home.mirror_to_mirror(destination.host(), &["--retry-times", "0"]).code(0);
}

/// A registry without the referrers API gets the tag that stands for it, so that the next mirror finds what is attached.
#[test]
fn referrers_survive_a_hop_over_a_registry_without_the_api() {
    let (source, end) = (Registry::start_blocking(), Registry::start_blocking());
    let between = Registry::builder().referrers(false).start_blocking();
    let images = Signed::all();
    push_all(&images, &source);
    let (home, next) = (Home::new(), Home::new());
    home.additional_images(images.iter().map(|image| image.name(source.host())));
    let outcome = home.mirror_to_mirror(between.host(), &[]);
    let said = outcome.code(0).complaints();
    // The pinned image has the tag that stands for the API.
    assert_eq!(said.matches("has no referrers API").count(), 1, "{said}");
    assert!(said.contains("/other/pinned` has no referrers API, and the tag "), "{said}");
    // Nothing is lost where the tag was free, and nothing is written twice.
    next.additional_images(images[..2].iter().map(|image| format!("{}/{}:v1", between.host(), image.repository)));
    next.mirror_to_mirror(end.host(), &[]).code(0);
    assert_all_attached(&images[..2], &end, "");
    let tag = images[0].image.digest.as_tag();
    let list = between.manifest("ns/single", &tag).unwrap();
    home.mirror_to_mirror(between.host(), &[]).code(0);
    assert_eq!(between.manifest("ns/single", &tag), Some(list));
    // A registry with the API gets no such tag.
    assert!(end.manifest("ns/single", &tag).is_none());
}

/// The list that somebody else has begun is gone on with.
#[test]
fn the_list_of_referrers_keeps_what_it_had() {
    let source = Registry::start_blocking();
    let destination = Registry::builder().referrers(false).start_blocking();
    let images = Signed::all();
    push_all(&images[..1], &source);
    let image = &images[0].image;
    let theirs = test_support::artifact("application/x-scan", "text/plain", b"scan", Some(image));
    destination.push("ns/single", None, &theirs);
    let list = test_support::IndexBuilder::oci().child(theirs.clone()).build();
    destination.push("ns/single", image.digest.as_tag().as_str(), &list);
    let home = Home::new();
    home.additional_images(images[..1].iter().map(|image| image.name(source.host())));
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    let list = destination.manifest("ns/single", &image.digest.as_tag()).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.bytes).unwrap();
    let found: Vec<_> = list["manifests"].as_array().unwrap().iter().map(|entry| &entry["digest"]).collect();
    let ours = &images[0].attached.last().unwrap().1;
    assert_eq!(found, [&serde_json::json!(theirs.digest), &serde_json::json!(ours.digest)]);
    assert_eq!(list["manifests"][1]["artifactType"], "application/vnd.lab.note");
}
