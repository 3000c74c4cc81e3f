//! The behaviour of this crate, row by row.
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

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

/// A layer called `name` from a text.
fn layer(name: &str, text: &str) -> registries_conf::Layer {
    registries_conf::Layer::new(name, text)
}

/// The folder of the containers projects' own test data, which need not be there.
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/containers");

/// Every file of it that a test has read.
static READ: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The text of a file of the containers projects' own test data, if it is there.
fn shared(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("{SHARED}/{path}")).ok();
    READ.lock().unwrap().insert(path.to_owned());
    if text.is_none() {
        println!("skipped: {path} is not there");
    }
    text
}

/// A layer from such a file, named by its last path element.
fn shared_layer(path: &str) -> Option<registries_conf::Layer> {
    Some(layer(path.rsplit('/').next().unwrap_or(path), &shared(path)?))
}

/// The files below `folder`, named from the folder of the shared data on.
fn files_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.iter().map(|path| path.strip_prefix(SHARED).unwrap().to_str().unwrap().to_owned());
    files.chain(folders.iter().flat_map(|path| files_below(path))).collect()
}

/// A file that nobody reads proves nothing: each is a row here, or in the crate whose noun it is.
#[test]
fn every_file_of_the_shared_data_is_a_row() {
    let root = Path::new(SHARED);
    if !root.is_dir() {
        println!("skipped: {SHARED} is not there");
        return;
    }
    auth::the_shared_data();
    locations::the_shared_data();
    lookaside::the_shared_data();
    merge::the_drop_ins_of_the_shared_data();
    policy::the_shared_data();
    resolve::the_shared_data();
    short_names::the_shared_data();
    validation::every_file_of_the_shared_data();
    // Held there against their folders: manifests by oci-transport, signatures by image-signature.
    let elsewhere = |file: &str| file.starts_with("manifests/") || file.starts_with("signatures/");
    let read = READ.lock().unwrap().clone();
    let all = files_below(root);
    let rowless: Vec<_> = all.iter().filter(|file| !read.contains(*file) && !elsewhere(file)).collect();
    assert!(rowless.is_empty(), "no row reads {rowless:?}");
    assert!(read.contains("signatures/policy.json"), "image-signature leaves it to this crate");
}
