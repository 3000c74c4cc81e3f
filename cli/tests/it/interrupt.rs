//! Ctrl-C and `kill` in the middle of a run: the program says what is kept, ends, and the same command continues.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::Home;

/// Runs a command until the source has sent something, sends a signal, and gives what was said.
#[track_caller]
fn interrupted(home: &Home, source: &Registry, args: &[&str], signal: &str, code: i32) -> String {
    let mut command = home.command(args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while source.blob_bytes_served() < 300_000 {
        assert!(since.elapsed() < Duration::from_secs(60), "the source was not asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let outcome = home.outcome(&output);
    assert_eq!(output.status.code(), Some(code), "{}{}", outcome.stdout, outcome.stderr);
    outcome.stdout
}

#[test]
fn an_interrupted_run_says_what_is_kept_and_continues() {
    for (signal, code, more, said) in [
        ("-INT", 130, &[][..], " are kept in the cache; the same command continues"),
        ("-TERM", 143, &[], " are kept in the cache; the same command continues"),
        ("-INT", 130, &["--no-cache"], "--no-cache keeps nothing of this run"),
    ] {
        let source = Registry::start_blocking();
        let image = ImageBuilder::oci().layer(Layer::random(1, 8_000_000)).build();
        source.push("ns/app", "v1", &image);
        source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), Effect::Slow(800_000)));
        let home = Home::new();
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let args = [&["-c", "isc.yaml", "file://disk", "--src-tls-verify=false"], more].concat();
        let told = interrupted(&home, &source, &args, signal, code);
        let line = told.lines().find(|line| line.contains("interrupted: ")).unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains(said), "{line}");
        // Nothing comes after that line.
        assert_eq!(told.trim_end().lines().last(), Some(line.trim_end()), "{told}");
        source.clear_faults();
        let before = source.blob_bytes_served();
        home.to_disk(more).code(0);
        if more.is_empty() {
            let again = source.blob_bytes_served() - before;
            assert!(again < 8_000_000, "{signal}: {again} bytes again");
        }
    }
}
