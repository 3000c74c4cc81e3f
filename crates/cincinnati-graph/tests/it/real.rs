//! Real graphs: every path that is returned consists of edges that exist, and no shorter one does.

use std::collections::BTreeSet;
use std::path::Path;

use cincinnati_graph::{Channel, Graph, GraphError, GraphKey, Report, Request, Selector, Step};

/// The length of the shortest path by an independent, naive search: widen the set of reached nodes until it holds the
/// target or stops growing.
fn naive_length(graph: &Graph, from: usize, to: usize) -> Option<usize> {
    let edges: Vec<(usize, usize)> = graph.edges().collect();
    let mut reached = BTreeSet::from([from]);
    let mut steps = 0;
    while !reached.contains(&to) {
        let before = reached.len();
        let next: Vec<usize> = edges.iter().filter(|(a, _)| reached.contains(a)).map(|&(_, b)| b).collect();
        reached.extend(next);
        if reached.len() == before {
            return None;
        }
        steps += 1;
    }
    Some(steps)
}

pub(crate) fn check_path(graph: &Graph, from: usize, to: usize) {
    let path = graph.shortest_path(from, to);
    assert_eq!(path.as_ref().map(|path| path.len() - 1), naive_length(graph, from, to), "{from} to {to}");
    let Some(path) = path else { return };
    assert_eq!((path.first(), path.last()), (Some(&from), Some(&to)));
    let edges: BTreeSet<(usize, usize)> = graph.edges().collect();
    for step in path.windows(2) {
        assert!(edges.contains(&(step[0], step[1])), "{step:?} is no edge");
    }
}

fn each_graph(mut act: impl FnMut(&str, Vec<u8>)) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/cincinnati"));
    let Ok(files) = std::fs::read_dir(folder) else {
        println!("skipped: no real graphs here");
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            act(path.file_stem().unwrap().to_str().unwrap(), std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn paths() {
    each_graph(|name, bytes| {
        let graph = Graph::from_json(&bytes).unwrap();
        assert!(graph.warnings().is_empty(), "{name}: {:?}", graph.warnings());
        let nodes = graph.nodes().len();
        // Every 13th start and 11th end: enough to meet each kind of gap, quick enough for a debug build.
        for from in (0..nodes).step_by(13) {
            for to in (0..nodes).step_by(11) {
                check_path(&graph, from, to);
            }
        }
    });
}

#[test]
fn selections() {
    each_graph(|name, bytes| {
        let Some((arch, channel)) = name.split_once('-').filter(|(arch, _)| *arch != "real") else { return };
        let graph = Graph::from_json(&bytes).unwrap();
        let versions: Vec<String> = graph.versions().into_iter().map(ToString::to_string).collect();
        let bound = |at: usize| Some(versions[versions.len() * at / 10].clone());
        let channel =
            Channel { min_version: bound(2), max_version: bound(9), shortest_path: true, ..Channel::head(channel) };
        let request = Request {
            channels: vec![channel],
            architectures: cincinnati_graph::Architectures::List(vec![arch.into()]),
            ..Request::default()
        };
        let mut selector = Selector::new(request);
        let selection = loop {
            match selector.step() {
                Step::Done(selection) => break selection,
                Step::Need(keys) => {
                    for key in keys {
                        assert_eq!(key.file_name(), format!("{name}.json"));
                        selector.insert(key, Graph::from_json(&bytes).map_err(GraphError::ResponseInvalid));
                    }
                }
            }
        };
        let reports = Report::all(&selection.releases, selector.graphs());
        println!("{name}: {}", reports[0]);
        let key = GraphKey::ocp(arch, name.split_once('-').unwrap().1);
        let graph = selector.graphs().get(&key).unwrap().unwrap();
        let (from, to) = (graph.find(&reports[0].from).unwrap(), graph.find(&reports[0].to).unwrap());
        let unconditional = graph.shortest_path(from, to).is_some();
        assert_eq!(!reports[0].needs_attention(), unconditional, "{name}: {}", reports[0]);
    });
}
