//! registries.d: a place for a signature lies below its base, and no file may be given twice.
#![no_main]

use image_ref::{Digest, ImageRef};
use libfuzzer_sys::fuzz_target;
use registries_conf::{Layer, Lookaside, RegistriesD};

fuzz_target!(|input: (&str, &str)| {
    let (text, reference) = input;
    let layer = Layer::new("fuzz", text);
    let Ok(conf) = RegistriesD::from_layers(std::slice::from_ref(&layer)) else { return };
    let twice = RegistriesD::from_layers(&[layer.clone(), layer]);
    assert!(conf == RegistriesD::default() || twice.is_err());

    let digest = Digest::from_sha256_bytes(&[7; 32]);
    for name in [reference, "reg.io/ns/app:1"] {
        let Ok(image) = ImageRef::parse_name(name) else { continue };
        let Ok(repository) = image.repository() else { continue };
        let Ok(Some(base)) = conf.lookaside(&image) else { continue };
        match (&base, base.signature(&repository, &digest, 1)) {
            (Lookaside::Directory(base), Lookaside::Directory(place)) => assert!(place.starts_with(base)),
            (Lookaside::Web(base), Lookaside::Web(place)) => assert!(place.starts_with(base.as_str())),
            _ => panic!("a base changed its kind"),
        }
    }
});
