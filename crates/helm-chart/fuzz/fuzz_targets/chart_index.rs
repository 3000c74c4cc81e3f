//! Indexes of chart repositories: whatever a server gives, what is chosen is what the index offers.
#![no_main]

use helm_chart::{Index, semver};
use libfuzzer_sys::fuzz_target;

/// The parts of the input: an index, and a version or a constraint.
fuzz_target!(|parts: (&str, &[u8])| {
    let (wanted, text) = parts;
    let Ok(index) = Index::read(text) else { return };
    for (name, entries) in index.charts() {
        for entry in entries {
            assert!(semver::Version::parse(&entry.metadata.version).is_ok(), "{}", entry.metadata.version);
            if semver::Constraint::parse(&entry.metadata.version).is_err() {
                continue;
            }
            let same = index.choose(name, Some(&entry.metadata.version)).expect("a version of the index is found");
            assert_eq!(same.metadata.name, entry.metadata.name);
        }
        for version in [None, Some(wanted)] {
            if let Ok(chosen) = index.choose(name, version) {
                assert!(entries.contains(chosen), "{wanted}");
            }
        }
    }
});
