//! Templates as a whole: what Go answers, and what hostile templates come to.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod hostile;
mod recorded;
mod rows;
mod world;
