//! Configurations of images, whatever their bytes: every step into one is an error, or does what it says.

#![no_main]

use catalog_image::{ConfigsFolder, configs_folder, layers_to_read};
use image_layers::image_json;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

// The parts of the input: how many layers the image has, and the configuration.
fuzz_target!(|parts: (u8, &[u8])| {
    let (layers, text) = parts;
    let layers = usize::from(layers);
    let Ok(mut config) = image_json::parse(text) else { return };
    let value = Value::Object(config.clone());
    match configs_folder(&value) {
        ConfigsFolder::At(folder) => {
            assert!(folder.split('/').all(|part| !matches!(part, "" | "." | "..")), "{folder}");
            let range = layers_to_read(&value, &folder, layers);
            assert!(range.start <= range.end && range.end == layers);
        }
        ConfigsFolder::Nowhere(label) => assert!(!label.is_empty()),
        ConfigsFolder::Unlabelled => {}
    }
    // What an image gets that has a layer more.
    let count = |list: &Value| list.as_array().map_or(0, Vec::len);
    let (history, ids) = (count(&value["history"]), count(&value["rootfs"]["diff_ids"]));
    if image_json::push(&mut config, "history", json!({"created_by": "x"})).is_ok() {
        assert_eq!(count(&config["history"]), history + 1);
    } else {
        assert!(!value["history"].is_array() && !value["history"].is_null());
    }
    if let Ok(rootfs) = image_json::object_or_new(&mut config, "rootfs") {
        if image_json::push(rootfs, "diff_ids", json!("y")).is_ok() {
            assert_eq!(count(&config["rootfs"]["diff_ids"]), ids + 1);
        }
    } else {
        assert!(!value["rootfs"].is_object() && !value["rootfs"].is_null());
    }
    let written = Value::Object(config.clone()).to_string();
    assert_eq!(image_json::parse(written.as_bytes()).expect("what is written is an object"), config);
});
