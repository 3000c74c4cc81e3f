//! `cargo xtask test`: everything that must hold before a change lands, in the order in which it fails fastest.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::process::{self, cargo, complain, root, run_with, say};
use crate::{deny, layers, setup, tidy};

/// What `cargo test` printed of its binaries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    binaries: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Tally {
    /// Counts a line such as `test result: ok. 75 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.10s`.
    fn count(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let number = |what: &str| {
            let mut parts = rest.split([';', '.']).map(str::trim);
            parts.find_map(|part| part.strip_suffix(what)?.trim().parse::<usize>().ok()).unwrap_or_default()
        };
        self.binaries += 1;
        self.passed += number("passed");
        self.failed += number("failed");
        self.ignored += number("ignored");
    }
}

/// Runs the whole gate, and says at the end in one line how it went.
pub(crate) fn run() -> anyhow::Result<()> {
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut stage = "setup";
    let outcome = stages(&mut tally, &mut stage);
    let took = minutes(started.elapsed());
    let Tally { binaries, passed, failed, ignored } = tally;
    match &outcome {
        Ok(()) => say(&format!(
            "test: all is well after {took}: {passed} tests passed in {binaries} binaries, {ignored} ignored; fmt, layers, tidy, \
             clippy and docs are clean"
        )),
        Err(_) => say(&format!("test: stopped at {stage} after {took}: {passed} tests passed, {failed} failed")),
    }
    outcome
}

fn stages(tally: &mut Tally, stage: &mut &'static str) -> anyhow::Result<()> {
    setup::run()?;
    let mut next = |name: &'static str, about: &str| {
        *stage = name;
        say(&format!("test: {name}: {about}"));
    };
    next("fmt", "formatting");
    process::run(cargo(), &["fmt", "--all", "--check"])?;
    next("layers", "which crate and which module uses which");
    layers::run()?;
    next("tidy", "rules for texts");
    tidy::run()?;
    next("deny", "licences and sources of dependencies");
    deny::run()?;
    next("clippy", "compiles everything once, without code; from an empty target folder some minutes");
    process::run(cargo(), &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
    next("build", "the program and all crates");
    // End-to-end tests start the program that the workspace build leaves in the target folder.
    process::run(cargo(), &["build", "--workspace", "--locked"])?;
    next("tests", "unit, crate and end-to-end tests");
    tests(&["test", "--workspace", "--all-targets", "--locked"], tally)?;
    next("doc tests", "examples of the documentation");
    tests(&["test", "--workspace", "--doc", "--locked"], tally)?;
    next("docs", "rustdoc without warnings");
    run_with(cargo(), &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "--deny warnings")])
}

/// Runs tests with their output on ours, and counts them.
fn tests(args: &[&str], tally: &mut Tally) -> anyhow::Result<()> {
    let line = format!("{} {}", cargo(), args.join(" "));
    complain(&format!("+ {line}"));
    let mut child = Command::new(cargo())
        .args(args)
        .current_dir(root())
        .env("INSTA_UPDATE", "no")
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let output = child.stdout.take().context("the output is a pipe")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what the tests print")?;
        let line = String::from_utf8_lossy(&line);
        tally.count(&line);
        say(&line);
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

fn minutes(time: Duration) -> String {
    format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests_of_counting {
    use super::*;

    #[test]
    fn results_are_counted() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 75 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.10s",
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 13.13s",
            "test result is a word",
        ] {
            tally.count(line);
        }
        assert_eq!(tally, Tally { binaries: 2, passed: 82, failed: 2, ignored: 1 });
    }
}
