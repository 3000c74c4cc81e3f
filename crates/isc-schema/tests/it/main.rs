//! isc-schema as its users see it: text in, configuration and diagnostics out.

mod contract;
mod fixtures;
mod schema;
