//! A reference survives its canonical text, and normalising twice is normalising once.
#![no_main]

use image_ref::{Digest, ImageRef, Platform, Repository};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string(), text);
    }
    let Ok(image) = ImageRef::parse_name(text) else { return };
    assert_eq!(image.as_written(), text);
    assert_eq!(ImageRef::parse_name(&image.to_string()).as_ref(), Ok(&image));
    assert_eq!(ImageRef::parse_name(&image.with_scheme()).as_ref(), Ok(&image));
    let normalized = image.normalized();
    assert_eq!(normalized.normalized(), normalized);
    if let Ok(repository) = image.repository() {
        assert_eq!(repository.to_string().parse::<Repository>().as_ref(), Ok(&repository));
    }
});
