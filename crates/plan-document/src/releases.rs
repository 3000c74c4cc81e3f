//! The releases of a plan, and how clusters get from one to another.

// Every index is a place in a list that is made here, never a number of a document.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use mirror_plan::{ImageKind, ReleaseUpdate};
use semver::Version;

use crate::model::{Document, Image};

/// The releases of one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseGraph<'a> {
    /// The architecture; none when the plan does not say.
    pub architecture: Option<&'a str>,
    /// The releases, the lowest version first.
    pub nodes: Vec<ReleaseNode<'a>>,
    /// The updates between them, as numbers of nodes; none of them leads to where it starts.
    pub edges: Vec<(usize, usize, &'a ReleaseUpdate)>,
}

/// A release in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseNode<'a> {
    /// Its version; the tag of its payload when the plan does not say.
    pub label: &'a str,
    /// The channels that selected it.
    pub channels: &'a [String],
    /// Whether the plan knows its updates.
    pub known: bool,
}

impl ReleaseGraph<'_> {
    /// The releases of a plan, by architecture.
    pub fn all(document: &Document) -> Vec<ReleaseGraph<'_>> {
        let mut groups: BTreeMap<Option<&str>, Vec<&Image>> = BTreeMap::new();
        for image in payloads(document) {
            let architecture = image.release.as_ref().and_then(|release| release.architecture.as_deref());
            groups.entry(architecture).or_default().push(image);
        }
        groups
            .into_iter()
            .map(|(architecture, mut images)| {
                images.sort_by_key(|image| order(label(image)));
                let nodes = images.iter().map(|image| {
                    let release = image.release.as_ref();
                    ReleaseNode {
                        label: label(image),
                        channels: release.map_or(&[], |release| &release.channels),
                        known: release.is_some_and(|release| release.updates.is_some()),
                    }
                });
                let place = |version: &str| images.iter().position(|image| version_of(image) == Some(version));
                let edges = images.iter().enumerate().flat_map(|(from, image)| {
                    let updates = updates(image).filter_map(move |update| Some((from, place(&update.to)?, update)));
                    updates.filter(|(from, to, _)| from != to)
                });
                ReleaseGraph { architecture, nodes: nodes.collect(), edges: edges.collect() }
            })
            .collect()
    }
}

impl Document {
    /// Leaves out updates to releases that are not in the plan, such as those that `blockedImages` keeps out.
    pub fn drop_updates_to_elsewhere(&mut self) {
        let planned: BTreeSet<(Option<String>, String)> =
            payloads(self).filter_map(|image| Some((architecture(image), version_of(image)?.to_owned()))).collect();
        for image in &mut self.images {
            let architecture = architecture(image);
            if let Some(updates) = image.release.as_mut().and_then(|release| release.updates.as_mut()) {
                updates.retain(|update| planned.contains(&(architecture.clone(), update.to.clone())));
            }
        }
    }
}

/// A version that an image updates to and that the plan does not have.
pub(crate) fn update_to_elsewhere(document: &Document) -> Option<(&Image, &ReleaseUpdate)> {
    let planned: BTreeSet<(Option<String>, &str)> =
        payloads(document).filter_map(|image| Some((architecture(image), version_of(image)?))).collect();
    let with_updates = document.images.iter().flat_map(|image| updates(image).map(move |update| (image, update)));
    let mut elsewhere =
        with_updates.filter(|(image, update)| !planned.contains(&(architecture(image), update.to.as_str())));
    elsewhere.next()
}

/// The payloads of releases. An image of another kind may be a payload as well, under one name with it.
fn payloads(document: &Document) -> impl Iterator<Item = &Image> {
    document.images.iter().filter(|image| image.release.is_some() || image.kind == ImageKind::ReleasePayload)
}

pub(crate) fn updates(image: &Image) -> impl Iterator<Item = &ReleaseUpdate> {
    image.release.iter().flat_map(|release| &release.updates).flatten()
}

fn architecture(image: &Image) -> Option<String> {
    image.release.as_ref()?.architecture.clone()
}

pub(crate) fn version_of(image: &Image) -> Option<&str> {
    image.release.as_ref()?.version.as_deref()
}

/// The version of a release, else the tag of its payload.
pub(crate) fn label(image: &Image) -> &str {
    version_of(image).unwrap_or_else(|| image.name.rsplit_once(':').map_or(image.name.as_str(), |(_, tag)| tag))
}

/// What sorts versions: by number, and what is no version after all that are.
pub(crate) fn order(version: &str) -> (bool, Option<Version>, String) {
    let parsed = Version::parse(version).ok();
    (parsed.is_none(), parsed, version.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use mirror_plan::PlannedRelease;

    use super::*;
    use crate::shards::tests::plan;

    /// A plan of releases for amd64, each with its updates: `to`, or `to?Risk` for a conditional one.
    pub(crate) fn releases(rows: &[(&str, Option<&[&str]>)]) -> Document {
        let blobs: Vec<[u64; 1]> = (0..rows.len() as u64).map(|at| [at]).collect();
        let images: Vec<(&[u64], &[usize])> = blobs.iter().map(|blobs| (&blobs[..], &[][..])).collect();
        let mut document = plan(&images, |blob| blob);
        for (image, (version, updates)) in document.images.iter_mut().zip(rows) {
            let update = |text: &&str| {
                let (to, risk) = text.split_once('?').map_or((*text, None), |(to, risk)| (to, Some(risk)));
                let risks = risk.into_iter().map(str::to_owned).collect();
                ReleaseUpdate { to: to.to_owned(), conditional: risk.is_some(), risks }
            };
            image.kind = ImageKind::ReleasePayload;
            image.name = format!("openshift/release-images:{version}-x86_64");
            image.release = Some(PlannedRelease {
                version: Some((*version).to_owned()),
                architecture: Some("amd64".to_owned()),
                channels: vec!["stable".to_owned()],
                updates: updates.map(|updates| updates.iter().map(update).collect()),
            });
        }
        document
    }

    fn shown(document: &Document) -> Vec<String> {
        let graphs = ReleaseGraph::all(document);
        let of_graph = graphs.iter().flat_map(|graph| {
            let node = |at: usize| graph.nodes[at].label;
            let edge = move |(from, to, update): &(usize, usize, &ReleaseUpdate)| {
                let sign = if update.conditional { "?" } else { "" };
                format!("{} {} > {}{sign}", graph.architecture.unwrap_or("-"), node(*from), node(*to))
            };
            let edges = graph.edges.iter().map(edge).collect::<Vec<_>>();
            let labels: Vec<&str> = graph.nodes.iter().map(|node| node.label).collect();
            std::iter::once(labels.join(" ")).chain(edges)
        });
        of_graph.collect()
    }

    #[test]
    fn edges_lead_between_the_releases_of_an_architecture() {
        let rows: [(&str, Option<&[&str]>); 4] = [
            ("4.10.1", Some(&[])),
            ("4.9.0", Some(&["4.9.0", "4.9.2", "4.10.1?Fire"])),
            ("4.9.2", Some(&["4.10.1"])),
            ("4.10.0-rc.1", Some(&[])),
        ];
        let mut document = releases(&rows);
        let expected =
            ["4.9.0 4.9.2 4.10.0-rc.1 4.10.1", "amd64 4.9.0 > 4.9.2", "amd64 4.9.0 > 4.10.1?", "amd64 4.9.2 > 4.10.1"];
        assert_eq!(shown(&document), expected);
        assert!(ReleaseGraph::all(&document)[0].nodes.iter().all(|node| node.known));
        // Another architecture is another graph, and what the plan does not say has no edges.
        if let Some(release) = &mut document.images[2].release {
            release.architecture = Some("arm64".to_owned());
        }
        document.images[3].release = None;
        document.drop_updates_to_elsewhere();
        assert_eq!(shown(&document), ["4.10.0-rc.1-x86_64", "4.9.0 4.10.1", "amd64 4.9.0 > 4.10.1?", "4.9.2"]);
        assert!(!ReleaseGraph::all(&document)[0].nodes[0].known);
    }

    #[test]
    fn a_plan_names_no_release_that_is_not_in_it() {
        let mut document = releases(&[("4.9.0", Some(&["4.9.1", "4.9.2"])), ("4.9.2", None)]);
        let error = document.check().unwrap_err().to_string();
        assert_eq!(error, "release 4.9.0 can update to 4.9.1, which is not in the plan");
        document.drop_updates_to_elsewhere();
        assert_eq!(document.check(), Ok(()));
        assert_eq!(shown(&document), ["4.9.0 4.9.2", "amd64 4.9.0 > 4.9.2"]);
    }
}
