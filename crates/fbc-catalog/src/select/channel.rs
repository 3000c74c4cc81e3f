//! One channel: which of its entries a head, a range, or a list of bundles keeps.

// Every index is a place in a list that this module has made itself, never a number that a catalog names.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeSet, HashMap, HashSet};

use super::bridge::{BUDGET, bridge};
use super::error::{Mend, SelectError};
use super::nearest::nearest_to;
use super::view::Versions;
use crate::bound::{Bound, Bounds, is_at_most};
use crate::catalog::{Channel, Entry};
use crate::graph::{Graph, GraphFault};
use crate::request::RuleSet;
use crate::version::{Version, cmp_precedence};

/// What is wanted of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'r> {
    Everything,
    Head,
    Range(&'r Bounds),
    Bundles(&'r HashSet<&'r str>),
}

/// What is kept of a channel.
#[derive(Debug, Default)]
pub(crate) struct Kept<'a> {
    /// Names of entries.
    pub(crate) entries: HashSet<&'a str>,
    /// Names of bundles that match and are skipped by a kept entry, but are no entries.
    pub(crate) unlisted: BTreeSet<&'a str>,
    /// What was added so that OLM accepts the channel; none where the selection was sound by itself.
    pub(crate) bridge: Option<Bridge<'a>>,
}

/// Entries that hold a selection together.
#[derive(Debug)]
pub(crate) struct Bridge<'a> {
    /// Their names, lowest version first.
    pub(crate) added: Vec<&'a str>,
    /// What OLM objects to without them.
    pub(crate) faults: Vec<GraphFault>,
}

/// A channel together with what is known of its package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelView<'a, 'v> {
    pub(crate) channel: &'a Channel,
    pub(crate) versions: &'v Versions<'a>,
    pub(crate) rules: RuleSet,
    /// Refuse what breaks the upgrade graph, rather than add to it.
    pub(crate) strict: bool,
}

impl<'a> ChannelView<'a, '_> {
    /// Applies what is wanted. An empty result is no error here: what it means depends on the package.
    pub(crate) fn keep(&self, wanted: Wanted<'_>) -> Result<Kept<'a>, SelectError> {
        match wanted {
            Wanted::Everything => Ok(self.entries(|_| true)),
            Wanted::Head => {
                let graph = Graph::new(&self.channel.entries);
                let head = graph.head().map_err(|faults| SelectError::NoHead {
                    package: self.channel.package.clone(),
                    channel: self.channel.name.clone(),
                    faults,
                })?;
                Ok(self.entries(|entry| entry.name == head.name))
            }
            Wanted::Range(bounds) => {
                let kept = self.range(bounds)?;
                self.hold_together(kept, bounds.max.as_ref(), BUDGET).map_err(|faults| {
                    SelectError::RangeBreaksChannel {
                        package: self.channel.package.clone(),
                        channel: self.channel.name.clone(),
                        range: bounds.text(),
                        faults,
                        mend: self.mend_range(bounds),
                    }
                })
            }
            Wanted::Bundles(names) => self.hold_bundles(names).map_err(|faults| {
                // What a run that is not strict would add.
                let added = match (Self { strict: false, ..*self }).hold_bundles(names) {
                    Ok(Kept { bridge: Some(bridge), .. }) => bridge.added,
                    _ => Vec::new(),
                };
                SelectError::BundlesBreakChannel {
                    package: self.channel.package.clone(),
                    channel: self.channel.name.clone(),
                    faults,
                    mend: if added.is_empty() {
                        Mend::Nothing
                    } else {
                        Mend::AddBundles(added.into_iter().map(str::to_owned).collect())
                    },
                }
            }),
        }
    }

    /// The selected bundles with what holds them together. Nobody asked for an upgrade above the highest of them; where
    /// nothing else helps, it is still better than no mirror.
    fn hold_bundles(&self, names: &HashSet<&str>) -> Result<Kept<'a>, Vec<GraphFault>> {
        let kept = || self.entries(|entry| names.contains(entry.name.as_str()));
        let highest = self.highest(&kept());
        let bridged = self.hold_together(kept(), highest.as_ref(), BUDGET);
        bridged.or_else(|faults| self.hold_together(kept(), None, BUDGET).map_err(|_| faults))
    }

    /// Gives what is kept with the fewest entries added that make it a channel OLM accepts; never one above `max`, and
    /// never one without a version.
    ///
    /// # Errors
    /// What OLM objects to, when nothing helps or nothing may be added.
    fn hold_together(&self, kept: Kept<'a>, max: Option<&Bound>, budget: usize) -> Result<Kept<'a>, Vec<GraphFault>> {
        let faults = self.faults(&kept);
        if faults.is_empty() {
            return Ok(kept);
        }
        if self.strict {
            return Err(faults);
        }
        let allowed = |entry: &Entry| {
            self.version(&entry.name).is_some_and(|version| max.is_none_or(|max| is_at_most(version, max)))
        };
        let entries = &self.channel.entries;
        let mut by_version: Vec<usize> = (0..entries.len()).collect();
        by_version.sort_by(|left, right| {
            let (left, right) = (&entries[*left].name, &entries[*right].name);
            let order = match (self.version(left), self.version(right)) {
                (Some(left), Some(right)) => cmp_precedence(right, left),
                (left, right) => right.is_some().cmp(&left.is_some()),
            };
            order.then_with(|| left.cmp(right))
        });
        let mut rank = vec![0; entries.len()];
        for (place, at) in by_version.iter().enumerate() {
            rank[*at] = place;
        }
        let Some(added) = bridge(entries, &kept.entries, allowed, &rank, budget) else { return Err(faults) };
        let mut added: Vec<&str> = added.into_iter().map(|entry| entry.name.as_str()).collect();
        let places: HashMap<&str, usize> =
            by_version.iter().enumerate().map(|(place, at)| (entries[*at].name.as_str(), place)).collect();
        added.sort_by_key(|name| std::cmp::Reverse(places.get(name).copied()));
        let entries = kept.entries.iter().chain(&added).copied().collect();
        Ok(Kept { entries, unlisted: kept.unlisted, bridge: Some(Bridge { added, faults }) })
    }

    fn version(&self, name: &str) -> Option<&Version> {
        self.versions.get(name)?.as_ref().ok()
    }

    /// The highest version that is kept, as a bound.
    fn highest(&self, kept: &Kept<'_>) -> Option<Bound> {
        let versions = kept.entries.iter().filter_map(|name| self.version(name));
        versions
            .max_by(|left, right| cmp_precedence(left, right))
            .and_then(|version| Bound::parse(&version.to_string()))
    }

    fn entries(&self, keep: impl Fn(&Entry) -> bool) -> Kept<'a> {
        let entries = self.channel.entries.iter().filter(|entry| keep(entry)).map(|entry| entry.name.as_str());
        Kept { entries: entries.collect(), ..Kept::default() }
    }

    /// What OLM would object to in the kept part; nothing in it is not an objection yet.
    fn faults(&self, kept: &Kept<'_>) -> Vec<GraphFault> {
        if kept.entries.is_empty() {
            return Vec::new();
        }
        let entries = self.channel.entries.iter().filter(|entry| kept.entries.contains(entry.name.as_str()));
        Graph::new(entries).faults()
    }

    fn range(&self, bounds: &Bounds) -> Result<Kept<'a>, SelectError> {
        match (self.rules, bounds.exact()) {
            (RuleSet::VersionRange, _) => self.range_by_version(bounds),
            (RuleSet::UpgradeGraph, Some(bound)) => self.exact(bound),
            (RuleSet::UpgradeGraph, None) => self.range_by_graph(bounds),
        }
    }

    /// As Red Hat documents it: every entry whose version lies in the range.
    fn range_by_version(&self, bounds: &Bounds) -> Result<Kept<'a>, SelectError> {
        let mut kept = Kept::default();
        for entry in &self.channel.entries {
            if self.matches(&entry.name, bounds)? {
                kept.entries.insert(&entry.name);
            }
        }
        Ok(kept)
    }

    /// `docs/behaviour/operators-archive.md` 2.5: a stretch of the chain, from the lowest node below which all matches
    /// lie, down to the last one that has matches at or below it; plus the matching names that the kept nodes skip.
    fn range_by_graph(&self, bounds: &Bounds) -> Result<Kept<'a>, SelectError> {
        let graph = Graph::new(&self.channel.entries);
        let head = graph.head().map_err(|faults| SelectError::BrokenChannel {
            package: self.channel.package.clone(),
            channel: self.channel.name.clone(),
            faults,
        })?;
        let (chain, _) = graph.chain(head);
        // Each name is credited once, to the lowest node that is it or skips it: later (lower) nodes overwrite.
        let mut credited: HashMap<&str, usize> = HashMap::new();
        for (position, name) in chain.iter().enumerate() {
            credited.insert(name, position);
            for skipped in graph.entry(name).into_iter().flat_map(|entry| &entry.skips) {
                credited.insert(skipped, position);
            }
        }
        // A node is itself before it is skipped by a lower one.
        let mut at_or_below = vec![0_usize; chain.len() + 1];
        for (name, position) in &credited {
            if self.matches(name, bounds)? {
                at_or_below[*position] += 1;
            }
        }
        for position in (0..chain.len()).rev() {
            at_or_below[position] += at_or_below[position + 1];
        }
        let all = at_or_below[0];
        if all == 0 {
            return Ok(Kept::default());
        }
        let top = at_or_below.iter().rposition(|count| *count == all).unwrap_or(0);
        let tail = at_or_below.iter().position(|count| *count == 0).unwrap_or(chain.len());
        let mut names: Vec<&str> = Vec::new();
        for name in &chain[top..tail] {
            names.push(name);
            for skipped in graph.entry(name).into_iter().flat_map(|entry| &entry.skips) {
                if self.matches(skipped, bounds)? {
                    names.push(skipped);
                }
            }
        }
        let mut kept = Kept::default();
        for name in names {
            if let Some(entry) = graph.entry(name) {
                kept.entries.insert(&entry.name);
            } else if let Some((bundle, _)) = self.versions.get_key_value(name) {
                kept.unlisted.insert(bundle);
            }
        }
        Ok(kept)
    }

    /// `docs/behaviour/operators-archive.md` 2.4: the one entry of this version. Of several that differ in build
    /// metadata only, the one written the same way, else the one highest on the chain.
    fn exact(&self, bound: &Bound) -> Result<Kept<'a>, SelectError> {
        let same = |name: &str| {
            let version = self.versions.get(name).and_then(|version| version.as_ref().ok());
            version.filter(|version| cmp_precedence(version, &bound.version).is_eq())
        };
        if !self.versions.keys().any(|name| same(name).is_some()) {
            return Err(SelectError::VersionNotFound {
                package: self.channel.package.clone(),
                channel: self.channel.name.clone(),
                version: bound.text.clone(),
                nearest: self.nearest(bound),
            });
        }
        let candidates: Vec<&Entry> = self.channel.entries.iter().filter(|entry| same(&entry.name).is_some()).collect();
        let written_alike =
            candidates.iter().find(|entry| same(&entry.name).is_some_and(|version| version.to_string() == bound.text));
        let highest = || {
            let graph = Graph::new(&self.channel.entries);
            let chain = graph.head().map(|head| graph.chain(head).0).unwrap_or_default();
            let places: HashMap<&str, usize> = chain.into_iter().zip(0..).collect();
            candidates.iter().min_by_key(|entry| {
                (places.get(entry.name.as_str()).copied().unwrap_or(usize::MAX), entry.name.as_str())
            })
        };
        let chosen = written_alike.or_else(highest);
        Ok(self.entries(|entry| chosen.is_some_and(|chosen| chosen.name == entry.name)))
    }

    fn matches(&self, name: &str, bounds: &Bounds) -> Result<bool, SelectError> {
        match self.versions.get(name) {
            Some(Ok(version)) => Ok(bounds.contain(version, self.rules)),
            Some(Err(error)) => Err(SelectError::BundleVersion(error.clone())),
            // An entry without a bundle has no version, so it is in no range.
            None => Ok(false),
        }
    }

    /// The lowest and the highest version in the channel, as texts.
    pub(crate) fn extent(&self) -> (Option<String>, Option<String>) {
        let versions = self.sorted_versions();
        (versions.first().cloned(), versions.last().cloned())
    }

    /// The versions of the channel that come closest to one that does not exist.
    fn nearest(&self, wanted: &Bound) -> Vec<String> {
        let known = |entry: &Entry| self.versions.get(entry.name.as_str()).and_then(|version| version.as_ref().ok());
        let mut versions: Vec<&Version> = self.channel.entries.iter().filter_map(known).collect();
        versions.sort_by(|left, right| cmp_precedence(left, right));
        nearest_to(&wanted.version, &versions)
    }

    fn sorted_versions(&self) -> Vec<String> {
        let known = |entry: &Entry| self.versions.get(entry.name.as_str()).and_then(|version| version.as_ref().ok());
        let mut versions: Vec<_> = self.channel.entries.iter().filter_map(known).collect();
        versions.sort();
        versions.dedup();
        versions.into_iter().map(ToString::to_string).collect()
    }

    /// The smallest change of one bound, counted in versions, that leaves a sound channel; else of both; else none.
    ///
    /// Every trial costs one pass over the entries and edges of the channel. Their number is limited by a budget of edges
    /// looked at, so that a large or hostile channel cannot make this long. What lies beyond is tried at its far end only.
    pub(crate) fn mend_range(&self, bounds: &Bounds) -> Mend {
        const MOST_STEPS: usize = 64;
        const MOST_EDGES: usize = 2_000_000;
        let edges: usize = self.channel.entries.iter().map(|entry| 2 + entry.skips.len()).sum();
        let most_steps = (MOST_EDGES / edges.max(1)).clamp(1, MOST_STEPS);
        let versions = self.sorted_versions();
        let bound = |text: &String| Bound::parse(text);
        let below: Vec<Bound> = match &bounds.min {
            Some(min) => {
                let lower = |bound: &Bound| cmp_precedence(&bound.version, &min.version).is_lt();
                versions.iter().rev().filter_map(bound).filter(lower).collect()
            }
            None => Vec::new(),
        };
        let above: Vec<Bound> = match &bounds.max {
            Some(max) => {
                let higher = |bound: &Bound| !is_at_most(&bound.version, max);
                versions.iter().filter_map(bound).filter(higher).collect()
            }
            None => Vec::new(),
        };
        let sound = |min: Option<&Bound>, max: Option<&Bound>| {
            let moved = Bounds { min: min.cloned().or(bounds.min.clone()), max: max.cloned().or(bounds.max.clone()) };
            self.range(&moved).is_ok_and(|kept| {
                !kept.entries.is_empty() && self.hold_together(kept, moved.max.as_ref(), BUDGET / most_steps).is_ok()
            })
        };
        let steps = below.len().max(above.len());
        let tried = (0..steps.min(most_steps)).chain((steps > most_steps).then(|| steps - 1));
        let at = |list: &[Bound], step: usize| list.get(step).or(list.last()).cloned();
        for step in tried.clone() {
            if let Some(max) = above.get(step).or(above.last())
                && sound(None, Some(max))
            {
                return Mend::RaiseMax(max.text.clone());
            }
            if let Some(min) = below.get(step).or(below.last())
                && sound(Some(min), None)
            {
                return Mend::LowerMin(min.text.clone());
            }
        }
        for step in tried {
            if let (Some(min), Some(max)) = (at(&below, step), at(&above, step))
                && sound(Some(&min), Some(&max))
            {
                return Mend::Both { min: min.text, max: max.text };
            }
        }
        if Graph::new(&self.channel.entries).faults().is_empty() { Mend::DropBounds } else { Mend::Nothing }
    }
}
