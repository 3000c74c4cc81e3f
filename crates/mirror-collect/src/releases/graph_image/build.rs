//! Building the update graph image into the cache.

use std::io::{self, Write as _};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use image_ref::{Algorithm, Digest, ImageRef};
use mirror_plan::release::{GRAPH_REPOSITORY, GRAPH_TAG};
use oci_manifest::{Descriptor, IndexEntry, ManifestView, VerifiedManifest, media_type};
use oci_transport::{Endpoint, Hasher, Reference};
use serde_json::{Value, json};

use crate::Collecting;
use image_layers::bounded_tar::{TarLimits, Used, each_entry};
use image_layers::image_json::{self, BrokenJson};
use image_layers::overlay::unpacked;
use mirror_content::stored::fetch_blob;
use mirror_job::event::{Event, NoObserver, Observer};
use mirror_job::guard::blocking;

/// The graph data of Red Hat's update service.
const DATA_URL: &str = "https://api.openshift.com/api/upgrades_info/graph-data";
/// What it is put upon.
const BASE_IMAGE: &str = "registry.access.redhat.com/ubi9/ubi:latest";
/// Where the data lie in the image.
const FOLDER: &str = "var/lib/cincinnati-graph-data";
/// What the image does: it hands the data to the update service.
const COMMAND: &str = "exec cp -rp /var/lib/cincinnati-graph-data/* /var/lib/cincinnati/graph-data";
/// The most that is read as graph data, in bytes, compressed and unpacked. Real data have 1 and 20 MB.
const MAX_DATA_BYTES: usize = 64 * 1024 * 1024;
const MAX_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;
/// The most that is read as an image configuration, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;
/// How many layers of the base are fetched together.
const AT_ONCE: usize = 4;

/// Builds the image into the cache.
pub(super) async fn build(at: &Collecting<'_>) -> Result<(), String> {
    let options = &at.job.options;
    at.tell(Event::Debug("building the update graph image".to_owned()));
    let url = options.graph_data_url.as_deref().unwrap_or(DATA_URL);
    let answer =
        at.job.source.get(url, None, MAX_DATA_BYTES).await.map_err(|error| mirror_job::failure::chain(&error))?;
    if answer.status != 200 {
        return Err(format!("graph data: {url} answered with status {}", answer.status));
    }
    let layer =
        blocking(move || Layer::of(&answer.body)).await.map_err(|error| format!("graph data of {url}: {error}"))?;

    let base = options.graph_base_image.as_deref().unwrap_or(BASE_IMAGE);
    let reference = ImageRef::parse(base).map_err(|error| error.to_string())?;
    let pulled = at.job.source.pull_manifest(&reference).await.map_err(|error| mirror_job::failure::chain(&error))?;
    let about = |message: String| format!("base image {base}: {message}");
    let ManifestView::Index(index) = pulled.manifest.view().map_err(|error| about(error.to_string()))? else {
        return Err(about("it is no manifest list".to_owned()));
    };
    let mut entries = Vec::new();
    let mut is_docker = false;
    // Attestations stand in lists as entries for no platform; they say nothing about the new image.
    let is_image = |entry: &&IndexEntry| entry.platform.as_ref().is_none_or(|platform| platform.os != "unknown");
    for entry in index.manifests.iter().filter(is_image) {
        let manifest = instance(at, &pulled.endpoint, entry, &layer).await.map_err(about)?;
        is_docker |= manifest.media_type() == media_type::DOCKER_MANIFEST;
        let platform = match &entry.platform {
            Some(platform) => serde_json::to_value(platform).map_err(|error| error.to_string())?,
            None => json!({ "os": "linux", "architecture": "amd64" }),
        };
        entries.push(json!({
            "mediaType": manifest.media_type(),
            "digest": manifest.digest(),
            "size": manifest.bytes().len(),
            "platform": platform,
        }));
    }
    if entries.is_empty() {
        return Err(about("its list names no image".to_owned()));
    }
    let list_type = if is_docker { media_type::DOCKER_LIST } else { media_type::OCI_INDEX };
    let list = json!({ "schemaVersion": 2, "mediaType": list_type, "manifests": entries });
    let list = VerifiedManifest::made(&list, list_type);
    let store = at.store.clone();
    blocking(move || {
        store.put_manifest(GRAPH_REPOSITORY, &list)?;
        store.tag(GRAPH_REPOSITORY, GRAPH_TAG, list.digest())
    })
    .await
    .map_err(|error| mirror_job::failure::chain(&error))
}

/// One instance of the base with the layer on top, put into the cache.
async fn instance(
    at: &Collecting<'_>,
    endpoint: &Endpoint,
    entry: &IndexEntry,
    layer: &Layer,
) -> Result<VerifiedManifest, String> {
    let client = &at.job.source;
    let reference = Reference::Digest(entry.descriptor.digest.clone());
    let base =
        client.pull_manifest_at(endpoint, &reference).await.map_err(|error| mirror_job::failure::chain(&error))?;
    let ManifestView::Image(image) = base.view().map_err(|error| error.to_string())? else {
        return Err(format!("{} is no image with layers", base.digest()));
    };
    if image.layers.iter().any(Descriptor::may_be_left_out) {
        return Err(format!("{} has layers that must not be copied", base.digest()));
    }
    let blobs = image.layers.iter().chain([&image.config]);
    // The base is fetched before the plan knows its size: it is no part of the progress of copying.
    let silent: Arc<dyn Observer> = Arc::new(NoObserver);
    let silent = &silent;
    futures_util::stream::iter(blobs.filter(|blob| at.store.blob_size(&blob.digest) != Some(blob.size)).cloned())
        .map(|blob| async move {
            let fetched = fetch_blob(client, at.store, endpoint, &blob, silent).await;
            fetched.map_err(|error| error.message)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let (store, layer) = (at.store.clone(), layer.clone());
    blocking(move || {
        let config =
            store.read_small_blob(&image.config.digest, MAX_CONFIG_BYTES).map_err(|error| error.to_string())?;
        let (manifest, config) = stack(&base, &config, &layer)?;
        let put = || {
            store.put_blob(&layer.digest, &layer.blob)?;
            store.put_blob(&config.0, &config.1)?;
            let layers = image.layers.iter().map(|layer| &layer.digest);
            for digest in layers.chain([&layer.digest, &config.0]) {
                store.link_layer(GRAPH_REPOSITORY, digest)?;
            }
            store.put_manifest(GRAPH_REPOSITORY, &manifest)
        };
        put().map_err(|error: archive_format::StoreError| mirror_job::failure::chain(&error))?;
        Ok(manifest)
    })
    .await
}

/// The manifest and configuration of an image with one layer more.
fn stack(
    base: &VerifiedManifest,
    config: &[u8],
    layer: &Layer,
) -> Result<(VerifiedManifest, (Digest, Vec<u8>)), String> {
    let config =
        on_config(config, layer).map_err(|error| format!("the configuration of {}: {error}", base.digest()))?;
    let digest = Hasher::of(Algorithm::Sha256, &config);
    let layer_type = if base.media_type() == media_type::DOCKER_MANIFEST {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    } else {
        "application/vnd.oci.image.layer.v1.tar+gzip"
    };
    let on_manifest = || -> Result<Value, BrokenJson> {
        let mut manifest = image_json::parse(base.bytes())?;
        let named = image_json::object(&mut manifest, "config")?.ok_or(BrokenJson::Missing("config"))?;
        named.insert("digest".to_owned(), json!(digest));
        named.insert("size".to_owned(), json!(config.len()));
        let item = json!({ "mediaType": layer_type, "digest": layer.digest, "size": layer.blob.len() });
        image_json::push(&mut manifest, "layers", item)?;
        Ok(Value::Object(manifest))
    };
    let manifest = on_manifest().map_err(|error| format!("the manifest {}: {error}", base.digest()))?;
    Ok((VerifiedManifest::made(&manifest, base.media_type()), (digest, config)))
}

/// The configuration of an image with one layer more.
fn on_config(config: &[u8], layer: &Layer) -> Result<Vec<u8>, BrokenJson> {
    let mut config = image_json::parse(config)?;
    let settings = image_json::object_or_new(&mut config, "config")?;
    settings.insert("Cmd".to_owned(), json!(["/bin/bash", "-c", COMMAND]));
    let line = json!({ "created_by": "oc-mirror: update graph data", "created": "1970-01-01T00:00:00Z" });
    image_json::push(&mut config, "history", line)?;
    let rootfs = image_json::object_or_new(&mut config, "rootfs")?;
    rootfs.entry("type").or_insert_with(|| json!("layers"));
    image_json::push(rootfs, "diff_ids", json!(layer.diff_id))?;
    Ok(Value::Object(config).to_string().into_bytes())
}

/// The graph data as a layer.
#[derive(Clone)]
struct Layer {
    blob: bytes::Bytes,
    digest: Digest,
    diff_id: Digest,
}

impl Layer {
    /// The same entries below [`FOLDER`], owned by root.
    fn of(tar_gz: &[u8]) -> io::Result<Self> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut count = 0;
        let limits = TarLimits { bytes: MAX_UNPACKED_BYTES, ..TarLimits::LAYER };
        each_entry(unpacked(tar_gz)?, limits, &mut Used::default(), |entry| -> io::Result<()> {
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                return Ok(());
            }
            let path = below(&entry.path_bytes())?;
            let mut header = entry.header().clone();
            header.set_uid(0);
            header.set_gid(0);
            if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                // A symbolic link is relative to its place; a hard link names an entry.
                let target =
                    if kind.is_symlink() { String::from_utf8_lossy(&target).into_owned() } else { below(&target)? };
                builder.append_link(&mut header, path, target)?;
            } else if kind.is_file() || kind.is_dir() {
                builder.append_data(&mut header, path, entry)?;
            } else {
                return Err(io::Error::other(format!("{path} is neither file, folder nor link")));
            }
            count += 1;
            Ok(())
        })?;
        if count == 0 {
            return Err(io::Error::other("the tar is empty"));
        }
        let tar = builder.into_inner()?;
        let mut gzip = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
        gzip.write_all(&tar)?;
        let blob = gzip.finish()?;
        let of = |bytes: &[u8]| Hasher::of(Algorithm::Sha256, bytes);
        Ok(Self { digest: of(&blob), diff_id: of(&tar), blob: blob.into() })
    }
}

/// A path of the graph data as a path of the image, without a slash at its end.
fn below(path: &[u8]) -> io::Result<String> {
    let path = String::from_utf8_lossy(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(io::Error::other(format!("path `{path}` leaves its folder")));
    }
    Ok([FOLDER].into_iter().chain(parts).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn manifest_of(bytes: &[u8], media_type: &str) -> VerifiedManifest {
        let digest = Hasher::of(Algorithm::Sha256, bytes);
        VerifiedManifest::verify(bytes.to_vec(), Some(media_type), &digest).unwrap()
    }

    fn entry(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: tar::EntryType, content: &[u8]) {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o640);
        header.set_mtime(1_700_000_000);
        header.set_uid(1000);
        header.set_gid(1001);
        match kind {
            tar::EntryType::Symlink | tar::EntryType::Link => {
                header.set_size(0);
                builder.append_link(&mut header, path, std::str::from_utf8(content).unwrap()).unwrap();
            }
            _ => builder.append_data(&mut header, path, content).unwrap(),
        }
    }

    /// Each entry of the layer as `kind path owner group mode seconds`.
    fn entries(layer: &Layer) -> Vec<String> {
        let mut archive = tar::Archive::new(unpacked(&*layer.blob).unwrap());
        let show = |entry: tar::Entry<'_, Box<dyn Read>>| {
            let header = entry.header();
            let link = entry.link_name_bytes().map(|to| format!(" -> {}", String::from_utf8_lossy(&to)));
            format!(
                "{:?} {}{} {}:{} {:o} {}",
                header.entry_type(),
                String::from_utf8_lossy(&entry.path_bytes()),
                link.unwrap_or_default(),
                header.uid().unwrap(),
                header.gid().unwrap(),
                header.mode().unwrap(),
                header.mtime().unwrap()
            )
        };
        archive.entries().unwrap().map(|entry| show(entry.unwrap())).collect()
    }

    #[test]
    fn entries_are_put_below_the_folder_of_the_data() {
        let mut builder = tar::Builder::new(Vec::new());
        let long = format!("./channels/{}.yaml", "x".repeat(120));
        entry(&mut builder, "./channels/", tar::EntryType::Directory, b"");
        entry(&mut builder, "channels/stable-4.16.yaml", tar::EntryType::Regular, b"name: stable-4.16");
        entry(&mut builder, "current", tar::EntryType::Symlink, b"channels/stable-4.16.yaml");
        entry(&mut builder, "same", tar::EntryType::Link, b"channels/stable-4.16.yaml");
        entry(&mut builder, &long, tar::EntryType::Regular, b"long");
        let data = builder.into_inner().unwrap();
        let layer = Layer::of(&data).unwrap();
        let folder = "var/lib/cincinnati-graph-data";
        assert_eq!(
            entries(&layer),
            [
                format!("Directory {folder}/channels 0:0 640 1700000000"),
                format!("Regular {folder}/channels/stable-4.16.yaml 0:0 640 1700000000"),
                format!("Symlink {folder}/current -> channels/stable-4.16.yaml 0:0 640 1700000000"),
                format!("Link {folder}/same -> {folder}/channels/stable-4.16.yaml 0:0 640 1700000000"),
                format!("Regular {folder}/{} 0:0 640 1700000000", &long[2..]),
            ]
        );
        assert_eq!(Layer::of(&data).unwrap().digest, layer.digest, "the same data give the same bytes");
    }

    #[test]
    fn data_that_are_refused() {
        let of = |path: &str, kind, content: &[u8]| {
            let mut builder = tar::Builder::new(Vec::new());
            entry(&mut builder, path, kind, content);
            Layer::of(&builder.into_inner().unwrap()).err().map(|error| error.to_string())
        };
        assert_eq!(of("a", tar::EntryType::Regular, b"x"), None);
        assert_eq!(
            of("a", tar::EntryType::Fifo, b"").unwrap(),
            "var/lib/cincinnati-graph-data/a is neither file, folder nor link"
        );
        assert_eq!(
            of("a", tar::EntryType::Link, b"../../etc/passwd").unwrap(),
            "path `../../etc/passwd` leaves its folder"
        );
        assert_eq!(below(b"x/../../y").unwrap_err().to_string(), "path `x/../../y` leaves its folder");
        let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
        assert_eq!(Layer::of(&empty).err().unwrap().to_string(), "the tar is empty");
        assert!(Layer::of(b"no tar at all").is_err());
    }

    /// What Red Hat's service publishes.
    #[test]
    fn real_graph_data() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/cincinnati/graph-data.tar.gz");
        let Ok(data) = std::fs::read(path) else {
            println!("skipped: no real graph data here");
            return;
        };
        let layer = Layer::of(&data).unwrap();
        let found = entries(&layer);
        let count = tar::Archive::new(unpacked(&*data).unwrap()).entries().unwrap().count();
        assert!(found.len() > 10 && found.len().abs_diff(count) <= 1, "{} of {count}", found.len());
        let good = |line: &&String| line.contains(" var/lib/cincinnati-graph-data") && line.contains(" 0:0 ");
        assert_eq!(found.iter().find(|line| !good(line)), None);
    }

    #[test]
    fn images_with_one_layer_more() {
        let mut builder = tar::Builder::new(Vec::new());
        entry(&mut builder, "LICENSE", tar::EntryType::Regular, b"free");
        let layer = Layer::of(&builder.into_inner().unwrap()).unwrap();
        let check = |image: &test_support::Image, layer_type: &str| {
            let base = VerifiedManifest::verify(image.bytes.clone(), Some(&image.media_type), &image.digest).unwrap();
            let (manifest, (digest, config)) = stack(&base, &image.blobs[0].bytes, &layer).unwrap();
            assert_eq!(manifest.media_type(), base.media_type());
            let (old, new): (Value, Value) =
                (serde_json::from_slice(base.bytes()).unwrap(), serde_json::from_slice(manifest.bytes()).unwrap());
            let layers = new["layers"].as_array().unwrap();
            assert_eq!(layers[..layers.len() - 1], old["layers"].as_array().unwrap()[..]);
            assert_eq!(layers[layers.len() - 1]["mediaType"], layer_type);
            assert_eq!(layers[layers.len() - 1]["digest"], layer.digest.to_string());
            assert_eq!(new["config"]["digest"], digest.to_string());
            assert_eq!(new["config"]["size"], config.len());
            let config: Value = serde_json::from_slice(&config).unwrap();
            assert_eq!(config["config"]["Entrypoint"], json!(["/entry"]), "untouched");
            assert_eq!(config["config"]["Cmd"], json!(["/bin/bash", "-c", COMMAND]));
            assert_eq!(config["config"]["Labels"]["a"], "b");
            assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().last().unwrap(), &json!(layer.diff_id));
            let history = config["history"].as_array().unwrap();
            assert_eq!(history.len(), layers.len());
        };
        for (builder, layer_type) in [
            (test_support::ImageBuilder::docker(), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
            (test_support::ImageBuilder::oci(), "application/vnd.oci.image.layer.v1.tar+gzip"),
        ] {
            let image = builder
                .layer(test_support::Layer::random(1, 2000))
                .label("a", "b")
                .config_field("Entrypoint", json!(["/entry"]))
                .config_field("Cmd", json!(["/old"]))
                .build();
            check(&image, layer_type);
        }
    }

    #[test]
    fn a_base_that_is_broken_is_named() {
        let layer = Layer::of(&{
            let mut builder = tar::Builder::new(Vec::new());
            entry(&mut builder, "LICENSE", tar::EntryType::Regular, b"free");
            builder.into_inner().unwrap()
        })
        .unwrap();
        let image = test_support::ImageBuilder::oci().layer(test_support::Layer::random(1, 2000)).build();
        let base = manifest_of(&image.bytes, &image.media_type);
        let config = |text: &str| stack(&base, text.as_bytes(), &layer).err();
        let manifest = |text: &str| {
            let broken = manifest_of(text.as_bytes(), media_type::OCI_MANIFEST);
            stack(&broken, b"{}", &layer).err().map(|error| error.replace(&broken.digest().to_string(), "D"))
        };
        let of_config = |reason: &str| Some(format!("the configuration of {}: {reason}", base.digest()));
        for (text, found) in [("\"x\"", "a text"), ("5", "a number"), ("true", "a boolean")] {
            for (member, field, expected) in [
                (format!("{{\"rootfs\":{text}}}"), "rootfs", "an object"),
                (format!("{{\"rootfs\":{{\"diff_ids\":{text}}}}}"), "diff_ids", "a list"),
                (format!("{{\"history\":{text}}}"), "history", "a list"),
                (format!("{{\"config\":{text}}}"), "config", "an object"),
            ] {
                assert_eq!(config(&member), of_config(&format!("its `{field}` must be {expected}, found {found}")));
            }
            assert_eq!(config(text), of_config(&format!("it must be a JSON object, found {found}")));
            let layers = manifest(&format!("{{\"config\":{{}},\"layers\":{text}}}"));
            assert_eq!(layers.unwrap(), format!("the manifest D: its `layers` must be a list, found {found}"));
        }
        assert_eq!(config("[{}]"), of_config("it must be a JSON object, found a list"));
        assert_eq!(manifest("[{}]").unwrap(), "the manifest D: it must be a JSON object, found a list");
        assert_eq!(
            manifest("{\"config\":[]}").unwrap(),
            "the manifest D: its `config` must be an object, found a list"
        );
        assert_eq!(manifest("{}").unwrap(), "the manifest D: it has no `config`");
        // What an image need not have is made.
        for text in ["{}", "{\"config\":null,\"history\":null,\"rootfs\":null}", "{\"rootfs\":{\"diff_ids\":null}}"] {
            let (_, (_, made)) = stack(&base, text.as_bytes(), &layer).unwrap();
            let made: Value = serde_json::from_slice(&made).unwrap();
            assert_eq!(made["rootfs"], json!({"type": "layers", "diff_ids": [layer.diff_id]}), "{text}");
        }
    }
}
