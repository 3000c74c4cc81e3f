//! Rebuilt catalog images taken apart: what a container started from one would run, and see.
//!
//! No `opm` is at hand in the tests, so what it needs is checked piece by piece (docs/catalog-images.md).

use std::collections::{BTreeMap, BTreeSet};

use fbc_catalog::opm_cache::{Modes, digest};
use fbc_catalog::{Catalog, validate};
use serde_json::{Value, json};
use test_support::{CatalogBuilder, FlatEntry, Image, Layer, Registry, flatten};

use crate::harness::Home;

/// The label that says where the catalog is.
pub(crate) const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";

/// One platform's image of a catalog.
pub(crate) struct Instance {
    pub(crate) config: Value,
    pub(crate) layers: Vec<Vec<u8>>,
    /// What a container sees.
    pub(crate) root: BTreeMap<String, FlatEntry>,
}

/// Takes an image or an index apart; `read` gives the bytes of a manifest or blob by its digest.
pub(crate) fn instances(read: &dyn Fn(&str) -> Vec<u8>, digest: &str) -> Vec<Instance> {
    let manifest: Value = serde_json::from_slice(&read(digest)).unwrap();
    if let Some(children) = manifest["manifests"].as_array() {
        return children.iter().flat_map(|child| instances(read, child["digest"].as_str().unwrap())).collect();
    }
    let blob = |descriptor: &Value| read(descriptor["digest"].as_str().unwrap());
    let layers: Vec<Vec<u8>> = manifest["layers"].as_array().unwrap().iter().map(blob).collect();
    let root = flatten(layers.iter().map(Vec::as_slice)).unwrap();
    vec![Instance { config: serde_json::from_slice(&blob(&manifest["config"])).unwrap(), layers, root }]
}

/// The instances of an image that a test made.
pub(crate) fn instances_of(image: &Image) -> Vec<Instance> {
    let find = |digest: &str| {
        let manifests = image.manifests().into_iter().map(|image| (&image.digest, &image.bytes));
        let blobs = image.all_blobs().into_iter().map(|blob| (&blob.digest, &blob.bytes));
        manifests.chain(blobs).find(|(known, _)| known.to_string() == digest).unwrap().1.to_vec()
    };
    instances(&find, &image.digest.to_string())
}

impl Instance {
    /// The files of the catalog that `opm` would serve, which is what the arguments of the container say.
    pub(crate) fn served(&self) -> Vec<(String, Vec<u8>)> {
        let files = self.root.iter().filter_map(|(path, entry)| {
            Some((path.strip_prefix("configs/")?.to_owned(), entry.content.as_ref()?.clone()))
        });
        files.collect()
    }

    /// Asserts that the cache in the image is that of the catalog in it, as `opm` does before it serves, and that it holds every
    /// bundle of every channel.
    #[track_caller]
    pub(crate) fn assert_cached(&self) {
        let files = |folder: &str| -> Vec<(String, Vec<u8>)> {
            let inside = self.root.iter().filter_map(|(path, entry)| {
                Some((path.strip_prefix(folder)?.strip_prefix('/')?.to_owned(), entry.content.clone()?))
            });
            inside.collect()
        };
        let modes = |folder: &str| {
            let of = |is_folder: bool| -> BTreeSet<u32> {
                let inside = self.root.iter().filter(|(path, _)| below(path, folder));
                inside.filter(|(_, entry)| entry.is_folder == is_folder).map(|(_, entry)| entry.mode).collect()
            };
            let [folder, file] = [true, false].map(|kind| <[u32; 1]>::try_from(Vec::from_iter(of(kind))).unwrap()[0]);
            Modes { folder, file }
        };
        let (configs, cached) = (files("configs"), files("tmp/cache/cache"));
        let computed = digest(&slices(&configs), modes("configs"), &slices(&cached), modes("tmp/cache/cache"));
        assert_eq!(self.root["tmp/cache/digest"].content.as_deref(), Some(computed.as_bytes()));
        let catalog = Catalog::read(configs).unwrap();
        let mut names: BTreeSet<String> = catalog
            .channels
            .iter()
            .flat_map(|channel| {
                let name = |entry: &str| format!("{}_{}_{entry}.json", channel.package, channel.name);
                channel.entries.iter().map(move |entry| name(&entry.name))
            })
            .collect();
        names.insert("packages.json".to_owned());
        assert_eq!(cached.iter().map(|(path, _)| path.clone()).collect::<BTreeSet<_>>(), names);
    }

    /// Asserts everything that `opm serve` needs of the image, `source` being what it was made from.
    #[track_caller]
    pub(crate) fn assert_startable(&self, source: &Self) {
        let (made, original) = (&self.config["config"], &source.config["config"]);
        // The same program, as the same user, in the same environment, is told to serve the new folder, and starts from the
        // cache that lies where it has always been.
        let cached = original["Cmd"].to_string().contains("--cache-dir=/tmp/cache");
        let expected: &[&str] =
            if cached { &["serve", "/configs", "--cache-dir=/tmp/cache"] } else { &["serve", "/configs"] };
        assert_eq!(made["Cmd"], json!(expected));
        for field in ["Entrypoint", "Env", "User", "WorkingDir", "ExposedPorts", "Volumes"] {
            assert_eq!(made[field], original[field], "{field}");
        }
        let mut labels = original["Labels"].clone();
        labels[CONFIGS_LABEL] = json!("/configs");
        assert_eq!(made["Labels"], labels);
        for field in ["os", "architecture", "variant", "created"] {
            assert_eq!(self.config[field], source.config[field], "{field}");
        }

        // Layers: all of the source, then three, each with its digest and its line of history in the configuration.
        let count = source.layers.len();
        assert_eq!(self.layers[..count], source.layers[..]);
        assert_eq!(self.layers.len(), count + 3);
        let diff_ids = self.config["rootfs"]["diff_ids"].as_array().unwrap();
        assert_eq!(diff_ids.len(), count + 3);
        let made_layers = |item: &&Value| item["empty_layer"] != json!(true);
        assert_eq!(self.config["history"].as_array().unwrap().iter().filter(made_layers).count(), count + 3);

        // A pod runs with a user and group of the cluster's choice: everything must be readable by everybody.
        for (folder, layer) in [("tmp/cache", count + 1), ("configs", count + 2)] {
            let inside = self.root.iter().filter(|(path, _)| below(path, folder));
            for (path, entry) in inside {
                let wanted = if entry.is_folder { 0o555 } else { 0o444 };
                assert_eq!(entry.mode & wanted, wanted, "{path} has mode {:o}", entry.mode);
                assert_eq!(entry.layer, layer, "{path} shows through from layer {}", entry.layer);
                assert!(entry.is_folder || entry.content.is_some(), "{path} is neither a folder nor a file");
            }
            assert!(self.root[folder].is_folder);
        }
        self.assert_cached();

        // Outside of the catalog nothing changes: the program is there, and so is whatever `/tmp` was.
        let outside = |instance: &Self| -> BTreeMap<String, FlatEntry> {
            let outside = instance.root.iter();
            let outside = outside.filter(|(path, _)| !below(path, "configs") && !below(path, "tmp/cache"));
            outside.map(|(path, entry)| (path.clone(), entry.clone())).collect()
        };
        assert_eq!(outside(self), outside(source));
        assert!(self.root["bin/opm"].content.is_some());

        // The program loads the catalog into its model before it serves, and stops at the first rule that is broken.
        let catalog = Catalog::read(self.served()).unwrap();
        assert_eq!(validate(&catalog), []);
        assert!(!catalog.packages.is_empty());
    }
}

fn slices(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect()
}

/// Whether a path is a folder or lies in it.
fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A package of three versions in one channel.
fn package(host: &str, name: &str) -> String {
    let mut text = json!({"schema": "olm.package", "name": name, "defaultChannel": "stable"}).to_string();
    let entries: Vec<Value> = (1..=3)
        .map(|number| match number {
            1 => json!({"name": format!("{name}.v1.0.0")}),
            _ => json!({"name": format!("{name}.v{number}.0.0"), "replaces": format!("{name}.v{}.0.0", number - 1)}),
        })
        .collect();
    text += &json!({"schema": "olm.channel", "name": "stable", "package": name, "entries": entries}).to_string();
    for number in 1..=3 {
        let image = format!("{host}/ns/bundle:v1");
        let property = json!({"packageName": name, "version": format!("{number}.0.0")});
        text += &json!({
            "schema": "olm.bundle", "name": format!("{name}.v{number}.0.0"), "package": name, "image": image,
            "properties": [{"type": "olm.package", "value": property}],
            "relatedImages": [{"name": "", "image": image}],
        })
        .to_string();
    }
    text
}

/// Every arrangement of layers that catalogs come in gives an image that starts and serves the selection only.
#[test]
fn rebuilt_catalogs_start_and_serve_the_selection() {
    let source = Registry::start_blocking();
    let host = source.host();
    source.push("ns/bundle", "v1", &test_support::ImageBuilder::docker().layer(Layer::random(3, 2000)).build());
    let catalog = || {
        let files = ["a", "b", "c"].map(|name| (format!("{name}/catalog.json"), package(host, name).into_bytes()));
        CatalogBuilder::new().files(files)
    };
    let rows: Vec<(&str, Image)> = vec![
        ("docker", catalog().build()),
        ("oci", catalog().oci().build()),
        ("list", catalog().architectures(&["amd64", "arm64", "ppc64le", "s390x"]).build()),
        ("index", catalog().oci().architectures(&["amd64", "s390x"]).build()),
        ("whiteouts", catalog().removed_file("old/catalog.json").oci().build()),
        ("elsewhere", catalog().configs("/var/lib/catalog").oci().build()),
    ];
    for (name, image) in rows {
        source.push("cat/index", name, &image);
        let home = Home::new();
        home.configuration(&format!(
            "operators:\n- catalog: {host}/cat/index:{name}\n  packages:\n  - name: a\n    minVersion: 2.0.0\n  - name: c\n"
        ));
        let destination = Registry::start_blocking();
        home.to_disk(&[]).code(0);
        home.to_mirror(destination.host(), &[]).code(0);
        let read = |digest: &str| {
            let blob = || destination.blob(&digest.parse().unwrap()).map(|bytes| bytes.to_vec());
            destination.manifest("cat/index", digest).map(|found| found.bytes.to_vec()).or_else(blob).unwrap()
        };
        let digest = destination.manifest("cat/index", name).unwrap().digest.to_string();
        let (made, sources) = (instances(&read, &digest), instances_of(&image));
        assert_eq!(made.len(), sources.len(), "{name}");
        for (made, source) in made.iter().zip(&sources) {
            if name == "elsewhere" {
                // The old folder stays where it is, and nothing points at it any more.
                assert!(made.root.contains_key("var/lib/catalog/b/catalog.json"));
            }
            made.assert_startable(source);
            let served = Catalog::read(made.served()).unwrap();
            let bundles: Vec<&str> = served.bundles.iter().map(|bundle| bundle.name.as_str()).collect();
            assert_eq!(bundles, ["a.v2.0.0", "a.v3.0.0", "c.v3.0.0"], "{name}");
            let paths: Vec<String> = made.served().into_iter().map(|(path, _)| path).collect();
            assert_eq!(paths, ["a/catalog.json", "c/catalog.json"], "{name}");
        }
    }
}
