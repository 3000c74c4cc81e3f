//! Every text, as key and as value, is read back as the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|text: &str| {
    let value = json!({ text: [text, { "inner": text }] });
    let written = cluster_resources::yaml::write(&value);
    let read: Value = serde_saphyr::from_str(&written).expect("what we write is YAML");
    assert_eq!(read, value, "{written}");
});
