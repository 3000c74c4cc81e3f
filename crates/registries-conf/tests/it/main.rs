//! The contract of this crate, row by row.

mod resolve;
