//! `cargo xtask bench transfer`: a release-shaped workload from registry to disk and from disk to registry.

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
    measure_all(&options, &binary, folder.path())
}

fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { images: 200, scale: 1.0, pairs: 5, binary: None, folder: None };
    options::each(arguments, "--images, --scale, --pairs, --binary, --folder", |name, value| {
        match name {
            "--images" => options.images = value.parse()?,
            "--scale" => options.scale = value.parse()?,
            "--pairs" => options.pairs = value.parse()?,
            "--binary" => options.binary = Some(fs::canonicalize(value)?),
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

fn measure_all(options: &Options, binary: &Path, folder: &Path) -> anyhow::Result<()> {
    let source_folder = folder.join("source");
    complain("making the workload");
    let bytes = to_bytes(TOTAL * options.scale);
    let workload = release_shaped(&source_folder, options.images, bytes, 1)?;
    let mut source = Server::start(&source_folder)?;
    let names: Vec<String> = workload
        .images
        .iter()
        .map(|image| format!("{}/{}@{}", source.host(), image.repository, image.digest))
        .collect();
    let configuration = folder.join("isc.yaml");
    fs::write(&configuration, tool::configuration(names.iter().map(String::as_str)))?;
    let configuration = configuration.display().to_string();

    let (mut floor_pull, mut floor_push) = (Vec::new(), Vec::new());
    let [mut cold, mut warm, mut warm_again, mut push, mut push_again, mut relay] =
        [const { Series { runs: Vec::new() } }; 6];
    let mut skopeo = Vec::new();
    let mut spent = Spent::under(folder);
    let has_skopeo = process::on_path("skopeo");
    for pair in 1..=options.pairs {
        complain(&format!("pair {pair} of {}", options.pairs));
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
                    floor_pull.push(floor::pull(&workload, source.host(), &scratch)?);
                    spent.take(&scratch)?;
                }
                Turn::Tool => step(&mut cold, &connected, &to_disk, &mut source)?,
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
                    floor_push.push(floor::push(&workload, destination.host(), &source_folder, &scratch)?);
                    spent.take(&scratch)?;
                }
                Turn::Tool => {
                    let target = format!("docker://{}/mirror", destination.host());
                    let from = ["-c", &configuration, "--from", &disk_url, &target, "--dest-tls-verify=false"];
                    step(&mut push, &enclave, &from, &mut destination)?;
                    step(&mut push_again, &enclave, &from, &mut destination)?;
                }
            }
            drop(destination);
            spent.take(&arrived)?;
        }
        // Last, since it replaces the archive by one that holds what is new: nothing.
        step(&mut warm, &connected, &to_disk, &mut source)?;
        // The file system takes its time to free the archive that was replaced: now there is only a small one.
        step(&mut warm_again, &connected, &to_disk, &mut source)?;
        for folder in [disk.as_path(), connected.home(), enclave.home()] {
            spent.take(folder)?;
        }

        let workspace = folder.join("relay");
        let relaying = Tool::new(binary, &workspace)?;
        let workspace_url = format!("file://{}", workspace.display());
        for turn in turns(pair) {
            if turn == Turn::Floor && !has_skopeo {
                continue;
            }
            let mut destination = Server::start(&arrived)?;
            match turn {
                Turn::Floor => {
                    settle();
                    skopeo.push(floor::skopeo(&workload, source.host(), destination.host(), &scratch)?);
                }
                Turn::Tool => {
                    let target = format!("docker://{}/mirror", destination.host());
                    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
                    let relayed = [&["-c", &configuration, "--workspace", &workspace_url, &target], &tls[..]].concat();
                    step(&mut relay, &relaying, &relayed, &mut destination)?;
                }
            }
            drop(destination);
            spent.take(&arrived)?;
        }
        spent.take(&workspace)?;
    }
    let floors = Floors { pull: floor_pull, push: floor_push, skopeo };
    print(options, &workload, &floors, &[&cold, &warm, &warm_again, &push, &push_again, &relay]);
    Ok(())
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
#[derive(Debug)]
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

fn print(options: &Options, workload: &Workload, floors: &Floors, series: &[&Series; 6]) {
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
    let rows = [
        ("M2D, cold", &floors.pull, "<= 1.3"),
        ("M2D, nothing new, an archive of all is replaced", &none, seconds_allowed.as_str()),
        ("M2D, nothing new, an archive of nothing is replaced", &none, seconds_allowed.as_str()),
        ("D2M", &floors.push, "<= 1.15"),
        ("D2M, nothing new", &none, ""),
        ("M2M", &floors.skopeo, "<= 0.5"),
    ];
    for ((name, floor, target), series) in rows.into_iter().zip(series) {
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of bytes below 2^53")]
fn to_bytes(number: f64) -> u64 {
    number as u64
}
