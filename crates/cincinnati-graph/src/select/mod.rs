//! Which releases a configuration means (`docs/behaviour/release.md` 2).

mod channel;
mod cross;
mod outcome;
mod request;

use std::collections::BTreeMap;

use crate::{Graph, GraphError, GraphKey, Graphs, Node, Reason, Release, Report, Service, Why};
use channel::{Bounds, Stop, View, configured_bounds};

pub use outcome::{Failure, SelectError, Selection, SelectionError, Warning};
pub use request::{Architectures, BoundsRule, Channel, InvalidVersionFilterError, Request, VersionFilter};

/// Selects releases, asking for the graphs it needs.
///
/// Call [`Selector::step`]; it either is done or names graphs. Fetch them in any order, at once if you like, hand each
/// to [`Selector::insert`], and call `step` again. Graphs that are known are never asked for again.
#[derive(Debug)]
pub struct Selector {
    request: Request,
    graphs: Graphs,
}

/// How a selection goes on.
#[derive(Debug)]
pub enum Step {
    /// These graphs are needed first. Never empty.
    Need(Vec<GraphKey>),
    /// All is known.
    Done(Selection),
}

impl Selector {
    /// Starts a selection.
    pub fn new(request: Request) -> Self {
        Self { request, graphs: Graphs::new() }
    }

    /// What is selected.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Answers a [`Step::Need`]: a graph, or why there is none.
    pub fn insert(&mut self, key: GraphKey, answer: Result<Graph, GraphError>) {
        self.graphs.insert(key, answer);
    }

    /// The graphs so far. All of them are needed again for the same selection without a network.
    pub fn graphs(&self) -> &Graphs {
        &self.graphs
    }

    /// Goes as far as the known graphs reach.
    pub fn step(&self) -> Step {
        match run(&self.request, &self.graphs) {
            Ok(selection) => Step::Done(selection),
            Err(keys) => Step::Need(keys),
        }
    }
}

fn run(request: &Request, graphs: &Graphs) -> Result<Selection, Vec<GraphKey>> {
    let mut selection = Selection { has_channels: !request.channels.is_empty(), ..Selection::default() };
    match &request.architectures {
        Architectures::List(list) if !list.is_empty() => selection.warnings.push(Warning::ArchitecturesDeprecated),
        Architectures::Platforms => selection.warnings.push(Warning::SparseManifests),
        Architectures::Default | Architectures::List(_) => {}
    }
    let configured: Vec<_> = request.channels.iter().map(configured_bounds).collect();
    selection.warnings.extend(extended_update_support(&request.channels, &configured));
    let archs = request.architectures.queried();

    // Everything that is certainly needed is asked for at once.
    let usable = |arch: &str, (channel, (_, errors)): &(&Channel, &(Bounds, Vec<SelectError>))| {
        errors.is_empty() && check_names(arch, &channel.name).is_ok()
    };
    let channels = || request.channels.iter().zip(&configured);
    let needed: Vec<GraphKey> = archs
        .iter()
        .flat_map(|arch| channels().filter(|item| usable(arch, item)).map(|(channel, _)| key(arch, channel)))
        .filter(|key| graphs.get(key).is_none())
        .collect();
    if !needed.is_empty() {
        return Err(needed);
    }

    let fresh: Vec<Bounds> = configured.iter().map(|(bounds, _)| bounds.clone()).collect();
    let mut bounds = fresh.clone();
    for arch in archs {
        if request.bounds == BoundsRule::PerArchitecture {
            bounds.clone_from(&fresh);
        }
        let view = View { graphs, arch, filter: request.version_filter.as_ref() };
        let mut picks = Picks::default();
        for (index, ((channel, (_, errors)), bounds)) in channels().zip(&mut bounds).enumerate() {
            let mut fail = |error| {
                let channel = Some(channel.name.clone());
                selection.failures.push(Failure { arch: arch.to_owned(), channel, index: Some(index), error });
            };
            if let Err(error) = check_names(arch, &channel.name) {
                fail(error);
                continue;
            }
            if !errors.is_empty() {
                errors.iter().cloned().for_each(fail);
                continue;
            }
            let key = key(arch, channel);
            match channel::select(&view, &key, channel, bounds) {
                Ok((why, nodes)) => {
                    if nodes.is_empty() {
                        selection.warnings.extend(nothing_for(arch, channel, bounds));
                    }
                    for node in nodes {
                        picks.add(channel.service, &channel.name, why, node);
                    }
                }
                Err(Stop::Need(key)) => return Err(vec![key]),
                Err(Stop::Error(error)) => fail(*error),
            }
        }
        if request.channels.len() > 1 {
            match cross::cross(&view, &request.channels, &bounds, request.add_intermediate_releases) {
                Ok(crossing) => {
                    selection.warnings.extend(crossing.warnings);
                    for (channel, node) in crossing.nodes {
                        picks.add(Service::Ocp, &channel, Why::CrossChannel, node);
                    }
                }
                Err(Stop::Need(key)) => return Err(vec![key]),
                Err(Stop::Error(error)) => {
                    selection.failures.push(Failure {
                        arch: arch.to_owned(),
                        channel: None,
                        index: None,
                        error: *error,
                    });
                }
            }
        }
        selection.releases.extend(picks.into_releases(arch));
    }

    for (key, graph) in graphs.iter() {
        let message = |message: &String| Warning::Graph {
            channel: key.channel.clone(),
            arch: key.arch.clone(),
            message: message.clone(),
        };
        selection.warnings.extend(graph.warnings().iter().map(message));
    }
    if request.add_intermediate_releases {
        add_intermediate_releases(&mut selection, graphs);
    }
    Ok(selection)
}

fn key(arch: &str, channel: &Channel) -> GraphKey {
    GraphKey { service: channel.service, arch: arch.to_owned(), channel: channel.name.clone() }
}

/// Both names become part of a file name ([`GraphKey::file_name`]), which must stay in its directory.
fn check_names(arch: &str, channel: &str) -> Result<(), SelectError> {
    if channel.is_empty() {
        return Err(SelectError::EmptyChannel);
    }
    let bad = |name: &&str| name.contains(['/', '\\']) || name.chars().any(char::is_control);
    match [arch, channel].into_iter().find(bad) {
        Some(name) => Err(SelectError::InvalidName(name.to_owned())),
        None => Ok(()),
    }
}

/// The one warning of a run about updates from one extended support release to the next.
fn extended_update_support(channels: &[Channel], configured: &[(Bounds, Vec<SelectError>)]) -> Option<Warning> {
    channels.iter().zip(configured).find_map(|(channel, (bounds, _))| {
        let (min, max) = (bounds.min.as_ref()?, bounds.max.as_ref()?);
        let skips = max.minor.saturating_sub(min.minor) >= 2;
        (channel.name.contains("eus") && skips).then(|| Warning::ExtendedUpdateSupport {
            channel: channel.name.clone(),
            min: min.clone(),
            max: max.clone(),
        })
    })
}

/// Upstream is silent when the bounds of the first architecture leave nothing for another one.
fn nothing_for(arch: &str, channel: &Channel, bounds: &Bounds) -> Option<Warning> {
    let first_arch = bounds.settled_for.as_ref().filter(|first| first.as_str() != arch)?;
    Some(Warning::NothingForArchitecture {
        channel: channel.name.clone(),
        arch: arch.to_owned(),
        first_arch: first_arch.clone(),
        min: bounds.min.clone()?,
        max: bounds.max.clone()?,
    })
}

fn add_intermediate_releases(selection: &mut Selection, graphs: &Graphs) {
    for report in Report::all(&selection.releases, graphs) {
        for missing in report.missing() {
            let release = Release {
                version: missing.version.clone(),
                payload: missing.payload.clone(),
                arch: report.arch.clone(),
                service: report.service,
                reasons: vec![Reason { channel: missing.channel.clone(), why: Why::Intermediate }],
            };
            let after = |other: &Release| other.arch == release.arch && other.version > release.version;
            let end = selection.releases.iter().rposition(|other| other.arch == release.arch).map_or(0, |at| at + 1);
            let at = selection.releases.iter().position(after).unwrap_or(end);
            selection.releases.insert(at, release);
        }
    }
}

/// The nodes selected for one architecture, each payload once, with all reasons.
#[derive(Default)]
struct Picks<'a> {
    by_payload: BTreeMap<(Service, &'a str), (&'a Node, Vec<Reason>)>,
}

impl<'a> Picks<'a> {
    fn add(&mut self, service: Service, channel: &str, why: Why, node: &'a Node) {
        let (_, reasons) = self.by_payload.entry((service, &node.payload)).or_insert_with(|| (node, Vec::new()));
        let reason = Reason { channel: channel.to_owned(), why };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    fn into_releases(self, arch: &str) -> Vec<Release> {
        let mut releases: Vec<Release> = self
            .by_payload
            .into_iter()
            .map(|((service, payload), (node, reasons))| Release {
                version: node.version.clone(),
                payload: payload.to_owned(),
                arch: arch.to_owned(),
                service,
                reasons,
            })
            .collect();
        releases.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.payload.cmp(&b.payload)));
        releases
    }
}
