//! The runtime of the engine, and what has to be ended with it.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context as _;

use crate::access::{Clients, Processes};

/// Runs the engine. Dropped, it ends the credential helpers first: a runtime waits for the threads that wait for them.
pub(super) struct Runtime {
    // In this order: fields are dropped as they are declared.
    helpers: Ended,
    runtime: tokio::runtime::Runtime,
}

struct Ended(Arc<Processes>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Runtime {
    /// A runtime for these clients.
    ///
    /// # Errors
    /// When the system gives it no threads.
    pub(super) fn new(clients: &Clients) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("cannot start the asynchronous runtime")?;
        Ok(Self { helpers: Ended(Arc::clone(&clients.helpers)), runtime })
    }

    /// Ends at once, without waiting for anything that still runs.
    pub(super) fn abandon(self) {
        let Self { helpers, runtime } = self;
        drop(helpers);
        runtime.shutdown_background();
    }

    /// What comes of a future.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}
