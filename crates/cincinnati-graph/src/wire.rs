//! The JSON of the update service as it travels. Private and dull: [`crate::Graph`] is the meaning.
//!
//! Upstream reads the answer with a decoder that matches keys without regard to case and takes `null` for "absent";
//! answers that pass there pass here.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// `{nodes, edges, conditionalEdges}`.
#[derive(Default)]
pub(crate) struct WireGraph<'a> {
    pub(crate) nodes: Vec<WireNode>,
    pub(crate) edges: Vec<WireEdge>,
    /// Kept raw: upstream never looks inside, so a mistake there must not cost the graph.
    pub(crate) conditional_edges: Option<&'a RawValue>,
}

/// `{version, payload, metadata}`.
#[derive(Default)]
pub(crate) struct WireNode {
    pub(crate) version: String,
    pub(crate) payload: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// `[from, to]`; `found` counts the numbers that were there.
pub(crate) struct WireEdge {
    pub(crate) ends: [u64; 2],
    pub(crate) found: usize,
}

/// One entry of `conditionalEdges`.
#[derive(Deserialize)]
pub(crate) struct WireConditionalEdges {
    #[serde(default)]
    pub(crate) edges: Vec<WireConditionalEdge>,
    #[serde(default)]
    pub(crate) risks: Vec<WireRisk>,
}

/// `{from, to}`, by version.
#[derive(Deserialize)]
pub(crate) struct WireConditionalEdge {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// `{url, name, message}`; the matching rules are for clusters, not for mirrors.
#[derive(Deserialize)]
pub(crate) struct WireRisk {
    #[serde(default)]
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// `{kind, value}`: how the service says what was wrong with a request.
#[derive(Deserialize)]
pub(crate) struct WireServiceError {
    pub(crate) kind: String,
    pub(crate) value: String,
}

impl<'de: 'a, 'a> Deserialize<'de> for WireGraph<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GraphVisitor;
        impl<'de> Visitor<'de> for GraphVisitor {
            type Value = WireGraph<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an update graph: an object with `nodes` and `edges`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut graph = WireGraph::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key.eq_ignore_ascii_case("nodes") {
                        graph.nodes = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else if key.eq_ignore_ascii_case("edges") {
                        graph.edges = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else if key.eq_ignore_ascii_case("conditionalEdges") {
                        graph.conditional_edges = map.next_value::<Option<&'de RawValue>>()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(graph)
            }
        }
        deserializer.deserialize_map(GraphVisitor)
    }
}

impl<'de> Deserialize<'de> for WireNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;
        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = WireNode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a release: an object with `version` and `payload`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut node = WireNode::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key.eq_ignore_ascii_case("version") {
                        node.version = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else if key.eq_ignore_ascii_case("payload") {
                        node.payload = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else if key.eq_ignore_ascii_case("metadata") {
                        let entries: Option<BTreeMap<String, Option<String>>> = map.next_value()?;
                        let entries = entries.unwrap_or_default();
                        node.metadata = entries.into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(node)
            }
        }
        deserializer.deserialize_map(NodeVisitor)
    }
}

impl<'de> Deserialize<'de> for WireEdge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EdgeVisitor;
        impl<'de> Visitor<'de> for EdgeVisitor {
            type Value = WireEdge;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an edge: two node numbers, like `[0, 1]`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut edge = WireEdge { ends: [0; 2], found: 0 };
                while let Some(index) = seq.next_element()? {
                    if let Some(end) = edge.ends.get_mut(edge.found) {
                        *end = index;
                    }
                    edge.found += 1;
                }
                Ok(edge)
            }
        }
        deserializer.deserialize_seq(EdgeVisitor)
    }
}
