//! The release update graph: which OpenShift releases a configuration means, and how clusters get from one to another.
//!
//! An update service answers for a channel and an architecture with a [`Graph`]: releases, and the updates between
//! them. A [`Selector`] takes a [`Request`], the release part of a configuration, names the graphs it needs as
//! [`GraphKey`]s, and ends in a [`Selection`]: releases with the reasons for each. A [`Report`] then says whether a
//! cluster can go from the lowest to the highest of them, which upstream leaves to the reader.
//!
//! ```
//! use cincinnati_graph::{Channel, Graph, Request, Selector, Step};
//!
//! let request = Request {
//!     channels: vec![Channel { min_version: Some("4.16.0".into()), ..Channel::head("stable-4.16") }],
//!     ..Request::default()
//! };
//! let mut selector = Selector::new(request);
//! let selection = loop {
//!     match selector.step() {
//!         Step::Done(selection) => break selection,
//!         Step::Need(keys) => {
//!             for key in keys {
//!                 assert_eq!(key.file_name(), "amd64-stable-4.16.json");
//!                 let answer = r#"{"nodes": [
//!                     {"version": "4.15.9", "payload": "quay.io/ocp/release@sha256:1…"},
//!                     {"version": "4.16.0", "payload": "quay.io/ocp/release@sha256:2…"},
//!                     {"version": "4.16.2", "payload": "quay.io/ocp/release@sha256:3…"}
//!                 ], "edges": [[0, 1], [1, 2]]}"#;
//!                 selector.insert(key, Ok(Graph::from_json(answer.as_bytes()).unwrap()));
//!             }
//!         }
//!     }
//! };
//! let versions: Vec<_> = selection.into_releases()?.iter().map(|release| release.version.to_string()).collect();
//! assert_eq!(versions, ["4.16.0", "4.16.2"]);
//! # Ok::<(), cincinnati_graph::SelectionError>(())
//! ```
//!
//! The crate knows no network, no file system, no clock and no randomness. [`Query`] says what to GET, and
//! [`read_response`] reads what came back; the feature `client` adds a loop for asynchronous callers. It does not know
//! what a payload holds, nor whether it is signed.
//!
//! ## Deviations
//! From oc-mirror v2, all of them suggested by `docs/behaviour/release.md`:
//! - an edge that names no node, or one node only, makes the graph invalid instead of crashing;
//! - unknown channel types are refused instead of being taken for `ocp`;
//! - bounds that are not semver are an error of the channel also when both are set;
//! - of channels with equal bounds the first one in configuration order counts, not a random one;
//! - the path across channels asks the service of OpenShift Container Platform, whatever the last channel is;
//! - "no release images found" is followed by the reasons;
//! - each graph is asked for once a run, without a start version;
//! - a channel that selects nothing for an architecture, because its bounds come from another one, is warned about.
//!
//! Beyond oc-mirror v2: [`BoundsRule::PerArchitecture`], [`Report`] with its [`Advice`], and
//! [`Request::add_intermediate_releases`].

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod advice;
#[cfg(feature = "client")]
pub mod client;
mod graph;
mod graphs;
pub mod list;
mod path;
mod query;
mod reach;
mod release;
mod select;
mod union;
mod updates;
mod wire;

pub use advice::Advice;
pub use graph::{CHANNELS_METADATA, ConditionalEdges, Graph, MAX_GRAPH_BYTES, Node, ParseGraphError, Risk};
pub use graphs::Graphs;
pub use query::{
    ACCEPT, Endpoints, GraphError, GraphKey, InvalidOverrideError, OCP_URL, OKD_URL, Query, Service, ServiceError,
    UnknownServiceError, query_id, read_response,
};
pub use reach::{ConditionalStep, MissingRelease, Report, Verdict};
pub use release::{Reason, Release, Why};
pub use select::{
    Architectures, BoundsRule, Channel, Failure, InvalidVersionFilterError, Request, SelectError, Selection,
    SelectionError, Selector, Step, VersionFilter, Warning,
};
pub use updates::Update;
