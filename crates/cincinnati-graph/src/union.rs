//! All graphs of one architecture laid over each other: a cluster changes its channel on the way.

// Numbers of nodes were checked when the graph was read (`Graph::from_json`), or are places in a list that is made here.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::{Graph, Graphs, Release, Risk, Service};

/// The selected versions of one architecture of one service.
pub(crate) struct Group<'a> {
    pub(crate) service: Service,
    pub(crate) arch: &'a str,
    pub(crate) selected: BTreeSet<&'a Version>,
}

/// The releases by service and architecture, in the order in which these appear.
pub(crate) fn groups(releases: &[Release]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for release in releases {
        let known = groups.iter_mut().find(|group| group.service == release.service && group.arch == release.arch);
        match known {
            Some(group) => {
                group.selected.insert(&release.version);
            }
            None => groups.push(Group {
                service: release.service,
                arch: &release.arch,
                selected: BTreeSet::from([&release.version]),
            }),
        }
    }
    groups
}

/// The known risks of a conditional update; none for an update that is recommended everywhere.
pub(crate) type Condition<'a> = Option<Vec<&'a Risk>>;

pub(crate) struct Union<'a> {
    pub(crate) nodes: Vec<UnionNode<'a>>,
    pub(crate) by_version: BTreeMap<&'a Version, usize>,
    /// For each node its targets.
    pub(crate) edges: Vec<BTreeMap<usize, Condition<'a>>>,
}

pub(crate) struct UnionNode<'a> {
    pub(crate) version: &'a Version,
    pub(crate) payload: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) channels: BTreeSet<&'a str>,
}

impl<'a> Union<'a> {
    pub(crate) fn of(graphs: &'a Graphs, service: Service, arch: &str) -> Self {
        let of_group = graphs.iter().filter(|(key, _)| key.service == service && key.arch == arch);
        Self::new(&of_group.map(|(key, graph)| (key.channel.as_str(), graph)).collect::<Vec<_>>())
    }

    fn new(graphs: &[(&'a str, &'a Graph)]) -> Self {
        let mut union = Self { nodes: Vec::new(), by_version: BTreeMap::new(), edges: Vec::new() };
        for &(channel, graph) in graphs {
            for node in graph.ascending() {
                let index = *union.by_version.entry(&node.version).or_insert_with(|| {
                    let channels = BTreeSet::new();
                    union.nodes.push(UnionNode { version: &node.version, payload: &node.payload, channel, channels });
                    union.nodes.len() - 1
                });
                union.nodes[index].channels.extend(node.channels());
            }
        }
        union.edges = vec![BTreeMap::new(); union.nodes.len()];
        for (_, graph) in graphs {
            for edges in graph.conditional_edges() {
                for (from, to) in &edges.edges {
                    let ends = (union.by_version.get(from), union.by_version.get(to));
                    if let (Some(&from), Some(&to)) = ends {
                        let risks = union.edges[from].entry(to).or_default().get_or_insert_default();
                        risks.extend(&edges.risks);
                        risks.sort();
                        risks.dedup();
                    }
                }
            }
        }
        // An update that any channel offers without condition has none.
        for (_, graph) in graphs {
            for (from, to) in graph.edges() {
                let index = |node: usize| union.by_version[&graph.nodes()[node].version];
                let (from, to) = (index(from), index(to));
                union.edges[from].insert(to, None);
            }
        }
        union
    }
}
