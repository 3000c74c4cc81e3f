//! `cargo xtask bench plan`: making a plan of what an earlier run has read, and comparing, showing and drawing large plans.
//!
//! The images lie in one registry and are named by digest, as those of releases and operators are. A mirror to disk fills the
//! cache; the rows with targets are the plans after it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use test_support::release_shaped;

use super::again_in_release;
use super::measure::{self, Cost, median};
use super::options::{self, Folder};
use super::server::Server;
use crate::process::{complain, say};
use crate::tool::{self, Tool};

/// What to measure.
#[derive(Debug)]
struct Options {
    /// Images of the plan that is made.
    images: usize,
    /// Images of the plans that are compared.
    large: usize,
    /// How often each step is measured.
    runs: usize,
    binary: Option<PathBuf>,
    folder: Option<PathBuf>,
}

/// A plan with a warm cache: seconds, and bytes of memory.
const PLAN_TARGET: (f64, f64) = (10.0, 150e6);
/// Comparing two large plans, in seconds.
const DIFF_TARGET: f64 = 1.0;
/// How many images of the large plans only one of them has.
const CHANGED: usize = 100;
/// Bytes of an image on average. A plan reads manifests, so more would only fill the disk.
const IMAGE: u64 = 12_000;

/// Builds everything with `--release`, measures, prints the table.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    if again_in_release(&["bench", "plan"], arguments)? {
        return Ok(());
    }
    let options = parse(arguments)?;
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => tool::build(true)?,
    };
    let folder = Folder::of(options.folder.as_ref())?;
    measure_all(&options, &binary, folder.path())
}

fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { images: 2740, large: 9000, runs: 5, binary: None, folder: None };
    options::each(arguments, "--images, --large, --runs, --binary, --folder", |name, value| {
        match name {
            "--images" => options.images = value.parse()?,
            "--large" => options.large = value.parse()?,
            "--runs" => options.runs = value.parse()?,
            "--binary" => options.binary = Some(fs::canonicalize(value)?),
            "--folder" => options.folder = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    ensure!(options.images > 0 && options.large > 0 && options.runs > 0, "the numbers must be above zero");
    Ok(options)
}

/// One step in all its repetitions.
struct Row {
    name: String,
    costs: Vec<Cost>,
    /// The most requests to the registry that one run sent.
    requests: usize,
    /// Seconds, and bytes of memory, where they have a target.
    target: (Option<f64>, Option<f64>),
}

fn measure_all(options: &Options, binary: &Path, folder: &Path) -> anyhow::Result<()> {
    complain("making the images");
    let count = options.images.max(options.large + CHANGED);
    let source_folder = folder.join("source");
    let workload = release_shaped(&source_folder, count, count as u64 * IMAGE, 1)?;
    let mut source = Server::start(&source_folder)?;
    let names: Vec<String> = workload
        .images
        .iter()
        .map(|image| format!("{}/{}@{}", source.host(), image.repository, image.digest))
        .collect();
    let write = |name: &str, names: &[String]| -> anyhow::Result<String> {
        let path = folder.join(format!("{name}.yaml"));
        fs::write(&path, tool::configuration(names.iter().map(String::as_str)))?;
        Ok(path.display().to_string())
    };
    let medium = write("medium", &names[..options.images])?;
    let (old, new) = (write("old", &names[..options.large])?, write("new", &names[CHANGED..CHANGED + options.large])?);
    let tool = Tool::new(binary, &folder.join("home"))?;
    let disk = format!("file://{}", folder.join("disk").display());
    let workspace = format!("file://{}", folder.join("work").display());

    let there = Server::start(&folder.join("destination"))?;
    let registry = format!("docker://{}/m", there.host());
    let make = |configuration: &str, place: &[&str], out: &str| {
        let plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--out", out];
        words(&[&["plan", "-c", configuration], place, &plain].concat())
    };
    let (to_disk, to_mirror) = ([disk.as_str()], ["--workspace", &workspace, &registry]);
    let (images, large, runs) = (options.images, options.large, options.runs);
    let target = (Some(PLAN_TARGET.0), Some(PLAN_TARGET.1));
    let fill = words(&["-c", &medium, &disk, "--src-tls-verify=false"]);
    let steps = [
        (format!("plan of {images} images, to a disk, empty cache"), make(&medium, &to_disk, "disk.json"), 1, NONE),
        (format!("mirror the {images} images to a disk"), fill, 1, NONE),
        (format!("plan of {images} images, to a disk, warm cache"), make(&medium, &to_disk, "disk.json"), runs, target),
        (
            format!("plan of {images} images, to a registry, warm cache"),
            make(&medium, &to_mirror, "mirror.json"),
            runs,
            target,
        ),
        (format!("plan of {large} images, to a disk"), make(&old, &to_disk, "old.json"), 1, NONE),
        (format!("the same with {CHANGED} other images"), make(&new, &to_disk, "new.json"), 1, NONE),
    ];
    let mut rows = Vec::new();
    for (name, arguments, times, target) in steps {
        complain(&name);
        let mut row = Row::new(name, target);
        for _ in 0..times {
            source.reset()?;
            row.costs.push(measure::run(&mut tool.command(&as_str(&arguments)))?);
            row.requests = row.requests.max(source.counters()?.requests);
        }
        rows.push(row);
    }
    let diff = (Some(DIFF_TARGET), None);
    let mut reading = [
        (Row::new(format!("`plan diff`, {large} images each"), diff), "plan diff old.json new.json", 1),
        (Row::new("`plan diff --output json`", diff), "plan diff old.json new.json --output json", 1),
        (Row::new("`plan show`", NONE), "plan show new.json", 0),
        (Row::new("`plan show --html --against`", NONE), "plan show new.json --html page.html --against old.json", 0),
        (Row::new("`version`: the start of the program", NONE), "version", 0),
    ];
    // In turns, so that a busy moment of the machine is shared by all.
    for _ in 0..runs {
        for (row, line, code) in &mut reading {
            let arguments: Vec<&str> = line.split(' ').collect();
            row.costs.push(measure::run_to(&mut tool.command(&arguments), *code)?);
        }
    }
    rows.extend(reading.into_iter().map(|(row, ..)| row));
    say(&format!(
        "medians of {runs} runs (empty cache, mirroring and making large plans: once); each run is a process of its own\n"
    ));
    say(
        "| step | wall s | target s | of target | CPU s | peak RSS MB | target MB | of target | requests to the source |",
    );
    say("|---|---|---|---|---|---|---|---|---|");
    for row in &rows {
        say(&row.line());
    }
    say("");
    for name in ["disk.json", "old.json", "page.html"] {
        let bytes = fs::metadata(tool.home().join(name))?.len();
        say(&format!("`{name}`: {:.2} MB", bytes as f64 / 1e6));
    }
    Ok(())
}

/// No target.
const NONE: (Option<f64>, Option<f64>) = (None, None);

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn as_str(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

impl Row {
    fn new(name: impl Into<String>, target: (Option<f64>, Option<f64>)) -> Self {
        Self { name: name.into(), costs: Vec::new(), requests: 0, target }
    }

    fn line(&self) -> String {
        let of = |pick: fn(&Cost) -> f64| median(self.costs.iter().map(pick));
        let (wall, memory) = (of(|cost| cost.wall), of(|cost| cost.memory as f64));
        let (seconds, bytes) = self.target;
        let shown =
            |target: Option<f64>, unit: f64| target.map_or("-".to_owned(), |target| format!("<= {}", target / unit));
        let ratio =
            |found: f64, target: Option<f64>| target.map_or("-".to_owned(), |target| format!("{:.2}", found / target));
        format!(
            "| {} | {wall:.2} | {} | {} | {:.2} | {:.0} | {} | {} | {} |",
            self.name,
            shown(seconds, 1.0),
            ratio(wall, seconds),
            of(|cost| cost.cpu),
            memory / 1e6,
            shown(bytes, 1e6),
            ratio(memory, bytes),
            self.requests
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options = parse(&["--runs", "3", "--large", "50"]).unwrap();
        assert_eq!((options.images, options.large, options.runs), (2740, 50, 3));
        for wrong in [&["--runs", "0"][..], &["--runs"], &["--images", "x"], &["--walk", "1"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_row_holds_medians_and_ratios() {
        let cost = |wall: f64| Cost { wall, cpu: 2.0, memory: 75_000_000, written: 0 };
        let costs = [3.0, 5.0, 4.0].map(cost).to_vec();
        let row = Row { name: "p".to_owned(), costs, requests: 7, target: (Some(10.0), Some(150e6)) };
        assert_eq!(row.line(), "| p | 4.00 | <= 10 | 0.40 | 2.00 | 75 | <= 150 | 0.50 | 7 |");
        let free = Row { target: NONE, ..row };
        assert_eq!(free.line(), "| p | 4.00 | - | - | 2.00 | 75 | - | - | 7 |");
    }
}
