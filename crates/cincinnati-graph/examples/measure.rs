//! Measures reading and selecting: `cargo run --release -p cincinnati-graph --example measure -- GRAPH.json…`.
#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::time::{Duration, Instant};

use cincinnati_graph::{Channel, Graph, GraphError, Report, Request, Selector, Step};

/// Runs per graph; the median is printed.
const RUNS: usize = 21;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path)?;
        let graph = Graph::from_json(&bytes)?;
        let channel = Channel { full: true, shortest_path: true, ..Channel::head("stable-4.0") };
        let (mut parse, mut select, mut report) = (Vec::new(), Vec::new(), Vec::new());
        let mut selected = 0;
        for _ in 0..RUNS {
            let start = Instant::now();
            let graph = Graph::from_json(&bytes)?;
            parse.push(start.elapsed());

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
            selected = selection.releases.len() + reports.len() - 1;
        }
        println!(
            "{path}: {} nodes, {} edges, {selected} selected: read {:?}, select {:?}, report {:?}",
            graph.nodes().len(),
            graph.edges().count(),
            median(parse),
            median(select),
            median(report),
        );
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
