//! What is read from a list is written and read back; nothing outside the destination becomes a target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mirror_plan::delete::DeleteList;

fuzz_target!(|text: &str| {
    let Ok(list) = DeleteList::parse(text) else { return };
    for item in &list.items {
        if let Ok(image) = item.target("reg.lan/m") {
            assert!(image.name().starts_with("reg.lan/m/"));
        }
    }
    let list = DeleteList::new(list.items);
    assert_eq!(DeleteList::parse(&list.to_yaml()).expect("what we write is readable"), list);
});
