//! The behaviour of the crate as seen from outside: rows of input and expected output.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod hostile;
mod notation;
mod opm_cache;
mod pairs;
mod properties;
mod published_scenarios;
mod read_and_write;
mod real;
mod upgrade_graph;
mod worked_cases_by_version;
