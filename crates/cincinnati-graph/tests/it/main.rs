//! What the crate promises, through its public face.
#![expect(clippy::print_stdout, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod cases;
mod graph;
mod mock;
mod query;
mod reach;
mod real;
mod updates;
