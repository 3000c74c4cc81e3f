//! What is accepted and what is refused, row by row.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests do")]
#![allow(clippy::print_stdout, reason = "tests that skip say so")]

mod blob;
mod certificate;
mod cosign;
mod openpgp;
mod payload;
mod policy;
mod properties;

use jiff::Timestamp;

/// A moment at which the keys and signatures of the test data are valid.
fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A file of shared test data, if it is there.
fn shared(path: &str) -> Option<Vec<u8>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let bytes = std::fs::read(format!("{root}/{path}")).ok();
    if bytes.is_none() {
        println!("skipped: {path} is not there");
    }
    bytes
}

/// A file of the containers projects' signature test data, if it is there.
fn signatures(name: &str) -> Option<Vec<u8>> {
    shared(&format!("containers/signatures/{name}"))
}
