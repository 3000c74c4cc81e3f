//! Catalogs whose manifest and configuration others wrote: a rebuild is an error, or an image that serves the new files and nothing else.

#![no_main]

use std::collections::BTreeMap;

use catalog_image::{CONFIGS_LABEL, ConfigsFolder, ConfigsReader, Instance, Limits, configs_folder, rebuild};
use image_ref::{Algorithm, Hasher};
use libfuzzer_sys::fuzz_target;
use oci_manifest::{ManifestView, VerifiedManifest, media_type};
use serde_json::{Value, json};

// The parts of the input: changes of the configuration, of the manifest and of the platform as JSON, the words of the command, and
/// names of files.
fuzz_target!(|parts: (u8, &str, &str, &str, &str, Vec<&str>)| {
    let (choice, config_change, manifest_change, platform, command, names) = parts;
    let layer = Hasher::of(Algorithm::Sha256, b"a layer").to_string();
    let mut config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": ["/bin/opm"],
            "Cmd": command.split('\n').collect::<Vec<_>>(),
            "Labels": {CONFIGS_LABEL: "/configs"},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created_by": "ADD catalog /configs"}],
    });
    merge(&mut config, config_change);
    let kind = if choice & 1 == 0 { media_type::OCI_MANIFEST } else { media_type::DOCKER_MANIFEST };
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": layer, "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 7}],
    });
    merge(&mut manifest, manifest_change);
    let instance = Instance {
        manifest: VerifiedManifest::made(&manifest, kind),
        // Now and then the text itself, which is hardly ever JSON.
        config: if choice & 2 == 0 { config.to_string().into_bytes() } else { config_change.as_bytes().to_vec() },
        platform: serde_json::from_str(platform).unwrap_or(Value::Null),
    };
    // Files come out of another reader: their names are clean.
    let is_clean = |name: &&str| {
        !name.is_empty()
            && name.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.starts_with(".wh."))
    };
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for name in names.into_iter().filter(is_clean).take(8) {
        let is_free = |known: &String| !known.starts_with(&format!("{name}/")) && !name.starts_with(&format!("{known}/"));
        if !name.contains('\0') && files.keys().all(is_free) {
            files.insert(name.to_owned(), name.as_bytes().to_vec());
        }
    }
    let files: Vec<(String, Vec<u8>)> = files.into_iter().collect();
    let cache = [("digest".to_owned(), b"0123".to_vec())];
    let cache = (choice & 4 == 0).then_some(&cache[..]);
    let sources = [instance.clone(), instance];
    let Ok(made) = rebuild(&sources, &files, cache) else { return };

    assert_eq!(made.children.len(), sources.len());
    let again = rebuild(&sources, &files, cache).expect("the same input gives the same image");
    assert_eq!(again.root.digest(), made.root.digest());
    for (digest, bytes) in &made.blobs {
        assert_eq!(*digest, Hasher::of(Algorithm::Sha256, bytes));
    }
    let blob = |digest: &str| made.blobs.iter().find(|(known, _)| known.to_string() == digest).map(|(_, bytes)| bytes);
    for child in &made.children {
        let text: Value = serde_json::from_slice(child.bytes()).expect("a manifest is JSON");
        assert!(text["subject"].is_null());
        let config = blob(text["config"]["digest"].as_str().expect("a digest")).expect("the configuration is new");
        let config: Value = serde_json::from_slice(config).expect("a configuration is JSON");
        // A label that was there names the new folder.
        match configs_folder(&config) {
            ConfigsFolder::At(folder) => assert_eq!(folder, "configs"),
            ConfigsFolder::Nowhere(label) => panic!("{label}"),
            ConfigsFolder::Unlabelled => {}
        }
        let layers = text["layers"].as_array().expect("a list");
        let new = &layers[layers.len() - made.layers..];
        let ids = config["rootfs"]["diff_ids"].as_array().expect("a list");
        assert!(ids.len() >= made.layers);
        let mut reader = ConfigsReader::new("configs", Limits::default());
        for layer in new.iter().rev() {
            let bytes = blob(layer["digest"].as_str().expect("a digest")).expect("the layer is new");
            assert_eq!(layer["size"], bytes.len());
            reader.layer(&bytes[..]).expect("a layer of our own");
        }
        assert!(reader.is_complete(), "nothing of the source shows");
        assert_eq!(reader.into_files(), files);
        // Others read it as what it says that it is, unless the source was no image for them either.
        if let Ok(view) = VerifiedManifest::made(&manifest, kind).view() {
            assert!(matches!(view, ManifestView::Image(_)));
            assert!(child.view().is_ok());
        }
    }
});

/// Objects are merged, everything else is replaced.
fn merge(into: &mut Value, change: &str) {
    fn both(into: &mut Value, change: Value) {
        match (into, change) {
            (Value::Object(into), Value::Object(change)) => {
                for (name, value) in change {
                    both(into.entry(name).or_insert(Value::Null), value);
                }
            }
            (into, change) => *into = change,
        }
    }
    if let Ok(change) = serde_json::from_str(change) {
        both(into, change);
    }
}
