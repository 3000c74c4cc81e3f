//! The one retry policy of every request.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;

use crate::error::{Condition, Error};
use crate::host::Host;
use crate::notices::{Notices, Waiting};
use crate::retry_policy::RetryPolicy;
use crate::tally::RetryTally;

impl RetryPolicy {
    /// Begins to count the attempts of one piece of work, for the tally of this task too.
    pub(crate) fn start(self) -> Retries {
        let tally = RetryTally::in_force();
        Retries {
            policy: self,
            tries: 0,
            total: 0,
            wrong: 0,
            reached: 0,
            watched: Vec::new(),
            tally,
            notices: None,
            refused: None,
        }
    }
}

/// The attempts of one piece of work.
pub(crate) struct Retries {
    policy: RetryPolicy,
    tries: u32,
    total: u32,
    wrong: u32,
    reached: u64,
    /// Who is asked, and how often it had answered when this began.
    watched: Vec<(Arc<Host>, u64)>,
    tally: RetryTally,
    notices: Option<Arc<Notices>>,
    /// When a host that has never answered refused a connection first.
    refused: Option<Instant>,
}

impl Retries {
    /// Names a registry that is asked. When none of them can be reached, this ends with the others' attempts, and theirs
    /// with this one's.
    pub(crate) fn watching(mut self, host: &Arc<Host>) -> Self {
        self.watched.push((Arc::clone(host), host.reach.answers()));
        self
    }

    /// Names who is told of pauses.
    pub(crate) fn telling(mut self, notices: &Arc<Notices>) -> Self {
        self.notices = Some(Arc::clone(notices));
        self
    }

    /// How long a host that has never answered is still worth trying; `None` when patience is that of any other.
    fn left_at_first_contact(&mut self, error: &Error) -> Option<Duration> {
        let patience = self.policy.first_contact.filter(|_| error.is_at_first_contact())?;
        if error.is_unknown_name() {
            return Some(Duration::ZERO);
        }
        if error.condition() != Condition::Refused {
            return None;
        }
        let since = *self.refused.get_or_insert_with(Instant::now);
        Some(patience.saturating_sub(since.elapsed()))
    }

    /// After a failed attempt: pauses and returns, or gives the error back for good.
    ///
    /// `progress` tells how far the work has come, in bytes: an attempt that moved it by [`WORTHWHILE`] counts as the
    /// first again, so that a long transfer over a bad line ends only when nothing moves any more.
    pub(crate) async fn again(&mut self, error: Error, progress: u64) -> Result<(), Error> {
        self.tries += 1;
        self.total += 1;
        // The same wrong bytes twice are what the registry has.
        self.wrong += u32::from(error.condition() == Condition::Digest);
        if progress >= self.reached + WORTHWHILE {
            self.tries = 1;
            self.reached = progress;
        }
        let left = self.left_at_first_contact(&error);
        let is_last = self.tries > self.policy.times || left.is_some_and(|left| left.is_zero());
        if !error.is_retryable() || self.wrong > 1 || is_last {
            let error = error.with_attempts(self.total);
            // A registry that was given up already has its reason.
            if error.condition().is_unreachable() && is_last && !self.is_hopeless() {
                let pause = self.policy.pause(self.tries, &error);
                for (host, _) in self.watched.iter().filter(|(host, before)| host.reach.answers() == *before) {
                    host.reach.give_up(&error, pause);
                }
            }
            return Err(error);
        }
        let pause = with_jitter(self.policy.pause(self.tries, &error)).min(left.unwrap_or(Duration::MAX));
        if let Some(notices) = &self.notices {
            notices.waiting(Waiting {
                registry: error.registry().to_owned(),
                reason: error.message().to_owned(),
                pause,
                asked: error.retry_after(),
                attempt: self.total + 1,
                of: self.policy.times.saturating_add(1),
            });
        }
        tracing::debug!(attempt = self.total, ?pause, %error, "trying again");
        tokio::select! {
            biased;
            () = self.until_hopeless() => Err(error.with_attempts(self.total)),
            () = tokio::time::sleep(pause) => {
                self.tally.count();
                Ok(())
            }
        }
    }

    /// After a failed attempt that no other is to follow: the error for good.
    pub(crate) fn end(&self, error: Error) -> Error {
        error.with_attempts(self.total + 1)
    }

    /// Whether everyone who is asked has been given up by someone who tried as often as the policy wants.
    fn is_hopeless(&self) -> bool {
        !self.watched.is_empty() && self.watched.iter().all(|(host, _)| host.reach.is_given_up())
    }

    async fn until_hopeless(&self) {
        if self.watched.is_empty() {
            std::future::pending::<()>().await;
        }
        while !self.is_hopeless() {
            for (host, _) in &self.watched {
                host.reach.until_given_up().await;
            }
        }
    }
}

/// How many bytes make an attempt worth another budget: 1 MiB.
pub(crate) const WORTHWHILE: u64 = 1024 * 1024;

fn with_jitter(pause: Duration) -> Duration {
    // Randomly keyed hashers are the standard library's source of randomness; no more is needed to spread clients.
    let random = RandomState::new().build_hasher().finish() % 1000;
    pause + pause.mul_f64(random as f64 / 10_000.0)
}

/// The value of a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(condition: Condition) -> Error {
        Error::new(condition, "testing", "failed")
    }

    #[test]
    fn pauses() {
        let own = RetryPolicy::default();
        let seconds: Vec<u64> = (1..=8).map(|at| own.pause(at, &error(Condition::Reset)).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        let fixed = RetryPolicy { delay: Duration::from_secs(3), ..own };
        let seconds: Vec<u64> = (1..=3).map(|at| fixed.pause(at, &error(Condition::Reset)).as_secs()).collect();
        assert_eq!(seconds, [3, 3, 3]);
        let asked = |seconds| {
            let status = http::StatusCode::TOO_MANY_REQUESTS;
            own.pause(
                1,
                &Error::status("testing", status, Some(Duration::from_secs(seconds)), b"", &crate::Redactor::default()),
            )
            .as_secs()
        };
        assert_eq!([asked(0), asked(7), asked(100_000)], [1, 7, 120]);
        let jittered = with_jitter(Duration::from_secs(10));
        assert!((10.0..=11.0).contains(&jittered.as_secs_f64()));
    }

    #[tokio::test]
    async fn how_often() {
        async fn attempts(condition: Condition, moves: u64) -> u32 {
            let policy = RetryPolicy { times: 2, delay: Duration::from_millis(1), ..RetryPolicy::default() };
            let (mut retries, mut moved) = (policy.start(), 0);
            loop {
                moved += moves;
                if let Err(error) = retries.again(error(condition), moved.min(WORTHWHILE * 5)).await {
                    return error.attempts();
                }
            }
        }
        assert_eq!(attempts(Condition::Reset, 0).await, 3);
        assert_eq!(attempts(Condition::NotFound, 0).await, 1);
        assert_eq!(attempts(Condition::Unauthorized, 0).await, 1);
        assert_eq!(attempts(Condition::Digest, 0).await, 2, "the same wrong bytes twice are enough");
        assert_eq!(attempts(Condition::Reset, WORTHWHILE).await, 7, "five worthwhile attempts, then two in vain");
    }

    #[test]
    fn retry_after_headers() {
        fn check(value: &str, expected: Option<u64>) {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, value.parse().expect("a header value"));
            let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
            assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), expected, "{value}");
        }
        check("0", Some(0));
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }
}
