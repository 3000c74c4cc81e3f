//! Arbitrary bytes as a history: an error, or a set that is the same after writing and reading it again.

#![no_main]

use archive_format::history;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(digests) = history::parse(bytes) {
        assert!(digests.len() * 71 <= bytes.len() + 1);
        let text: String = digests.iter().map(|digest| format!("{digest}\n")).collect();
        assert_eq!(history::parse(text.as_bytes()).unwrap(), digests);
    }
});
