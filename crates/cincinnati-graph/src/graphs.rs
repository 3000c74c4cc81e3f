//! The graphs that were asked for so far.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Graph, GraphError, GraphKey};

/// Answers to [`GraphKey`]s: a graph, or why there is none.
#[derive(Debug, Clone, Default)]
pub struct Graphs {
    answers: BTreeMap<GraphKey, Result<Arc<Graph>, Arc<GraphError>>>,
}

impl Graphs {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer, replacing an earlier one for the same key.
    pub fn insert(&mut self, key: GraphKey, answer: Result<Graph, GraphError>) {
        self.answers.insert(key, answer.map(Arc::new).map_err(Arc::new));
    }

    /// The answer for `key`, if there was one.
    pub fn get(&self, key: &GraphKey) -> Option<Result<&Graph, &Arc<GraphError>>> {
        self.answers.get(key).map(|answer| answer.as_ref().map(AsRef::as_ref))
    }

    /// All graphs there are, without the failures.
    pub fn iter(&self) -> impl Iterator<Item = (&GraphKey, &Graph)> {
        self.answers.iter().filter_map(|(key, answer)| Some((key, answer.as_deref().ok()?)))
    }
}
