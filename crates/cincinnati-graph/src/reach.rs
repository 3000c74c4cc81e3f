//! Upgrade safety: can a cluster at the lowest selected release reach the highest one with what was selected?
//!
//! Upstream leaves this to the reader of the graph web page. Here the graphs that the selection asked for answer it.

// Numbers of nodes were checked when the graph was read (`Graph::from_json`), or are places in a list that is made here.
#![allow(clippy::indexing_slicing)]

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::fmt;

use semver::Version;

use crate::union::{Condition, Group, Union, groups};
use crate::{Graphs, Release, Risk, Service};

/// The answer for one architecture of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The service the releases come from.
    pub service: Service,
    /// The architecture.
    pub arch: String,
    /// The lowest selected version.
    pub from: Version,
    /// The highest selected version.
    pub to: Version,
    /// The answer.
    pub verdict: Verdict,
}

/// Whether, and how, the highest selected version can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// By unconditional updates between selected releases.
    Reachable {
        /// The releases of the path, both ends included.
        path: Vec<Version>,
    },
    /// Between selected releases, but only by updates with known risks. As few of these as possible.
    Conditional {
        /// The releases of the path, both ends included.
        path: Vec<Version>,
        /// The steps that have risks.
        conditional: Vec<ConditionalStep>,
    },
    /// Only through releases that are not selected. As few of these as possible.
    Missing {
        /// The releases of the path, both ends included.
        path: Vec<Version>,
        /// Those that are not selected, in path order. Never empty.
        missing: Vec<MissingRelease>,
        /// The steps that have risks; empty when there is a path without.
        conditional: Vec<ConditionalStep>,
    },
    /// The graphs that were asked for hold no path at all.
    Unreachable,
}

/// An update with known risks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionalStep {
    /// Updated from this version.
    pub from: Version,
    /// To this version.
    pub to: Version,
    /// What may happen.
    pub risks: Vec<Risk>,
}

/// A release that the path needs and the selection lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRelease {
    /// Its version.
    pub version: Version,
    /// Its payload, as the service names it.
    pub payload: String,
    /// A channel whose graph holds it.
    pub channel: String,
    /// All channels that hold it, by its metadata.
    pub channels: Vec<String>,
}

impl Report {
    /// Reports on all architectures of a selection, given the graphs it was made from.
    pub fn all(releases: &[Release], graphs: &Graphs) -> Vec<Self> {
        groups(releases)
            .into_iter()
            .filter_map(|Group { service, arch, selected }| {
                let (from, to) = ((*selected.first()?).clone(), (*selected.last()?).clone());
                let verdict = Union::of(graphs, service, arch).judge(&selected, &from, &to);
                Some(Self { service, arch: arch.to_owned(), from, to, verdict })
            })
            .collect()
    }

    /// Whether an administrator has to know: anything but [`Verdict::Reachable`].
    pub fn needs_attention(&self) -> bool {
        !matches!(self.verdict, Verdict::Reachable { .. })
    }

    /// The releases that are needed and not selected.
    pub fn missing(&self) -> &[MissingRelease] {
        match &self.verdict {
            Verdict::Missing { missing, .. } => missing,
            _ => &[],
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arch, from, to, .. } = self;
        match &self.verdict {
            Verdict::Reachable { path } if path.len() < 2 => write!(f, "{arch}: {to} is the only release selected"),
            Verdict::Reachable { path } => {
                write!(f, "{arch}: {to} can be reached from {from} with the selected releases: {}", arrows(path))
            }
            Verdict::Conditional { path, conditional } => {
                write!(
                    f,
                    "{arch}: {to} can be reached from {from} only by updates with known risks: {}",
                    arrows(path)
                )?;
                write_risks(f, conditional)
            }
            Verdict::Missing { path, missing, conditional } => {
                let missing: Vec<_> = missing.iter().map(|release| release.version.to_string()).collect();
                write!(
                    f,
                    "{arch}: {to} cannot be reached from {from} with the selected releases; the path {} needs {} as well",
                    arrows(path),
                    missing.join(", ")
                )?;
                write_risks(f, conditional)
            }
            Verdict::Unreachable => {
                write!(f, "{arch}: {to} cannot be reached from {from}: the graphs of the channels hold no path")
            }
        }
    }
}

fn arrows(path: &[Version]) -> String {
    path.iter().map(Version::to_string).collect::<Vec<_>>().join(" -> ")
}

fn write_risks(f: &mut fmt::Formatter<'_>, steps: &[ConditionalStep]) -> fmt::Result {
    for step in steps {
        for risk in &step.risks {
            write!(f, "\n  {} -> {}: {}: {} ({})", step.from, step.to, risk.name, risk.message, risk.url)?;
        }
    }
    Ok(())
}

/// What a step costs: compared from left to right.
type Cost = [usize; 3];

impl<'a> Union<'a> {
    fn judge(&self, selected: &BTreeSet<&Version>, from: &Version, to: &Version) -> Verdict {
        let (Some(&from), Some(&to)) = (self.by_version.get(from), self.by_version.get(to)) else {
            return Verdict::Unreachable;
        };
        let outside = |node: usize| usize::from(!selected.contains(self.nodes[node].version));
        let versions = |path: &[usize]| path.iter().map(|&node| self.nodes[node].version.clone()).collect();

        let risky = |condition: &Condition<'_>| usize::from(condition.is_some());
        let inside = |node, condition: &Condition<'_>| (outside(node) == 0).then(|| [risky(condition), 0, 1]);
        if let Some(path) = self.search(from, to, inside) {
            let conditional = self.conditional_steps(&path);
            return if conditional.is_empty() {
                Verdict::Reachable { path: versions(&path) }
            } else {
                Verdict::Conditional { path: versions(&path), conditional }
            };
        }
        let anywhere = |node, condition: &Condition<'_>| Some([risky(condition), outside(node), 1]);
        let Some(path) = self.search(from, to, anywhere) else { return Verdict::Unreachable };
        let missing = path.iter().filter(|&&node| outside(node) == 1).map(|&node| {
            let node = &self.nodes[node];
            MissingRelease {
                version: node.version.clone(),
                payload: node.payload.to_owned(),
                channel: node.channel.to_owned(),
                channels: node.channels.iter().map(|&channel| channel.to_owned()).collect(),
            }
        });
        Verdict::Missing {
            path: versions(&path),
            missing: missing.collect(),
            conditional: self.conditional_steps(&path),
        }
    }

    /// The cheapest path; of equally cheap ones, one that prefers high versions.
    fn search(
        &self,
        from: usize,
        to: usize,
        cost: impl Fn(usize, &Condition<'a>) -> Option<Cost>,
    ) -> Option<Vec<usize>> {
        let mut best: Vec<Option<(Cost, usize)>> = vec![None; self.nodes.len()];
        best[from] = Some(([0; 3], from));
        let mut queue = BinaryHeap::from([(Reverse([0; 3]), self.nodes[from].version, from)]);
        while let Some((Reverse(so_far), _, node)) = queue.pop() {
            if node == to {
                let mut path = vec![to];
                while let Some((_, previous)) = best[*path.last()?]
                    && Some(&previous) != path.last()
                {
                    path.push(previous);
                }
                path.reverse();
                return Some(path);
            }
            if best[node].is_some_and(|(cost, _)| cost < so_far) {
                continue;
            }
            for (&target, condition) in &self.edges[node] {
                let Some(step) = cost(target, condition) else { continue };
                let total = [so_far[0] + step[0], so_far[1] + step[1], so_far[2] + step[2]];
                if best[target].is_none_or(|(cost, _)| total < cost) {
                    best[target] = Some((total, node));
                    queue.push((Reverse(total), self.nodes[target].version, target));
                }
            }
        }
        None
    }

    fn conditional_steps(&self, path: &[usize]) -> Vec<ConditionalStep> {
        path.windows(2)
            .filter_map(|step| {
                let risks = self.edges[step[0]].get(&step[1])?.as_ref()?;
                Some(ConditionalStep {
                    from: self.nodes[step[0]].version.clone(),
                    to: self.nodes[step[1]].version.clone(),
                    risks: risks.iter().map(|&risk| risk.clone()).collect(),
                })
            })
            .collect()
    }
}
