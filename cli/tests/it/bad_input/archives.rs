//! Archives that are missing, empty, cut, altered, or not archives.

use std::fs;

use test_support::Registry;

use super::{Site, leaves};
use crate::harness::Home;

/// `d2m_invalid_from: missing` and `empty dir`.
#[test]
fn a_folder_without_archives() {
    let destination = Registry::start_blocking();
    let home = Home::new();
    home.additional_images(["quay.io/ns/app:v1"]);
    let missing = home.to_mirror(destination.host(), &[]);
    insta::assert_snapshot!(missing.code(1).complaints(), @r#"[ERROR]  : [Executor] no tar archives matching "mirror_[0-9]{6}\\.tar" found in "HOME/disk"; there is no such folder: check the path behind `--from`"#);
    // Upstream's message stands on standard output.
    assert!(missing.stdout.contains(r#"no tar archives matching "mirror_[0-9]{6}\\.tar" found in ""#));
    let empty = home.to_mirror(destination.host(), &[]);
    assert!(empty.stdout.contains(r#"no tar archives matching "mirror_[0-9]{6}\\.tar" found in ""#));
    empty.code(1);
    assert_eq!(destination.request_count(), 0, "nothing was there to be pushed");
}

/// `archive: first tar empty`.
#[test]
fn an_empty_archive_file() {
    let destination = Registry::start_blocking();
    let home = Home::new();
    home.additional_images(["quay.io/ns/app:v1"]);
    home.write("disk/mirror_000001.tar", "");
    let outcome = home.to_mirror(destination.host(), &[]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @r#"[ERROR]  : [Executor] empty archive file "HOME/disk/mirror_000001.tar"; bring this file again, and compare it with `oc-mirror archive verify`"#);
    assert!(outcome.stdout.contains("empty archive file"));
}

/// `archive: later tar empty`: what the files before it hold is not pushed either.
#[test]
fn a_later_archive_file_that_is_empty() {
    let (site, destination) = (Site::mirrored(), Registry::start_blocking());
    site.home.write("disk/mirror_000002.tar", "");
    let outcome = site.home.to_mirror(destination.host(), &[]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @r#"[ERROR]  : [Executor] empty archive file "HOME/disk/mirror_000002.tar"; bring this file again, and compare it with `oc-mirror archive verify`"#);
    assert!(outcome.stdout.contains("empty archive file"));
    assert_eq!(destination.bytes_received(), 0);
    fs::remove_file(site.home.disk().join("mirror_000002.tar")).unwrap();
    site.home.to_mirror(destination.host(), &[]).code(0);
}

/// Cut at every kind of place: in a header, in content, between entries.
#[test]
fn an_archive_that_was_cut() {
    let site = Site::mirrored();
    let path = site.home.disk().join("mirror_000001.tar");
    let whole = fs::read(&path).unwrap();
    fs::remove_dir_all(site.home.cache()).unwrap();
    let destination = Registry::start_blocking();
    let cut = |length: usize| {
        fs::write(&path, &whole[..length]).unwrap();
        let outcome = site.home.to_mirror(destination.host(), &[]);
        assert_eq!(destination.manifest("ns/app", "v1"), None, "pushed from {length} bytes");
        outcome
    };
    insta::assert_snapshot!(cut(100).code(1).complaints(), @"[ERROR]  : [Executor] error reading archive HOME/disk/mirror_000001.tar: truncated at byte 0: the entry there is not complete; bring this file again, and compare it with `oc-mirror archive verify`");
    insta::assert_snapshot!(cut(whole.len() / 2).code(1).complaints(), @"[ERROR]  : [Executor] error reading archive HOME/disk/mirror_000001.tar: truncated at byte 41984: the entry there is not complete; bring this file again, and compare it with `oc-mirror archive verify`");
    fs::write(&path, &whole).unwrap();
    site.home.to_mirror(destination.host(), &[]).code(0);
    assert_eq!(destination.manifest("ns/app", "v1").unwrap().digest, site.image.digest);
}

#[test]
fn something_that_is_no_archive() {
    let destination = Registry::start_blocking();
    let home = Home::new();
    home.additional_images(["quay.io/ns/app:v1"]);
    home.write("disk/mirror_000001.tar", "this is a text\n".repeat(1000));
    insta::assert_snapshot!(home.to_mirror(destination.host(), &[]).code(1).complaints(), @"[ERROR]  : [Executor] error reading archive HOME/disk/mirror_000001.tar: this is no tar file: byte 0: header field `checksum` is no number; bring this file again, and compare it with `oc-mirror archive verify`");
}

/// A flipped bit in a layer stops that blob, and with it the images that need it; their manifests are not pushed.
#[test]
fn a_flipped_bit_in_a_layer() {
    let site = Site::mirrored();
    let path = site.home.disk().join("mirror_000001.tar");
    let mut bytes = fs::read(&path).unwrap();
    let layer = &site.image.blobs.iter().max_by_key(|blob| blob.bytes.len()).unwrap();
    let at = bytes.windows(64).position(|window| window == &layer.bytes[1000..1064]).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_dir_all(site.home.cache()).unwrap();
    let destination = Registry::start_blocking();
    let outcome = site.home.to_mirror(destination.host(), &["--retry-times=2"]);
    insta::assert_snapshot!(outcome.code(8).complaints(), @"
    [ERROR]  : [Worker] error mirroring image 127.0.0.1:PORT/ns/app:v1 error: blob sha256:HEX in HOME/disk/mirror_000001.tar is damaged (it does not have its digest), so nothing that needs it was pushed: 127.0.0.1:PORT/ns/app:v1; bring the archive file again. pushing blob `sha256:HEX` to `127.0.0.1:PORT/ns/app`: digest mismatch: the content to push has digest `sha256:HEX`, expected `sha256:HEX` (after 2 attempts)
    [ERROR]  : [Executor] [Worker] some errors occurred during the mirroring. Please review HOME/disk/working-dir/logs/mirroring_errors_TIME.txt for a list of mirroring errors. You may consider:
    * removing images or operators that cause the error from the image set config, and retrying
    * keeping the image set config (images are mandatory for you), and retrying
    * mirroring the failing images manually, if retries also fail.
    Fix the causes above first; the same run would fail again.
    ");
    assert_eq!(destination.manifest("ns/app", "v1"), None);
    assert!(destination.blob(&layer.digest).is_none());
    assert_eq!(destination.unfinished_uploads(), 0);
    leaves(&site.home, &["mirror_000001.tar"]);
}

/// A flipped bit in a manifest is found before anything is pushed.
#[test]
fn a_flipped_bit_in_a_manifest() {
    let site = Site::mirrored();
    let path = site.home.disk().join("mirror_000001.tar");
    let mut bytes = fs::read(&path).unwrap();
    let manifest = &site.image.bytes;
    let at = bytes.windows(manifest.len()).position(|window| window == &manifest[..]).unwrap();
    bytes[at + 30] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_dir_all(site.home.cache()).unwrap();
    let destination = Registry::start_blocking();
    let outcome = site.home.to_mirror(destination.host(), &[]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @"[ERROR]  : [Executor] archive HOME/disk/mirror_000001.tar is damaged: content of sha256:HEX has digest sha256:HEX; bring this file again, and compare it with `oc-mirror archive verify`");
    assert_eq!(destination.bytes_received(), 0);
}

/// Files that are not ours are left alone, in both directions.
#[test]
fn foreign_files_in_the_folder() {
    let (site, destination) = (Site::new(), Registry::start_blocking());
    let foreign = ["disk/notes.txt", "disk/mirror_seq1_000000.tar", "disk/mirror_1.tar", "disk/other.tar"];
    for name in foreign {
        site.home.write(name, "not yours");
    }
    site.home.to_disk(&[]).code(0);
    let outcome = site.home.to_mirror(destination.host(), &[]);
    outcome.code(0);
    assert_eq!(outcome.complaints(), "");
    for name in foreign {
        assert_eq!(fs::read_to_string(site.home.path().join(name)).unwrap(), "not yours", "{name}");
    }
}
