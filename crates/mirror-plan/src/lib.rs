//! Configuration and facts become a plan: what to copy where, and why. Asks for facts, does no I/O.

pub mod delete;
pub mod release;
