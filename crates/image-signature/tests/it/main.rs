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

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;

/// A moment at which the keys and signatures of the test data are valid.
fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// The folder of shared test data, which need not be there.
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// Every shared file that a test has read.
static READ: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A file of shared test data, if it is there.
fn shared(path: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(format!("{SHARED}/{path}")).ok();
    if bytes.is_none() {
        println!("skipped: {path} is not there");
    }
    READ.lock().unwrap().insert(path.to_owned());
    bytes
}

/// A file of the containers projects' signature test data, if it is there.
fn signatures(name: &str) -> Option<Vec<u8>> {
    shared(&format!("containers/signatures/{name}"))
}

/// The files below `folder`, named from `from` on.
fn files_below(from: &Path, folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.iter().map(|path| path.strip_prefix(from).unwrap().to_str().unwrap().to_owned());
    files.chain(folders.iter().flat_map(|path| files_below(from, path))).collect()
}

/// A file that nobody reads proves nothing: each of the containers projects' signature test data is a row somewhere.
#[test]
fn every_file_of_the_shared_data_is_a_row() {
    let (root, folder) = (Path::new(SHARED), Path::new(SHARED).join("containers/signatures"));
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    openpgp::the_shared_data();
    cosign::the_shared_data();
    policy::the_shared_data();
    certificate::the_shared_data();
    // Rows of other crates, which read what is no signature: of registries-conf and oci-transport.
    let elsewhere =
        ["policy.json", "v2s1-invalid-signatures.manifest.json"].map(|name| format!("containers/signatures/{name}"));
    let read = READ.lock().unwrap().clone();
    let rowless: Vec<_> = files_below(root, &folder)
        .into_iter()
        .filter(|file| !read.contains(file) && !elsewhere.contains(file))
        .collect();
    assert!(rowless.is_empty(), "no row reads {rowless:?}");
}
