//! The registry as a client sees it, over real sockets.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to report")]

mod auth;
mod faults;
mod made;
mod processes;
mod pull;
mod push;
mod support;
mod tls;
