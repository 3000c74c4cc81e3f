//! `cargo xtask bench release`: selecting from the update graph, and collecting a release that is cached.
//!
//! Graphs are the real ones of `../shared/data/cincinnati` where that folder is, and a generated one of the size of the
//! largest of them. What is collected is a release of 190 components, by whole runs of the tool: they do more than
//! collecting, so the target holds for it all the more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use test_support::{Registry, Release, ReleaseSigner, UpdateService};

use super::measure::{self, Cost, median};
use super::options;
use crate::process::{self, cargo, complain, root, say};
use crate::tool::{self, Tool};

/// What to measure.
#[derive(Debug)]
struct Options {
    /// How often each run of the tool is measured.
    runs: usize,
    /// Another `oc-mirror` than ours.
    binary: Option<PathBuf>,
    /// One half only: `select` or `collect`.
    only: Option<String>,
}

/// Components of the release, as real ones have.
const COMPONENTS: usize = 190;
/// Selecting, from the answer of the update service to the report on updates, in milliseconds.
const SELECT_TARGET: f64 = 50.0;
/// Collecting a cached release, in milliseconds.
const COLLECT_TARGET: f64 = 100.0;
/// The channel that the generated graph stands for.
const CHANNEL: &str = "stable-4.99";

/// Builds everything with `--release`, measures, prints the tables.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let options = parse(arguments)?;
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let half = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    if half("select") {
        selecting(temporary.path())?;
    }
    if !half("collect") {
        return Ok(());
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => tool::build(true)?,
    };
    collecting(&options, &binary, temporary.path())
}

fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { runs: 11, binary: None, only: None };
    options::each(arguments, "--runs, --binary, --only", |name, value| {
        match name {
            "--runs" => options.runs = value.parse()?,
            "--binary" => options.binary = Some(fs::canonicalize(value)?),
            "--only" if ["select", "collect"].contains(&value) => options.only = Some(value.to_owned()),
            "--only" => bail!("expected `select` or `collect`"),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    ensure!(options.runs > 0, "at least one run");
    Ok(options)
}

/// What the measured program says of a graph: medians in seconds.
#[derive(Debug, Deserialize)]
struct Measured {
    path: PathBuf,
    bytes: u64,
    nodes: usize,
    edges: usize,
    full: Figures,
    shortest: Figures,
}

#[derive(Debug, Deserialize)]
struct Figures {
    selected: usize,
    read: f64,
    select: f64,
    report: f64,
}

/// Measures every graph, in one process.
fn selecting(folder: &Path) -> anyhow::Result<()> {
    let build = ["build", "--quiet", "--release", "--package", "cincinnati-graph", "--example", "measure"];
    process::run(cargo(), &build)?;
    let measure = tool::target_folder()?.join("release/examples/measure");
    let generated = folder.join("generated.json");
    fs::write(&generated, graph("quay.io/release", None).to_string())?;
    let mut paths = real_graphs();
    paths.push(generated);
    let output = Command::new(&measure).arg("--json").args(&paths).output().context("cannot start the measurement")?;
    ensure!(output.status.success(), "the measurement failed: {}", String::from_utf8_lossy(&output.stderr));
    say(&format!("medians of 21 runs in one process; target: {SELECT_TARGET} ms for all of it\n"));
    say(
        "| graph | KB | nodes | edges | selection | releases | read ms | select ms | report ms | total ms | of target |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|");
    for line in String::from_utf8(output.stdout)?.lines() {
        let found: Measured = serde_json::from_str(line).context("the measurement says something unexpected")?;
        let name = found.path.file_stem().unwrap_or_default().display();
        for (selection, figures) in [("full", &found.full), ("shortest path", &found.shortest)] {
            let milliseconds = [figures.read, figures.select, figures.report].map(|seconds| seconds * 1e3);
            let total: f64 = milliseconds.iter().sum();
            let [read, select, report] = milliseconds;
            say(&format!(
                "| {name} | {} | {} | {} | {selection} | {} | {read:.2} | {select:.2} | {report:.2} | {total:.2} | {:.2} |",
                found.bytes / 1000,
                found.nodes,
                found.edges,
                figures.selected,
                total / SELECT_TARGET,
            ));
        }
    }
    say("");
    Ok(())
}

/// The real graphs; none where they are not.
fn real_graphs() -> Vec<PathBuf> {
    let folder = root().join("../shared/data/cincinnati");
    let Ok(entries) = fs::read_dir(&folder) else {
        complain(&format!("real graphs are not measured: there is no {}", folder.display()));
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

/// A graph of the size of the largest real one: 200 releases, each updating to the next 40, conditional updates beside
/// them. The head is `head` where there is one.
fn graph(repository: &str, head: Option<&str>) -> Value {
    const NODES: usize = 200;
    let version = |at: usize| format!("4.{}.{}", 98 + at / 100, at % 100);
    let payload = |at: usize| match head {
        Some(head) if at + 1 == NODES => head.to_owned(),
        _ => format!("{repository}@sha256:{at:064x}"),
    };
    let nodes: Vec<Value> = (0..NODES)
        .map(|at| {
            json!({ "version": version(at), "payload": payload(at), "metadata": {
                "io.openshift.upgrades.graph.release.channels": "candidate-4.98,candidate-4.99,eus-4.98,fast-4.99,stable-4.99",
                "io.openshift.upgrades.graph.release.manifestref": format!("sha256:{at:064x}"),
                "url": format!("https://access.redhat.com/errata/RHSA-2026:{at:04}"),
            }})
        })
        .collect();
    let onward = |from: usize| from + 1..NODES.min(from + 41);
    let edges: Vec<Value> = (0..NODES).flat_map(|from| onward(from).map(move |to| json!([from, to]))).collect();
    let conditional: Vec<Value> = (0..40)
        .map(|risk| {
            let edges: Vec<Value> = (0..NODES)
                .filter(|from| from + 50 + risk < NODES)
                .map(|from| json!({ "from": version(from), "to": version(from + 50 + risk) }))
                .collect();
            json!({ "edges": edges, "risks": [{
                "url": format!("https://issues.example/{risk}"), "name": format!("Risk{risk}"),
                "message": "Something may happen on some clusters.", "matchingRules": [{ "type": "Always" }],
            }] })
        })
        .collect();
    json!({ "version": 1, "nodes": nodes, "edges": edges, "conditionalEdges": conditional })
}

/// A run of the tool in all its repetitions.
struct Row {
    name: &'static str,
    costs: Vec<Cost>,
    /// The most requests that one run sent, to the registry and to the services.
    requests: (usize, usize),
    target: Option<f64>,
}

/// Mirrors a release to disk once, then measures runs that find all of it cached.
fn collecting(options: &Options, binary: &Path, folder: &Path) -> anyhow::Result<()> {
    complain("making the release");
    let (registry, service) = (Registry::start_blocking(), UpdateService::start_blocking());
    let signer = ReleaseSigner::new("release@bench");
    let release = Release::new("4.99.99", COMPONENTS, COMPONENTS);
    release.push_to(&registry);
    service.signature(release.digest(), 1, signer.sign(&release.identity()));
    service.graph("amd64", CHANNEL, &graph("quay.io/release", Some(&release.by_digest())));

    let tool = Tool::new(binary, &folder.join("home"))?;
    let (key, conf) = (tool.home().join("key.asc"), tool.home().join("registries.conf"));
    fs::write(&key, signer.public_key())?;
    fs::write(&conf, format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{}\"\n", registry.host()))?;
    let by_digest = write_configuration(folder, "digest", &format!("release: {}", release.by_digest()))?;
    let by_channel = write_configuration(folder, "channel", &format!("channels: [{{name: {CHANNEL}}}]"))?;
    let to_delete = folder.join("delete.yaml").display().to_string();
    let text = fs::read_to_string(&by_digest)?.replace("ImageSet", "DeleteImageSet").replace("mirror:\n", "delete:\n");
    fs::write(&to_delete, text)?;
    let disk = format!("file://{}", folder.join("disk").display());
    let command = |arguments: &[&str]| {
        let mut command = tool.command(arguments);
        command
            .env("UPDATE_URL_OVERRIDE", service.graph_url())
            .env("OCP_SIGNATURE_URL", service.signature_url())
            .env("OCP_SIGNATURE_VERIFICATION_PK", &key);
        command
    };
    let to_disk = |configuration: &str| {
        ["-c", configuration, disk.as_str(), "--src-tls-verify=false"].map(str::to_owned).to_vec()
    };
    complain("mirroring it once");
    let cold: Vec<String> = to_disk(&by_channel);
    measure::run(&mut command(&cold.iter().map(String::as_str).collect::<Vec<_>>()))?;

    let dry = |configuration: &str| [to_disk(configuration), vec!["--dry-run".to_owned()]].concat();
    let delete = ["delete", "--generate", "-c", &to_delete, "--workspace", &disk, "docker://registry.example.com/m"];
    let calls: [(&'static str, Vec<String>, Option<f64>); 4] = [
        ("`version`: the start of the program", vec!["version".to_owned()], None),
        ("collect for `delete --generate`", delete.map(str::to_owned).to_vec(), Some(COLLECT_TARGET)),
        ("dry run, `platform.release` by digest", dry(&by_digest), Some(COLLECT_TARGET)),
        ("dry run, head of a channel (the graph is asked for)", dry(&by_channel), Some(COLLECT_TARGET)),
    ];
    let mut rows: Vec<Row> = calls
        .iter()
        .map(|(name, _, target)| Row { name, costs: Vec::new(), requests: (0, 0), target: *target })
        .collect();
    // In turns, so that a busy moment of the machine is shared by all.
    for _ in 0..options.runs {
        for ((_, arguments, _), row) in calls.iter().zip(&mut rows) {
            registry.clear_requests();
            service.clear_requests();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            row.costs.push(measure::run(&mut command(&arguments))?);
            let (asked, services) = row.requests;
            row.requests = (asked.max(registry.request_count()), services.max(service.requests().len()));
        }
    }
    print(&rows, options.runs);
    Ok(())
}

fn write_configuration(folder: &Path, name: &str, platform: &str) -> anyhow::Result<String> {
    let path = folder.join(format!("{name}.yaml"));
    let head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    ";
    fs::write(&path, format!("{head}{platform}\n"))?;
    Ok(path.display().to_string())
}

fn print(rows: &[Row], runs: usize) {
    say(&format!(
        "{COMPONENTS} components, cached; whole runs of the tool, medians of {runs}; collecting is a part of each\n"
    ));
    say("| run | wall ms | target ms | of target | CPU ms | peak RSS MB | requests to registries | to services |");
    say("|---|---|---|---|---|---|---|---|");
    for row in rows {
        let of = |pick: fn(&Cost) -> f64| median(row.costs.iter().map(pick));
        let wall = of(|cost| cost.wall * 1e3);
        let target = row.target.map_or("-".to_owned(), |target| format!("<= {target}"));
        let ratio = row.target.map_or("-".to_owned(), |target| format!("{:.2}", wall / target));
        say(&format!(
            "| {} | {wall:.0} | {target} | {ratio} | {:.0} | {:.0} | {} | {} |",
            row.name,
            of(|cost| cost.cpu * 1e3),
            of(|cost| cost.memory as f64) / 1e6,
            row.requests.0,
            row.requests.1,
        ));
    }
}
