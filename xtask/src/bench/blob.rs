//! `cargo xtask bench blob`: one large blob down and up, beside `curl` on the same blob, and what memory that takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, ensure};
use test_support::{Workload, single_layer};

use super::measure::{self, Cost, median};
use super::options::{self, Folder};
use super::server::Server;
use super::{Turn, again_in_release, settle, turns};
use crate::process::{self, cargo, complain, say};
use crate::tool;

/// What to measure.
#[derive(Debug)]
struct Options {
    /// Sizes of the blob in MiB.
    sizes: Vec<u64>,
    /// How often each thing is measured.
    pairs: usize,
    /// Where the data goes; a temporary folder by default.
    folder: Option<PathBuf>,
}

/// Builds everything with `--release`, measures, prints the table.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    if again_in_release(&["bench", "blob"], arguments)? {
        return Ok(());
    }
    let options = parse(arguments)?;
    if !process::on_path("curl") {
        bail!("the floor needs `curl`; install it");
    }
    process::run(cargo(), &["build", "--quiet", "--release", "--package", "oci-transport", "--example", "transfer"])?;
    let transfer = tool::target_folder()?.join("release/examples/transfer");
    let folder = Folder::of(options.folder.as_ref())?;
    let folder = folder.path();
    say(&format!("one blob, medians of {} pairs; floor: one curl process with the same blob\n", options.pairs));
    say("| work | wall s | curl s | ratio | target | CPU s per GB | curl CPU s per GB | peak RSS MB |");
    say("|---|---|---|---|---|---|---|---|");
    for mib in &options.sizes {
        complain(&format!("a blob of {mib} MiB"));
        let source = folder.join("source");
        let workload = single_layer(&source, mib * 1024 * 1024, *mib)?;
        measure_pulls(&options, &workload, &source, &transfer, folder)?;
        measure_pushes(&options, &workload, &source, &transfer, folder)?;
        fs::remove_dir_all(&source)?;
    }
    Ok(())
}

fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { sizes: vec![64, 1024, 4096], pairs: 5, folder: None };
    options::each(arguments, "--mib N[,N...], --pairs, --folder", |name, value| {
        match name {
            "--mib" => options.sizes = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--pairs" => options.pairs = value.parse()?,
            "--folder" => options.folder = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    ensure!(options.pairs > 0 && options.sizes.iter().all(|mib| *mib > 0), "the numbers must be above zero");
    Ok(options)
}

fn measure_pulls(
    options: &Options,
    workload: &Workload,
    source: &Path,
    transfer: &Path,
    folder: &Path,
) -> anyhow::Result<()> {
    let server = Server::start(source)?;
    let (repository, digest, size) = layer(workload);
    let output = folder.join("pulled");
    let mut rows = Rows::default();
    for pair in 1..=options.pairs {
        for turn in turns(pair) {
            settle();
            match turn {
                Turn::Floor => {
                    let url = format!("http://{}/v2/{repository}/blobs/{digest}", server.host());
                    rows.floor.push(measure::run(curl().arg("--output").arg(&output).arg(url))?);
                }
                Turn::Tool => {
                    let name = format!("{}/{repository}", server.host());
                    let mut ours = Command::new(transfer);
                    ours.args(["pull", &name, &digest, &size.to_string()]).arg(&output);
                    rows.ours.push(measure::run(&mut ours)?);
                }
            }
            fs::remove_file(&output)?;
        }
    }
    rows.print("pull, verified", size);
    Ok(())
}

fn measure_pushes(
    options: &Options,
    workload: &Workload,
    source: &Path,
    transfer: &Path,
    folder: &Path,
) -> anyhow::Result<()> {
    let arrived = folder.join("arrived");
    let (_, digest, size) = layer(workload);
    let file = source.join("blobs").join(digest.replace(':', "-"));
    let mut rows = Rows::default();
    for pair in 1..=options.pairs {
        for turn in turns(pair) {
            // A server each: the file system makes whoever brings the same blob again pay for replacing the first.
            match turn {
                Turn::Floor => rows.floor.push(at_fresh_server(&arrived, |host| {
                    // Without a slash before the query: there curl would put the name of the file.
                    let url = format!("http://{host}/v2/single/curl/blobs/uploads?digest={digest}");
                    let mut floor = curl();
                    floor.args(["--request", "POST", "--header", "Content-Type: application/octet-stream"]);
                    floor.arg("--upload-file").arg(&file).arg(url);
                    floor
                })?),
                Turn::Tool => rows.ours.push(at_fresh_server(&arrived, |host| {
                    let mut ours = Command::new(transfer);
                    ours.args(["push", &format!("{host}/single/ours")]).arg(&file).arg(&digest);
                    ours
                })?),
            }
        }
    }
    rows.print("push, verified", size);
    Ok(())
}

/// What the command costs that is given the name of a server which has nothing yet.
fn at_fresh_server(folder: &Path, command: impl Fn(&str) -> Command) -> anyhow::Result<Cost> {
    let server = Server::start(folder)?;
    settle();
    let cost = measure::run(&mut command(server.host()))?;
    drop(server);
    fs::remove_dir_all(folder)?;
    Ok(cost)
}

/// Repository, digest and size of the layer.
fn layer(workload: &Workload) -> (&str, String, u64) {
    let image = &workload.images[0];
    let digest = &image.blobs[1];
    (&image.repository, digest.to_string(), workload.blobs[digest])
}

/// `curl` that is quiet, fails on errors, and knows no proxy.
fn curl() -> Command {
    let mut command = Command::new("curl");
    command.env_clear().env("PATH", "/usr/bin:/bin").args(["--silent", "--show-error", "--fail"]);
    command
}

/// Ours beside the floor.
#[derive(Debug, Default)]
struct Rows {
    floor: Vec<Cost>,
    ours: Vec<Cost>,
}

impl Rows {
    fn print(&self, work: &str, size: u64) {
        let of = |runs: &[Cost], pick: fn(&Cost) -> f64| median(runs.iter().map(pick));
        let wall = of(&self.ours, |cost| cost.wall);
        let floor = of(&self.floor, |cost| cost.wall);
        let gigabytes = size as f64 / 1e9;
        let cpu = of(&self.ours, |cost| cost.cpu) / gigabytes;
        let floor_cpu = of(&self.floor, |cost| cost.cpu) / gigabytes;
        let memory = of(&self.ours, |cost| cost.memory as f64) / 1e6;
        let mib = size / (1024 * 1024);
        let ratio = wall / floor;
        say(&format!(
            "| {work}, {mib} MiB | {wall:.2} | {floor:.2} | {ratio:.2} | <= 1.10 | {cpu:.2} | {floor_cpu:.2} | \
             {memory:.0} |"
        ));
    }
}
