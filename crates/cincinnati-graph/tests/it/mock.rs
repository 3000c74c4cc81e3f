//! A mock update service: the graphs of `docs/behaviour/release.md` 2.8.

use std::fmt::Write as _;
#[cfg(feature = "client")]
use std::sync::Mutex;

use cincinnati_graph::{
    Channel, Graph, GraphError, GraphKey, Request, Selection, Selector, Service, Step, read_response,
};

const CHAIN: &str = "chain";

/// Channel, nodes, edges. The arm64 graph of `stable-4.14` is listed apart.
const CHANNELS: &[(&str, &str, &str)] = &[
    (
        "stable-4.14",
        "4.13.9 4.14.0 4.14.1 4.14.2 4.14.3",
        "4.13.9>4.14.1 4.14.0>4.14.1 4.14.0>4.14.2 4.14.1>4.14.3 4.14.2>4.14.3",
    ),
    (
        "stable-4.15",
        "4.14.2 4.14.3 4.15.0 4.15.1 4.15.2",
        "4.14.2>4.15.0 4.14.2>4.15.1 4.14.3>4.15.1 4.15.0>4.15.2 4.15.1>4.15.2",
    ),
    ("stable-4.16", "4.15.2 4.16.0 4.16.1", CHAIN),
    ("stable-4.17", "4.16.0 4.17.0", CHAIN),
    ("fast-4.15", "4.14.3 4.15.0 4.15.1 4.15.2 4.15.3", "4.14.3>4.15.1 4.15.1>4.15.3 4.15.2>4.15.3"),
    (
        "candidate-4.18",
        "4.18.0-ec.2 4.18.0-ec.10 4.18.0-rc.1 4.17.9",
        "4.18.0-ec.2>4.18.0-ec.10 4.18.0-ec.10>4.18.0-rc.1 4.17.9>4.18.0-rc.1",
    ),
    ("eus-4.16", "4.14.3 4.15.2 4.16.1", CHAIN),
    ("tie-1.0", "1.0.0 1.0.1 1.0.2 1.0.3", "1.0.0>1.0.1 1.0.0>1.0.2 1.0.1>1.0.3 1.0.2>1.0.3"),
    (
        "cyc-1.0",
        "1.0.0 1.0.1 1.0.2 1.0.3 1.0.4",
        "1.0.0>1.0.1 1.0.0>1.0.2 1.0.1>1.0.4 1.0.2>1.0.3 1.0.3>1.0.4 1.0.4>1.0.0",
    ),
    ("empty-1.0", "", ""),
    ("eus-4.14", "4.14.0 4.14.3", CHAIN),
];

/// A graph in the notation of `docs/behaviour/release.md` 2.8: versions, and `from>to` or `chain`. The payload of a
/// version is its own.
pub(crate) fn graph_json(nodes: &str, edges: &str) -> String {
    let nodes: Vec<&str> = nodes.split_whitespace().collect();
    let mut json = String::from(r#"{"version": 1, "nodes": ["#);
    for (index, version) in nodes.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(
            json,
            r#"{comma}{{"version": "{version}", "payload": "quay.io/ocp/release@{}", "metadata": {{{}}}}}"#,
            digest(version),
            channels(version)
        )
        .unwrap();
    }
    let pairs: Vec<(usize, usize)> = if edges == CHAIN {
        (1..nodes.len()).map(|node| (node - 1, node)).collect()
    } else {
        let find = |version| nodes.iter().position(|node| *node == version).expect("an edge of the test graph");
        edges.split_whitespace().map(|edge| edge.split_once('>').unwrap()).map(|(a, b)| (find(a), find(b))).collect()
    };
    let edges: Vec<String> = pairs.iter().map(|(from, to)| format!("[{from}, {to}]")).collect();
    write!(json, r#"], "edges": [{}]}}"#, edges.join(", ")).unwrap();
    json
}

/// The metadata entry that lists the channels of a version.
fn channels(version: &str) -> String {
    let holds = |row: &&(&str, &str, &str)| row.1.split_whitespace().any(|node| node == version);
    let names: Vec<&str> = CHANNELS.iter().filter(holds).map(|row| row.0).collect();
    format!(r#""{}": "{}""#, cincinnati_graph::CHANNELS_METADATA, names.join(","))
}

fn digest(version: &str) -> String {
    let hex = version.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("sha256:{hex:0<64}")
}

/// Answers from the table, keeps a log of requests and the files that a run with a network leaves behind.
#[derive(Default)]
pub(crate) struct Mock {
    pub(crate) log: Vec<String>,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// Spliced into every graph in front of the last brace.
    pub(crate) extra: &'static str,
}

impl Mock {
    fn answer(&mut self, key: &GraphKey) -> Result<Graph, GraphError> {
        self.log.push(key.to_string());
        let row = CHANNELS.iter().find(|row| row.0 == key.channel && key.service == Service::Ocp);
        let Some(&(channel, mut nodes, mut edges)) = row else {
            return read_response(404, br#"{"kind": "not_found", "value": "no such channel"}"#);
        };
        match key.arch.as_str() {
            "arm64" if channel == "stable-4.14" => (nodes, edges) = ("4.14.0 4.14.1 4.14.2 4.14.4", CHAIN),
            "amd64" | "arm64" | "multi" => {}
            _ => (nodes, edges) = ("", ""),
        }
        let mut json = graph_json(nodes, edges);
        json.truncate(json.len() - 1);
        let json = format!("{json}{}}}", self.extra);
        self.files.push((key.file_name(), json.clone().into_bytes()));
        read_response(200, json.as_bytes())
    }

    /// Runs a selection to its end, with this service or, afterwards, with the files it left.
    pub(crate) fn select(&mut self, request: Request) -> (Selection, Selector) {
        drive(request, |key| self.answer(key))
    }

    pub(crate) fn replay(&self, request: Request) -> (Selection, Selector) {
        drive(request, |key| match self.files.iter().find(|(name, _)| *name == key.file_name()) {
            Some((_, bytes)) => Graph::from_json(bytes).map_err(GraphError::DataInvalid),
            None => Err(GraphError::NotOnDisk),
        })
    }
}

fn drive(request: Request, mut answer: impl FnMut(&GraphKey) -> Result<Graph, GraphError>) -> (Selection, Selector) {
    let mut selector = Selector::new(request);
    loop {
        match selector.step() {
            Step::Done(selection) => return (selection, selector),
            Step::Need(keys) => {
                assert!(!keys.is_empty(), "a step that needs nothing is done");
                for key in keys {
                    assert!(selector.graphs().get(&key).is_none(), "{key} was asked for before");
                    let answer = answer(&key);
                    selector.insert(key, answer);
                }
            }
        }
    }
}

/// The mock as an asynchronous source.
#[cfg(feature = "client")]
pub(crate) struct AsyncMock(pub(crate) Mutex<Mock>);

#[cfg(feature = "client")]
impl cincinnati_graph::client::GraphSource for AsyncMock {
    async fn graph(&self, key: &GraphKey) -> Result<Graph, GraphError> {
        self.0.lock().unwrap().answer(key)
    }
}

/// Reads `channel [min,max] flags`: `stable-4.14 [4.14.1,] short full okd`.
pub(crate) fn channel(text: &str) -> Channel {
    let mut words = text.split_whitespace();
    let mut channel = Channel::head(words.next().unwrap_or_default());
    for word in words {
        match word {
            "short" => channel.shortest_path = true,
            "full" => channel.full = true,
            "okd" => channel.service = Service::Okd,
            bounds => {
                let bounds = bounds.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).expect("[min,max]");
                let (min, max) = bounds.split_once(',').expect("[min,max]");
                channel.min_version = (!min.is_empty()).then(|| min.to_owned());
                channel.max_version = (!max.is_empty()).then(|| max.to_owned());
            }
        }
    }
    channel
}

/// Reads several channels, separated by `+`.
pub(crate) fn request(channels: &str) -> Request {
    let channels = channels.split('+').map(str::trim).filter(|text| !text.is_empty()).map(channel).collect();
    Request { channels, ..Request::default() }
}
