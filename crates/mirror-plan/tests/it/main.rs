//! The planner's rules as rows.
#![expect(clippy::unwrap_used, reason = "a test whose input is wrong should stop there")]

mod additional;
mod advice;
mod assemble;
mod names;
