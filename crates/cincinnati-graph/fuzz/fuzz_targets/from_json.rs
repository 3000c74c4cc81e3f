//! Whatever the bytes: a graph that is read has edges inside its nodes, versions in order, and paths made of its edges.

#![no_main]

use std::collections::BTreeSet;

use cincinnati_graph::Graph;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = Graph::from_json(bytes) else { return };
    let nodes = graph.nodes().len();
    let edges: BTreeSet<(usize, usize)> = graph.edges().collect();
    assert!(edges.iter().all(|&(from, to)| from < nodes && to < nodes));
    assert!(graph.versions().is_sorted());
    assert_eq!(graph.ascending().count(), nodes);
    // Small graphs are walked whole; the size of the others is the fuzzer's doing.
    if nodes <= 16 {
        for from in 0..nodes {
            for to in 0..nodes {
                if let Some(path) = graph.shortest_path(from, to) {
                    assert!(path.len() <= nodes && path.first() == Some(&from) && path.last() == Some(&to));
                    assert!(path.windows(2).all(|step| edges.contains(&(step[0], step[1]))));
                }
            }
        }
    }
});
