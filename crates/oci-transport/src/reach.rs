//! Whether a registry can be reached at all: what one transfer found out in vain, the others need not find out again.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::error::Error;

/// What is known about the way to one registry.
///
/// It is given up once a transfer has used all its attempts, every one of them ended before the registry answered, and
/// no one else had an answer meanwhile. From then on transfers fail at once with the same reason, but for one attempt
/// now and then; any answer ends that.
#[derive(Default)]
pub(crate) struct Reach {
    answers: AtomicU64,
    /// Attempts without an answer since the last one.
    missed: AtomicU32,
    given_up: AtomicBool,
    lost: Mutex<Option<Lost>>,
    changed: Notify,
}

struct Lost {
    error: Error,
    pause: Duration,
    /// When somebody may try again.
    probe: Instant,
}

impl Reach {
    /// The registry has answered something.
    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::AcqRel);
        self.missed.store(0, Ordering::Release);
        if self.given_up.swap(false, Ordering::AcqRel) {
            *self.lock() = None;
        }
    }

    /// How often it has answered so far.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Acquire)
    }

    /// An attempt ended without an answer: how many have since the last answer, with this one.
    pub(crate) fn missed(&self) -> u32 {
        self.missed.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }

    /// Gives the registry up because of `error`; one attempt is let through each `pause`. False when it was given up
    /// before.
    pub(crate) fn give_up(&self, error: &Error, pause: Duration) -> bool {
        let mut lost = self.lock();
        if lost.is_some() {
            return false;
        }
        tracing::debug!(%error, "the registry is given up for now");
        *lost = Some(Lost { error: error.clone(), pause, probe: Instant::now() + pause });
        self.given_up.store(true, Ordering::Release);
        drop(lost);
        self.changed.notify_waiters();
        true
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Whether a request may be sent.
    ///
    /// # Errors
    /// The reason why the registry was given up.
    pub(crate) fn admit(&self, action: &str) -> Result<(), Error> {
        if !self.is_given_up() {
            return Ok(());
        }
        let mut lost = self.lock();
        let Some(lost) = lost.as_mut() else { return Ok(()) };
        if Instant::now() >= lost.probe {
            lost.probe = Instant::now() + lost.pause;
            return Ok(());
        }
        let message = format!("{}; another transfer tried that {} times", lost.error.message(), lost.error.attempts());
        Err(lost.error.clone().with_action(action).with_attempts(1).with_message(message))
    }

    /// Waits until the registry is given up.
    pub(crate) async fn until_given_up(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that nothing in between is missed.
            changed.as_mut().enable();
            if self.is_given_up() {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Lost>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("answers", &self.answers()).field("given_up", &self.is_given_up()).finish()
    }
}
