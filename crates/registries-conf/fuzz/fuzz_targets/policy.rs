//! policy.json: every image has requirements, never none.
#![no_main]

use image_ref::ImageRef;
use libfuzzer_sys::fuzz_target;
use registries_conf::Policy;

fuzz_target!(|input: (&str, &str)| {
    let (text, reference) = input;
    let Ok(policy) = Policy::parse("fuzz", text) else { return };
    for name in [reference, "reg.io/ns/app:1", "oci:///srv/a:b"] {
        let Ok(image) = ImageRef::parse_name(name) else { continue };
        let applicable = policy.requirements_for(image.transport(), &image);
        assert!(!applicable.requirements.is_empty());
        assert!(applicable.transport.is_some() || applicable.scope.is_empty());
    }
});
