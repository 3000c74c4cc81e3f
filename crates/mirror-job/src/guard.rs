//! A defect of this program costs what it was met with, and not the whole run: panics become errors.
//!
//! What a registry or an archive sends must never make the program panic. Where it does so all the same, one image fails,
//! the others go on, and log, result document and exit code are written.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

/// Work ended in a panic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("internal error: {message}. This is a defect of oc-mirror: please report it, with the log of this run")]
pub struct Panicked {
    message: String,
}

impl Panicked {
    /// From what was panicked with: nearly always a text.
    pub fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self { message: text.unwrap_or("no reason is given").to_owned() }
    }
}

/// Runs work to its end, be that a panic. What it shared with others is as it left it: it must not be asked again.
///
/// # Errors
/// When the work panics.
pub async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| Panicked::new(payload.as_ref()))
}

/// The same for work that blocks.
///
/// # Errors
/// When the work panics.
pub fn guarded_blocking<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked::new(payload.as_ref()))
}

/// Runs blocking work on the blocking pool. A panic there is one here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(payload) => std::panic::resume_unwind(payload),
        Err(error) => panic!("blocking work is not aborted: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_reason() {
        let reason = |outcome: Result<u8, Panicked>| outcome.unwrap_err().message;
        assert_eq!(guarded(async { 5 }).await, Ok(5));
        assert_eq!(reason(guarded(async { panic!("so it is") }).await), "so it is");
        assert_eq!(reason(guarded(async { panic!("number {}", 7) }).await), "number 7");
        assert_eq!(reason(guarded(async { std::panic::panic_any(7) }).await), "no reason is given");
        // On another thread, whose end is told with the reason.
        assert_eq!(reason(guarded(blocking(|| panic!("far away"))).await), "far away");
        assert_eq!(reason(guarded_blocking(|| panic!("here"))), "here");
    }
}
