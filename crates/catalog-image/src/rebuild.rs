//! The catalog image with other files: new layers on top of every instance (`docs/catalog-images.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use bytes::Bytes;
use fbc_catalog::opm_cache::Modes;
use flate2::{Compression, GzBuilder};
use image_ref::{Algorithm, Digest, Hasher};
use oci_manifest::{VerifiedManifest, media_type};
use serde_json::{Value, json};

use super::command::{Serving, serve};
use super::{CONFIGS_LABEL, ConfigsFolder, configs_folder};
use image_layers::image_json::{self, BrokenJson, Fields};

/// Where the files go. Nothing of lower layers shows there.
const FOLDER: &str = "configs";
/// Permissions in the new layers: a cluster runs the container as whatever user.
pub const MODES: Modes = Modes::READABLE;

/// One image of the source catalog.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its manifest: OCI or Docker schema 2.
    pub manifest: VerifiedManifest,
    /// The configuration it names.
    pub config: Vec<u8>,
    /// What the index says of its platform, as JSON; `null` when nothing.
    pub platform: Value,
}

/// The new image. Layers of the source are named but not repeated here.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// The index.
    pub root: VerifiedManifest,
    /// A manifest for every instance.
    pub children: Vec<VerifiedManifest>,
    /// New layers and configurations.
    pub blobs: Vec<(Digest, Bytes)>,
    /// How many layers every instance has on top of those of the source.
    pub layers: usize,
}

/// Why a catalog cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The manifest or configuration of an instance is not what it should be.
    #[error("{what} of instance {digest} of the catalog is broken: {reason}")]
    Broken {
        /// `the manifest`, `the configuration`.
        what: &'static str,
        /// The manifest.
        digest: Digest,
        /// What is wrong.
        reason: BrokenJson,
    },
    /// The new layer cannot be written.
    #[error("the new layer cannot be made")]
    Layer(#[from] io::Error),
}

/// Makes the image that serves `files`, given by their paths below the catalog's root, instead of what is in `instances`.
/// `cache` is the cache that belongs to `files`, with paths below its folder; where there is none, no command names a cache.
///
/// All layers are kept. On top come a layer that takes `/configs` and the old cache away, one with the cache, and one with the
/// files. The command serves `/configs`, and is what it was besides. The result is always an index, and depends on nothing but
/// the arguments.
///
/// # Errors
/// See [`RebuildError`].
pub fn rebuild(
    instances: &[Instance],
    files: &[(String, Vec<u8>)],
    cache: Option<&[(String, Vec<u8>)]>,
) -> Result<Rebuilt, RebuildError> {
    let served = NewLayer::of(FOLDER, files, "the selected catalog")?;
    let mut blobs: Vec<(Digest, Bytes)> = vec![(served.digest.clone(), served.bytes.clone())];
    let mut put = |digest: &Digest, bytes: &Bytes| {
        if !blobs.iter().any(|(known, _)| known == digest) {
            blobs.push((digest.clone(), bytes.clone()));
        }
    };
    // Instances start in the same way nearly always, so their caches lie in one place.
    let mut below: BTreeMap<String, Vec<NewLayer>> = BTreeMap::new();
    let mut children = Vec::new();
    let mut entries = Vec::new();
    let mut is_docker = false;
    for instance in instances {
        let (mut config, folder) = started_anew(instance, cache.is_some())?;
        let layers = match below.entry(folder) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let mut layers = vec![NewLayer::whiteout(place.key())?];
                if let Some(cache) = cache {
                    layers.push(NewLayer::of(place.key(), cache, "opm's cache of the selected catalog")?);
                }
                place.insert(layers)
            }
        };
        for layer in layers.iter() {
            put(&layer.digest, &layer.bytes);
        }
        let layers: Vec<&NewLayer> = layers.iter().chain([&served]).collect();
        add_layers(&mut config, &layers).map_err(|reason| broken_config(instance, reason))?;
        let config = sorted(Value::Object(config));
        let config_bytes: Bytes = config.to_string().into();
        let config_digest = digest(&config_bytes);
        let child = new_manifest(instance, &layers, &config_digest, config_bytes.len())?;
        is_docker = child.media_type() == media_type::DOCKER_MANIFEST;
        entries.push(json!({
            "mediaType": child.media_type(),
            "digest": child.digest().to_string(),
            "size": child.bytes().len(),
            "platform": platform(instance, &config),
        }));
        put(&config_digest, &config_bytes);
        children.push(child);
    }
    let index_type = if is_docker { media_type::DOCKER_LIST } else { media_type::OCI_INDEX };
    let index = json!({"schemaVersion": 2, "mediaType": index_type, "manifests": entries});
    let layers = if cache.is_some() { 3 } else { 2 };
    Ok(Rebuilt { root: VerifiedManifest::made(&sorted(index), index_type), children, blobs, layers })
}

fn broken_config(instance: &Instance, reason: BrokenJson) -> RebuildError {
    RebuildError::Broken { what: "the configuration", digest: instance.manifest.digest().clone(), reason }
}

/// The configuration of an image that serves the new folder, and the folder of its cache.
fn started_anew(instance: &Instance, has_cache: bool) -> Result<(Fields, String), RebuildError> {
    let changed = || -> Result<(Fields, String), BrokenJson> {
        let mut config = image_json::parse(&instance.config)?;
        let old = match configs_folder(&Value::Object(config.clone())) {
            ConfigsFolder::At(folder) => Some(folder),
            ConfigsFolder::Nowhere(_) | ConfigsFolder::Unlabelled => None,
        };
        let settings = image_json::object(&mut config, "config")?.ok_or(BrokenJson::Missing("config"))?;
        let cache = serve(settings, Serving { old: old.as_deref(), new: FOLDER, has_cache })?;
        if let Some(label) = image_json::object(settings, "Labels")?.and_then(|labels| labels.get_mut(CONFIGS_LABEL)) {
            *label = format!("/{FOLDER}").into();
        }
        Ok((config, cache))
    };
    changed().map_err(|reason| broken_config(instance, reason))
}

/// Names these layers in the configuration, on top.
fn add_layers(config: &mut Fields, layers: &[&NewLayer]) -> Result<(), BrokenJson> {
    let rootfs = image_json::object(config, "rootfs")?.ok_or(BrokenJson::Missing("rootfs.diff_ids"))?;
    let diff_ids = image_json::list(rootfs, "diff_ids")?.ok_or(BrokenJson::Missing("rootfs.diff_ids"))?;
    diff_ids.extend(layers.iter().map(|layer| Value::from(layer.diff_id.to_string())));
    if let Some(history) = image_json::list(config, "history")? {
        history.extend(layers.iter().map(|layer| json!({"created_by": layer.created_by})));
    }
    Ok(())
}

fn new_manifest(
    instance: &Instance,
    layers: &[&NewLayer],
    config: &Digest,
    config_size: usize,
) -> Result<VerifiedManifest, RebuildError> {
    let is_docker = instance.manifest.media_type() == media_type::DOCKER_MANIFEST;
    let layer_type = if is_docker {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    } else {
        "application/vnd.oci.image.layer.v1.tar+gzip"
    };
    let changed = || -> Result<Fields, BrokenJson> {
        let mut manifest = image_json::parse(instance.manifest.bytes())?;
        let list = image_json::list(&mut manifest, "layers")?.ok_or(BrokenJson::Missing("layers"))?;
        list.extend(layers.iter().map(
            |layer| json!({"mediaType": layer_type, "digest": layer.digest.to_string(), "size": layer.bytes.len()}),
        ));
        let named = image_json::object(&mut manifest, "config")?.ok_or(BrokenJson::Missing("config"))?;
        named.insert("digest".to_owned(), config.to_string().into());
        named.insert("size".to_owned(), config_size.into());
        manifest.remove("subject");
        Ok(manifest)
    };
    let manifest = changed().map_err(|reason| RebuildError::Broken {
        what: "the manifest",
        digest: instance.manifest.digest().clone(),
        reason,
    })?;
    Ok(VerifiedManifest::made(&sorted(Value::Object(manifest)), instance.manifest.media_type()))
}

/// What the index says, else what the configuration says, else what most catalogs are.
fn platform(instance: &Instance, config: &Value) -> Value {
    if instance.platform.get("os").is_some_and(Value::is_string) {
        return instance.platform.clone();
    }
    let given = |name: &str| config.get(name).and_then(Value::as_str);
    let text = |name: &str, otherwise: &str| given(name).unwrap_or(otherwise).to_owned();
    let mut platform = json!({"architecture": text("architecture", "amd64"), "os": text("os", "linux")});
    if let (Some(variant), Some(platform)) = (given("variant"), platform.as_object_mut()) {
        platform.insert("variant".to_owned(), variant.into());
    }
    platform
}

/// JSON with sorted keys, whatever order the map type keeps.
fn sorted(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

fn digest(bytes: &[u8]) -> Digest {
    Hasher::of(Algorithm::Sha256, bytes)
}

struct NewLayer {
    bytes: Bytes,
    digest: Digest,
    diff_id: Digest,
    created_by: String,
}

impl NewLayer {
    /// Takes `/configs` and the folder of the cache of lower layers away.
    fn whiteout(cache: &str) -> io::Result<Self> {
        let mut tar = tar::Builder::new(Vec::new());
        for folder in [FOLDER, cache] {
            let path = match folder.rsplit_once('/') {
                Some((parent, name)) => format!("{parent}/.wh.{name}"),
                None => format!(".wh.{folder}"),
            };
            add(&mut tar, &path, tar::EntryType::Regular, &[])?;
        }
        Self::packed(&tar.into_inner()?, format!("oc-mirror: takes /{FOLDER} and /{cache} of the source catalog away"))
    }

    /// The files below a folder and the folders they lie in, sorted, without clock or user.
    fn of(folder: &str, files: &[(String, Vec<u8>)], what: &str) -> io::Result<Self> {
        let mut files: Vec<(String, &[u8])> =
            files.iter().map(|(path, content)| (format!("{folder}/{path}"), content.as_slice())).collect();
        files.sort();
        let mut tar = tar::Builder::new(Vec::new());
        // Folders above belong to the image, such as `/tmp` with its permissions.
        add(&mut tar, &format!("{folder}/"), tar::EntryType::Directory, &[])?;
        let mut folders = BTreeSet::from([folder]);
        for (path, content) in &files {
            for (at, _) in path.match_indices('/').filter(|(at, _)| *at > folder.len()) {
                let (above, _) = path.split_at(at);
                if folders.insert(above) {
                    add(&mut tar, &format!("{above}/"), tar::EntryType::Directory, &[])?;
                }
            }
            add(&mut tar, path, tar::EntryType::Regular, content)?;
        }
        Self::packed(&tar.into_inner()?, format!("oc-mirror: ADD {what} to /{folder}"))
    }

    fn packed(tar: &[u8], created_by: String) -> io::Result<Self> {
        let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(6));
        gzip.write_all(tar)?;
        let bytes: Bytes = gzip.finish()?.into();
        Ok(Self { digest: digest(&bytes), diff_id: digest(tar), bytes, created_by })
    }
}

fn add(tar: &mut tar::Builder<Vec<u8>>, path: &str, kind: tar::EntryType, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(if kind == tar::EntryType::Directory { MODES.folder } else { MODES.file });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use test_support::{CatalogBuilder, Image};

    use super::super::{ConfigsReader, Limits};
    use super::*;

    fn instances(catalog: &Image) -> Vec<Instance> {
        let images = if catalog.children.is_empty() { std::slice::from_ref(catalog) } else { &catalog.children };
        images
            .iter()
            .map(|image| {
                let manifest: Value = serde_json::from_slice(&image.bytes).unwrap();
                let config = manifest["config"]["digest"].as_str().unwrap();
                let config = image.blobs.iter().find(|blob| blob.digest.to_string() == config).unwrap();
                Instance {
                    manifest: VerifiedManifest::verify(image.bytes.clone(), Some(&image.media_type), &image.digest)
                        .unwrap(),
                    config: config.bytes.to_vec(),
                    platform: Value::Null,
                }
            })
            .collect()
    }

    fn catalog() -> CatalogBuilder {
        CatalogBuilder::new().file("old/catalog.json", "{}")
    }

    fn files() -> Vec<(String, Vec<u8>)> {
        let long = format!("{}/catalog.json", "n".repeat(150));
        vec![("foo/catalog.json".to_owned(), b"new".to_vec()), (long, b"long".to_vec())]
    }

    fn cache() -> Vec<(String, Vec<u8>)> {
        let files = [("cache/packages.json", "{}"), ("cache/a_b_c.json", "{}"), ("digest", "0123456789abcdef")];
        files.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec())).to_vec()
    }

    #[test]
    fn layers_are_kept_and_the_new_files_replace_the_old() {
        let source = instances(&catalog().architectures(&["amd64", "arm64"]).oci().build());
        let rebuilt = rebuild(&source, &files(), Some(&cache())).unwrap();
        let index: Value = serde_json::from_slice(rebuilt.root.bytes()).unwrap();
        assert_eq!(rebuilt.root.media_type(), media_type::OCI_INDEX);
        assert_eq!(index["manifests"][0]["platform"], json!({"os": "linux", "architecture": "amd64"}));
        assert_eq!(index["manifests"][1]["platform"], json!({"os": "linux", "architecture": "arm64"}));
        for (child, source) in rebuilt.children.iter().zip(&source) {
            let (old, new): (Value, Value) = (
                serde_json::from_slice(source.manifest.bytes()).unwrap(),
                serde_json::from_slice(child.bytes()).unwrap(),
            );
            let (old, new) = (old["layers"].as_array().unwrap(), new["layers"].as_array().unwrap());
            assert_eq!(new[..old.len()], old[..]);
            assert_eq!((new.len(), rebuilt.layers), (old.len() + 3, 3));
            for (folder, expected) in [("configs", files()), ("tmp/cache", cache())] {
                let mut reader = ConfigsReader::new(folder, Limits::default());
                for layer in new.iter().rev().take(3) {
                    assert!(!reader.is_complete());
                    let (_, bytes) =
                        rebuilt.blobs.iter().find(|(digest, _)| digest.to_string() == layer["digest"]).unwrap();
                    reader.layer(&bytes[..]).unwrap();
                }
                assert!(reader.is_complete());
                let mut expected = expected;
                expected.sort();
                assert_eq!(reader.into_files(), expected);
            }
        }
    }

    #[test]
    fn the_configuration_serves_the_new_files() {
        let source = instances(&catalog().configs("/var/catalog").build());
        let rebuilt = rebuild(&source, &files(), Some(&cache())).unwrap();
        let (_, config) = rebuilt.blobs.last().unwrap();
        let (old, new): (Value, Value) =
            (serde_json::from_slice(&source[0].config).unwrap(), serde_json::from_slice(config).unwrap());
        assert_eq!(new["config"]["Cmd"], json!(["serve", "/configs", "--cache-dir=/tmp/cache"]));
        assert_eq!(new["config"]["Labels"][CONFIGS_LABEL], "/configs");
        assert_eq!(new["config"]["Entrypoint"], old["config"]["Entrypoint"]);
        let count = |config: &Value| config["rootfs"]["diff_ids"].as_array().unwrap().len();
        assert_eq!(count(&new), count(&old) + 3);
        // Without a cache nothing may look for one, and the old one is hidden all the same.
        let bare = rebuild(&source, &files(), None).unwrap();
        let bare_config: Value = serde_json::from_slice(&bare.blobs.last().unwrap().1).unwrap();
        assert_eq!(bare_config["config"]["Cmd"], json!(["serve", "/configs"]));
        assert_eq!((count(&bare_config), bare.layers), (count(&old) + 2, 2));
        assert!(bare_config.to_string().contains("takes /configs and /tmp/cache of the source catalog away"));
        // A single Docker image becomes a list of Docker's kind.
        assert_eq!(rebuilt.root.media_type(), media_type::DOCKER_LIST);
    }

    #[test]
    fn the_same_input_gives_the_same_digest() {
        let source = || instances(&catalog().architectures(&["amd64", "arm64"]).build());
        let mut reversed = files();
        reversed.reverse();
        let (a, b) = (
            rebuild(&source(), &files(), Some(&cache())).unwrap(),
            rebuild(&source(), &reversed, Some(&cache())).unwrap(),
        );
        assert_eq!(a.root.digest(), b.root.digest());
        let other = vec![("foo/catalog.json".to_owned(), b"other".to_vec())];
        assert_ne!(rebuild(&source(), &other, Some(&cache())).unwrap().root.digest(), a.root.digest());
    }

    /// The platform that the index names, else that of the configuration, else that of most catalogs.
    #[test]
    fn platforms_of_instances() {
        let check = |named: Value, config: Value, expected: Value| {
            let mut source = instances(&catalog().build());
            let mut with_rootfs: Value = serde_json::from_slice(&source[0].config).unwrap();
            for field in ["os", "architecture", "variant"] {
                with_rootfs.as_object_mut().unwrap().remove(field);
                if let Some(value) = config.get(field) {
                    with_rootfs[field] = value.clone();
                }
            }
            source[0].platform = named;
            source[0].config = with_rootfs.to_string().into_bytes();
            let index: Value =
                serde_json::from_slice(rebuild(&source, &files(), Some(&cache())).unwrap().root.bytes()).unwrap();
            assert_eq!(index["manifests"][0]["platform"], expected);
        };
        let arm = json!({"os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "1"});
        check(arm.clone(), json!({"os": "linux", "architecture": "amd64"}), arm);
        let ppc = json!({"os": "linux", "architecture": "ppc64le"});
        check(Value::Null, ppc.clone(), ppc);
        let arm = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
        check(json!({}), arm.clone(), arm);
        check(Value::Null, json!({}), json!({"os": "linux", "architecture": "amd64"}));
    }

    /// The kind of the index is that of its last instance; each instance keeps its own
    /// (`docs/behaviour/operators-archive.md` 3.6).
    #[test]
    fn kinds_of_instances() {
        let (docker, oci) = (instances(&catalog().build()), instances(&catalog().oci().build()));
        let check = |source: &[&Instance], root: &str| {
            let source: Vec<Instance> = source.iter().map(|instance| (*instance).clone()).collect();
            let rebuilt = rebuild(&source, &files(), Some(&cache())).unwrap();
            assert_eq!(rebuilt.root.media_type(), root);
            for (child, source) in rebuilt.children.iter().zip(&source) {
                assert_eq!(child.media_type(), source.manifest.media_type());
                let manifest: Value = serde_json::from_slice(child.bytes()).unwrap();
                let layers = manifest["layers"].as_array().unwrap();
                let is_docker = |layer: &Value| layer["mediaType"].as_str().unwrap().contains("docker");
                assert!(
                    layers.iter().all(|layer| is_docker(layer) == (child.media_type() == media_type::DOCKER_MANIFEST))
                );
            }
        };
        check(&[&docker[0]], media_type::DOCKER_LIST);
        check(&[&oci[0]], media_type::OCI_INDEX);
        check(&[&docker[0], &oci[0]], media_type::OCI_INDEX);
        check(&[&oci[0], &docker[0]], media_type::DOCKER_LIST);
    }

    #[test]
    fn broken_instances_are_named() {
        let config = |change: Value| {
            let mut source = instances(&catalog().build());
            let mut config: Value = serde_json::from_slice(&source[0].config).unwrap();
            merge(&mut config, change);
            source[0].config = config.to_string().into_bytes();
            rebuild(&source, &files(), Some(&cache())).map_err(|error| error.to_string())
        };
        let manifest = |change: Value| {
            let mut source = instances(&catalog().build());
            let mut manifest: Value = serde_json::from_slice(source[0].manifest.bytes()).unwrap();
            merge(&mut manifest, change);
            source[0].manifest = VerifiedManifest::made(&manifest, source[0].manifest.media_type());
            rebuild(&source, &files(), Some(&cache())).map_err(|error| error.to_string())
        };
        let check = |rebuilt: Result<Rebuilt, String>, what: &str, reason: &str| {
            let error = rebuilt.unwrap_err();
            assert!(error.starts_with(&format!("{what} of instance sha256:")), "{error}");
            assert!(error.ends_with(&format!(" of the catalog is broken: {reason}")), "{error}");
        };
        let values = || [(json!("x"), "a text"), (json!(5), "a number"), (json!(true), "a boolean")];
        let of = "the configuration";
        for (value, found) in values() {
            let wrong = |field: &str, expected: &str| format!("its `{field}` must be {expected}, found {found}");
            check(config(json!({"rootfs": value})), of, &wrong("rootfs", "an object"));
            check(config(json!({"rootfs": {"diff_ids": value}})), of, &wrong("diff_ids", "a list"));
            check(config(json!({"history": value})), of, &wrong("history", "a list"));
            check(config(json!({"config": value})), of, &wrong("config", "an object"));
            check(config(json!({"config": {"Labels": value}})), of, &wrong("Labels", "an object"));
            check(config(value.clone()), of, &format!("it must be a JSON object, found {found}"));
            check(manifest(json!({"layers": value})), "the manifest", &wrong("layers", "a list"));
            check(manifest(json!({"config": value})), "the manifest", &wrong("config", "an object"));
            check(manifest(value), "the manifest", &format!("it must be a JSON object, found {found}"));
        }
        check(config(json!([{"rootfs": 1}])), of, "it must be a JSON object, found a list");
        check(config(json!({"rootfs": null})), of, "it has no `rootfs.diff_ids`");
        check(config(json!({"rootfs": {"diff_ids": null}})), of, "it has no `rootfs.diff_ids`");
        check(config(json!({"config": null})), of, "it has no `config`");
        check(manifest(json!({"layers": null})), "the manifest", "it has no `layers`");
        check(manifest(json!([])), "the manifest", "it must be a JSON object, found a list");
        // What an image need not have.
        for change in [json!({"history": null}), json!({"config": {"Labels": null}}), json!({"rootfs": {"type": 7}})] {
            config(change).unwrap();
        }
    }

    /// Objects are merged, everything else is replaced; `null` replaces too.
    fn merge(into: &mut Value, change: Value) {
        match (into, change) {
            (Value::Object(into), Value::Object(change)) => {
                for (name, value) in change {
                    merge(into.entry(name).or_insert(Value::Null), value);
                }
            }
            (into, change) => *into = change,
        }
    }
}
