//! How often a failed request is tried again, and after which pauses.

use std::time::Duration;

use crate::error::Error;

/// How often and after how long a failed request is tried again (`docs/behaviour/operators-archive.md` 7.1).
///
/// Whether it is tried again at all is not said here but asked of the error: [`Error::is_retryable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times after the first attempt.
    pub times: u32,
    /// The pause before each further attempt. Zero means exponential: 1, 2, 4, 8, … seconds, at most a minute.
    /// Either way up to 10 % are added at random, so that many clients do not come back at once.
    pub delay: Duration,
    /// The longest `Retry-After` that is obeyed; a registry that asks for more is asked again after this time.
    pub max_retry_after: Duration,
    /// How long a host that has never answered this client is tried while it refuses connections; a name that does not
    /// exist is then not tried again at all. `None`: as often as any other.
    pub first_contact: Option<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            times: 5,
            delay: Duration::ZERO,
            max_retry_after: Duration::from_secs(120),
            first_contact: Some(Duration::from_secs(5)),
        }
    }
}

impl RetryPolicy {
    /// One attempt and no more.
    pub const NEVER: Self =
        Self { times: 0, delay: Duration::ZERO, max_retry_after: Duration::ZERO, first_contact: None };

    /// The pause after failed attempt number `attempt` (from 1), without the random part.
    pub(crate) fn pause(&self, attempt: u32, error: &Error) -> Duration {
        let own = if self.delay.is_zero() {
            Duration::from_secs(1 << attempt.saturating_sub(1).min(6)).min(Duration::from_secs(60))
        } else {
            self.delay
        };
        match error.retry_after() {
            Some(asked) => asked.min(self.max_retry_after).max(if asked.is_zero() { own } else { Duration::ZERO }),
            None => own,
        }
    }
}
