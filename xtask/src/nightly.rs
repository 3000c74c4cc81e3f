//! `cargo xtask nightly`: what takes too long for the gate.
//!
//! Each part runs whatever became of the parts before it; the last lines say how long each took and which failed.
//! `docs/testing.md` says what stands here, what stands in the gate, and why.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::process::{self, cargo, complain, on_path, run_with, say};
use crate::{fuzz, peers};

/// How long each fuzz target runs unless told otherwise, in seconds.
const FUZZ_SECONDS: u32 = 600;
/// How often each workflow is killed and run again unless told otherwise.
const KILLS: u32 = 100;
/// The files with the rule that a digest of a source is the root of its image: no mutant of them may survive.
const DIGEST_RULE: [&str; 2] = ["**/root.rs", "crates/oci-manifest/src/manifest.rs"];

/// One piece of the night's work.
type Part = Box<dyn Fn() -> anyhow::Result<()>>;

/// What a caller can change.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    fuzz_seconds: u32,
    kills: u32,
    only: Option<String>,
}

/// Runs all parts, or the parts whose name begins with the text of `--only`.
///
/// # Errors
/// An option that is not known, and after the last part the names of those that failed.
pub(crate) fn run(args: &[&str]) -> anyhow::Result<()> {
    let options = Options::parse(args)?;
    let mut parts: Vec<(String, Part)> = Vec::new();
    let kills = options.kills.to_string();
    parts.push(("kills".to_owned(), Box::new(move || kill(&kills))));
    parts.push(("page".to_owned(), Box::new(page)));
    parts.push(("shards".to_owned(), Box::new(shards)));
    parts.push(("peers".to_owned(), Box::new(|| peers::run(&[]))));
    parts.push(("mutants".to_owned(), Box::new(mutants)));
    let seconds = options.fuzz_seconds.to_string();
    for target in fuzz::names()? {
        let seconds = seconds.clone();
        parts.push((format!("fuzz {target}"), Box::new(move || fuzz::run(&target, &seconds))));
    }
    if let Some(only) = &options.only {
        parts.retain(|(name, _)| name.starts_with(only.as_str()));
        if parts.is_empty() {
            bail!(
                "no part of the night begins with `{only}`; there are: kills, page, shards, peers, mutants, fuzz TARGET"
            );
        }
    }
    let mut table = Vec::new();
    for (name, part) in parts {
        let began = Instant::now();
        let result = part();
        if let Err(error) = &result {
            complain(&format!("nightly: {name}: {error:#}"));
        }
        table.push((name, began.elapsed(), result.is_ok()));
    }
    say(&summary(&table));
    let failed: Vec<&str> = table.iter().filter(|(_, _, passed)| !passed).map(|(name, ..)| name.as_str()).collect();
    if !failed.is_empty() {
        bail!("{} of {} parts failed: {}", failed.len(), table.len(), failed.join(", "));
    }
    Ok(())
}

impl Options {
    fn parse(args: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self { fuzz_seconds: FUZZ_SECONDS, kills: KILLS, only: None };
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let value = *args.next().with_context(|| format!("`{flag}` needs a value"))?;
            let number = || value.parse().with_context(|| format!("`{flag} {value}`: a number is needed"));
            match *flag {
                "--fuzz-seconds" => options.fuzz_seconds = number()?,
                "--kills" => options.kills = number()?,
                "--only" => options.only = Some(value.to_owned()),
                _ => bail!("`{flag}` is no option of nightly; there are: --fuzz-seconds N, --kills N, --only NAME"),
            }
        }
        Ok(options)
    }
}

/// Mirrors to disk and from disk, killed at random moments and run again: nothing may be damaged or fetched twice.
fn kill(rounds: &str) -> anyhow::Result<()> {
    run_with(
        cargo(),
        &["test", "--package", "oc-mirror", "--test", "it", "--locked", "kill::"],
        &[("OC_MIRROR_KILLS", rounds)],
    )
}

/// Lets a browser show the page of a plan.
fn page() -> anyhow::Result<()> {
    if !on_path("chromium") {
        bail!("the program `chromium` is not installed; `apt-get install chromium` installs it");
    }
    run_with(
        cargo(),
        &["test", "--package", "oc-mirror", "--test", "it", "--locked", "plans::page"],
        &[("OC_MIRROR_BROWSER", "1")],
    )
}

/// Compares four machines with one, where the network of a machine is the bound.
fn shards() -> anyhow::Result<()> {
    run_with(
        cargo(),
        &["test", "--package", "oc-mirror", "--test", "it", "--locked", "fleet::four_machines"],
        &[("OC_MIRROR_SHARD_SPEED", "100K")],
    )
}

/// Changes the code of the digest rule in every way that cargo-mutants knows, and expects a test to fail each time.
fn mutants() -> anyhow::Result<()> {
    if !on_path("cargo-mutants") {
        process::run(cargo(), &["install", "cargo-mutants", "--locked"])?;
    }
    let mut args = vec!["mutants", "--no-shuffle", "--output", "target"];
    for file in DIGEST_RULE {
        args.extend(["--file", file]);
    }
    process::run(cargo(), &args)
}

/// One line for each part.
fn summary(table: &[(String, Duration, bool)]) -> String {
    let rows = table.iter().map(|(name, took, passed)| {
        let minutes = took.as_secs_f64() / 60.0;
        let outcome = if *passed { "passed" } else { "FAILED" };
        format!("| {name} | {minutes:.1} | {outcome} |")
    });
    let head = ["| part | minutes | outcome |", "|---|---|---|"].map(str::to_owned);
    head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        fn check(args: &[&str], expected: Result<(u32, u32, Option<&str>), &str>) {
            match (Options::parse(args), expected) {
                (Ok(options), Ok((fuzz_seconds, kills, only))) => {
                    assert_eq!(options, Options { fuzz_seconds, kills, only: only.map(str::to_owned) });
                }
                (Err(error), Err(text)) => assert!(format!("{error:#}").contains(text), "{error:#}"),
                (found, expected) => panic!("{args:?}: {found:?} instead of {expected:?}"),
            }
        }
        check(&[], Ok((FUZZ_SECONDS, KILLS, None)));
        check(&["--kills", "3", "--only", "fuzz a"], Ok((FUZZ_SECONDS, 3, Some("fuzz a"))));
        check(&["--fuzz-seconds", "60"], Ok((60, KILLS, None)));
        check(&["--fuzz-seconds", "x"], Err("a number is needed"));
        check(&["--kills"], Err("needs a value"));
        check(&["--long", "1"], Err("no option of nightly"));
    }

    #[test]
    fn the_table_names_what_failed() {
        let table = [("kills".to_owned(), Duration::from_secs(90), true), ("peers".to_owned(), Duration::ZERO, false)];
        let expected =
            "| part | minutes | outcome |\n|---|---|---|\n| kills | 1.5 | passed |\n| peers | 0.0 | FAILED |";
        assert_eq!(summary(&table), expected);
    }
}
