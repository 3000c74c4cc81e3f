//! Small languages of charts: YAML, JSONPath, versions and constraints.
#![no_main]

use helm_chart::{JsonPath, semver, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (&str, &[u8])| {
    let (words, data) = parts;
    let data = yaml::read(data).unwrap_or_default();
    if let Ok(path) = JsonPath::parse(words) {
        let _ = path.print(&data);
    }
    if let Ok(version) = semver::Version::parse(words) {
        let again = semver::Version::parse(&version.to_string()).expect("a version is written as it is read");
        assert!(again == version);
        if let Ok(constraint) = semver::Constraint::parse(words) {
            let _ = constraint.allows(&version);
        }
    }
});
