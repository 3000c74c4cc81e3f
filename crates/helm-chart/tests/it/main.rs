//! Charts as the users of the crate see them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod hostile;
mod real;
