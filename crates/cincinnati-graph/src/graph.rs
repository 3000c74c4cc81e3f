//! The update graph of one channel and architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use semver::Version;

use crate::wire::{WireConditionalEdges, WireGraph};

/// The longest answer that is read, in bytes. The largest public graph has less than half a million.
pub const MAX_GRAPH_BYTES: usize = 64 * 1024 * 1024;

/// The node metadata key that lists the channels of a release, separated by commas.
pub const CHANNELS_METADATA: &str = "io.openshift.upgrades.graph.release.channels";

/// Releases and the updates between them: one answer of the update service.
///
/// Nodes keep the order of the answer, because edges name them by it. Whatever orders versions here does so by semver
/// precedence (semver.org, section 11): prereleases count, build metadata does not.
#[derive(Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Node numbers in ascending version order; equal versions in the order of the answer.
    ascending: Vec<usize>,
    /// For each node its targets, in descending version order, each once.
    successors: Vec<Vec<usize>>,
    conditional_edges: Vec<ConditionalEdges>,
    warnings: Vec<String>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The version of the release.
    pub version: Version,
    /// The image reference of the release payload as the service gives it, normally `repository@sha256:…`.
    pub payload: String,
    /// What else the service says about the release: `url`, the list of channels, and so on.
    pub metadata: BTreeMap<String, String>,
}

impl Node {
    /// The channels this release is in, according to its metadata.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        let list = self.metadata.get(CHANNELS_METADATA).map_or("", String::as_str);
        list.split(',').map(str::trim).filter(|channel| !channel.is_empty())
    }
}

/// Updates that are recommended only where none of the risks applies. Never part of a path that is selected
/// (`docs/behaviour/release.md` 1); read for what is said about upgrade safety.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionalEdges {
    /// From version, to version.
    pub edges: Vec<(Version, Version)>,
    /// The known problems of these updates.
    pub risks: Vec<Risk>,
}

/// A known problem of an update.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Risk {
    /// The name, in CamelCase.
    pub name: String,
    /// What happens, for people.
    pub message: String,
    /// Where more is said.
    pub url: String,
}

impl Graph {
    /// Reads an answer of the update service (Cincinnati v1 JSON, `docs/behaviour/release.md` 1).
    ///
    /// Keys match without regard to case, unknown keys are ignored, cycles and repeated versions are allowed.
    /// `conditionalEdges` that cannot be read are left out with an entry in [`Graph::warnings`], for they decide
    /// nothing.
    ///
    /// # Errors
    /// When the bytes are no such JSON, a version is not strict semver, or an edge names no node. One bad entry makes
    /// the whole graph invalid.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ParseGraphError> {
        if bytes.len() > MAX_GRAPH_BYTES {
            return Err(ParseGraphError::TooLarge { bytes: bytes.len() });
        }
        let wire: WireGraph<'_> = serde_json::from_slice(bytes)?;
        let mut nodes = Vec::with_capacity(wire.nodes.len());
        for (index, node) in wire.nodes.into_iter().enumerate() {
            let version = Version::parse(&node.version).map_err(|source| ParseGraphError::Version {
                index,
                version: node.version,
                source,
            })?;
            nodes.push(Node { version, payload: node.payload, metadata: node.metadata });
        }

        let mut successors = vec![Vec::new(); nodes.len()];
        for (edge, wire) in wire.edges.into_iter().enumerate() {
            if wire.found < 2 {
                return Err(ParseGraphError::ShortEdge { edge, found: wire.found });
            }
            let node = |index: u64| match usize::try_from(index) {
                Ok(index) if index < nodes.len() => Ok(index),
                _ => Err(ParseGraphError::NoSuchNode { edge, index, nodes: nodes.len() }),
            };
            let [from, to] = wire.ends;
            let (from, to) = (node(from)?, node(to)?);
            if let Some(targets) = successors.get_mut(from) {
                targets.push(to);
            }
        }

        let mut ascending: Vec<usize> = (0..nodes.len()).collect();
        let version = |index: usize| nodes.get(index).map(|node| &node.version);
        ascending.sort_by(|&a, &b| version(a).cmp(&version(b)));
        for targets in &mut successors {
            // The number breaks ties between repeated versions, so that equal answers give equal paths.
            targets.sort_by(|&a, &b| version(b).cmp(&version(a)).then(a.cmp(&b)));
            targets.dedup();
        }

        let mut warnings = Vec::new();
        let conditional_edges = match wire.conditional_edges.map(|raw| read_conditional_edges(raw.get())) {
            None => Vec::new(),
            Some(Ok(edges)) => edges,
            Some(Err(problem)) => {
                warnings.push(format!("conditional updates cannot be read and are left out: {problem}"));
                Vec::new()
            }
        };
        Ok(Self { nodes, ascending, successors, conditional_edges, warnings })
    }

    /// All releases, in the order of the answer.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All unconditional updates, as node numbers, each once.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.successors.iter().enumerate().flat_map(|(from, targets)| targets.iter().map(move |&to| (from, to)))
    }

    /// All conditional updates.
    pub fn conditional_edges(&self) -> &[ConditionalEdges] {
        &self.conditional_edges
    }

    /// What was left out while reading.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The versions, ascending; a repeated version once.
    pub fn versions(&self) -> Vec<&Version> {
        let mut versions: Vec<_> = self.ascending().map(|node| &node.version).collect();
        versions.dedup();
        versions
    }

    /// The releases, by ascending version.
    pub fn ascending(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.ascending.iter().filter_map(|&index| self.nodes.get(index))
    }

    /// Every channel that the metadata of any release names: what `list releases --channels` prints.
    pub fn channels(&self) -> BTreeSet<&str> {
        self.nodes.iter().flat_map(Node::channels).collect()
    }

    /// The number of the release with this version, build metadata aside; the first one of the answer.
    pub fn find(&self, version: &Version) -> Option<usize> {
        self.nodes.iter().position(|node| node.version.cmp_precedence(version).is_eq())
    }

    /// The release with this version, build metadata aside.
    pub fn node(&self, version: &Version) -> Option<&Node> {
        self.find(version).and_then(|index| self.nodes.get(index))
    }

    pub(crate) fn successors(&self, node: usize) -> &[usize] {
        self.successors.get(node).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The edges of a real graph fill many screens; counts tell more.
        f.debug_struct("Graph")
            .field("nodes", &self.nodes.len())
            .field("edges", &self.edges().count())
            .field("conditional_edges", &self.conditional_edges.len())
            .finish_non_exhaustive()
    }
}

fn read_conditional_edges(json: &str) -> Result<Vec<ConditionalEdges>, String> {
    let wire: Option<Vec<WireConditionalEdges>> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let version = |text: &str| Version::parse(text).map_err(|error| format!("`{text}` is no version: {error}"));
    wire.unwrap_or_default()
        .into_iter()
        .map(|entry| {
            let edges = entry.edges.iter().map(|edge| Ok((version(&edge.from)?, version(&edge.to)?)));
            let risks = entry.risks.into_iter();
            Ok(ConditionalEdges {
                edges: edges.collect::<Result<_, String>>()?,
                risks: risks.map(|risk| Risk { name: risk.name, message: risk.message, url: risk.url }).collect(),
            })
        })
        .collect()
}

/// Why an answer is no update graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ParseGraphError {
    #[error("the update graph has {bytes} bytes, more than the {MAX_GRAPH_BYTES} that are read")]
    TooLarge { bytes: usize },
    #[error("the update graph is not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("node {index} of the update graph has version `{version}`, expected semver like `4.16.2`: {source}")]
    Version { index: usize, version: String, source: semver::Error },
    #[error("edge {edge} of the update graph has {found} node numbers, expected two, like `[0, 1]`")]
    ShortEdge { edge: usize, found: usize },
    #[error("edge {edge} of the update graph names node {index}, but there are only {nodes} nodes")]
    NoSuchNode { edge: usize, index: u64, nodes: usize },
}
