//! The client against the in-process registry: what it does when all is well, and cell by cell when it is not.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "the tests make manifests of their own and ask nobody for them")]

mod auth;
mod blobs;
mod certificates;
mod copies;
mod faults;
mod files;
mod hostile;
mod hosts;
mod limits;
mod lists;
mod lost;
mod manifests;
mod messages;
mod reach;
mod support;
mod upload_elsewhere;
mod uploads;
