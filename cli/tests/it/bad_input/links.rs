//! Links and special files that somebody left in a workspace, in a cache or on a medium: they are not followed, they do not
//! make a run wait, and the run says what to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::Registry;

use super::Site;
use crate::harness::{Home, Outcome, plain, walk};

/// What a link leads to.
#[derive(Clone, Copy, PartialEq)]
enum To {
    Folder,
    File,
    /// To a file that is not there: following the link would make one.
    Nothing,
}

/// What belongs to the operator and is none of a run's business: `outside/mine`, and nothing beside it.
struct Outside(PathBuf);

impl Outside {
    fn of(home: &Home) -> Self {
        let folder = home.path().join("outside");
        fs::create_dir(&folder).unwrap();
        fs::create_dir(folder.join("tmp")).unwrap();
        fs::write(folder.join("mine"), "mine").unwrap();
        Self(folder)
    }

    /// Puts a link in the place of whatever lies at `path`.
    fn link(&self, path: &Path, to: To) {
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if path.exists() {
            fs::remove_file(path).unwrap();
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let target = match to {
            To::Folder => self.0.clone(),
            To::File => self.0.join("mine"),
            To::Nothing => self.0.join("new"),
        };
        symlink(target, path).unwrap();
    }

    #[track_caller]
    fn is_untouched(&self, what: &str) {
        assert_eq!(walk(&self.0), [self.0.join("mine")], "{what}");
        assert_eq!(fs::read_to_string(self.0.join("mine")).unwrap(), "mine", "{what}");
        assert!(self.0.join("tmp").is_dir(), "{what}");
    }
}

/// Places in the working directory that every run writes to, with what a link there leads to.
const EVERY_RUN: &[(&str, To)] = &[
    ("working-dir", To::Folder),
    (".working-dir.lock", To::File),
    (".working-dir.lock", To::Nothing),
    ("working-dir/logs", To::Folder),
    ("working-dir/signatures", To::Folder),
    ("working-dir/helm", To::Folder),
    ("working-dir/hold-release", To::Folder),
    ("working-dir/operator-catalogs", To::Folder),
    ("working-dir/cluster-resources", To::Folder),
];

/// The run ends with exit code 1 and words about the link, and nothing came of it where the link leads.
#[track_caller]
fn refuses(outcome: &Outcome, outside: &Outside, what: &str) {
    let said = plain(&format!("{}{}", outcome.stdout, outcome.stderr));
    assert_eq!(outcome.code, Some(1), "{what}:\n{said}");
    assert!(said.contains("is a symbolic link, and oc-mirror follows no links there; "), "{what}:\n{said}");
    outside.is_untouched(what);
}

#[test]
fn mirror_to_disk_follows_none_of_the_working_directory() {
    let own = [
        ("working-dir/.history", To::Folder),
        ("working-dir/.history/.partial", To::File),
        ("working-dir/.history/.partial", To::Nothing),
        ("working-dir/.history/.history-2026-01-01T00:00:00Z", To::File),
    ];
    for (place, to) in EVERY_RUN.iter().chain(&own) {
        let site = Site::new();
        let outside = Outside::of(&site.home);
        outside.link(&site.home.disk().join(place), *to);
        refuses(&site.home.to_disk(&[]), &outside, place);
    }
}

#[test]
fn disk_to_mirror_follows_none_of_the_working_directory() {
    let site = Site::mirrored();
    let outside = Outside::of(&site.home);
    let destination = Registry::start_blocking();
    for (place, to) in EVERY_RUN {
        let path = site.home.disk().join(place);
        outside.link(&path, *to);
        refuses(&site.home.to_mirror(destination.host(), &[]), &outside, place);
        fs::remove_file(path).unwrap();
    }
    site.home.to_mirror(destination.host(), &[]).code(0);
}

#[test]
fn mirror_to_mirror_follows_none_of_the_working_directory() {
    let site = Site::new();
    let outside = Outside::of(&site.home);
    let destination = Registry::start_blocking();
    for (place, to) in EVERY_RUN {
        let path = site.home.workspace().join(place);
        outside.link(&path, *to);
        refuses(&site.home.mirror_to_mirror(destination.host(), &[]), &outside, place);
        fs::remove_file(path).unwrap();
    }
    site.home.mirror_to_mirror(destination.host(), &[]).code(0);
}

/// Places in the cache that every run writes to.
const CACHE: &[(&str, To)] = &[
    ("oc-mirror.lock", To::File),
    ("oc-mirror.lock", To::Nothing),
    ("partial", To::Folder),
    ("partial/tmp", To::Folder),
    ("docker", To::Folder),
    ("docker/registry/v2/blobs", To::Folder),
    ("docker/registry/v2/repositories", To::Folder),
];

#[test]
fn nobody_follows_links_in_the_cache() {
    let site = Site::mirrored();
    let outside = Outside::of(&site.home);
    let destination = Registry::start_blocking();
    for (place, to) in CACHE {
        let path = site.home.cache().join(place);
        outside.link(&path, *to);
        refuses(&site.home.to_disk(&[]), &outside, place);
        refuses(&site.home.to_mirror(destination.host(), &[]), &outside, place);
        refuses(&site.home.mirror_to_mirror(destination.host(), &[]), &outside, place);
        fs::remove_file(path).unwrap();
    }
    site.home.to_disk(&[]).code(0);
    // Deeper places concern one image.
    let shard = site.home.cache().join("docker/registry/v2/blobs/sha256").join(&site.image.digest.hex()[..2]);
    outside.link(&shard, To::Folder);
    let outcome = site.home.to_disk(&[]);
    assert_ne!(outcome.code, Some(0));
    outcome.says("is a symbolic link, and oc-mirror follows no links there");
    outside.is_untouched("blobs");
}

/// Files that a run replaces: the link goes, and what it led to stays.
#[test]
fn links_in_place_of_files_that_are_replaced_go() {
    let site = Site::mirrored();
    let outside = Outside::of(&site.home);
    let destination = Registry::start_blocking();
    let resources = site.home.disk().join("working-dir/cluster-resources");
    let itms = resources.join("itms-oc-mirror.yaml");
    outside.link(&itms, To::File);
    site.home.to_mirror(destination.host(), &[]).code(0);
    assert!(fs::symlink_metadata(&itms).unwrap().is_file());
    outside.is_untouched("itms-oc-mirror.yaml");

    let version = site.home.disk().join("working-dir/internal/oc-mirror-version.json");
    outside.link(&version, To::File);
    site.home.to_disk(&[]).code(0);
    assert!(fs::symlink_metadata(&version).unwrap().is_file());
    outside.is_untouched("oc-mirror-version.json");

    let rehearsal = site.home.disk().join("working-dir/dry-run");
    outside.link(&rehearsal, To::Folder);
    refuses(&site.home.to_disk(&["--dry-run"]), &outside, "dry-run");
}

#[test]
fn the_lists_of_delete_follow_no_link() {
    let site = Site::mirrored();
    let outside = Outside::of(&site.home);
    let text = format!(
        "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  additionalImages:\n  - \
         name: {}/ns/app:v1\n",
        site.source.host()
    );
    site.home.write("delete.yaml", text);
    let workspace = format!("file://{}", site.home.disk().display());
    let generate = || {
        let args = ["delete", "-c", "delete.yaml", "--generate", "--workspace", &workspace, "docker://reg.invalid/m"];
        site.home.run(&args)
    };
    let folder = site.home.disk().join("working-dir/delete");
    for (place, to) in EVERY_RUN.iter().chain(&[("working-dir/delete", To::Folder)]) {
        let path = site.home.disk().join(place);
        outside.link(&path, *to);
        refuses(&generate(), &outside, place);
        fs::remove_file(path).unwrap();
        site.home.to_disk(&[]).code(0);
    }
    outside.link(&folder.join("delete-images.yaml"), To::File);
    generate().code(0);
    assert!(fs::symlink_metadata(folder.join("delete-images.yaml")).unwrap().is_file());
    outside.is_untouched("delete-images.yaml");
}

#[test]
fn pipes_in_place_of_files_do_not_hang() {
    let site = Site::mirrored();
    let working_dir = site.home.disk().join("working-dir");
    for place in ["../.working-dir.lock", ".history/.partial", ".history/.history-2126-01-01T00:00:00Z"] {
        let path = working_dir.join(place);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let outcome = site.home.to_disk(&[]);
        outcome.code(1).says("is a named pipe where a regular file is needed; move it away and run again");
        fs::remove_file(&path).unwrap();
    }
}

/// An operator names the folders of the archive and of the cache: they may be links.
#[test]
fn roots_may_be_links() {
    let site = Site::new();
    for (link, target) in [(site.home.disk(), "big/disk"), (site.home.cache(), "big/cache")] {
        let target = site.home.path().join(target);
        fs::create_dir_all(&target).unwrap();
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
    }
    site.home.to_disk(&[]).code(0);
    let destination = Registry::start_blocking();
    site.home.to_mirror(destination.host(), &[]).code(0);
    assert!(site.home.path().join("big/disk/mirror_000001.tar").is_file());
    assert!(site.home.path().join("big/cache/docker").is_dir());
}
