//! Reading graphs.

use cincinnati_graph::{Graph, GraphError, read_response};
use proptest::prelude::*;
use semver::Version;

use crate::mock::graph_json;

fn check(json: &str, expected: &str) {
    let found = match Graph::from_json(json.as_bytes()) {
        Ok(graph) => {
            let versions: Vec<String> = graph.nodes().iter().map(|node| node.version.to_string()).collect();
            let edges: Vec<String> = graph.edges().map(|(from, to)| format!("{from}>{to}")).collect();
            let warnings = graph.warnings().iter().fold(String::new(), |text, warning| format!("{text} ! {warning}"));
            format!("{} | {}{warnings}", versions.join(" "), edges.join(" "))
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found.trim(), expected, "{json}");
}

#[test]
fn answers() {
    check(r#"{"nodes": [], "edges": []}"#, "|");
    check("{}", "|");
    check(r#"{"version": 1, "nodes": null, "edges": null, "conditionalEdges": null, "more": {"x": [1]}}"#, "|");
    check(r#"{"NODES": [{"Version": "4.1.0", "PayLoad": "x", "METADATA": null}], "Edges": [[0, 0]]}"#, "4.1.0 | 0>0");
    check(&graph_json("1.0.0 1.0.1", "1.0.0>1.0.1 1.0.1>1.0.0 1.0.0>1.0.1"), "1.0.0 1.0.1 | 0>1 1>0");
    check(&graph_json("1.0.0 1.0.0", ""), "1.0.0 1.0.0 |");
    check(r#"{"nodes": [{"version": "1.0.0"}], "edges": [[0, 0, 7]]}"#, "1.0.0 | 0>0");
}

#[test]
fn answers_that_are_no_graphs() {
    let one = r#"{"nodes": [{"version": "1.0.0"}], "edges": "#;
    check(&format!("{one}[[0, 1]]}}"), "edge 0 of the update graph names node 1, but there are only 1 nodes");
    check(
        &format!("{one}[[0, 0], [0]]}}"),
        "edge 1 of the update graph has 1 node numbers, expected two, like `[0, 1]`",
    );
    check(
        &format!("{one}[[0, -1]]}}"),
        "the update graph is not the expected JSON: invalid value: integer `-1`, expected u64 at line 1 column 50",
    );
    for (version, why) in [
        ("4.14", "unexpected end of input while parsing minor version number"),
        ("v4.14.1", "unexpected character 'v' while parsing major version number"),
        ("4.014.1", "invalid leading zero in minor version number"),
        ("", "empty string, expected a semver version"),
        (" 4.1.1", "unexpected character ' ' while parsing major version number"),
    ] {
        check(
            &format!(r#"{{"nodes": [{{"version": "1.0.0"}}, {{"version": "{version}"}}]}}"#),
            &format!("node 1 of the update graph has version `{version}`, expected semver like `4.16.2`: {why}"),
        );
    }
    check(
        "[]",
        "the update graph is not the expected JSON: invalid type: sequence, expected an update graph: an object with `nodes` and `edges` at line 1 column 0",
    );
    check("", "the update graph is not the expected JSON: EOF while parsing a value at line 1 column 0");
}

#[test]
fn conditional_edges_never_cost_the_graph() {
    check(
        r#"{"nodes": [{"version": "1.0.0"}], "conditionalEdges": [{"edges": [{"from": "1.0", "to": "2.0.0"}]}]}"#,
        "1.0.0 |  ! conditional updates cannot be read and are left out: `1.0` is no version: unexpected end of input \
         while parsing minor version number",
    );
    check(
        r#"{"nodes": [], "conditionalEdges": 7}"#,
        "|  ! conditional updates cannot be read and are left out: invalid type: integer `7`, expected a sequence at \
         line 1 column 1",
    );
}

#[test]
fn versions_ascend_by_precedence() {
    let graph =
        Graph::from_json(graph_json("4.18.0 4.18.0-rc.1 4.17.9 4.18.0-ec.10 4.18.0-ec.2 4.17.9", "").as_bytes());
    let versions: Vec<String> = graph.unwrap().versions().into_iter().map(Version::to_string).collect();
    assert_eq!(versions, ["4.17.9", "4.18.0-ec.2", "4.18.0-ec.10", "4.18.0-rc.1", "4.18.0"]);
}

#[test]
fn channels_come_from_metadata() {
    let json = r#"{"nodes": [
        {"version": "1.0.0", "metadata": {"io.openshift.upgrades.graph.release.channels": "stable-1.0, fast-1.0,"}},
        {"version": "1.0.1", "metadata": {"io.openshift.upgrades.graph.release.channels": "candidate-1.0,fast-1.0"}},
        {"version": "1.0.2", "metadata": {"url": "x"}}]}"#;
    let graph = Graph::from_json(json.as_bytes()).unwrap();
    assert_eq!(graph.channels().into_iter().collect::<Vec<_>>(), ["candidate-1.0", "fast-1.0", "stable-1.0"]);
    assert_eq!(graph.nodes()[0].channels().collect::<Vec<_>>(), ["stable-1.0", "fast-1.0"]);
}

#[test]
fn responses() {
    let check = |status, body: &str, expected: &str| {
        let found = read_response(status, body.as_bytes()).map_or_else(|error| error.to_string(), |_| "a graph".into());
        assert_eq!(found, expected);
    };
    check(200, "{}", "a graph");
    check(204, "{}", "GetGraphDataFailed: unexpected HTTP status 204 No Content");
    check(
        400,
        r#"{"kind": "missing_params", "value": "mandatory client parameters 'channel' is missing"}"#,
        "GetGraphDataFailed: unexpected HTTP status 400 Bad Request (missing_params: mandatory client parameters \
         'channel' is missing)",
    );
    check(502, "<html>", "GetGraphDataFailed: unexpected HTTP status 502 Bad Gateway");
    check(
        200,
        "<html>",
        "ResponseInvalid: the update graph is not the expected JSON: expected value at line 1 column 1",
    );
    assert_eq!(GraphError::NotOnDisk.to_string(), "NoGraphData: No graph data found on disk");
}

proptest! {
    /// Any bytes are read or refused; what is read keeps its counts, and edges stay inside.
    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Graph::from_json(&bytes);
    }

    /// Reading is the inverse of writing.
    #[test]
    fn written_graphs_are_read(
        versions in prop::collection::vec((0..5_u64, 0..5_u64, 0..5_u64), 1..12),
        edges in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..30),
    ) {
        let nodes: Vec<_> = versions.iter().map(|(x, y, z)| serde_json::json!({"version": format!("{x}.{y}.{z}"), "payload": "p"})).collect();
        let edges: Vec<(usize, usize)> = edges.iter().map(|(a, b)| (a.index(nodes.len()), b.index(nodes.len()))).collect();
        let json = serde_json::json!({"nodes": nodes, "edges": edges}).to_string();
        let graph = Graph::from_json(json.as_bytes()).unwrap();
        let found: Vec<_> = graph.nodes().iter().map(|n| (n.version.major, n.version.minor, n.version.patch)).collect();
        prop_assert_eq!(found, versions);
        let mut expected = edges;
        expected.sort_unstable();
        expected.dedup();
        let mut found: Vec<_> = graph.edges().collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
        for from in 0..graph.nodes().len() {
            for to in 0..graph.nodes().len() {
                crate::real::check_path(&graph, from, to);
            }
        }
    }
}
