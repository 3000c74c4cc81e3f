//! Warnings on their way to the screen, kept for the result document: whatever a run warns of is in it, also what was said
//! before the engine had the word, and what the clients say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci_transport::Client;

use crate::event::{Event, Observer};

/// Keeps warnings and hands everything on.
pub(crate) struct Heard {
    inner: Arc<dyn Observer>,
    warnings: Mutex<Vec<String>>,
}

impl Heard {
    /// Listens before `inner`, and to the clients. `before` was warned of earlier.
    pub(crate) fn new(inner: &Arc<dyn Observer>, before: &[String], clients: &[&Client]) -> Arc<Self> {
        let heard = Arc::new(Self { inner: Arc::clone(inner), warnings: Mutex::new(before.to_vec()) });
        for client in clients {
            let heard = Arc::clone(&heard);
            client.on_warning(Arc::new(move |text| heard.event(Event::Warning(text))));
        }
        heard
    }

    /// The warnings so far, in order; they are forgotten here.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Heard {
    fn event(&self, event: Event) {
        if let Event::Warning(text) = &event {
            self.lock().push(text.clone());
        }
        self.inner.event(event);
    }
}
