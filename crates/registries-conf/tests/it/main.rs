//! The contract of this crate, row by row.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests do")]
#![allow(clippy::print_stdout, reason = "tests that skip say so")]

mod auth;
mod certs;
mod locations;
mod lookaside;
mod merge;
mod nesting;
mod policy;
mod properties;
mod resolve;
mod short_names;
mod validation;

/// A layer called `name` from a text.
fn layer(name: &str, text: &str) -> registries_conf::Layer {
    registries_conf::Layer::new(name, text)
}

/// The text of a file of the containers projects' own test data, if it is there.
fn shared(path: &str) -> Option<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/containers");
    let text = std::fs::read_to_string(format!("{root}/{path}")).ok();
    if text.is_none() {
        println!("skipped: {path} is not there");
    }
    text
}

/// A layer from such a file, named by its last path element.
fn shared_layer(path: &str) -> Option<registries_conf::Layer> {
    Some(layer(path.rsplit('/').next().unwrap_or(path), &shared(path)?))
}
