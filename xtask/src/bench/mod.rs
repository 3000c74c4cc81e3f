//! `cargo xtask bench`: measurements side by side with a floor of ordinary tools, in one run on one machine.

pub(crate) mod catalog;
mod floor;
mod measure;
pub(crate) mod release;
pub(crate) mod server;
pub(crate) mod transfer;
