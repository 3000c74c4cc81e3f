//! `--check` and `--checksums`, and what a run that went well says comes next.

use std::process::Command;

use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::Home;

/// A source with one image, and a home that asks for these.
fn site(names: &[&str]) -> (Registry, Home) {
    let (source, home) = (Registry::start_blocking(), Home::new());
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2000)).build());
    home.additional_images(names.iter().map(|name| format!("{}/ns/{name}:v1", source.host())));
    (source, home)
}

#[test]
fn a_check_fails_when_the_run_would_lack_something() {
    let (source, home) = site(&["app", "gone"]);
    let check = |more: &[&str], code: i32, said: &str| {
        let outcome = home.to_disk(&[&["--retry-times=0"], more].concat());
        outcome.code(code).says(said);
        assert!(home.archives().is_empty(), "a dry run writes no archive");
    };
    check(&["--dry-run"], 0, "cannot inspect");
    check(&["--dry-run", "--check"], 1, "the check failed: 1 of 2 images cannot be mirrored:");
    check(&["--dry-run-manifest-lists", "--check"], 1, "line 6 of the configuration (mirror.additionalImages[1])");
    check(&["--check"], 1, "--check goes with --dry-run");
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    check(&["--dry-run", "--check"], 0, "the check found nothing that is missing");

    // The other side looks into the archive.
    home.to_disk(&[]).code(0);
    let destination = Registry::start_blocking();
    home.to_mirror(destination.host(), &["--dry-run", "--check"]).code(0);
    home.additional_images(["app", "gone"].map(|name| format!("{}/ns/{name}:v1", source.host())));
    let outcome = home.to_mirror(destination.host(), &["--dry-run", "--check", "--output=json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(1).stdout).unwrap();
    assert_eq!(document["diagnostics"][0]["line"], 6, "{document:#}");
    assert_eq!(document["sizes"]["unknownImages"], 1, "{document:#}");
    assert!(destination.repositories().is_empty());
}

#[test]
fn checksums_are_written_for_the_carrier() {
    let (_source, home) = site(&["app"]);
    let sums = home.disk().join("SHA256SUMS");
    let good = || {
        let output = Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(home.disk()).output().unwrap();
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("mirror_000001.tar: OK")
    };
    home.to_disk(&["--checksums"]).code(0).says("SHA256SUMS");
    assert!(good());
    // Those of an archive that is gone would only mislead.
    home.to_disk(&["--since=2015-01-01"]).code(0);
    assert!(!sums.exists());
    home.to_disk(&["--checksums", "--since=2015-01-01"]).code(0);
    assert!(good());
    // They keep nobody from reading the archive.
    home.run(&["archive", "verify", "disk"]).code(0);
}

#[test]
fn what_comes_next() {
    let (_source, home) = site(&["app"]);
    let destination = Registry::start_blocking();
    home.to_disk(&["--dry-run"]).code(0);
    let line = |outcome: &crate::harness::Outcome| outcome.line_with("next: ");
    assert_eq!(line(&home.to_disk(&["--dry-run"])), None);
    let next = line(&home.to_disk(&[])).unwrap();
    assert!(next.contains("carry mirror_000001.tar, ") && next.contains("--from file://FOLDER docker://"), "{next}");
    let next = line(&home.to_mirror(destination.host(), &[])).unwrap();
    assert!(next.contains("oc apply -f ") && next.contains("cluster-resources"), "{next}");
    assert!(next.contains("change every node"), "{next}");
    home.additional_images(["127.0.0.1:1/no/such:v1"]);
    assert_eq!(line(home.to_disk(&["--retry-times=0"]).code(8)), None);
}
