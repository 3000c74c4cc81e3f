//! Bridges: the fewest entries that hold the selected part of a channel together.
//!
//! OLM wants one head in a channel, and every other entry on the chain of `replaces` below the head or skipped by some
//! entry. A selection can cut away the entry that held two branches together. Here such entries are looked for: for every
//! entry that can be the head, down its chain, and where that is not enough among entries that skip what is left over.

// Every index is a place in a list that this module has made itself, never a number that a catalog names.
#![allow(clippy::indexing_slicing)]

use std::collections::{HashMap, HashSet};

use crate::catalog::Entry;
use crate::graph::Graph;

/// How much work one search may cost, counted in entries and edges looked at. A channel of a few hundred entries needs a
/// hundredth of it; a hostile one does not get more.
pub(super) const BUDGET: usize = 8_000_000;

/// How many entries off the chain of the head a bridge may have.
const MOST_OFF_CHAIN: usize = 6;

/// The fewest entries to add to the kept ones so that OLM accepts the channel; none where no such entries exist among the
/// allowed ones.
///
/// `rank` orders the entries: of several bridges of one size, one whose head was kept anyway is taken, then the one whose
/// entries have the lowest ranks. The search gives the best bridge found when `budget` ends.
pub(super) fn bridge<'a>(
    entries: &'a [Entry],
    kept: &HashSet<&str>,
    allowed: impl Fn(&Entry) -> bool,
    rank: &[usize],
    budget: usize,
) -> Option<Vec<&'a Entry>> {
    let mut search = Search::new(entries, kept, allowed, rank, budget)?;
    let heads = search.possible_heads();
    for head in &heads {
        search.down_the_chain(*head, 0);
    }
    // Entries off the chain make the bridge shorter, or possible; a few of them at most, fewer first.
    for off_chain in 1..=MOST_OFF_CHAIN {
        if search.best.as_ref().is_some_and(|(key, _)| key.size <= off_chain) {
            break;
        }
        for head in &heads {
            search.down_the_chain(*head, off_chain);
        }
    }
    let (_, added) = search.best?;
    Some(added.into_iter().map(|at| &entries[at]).collect())
}

/// What makes one bridge better than another: the smaller key wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    size: usize,
    head_is_added: bool,
    ranks: Vec<usize>,
}

/// A set of entries that grows and shrinks, with what that means for each of them.
struct Search<'a, 'r> {
    entries: &'a [Entry],
    rank: &'r [usize],
    /// The entry that an entry replaces.
    replaces: Vec<Option<usize>>,
    skips: Vec<Vec<usize>>,
    skipped_by: Vec<Vec<usize>>,
    kept: Vec<bool>,
    /// What may be added.
    allowed: Vec<bool>,
    in_set: Vec<bool>,
    on_chain: Vec<bool>,
    /// How many entries of the set skip an entry.
    skip_count: Vec<u32>,
    /// How many entries of the set are neither on the chain nor skipped.
    uncovered: usize,
    added: Vec<usize>,
    best: Option<(Key, Vec<usize>)>,
    budget: usize,
}

impl<'a, 'r> Search<'a, 'r> {
    /// None where a kept entry is listed twice: nothing that is added mends that.
    fn new(
        entries: &'a [Entry],
        kept: &HashSet<&str>,
        allowed: impl Fn(&Entry) -> bool,
        rank: &'r [usize],
        budget: usize,
    ) -> Option<Self> {
        let mut by_name: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
        let mut twice: HashSet<&str> = HashSet::new();
        for (at, entry) in entries.iter().enumerate() {
            if by_name.insert(&entry.name, at).is_some() {
                twice.insert(&entry.name);
            }
        }
        if twice.iter().any(|name| kept.contains(name)) {
            return None;
        }
        let points_at_itself =
            |entry: &Entry| entry.replaces.as_ref() == Some(&entry.name) || entry.skips.contains(&entry.name);
        let mut skipped_by = vec![Vec::new(); entries.len()];
        let mut skips = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let targets: Vec<usize> =
                entry.skips.iter().filter_map(|name| by_name.get(name.as_str())).copied().collect();
            for target in &targets {
                skipped_by[*target].push(at);
            }
            skips.push(targets);
        }
        let is_kept: Vec<bool> = entries.iter().map(|entry| kept.contains(entry.name.as_str())).collect();
        let may_be_added = |entry: &Entry| {
            !kept.contains(entry.name.as_str())
                && !twice.contains(entry.name.as_str())
                && !points_at_itself(entry)
                && allowed(entry)
        };
        let mut search = Self {
            entries,
            rank,
            replaces: entries
                .iter()
                .map(|entry| entry.replaces.as_ref().and_then(|name| by_name.get(name.as_str())).copied())
                .collect(),
            skips,
            skipped_by,
            allowed: entries.iter().map(may_be_added).collect(),
            in_set: vec![false; entries.len()],
            on_chain: vec![false; entries.len()],
            skip_count: vec![0; entries.len()],
            uncovered: 0,
            added: Vec::new(),
            best: None,
            budget,
            kept: is_kept.clone(),
        };
        for at in (0..entries.len()).filter(|at| is_kept[*at]) {
            search.insert(at);
        }
        Some(search)
    }

    /// Entries that nothing kept replaces or skips: first kept ones, then those that may be added, each by rank.
    fn possible_heads(&self) -> Vec<usize> {
        let replaced: HashSet<usize> =
            (0..self.entries.len()).filter(|at| self.kept[*at]).filter_map(|at| self.replaces[at]).collect();
        let is_free = |at: &usize| self.skip_count[*at] == 0 && !replaced.contains(at);
        let mut heads: Vec<usize> =
            (0..self.entries.len()).filter(|at| self.kept[*at] || self.allowed[*at]).filter(is_free).collect();
        heads.sort_by_key(|at| (!self.kept[*at], self.rank[*at]));
        heads
    }

    /// Walks from a head down what it replaces, and looks at each place where the chain may end.
    fn down_the_chain(&mut self, head: usize, off_chain: usize) {
        if self.budget == 0 {
            return;
        }
        let added_before = self.added.len();
        let mut chain = vec![head];
        if !self.kept[head] {
            self.add(head);
        }
        self.put_on_chain(head);
        let mut current = head;
        loop {
            self.spend(1 + self.skips[current].len());
            let next = self.replaces[current];
            let goes_on = next.is_some_and(|next| self.in_set[next]);
            if !goes_on {
                self.look(head, off_chain);
            }
            let Some(next) = next.filter(|next| !self.on_chain[*next]) else { break };
            if !goes_on {
                if !self.allowed[next] || !self.is_worth(self.added.len() + 1) || self.budget == 0 {
                    break;
                }
                self.add(next);
            }
            self.put_on_chain(next);
            chain.push(next);
            // OLM's walk ends at what somebody skips.
            if self.skip_count[next] > 0 {
                self.look(head, off_chain);
                break;
            }
            current = next;
        }
        for at in chain.into_iter().rev() {
            self.take_off_chain(at);
        }
        while self.added.len() > added_before {
            self.drop_last();
        }
    }

    /// Notes the set when it is a bridge; else, with entries left to add off the chain, tries those that skip the first
    /// entry that is left over.
    fn look(&mut self, head: usize, off_chain: usize) {
        if self.uncovered == 0 {
            self.note(head);
            return;
        }
        if off_chain == 0 || self.budget == 0 || !self.is_worth(self.added.len() + 1) {
            return;
        }
        self.spend(self.entries.len() / 8 + 1);
        let is_left_over = |at: &usize| self.in_set[*at] && !self.on_chain[*at] && self.skip_count[*at] == 0;
        let Some(left_over) = (0..self.entries.len()).find(is_left_over) else { return };
        for number in 0..self.skipped_by[left_over].len() {
            let skipper = self.skipped_by[left_over][number];
            if self.allowed[skipper] && !self.in_set[skipper] {
                self.add(skipper);
                self.look(head, off_chain - 1);
                self.drop_last();
            }
        }
    }

    /// Whether a bridge of this many entries can still be the best.
    fn is_worth(&self, size: usize) -> bool {
        self.best.as_ref().is_none_or(|(best, _)| size <= best.size)
    }

    fn note(&mut self, head: usize) {
        if !self.is_worth(self.added.len()) {
            return;
        }
        let mut ranks: Vec<usize> = self.added.iter().map(|at| self.rank[*at]).collect();
        ranks.sort_unstable();
        let key = Key { size: self.added.len(), head_is_added: !self.kept[head], ranks };
        if self.best.as_ref().is_some_and(|(best, _)| *best <= key) {
            return;
        }
        // Edges in odd directions are not looked at above; OLM's own rules decide.
        self.spend(self.entries.len());
        let set = self.entries.iter().enumerate().filter(|(at, _)| self.in_set[*at]).map(|(_, entry)| entry);
        if Graph::new(set).faults().is_empty() {
            self.best = Some((key, self.added.clone()));
        }
    }

    fn spend(&mut self, steps: usize) {
        self.budget = self.budget.saturating_sub(steps);
    }

    fn add(&mut self, at: usize) {
        self.added.push(at);
        self.insert(at);
    }

    fn insert(&mut self, at: usize) {
        self.in_set[at] = true;
        self.uncovered += usize::from(!self.is_covered(at));
        for number in 0..self.skips[at].len() {
            let target = self.skips[at][number];
            let was_uncovered = self.in_set[target] && !self.is_covered(target);
            self.skip_count[target] += 1;
            self.uncovered -= usize::from(was_uncovered);
        }
    }

    /// Undoes the last [`Search::add`].
    fn drop_last(&mut self) {
        let Some(at) = self.added.pop() else { return };
        for number in 0..self.skips[at].len() {
            let target = self.skips[at][number];
            self.skip_count[target] -= 1;
            self.uncovered += usize::from(self.in_set[target] && !self.is_covered(target));
        }
        self.uncovered -= usize::from(!self.is_covered(at));
        self.in_set[at] = false;
    }

    fn put_on_chain(&mut self, at: usize) {
        self.uncovered -= usize::from(self.in_set[at] && !self.is_covered(at));
        self.on_chain[at] = true;
    }

    fn take_off_chain(&mut self, at: usize) {
        self.on_chain[at] = false;
        self.uncovered += usize::from(self.in_set[at] && !self.is_covered(at));
    }

    fn is_covered(&self, at: usize) -> bool {
        self.on_chain[at] || self.skip_count[at] > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: usize, replaces: Option<usize>, skips: &[usize]) -> Entry {
        Entry {
            name: format!("v{name}"),
            replaces: replaces.map(|name| format!("v{name}")),
            skips: skips.iter().map(|name| format!("v{name}")).collect(),
            skip_range: None,
        }
    }

    fn names(found: Option<Vec<&Entry>>) -> Option<Vec<&str>> {
        found.map(|entries| {
            let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            names.sort_unstable();
            names
        })
    }

    /// Newest first, as the caller ranks them.
    fn ranks(entries: &[Entry]) -> Vec<usize> {
        (0..entries.len()).rev().collect()
    }

    fn found<'a>(entries: &'a [Entry], kept: &[usize], highest: usize) -> Option<Vec<&'a Entry>> {
        let kept: Vec<String> = kept.iter().map(|name| format!("v{name}")).collect();
        let kept: HashSet<&str> = kept.iter().map(String::as_str).collect();
        let allowed = |entry: &Entry| entry.name[1..].parse::<usize>().unwrap() <= highest;
        bridge(entries, &kept, allowed, &ranks(entries), BUDGET)
    }

    #[test]
    fn bridges() {
        let check = |entries: &[Entry], kept: &[usize], highest: usize, expected: Option<&[&str]>| {
            assert_eq!(names(found(entries, kept, highest)).as_deref(), expected, "{kept:?} up to {highest}");
        };
        let chain: Vec<Entry> = (0..6).map(|name| entry(name, name.checked_sub(1), &[])).collect();
        check(&chain, &[1, 4], 9, Some(&["v2", "v3"]));
        check(&chain, &[1, 2], 9, Some(&[]));
        check(&chain, &[1, 4], 2, None);
        // A head that skips everything is one entry, where it may be added.
        let mut skipped = chain.clone();
        skipped.push(entry(6, Some(5), &[0, 1, 2, 3, 4]));
        check(&skipped, &[0, 4], 9, Some(&["v6"]));
        check(&skipped, &[0, 4], 5, Some(&["v1", "v2", "v3"]));
        // Off the chain: v2 skips v1 and is skipped by v3; nothing replaces it.
        let side = [entry(0, None, &[]), entry(1, None, &[]), entry(2, None, &[1]), entry(3, Some(0), &[2])];
        check(&side, &[1, 3], 9, Some(&["v2"]));
        check(&side, &[0, 1, 3], 9, Some(&["v2"]));
        check(&side, &[1, 3], 1, None);
        // Twice the same name, and a name that points at itself: nothing mends that.
        check(&[entry(1, None, &[]), entry(1, None, &[]), entry(2, None, &[])], &[1, 2], 9, None);
        check(&[entry(1, None, &[]), entry(2, None, &[]), entry(3, Some(1), &[3, 2])], &[1, 2], 9, None);
    }

    #[test]
    fn a_hostile_channel_costs_no_more_than_its_budget() {
        let many: Vec<usize> = (0..300).collect();
        let entries: Vec<Entry> = (0..300).map(|name| entry(name, None, &many[..name])).collect();
        let wild: Vec<Entry> = (0..300).map(|name| entry(name, Some((name * 7) % 300), &many[name + 1..])).collect();
        for entries in [entries, wild] {
            let started = std::time::Instant::now();
            let _ = found(&entries, &[3, 50, 200], 250);
            assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        }
    }

    fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
        let edges = (prop::option::of(0..7_usize), prop::collection::vec(0..7_usize, 0..3));
        prop::collection::vec(edges, 7).prop_map(|edges| {
            edges.iter().enumerate().map(|(name, (replaces, skips))| entry(name, *replaces, skips)).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Against trying every set: whatever is found is sound and as small as can be, and nothing is missed.
        #[test]
        fn as_small_as_any(entries in any_entries(), chosen in 1_u32..128, highest in 3_usize..8) {
            let kept: Vec<usize> = (0..7).filter(|at| chosen & (1 << at) != 0).collect();
            let sound = |set: u32| {
                let of_set = entries.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0).map(|(_, entry)| entry);
                Graph::new(of_set).faults().is_empty()
            };
            let forbidden: u32 = (0..7).filter(|at| *at > highest).map(|at| 1_u32 << at).sum::<u32>() & !chosen;
            let least = (0..128_u32)
                .filter(|set| set & chosen == chosen && set & forbidden == 0 && sound(*set))
                .map(|set| (set & !chosen).count_ones() as usize)
                .min();
            let found = found(&entries, &kept, highest);
            if let Some(found) = &found {
                let set = found.iter().fold(chosen, |set, entry| set | 1 << entry.name[1..].parse::<u32>().unwrap());
                prop_assert!(sound(set));
            }
            prop_assert_eq!(found.map(|found| found.len()), least, "{:?} {:?}", entries, kept);
        }
    }
}
