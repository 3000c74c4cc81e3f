//! Media, workspaces and caches that other users can change are told, and used all the same.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use test_support::Registry;

use super::Site;

#[test]
fn folders_that_others_can_write_to_are_told() {
    let (site, destination) = (Site::mirrored(), Registry::start_blocking());
    let load = || site.home.to_mirror(destination.host(), &[]);
    assert_eq!(load().code(0).complaints(), "");
    let open = |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    for folder in [site.home.disk(), site.home.disk().join("working-dir"), site.home.cache()] {
        open(&folder, 0o777);
        let told = format!("every user of this machine can write to `{}` (mode 0777)", folder.display());
        load().code(0).says(&told);
        open(&folder, 0o755);
    }
    assert_eq!(load().code(0).complaints(), "");

    // What is listed and verified, and what says what to delete.
    let (disk, workspace) = (site.home.disk().display().to_string(), format!("file://{}", site.home.disk().display()));
    let to = format!("docker://{}", destination.host());
    let archive = |command: &str| site.home.run(&["archive", command, &disk]);
    let text = std::fs::read_to_string(site.home.path().join("isc.yaml")).unwrap();
    let text = text.replace("ImageSetConfiguration", "DeleteImageSetConfiguration").replace("mirror:", "delete:");
    site.home.write("disc.yaml", text);
    let first = || site.home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]);
    let list = site.home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
    let second = || {
        site.home.run(&["delete", "--delete-yaml-file", &list, "--dest-tls-verify=false", "--force-cache-delete", &to])
    };
    let told = |folder: &Path, done: &str| {
        format!(
            "every user of this machine can write to `{}` (mode 0777) and can change what is {done}",
            folder.display()
        )
    };
    open(&site.home.disk(), 0o777);
    for command in ["list", "verify"] {
        archive(command).code(0).says(&told(&site.home.disk(), "loaded"));
    }
    open(&site.home.disk(), 0o755);
    for folder in [site.home.disk().join("working-dir"), site.home.cache()] {
        open(&folder, 0o777);
        first().code(0).says(&told(&folder, "deleted"));
        open(&folder, 0o755);
    }
    first().code(0);
    for folder in [site.home.disk().join("working-dir/delete"), site.home.cache()] {
        open(&folder, 0o777);
        second().code(0).says(&told(&folder, "deleted"));
        open(&folder, 0o755);
        load().code(0);
    }

    // Only root can give a folder away.
    if std::fs::metadata(site.home.path()).unwrap().uid() == 0 {
        chown(site.home.disk(), Some(12_345), None).unwrap();
        load().code(0).says("belongs to user 12345, and this run is user 0");
    }
}
