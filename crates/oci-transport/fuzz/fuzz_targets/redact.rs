//! Any text passes the redactor, and a secret does not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_transport::Redactor;

fuzz_target!(|parts: (&str, &str, &str)| {
    let (before, secret, after) = parts;
    let redactor = Redactor::default();
    redactor.hide_address(before);
    if secret.len() >= 8 {
        redactor.hide(secret);
        let clean = redactor.clean(&format!("{before}{secret}{after}"));
        assert!(!clean.contains(secret) || oci_transport::REDACTED.contains(secret) || secret.contains("[redacted]"));
    }
    redactor.clean(after);
});
