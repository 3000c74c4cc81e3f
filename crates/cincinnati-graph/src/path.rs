//! The shortest update path.

// Numbers of nodes were checked when the graph was read (`Graph::from_json`), or are places in a list that is made here.
#![allow(clippy::indexing_slicing)]

use std::collections::VecDeque;

use crate::{Graph, Node};

impl Graph {
    /// The shortest path over unconditional updates from one node to another, both ends included; `None` when there is
    /// none.
    ///
    /// Breadth first, targets of a node in descending version order, the first predecessor found wins: of several
    /// paths of equal length this is the one that takes the highest version at the earliest possible step
    /// (`docs/behaviour/release.md` 2.4).
    ///
    /// # Panics
    /// When `from` or `to` is not below the number of nodes.
    pub fn shortest_path(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        assert!(from < self.nodes().len() && to < self.nodes().len(), "node numbers come from this graph");
        let mut came_from = vec![None; self.nodes().len()];
        came_from[from] = Some(from);
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            if node == to {
                let mut path = vec![to];
                let mut step = to;
                while step != from {
                    step = came_from[step].expect("every node in the queue has a predecessor");
                    path.push(step);
                }
                path.reverse();
                return Some(path);
            }
            for &target in self.successors(node) {
                if came_from[target].is_none() {
                    came_from[target] = Some(node);
                    queue.push_back(target);
                }
            }
        }
        None
    }

    /// Path nodes, start and end: what a shortest-path selection takes. Without a path, the two ends alone.
    pub(crate) fn path_or_ends(&self, from: usize, to: usize) -> Vec<&Node> {
        let ends = || if from == to { vec![from] } else { vec![from, to] };
        self.shortest_path(from, to).unwrap_or_else(ends).into_iter().map(|index| &self.nodes()[index]).collect()
    }
}
