//! What an archive may bring to the receiving side, and what hidden or additional files beside it may change.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use test_support::{ImageBuilder, Layer, Registry};

use super::Site;
use crate::harness::{Home, Outcome, plain};
use crate::tape::{Entry, read, write};

/// Adds entries to the archive of a mirrored site, before the configuration that ends it.
fn add(site: &Site, added: Vec<Entry>) {
    let path = site.home.disk().join("mirror_000001.tar");
    let mut entries = read(&path);
    let tail = entries.pop().unwrap();
    entries.extend(added);
    entries.push(tail);
    write(&path, &entries);
}

fn load(site: &Site, destination: &Registry) -> Outcome {
    site.home.to_mirror(destination.host(), &[])
}

#[test]
fn files_of_the_receiving_side_stay_as_they_are() {
    let own = [
        "delete/delete-images.yaml",
        "delete/delete-imageset-config.yaml",
        "logs/oc-mirror-20260101_000000.log",
        "logs/oc-mirror-20260101_000000.json",
        "dry-run/mapping.txt",
        ".history/.history-2026-01-01T00:00:00Z",
        "isc_pinned_2026-01-01T00:00:00Z.yaml",
        "notes.txt",
    ];
    let other = [
        "delete/new.yaml",
        "cluster-resources/new.yaml",
        "logs/new.log",
        ".history/.history-2126-01-01T00:00:00Z",
        ".bashrc",
        "new/file",
    ];
    let brought = [
        "signatures/4.16.0-x86_64-sha256-00",
        "lookaside/quay.io/a@sha256=00/signature-1",
        "hold-release/cincinnati-graph-data/amd64-stable-4.16.json",
        "operator-catalogs/index/00/filtered-catalogs/00/digest",
        "helm/charts/a-1.tgz",
        "disc_pinned_2026-01-01T00:00:00Z.yaml",
    ];
    let site = Site::mirrored();
    let names = own.iter().chain(&other).chain(&brought);
    add(&site, names.map(|name| Entry::file(&format!("working-dir/{name}"), "theirs")).collect());
    let working_dir = site.home.disk().join("working-dir");
    for name in own {
        let path = working_dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "ours").unwrap();
    }
    load(&site, &Registry::start_blocking()).code(0);
    for name in own {
        assert_eq!(fs::read_to_string(working_dir.join(name)).unwrap(), "ours", "{name}");
    }
    for name in other {
        assert!(!working_dir.join(name).exists(), "{name}");
    }
    for name in brought {
        assert_eq!(fs::read_to_string(working_dir.join(name)).unwrap(), "theirs", "{name}");
    }
}

#[test]
fn only_tags_of_the_plan_enter_the_cache() {
    let site = Site::new();
    let other = ImageBuilder::oci().layer(Layer::random(50, 7000)).build();
    site.source.push("ns/other", "v1", &other);
    let host = site.source.host();
    site.home.additional_images([format!("{host}/ns/app:v1"), format!("{host}/ns/other:v1")]);
    site.home.to_disk(&[]).code(0);
    let app = site.image.digest.to_string();
    let tag = |repository: &str, tag: &str| {
        let name = format!("docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}/current/link");
        Entry::file(&name, app.as_str())
    };
    let signature = format!("{}.sig", app.replace(':', "-"));
    add(&site, vec![tag("ns/app", "v2"), tag("ns/app", &signature), tag("openshift/release-images", "4.16.0-x86_64")]);
    fs::remove_dir_all(site.home.cache()).unwrap();
    site.home.additional_images([format!("{host}/ns/app:v1")]);
    let destination = Registry::start_blocking();
    load(&site, &destination).code(0);
    let tags = |repository: &str| {
        let folder = site.home.cache().join("docker/registry/v2/repositories").join(repository).join("_manifests/tags");
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(tags("ns/app"), [signature, "v1".to_owned()]);
    assert!(tags("ns/other").is_empty());
    assert!(tags("openshift/release-images").is_empty());
}

#[test]
fn logs_do_not_travel() {
    let site = Site::mirrored();
    let logs = site.home.disk().join("working-dir/logs");
    assert!(fs::read_dir(&logs).unwrap().count() > 0);
    fs::write(logs.join("mirroring_errors_20260101_000000.txt"), "secret").unwrap();
    site.home.to_disk(&[]).code(0);
    let entries = read(&site.home.disk().join("mirror_000001.tar"));
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert!(names.iter().any(|name| name.starts_with("working-dir/")), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("/logs/")), "{names:?}");
}

/// An entry of zeros takes no room on a medium; extracted, it takes none either.
#[test]
fn holes_stay_holes() {
    let site = Site::mirrored();
    let size = 512 << 20;
    add(&site, vec![Entry { bytes: vec![0; size], ..Entry::file("working-dir/helm/charts/zeros.tgz", "") }]);
    load(&site, &Registry::start_blocking()).code(0);
    let zeros = fs::metadata(site.home.disk().join("working-dir/helm/charts/zeros.tgz")).unwrap();
    assert_eq!(zeros.len(), size as u64);
    let on_disk = std::os::unix::fs::MetadataExt::blocks(&zeros) * 512;
    assert!(on_disk < 1 << 20, "{on_disk} bytes on disk");
}

/// A site with the archive of `ns/app`, and beside it the same archive with another file in its working directory.
fn with_second_archive(name: &str) -> Site {
    let site = Site::mirrored();
    let disk = site.home.disk();
    let mut entries = read(&disk.join("mirror_000001.tar"));
    entries.insert(0, Entry::file("working-dir/helm/charts/evil.tgz", "evil"));
    write(&disk.join(name), &entries);
    site
}

fn said(outcome: &Outcome) -> String {
    plain(&format!("{}{}", outcome.stdout, outcome.stderr))
}

#[test]
fn a_hidden_file_does_not_replace_a_file_of_the_archive_unseen() {
    let site = with_second_archive(".mirror_000001.tar.partial");
    // Without an announcement the hidden file is not read.
    let outcome = site.home.run(&["archive", "verify", "disk"]);
    assert!(!said(outcome.code(0)).contains("hidden"), "{}", said(&outcome));
    fs::write(site.home.disk().join(".mirror.commit"), "1\n").unwrap();
    let expected = "reading the new chunks: the hidden `.mirror_000001.tar.partial` instead of";
    site.home.run(&["archive", "verify", "disk"]).code(0).says(expected);
    site.home.run(&["archive", "list", "disk"]).code(0).says(expected);
    let destination = Registry::start_blocking();
    let outcome = site.home.to_mirror(destination.host(), &["--output=json"]);
    outcome.code(0).says(expected).says("remove `.mirror.commit` and run again");
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(document["warnings"].to_string().contains(".mirror_000001.tar.partial"), "{document:#}");
}

#[test]
fn a_second_file_of_one_number_is_told() {
    let site = with_second_archive("zz-mirror_000001.tar");
    let expected = "the files `mirror_000001.tar`, `zz-mirror_000001.tar` have one number";
    site.home.run(&["archive", "verify", "disk"]).says(expected);
    site.home.run(&["archive", "list", "disk"]).says(expected);
    let outcome = load(&site, &Registry::start_blocking());
    outcome
        .code(0)
        .says(expected)
        .says("occur again later; the last of each counts, which is in `zz-mirror_000001.tar`");
}

#[test]
fn commit_files_with_numbers_that_cannot_be() {
    for text in ["", "x", "0", "-1", "2", "999999", "1000000", "4294967295", "99999999999999999999", &"1".repeat(99)] {
        let site = Site::mirrored();
        let commit = site.home.disk().join(".mirror.commit");
        fs::write(&commit, text).unwrap();
        let expected = "`.mirror.commit` is not what oc-mirror writes";
        let destination = Registry::start_blocking();
        load(&site, &destination).code(1).says(expected).says("remove `.mirror.commit`, and run again");
        site.home.run(&["archive", "verify", "disk"]).code(1).says(expected);
        site.home.to_disk(&[]).code(1).says(expected);
        assert_eq!(site.home.archives(), ["mirror_000001.tar"], "{text}");
        fs::remove_file(commit).unwrap();
        load(&site, &destination).code(0);
    }
}

/// A chunk may be a link to a regular file; what cannot be a chunk is an error and does not make a run wait.
#[test]
fn what_lies_in_the_place_of_a_chunk() {
    let site = Site::mirrored();
    let chunk = site.home.disk().join("mirror_000001.tar");
    let moved = site.home.path().join("moved.tar");
    fs::rename(&chunk, &moved).unwrap();
    symlink(&moved, &chunk).unwrap();
    load(&site, &Registry::start_blocking()).code(0);
    let refused = |expected: &str| {
        load(&site, &Registry::start_blocking()).code(1).says(expected);
        site.home.run(&["archive", "verify", "disk"]).code(1).says(expected);
        fs::remove_file(&chunk).unwrap();
    };
    fs::remove_file(&chunk).unwrap();
    assert!(Command::new("mkfifo").arg(&chunk).status().unwrap().success());
    refused("is a named pipe where a regular file is needed");
    symlink("/dev/zero", &chunk).unwrap();
    refused("is a device where a regular file is needed");
    symlink(site.home.path(), &chunk).unwrap();
    refused("is a folder where a regular file is needed");
}

/// Hidden files that a run writes beside the archive are not written through links, and not waited for.
#[test]
fn links_in_the_place_of_hidden_files_of_the_archive() {
    let mine = |home: &Home| {
        let path = home.path().join("mine");
        fs::write(&path, "mine").unwrap();
        path
    };
    for name in [".mirror_000001.tar.partial", ".mirror.commit.partial"] {
        let site = Site::mirrored();
        let target = mine(&site.home);
        symlink(&target, site.home.disk().join(name)).unwrap();
        site.home.to_disk(&[]).code(0);
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine", "{name}");
        assert_eq!(site.home.archives(), ["mirror_000001.tar"], "{name}");
    }
    let site = Site::mirrored();
    let target = mine(&site.home);
    let commit = site.home.disk().join(".mirror.commit");
    symlink(target, &commit).unwrap();
    site.home.to_disk(&[]).code(1).says(".mirror.commit` is a symbolic link");
    fs::remove_file(&commit).unwrap();
    assert!(Command::new("mkfifo").arg(&commit).status().unwrap().success());
    site.home.to_disk(&[]).code(1).says("is a named pipe where a regular file is needed");
}
