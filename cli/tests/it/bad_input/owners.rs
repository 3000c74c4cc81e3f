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

    // Only root can give a folder away.
    if std::fs::metadata(site.home.path()).unwrap().uid() == 0 {
        chown(site.home.disk(), Some(12_345), None).unwrap();
        load().code(0).says("belongs to user 12345, and this run is user 0");
    }
}
