//! What was read can be written, and what was written reads as the same catalog; whatever is selected stays selected.
#![no_main]

use fbc_catalog::{Catalog, Request, RuleSet, select, validate, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(catalog) = Catalog::read([("catalog", data)]) else { return };
    let _ = validate(&catalog);
    let _ = catalog.related_images();
    for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
        if let Ok(once) = select(&catalog, &Request::default(), rules) {
            let twice =
                select(&once.catalog, &Request::default(), rules).expect("what was selected can be selected from");
            assert_eq!(write(&twice.catalog).ok(), write(&once.catalog).ok());
        }
    }
    let Ok(files) = write(&catalog) else { return };
    let again = Catalog::read(files.clone()).expect("what was written can be read");
    assert_eq!(write(&again).expect("and written again"), files);
});
