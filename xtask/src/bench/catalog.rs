//! `cargo xtask bench catalog`: reading, selecting from and writing catalogs, each time in a fresh process.
//!
//! Real catalogs are taken from `../shared/data/fbc` where that folder is; generated ones of the same shapes are measured
//! as well, so that there are figures without it, and one of 500 MB, larger than any that is published.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use test_support::GeneratedCatalog;

use super::measure::median;
use super::options;
use crate::process::{self, cargo, complain, root, say};
use crate::tool;

/// What to measure.
#[derive(Debug)]
struct Options {
    /// How often each catalog is measured.
    runs: usize,
    /// The size of the large generated catalog in megabytes; none is made for 0.
    large: usize,
    /// Only catalogs with this in their name.
    only: String,
}

/// A catalog to measure.
struct Subject {
    name: String,
    folder: PathBuf,
    /// Seconds and megabytes allowed (`design.md` section 5), for the catalogs that have a target.
    target: Option<(f64, u64)>,
}

/// What the measured process says of itself.
#[derive(Debug, Deserialize)]
struct Run {
    bytes: u64,
    packages: usize,
    bundles: usize,
    read: f64,
    select: f64,
    write: f64,
    memory: u64,
}

impl Run {
    fn total(&self) -> f64 {
        self.read + self.select + self.write
    }
}

/// 57 MB of YAML: read, select and write in 1.2 s with 250 MB.
const YAML_TARGET: (f64, u64) = (1.2, 250);
/// The same content as JSON in 0.3 s.
const JSON_TARGET: (f64, u64) = (0.3, 250);

/// Builds the measured program, makes the catalogs, measures, prints the table.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let options = parse(arguments)?;
    let build = ["build", "--quiet", "--release", "--package", "fbc-catalog", "--example", "measure"];
    process::run(cargo(), &build)?;
    let measure = tool::target_folder()?.join("release/examples/measure");
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let subjects = subjects(&options, &measure, temporary.path())?;

    say(&format!(
        "medians of {} runs, each in a fresh process; selected are the heads of all packages\n",
        options.runs
    ));
    say(
        "| catalog | MB | packages | bundles | read s | select s | write s | total s | target s | peak RSS MB | target MB |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|");
    for subject in &subjects {
        let runs: Vec<Run> = (0..options.runs).map(|_| once(&measure, subject)).collect::<Result<_, _>>()?;
        say(&row(subject, &runs));
    }
    Ok(())
}

fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { runs: 5, large: 500, only: String::new() };
    options::each(arguments, "--runs, --large, --only", |name, value| {
        match name {
            "--runs" => options.runs = value.parse()?,
            "--large" => options.large = value.parse()?,
            "--only" => value.clone_into(&mut options.only),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    ensure!(options.runs > 0, "at least one run");
    Ok(options)
}

/// The catalogs, on disk.
fn subjects(options: &Options, measure: &Path, folder: &Path) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let wanted = |name: &str| name.contains(&options.only);
    let data = root().join("../shared/data/fbc");
    let real = ["certified-operators-v4.14", "certified-operators-v4.18", "redhat-operators-v4.18"];
    for name in real.into_iter().filter(|name| wanted(name)) {
        let archive = data.join(format!("{name}.tar.xz"));
        if !archive.is_file() {
            complain(&format!("{name} is not measured: there is no {}", archive.display()));
            continue;
        }
        let target = folder.join(name);
        fs::create_dir_all(&target)?;
        let status = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&target).status();
        ensure!(status.context("cannot start `tar`")?.success(), "`tar` cannot unpack {}", archive.display());
        let is_large = name.ends_with("4.14");
        with_json(measure, name, target.join("configs"), is_large, &mut subjects)?;
    }
    let objects = GeneratedCatalog::with_objects();
    let per_package = objects.bundles * objects.bundle_bytes;
    let large = GeneratedCatalog { packages: options.large * 1_000_000 / per_package, ..objects };
    let generated = [
        ("generated, objects".to_owned(), objects, true),
        ("generated, metadata".to_owned(), GeneratedCatalog::with_metadata(), false),
        (format!("generated, objects, {} MB", options.large), large, false),
    ];
    for (number, (name, shape, is_large)) in generated.into_iter().enumerate() {
        if shape.packages == 0 || !wanted(&name) {
            continue;
        }
        let target = folder.join(format!("generated-{number}"));
        for (path, text) in shape.files() {
            let path = target.join(path);
            fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
            fs::write(path, text)?;
        }
        with_json(measure, &name, target, is_large, &mut subjects)?;
    }
    Ok(subjects)
}

/// Adds a catalog as it is, and its content as JSON.
fn with_json(
    measure: &Path,
    name: &str,
    folder: PathBuf,
    has_target: bool,
    subjects: &mut Vec<Subject>,
) -> anyhow::Result<()> {
    let json = folder.with_extension("json");
    complain(&format!("making the JSON form of {name}"));
    let status = Command::new(measure).arg("--rewrite").arg(&folder).arg(&json).status()?;
    ensure!(status.success(), "{name} cannot be written as JSON");
    let target = |target| has_target.then_some(target);
    subjects.push(Subject { name: name.to_owned(), folder, target: target(YAML_TARGET) });
    subjects.push(Subject { name: format!("{name}, as JSON"), folder: json, target: target(JSON_TARGET) });
    Ok(())
}

fn once(measure: &Path, subject: &Subject) -> anyhow::Result<Run> {
    let output = Command::new(measure).arg("--json").arg(&subject.folder).output()?;
    ensure!(
        output.status.success(),
        "{} cannot be measured: {}",
        subject.name,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn row(subject: &Subject, runs: &[Run]) -> String {
    let of = |pick: fn(&Run) -> f64| median(runs.iter().map(pick));
    let first = &runs[0];
    let memory = of(|run| run.memory as f64) / 1e6;
    let (seconds, megabytes) = match subject.target {
        Some((seconds, megabytes)) => (format!("<= {seconds}"), format!("<= {megabytes}")),
        None => (String::new(), String::new()),
    };
    format!(
        "| {} | {:.0} | {} | {} | {:.2} | {:.3} | {:.3} | {:.2} | {seconds} | {memory:.0} | {megabytes} |",
        subject.name,
        first.bytes as f64 / 1e6,
        first.packages,
        first.bundles,
        of(|run| run.read),
        of(|run| run.select),
        of(|run| run.write),
        of(Run::total),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options = parse(&["--runs", "3", "--only", "json"]).unwrap();
        assert_eq!((options.runs, options.large, options.only.as_str()), (3, 500, "json"));
        for wrong in [&["--runs", "0"][..], &["--runs"], &["--runs", "x"], &["--walk", "1"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_row_holds_medians_and_targets() {
        let run = |read: f64| Run {
            bytes: 57_000_000,
            packages: 40,
            bundles: 356,
            read,
            select: 0.01,
            write: 0.02,
            memory: 124_000_000,
        };
        let subject = Subject { name: "c".into(), folder: PathBuf::new(), target: Some(YAML_TARGET) };
        assert_eq!(
            row(&subject, &[run(3.0), run(0.5), run(0.7)]),
            "| c | 57 | 40 | 356 | 0.70 | 0.010 | 0.020 | 0.73 | <= 1.2 | 124 | <= 250 |"
        );
    }
}
