//! Lists: tags, referrers, catalog, all in pages with `Link` (distribution specification, "Listing Tags").

use axum::body::Body;
use http::{HeaderValue, Response};
use image_ref::Digest;
use serde_json::{Value, json};

use super::error::error;
use super::handler::Call;
use super::storage::lock;
use crate::media_type;

pub(super) fn tags(call: &Call) -> Response<Body> {
    let repositories = lock(&call.shared.repositories);
    let Some(repository) = repositories.get(&call.target.repository) else {
        return error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let names: Vec<&str> = repository.tags.keys().map(String::as_str).collect();
    let (page, next) = page(call, &names);
    answer(call, &json!({ "name": call.target.repository, "tags": page }), next, "application/json")
}

pub(super) fn catalog(call: &Call) -> Response<Body> {
    let repositories = lock(&call.shared.repositories);
    let names: Vec<&str> = repositories.keys().map(String::as_str).collect();
    let (page, next) = page(call, &names);
    answer(call, &json!({ "repositories": page }), next, "application/json")
}

pub(super) fn referrers(call: &Call) -> Response<Body> {
    if !call.shared.options.referrers {
        return error(404, "UNSUPPORTED", "no such path");
    }
    let Ok(subject) = call.target.reference.parse::<Digest>() else {
        return error(400, "DIGEST_INVALID", "malformed digest");
    };
    let repositories = lock(&call.shared.repositories);
    let wanted = call.parameter("artifactType");
    let manifests = repositories.get(&call.target.repository).into_iter().flat_map(|repository| &repository.manifests);
    let all: Vec<(String, Value)> = manifests
        .filter(|(_, manifest)| manifest.subject.as_ref() == Some(&subject))
        .filter_map(|(digest, manifest)| {
            let json: Value = serde_json::from_slice(&manifest.bytes).ok()?;
            let kind = json.get("artifactType").filter(|kind| kind.as_str() != Some(""));
            let kind = kind.or_else(|| json.pointer("/config/mediaType")).and_then(Value::as_str);
            if wanted.is_some() && wanted != kind {
                return None;
            }
            let mut descriptor = json!({
                "mediaType": manifest.media_type,
                "digest": digest,
                "size": manifest.bytes.len(),
            });
            if let Some(kind) = kind {
                descriptor["artifactType"] = kind.into();
            }
            if let Some(annotations) = json.get("annotations") {
                descriptor["annotations"] = annotations.clone();
            }
            Some((digest.to_string(), descriptor))
        })
        .collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let (page, next) = page(call, &names);
    let page: Vec<&Value> =
        all.iter().filter(|(name, _)| page.contains(&name.as_str())).map(|(_, value)| value).collect();
    let body = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": page });
    let mut response = answer(call, &body, next, media_type::OCI_INDEX);
    if wanted.is_some() {
        response.headers_mut().insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
    }
    response
}

/// The names after `last`, at most `n` or what the registry gives at once, and whether there are more.
fn page<'a>(call: &Call, names: &[&'a str]) -> (Vec<&'a str>, Option<(usize, &'a str)>) {
    let last = call.parameter("last").unwrap_or_default();
    let asked = call.parameter("n").and_then(|n| n.parse::<usize>().ok());
    let limit = [asked, call.shared.options.page_size].into_iter().flatten().min().unwrap_or(usize::MAX);
    let rest: Vec<&str> = names.iter().copied().filter(|name| *name > last || last.is_empty()).collect();
    let page: Vec<&str> = rest.iter().copied().take(limit).collect();
    let more = rest.len() > page.len();
    let next = page.last().copied().filter(|_| more).map(|last| (limit, last));
    (page, next)
}

fn answer(call: &Call, body: &Value, next: Option<(usize, &str)>, media_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert("content-type", HeaderValue::from_static(media_type));
    if let Some((limit, last)) = next {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(kind) = call.parameter("artifactType") {
            query.append_pair("artifactType", kind);
        }
        query.append_pair("n", &limit.to_string()).append_pair("last", last);
        let link = format!("<{}?{}>; rel=\"next\"", call.parts.uri.path(), query.finish());
        response.headers_mut().insert("link", link.parse().expect("a path and an encoded query are printable"));
    }
    response
}
