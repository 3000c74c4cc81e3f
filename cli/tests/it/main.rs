//! End-to-end tests: the real binary against registries on loopback.
#![expect(clippy::unwrap_used, reason = "a test whose set-up fails should stop there")]

mod acceptance;
mod archive;
mod archive_rules;
mod bad_input;
mod catalog_contents;
mod catalog_image;
mod catalogs;
mod charts;
mod completion;
mod delete;
mod digests;
mod documents;
mod dry_run;
mod enclave;
mod environment;
mod exit_codes;
mod harness;
mod kill;
mod list;
mod lookaside;
mod medium;
mod mirror;
mod mirror_to_mirror;
mod names;
mod no_cache;
mod older_media;
mod operators;
mod output;
mod plugin;
mod progress;
mod published_catalog;
mod real_registries;
mod releases;
mod resources;
mod result;
mod result_schema;
mod sequence;

mod start;
mod tape;
mod transports;
mod trust;
mod whole;
mod why;
