//! How often requests were tried again, counted for whoever the work is done for.
//!
//! A copy makes many requests for one image, through several calls of two clients, and all of them end in the one retry
//! policy. Who counts is therefore handed along with the task and not from call to call: the attempts of one piece of
//! work remember the tally that was in force when they began. A download that feeds an upload is polled by the task of
//! the connection later on, and still counts for its image.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

tokio::task_local! {
    static IN_FORCE: RetryTally;
}

/// Counts further attempts. Clones count together.
///
/// ```
/// use oci_transport::RetryTally;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let tally = RetryTally::default();
/// let answer = tally.during(async { 42 /* requests of a client */ }).await;
/// assert_eq!((answer, tally.retries()), (42, 0));
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct RetryTally(Arc<AtomicU32>);

impl RetryTally {
    /// Does `work`; whatever requests it tries again count here. A tally within it takes over for its own part.
    pub async fn during<W: Future>(&self, work: W) -> W::Output {
        IN_FORCE.scope(self.clone(), work).await
    }

    /// Further attempts so far. The first attempt of a request is none, nor is asking the next source of registries.conf.
    pub fn retries(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// The tally of this task, or one that nobody reads.
    pub(crate) fn in_force() -> Self {
        IN_FORCE.try_with(Self::clone).unwrap_or_default()
    }

    /// One more.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{Condition, Error};
    use crate::retry::Retries;
    use crate::retry_policy::RetryPolicy;

    fn attempts(times: u32) -> Retries {
        RetryPolicy { times, delay: Duration::from_millis(1), ..RetryPolicy::default() }.start()
    }

    /// Fails so often; whether the policy lets it go on after the last one.
    async fn fail(retries: &mut Retries, times: u32, condition: Condition) -> bool {
        let mut goes_on = true;
        for _ in 0..times {
            goes_on = retries.again(Error::new(condition, "testing", "failed"), 0).await.is_ok();
        }
        goes_on
    }

    #[tokio::test]
    async fn only_what_is_tried_again_counts() {
        async fn check(condition: Condition, failures: u32, goes_on: bool, expected: u32) {
            let tally = RetryTally::default();
            let found = tally.during(async { fail(&mut attempts(2), failures, condition).await }).await;
            assert_eq!((found, tally.retries()), (goes_on, expected), "{condition:?} {failures}");
        }
        check(Condition::Reset, 0, true, 0).await;
        check(Condition::Reset, 2, true, 2).await;
        check(Condition::Reset, 3, false, 2).await;
        check(Condition::NotFound, 1, false, 0).await;
        check(Condition::Digest, 2, false, 1).await;
    }

    /// The task that polls is not always the one that began.
    #[tokio::test]
    async fn it_counts_for_the_task_that_began() {
        let (outer, inner) = (RetryTally::default(), RetryTally::default());
        let mut begun = outer
            .during(async {
                inner.during(async { fail(&mut attempts(5), 1, Condition::Reset).await }).await;
                attempts(5)
            })
            .await;
        tokio::spawn(async move { fail(&mut begun, 2, Condition::Reset).await }).await.expect("no panic");
        assert!(fail(&mut attempts(5), 3, Condition::Reset).await, "nobody counts");
        assert_eq!((outer.retries(), inner.retries()), (2, 1));
    }
}
