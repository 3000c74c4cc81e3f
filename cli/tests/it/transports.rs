//! Additional images that lie in no registry: OCI layouts by ourselves, other transports by `skopeo`.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;

use test_support::{Image, ImageBuilder, IndexBuilder, Layer, Registry};

use crate::harness::{Home, resources};
use crate::operators::write_layout;

/// Copies with `skopeo`; false when it is not installed, and then there is nothing to test.
fn skopeo(args: &[&str]) -> bool {
    let Ok(done) = Command::new("skopeo").arg("--insecure-policy").arg("copy").args(args).output() else {
        return false;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    true
}

#[test]
fn in_all_modes() {
    let source = Registry::start_blocking();
    let list = IndexBuilder::docker().architectures(&["amd64", "arm64"], 3, 40_000).build();
    let one = ImageBuilder::docker().layer(Layer::random(1, 300_000)).build();
    source.push("ns/list", "v1", &list);
    source.push("ns/one", "v1", &one);
    let home = Home::new();
    let place = |name: &str| home.path().join(name).display().to_string();
    let from = |name: &str| format!("docker://{}/ns/{name}:v1", source.host());
    let (dir, layout) = (place("list-dir"), place("one-oci"));
    let (oci_archive, docker_archive) = (place("one.oci.tar"), place("one.tar"));
    let plain = "--src-tls-verify=false";
    for (name, to) in [
        ("list", format!("dir:{dir}")),
        ("one", format!("oci:{layout}:v1")),
        ("one", format!("oci-archive:{oci_archive}")),
        ("one", format!("docker-archive:{docker_archive}:one:v1")),
    ] {
        if !skopeo(&["--all", plain, &from(name), &to]) {
            return;
        }
    }
    home.configuration(&format!(
        "additionalImages:\n- name: dir://{dir}\n  targetRepo: t/list\n- name: oci://{layout}\n  targetRepo: t/layout\n\
         - name: oci-archive://{oci_archive}\n  targetRepo: t/oci\n- name: docker-archive://{docker_archive}\n  targetRepo: t/docker\n"
    ));
    let check = |destination: &Registry| {
        let root = destination.manifest("t/list", "latest").expect("the list is there");
        assert_eq!((root.digest, root.bytes), (list.digest.clone(), list.bytes.clone()), "byte by byte");
        for child in &list.children {
            assert!(destination.manifest("t/list", &child.digest.to_string()).is_some());
        }
        for name in ["t/layout", "t/oci", "t/docker"] {
            assert!(destination.manifest(name, "latest").is_some(), "{name}");
        }
    };
    home.to_disk(&[]).code(0);
    assert!(!home.cache().join("skopeo").exists(), "what skopeo wrote is removed");
    let loaded = Registry::start_blocking();
    home.to_mirror(loaded.host(), &[]).code(0);
    check(&loaded);

    let direct = Registry::start_blocking();
    home.mirror_to_mirror(direct.host(), &[]).code(0);
    check(&direct);
    assert_eq!(loaded.snapshot().manifests, direct.snapshot().manifests);
}

/// The storage of containers that `CONTAINERS_STORAGE_CONF` names reaches `skopeo`, and with it the image.
#[test]
fn containers_storage() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::docker().layer(Layer::random(1, 300_000)).build());
    let home = Home::new();
    let place = |name: &str| home.path().join(name).display().to_string();
    let conf = home.write(
        "storage.conf",
        format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n", place("graph"), place("run")),
    );
    let from = format!("docker://{}/ns/app:v1", source.host());
    let stored = Command::new("skopeo")
        .args(["--insecure-policy", "copy", "--src-tls-verify=false", &from, "containers-storage:localhost/ns/app:v1"])
        .env("CONTAINERS_STORAGE_CONF", &conf)
        .output();
    match stored {
        Ok(output) if output.status.success() => {}
        Ok(output) => return println!("skipped: no storage: {}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => return println!("skipped: skopeo is not installed"),
    }
    home.additional_images(["containers-storage://localhost/ns/app:v1"]);
    let without = home.to_disk(&[]);
    without.says("`skopeo copy containers-storage:localhost/ns/app:v1` failed");
    let home = home.variable("CONTAINERS_STORAGE_CONF", conf);
    home.configuration("additionalImages:\n- name: containers-storage://localhost/ns/app:v1\n  targetRepo: t/stored\n");
    home.to_disk(&[]).code(0);
    let loaded = Registry::start_blocking();
    home.to_mirror(loaded.host(), &[]).code(0);
    assert_eq!(loaded.tags("t/stored"), ["latest"]);
}

/// Layouts that share the folder of their blobs.
#[test]
fn layouts_with_shared_blobs() {
    let (home, destination) = (Home::new(), Registry::start_blocking());
    let (shared, mut body) = (home.path().join("shared/sha256"), "additionalImages:\n".to_owned());
    std::fs::create_dir_all(&shared).unwrap();
    let images =
        [1, 2].map(|seed| ImageBuilder::oci().layer(Layer::random(7, 9000)).layer(Layer::random(seed, 9000)).build());
    for (number, image) in images.iter().enumerate() {
        let folder = home.path().join(format!("layout{number}"));
        write_layout(&folder, image);
        for blob in std::fs::read_dir(folder.join("blobs/sha256")).unwrap() {
            let blob = blob.unwrap();
            std::fs::rename(blob.path(), shared.join(blob.file_name())).unwrap();
        }
        writeln!(body, "- name: oci://{}\n  targetRepo: t/{number}", folder.display()).unwrap();
    }
    home.configuration(&body);
    let without = home.to_disk(&[]);
    without.code(8).says("cannot read `").says("layout0/blobs/sha256/").says("No such file or directory");
    home.to_disk(&["--src-shared-blob-dir=shared"]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    for (number, image) in images.iter().enumerate() {
        assert_eq!(destination.manifest(&format!("t/{number}"), "latest").unwrap().digest, image.digest);
    }
}

/// What has no name but its place is called by it (`docs/behaviour/config-cli.md` 4.3 and 4.8), and has its entry in no
/// file of mirrors, as no cluster asks for it.
#[test]
fn places_are_names() {
    let (home, destination) = (Home::new(), Registry::start_blocking());
    let image = ImageBuilder::oci().layer(Layer::random(1, 9000)).build();
    write_layout(&home.path().join("srv/img/app"), &image);
    home.additional_images(["oci://srv/img/app"]);
    home.to_disk(&[]).code(0);
    home.to_mirror(&format!("{}/d", destination.host()), &[]).code(0);
    home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
    assert_eq!(destination.repositories(), ["d/srv/img/app", "m/srv/img/app"]);
    for (namespace, folder) in [("d", home.disk()), ("m", home.workspace())] {
        let repository = format!("{namespace}/srv/img/app");
        assert_eq!(destination.tags(&repository), ["latest"]);
        assert_eq!(destination.manifest(&repository, "latest").unwrap().digest, image.digest);
        assert!(resources::read(&folder.join("working-dir")).is_empty());
    }
    // A place without `//` is a reference, and none that there is.
    for name in ["docker-archive:/srv/app.tar", "oci:/srv/img/app"] {
        home.additional_images([name]);
        home.to_disk(&[]).code(8).says("mirror.additionalImages[0].name: ");
    }
}

/// Layouts as people have them: several images in one, relative paths, blanks, and no file `oci-layout`.
#[test]
fn layouts_as_people_have_them() {
    let images = [1, 2].map(|seed| ImageBuilder::oci().layer(Layer::random(seed, 9000)).build());
    let check = |folder: &str, name: &str, repository: &str, tag: &str, wanted: usize| {
        let (home, destination) = (Home::new(), Registry::start_blocking());
        let place = home.path().join(folder);
        write_named(&place, &[(&images[0], "v1"), (&images[1], "quay.io/ns/two:v2")]);
        std::fs::remove_file(place.join("oci-layout")).unwrap();
        home.additional_images([name.replace("HOME", home.path().to_str().unwrap())]);
        let repository = repository.replace("HOME", home.path().to_str().unwrap().trim_start_matches('/'));
        let repository = repository.to_lowercase().replace("/.tmp", "/tmp");
        home.to_disk(&[]).code(0);
        home.to_mirror(&format!("{}/d", destination.host()), &[]).code(0);
        home.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        for namespace in ["d", "m"] {
            let repository = format!("{namespace}/{repository}");
            let found = destination.manifest(&repository, tag).map(|manifest| manifest.digest);
            assert_eq!(found.as_ref(), Some(&images[wanted].digest), "{name}: {:?}", destination.repositories());
        }
    };
    check("two", "oci://two:v1", "two", "v1", 0);
    check("two", "oci://./two:quay.io/ns/two:v2", "two", "v2", 1);
    check("My Images/two", "oci://My Images/two:v1", "my-images/two", "v1", 0);
    check("two", "oci://HOME/two:v1", "HOME/two", "v1", 0);
}

/// The advice for a layout with several images works as it is written.
#[test]
fn each_choice_that_a_message_offers_works() {
    let home = Home::new();
    let images = [1, 2].map(|seed| ImageBuilder::oci().layer(Layer::random(seed, 9000)).build());
    write_named(&home.path().join("two"), &[(&images[0], "v1"), (&images[1], "v2")]);
    home.additional_images(["oci://two"]);
    let refused = home.to_disk(&[]);
    let line = refused.code(8).line_with("`two` holds 2 images; write which one: ").expect("it says which there are");
    let offered: Vec<&str> = line.split('`').filter(|text| text.starts_with("oci://two:")).collect();
    assert_eq!(offered, ["oci://two:v1", "oci://two:v2"]);
    home.additional_images(offered);
    home.to_disk(&[]).code(0);
}

/// A layout of named images.
fn write_named(folder: &std::path::Path, images: &[(&Image, &str)]) {
    let mut entries = Vec::new();
    for (image, name) in images {
        write_layout(folder, image);
        entries.push(serde_json::json!({
            "mediaType": image.media_type, "digest": image.digest.to_string(), "size": image.bytes.len(),
            "annotations": { "org.opencontainers.image.ref.name": name },
        }));
    }
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": entries });
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
}

/// A docker daemon that has one image to give, as the archive `tar`; where it listens.
fn docker_daemon(tar: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).is_ok_and(|read| read > 0) {}
            // Newer versions of skopeo ask for the version of the interface first.
            let asked = head.contains("/images/get?names=ns%2Fapp%3Av1 ");
            let body = if asked { &tar[..] } else { b"OK" };
            let head = "HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nConnection: close\r\nContent-Length:";
            let mut stream = stream.into_inner();
            let _ = write!(stream, "{head} {}\r\n\r\n", body.len()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

/// The docker daemon that `DOCKER_HOST` or `--src-daemon-host` names is asked; one that is not there is named.
#[test]
fn of_a_docker_daemon() {
    let source = Registry::start_blocking();
    let image = ImageBuilder::docker().layer(Layer::random(1, 300_000)).build();
    source.push("ns/app", "v1", &image);
    // A daemon keeps no manifest, only what it leads to.
    let config = |manifest: &[u8]| {
        let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        manifest["config"]["digest"].as_str().unwrap().to_owned()
    };
    let files = Home::new();
    let (tar, from) = (files.path().join("app.tar"), format!("docker://{}/ns/app:v1", source.host()));
    if !skopeo(&["--src-tls-verify=false", &from, &format!("docker-archive:{}:ns/app:v1", tar.display())]) {
        return println!("skipped: skopeo is not installed");
    }
    let address = docker_daemon(std::fs::read(tar).unwrap());
    let nowhere = format!("unix://{}", files.path().join("nowhere.sock").display());
    let check = |variable: &str, flag: Option<&str>, refused: &str| {
        let home = Home::new().variable("DOCKER_HOST", variable);
        home.configuration("additionalImages:\n- name: docker-daemon://ns/app:v1\n  targetRepo: t/app\n");
        let flag = flag.map(|host| format!("--src-daemon-host={host}"));
        let outcome = home.to_disk(&flag.iter().map(String::as_str).collect::<Vec<_>>());
        if !refused.is_empty() {
            outcome.code(8).says("`skopeo copy docker-daemon:ns/app:v1` failed").says(refused);
            return;
        }
        outcome.code(0);
        let destination = Registry::start_blocking();
        home.to_mirror(destination.host(), &[]).code(0);
        let manifest = destination.manifest("t/app", "latest").expect("the image is there");
        assert_eq!(config(&manifest.bytes), config(&image.bytes), "{variable} {flag:?}");
    };
    check(&format!("tcp://{address}"), None, "");
    check(&format!("http://{address}"), None, "");
    check(&nowhere, Some(&format!("http://{address}")), "");
    check(&nowhere, None, &format!("Cannot connect to the Docker daemon at {nowhere}"));
    check("", Some(&nowhere), &format!("Cannot connect to the Docker daemon at {nowhere}"));
}

#[test]
fn what_cannot_be_read_says_why() {
    let home = Home::new().variable("PATH", "/nowhere");
    home.additional_images(["docker-archive:///absent.tar"]);
    let without = home.to_disk(&[]);
    without.says("read with the program `skopeo`, which is not on PATH");
    let home = Home::new();
    home.additional_images(["docker-archive:///absent.tar"]);
    if skopeo(&["--help"]) {
        let with = home.to_disk(&[]);
        with.says("`skopeo copy docker-archive:/absent.tar` failed").says("no such file or directory");
    }
}
