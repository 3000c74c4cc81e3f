//! `archive list`, `archive verify` and `describe`.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use test_support::{Image, ImageBuilder, IndexBuilder, Layer, Registry};

use crate::harness::Home;

/// An archive of two images that share a layer.
fn archived(home: &Home) -> (Registry, Vec<Image>) {
    let source = Registry::start_blocking();
    let shared = || Layer::random(1, 200_000);
    let images = vec![
        ImageBuilder::oci().layer(shared()).layer(Layer::random(2, 50_000)).build(),
        IndexBuilder::oci().architectures(&["amd64", "arm64"], 20, 30_000).build(),
    ];
    source.push("ns/app", "v1", &images[0]);
    source.push("ns/list", "v2", &images[1]);
    home.additional_images([format!("{}/ns/app:v1", source.host()), format!("{}/ns/list:v2", source.host())]);
    home.to_disk(&[]).code(0);
    (source, images)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Changes one byte of a blob inside an archive file.
fn flip(home: &Home, archive: &str, content: &[u8]) {
    let path = home.disk().join(archive);
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(64).position(|window| window == &content[..64]).unwrap() + 10;
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[bytes[at] ^ 1]).unwrap();
}

#[test]
fn list_names_every_image() {
    let home = Home::new();
    let (_source, images) = archived(&home);
    let found = home.run(&["archive", "list", "disk"]);
    found.code(0).says("ns/app:v1").says("ns/list:v2").says("amd64,arm64").says("2 images, ");
    assert!(found.stdout.starts_with("IMAGE"), "{}", found.stdout);

    let found = home.run(&["archive", "list", "file://disk", "--output", "json"]);
    let found = json(&found.code(0).stdout);
    assert_eq!(found["images"].as_array().unwrap().len(), 2);
    assert_eq!(found["images"][0]["image"], "ns/app:v1");
    assert_eq!(found["images"][0]["digest"], images[0].digest.to_string());
    assert_eq!(found["images"][0]["blobs"], 4);
    assert_eq!(found["images"][0]["absentBlobs"], 0);
    assert_eq!(found["files"][0]["name"], "mirror_000001.tar");
    assert_eq!(found["damage"], serde_json::json!([]));
}

#[test]
fn verify_reads_everything() {
    let home = Home::new();
    archived(&home);
    home.run(&["archive", "verify", "disk"]).code(0).says("OK: ");
    let found = json(&home.run(&["archive", "verify", "disk", "--output=json"]).code(0).stdout);
    assert_eq!(found["good"], true);
    assert_eq!(found["problems"], serde_json::json!([]));
    // Nothing was written.
    assert_eq!(home.archives(), ["mirror_000001.tar"]);
}

#[test]
fn verify_names_what_is_broken_and_whom_it_affects() {
    let home = Home::new();
    let (source, images) = archived(&home);
    let shared = Layer::random(1, 200_000).digest();
    flip(&home, "mirror_000001.tar", &source.blob(&shared).unwrap());
    let found = home.run(&["archive", "verify", "disk"]);
    found.code(1).says(&format!("mirror_000001.tar: blob {shared} is damaged")).says("needed by ns/app:v1");
    found.says("(1 problem(s), 1 image(s) affected)");
    let found = json(&home.run(&["archive", "verify", "disk", "--output=json"]).code(1).stdout);
    assert_eq!(found["good"], false);
    assert_eq!(found["problems"][0]["problem"], "damaged");
    assert_eq!(found["problems"][0]["chunk"], "mirror_000001.tar");
    assert_eq!(found["problems"][0]["digest"], shared.to_string());
    assert_eq!(found["affectedImages"], serde_json::json!(["ns/app:v1"]));
    drop(images);
}

#[test]
fn a_cut_archive_is_listed_as_far_as_it_goes() {
    let home = Home::new();
    archived(&home);
    let path = home.disk().join("mirror_000001.tar");
    let length = path.metadata().unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    home.run(&["archive", "list", "disk"]).code(1).says("error reading archive").says("the list is incomplete");
    home.run(&["archive", "verify", "disk"])
        .code(1)
        .says("error reading archive")
        .says("The archive's last file is missing");
}

#[test]
fn folders_without_an_archive() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let expected = "no tar archives matching \"mirror_[0-9]{6}\\\\.tar\" found in";
    home.run(&["archive", "list", "empty"]).code(1).says(expected);
    home.run(&["archive", "verify", "empty"]).code(1).says(expected);
    home.run(&["archive", "verify", "nowhere"]).code(1);
    home.run(&["describe", "empty"]).code(1).says("holds neither archive files");
    home.write("zero/mirror_000001.tar", "");
    home.run(&["archive", "verify", "zero"]).code(1).says("empty archive file");
}

#[test]
fn describe_tells_what_it_is_for() {
    let home = Home::new();
    let (source, _) = archived(&home);
    let found = home.run(&["describe", "disk"]);
    found
        .code(0)
        .says("disk (archive)")
        .says("mirror_000001.tar")
        .says(&format!("image {}/ns/app:v1", source.host()))
        .says("the first archive of its sequence")
        .says("kind: ImageSetConfiguration");
    let found = json(&home.run(&["describe", "disk", "--output=json"]).code(0).stdout);
    assert_eq!(found["archive"], true);
    assert_eq!(found["images"], 2);
    assert_eq!(found["platforms"], serde_json::json!(["linux/amd64", "linux/arm64"]));
    assert!(found["createdBy"]["gitVersion"].as_str().unwrap().starts_with('v'), "{found}");
    assert!(found["createdAt"].as_str().unwrap().ends_with('Z'), "{found}");

    home.to_disk(&[]).code(0);
    home.run(&["describe", "disk"]).code(0).says("needs 1 earlier archive(s)");
    std::fs::remove_file(home.disk().join("mirror_000001.tar")).unwrap();
    home.run(&["describe", "disk"])
        .code(0)
        .says("working directory, no archive")
        .says("archive(s) made so far")
        .says("kind: ImageSetConfiguration");
}
