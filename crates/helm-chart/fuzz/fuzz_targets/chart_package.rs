//! Packaged charts, whatever their bytes: no file of a chart leaves it, and whatever is loaded can be rendered or refused.
#![no_main]

use helm_chart::{Chart, ImagePaths, yaml::Json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(chart) = Chart::from_package("fuzz.tgz", bytes) else { return };
    for file in chart.files.iter().chain(&chart.templates) {
        assert!(!file.name.starts_with('/') && !file.name.split('/').any(|part| part == ".."), "{}", file.name);
    }
    if let Ok(rendered) = chart.render(&Json::Null) {
        let paths = ImagePaths::new([]).expect("the default paths are fine");
        let _ = rendered.images(&paths);
        let _ = rendered.hook_images(&paths);
    }
});
