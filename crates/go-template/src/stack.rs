//! A stack that is deep enough for templates.

use std::io;
use std::thread;

/// Runs `work` on a thread with a stack on which every template within the [`Limits`](crate::Limits) can run.
///
/// Templates call each other, and so do parser and executor: the bounds on depth keep within this stack, also in a
/// build without optimisation. Memory is used only as far as the stack is.
///
/// # Errors
///
/// When the system gives no thread.
///
/// # Panics
///
/// With the panic of `work`.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    const BYTES: usize = 256 << 20;
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("templates".into()).stack_size(BYTES).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
