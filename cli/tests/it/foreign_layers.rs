//! Layers that their publisher does not want copied (foreign, non-distributable): what the source registry serves is copied; of
//! the rest, a layer that names `urls` is left out with a warning, and nothing is fetched from there; a layer without `urls`
//! fails its image. The rule is the same from registry to registry, through an archive, and for `archive verify`.

use serde_json::{Value, json};
use test_support::{Blob, Image, ImageBuilder, Layer, Registry, UpdateService};

use crate::harness::Home;

const TYPES: [&str; 4] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
];

/// An image whose first layer has this media type, and that layer.
fn image(media_type: &str, urls: Option<&str>) -> (Image, Blob) {
    let mut image = if media_type.contains("docker") { ImageBuilder::docker() } else { ImageBuilder::oci() }
        .layer(Layer::random(1, 3000))
        .build();
    let layer = Blob::new(vec![7; 5000]);
    let mut manifest: Value = serde_json::from_slice(&image.bytes).unwrap();
    let mut described = json!({"mediaType": media_type, "digest": layer.digest, "size": layer.bytes.len()});
    if let Some(urls) = urls {
        described["urls"] = json!([urls]);
    }
    manifest["layers"].as_array_mut().unwrap().insert(0, described);
    image.bytes = manifest.to_string().into();
    image.digest = test_support::manifest_digest(&image.bytes);
    (image, layer)
}

/// How the image ends by every way.
enum Ends {
    /// With the layer.
    Whole,
    /// Without it, and a warning says so.
    Without,
    /// It fails.
    Fails,
}

fn check(media_type: &str, served: bool, names_urls: bool, ends: &Ends) {
    let (source, direct, loaded) = (Registry::start_blocking(), Registry::start_blocking(), Registry::start_blocking());
    let elsewhere = UpdateService::start_blocking();
    let urls = format!("http://{}/layer", elsewhere.host());
    let (image, layer) = image(media_type, names_urls.then_some(urls.as_str()));
    elsewhere.answer("/layer", 200, layer.bytes.to_vec());
    source.push("win/base", "v1", &image);
    if served {
        source.put_blob("win/base", layer.bytes.clone());
    }
    let home = Home::new();
    home.additional_images([format!("{}/win/base:v1", source.host())]);
    let case = format!("{media_type}, served: {served}, urls: {names_urls}");
    let warning = "is left out: the source does not serve it";
    let archived = |home: &Home| {
        let name = format!("/{}/data", layer.digest.hex());
        home.entries("mirror_000001.tar").iter().any(|entry| entry.ends_with(&name))
    };
    let outcomes = [home.mirror_to_mirror(direct.host(), &["--retry-times=0"]), home.to_disk(&["--retry-times=0"])];
    assert!(elsewhere.requests().is_empty(), "{case}: {:?}", elsewhere.requests());
    if matches!(ends, Ends::Fails) {
        for outcome in &outcomes {
            outcome.code(8).says(&layer.digest.to_string());
        }
        assert!(direct.manifest("win/base", "v1").is_none() && home.archives().is_empty(), "{case}");
        return;
    }
    let whole = matches!(ends, Ends::Whole);
    let verified = home.run(&["archive", "verify", "disk"]);
    verified.code(0);
    // The other side has no cache of this one, and cannot reach the source.
    drop(source);
    let through = home.to_mirror(loaded.host(), &["--cache-dir=inside", "--retry-times=0"]);
    for outcome in outcomes.iter().chain([&through]) {
        outcome.code(0);
        assert_eq!(outcome.line_with(warning).is_none(), whole, "{case}: {}", outcome.complaints());
    }
    assert_eq!(archived(&home), whole, "{case}");
    for destination in [&direct, &loaded] {
        assert_eq!(destination.manifest("win/base", "v1").unwrap().digest, image.digest, "{case}");
        assert_eq!(destination.has_blob("win/base", &layer.digest), whole, "{case}");
    }
    assert!(elsewhere.requests().is_empty(), "{case}: {:?}", elsewhere.requests());
}

#[test]
fn what_the_source_serves_is_copied() {
    for media_type in TYPES {
        check(media_type, true, false, &Ends::Whole);
        check(media_type, true, true, &Ends::Whole);
    }
}

#[test]
fn what_lies_elsewhere_is_left_out_and_not_fetched() {
    for media_type in TYPES {
        check(media_type, false, true, &Ends::Without);
    }
}

#[test]
fn what_lies_nowhere_fails_the_image() {
    for media_type in TYPES {
        check(media_type, false, false, &Ends::Fails);
    }
}

/// The media type says nothing: registries hold most layers that are called foreign, and `urls` decide.
#[test]
fn an_ordinary_media_type_makes_no_difference() {
    for media_type in
        ["application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"]
    {
        check(media_type, true, true, &Ends::Whole);
        check(media_type, false, true, &Ends::Without);
        check(media_type, false, false, &Ends::Fails);
    }
}
