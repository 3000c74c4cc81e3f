//! What a person sees while a run runs, and what a script reads.

use std::process::Command;

use test_support::{Effect, Fault, Image, ImageBuilder, Kind, Layer, Registry, When};

use crate::harness::{Home, Outcome, plain};

/// A source whose one image, 600 kB, takes about a second.
fn slow_source() -> (Registry, Image) {
    let source = Registry::start_blocking();
    let image = ImageBuilder::oci().layer(Layer::random(1, 500_000)).layer(Layer::random(2, 100_000)).build();
    source.push("ns/app", "v1", &image);
    source.fault(Fault::new(When::kind(Kind::Blob).method("GET"), Effect::Slow(500_000)));
    (source, image)
}

/// The lines of progress, without time and level.
fn progress_lines(text: &str) -> Vec<String> {
    let text = plain(text).replace('\r', "\n");
    text.lines()
        .filter(|line| line.contains(" / 1 images") && line.contains(" of "))
        .filter(|line| !line.contains("in place"))
        .map(|line| line.rsplit(" : ").next().unwrap().trim().to_owned())
        .collect()
}

/// Asserts that lines of progress say a percentage, the time left, bytes of bytes, images, and a rate.
#[track_caller]
fn tells_progress(lines: &[String]) {
    let all = lines.join("\n");
    assert!(lines.len() >= 2, "{all}");
    let percentage =
        |line: &str| line.split_once(" %  ").is_some_and(|(number, _)| number.trim().parse::<u8>().is_ok());
    assert!(lines.iter().all(|line| line.starts_with("counting  ") || percentage(line)), "{all}");
    assert!(lines.iter().any(|line| line.contains(" s left  ") && line.ends_with("/s")), "{all}");
    assert!(lines.iter().any(|line| line.contains(" of 586.")), "{all}");
}

#[test]
fn plain_lines_without_a_terminal() {
    let (source, _) = slow_source();
    let home = Home::new().variable("OC_MIRROR_HEARTBEAT", "100ms");
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let outcome = home.to_disk(&[]);
    outcome.code(0);
    let lines = progress_lines(&outcome.stdout);
    tells_progress(&lines);
    // A line is a line: nothing is drawn over.
    assert!(!outcome.stdout.contains('\r'));
    // The log file has the same lines.
    let logged = std::fs::read_to_string(log_file(&home)).unwrap();
    assert_eq!(progress_lines(&logged), lines);
}

#[test]
fn few_lines_by_default() {
    let (source, _) = slow_source();
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let outcome = home.to_disk(&[]);
    assert!(progress_lines(&outcome.code(0).stdout).is_empty());
}

/// Runs a command line on a terminal of so many columns; what the terminal got.
#[expect(clippy::print_stderr, reason = "who reads the test's output should know what was not tested")]
fn on_a_terminal(home: &Home, columns: u32, more: &str) -> Option<Outcome> {
    if !Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `script` of util-linux is not installed");
        return None;
    }
    let words = home.command(&["-c", "isc.yaml", "file://disk", "--src-tls-verify=false"]);
    let command: Vec<&str> =
        std::iter::once(words.get_program()).chain(words.get_args()).map(|word| word.to_str().unwrap()).collect();
    let output = Command::new("script")
        .args(["-qec", &format!("stty rows 30 cols {columns}; {} {more}", command.join(" ")), "/dev/null"])
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Some(home.outcome(&output))
}

#[test]
fn a_live_line_on_a_terminal() {
    let (source, _) = slow_source();
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let Some(outcome) = on_a_terminal(&home, 120, "") else { return };
    outcome.code(0);
    let lines = live_lines(&outcome.stdout);
    tells_progress(&lines);
    // The largest transfers have names.
    assert!(plain(&outcome.stdout).contains(" of  488.3 KiB  "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("Success copying"));
    // The live line is for the terminal only.
    let logged = std::fs::read_to_string(log_file(&home)).unwrap();
    assert!(progress_lines(&logged).is_empty(), "{logged}");
    assert!(logged.contains("1 / 1 additional images mirrored successfully"));
}

/// What is drawn at the bottom of a terminal, each drawing one line.
fn live_lines(terminal: &str) -> Vec<String> {
    let drawn = terminal.split("\u{1b}[J").flat_map(str::lines).map(|line| plain(line).trim_end().to_owned());
    drawn.filter(|line| line.contains(" %  ") || line.starts_with("counting")).collect()
}

/// The percentage and the time left are there on any terminal, and no line is wider than it.
#[test]
fn a_narrow_terminal_keeps_percentage_and_time() {
    for columns in [60_u32, 40] {
        let (source, _) = slow_source();
        let home = Home::new();
        home.additional_images([format!("{}/ns/app:v1", source.host())]);
        let Some(outcome) = on_a_terminal(&home, columns, "") else { return };
        outcome.code(0);
        let lines: Vec<_> = live_lines(&outcome.stdout).iter().map(|line| line.trim_end().to_owned()).collect();
        let all = lines.join("\n");
        assert!(lines.iter().all(|line| line.chars().count() < columns as usize), "{columns}: {all}");
        assert!(lines.iter().any(|line| line.contains(" %  ") && line.contains(" s left")), "{columns}: {all}");
    }
}

/// Whoever keeps the JSON document in a file still watches the terminal.
#[test]
fn progress_is_drawn_while_the_document_goes_to_a_file() {
    let (source, _) = slow_source();
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let Some(outcome) = on_a_terminal(&home, 100, "--output json > result.json") else { return };
    outcome.code(0);
    tells_progress(&live_lines(&outcome.stdout));
    let document = std::fs::read_to_string(home.path().join("result.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["exitCode"], 0);
}

/// Console and log file say the same, line by line, from the moment the log file is open. The file begins with what makes it
/// readable on its own: the program, the command line, the configuration.
#[test]
fn the_log_file_has_the_lines_of_the_console() {
    let (source, _) = slow_source();
    let home = Home::new();
    home.additional_images([format!("{}/ns/app:v1", source.host()), format!("{}/ns/none:v1", source.host())]);
    let outcome = home.to_disk(&[]);
    outcome.code(8);
    let logged = std::fs::read_to_string(log_file(&home)).unwrap();
    // Files have no pictures, and here neither has colours.
    let console = oc_mirror::colour::for_files(&outcome.stdout);
    let head = logged.strip_suffix(&console).unwrap_or_else(|| panic!("{logged}\n--- console:\n{console}"));
    let head: Vec<_> = head.lines().map(|line| line.split_once("[INFO]   : ").expect(line).1).collect();
    let program = format!("oc-mirror {}, commit ", oc_mirror::version::GIT_VERSION);
    assert!(head[0].starts_with(&program) && head[0].ends_with(oc_mirror::version::TARGET), "{head:?}");
    assert!(head[1].starts_with("command line: ") && head[1].contains("-c isc.yaml"), "{head:?}");
    assert!(head[2].starts_with("configuration `") && head[2].ends_with("isc.yaml`:"), "{head:?}");
    let configuration: Vec<_> = head[3..].iter().map(|line| line.strip_prefix("  ").unwrap()).collect();
    assert_eq!(configuration.join("\n") + "\n", std::fs::read_to_string(home.path().join("isc.yaml")).unwrap());
    assert!(!outcome.stdout.contains('\u{1b}') && !logged.contains('👋'), "{logged}");
    let coloured = home.to_disk(&["--color=always"]);
    assert!(coloured.stdout.contains("\u{1b}[1;94m [INFO] \u{1b}[0m  : "), "{}", coloured.stdout);
    // Why it failed is there too (upstream has closed the file by then).
    assert!(plain(&logged).contains("[Executor] [Worker] some errors occurred"), "{logged}");
}

#[test]
fn one_json_document_on_standard_output() {
    #[track_caller]
    fn document(outcome: &Outcome, code: i32) -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_str(&outcome.code(code).stdout).unwrap();
        assert_eq!(document["exitCode"], code);
        document
    }
    let ((source, image), destination) = (slow_source(), Registry::start_blocking());
    let home = Home::new().variable("OC_MIRROR_HEARTBEAT", "100ms");
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let size: u64 = image.blobs.iter().map(|blob| blob.bytes.len() as u64).sum();
    let first = document(&home.to_disk(&["--output", "json"]), 0);
    assert_eq!(first["bytesMoved"], size);
    let pushed = document(&home.to_mirror(destination.host(), &["--output", "json"]), 0);
    assert_eq!(pushed["bytesMoved"], size);
    let again = document(&home.to_mirror(destination.host(), &["--output", "json"]), 0);
    assert_eq!(again["bytesMoved"], 0);
    // Failures of every stage are documents too.
    home.additional_images([format!("{}/ns/none:v1", source.host())]);
    let failed = document(&home.to_disk(&["--output", "json"]), 8);
    assert_eq!(failed["images"][0]["error"]["condition"], "not-found");
    std::fs::remove_file(home.disk().join("mirror_000001.tar")).unwrap();
    let failed = document(&home.to_mirror(destination.host(), &["--output", "json"]), 1);
    assert!(failed["error"].as_str().unwrap().contains("no tar archives"), "{failed}");
    home.write("isc.yaml", "kind: Nothing\n");
    let failed = document(&home.to_disk(&["--output", "json"]), 1);
    assert!(failed["error"].as_str().unwrap().contains("could not parse config"), "{failed}");
}

/// The sum that progress tells is what moved, also when half of it was there or a transfer had to begin again.
#[test]
fn the_figures_are_what_moved() {
    let ((source, image), home) = (slow_source(), Home::new());
    source.clear_faults();
    home.additional_images([format!("{}/ns/app:v1", source.host())]);
    let layer = image.blobs.iter().find(|blob| blob.bytes.len() == 500_000).unwrap();
    let half = format!(".oc-mirror/.cache/partial/sha256/{}", layer.digest.hex());
    home.write(&half, &layer.bytes[..200_000]);
    source.fault(Fault::new(When::kind(Kind::Blob).digest(&layer.digest).once(), Effect::CloseAfter(100_000)));
    let size: u64 = image.blobs.iter().map(|blob| blob.bytes.len() as u64).sum();
    let outcome = home.to_disk(&["--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(0).stdout).unwrap();
    assert_eq!(document["bytesMoved"], size - 200_000);
    assert_eq!(source.blob_bytes_served(), size - 200_000);
}

fn log_file(home: &Home) -> std::path::PathBuf {
    let logs = std::fs::read_dir(home.disk().join("working-dir/logs")).unwrap();
    let mut logs: Vec<_> = logs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    assert_eq!(logs.len(), 1);
    logs.remove(0)
}
