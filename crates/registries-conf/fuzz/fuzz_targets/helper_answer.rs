//! Answers of credential helpers: whatever they are, neither what is read from them nor an error shows any of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registries_conf::Helper;

fuzz_target!(|input: (&str, bool, &[u8])| {
    let (name, success, answer) = input;
    assert!(Helper::new(name, "reg.io").is_none_or(|helper| !helper.program().contains(['/', '\0', ' '])));
    let helper = Helper::new("fuzz", "reg.io").expect("a name");
    for before in ["", "PLANTED", "{\"Username\": \"PLANTED\", \"Secret\": \"PLANTED", "{\"PLANTED", "[\"PLANTED\", "] {
        let whole = [before.as_bytes(), answer].concat();
        let shown = match helper.answer(success, &whole) {
            Ok(credentials) => {
                assert!(success || credentials.is_none());
                format!("{credentials:?}")
            }
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
});
