//! A range lies inside its total.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_transport::content_range::{parse, parse_upload};

fuzz_target!(|header: &str| {
    if let Some(range) = parse(header) {
        assert!(range.first <= range.last);
        assert!(range.total.is_none_or(|total| range.last < total));
        let total = range.total.map_or_else(|| "*".to_owned(), |total| total.to_string());
        assert_eq!(parse(&format!("bytes {}-{}/{total}", range.first, range.last)), Some(range));
    }
    let _ = parse_upload(header);
});
