//! Files of a release payload, whatever their bytes: every component gets a valid name or an error, and no kept path
//! leaves its directory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mirror_plan::release::{
    Bootimages, COMPONENT_REPOSITORY, ImageReferences, KubevirtKeys, ReleaseName, extracted_path,
};

fuzz_target!(|bytes: &[u8]| {
    let release = ReleaseName::new("quay.io/a/ocp-release:1-x".parse().expect("a reference")).expect("a release");
    let name = |component| {
        if let Ok(image) = release.component(component) {
            assert!(image_ref::is_valid_tag(&image.tag));
            assert!(component.name.is_empty() || image.repository == COMPONENT_REPOSITORY);
        }
    };
    if let Ok(references) = ImageReferences::parse(bytes) {
        references.components.iter().for_each(name);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(images) = Bootimages::parse(text)
        && let Ok(found) = images.kubevirt(&KubevirtKeys::new(&[], &["multi".to_owned()]))
    {
        assert!(found.iter().all(|component| component.name.starts_with("kube-virt-container-")));
        found.iter().for_each(name);
    }
    if let Ok(Some(kept)) = extracted_path(text) {
        assert!(!kept.starts_with('/') && kept.split('/').all(|part| part != ".."));
    }
});
