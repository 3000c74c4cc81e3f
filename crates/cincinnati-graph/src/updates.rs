//! The updates between the releases of a selection.

// Places in lists that are made here.
#![allow(clippy::indexing_slicing)]

use semver::Version;

use crate::union::{Union, groups};
use crate::{Graphs, Release, Risk};

/// An update from one selected release to another one of its architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The version that a cluster updates to.
    pub to: Version,
    /// Whether the update is recommended only where none of the risks applies, in every channel that offers it.
    pub conditional: bool,
    /// The known problems of a conditional update, by name.
    pub risks: Vec<Risk>,
}

impl Update {
    /// For each of `releases`, in their order, the updates to others of them, by ascending version. `graphs` are those that
    /// the selection was made from: the graphs of all channels count together, because a cluster can change its channel.
    ///
    /// ```
    /// use cincinnati_graph::{Channel, Graph, GraphKey, Request, Selector, Step, Update};
    ///
    /// let channel = Channel { full: true, ..Channel::head("stable-4.16") };
    /// let mut selector = Selector::new(Request { channels: vec![channel], ..Request::default() });
    /// let answer = r#"{"nodes": [{"version": "4.16.0", "payload": "q.io/r@sha256:1"},
    ///     {"version": "4.16.1", "payload": "q.io/r@sha256:2"}], "edges": [[0, 1]]}"#;
    /// let graph = Graph::from_json(answer.as_bytes()).unwrap();
    /// selector.insert(GraphKey::ocp("amd64", "stable-4.16"), Ok(graph));
    /// let Step::Done(selection) = selector.step() else { panic!("all is known") };
    /// let updates = Update::all(&selection.releases, selector.graphs());
    /// assert_eq!(updates[0][0].to.to_string(), "4.16.1");
    /// assert!(updates[1].is_empty());
    /// ```
    pub fn all(releases: &[Release], graphs: &Graphs) -> Vec<Vec<Self>> {
        let mut updates = vec![Vec::new(); releases.len()];
        for group in groups(releases) {
            let union = Union::of(graphs, group.service, group.arch);
            let of_group = |release: &Release| release.service == group.service && release.arch == group.arch;
            for (release, updates) in releases.iter().zip(&mut updates).filter(|(release, _)| of_group(release)) {
                let Some(&from) = union.by_version.get(&release.version) else { continue };
                for (&to, condition) in union.edges[from].iter().filter(|(to, _)| **to != from) {
                    let version = union.nodes[to].version;
                    if group.selected.contains(version) {
                        let risks = condition.iter().flatten().map(|&risk| risk.clone()).collect();
                        updates.push(Self { to: version.clone(), conditional: condition.is_some(), risks });
                    }
                }
                updates.sort_by(|one, other| one.to.cmp(&other.to));
            }
        }
        updates
    }
}
