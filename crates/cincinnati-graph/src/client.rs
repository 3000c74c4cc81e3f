//! Drives a selection with an asynchronous source of graphs. Feature `client`.
//!
//! HTTP stays with the caller, who has one client with one retry policy, one set of proxies and one bound on bodies
//! for all of its requests, and who also keeps the answers on disk for later runs without a network. The address to
//! GET is [`crate::Query::url`]; what came back is read by [`crate::read_response`].

use std::future::Future;

use crate::{Graph, GraphError, GraphKey, Report, Request, Selection, Selector, Step};

/// Where graphs come from: an update service, or the answers that an earlier run kept.
pub trait GraphSource {
    /// Gets one graph.
    ///
    /// # Errors
    /// Why there is none. Other channels are still asked for.
    fn graph(&self, key: &GraphKey) -> impl Future<Output = Result<Graph, GraphError>> + Send;
}

/// Selects releases, asking `source` for each graph once. Returns the selection and what can be said about updates
/// inside it.
///
/// Graphs are asked for one after the other: there are few, and each is small. A caller who wants them at once runs
/// [`Selector`] himself.
pub async fn select(request: Request, source: &impl GraphSource) -> (Selection, Vec<Report>) {
    let mut selector = Selector::new(request);
    loop {
        match selector.step() {
            Step::Done(selection) => {
                let reports = Report::all(&selection.releases, selector.graphs());
                return (selection, reports);
            }
            Step::Need(keys) => {
                for key in keys {
                    let answer = source.graph(&key).await;
                    selector.insert(key, answer);
                }
            }
        }
    }
}
