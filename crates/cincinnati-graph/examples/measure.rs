//! Measures reading and selecting: `measure [--json] GRAPH.json…`, each graph as that of a channel of its own.
//!
//! `cargo xtask bench release` runs it.
#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::time::{Duration, Instant};

use cincinnati_graph::{Channel, Graph, GraphError, Report, Request, Selector, Step};

/// Runs per graph; the median is printed.
const RUNS: usize = 21;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.first().is_some_and(|first| first == "--json");
    for path in arguments.drain(usize::from(json)..) {
        let bytes = std::fs::read(&path)?;
        let graph = Graph::from_json(&bytes)?;
        // All releases of the channel, and the path through them: no selection has more to do.
        let everything = measure(&bytes, &Channel { full: true, ..Channel::head("stable-4.0") })?;
        let path_of_all = Channel { full: true, shortest_path: true, ..Channel::head("stable-4.0") };
        let shortest = measure(&bytes, &path_of_all)?;
        let (nodes, edges) = (graph.nodes().len(), graph.edges().count());
        if json {
            let figures = |figures: &Figures| {
                serde_json::json!({
                    "selected": figures.selected, "read": figures.read.as_secs_f64(),
                    "select": figures.select.as_secs_f64(), "report": figures.report.as_secs_f64(),
                })
            };
            let outcome = serde_json::json!({
                "path": path, "bytes": bytes.len(), "nodes": nodes, "edges": edges,
                "full": figures(&everything), "shortest": figures(&shortest),
            });
            println!("{outcome}");
            continue;
        }
        println!("{path}: {nodes} nodes, {edges} edges\n  full: {everything}\n  shortest path: {shortest}");
    }
    Ok(())
}

/// Medians of one selection from one graph.
struct Figures {
    selected: usize,
    read: Duration,
    select: Duration,
    report: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { selected, read, select, report } = self;
        write!(f, "{selected} selected: read {read:?}, select {select:?}, report {report:?}")
    }
}

fn measure(bytes: &[u8], channel: &Channel) -> Result<Figures, Box<dyn std::error::Error>> {
    let (mut read, mut select, mut report) = (Vec::new(), Vec::new(), Vec::new());
    let mut selected = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        let graph = Graph::from_json(bytes)?;
        read.push(start.elapsed());

        let mut selector = Selector::new(Request { channels: vec![channel.clone()], ..Request::default() });
        let mut graph = Some(graph);
        let start = Instant::now();
        let selection = loop {
            match selector.step() {
                Step::Done(selection) => break selection,
                Step::Need(keys) => {
                    for key in keys {
                        selector.insert(key, graph.take().ok_or(GraphError::NotOnDisk));
                    }
                }
            }
        };
        select.push(start.elapsed());
        let start = Instant::now();
        let reports = Report::all(&selection.releases, selector.graphs());
        report.push(start.elapsed());
        assert_eq!(reports.len(), 1, "one architecture, one report");
        selected = selection.releases.len();
    }
    Ok(Figures { selected, read: median(read), select: median(select), report: median(report) })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
