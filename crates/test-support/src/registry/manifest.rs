//! Manifests: `GET`, `HEAD`, `PUT`, `DELETE` by tag and by digest.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use image_ref::{Algorithm, Digest};
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::error::{self, error};
use super::fault::Effect;
use super::handler::Call;
use super::storage::{Manifest, Repository, lock};
use crate::{manifest_digest, media_type};

pub(super) fn read(call: &Call) -> Response<Body> {
    let repositories = lock(&call.shared.repositories);
    let Some((digest, manifest)) =
        repositories.get(&call.target.repository).and_then(|repository| repository.find(&call.target.reference))
    else {
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let body = if call.parts.method == Method::HEAD { Body::empty() } else { Body::from(manifest.bytes.clone()) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert("content-length", manifest.bytes.len().into());
    headers.insert("content-type", HeaderValue::from_str(&manifest.media_type).expect("it came as a header value"));
    headers.insert("docker-content-digest", digest.to_string().parse().expect("a digest is a header value"));
    headers.insert("etag", format!("\"{digest}\"").parse().expect("a digest is a header value"));
    response
}

pub(super) async fn write(call: &Call, body: Body) -> Response<Body> {
    let Ok(bytes) = call.read_all(body).await else { return error::of_status(400) };
    let shared = &call.shared;
    let mut repositories = lock(&shared.repositories);
    let repository = repositories.entry(call.target.repository.clone()).or_default();
    let digest = manifest_digest(&bytes);
    let Ok(json) = serde_json::from_slice::<Value>(&bytes) else {
        return error(400, "MANIFEST_INVALID", "the manifest is not JSON");
    };
    let media_type = call
        .header("content-type")
        .or_else(|| json.get("mediaType").and_then(Value::as_str))
        .unwrap_or(media_type::OCI_MANIFEST);
    if let Some(status) = call.refuses(media_type, &json) {
        let code = if status == 405 { "UNSUPPORTED" } else { "MANIFEST_INVALID" };
        return error(status, code, "manifest invalid");
    }
    let missing = references(&json).find(|(is_manifest, named)| {
        if *is_manifest {
            !shared.options.sparse && repository.find(&named.to_string()).is_none()
        } else {
            !repository.blobs.contains(named)
        }
    });
    if let Some((is_manifest, named)) = missing {
        let code = if is_manifest { "MANIFEST_UNKNOWN" } else { "MANIFEST_BLOB_UNKNOWN" };
        return error(400, code, &format!("{named} is unknown to registry"));
    }
    match call.target.reference.parse::<Digest>() {
        Ok(named) if named != digest && named != sha512(&bytes) => {
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        Ok(_) => {}
        Err(_) if image_ref::is_valid_tag(&call.target.reference) => {
            repository.tags.insert(call.target.reference.clone(), digest.clone());
        }
        Err(_) => return error(400, "TAG_INVALID", "manifest tag did not match URI"),
    }
    // Known by SHA-256 here; the answer names the digest that the manifest was put under.
    let told = call.target.reference.parse::<Digest>().unwrap_or_else(|_| digest.clone());
    let subject = repository.insert(&digest, media_type, bytes.into());
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert("location", call.location(&format!("/v2/{}/manifests/{told}", call.target.repository)));
    headers.insert("docker-content-digest", told.to_string().parse().expect("a digest is a header value"));
    if let Some(subject) = subject.filter(|_| shared.options.referrers) {
        headers.insert("oci-subject", subject.to_string().parse().expect("a digest is a header value"));
    }
    response
}

pub(super) fn delete(call: &Call) -> Response<Body> {
    let mut repositories = lock(&call.shared.repositories);
    let unknown = || error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    let Some(repository) = repositories.get_mut(&call.target.repository) else { return unknown() };
    let known = match call.target.reference.parse::<Digest>() {
        Ok(digest) => {
            repository.tags.retain(|_, tagged| *tagged != digest);
            repository.manifests.remove(&digest).is_some()
        }
        Err(_) => repository.tags.remove(&call.target.reference).is_some(),
    };
    if !known {
        return unknown();
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

impl Call {
    /// The status with which the registry refuses a kind of manifests.
    fn refuses(&self, media_type: &str, json: &Value) -> Option<u16> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::RefuseArtifacts(status) if is_artifact(json) => Some(*status),
            Effect::RefuseOci(status) if media_type.starts_with("application/vnd.oci.") => Some(*status),
            _ => None,
        })
    }
}

/// Whether a manifest is something else than an image or a list.
fn is_artifact(json: &Value) -> bool {
    let config = json.pointer("/config/mediaType").and_then(Value::as_str);
    let image = config.is_none_or(|config| [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG].contains(&config));
    !image || json.get("artifactType").is_some() || json.get("subject").is_some()
}

impl Repository {
    /// The manifest under a tag or a digest.
    pub(super) fn find(&self, reference: &str) -> Option<(&Digest, &Manifest)> {
        match reference.parse::<Digest>() {
            Ok(digest) if digest.algorithm() != Algorithm::Sha256 => {
                self.manifests.iter().find(|(_, manifest)| sha512(&manifest.bytes) == digest)
            }
            Ok(digest) => self.manifests.get_key_value(&digest),
            Err(_) => self.manifests.get_key_value(self.tags.get(reference)?),
        }
    }

    /// Keeps a manifest, unchecked; gives its subject.
    pub(crate) fn insert(&mut self, digest: &Digest, media_type: &str, bytes: Bytes) -> Option<Digest> {
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let subject = json.pointer("/subject/digest").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let manifest = Manifest { media_type: media_type.to_owned(), bytes, subject: subject.clone() };
        self.manifests.insert(digest.clone(), manifest);
        subject
    }
}

fn sha512(bytes: &[u8]) -> Digest {
    Digest::from_sha512_bytes(&Sha512::digest(bytes).into())
}

/// What a manifest names: `true` for manifests, `false` for blobs. Layers with `urls` live elsewhere.
fn references(json: &Value) -> impl Iterator<Item = (bool, Digest)> {
    let list = |name: &str| json.get(name).and_then(Value::as_array).into_iter().flatten();
    let digest = |descriptor: &Value, key: &str| descriptor.get(key)?.as_str()?.parse::<Digest>().ok();
    let manifests = list("manifests").filter_map(move |child| Some((true, digest(child, "digest")?)));
    let blobs = json
        .get("config")
        .into_iter()
        .chain(list("layers"))
        .chain(list("blobs"))
        .filter(|descriptor| descriptor.get("urls").is_none())
        .filter_map(move |descriptor| Some((false, digest(descriptor, "digest")?)));
    let old = list("fsLayers").filter_map(move |layer| Some((false, digest(layer, "blobSum")?)));
    manifests.chain(blobs).chain(old)
}
