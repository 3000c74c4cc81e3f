//! Standard output that cannot be written is a failure; a reader that went away is none.

use std::fs::File;
use std::process::Stdio;

use test_support::{ImageBuilder, Layer, Registry};

use crate::harness::Home;

/// Every kind of command, with an archive in `disk` where one is read.
const COMMANDS: &[&[&str]] = &[
    &["version"],
    &["version", "--output", "json"],
    &["--help"],
    &["--version"],
    &["completion", "bash"],
    &["archive", "list", "disk"],
    &["archive", "verify", "disk"],
    &["describe", "disk"],
    &["list", "operators", "--help"],
    &["-c", "isc.yaml", "file://again", "--src-tls-verify=false"],
    &["-c", "isc.yaml", "file://again", "--src-tls-verify=false", "--dry-run"],
    &["-c", "isc.yaml", "file://again", "--src-tls-verify=false", "--output", "json"],
];

/// A home with an archive of one image.
fn home_with_archive(source: &Registry) -> Home {
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 1000)).build());
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    home.to_disk(&[]).code(0);
    home
}

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let source = Registry::start_blocking();
    let home = home_with_archive(&source);
    for args in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = home.command(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let found = home.outcome(&output);
        assert_eq!(found.code.map(|code| code & 1), Some(1), "{args:?} ends with {:?}: {}", found.code, found.stderr);
        found.says("[Executor] cannot write to standard output: No space left on device (os error 28)");
        let told = found.stderr.matches("cannot write to standard output").count();
        assert_eq!(told, 1, "{args:?} tells it once: {}", found.stderr);
    }
    // The mirroring itself is done: only the exit code and one line tell of the loss.
    assert!(home.files().iter().any(|name| name.starts_with("again/mirror_0")), "{:?}", home.files());
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let source = Registry::start_blocking();
    let home = home_with_archive(&source);
    for args in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let found = home.outcome(&output);
        found.code(0);
        assert!(!found.stderr.contains("standard output"), "{args:?}: {}", found.stderr);
    }
}
