//! The target of a link stands in the header between its angle brackets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_transport::link::next;

fuzz_target!(|header: &str| {
    if let Some(target) = next(header) {
        assert!(header.contains(&format!("<{target}>")));
    }
});
