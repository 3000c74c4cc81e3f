//! registries.conf: a resolved name is a location and what the prefix left over; the primary comes last; resolving
//! never lists what is blocked; reading a file twice changes nothing.
#![no_main]

use image_ref::ImageRef;
use libfuzzer_sys::fuzz_target;
use registries_conf::{Layer, RegistriesConf};

fuzz_target!(|input: (&str, &str)| {
    let (text, reference) = input;
    let layer = Layer::new("fuzz", text);
    let Ok(conf) = RegistriesConf::from_layers(std::slice::from_ref(&layer)) else { return };
    let twice = RegistriesConf::from_layers(&[layer.clone(), layer]).expect("what is fine once is fine twice");
    assert!(conf.registries().eq(twice.registries()));
    let _ = conf.short_name(reference, true);

    let mut names = vec![reference.to_owned()];
    names.extend(conf.registries().map(|table| format!("{}/x", table.prefix.replacen('*', "a", 1))));
    for name in names {
        let Ok(image) = ImageRef::parse_name(&name) else { continue };
        let Ok(sources) = conf.resolve(&image) else { continue };
        assert!(!sources.is_empty());
        for (at, source) in sources.iter().enumerate() {
            assert!(source.mirror || at + 1 == sources.len());
            assert_eq!((source.image.tag(), source.image.digest()), (image.tag(), image.digest()));
            if *image.transport() != image_ref::Transport::Docker {
                continue;
            }
            assert!(conf.blocked(source.image.name()).is_none());
            let Some(table) = conf.registry_for(source.logical.name()) else { continue };
            let locations = table.mirrors.iter().map(|mirror| &mirror.location).chain(&table.location);
            let rest = |location: &String| source.image.name().strip_prefix(location.as_str());
            let fits = |rest: &str| source.logical.name().ends_with(rest);
            assert!(source.image == source.logical || locations.filter_map(rest).any(fits));
        }
    }
});
