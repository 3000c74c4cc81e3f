//! The configuration that makes a selection whole: what to add so that the report on updates is a good one.

use std::collections::BTreeMap;
use std::fmt;

use semver::Version;

use crate::{Channel, MissingRelease, Report, Service};

/// Channel entries that select the releases a [`Report`] misses. Printed, they are the YAML to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Entries to add below `mirror.platform.channels`.
    pub add: Vec<Channel>,
    /// Entries that replace the one of the same name, since a channel can be configured once only.
    pub replace: Vec<Channel>,
}

impl Report {
    /// What to change in a configuration with these channels, or `None` when nothing is missing.
    ///
    /// For each minor one entry: by preference in the channel of that minor in a configured stream (`stable`, `eus`,
    /// …), then in any other channel that the metadata of the releases names and that is not configured yet. When there
    /// is no such channel, the configured one that holds the releases gets wider bounds.
    pub fn advice(&self, configured: &[Channel]) -> Option<Advice> {
        let missing = self.missing();
        if missing.is_empty() {
            return None;
        }
        let mut by_minor: BTreeMap<(u64, u64), Vec<&MissingRelease>> = BTreeMap::new();
        for release in missing {
            by_minor.entry((release.version.major, release.version.minor)).or_default().push(release);
        }
        let mut advice = Advice { add: Vec::new(), replace: Vec::new() };
        for (minor, releases) in by_minor {
            let versions = || releases.iter().map(|release| &release.version);
            let (Some(min), Some(max)) = (versions().min(), versions().max()) else { continue };
            let taken = |name: &str| configured.iter().chain(&advice.add).any(|channel: &Channel| channel.name == name);
            if let Some(name) = free_channel(minor, &releases, configured, taken) {
                advice.add.push(entry(&name, self.service, min, max));
                continue;
            }
            let Some(name) = releases.first().map(|release| &release.channel) else { continue };
            if let Some(wider) = advice.replace.iter_mut().find(|channel| channel.name == *name) {
                widen(wider, min, max);
            } else if let Some(channel) = configured.iter().find(|channel| channel.name == *name) {
                let mut wider = channel.clone();
                widen(&mut wider, min, max);
                advice.replace.push(wider);
            } else {
                advice.add.push(entry(name, self.service, min, max));
            }
        }
        Some(advice)
    }
}

fn entry(name: &str, service: Service, min: &Version, max: &Version) -> Channel {
    Channel {
        service,
        min_version: Some(min.to_string()),
        max_version: Some(max.to_string()),
        shortest_path: min != max,
        ..Channel::head(name)
    }
}

/// Moves the bounds of a configured channel apart, so that they enclose `min` and `max`.
fn widen(channel: &mut Channel, min: &Version, max: &Version) {
    let parse = |bound: &Option<String>| bound.as_deref().and_then(|bound| Version::parse(bound).ok());
    let (old_min, old_max) = (parse(&channel.min_version), parse(&channel.max_version));
    // One release becomes the end of a path; a range stays a range, for it may hold what is on no path.
    let is_head = old_min.is_none() && old_max.is_none() && !channel.full;
    channel.shortest_path |= is_head || (old_min.is_some() && old_min == old_max);
    // An open upper bound is the head, which is above anything. An open lower bound is the head as well, unless there
    // is an upper bound or the whole channel is meant: then it is the first release, and stays open.
    let min_is_first = old_min.is_none() && (old_max.is_some() || channel.full);
    if !min_is_first {
        channel.min_version = Some(old_min.map_or_else(|| min.clone(), |old| old.min(min.clone())).to_string());
    }
    if let Some(old) = old_max {
        channel.max_version = Some(old.max(max.clone()).to_string());
    }
}

/// A channel that holds all of these releases and is not configured yet.
fn free_channel(
    (major, minor): (u64, u64),
    releases: &[&MissingRelease],
    configured: &[Channel],
    taken: impl Fn(&str) -> bool,
) -> Option<String> {
    let fits = |name: &String| !taken(name) && releases.iter().all(|release| release.channels.contains(name));
    let prefixes = configured.iter().filter_map(|channel| Some(channel.name.rsplit_once('-')?.0));
    prefixes
        .chain(["stable", "eus", "fast", "candidate"])
        .map(|prefix| format!("{prefix}-{major}.{minor}"))
        .chain(releases.first()?.channels.iter().cloned())
        .find(fits)
}

impl fmt::Display for Advice {
    /// YAML, with the place it belongs to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "mirror:\n  platform:\n    channels:")?;
        for (channels, note) in [(&self.add, "add"), (&self.replace, "replaces the entry of the same name")] {
            for channel in channels {
                // Channel names are checked before any request: no line break, no control character.
                writeln!(f, "    - name: {} # {note}", channel.name)?;
                if channel.service == Service::Okd {
                    writeln!(f, "      type: okd")?;
                }
                for (key, bound) in [("minVersion", &channel.min_version), ("maxVersion", &channel.max_version)] {
                    if let Some(bound) = bound {
                        writeln!(f, "      {key}: {bound}")?;
                    }
                }
                if channel.shortest_path {
                    writeln!(f, "      shortestPath: true")?;
                }
            }
        }
        Ok(())
    }
}
