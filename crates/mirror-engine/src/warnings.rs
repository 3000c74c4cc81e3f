//! Warnings on their way to the screen, kept for the result document: whatever a run warns of is in it, also what was said
//! before the engine had the word, and what the clients say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci_transport::{Client, Notice, Redactor};

use mirror_job::event::{Event, Observer};

/// Keeps warnings and hands everything on.
pub(crate) struct Warnings {
    inner: Arc<dyn Observer>,
    kept: Mutex<Vec<String>>,
    /// What the clients send and nobody may read; clients of one run mostly share one.
    redactors: Vec<Redactor>,
}

impl Warnings {
    /// Listens before `inner`, and to the clients. `before` was warned of earlier.
    pub(crate) fn new(inner: &Arc<dyn Observer>, before: &[String], clients: &[&Client]) -> Arc<Self> {
        let redactors = clients.iter().map(|client| client.options().redactor.clone()).collect();
        let kept = Mutex::new(before.to_vec());
        let heard = Arc::new(Self { inner: Arc::clone(inner), kept, redactors });
        for client in clients {
            let heard = Arc::clone(&heard);
            client.on_notice(Arc::new(move |notice| {
                heard.event(match notice {
                    Notice::Warning(text) => Event::Warning(text),
                    Notice::Waiting(waiting) => Event::Waiting(waiting),
                    Notice::Info(text) => Event::Info(text),
                    other => Event::Debug(format!("{other:?}")),
                });
            }));
        }
        heard
    }

    /// The warnings so far, in order; they are forgotten here.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Warnings {
    fn event(&self, mut event: Event) {
        match &mut event {
            Event::Info(text) | Event::Warning(text) | Event::Error(text) | Event::Debug(text) => {
                *text = self.clean(text);
            }
            Event::ImageFailed { line, .. } => *line = self.clean(line),
            _ => {}
        }
        self.lock().extend(event.warning());
        self.inner.event(event);
    }

    fn clean(&self, text: &str) -> String {
        self.redactors.iter().fold(text.to_owned(), |text, redactor| redactor.clean(&text))
    }
}
