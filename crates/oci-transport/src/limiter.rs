//! How many requests run at a registry at once: adaptive, like TCP (additive increase, multiplicative decrease).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A bound on concurrent work that finds its own height.
///
/// It grows by one for each round of successes and is halved once per episode of congestion: failures of work that
/// began before the halving do not halve again, since they speak of the same crowd.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
    freed: Notify,
    max: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    running: usize,
    successes: usize,
    episode: u64,
}

impl Limiter {
    /// A limiter that starts at `start` and never exceeds `max`; both count concurrent pieces of work and are at least 1.
    pub fn new(start: usize, max: usize) -> Arc<Self> {
        let max = max.max(1);
        let limit = start.clamp(1, max);
        Arc::new(Self {
            state: Mutex::new(State { limit, running: 0, successes: 0, episode: 0 }),
            freed: Notify::new(),
            max,
        })
    }

    /// Waits for a free place.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Registered before looking, so that a place freed in between is not missed.
            freed.as_mut().enable();
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
            freed.await;
        }
    }

    /// Takes a place if one is free.
    pub fn try_acquire(self: &Arc<Self>) -> Option<Permit> {
        let mut state = self.lock();
        if state.running >= state.limit {
            return None;
        }
        state.running += 1;
        let episode = state.episode;
        Some(Permit { limiter: Arc::clone(self), episode })
    }

    /// The present bound.
    pub fn limit(&self) -> usize {
        self.lock().limit
    }

    /// How many places are taken.
    pub fn running(&self) -> usize {
        self.lock().running
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the running. It is given back on drop.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<Limiter>,
    episode: u64,
}

impl Permit {
    /// Tells that the work went well.
    pub fn succeeded(&self) {
        let mut state = self.limiter.lock();
        state.successes += 1;
        if state.successes >= state.limit {
            state.successes = 0;
            if state.limit < self.limiter.max {
                state.limit += 1;
                drop(state);
                self.limiter.freed.notify_one();
            }
        }
    }

    /// Tells that the registry is overloaded.
    pub fn congested(&self) {
        let mut state = self.limiter.lock();
        if self.episode == state.episode {
            state.episode += 1;
            state.limit = (state.limit / 2).max(1);
            state.successes = 0;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.lock().running -= 1;
        self.limiter.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn grows_by_one_a_round_up_to_its_maximum() {
        let limiter = Limiter::new(2, 4);
        let mut limits = Vec::new();
        for _ in 0..12 {
            limiter.acquire().await.succeeded();
            limits.push(limiter.limit());
        }
        assert_eq!(limits, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
    }

    #[tokio::test]
    async fn is_halved_once_for_one_crowd() {
        let limiter = Limiter::new(8, 8);
        let mut crowd = Vec::new();
        for _ in 0..8 {
            crowd.push(limiter.acquire().await);
        }
        crowd.iter().for_each(Permit::congested);
        assert_eq!(limiter.limit(), 4);
        drop(crowd);
        limiter.acquire().await.congested();
        assert_eq!(limiter.limit(), 2);
        for _ in 0..5 {
            limiter.acquire().await.congested();
        }
        assert_eq!(limiter.limit(), 1, "never below one");
    }

    #[tokio::test]
    async fn never_more_run_than_the_limit_and_nobody_waits_for_ever() {
        let limiter = Limiter::new(3, 3);
        let tasks = (0..50).map(|at| {
            let limiter = Arc::clone(&limiter);
            async move {
                let permit = limiter.acquire().await;
                assert!(limiter.running() <= 3);
                tokio::task::yield_now().await;
                // Some give up while they wait.
                if at % 7 == 0 { permit.congested() } else { permit.succeeded() }
            }
        });
        let all = futures_util::future::join_all(tasks.map(tokio::spawn));
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("all are served");
        assert_eq!(limiter.running(), 0);
    }
}
