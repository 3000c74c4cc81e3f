//! Images and layers that are named by SHA-512, which is rare and allowed (OCI image specification, "Digests").

use image_ref::{Algorithm, Digest, Hasher};
use serde_json::json;
use test_support::{Image, ImageBuilder, Layer, Registry};

use crate::harness::Home;

/// The digest of an image's manifest by which nobody names it usually.
fn long_digest(image: &Image) -> Digest {
    Hasher::of(Algorithm::Sha512, &image.bytes)
}

/// What the tag of an image with this digest has to be: as much of it as a tag may have.
fn tag(digest: &Digest) -> String {
    format!("sha512-{}", &digest.hex()[..120])
}

fn image(seed: u64) -> Image {
    ImageBuilder::oci().layer(Layer::random(seed, 20_000)).build()
}

/// How often a manifest was put.
fn puts(registry: &Registry) -> usize {
    registry.requests().iter().filter(|request| request.method == "PUT" && request.path.contains("/manifests/")).count()
}

#[test]
fn images_pinned_by_sha512_travel_in_every_workflow() {
    let (source, app) = (Registry::start_blocking(), image(1));
    source.push("ns/app", "v1", &app);
    let digest = long_digest(&app);
    let home = Home::new();
    home.additional_images([format!("{}/ns/app@{digest}", source.host())]);
    let arrived = |registry: &Registry| {
        assert_eq!(registry.tags("ns/app"), [tag(&digest)]);
        assert_eq!(registry.manifest("ns/app", &tag(&digest)).unwrap().digest, app.digest);
    };

    home.to_disk(&["--dry-run"]).code(0);
    home.to_disk(&[]).code(0).says("1 / 1 additional images");
    home.run(&["archive", "verify", &home.disk().display().to_string()]).code(0);
    let link = format!("/_manifests/revisions/sha512/{}/link", digest.hex());
    assert!(home.entries("mirror_000001.tar").iter().any(|entry| entry.ends_with(&link)));
    // The archive is all that is carried.
    std::fs::remove_dir_all(home.cache()).unwrap();
    std::fs::remove_dir_all(home.disk().join("working-dir")).unwrap();
    let destination = Registry::start_blocking();
    home.to_mirror(destination.host(), &["--dry-run"]).code(0);
    home.to_mirror(destination.host(), &[]).code(0).says("1 / 1 additional images");
    arrived(&destination);
    let before = puts(&destination);
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(puts(&destination), before, "a complete image is left alone");

    // Deleting goes by the digest, too: another image under the tag stays.
    home.write("disc.yaml", delete_configuration(&format!("{}/ns/app@{digest}", source.host())));
    let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{}", destination.host()));
    let delete = |more: &[&str]| home.run(&[&["delete", "--workspace", &workspace, &to], more].concat());
    delete(&["--generate", "-c", "disc.yaml", "--delete-signatures"]).code(0);
    let list = home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
    let execute = ["--delete-yaml-file", &list, "--dest-tls-verify=false", "--retry-times=0"];
    destination.push("ns/app", tag(&digest).as_str(), &image(2));
    destination.remove("ns/app", &app.digest.to_string());
    delete(&execute).code(1).says("which is kept");
    destination.push("ns/app", tag(&digest).as_str(), &app);
    delete(&execute).code(0);
    assert!(destination.manifest("ns/app", &tag(&digest)).is_none());

    let destination = Registry::start_blocking();
    home.mirror_to_mirror(destination.host(), &[]).code(0);
    arrived(&destination);
}

fn delete_configuration(image: &str) -> String {
    format!("kind: DeleteImageSetConfiguration\ndelete:\n  additionalImages:\n  - name: {image}\n")
}

/// A list may name its images by SHA-512 too: each of them is the image of that digest, on every way.
#[test]
fn children_of_a_list_that_are_named_by_sha512_travel_in_every_workflow() {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    let source = Registry::start_blocking();
    let children = [image(1), image(2)];
    let rows = children.iter().zip(["amd64", "arm64"]).map(|(child, architecture)| {
        source.push("ns/app", None, child);
        json!({
            "mediaType": child.media_type,
            "digest": long_digest(child).to_string(),
            "size": child.bytes.len(),
            "platform": {"os": "linux", "architecture": architecture},
        })
    });
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows.collect::<Vec<_>>()}).to_string();
    let root = source.put_manifest("ns/app", INDEX, list);
    source.tag("ns/app", "v1", &root);
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let arrived = |registry: &Registry| {
        assert_eq!(registry.manifest("ns/app", "v1").unwrap().digest, root);
        for child in &children {
            let digest = long_digest(child).to_string();
            assert_eq!(registry.manifest("ns/app", &digest).unwrap().bytes, child.bytes, "{digest}");
        }
    };

    home.to_disk(&[]).code(0).says("1 / 1 additional images");
    let disk = home.disk().display().to_string();
    home.run(&["archive", "verify", &disk]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    std::fs::remove_dir_all(home.disk().join("working-dir")).unwrap();
    let destination = Registry::start_blocking();
    home.to_mirror(destination.host(), &[]).code(0).says("1 / 1 additional images");
    arrived(&destination);
    let before = puts(&destination);
    home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(puts(&destination), before, "a complete image is left alone");

    let destination = Registry::start_blocking();
    home.mirror_to_mirror(destination.host(), &[]).code(0).says("1 / 1 additional images");
    arrived(&destination);

    // Another manifest in the place of a child is damage, and nothing of the list arrives.
    let archive = home.disk().join("mirror_000001.tar");
    let mut bytes = std::fs::read(&archive).unwrap();
    let at = bytes.windows(children[1].bytes.len()).position(|window| window == &children[1].bytes[..]).unwrap();
    bytes[at + 1] ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    home.run(&["archive", "verify", &disk]).code(1).says(&long_digest(&children[1]).to_string());
    std::fs::remove_dir_all(home.cache()).unwrap();
    let destination = Registry::start_blocking();
    home.to_mirror(destination.host(), &[]).code(1).says("is damaged: content of sha512:");
    assert_eq!(destination.tags("ns/app"), [""; 0]);
}
