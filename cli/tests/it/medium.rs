//! Disk to mirror from a medium: one that cannot be written to, one with its working directory elsewhere, and none at all.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::{Home, resources, walk};

/// The user and group `nobody`, who cannot write what root made.
const NOBODY: u32 = 65_534;

/// A home whose `disk` holds an archive of one image, and nothing else.
fn burned(source: &Registry) -> Home {
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.to_disk(&[]).code(0);
    fs::remove_dir_all(home.disk().join("working-dir")).unwrap();
    home
}

fn forbid_writing(folder: &Path) {
    for path in walk(folder) {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
}

#[test]
fn a_workspace_beside_from_takes_the_working_directory() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let home = burned(&source);
    let before = walk(&home.disk());
    let (from, to) = (format!("file://{}", home.disk().display()), format!("docker://{}", destination.host()));
    for workspace in ["ws", "ws/working-dir"] {
        let workspace = format!("file://{}", home.path().join(workspace).display());
        let args = ["-c", "isc.yaml", "--from", &from, "--workspace", &workspace, &to, "--dest-tls-verify=false"];
        let found = home.run(&args);
        found.code(0).says(&format!(
            "the cluster resources are in `{}/ws/working-dir/cluster-resources`",
            home.path().display()
        ));
        assert_eq!(walk(&home.disk()), before, "nothing is written on the medium");
        assert!(!resources::read(&home.path().join("ws/working-dir")).is_empty());
    }
    assert_eq!(destination.tags("ns/app"), ["v1"]);
}

#[test]
fn a_medium_that_cannot_be_written_to() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let home = burned(&source);
    let cache = home.path().join("cache");
    fs::create_dir(&cache).unwrap();
    forbid_writing(&home.disk());
    let (from, to) = (format!("file://{}", home.disk().display()), format!("docker://{}", destination.host()));
    let args = ["-c", "isc.yaml", "--from", &from, &to, "--dest-tls-verify=false", "--cache-dir=cache"];
    let mut command = home.command(&args);
    // Root may write everywhere.
    if chown(&cache, Some(NOBODY), Some(NOBODY)).is_ok() {
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return println!("skipped: nobody may not run the program: {error}"),
    };
    let found = home.outcome(&output);
    let name = home.disk().display().to_string().trim_matches('/').replace('-', "--").replace('/', "-");
    let working_dir = cache.join(".oc-mirror/.cache/workspaces").join(name).join("working-dir");
    found
        .code(0)
        .says(&format!("cannot be written to: the working directory is `{}`", working_dir.display()))
        .says(&format!("the cluster resources are in `{}`", working_dir.join("cluster-resources").display()));
    assert_eq!(destination.tags("ns/app"), ["v1"]);
    assert!(!resources::read(&working_dir).is_empty());
}

/// A mistyped `--from` is named, and leaves no tree behind.
#[test]
fn a_mistyped_folder_stays_as_it_is() {
    let source = Registry::start_blocking();
    let home = burned(&source);
    fs::create_dir(home.path().join("empty")).unwrap();
    let before = home.files();
    let check = |from: &str, advice: &str| {
        let args = ["-c", "isc.yaml", "--from", from, "docker://registry.invalid:5000", "--output=json"];
        let found = home.run(&args);
        found.code(1).says(advice);
        let document: serde_json::Value = serde_json::from_str(&found.stdout).expect("one document");
        assert_eq!(document["exitCode"], 1);
        assert_eq!(home.files(), before, "{from}");
    };
    check("file://dsik", "there is no such folder: check the path behind `--from`");
    check("file://empty", "`--from` takes the folder that holds `mirror_000001.tar`");
    check("file://disk/mirror_000001.tar", "`--from` takes the folder of the archive, not its file");
    assert!(!home.path().join("dsik").exists());
    assert_eq!(fs::read_dir(home.path().join("empty")).unwrap().count(), 0);
    // What is there and no archive is called that.
    home.write("text/mirror_000001.tar", "this is no tar file, but it is longer than nothing");
    let found = home.run(&["-c", "isc.yaml", "--from", "file://text", "docker://registry.invalid:5000"]);
    found.code(1).says("error reading archive").says("text/mirror_000001.tar");
}
