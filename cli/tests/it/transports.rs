//! Additional images that lie in no registry: OCI layouts by ourselves, other transports by `skopeo`.

use std::process::Command;

use test_support::{ImageBuilder, IndexBuilder, Layer, Registry};

use crate::harness::Home;

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
