//! No text panics, every diagnostic stands at a place of the text, and what was understood survives writing.
#![no_main]

use isc_schema::{Kind, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for kind in [Kind::ImageSet, Kind::Delete] {
        let parsed = parse(text, kind);
        let lines = text.replace("\r\n", "\n");
        for finding in &parsed.diagnostics {
            let line = lines.split(['\n', '\r']).nth(finding.line as usize - 1).expect("the line exists");
            let length = line.chars().count();
            assert!(finding.column >= 1 && finding.column as usize <= length + 1, "{finding}");
        }
        assert!(parsed.config.is_some() || parsed.has_errors());
        let rendered = parsed.render("isc.yaml", text);
        assert!(!rendered.contains(|c: char| c.is_control() && c != '\n'));
        if let Some(config) = parsed.config {
            let yaml = config.to_yaml();
            let again = parse(&yaml, kind);
            assert_eq!(again.config.as_ref(), Some(&config), "{yaml}");
            assert_eq!(again.config.map(|config| config.to_yaml()), Some(yaml));
        }
    }
});
