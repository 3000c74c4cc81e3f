//! What a person should hear of although nothing has failed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::Client;

/// Hears what a client warns of, one sentence at a time. Called from any task; must not block for long.
pub type WarningListener = Arc<dyn Fn(String) + Send + Sync>;

impl Client {
    /// Tells `listener` what this client, or a clone of it, warns of from now on, in place of who was told before. Without
    /// a listener, warnings are `tracing` events.
    pub fn on_warning(&self, listener: WarningListener) {
        self.inner.notices.listen(listener);
    }
}

/// Where warnings go.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Option<WarningListener>>);

impl Notices {
    fn listen(&self, listener: WarningListener) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(crate) fn warn(&self, text: String) {
        // Called outside the lock: who listens may do what he wants.
        let listener = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(listener) = listener {
            listener(text);
        } else {
            tracing::warn!("{text}");
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}
