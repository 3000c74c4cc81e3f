//! What was understood of a `WWW-Authenticate` header is understood again when it is written out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_transport::challenge::parse;

fuzz_target!(|header: &str| {
    let first = parse(header);
    assert!(first.len() <= header.len());
    let text = first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    assert_eq!(parse(&text), first);
});
