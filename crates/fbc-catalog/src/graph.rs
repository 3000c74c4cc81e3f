//! The upgrade graph of one channel: its head, its chain, and what OLM would object to.
//!
//! Every walk here visits a node once: chains stop at what they have seen, and `skips` are looked up, never followed.

use std::collections::{HashMap, HashSet};

use crate::catalog::{Channel, Entry};

/// What is wrong with the graph of a channel. Texts are those users know from the upstream tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphFault {
    /// Nothing in it.
    #[error("channel has no entries")]
    NoEntries,
    /// An entry listed twice.
    #[error("duplicate channel entry \"{0}\"")]
    Duplicate(String),
    /// An entry that replaces itself.
    #[error("invalid channel entry \"{0}\": replaces itself")]
    ReplacesItself(String),
    /// An entry that skips itself.
    #[error("invalid channel entry \"{0}\": skips itself")]
    SkipsItself(String),
    /// Every entry is replaced or skipped by another.
    #[error("no channel heads found")]
    NoHead,
    /// Several entries that nothing replaces or skips, sorted.
    #[error("multiple channel heads found: [{}]", .0.join(" "))]
    ManyHeads(Vec<String>),
    /// The chain from the head comes back to itself.
    #[error("detected a cycle in the upgrade graph of the channel")]
    Cycle,
    /// Entries that no upgrade from the head's chain reaches and nothing skips, sorted.
    #[error("channel contains one or more stranded bundles: [{}]", .0.join(" "))]
    Stranded(Vec<String>),
}

/// A channel's entries with their edges looked up.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    entries: Vec<&'a Entry>,
    by_name: HashMap<&'a str, &'a Entry>,
    /// Names that some entry replaces or skips.
    superseded: HashSet<&'a str>,
    /// Names that some entry skips.
    skipped: HashSet<&'a str>,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let entries: Vec<&Entry> = entries.into_iter().collect();
        let by_name = entries.iter().rev().map(|entry| (entry.name.as_str(), *entry)).collect();
        let skipped: HashSet<&str> = entries.iter().flat_map(|entry| entry.skips.iter().map(String::as_str)).collect();
        let superseded =
            entries.iter().filter_map(|entry| entry.replaces.as_deref()).chain(skipped.iter().copied()).collect();
        Self { entries, by_name, superseded, skipped }
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.by_name.get(name).copied()
    }

    /// The one head, in a graph that is sound as far as selecting needs it (`docs/behaviour/operators-archive.md` 2.3,
    /// "graph validation").
    pub(crate) fn head(&self) -> Result<&'a Entry, Vec<GraphFault>> {
        if self.entries.is_empty() {
            return Err(vec![GraphFault::NoEntries]);
        }
        let mut faults = self.entry_faults();
        let heads = self.heads();
        match heads.as_slice() {
            [head] if faults.is_empty() => {
                return if self.chain(head).1 { Err(vec![GraphFault::Cycle]) } else { Ok(head) };
            }
            [_] => {}
            [] => faults.push(GraphFault::NoHead),
            several => faults.push(GraphFault::ManyHeads(sorted_names(several))),
        }
        Err(faults)
    }

    /// Everything OLM would refuse about this channel (`docs/behaviour/operators-archive.md` 1.5).
    pub(crate) fn faults(&self) -> Vec<GraphFault> {
        let head = match self.head() {
            Ok(head) => head,
            Err(faults) => return faults,
        };
        // OLM's walk goes down the chain and stops at an edge whose target is skipped by anyone.
        let mut on_chain = HashSet::from([head.name.as_str()]);
        let mut current = Some(head);
        while let Some(replaced) = current.and_then(|entry| entry.replaces.as_deref()) {
            on_chain.insert(replaced);
            current = if self.skipped.contains(replaced) { None } else { self.entry(replaced) };
        }
        let is_stranded =
            |entry: &&&Entry| !on_chain.contains(entry.name.as_str()) && !self.skipped.contains(entry.name.as_str());
        let stranded: Vec<&Entry> = self.entries.iter().filter(is_stranded).copied().collect();
        if stranded.is_empty() { Vec::new() } else { vec![GraphFault::Stranded(sorted_names(&stranded))] }
    }

    /// Entries that nothing replaces or skips. `skipRange` is not an edge.
    pub(crate) fn heads(&self) -> Vec<&'a Entry> {
        self.entries.iter().filter(|entry| !self.superseded.contains(entry.name.as_str())).copied().collect()
    }

    /// The names from a head down its `replaces`, followed even where a name is no entry; and whether it came back to
    /// where it was.
    pub(crate) fn chain(&self, head: &'a Entry) -> (Vec<&'a str>, bool) {
        let mut chain = vec![head.name.as_str()];
        let mut seen = HashSet::from([head.name.as_str()]);
        let mut current = Some(head);
        while let Some(replaced) = current.and_then(|entry| entry.replaces.as_deref()) {
            if !seen.insert(replaced) {
                return (chain, true);
            }
            chain.push(replaced);
            current = self.entry(replaced);
        }
        (chain, false)
    }

    fn entry_faults(&self) -> Vec<GraphFault> {
        let mut faults = Vec::new();
        let mut seen = HashSet::new();
        for entry in &self.entries {
            if !seen.insert(entry.name.as_str()) {
                faults.push(GraphFault::Duplicate(entry.name.clone()));
            }
            if entry.replaces.as_ref() == Some(&entry.name) {
                faults.push(GraphFault::ReplacesItself(entry.name.clone()));
            }
            if entry.skips.contains(&entry.name) {
                faults.push(GraphFault::SkipsItself(entry.name.clone()));
            }
        }
        faults
    }
}

impl Channel {
    /// The entries that no other entry replaces or skips: one in a sound channel, in the order of the catalog else.
    pub fn heads(&self) -> Vec<&str> {
        Graph::new(&self.entries).heads().into_iter().map(|head| head.name.as_str()).collect()
    }
}

fn sorted_names(entries: &[&Entry]) -> Vec<String> {
    let mut names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    names.sort();
    names
}
