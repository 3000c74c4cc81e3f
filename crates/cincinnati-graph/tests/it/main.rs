//! What the crate promises, through its public face.

mod cases;
mod graph;
mod mock;
mod query;
mod reach;
mod real;
