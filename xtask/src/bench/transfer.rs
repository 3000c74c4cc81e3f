//! `cargo xtask bench transfer`: a release-shaped workload from registry to disk and from disk to registry.
//!
//! With `--against OTHER` a second program, such as the one of an earlier commit, does the same work in the same run: the two
//! take turns, each beside its own floor, and the last table shows how their medians compare.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use test_support::{Workload, release_shaped};

use super::measure::{self, Cost, median};
use super::options::{self, Folder};
use super::server::{Counters, Server};
use super::spent::Spent;
use super::{Turn, again_in_release, floor, settle, turns};
use crate::process::{self, complain, say};
use crate::tool::{self, Tool};

/// What to measure.
#[derive(Debug)]
struct Options {
    /// How many images.
    images: usize,
    /// How much of 3 GB.
    scale: f64,
    /// How often each thing is measured.
    pairs: usize,
    /// Another `oc-mirror` than ours.
    binary: Option<PathBuf>,
    /// A second `oc-mirror`, measured in turns with the first.
    against: Option<PathBuf>,
    /// Where the data goes; a temporary folder by default.
    folder: Option<PathBuf>,
}

/// The blobs of the workload at scale 1, in bytes.
const TOTAL: f64 = 3e9;

/// Builds everything with `--release`, measures, prints the table.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    if again_in_release(&["bench", "transfer"], arguments)? {
        return Ok(());
    }
    let options = parse(arguments)?;
    if !process::on_path("curl") || !process::on_path("cp") {
        bail!("the floor needs `curl` and `cp`; install them");
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => tool::build(true)?,
    };
    let folder = Folder::of(options.folder.as_ref())?;
    let mut subjects = vec![Subject::new("measured", &binary)];
    subjects.extend(options.against.iter().map(|other| Subject::new("against", other)));
    measure_all(&options, &mut subjects, folder.path())
}

fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { images: 200, scale: 1.0, pairs: 5, binary: None, against: None, folder: None };
    options::each(arguments, "--images, --scale, --pairs, --binary, --against, --folder", |name, value| {
        match name {
            "--images" => options.images = value.parse()?,
            "--scale" => options.scale = value.parse()?,
            "--pairs" => options.pairs = value.parse()?,
            "--binary" => options.binary = Some(fs::canonicalize(value)?),
            "--against" => options.against = Some(fs::canonicalize(value)?),
            "--folder" => options.folder = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    ensure!(options.images > 0 && options.pairs > 0 && options.scale > 0.0, "the numbers must be above zero");
    Ok(options)
}

/// One thing that the tool does, in all its repetitions.
#[derive(Debug, Default)]
struct Series {
    runs: Vec<(Cost, Counters)>,
}

impl Series {
    fn wall(&self) -> f64 {
        median(self.runs.iter().map(|(cost, _)| cost.wall))
    }
}

/// A program that is measured, and what was measured of it.
#[derive(Debug)]
struct Subject {
    /// What tables call it.
    name: &'static str,
    binary: PathBuf,
    /// One series for each of [`WORK`].
    series: [Series; 6],
    floors: Floors,
}

impl Subject {
    fn new(name: &'static str, binary: &Path) -> Self {
        Self { name, binary: binary.to_path_buf(), series: Default::default(), floors: Floors::default() }
    }
}

/// What each subject does, in the order of its series.
const WORK: [&str; 6] = [
    "M2D, cold",
    "M2D, nothing new, an archive of all is replaced",
    "M2D, nothing new, an archive of nothing is replaced",
    "D2M",
    "D2M, nothing new",
    "M2M",
];

/// What the subjects work on.
struct Bench {
    folder: PathBuf,
    source_folder: PathBuf,
    workload: Workload,
    source: Server,
    /// The path of the configuration.
    configuration: String,
    spent: Spent,
    has_skopeo: bool,
}

fn measure_all(options: &Options, subjects: &mut [Subject], folder: &Path) -> anyhow::Result<()> {
    let source_folder = folder.join("source");
    complain("making the workload");
    let bytes = to_bytes(TOTAL * options.scale);
    let workload = release_shaped(&source_folder, options.images, bytes, 1)?;
    let source = Server::start(&source_folder)?;
    let names: Vec<String> = workload
        .images
        .iter()
        .map(|image| format!("{}/{}@{}", source.host(), image.repository, image.digest))
        .collect();
    let configuration = folder.join("isc.yaml");
    fs::write(&configuration, tool::configuration(names.iter().map(String::as_str)))?;
    let mut bench = Bench {
        folder: folder.to_path_buf(),
        source_folder,
        workload,
        source,
        configuration: configuration.display().to_string(),
        spent: Spent::under(folder),
        has_skopeo: process::on_path("skopeo"),
    };
    for pair in 1..=options.pairs {
        // Whoever goes second finds another file system: the subjects take turns in going first.
        subjects.rotate_left(1);
        for subject in &mut *subjects {
            complain(&format!("pair {pair} of {}: {}", options.pairs, subject.name));
            bench.pair(subject, pair)?;
        }
    }
    subjects.sort_by_key(|subject| subject.name != "measured");
    for subject in &*subjects {
        print(options, &bench.workload, subject, subjects.len() > 1);
    }
    if let [measured, against] = subjects {
        compare(measured, against);
    }
    Ok(())
}

impl Bench {
    /// Does each work once with one subject, each beside its floor.
    fn pair(&mut self, subject: &mut Subject, pair: usize) -> anyhow::Result<()> {
        let Subject { binary, series: [cold, warm, warm_again, push, push_again, relay], floors, .. } = subject;
        let Self { folder, source_folder, workload, source, configuration, spent, has_skopeo } = self;
        let scratch = folder.join("floor");

        // Two machines: what mirrors to disk has a cache, what mirrors from disk has none.
        let connected = Tool::new(binary, &folder.join("connected"))?;
        let enclave = Tool::new(binary, &folder.join("enclave"))?;
        let disk = folder.join("disk");
        let disk_url = format!("file://{}", disk.display());
        let to_disk = ["-c", configuration.as_str(), disk_url.as_str(), "--src-tls-verify=false"];
        for turn in turns(pair) {
            match turn {
                Turn::Floor => {
                    settle();
                    floors.pull.push(floor::pull(workload, source.host(), &scratch)?);
                    spent.take(&scratch)?;
                }
                Turn::Tool => step(cold, &connected, &to_disk, source)?,
            }
        }

        let arrived = folder.join("destination");
        // The tool keeps what it archives out of the page cache; the floor's files are in it.
        warm_up(&disk)?;
        for turn in turns(pair) {
            let mut destination = Server::start(&arrived)?;
            match turn {
                Turn::Floor => {
                    settle();
                    floors.push.push(floor::push(workload, destination.host(), source_folder, &scratch)?);
                    spent.take(&scratch)?;
                }
                Turn::Tool => {
                    let target = format!("docker://{}/mirror", destination.host());
                    let from = ["-c", configuration, "--from", &disk_url, &target, "--dest-tls-verify=false"];
                    step(push, &enclave, &from, &mut destination)?;
                    step(push_again, &enclave, &from, &mut destination)?;
                }
            }
            drop(destination);
            spent.take(&arrived)?;
        }
        // Last, since it replaces the archive by one that holds what is new: nothing.
        step(warm, &connected, &to_disk, source)?;
        // The file system takes its time to free the archive that was replaced: now there is only a small one.
        step(warm_again, &connected, &to_disk, source)?;
        for folder in [disk.as_path(), connected.home(), enclave.home()] {
            spent.take(folder)?;
        }

        let workspace = folder.join("relay");
        let relaying = Tool::new(binary, &workspace)?;
        let workspace_url = format!("file://{}", workspace.display());
        for turn in turns(pair) {
            if turn == Turn::Floor && !*has_skopeo {
                continue;
            }
            let mut destination = Server::start(&arrived)?;
            match turn {
                Turn::Floor => {
                    settle();
                    floors.skopeo.push(floor::skopeo(workload, source.host(), destination.host(), &scratch)?);
                }
                Turn::Tool => {
                    let target = format!("docker://{}/mirror", destination.host());
                    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
                    let relayed = [&["-c", configuration, "--workspace", &workspace_url, &target], &tls[..]].concat();
                    step(relay, &relaying, &relayed, &mut destination)?;
                }
            }
            drop(destination);
            spent.take(&arrived)?;
        }
        spent.take(&workspace)?;
        Ok(())
    }
}

/// Reads the files of a folder, so that they are in memory.
fn warm_up(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            std::io::copy(&mut fs::File::open(path)?, &mut std::io::sink())?;
        }
    }
    Ok(())
}

/// What ordinary tools cost, in all repetitions.
#[derive(Debug, Default)]
struct Floors {
    /// `curl` of every blob, and a `cp` of them.
    pull: Vec<Cost>,
    /// `curl` of every blob.
    push: Vec<Cost>,
    /// `skopeo copy --all`, one image after the other; empty where there is no skopeo.
    skopeo: Vec<Cost>,
}

/// Runs the tool once and notes what it cost, and what its peer saw.
fn step(series: &mut Series, tool: &Tool, arguments: &[&str], peer: &mut Server) -> anyhow::Result<()> {
    settle();
    peer.reset()?;
    let cost = measure::run(&mut tool.command(arguments))?;
    series.runs.push((cost, peer.counters()?));
    Ok(())
}

fn print(options: &Options, workload: &Workload, subject: &Subject, is_named: bool) {
    let Subject { floors, series, .. } = subject;
    if is_named {
        say(&format!("\n{}: {}\n", subject.name, subject.binary.display()));
    }
    let total = workload.total_bytes() as f64;
    let gigabytes = total / 1e9;
    say(&format!(
        "{} images, {} blobs, {gigabytes:.2} GB; medians of {} pairs; floor: four curl processes with the same blobs, \
         and one cp of them for mirror to disk; for mirror to mirror, skopeo one image after the other\n",
        workload.images.len(),
        workload.blobs.len(),
        options.pairs
    ));
    say(
        "| work | wall s | floor s | ratio | target | CPU s per GB | of the floor | peak RSS MB | written MB | requests \
         | blobs moved |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|");
    let seconds_allowed = format!("<= {:.1} s", workload.images.len() as f64 / 1000.0);
    let none = Vec::new();
    let compared = [
        (&floors.pull, "<= 1.3"),
        (&none, seconds_allowed.as_str()),
        (&none, seconds_allowed.as_str()),
        (&floors.push, "<= 1.15"),
        (&none, ""),
        (&floors.skopeo, "<= 0.5"),
    ];
    for ((name, (floor, target)), series) in WORK.into_iter().zip(compared).zip(series) {
        let of = |pick: fn(&(Cost, Counters)) -> f64| median(series.runs.iter().map(pick));
        let wall = series.wall();
        let of_floor = |pick: fn(&Cost) -> f64| (!floor.is_empty()).then(|| median(floor.iter().map(pick)));
        let shown = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        let ratio = shown(of_floor(|cost| cost.wall).map(|floor| wall / floor));
        let floor_cpu = shown(of_floor(|cost| cost.cpu).map(|floor| floor / gigabytes));
        let floor = shown(of_floor(|cost| cost.wall));
        let cpu = of(|(cost, _)| cost.cpu) / gigabytes;
        let memory = of(|(cost, _)| cost.memory as f64) / 1e6;
        let written = of(|(cost, _)| cost.written as f64) / 1e6;
        let requests = of(|(_, counters)| counters.requests as f64);
        let moved = of(|(_, counters)| (counters.bytes_served + counters.bytes_received) as f64) / 1e6;
        let blobs = of(|(_, counters)| (counters.blob_reads + counters.uploads) as f64);
        say(&format!(
            "| {name} | {wall:.2} | {floor} | {ratio} | {target} | {cpu:.2} | {floor_cpu} | {memory:.0} | \
             {written:.0} | {requests:.0} | {blobs:.0} requests, {moved:.0} MB |"
        ));
    }
    if !floors.skopeo.is_empty() {
        let skopeo = |pick: fn(&Cost) -> f64| median(floors.skopeo.iter().map(pick));
        let theirs = skopeo(|cost| cost.cpu);
        let ours = median(series[5].runs.iter().map(|(cost, _)| cost.cpu));
        say(&format!(
            "\nskopeo: {:.2} CPU s per GB, {:.0} MB peak RSS; CPU of M2M over skopeo's: {:.2} (target <= 0.5)",
            theirs / gigabytes,
            skopeo(|cost| cost.memory as f64) / 1e6,
            ours / theirs
        ));
    }
}

/// How the medians of two subjects compare: below one, the measured one takes less.
fn compare(measured: &Subject, against: &Subject) {
    say("\nmeasured over against, medians of the same run\n");
    say("| work | wall | CPU | peak RSS | requests |");
    say("|---|---|---|---|---|");
    for ((name, ours), theirs) in WORK.into_iter().zip(&measured.series).zip(&against.series) {
        let ratio = |pick: fn(&(Cost, Counters)) -> f64| {
            let of = |series: &Series| median(series.runs.iter().map(pick));
            let (ours, theirs) = (of(ours), of(theirs));
            if theirs > 0.0 { format!("{:.2}", ours / theirs) } else { "-".to_owned() }
        };
        let wall = ratio(|(cost, _)| cost.wall);
        let cpu = ratio(|(cost, _)| cost.cpu);
        let memory = ratio(|(cost, _)| cost.memory as f64);
        let requests = ratio(|(_, counters)| counters.requests as f64);
        say(&format!("| {name} | {wall} | {cpu} | {memory} | {requests} |"));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of bytes below 2^53")]
fn to_bytes(number: f64) -> u64 {
    number as u64
}
