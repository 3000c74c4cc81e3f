//! The vocabulary as a specification: rows of texts and what they mean.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails the test")]

mod digests;
mod messages;
mod normalisation;
mod platforms;
mod properties;
mod references;
mod repositories;
