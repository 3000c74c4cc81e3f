//! isc-schema as its users see it: text in, configuration and diagnostics out.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails the test")]

mod advice;
mod behaviour;
mod empty_names;
mod fixtures;
mod properties;
mod schema;
