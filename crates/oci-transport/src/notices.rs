//! What a person should hear of although nothing has failed.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A warning, in a sentence.
    Warning(String),
    /// Plain information, in a sentence.
    Info(String),
    /// Nothing moves for a while, on purpose.
    Waiting(Waiting),
}

/// A pause before another attempt. Its text is a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// `host[:port]` of the registry that is asked again; empty for a document that is on none.
    pub registry: String,
    /// What became of the last attempt.
    pub reason: String,
    /// How long the pause is.
    pub pause: Duration,
    /// How long the registry has asked to wait, where it did.
    pub asked: Option<Duration>,
    /// The number of the attempt that follows, from 2.
    pub attempt: u32,
    /// How many attempts there are at most while nothing moves.
    pub of: u32,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = (self.pause.as_secs_f64() * 10.0).round() / 10.0;
        write!(f, "waiting {seconds} s before attempt {}", self.attempt)?;
        if self.attempt <= self.of {
            write!(f, " of {}", self.of)?;
        }
        if !self.registry.is_empty() {
            write!(f, " at `{}`", self.registry)?;
        }
        write!(f, ": {}", self.reason)?;
        match self.asked {
            Some(asked) if asked > self.pause => write!(f, " (it asks to wait for {} s)", asked.as_secs()),
            _ => Ok(()),
        }
    }
}

/// Hears what a client has to tell. Called from any task; must not block for long.
pub type NoticeListener = Arc<dyn Fn(Notice) + Send + Sync>;

/// Where notices go.
#[derive(Default)]
pub(crate) struct Notices {
    listener: Mutex<Option<NoticeListener>>,
    /// The warnings that are told but once.
    warned: Mutex<HashSet<String>>,
    /// The pauses that were told, by registry: until when they last, and before which attempt.
    told: Mutex<HashMap<String, (Instant, u32)>>,
}

impl Notices {
    pub(crate) fn listen(&self, listener: NoticeListener) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(crate) fn warn(&self, text: String) {
        self.tell(Notice::Warning(text));
    }

    pub(crate) fn info(&self, text: String) {
        self.tell(Notice::Info(text));
    }

    /// Warns, unless these words were told before.
    pub(crate) fn warn_once(&self, text: String) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
            self.warn(text);
        }
    }

    /// Tells a pause. Of many transfers that wait for one registry at a time, one is told.
    pub(crate) fn waiting(&self, waiting: Waiting) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news =
            told.get(&waiting.registry).is_none_or(|(until, attempt)| now >= *until || waiting.attempt > *attempt);
        if news {
            told.insert(waiting.registry.clone(), (now + waiting.pause, waiting.attempt));
            drop(told);
            self.tell(Notice::Waiting(waiting));
        }
    }

    fn tell(&self, notice: Notice) {
        // Called outside the lock: who listens may do what he wants.
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (listener, notice) {
            (Some(listener), notice) => listener(notice),
            (None, Notice::Warning(text)) => tracing::warn!("{text}"),
            (None, Notice::Info(text)) => tracing::info!("{text}"),
            (None, Notice::Waiting(waiting)) => tracing::info!("{waiting}"),
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_in_words() {
        let check = |registry: &str, asked: Option<u64>, attempt: u32, expected: &str| {
            let waiting = Waiting {
                registry: registry.to_owned(),
                reason: "429 Too Many Requests".to_owned(),
                pause: Duration::from_millis(121_960),
                asked: asked.map(Duration::from_secs),
                attempt,
                of: 6,
            };
            assert_eq!(waiting.to_string(), expected);
        };
        check("quay.io", None, 2, "waiting 122 s before attempt 2 of 6 at `quay.io`: 429 Too Many Requests");
        check("quay.io", Some(120), 2, "waiting 122 s before attempt 2 of 6 at `quay.io`: 429 Too Many Requests");
        check(
            "quay.io",
            Some(21_600),
            6,
            "waiting 122 s before attempt 6 of 6 at `quay.io`: 429 Too Many Requests (it asks to wait for 21600 s)",
        );
        // A long transfer that moves now and then has more attempts than the policy says.
        check("quay.io", None, 7, "waiting 122 s before attempt 7 at `quay.io`: 429 Too Many Requests");
        check("", None, 2, "waiting 122 s before attempt 2 of 6: 429 Too Many Requests");
    }

    /// Of many transfers that wait for one registry at a time, one is told.
    #[test]
    fn a_pause_is_told_once() {
        let (notices, heard) = (Notices::default(), Arc::new(Mutex::new(Vec::new())));
        let ear = Arc::clone(&heard);
        notices.listen(Arc::new(move |notice| {
            if let Notice::Waiting(waiting) = notice {
                ear.lock().unwrap().push((waiting.registry, waiting.attempt));
            }
        }));
        let wait = |registry: &str, seconds: u64, attempt: u32| {
            let (pause, reason) = (Duration::from_secs(seconds), String::new());
            notices.waiting(Waiting { registry: registry.to_owned(), reason, pause, asked: None, attempt, of: 6 });
        };
        for (registry, seconds, attempt) in [
            ("a.io", 3600, 2),
            ("a.io", 3600, 2),
            ("b.io", 0, 2),
            ("a.io", 3600, 3),
            ("a.io", 3600, 2),
            ("b.io", 3600, 2),
            ("a.io", 3600, 3),
        ] {
            wait(registry, seconds, attempt);
        }
        let told: Vec<_> = heard.lock().unwrap().clone();
        let told: Vec<_> = told.iter().map(|(registry, attempt)| (registry.as_str(), *attempt)).collect();
        assert_eq!(told, [("a.io", 2), ("b.io", 2), ("a.io", 3), ("b.io", 2)], "the first, and what is new");
    }
}
