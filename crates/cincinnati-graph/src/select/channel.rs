//! The selection inside one channel: bounds, range, shortest path (`docs/behaviour/release.md` 2.2 to 2.4).

use std::sync::Arc;

use semver::Version;

use super::{Channel, SelectError, VersionFilter};
use crate::{Graph, GraphError, GraphKey, Graphs, Node, Why};

/// A graph that has to be asked for first, or an error of the channel.
pub(super) enum Stop {
    Need(GraphKey),
    Error(Box<SelectError>),
}

impl From<SelectError> for Stop {
    fn from(error: SelectError) -> Self {
        Self::Error(Box::new(error))
    }
}

/// The bounds of a channel as far as they are settled, carried from one architecture to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    pub(super) min: Option<Version>,
    pub(super) max: Option<Version>,
    /// The architecture whose graph settled a bound that the configuration leaves open.
    pub(super) settled_for: Option<String>,
}

/// Parses the bounds that are written in the configuration.
pub(super) fn configured_bounds(channel: &Channel) -> (Bounds, Vec<SelectError>) {
    let mut errors = Vec::new();
    let mut parse = |text: Option<&String>, is_min: bool| {
        let text = text.filter(|text| !text.is_empty())?;
        Version::parse(text)
            .map_err(|source| {
                let (channel, text, source) = (channel.name.clone(), text.clone(), Arc::new(source));
                errors.push(if is_min {
                    SelectError::Min { channel, text, source }
                } else {
                    SelectError::Max { channel, text, source }
                });
            })
            .ok()
    };
    let min = parse(channel.min_version.as_ref(), true);
    let max = parse(channel.max_version.as_ref(), false);
    (Bounds { min, max, settled_for: None }, errors)
}

/// Everything that a look into a graph needs.
pub(super) struct View<'a> {
    pub(super) graphs: &'a Graphs,
    pub(super) arch: &'a str,
    pub(super) filter: Option<&'a VersionFilter>,
}

impl<'a> View<'a> {
    /// The graph, or that it has to be asked for, or why there is none. `version` is the version the question is about.
    pub(super) fn graph(&self, key: &GraphKey, version: Option<&Version>) -> Result<&'a Graph, Stop> {
        match self.graphs.get(key) {
            None => Err(Stop::Need(key.clone())),
            Some(Ok(graph)) => Ok(graph),
            Some(Err(source)) => Err(SelectError::Request {
                channel: key.channel.clone(),
                version: version.cloned(),
                source: Arc::clone(source),
            }
            .into()),
        }
    }

    /// Whether the service does not know the channel, or an earlier run kept nothing of it: no passing trouble.
    pub(super) fn is_missing(&self, key: &GraphKey) -> bool {
        match self.graphs.get(key) {
            Some(Err(error)) => {
                matches!(**error, GraphError::Status { status: 400 | 404, .. } | GraphError::NotOnDisk)
            }
            _ => false,
        }
    }

    fn candidates(&self, graph: &'a Graph) -> impl DoubleEndedIterator<Item = &'a Node> {
        let filter = self.filter;
        graph.ascending().filter(move |node| filter.is_none_or(|filter| filter.matches(&node.version)))
    }

    /// The highest version of a channel.
    pub(super) fn head(&self, key: &GraphKey) -> Result<&'a Node, Stop> {
        let graph = self.graph(key, None)?;
        self.candidates(graph).next_back().ok_or_else(|| self.no_head(key))
    }

    /// The lowest version of a channel.
    fn first(&self, key: &GraphKey) -> Result<&'a Node, Stop> {
        let graph = self.graph(key, None)?;
        self.candidates(graph).next().ok_or_else(|| self.no_head(key))
    }

    fn no_head(&self, key: &GraphKey) -> Stop {
        SelectError::NoHead { arch: self.arch.to_owned(), channel: key.channel.clone() }.into()
    }

    /// The nodes of the shortest path between two versions that must both be in the channel, ends included.
    pub(super) fn path(&self, key: &GraphKey, from: &Version, to: &Version) -> Result<Vec<&'a Node>, Stop> {
        let graph = self.graph(key, Some(from))?;
        let channel = || key.channel.clone();
        if graph.nodes().is_empty() {
            return Err(SelectError::NoVersions { channel: channel() }.into());
        }
        let start = graph
            .find(from)
            .ok_or_else(|| SelectError::CurrentNotFound { version: from.clone(), channel: channel() })?;
        let end =
            graph.find(to).ok_or_else(|| SelectError::RequestedNotFound { version: to.clone(), channel: channel() })?;
        Ok(graph.path_or_ends(start, end))
    }

    /// The node of one version that must be in the channel.
    pub(super) fn requested(&self, key: &GraphKey, version: &Version) -> Result<&'a Node, Stop> {
        let graph = self.graph(key, Some(version))?;
        let not_found =
            || SelectError::RequestedNotFound { version: version.clone(), channel: key.channel.clone() }.into();
        graph.node(version).ok_or_else(not_found)
    }
}

/// Settles the open bounds and selects.
pub(super) fn select<'a>(
    view: &View<'a>,
    key: &GraphKey,
    channel: &Channel,
    bounds: &mut Bounds,
) -> Result<(Why, Vec<&'a Node>), Stop> {
    let head_only = channel.min_version.as_deref().is_none_or(str::is_empty)
        && channel.max_version.as_deref().is_none_or(str::is_empty)
        && !channel.full;

    // An open upper bound is the head. An open lower bound is the head too for a channel without any bound, which
    // means "heads only"; otherwise it is the first release of the channel.
    let open_min = bounds.min.is_none();
    if bounds.max.is_none() {
        bounds.max = Some(view.head(key)?.version.clone());
        bounds.settled_for = Some(view.arch.to_owned());
    }
    if open_min {
        let min = if head_only { view.head(key)? } else { view.first(key)? };
        bounds.min = Some(min.version.clone());
        bounds.settled_for = Some(view.arch.to_owned());
    }
    let (Some(min), Some(max)) = (&bounds.min, &bounds.max) else { unreachable!("both bounds are settled above") };

    if channel.shortest_path {
        return Ok((Why::ShortestPath, view.path(key, min, max)?));
    }
    let graph = view.graph(key, None)?;
    if graph.nodes().is_empty() {
        return Err(SelectError::NoVersions { channel: key.channel.clone() }.into());
    }
    let inside = |node: &&Node| node.version.cmp_precedence(min).is_ge() && node.version.cmp_precedence(max).is_le();
    Ok((if head_only { Why::Head } else { Why::Range }, graph.ascending().filter(inside).collect()))
}
