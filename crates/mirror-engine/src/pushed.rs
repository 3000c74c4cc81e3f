//! A plan as an artifact in a registry (`docs/formats/plan.md`), with what only the machine that made the plan has.

use std::sync::Arc;

use archive_format::Store;
use bytes::Bytes;
use image_ref::{Algorithm, Hasher, ImageRef};
use oci_manifest::media_type::OCI_MANIFEST;
use oci_manifest::{Descriptor, VerifiedManifest};
use oci_transport::{BlobSource, Client, FileSource, Reference};
use plan_document::{Document, MAX_BYTES};
use serde_json::{Value, json};

use mirror_content::stored::fetch_blob;
use mirror_job::event::{Event, Observer};
use mirror_job::failure::{CopyError, chain, transport};

/// What the artifact says that it is, and the media type of its plan.
pub const ARTIFACT_TYPE: &str = "application/vnd.oc-mirror.plan.v2+json";

/// The media type of the plan's signature.
const SIGNATURE_TYPE: &str = "application/vnd.oc-mirror.plan.signature.v1";

/// The media type of what oc-mirror built for the plan.
const BUILT_TYPE: &str = "application/vnd.oc-mirror.plan.built.v1";

const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The largest signature, in bytes.
const MAX_SIGNATURE: u64 = 64 * 1024;

/// A plan that came from a registry.
#[derive(Debug)]
pub struct Pulled {
    /// The plan by digest, as a reference.
    pub name: ImageRef,
    /// Its text.
    pub text: Vec<u8>,
    /// Its signature, when it was pushed with one.
    pub signature: Option<Vec<u8>>,
}

/// Pushes a plan, and gives its name by digest. `cache` is the root of the cache that the plan was made with.
///
/// # Errors
/// When the cache lacks what oc-mirror built for the plan, or the registry refuses.
pub async fn push(
    client: &Client,
    cache: &std::path::Path,
    document: &Document,
    text: Vec<u8>,
    signature: Option<Vec<u8>>,
    to: &ImageRef,
) -> Result<ImageRef, String> {
    let repository = to.repository().map_err(|error| chain(&error))?;
    let at = client.endpoint(&repository);
    let mut layers = Vec::new();
    let send = |descriptor: Descriptor, source: Arc<dyn BlobSource>| {
        let at = at.clone();
        async move {
            if client.head_blob(&at, &descriptor.digest).await.map_err(|error| chain(&error))?.is_none() {
                client.push_blob(&at, &descriptor, source, &|_| {}).await.map_err(|error| chain(&error))?;
            }
            Ok::<_, String>(descriptor)
        }
    };
    let small = |media_type: &str, bytes: Vec<u8>| {
        let digest = Hasher::of(Algorithm::Sha256, &bytes);
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
        (descriptor, Arc::new(Bytes::from(bytes)) as Arc<dyn BlobSource>)
    };
    let (descriptor, source) = small(EMPTY_TYPE, b"{}".to_vec());
    let config = send(descriptor, source).await?;
    let (descriptor, source) = small(ARTIFACT_TYPE, text);
    layers.push((send(descriptor, source).await?, "plan.json"));
    if let Some(signature) = signature {
        let (descriptor, source) = small(SIGNATURE_TYPE, signature);
        layers.push((send(descriptor, source).await?, "plan.json.sig"));
    }
    let store = Store::open(cache).map_err(|error| chain(&error))?;
    for (digest, size) in &document.built_blobs {
        if store.blob_size(digest) != Some(*size) {
            return Err(format!(
                "the cache `{}` lacks blob {digest}, which oc-mirror built for the plan: push the plan where it was made",
                store.root().display()
            ));
        }
        let source = FileSource::new(store.blob_path(digest)).map_err(|error| error.to_string())?;
        layers.push((send(Descriptor::new(BUILT_TYPE, digest.clone(), *size), Arc::new(source)).await?, ""));
    }
    let layers: Vec<Value> = layers
        .iter()
        .map(|(layer, title)| {
            let (kind, digest, size) = (&layer.media_type, &layer.digest, layer.size);
            if title.is_empty() {
                return json!({"mediaType": kind, "digest": digest, "size": size});
            }
            let annotations = json!({"org.opencontainers.image.title": title});
            json!({"mediaType": kind, "digest": digest, "size": size, "annotations": annotations})
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": ARTIFACT_TYPE,
        "config": {"mediaType": EMPTY_TYPE, "digest": config.digest, "size": config.size},
        "layers": layers, "annotations": {"io.github.oc-mirror.plan": document.id},
    });
    let manifest = VerifiedManifest::made(&manifest, OCI_MANIFEST);
    let tag = to.tag().unwrap_or("latest").to_owned();
    client.push_manifest(&at, &Reference::Tag(tag), &manifest).await.map_err(|error| chain(&error))?;
    Ok(ImageRef::from_parts(&repository, None, Some(manifest.digest().clone())))
}

/// Pulls a plan, and brings what oc-mirror built for the plan into the cache. `accept` looks at the plan and its signature
/// before anything is written.
///
/// # Errors
/// When there is no such plan, `accept` refuses it, or the cache cannot be written.
pub async fn pull(
    client: &Client,
    cache: &std::path::Path,
    from: &ImageRef,
    observer: &Arc<dyn Observer>,
    accept: impl Fn(&Pulled) -> Result<Document, String>,
) -> Result<Pulled, String> {
    let failed = |error: oci_transport::Error| transport(&error).message;
    let pulled = client.pull_manifest(from).await.map_err(failed)?;
    let manifest: Value = serde_json::from_slice(pulled.manifest.bytes()).map_err(|error| error.to_string())?;
    if manifest.get("artifactType").and_then(Value::as_str) != Some(ARTIFACT_TYPE) {
        return Err(format!("{from} is no plan: `oc-mirror plan push` pushes plans"));
    }
    let view = pulled.manifest.view().map_err(|error| chain(&error))?;
    let layers = view.blobs();
    let read = |media_type: &'static str, most: u64| {
        let (layer, endpoint) = (layers.iter().find(|layer| layer.media_type == media_type).copied(), &pulled.endpoint);
        async move {
            let Some(layer) = layer else { return Ok(None) };
            if layer.size > most {
                return Err(format!("{from}: its plan has {} bytes; {most} are allowed", layer.size));
            }
            let mut bytes = Vec::new();
            client.pull_blob(endpoint, layer, &mut bytes, &|_| {}).await.map_err(failed)?;
            Ok(Some(bytes))
        }
    };
    let text = read(ARTIFACT_TYPE, MAX_BYTES).await?.ok_or_else(|| format!("{from} has no plan in it"))?;
    let signature = read(SIGNATURE_TYPE, MAX_SIGNATURE).await?;
    let repository = from.repository().map_err(|error| chain(&error))?;
    let name = ImageRef::from_parts(&repository, None, Some(pulled.manifest.digest().clone()));
    let found = Pulled { name, text, signature };
    let document = accept(&found)?;
    let store = Store::open(cache).map_err(|error| chain(&error))?;
    // Nothing comes into the cache that the plan does not name.
    let planned = |layer: &Descriptor| document.built_blobs.get(&layer.digest) == Some(&layer.size);
    let missing = layers.iter().filter(|layer| layer.media_type == BUILT_TYPE && planned(layer));
    let missing: Vec<_> = missing.filter(|layer| store.blob_size(&layer.digest) != Some(layer.size)).collect();
    if !missing.is_empty() {
        observer.event(Event::Info(format!("{} blobs that oc-mirror built come with the plan", missing.len())));
    }
    for layer in missing {
        let brought = fetch_blob(client, &store, &pulled.endpoint, layer, observer).await;
        brought.map_err(|error: CopyError| error.message)?;
    }
    Ok(found)
}
