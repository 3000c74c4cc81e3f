//! The path across channels, through channels that are not configured (`docs/behaviour/release.md` 2.5).

use semver::Version;

use super::channel::{Bounds, Stop, View};
use super::{Channel, SelectError, Warning};
use crate::{GraphKey, Node, Service};

/// Minors that are stepped through before giving up. Upstream steps until a channel does not exist.
const MAX_MINORS: u64 = 64;

/// What the step added: nodes with the channel in which each was found.
#[derive(Default)]
pub(super) struct Crossing<'a> {
    pub(super) nodes: Vec<(String, &'a Node)>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Crossing<'a> {
    fn add(&mut self, key: &GraphKey, nodes: Vec<&'a Node>) {
        self.nodes.extend(nodes.into_iter().map(|node| (key.channel.clone(), node)));
    }
}

/// Selects the path from the lowest to the highest bound of all OpenShift Container Platform channels.
pub(super) fn cross<'a>(
    view: &View<'a>,
    channels: &[Channel],
    bounds: &[Bounds],
    add_intermediate: bool,
) -> Result<Crossing<'a>, Stop> {
    let mut crossing = Crossing::default();
    let ocp = || channels.iter().zip(bounds).filter(|(channel, _)| channel.service == Service::Ocp);
    if ocp().next().is_none() {
        return Ok(crossing);
    }

    let mut lowest: Option<(&str, &Version)> = None;
    let mut highest: Option<(&str, &Version)> = None;
    // A bound that is written but cannot be parsed has its own error already; here it counts as not there.
    for (channel, bounds) in ocp() {
        let empty = || "Version string empty".to_owned();
        let min = bounds.min.as_ref().ok_or_else(|| SelectError::NoMinimum(empty()))?;
        let max = bounds.max.as_ref().ok_or_else(|| SelectError::NoMaximum(empty()))?;
        // The first in configuration order wins among equals, where upstream picks one at random.
        if lowest.is_none_or(|(_, version)| min.cmp_precedence(version).is_lt()) {
            lowest = Some((&channel.name, min));
        }
        if highest.is_none_or(|(_, version)| max.cmp_precedence(version).is_gt()) {
            highest = Some((&channel.name, max));
        }
    }
    let (Some((first, start)), Some((last, requested))) = (lowest, highest) else { return Ok(crossing) };
    // Always asked of the service of OpenShift Container Platform, where upstream takes that of the last channel.
    let key = |channel: &str| GraphKey::ocp(view.arch, channel);

    if first == last {
        crossing.add(&key(first), view.path(&key(first), start, requested)?);
        return Ok(crossing);
    }

    let from = Stream::of_channel(first)?;
    let to = Stream::of_channel(last)?;
    let target = key(last);

    if (from.major, from.minor) == (to.major, to.minor) {
        if view.graph(&target, Some(start))?.find(start).is_some() {
            crossing.add(&target, view.path(&target, start, requested)?);
        } else {
            crossing.warnings.push(Warning::NoUpgradePath { version: start.clone(), channel: last.to_owned() });
            crossing.add(&target, vec![view.requested(&target, requested)?]);
        }
        return Ok(crossing);
    }

    let mut head = view.head(&key(first))?;
    crossing.add(&key(first), view.path(&key(first), start, &head.version)?);
    let mut step = Stream { minor: from.minor + 1, ..from.clone() };
    loop {
        let is_last = (step.major, step.minor) == (to.major, to.minor);
        if !is_last && step.minor - from.minor > MAX_MINORS {
            return Err(SelectError::NoWay { from: first.to_owned(), to: last.to_owned() }.into());
        }
        let next = if is_last { target.clone() } else { key(&step.channel()) };
        let next_graph = match view.graph(&next, None) {
            // Extended support channels exist for every second minor only, and hold the releases in between.
            Err(Stop::Error(error)) if !is_last && view.is_missing(&next) => {
                if view.graph(&target, Some(start))?.find(start).is_none() {
                    return Err(Stop::Error(error));
                }
                let (missing, channel) = (next.channel, last.to_owned());
                let (from, to) = (start.clone(), requested.clone());
                if !add_intermediate {
                    let request = error;
                    let versions = Box::new((from, to));
                    return Err(SelectError::MissingIntermediate { request, missing, channel, versions }.into());
                }
                crossing.warnings.push(Warning::AroundMissingChannel { missing, channel, from, to });
                crossing.nodes.clear();
                crossing.add(&target, view.path(&target, start, requested)?);
                return Ok(crossing);
            }
            other => other?,
        };
        let wanted = if is_last { requested } else { &view.head(&next)?.version };
        if next_graph.find(&head.version).is_none() {
            crossing.warnings.push(Warning::Blocked {
                arch: view.arch.to_owned(),
                version: head.version.clone(),
                channel: next.channel.clone(),
                target: wanted.clone(),
            });
            crossing.add(&target, vec![view.requested(&target, wanted)?]);
            return Ok(crossing);
        }
        crossing.add(&next, view.path(&next, &head.version, wanted)?);
        if is_last {
            return Ok(crossing);
        }
        head = view.head(&next)?;
        step.minor += 1;
    }
}

/// A channel name, taken apart.
#[derive(Clone)]
struct Stream<'a> {
    prefix: &'a str,
    major: u64,
    minor: u64,
}

impl<'a> Stream<'a> {
    fn of_channel(name: &'a str) -> Result<Self, SelectError> {
        let invalid = || SelectError::InvalidChannelName(name.to_owned());
        let (prefix, minor) = name.rsplit_once('-').ok_or_else(invalid)?;
        let version = Version::parse(&format!("{minor}.0")).map_err(|_| invalid())?;
        Ok(Self { prefix, major: version.major, minor: version.minor })
    }

    fn channel(&self) -> String {
        format!("{}-{}.{}", self.prefix, self.major, self.minor)
    }
}
