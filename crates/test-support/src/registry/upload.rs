//! Blob uploads: sessions, one request or many, and mounts (distribution specification, "Push").

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode};
use image_ref::Digest;

use super::error::{self, error};
use super::fault::Effect;
use super::handler::Call;
use super::storage::{Upload, lock};

/// An upload under way; the lock is held while a request writes to it.
pub(super) type Session = Arc<tokio::sync::Mutex<Option<Upload>>>;

pub(super) async fn serve(call: &Call, body: Body) -> Response<Body> {
    match (&call.parts.method, call.target.reference.as_str()) {
        (&Method::POST, "") => start(call, body).await,
        (_, "") => error::of_status(405),
        (method, session) => {
            let Some(found) = lock(&call.shared.uploads).get(session).cloned() else {
                return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
            };
            if call.shared.options.strict_sessions && outdated(call, &found).await {
                return error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid");
            }
            match *method {
                Method::GET => status(call, &found).await,
                Method::PATCH => append(call, &found, body).await,
                Method::PUT => finish(call, &found, body).await,
                Method::DELETE => cancel(call, &found).await,
                _ => error::of_status(405),
            }
        }
    }
}

async fn start(call: &Call, body: Body) -> Response<Body> {
    let shared = &call.shared;
    let repository = &call.target.repository;
    if let Some(digest) = call.parameter("mount").and_then(|digest| digest.parse::<Digest>().ok())
        && shared.options.mounts
        && !call.struck_by(&Effect::RefuseMount)
        && shared.blobs.size(&digest).is_some()
    {
        let mut repositories = lock(&shared.repositories);
        let source = call.parameter("from").and_then(|from| repositories.get(from));
        if source.is_some_and(|source| source.blobs.contains(&digest)) {
            repositories.entry(repository.clone()).or_default().blobs.insert(digest.clone());
            return created(call, &digest);
        }
    }
    let number = shared.sessions.fetch_add(1, Ordering::SeqCst);
    let session = format!("session-{number}");
    let Ok(upload) = shared.blobs.begin(&session) else { return error::of_status(500) };
    let upload: Session = Arc::new(tokio::sync::Mutex::new(Some(upload)));
    lock(&shared.uploads).insert(session.clone(), Arc::clone(&upload));
    let monolithic = call.parameter("digest").is_some() && !call.struck_by(&Effect::RefuseMonolithic);
    if monolithic {
        return finish_session(call, &session, &upload, body).await;
    }
    if call.read(body, |_| Ok(())).await.is_err() {
        return error::of_status(400);
    }
    let mut response = accepted(call, &session, 0);
    if let Some(minimum) = shared.options.minimum_chunk {
        response.headers_mut().insert("oci-chunk-min-length", minimum.into());
    }
    response
}

/// Whether the address was given before the last bytes came.
async fn outdated(call: &Call, session: &Session) -> bool {
    let received = session.lock().await.as_ref().map_or(0, |upload| upload.received);
    call.parameter("state") != Some(format!("s{received}").as_str())
}

async fn status(call: &Call, session: &Session) -> Response<Body> {
    let received = session.lock().await.as_ref().map_or(0, |upload| upload.received);
    let mut response = accepted(call, &call.target.reference, received);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

async fn append(call: &Call, session: &Session, body: Body) -> Response<Body> {
    let mut upload = session.lock().await;
    let Some(upload) = upload.as_mut() else { return error(404, "BLOB_UPLOAD_UNKNOWN", "the upload has ended") };
    if let Some(refused) = out_of_order(call, upload.received) {
        return refused;
    }
    if upload.short {
        drop(call.read(body, |_| Ok(())).await);
        return error(400, "SIZE_INVALID", "the chunk before this one was too small");
    }
    let before = upload.received;
    let outcome = call.read(body, |piece| upload.write(piece)).await;
    if outcome.is_err() {
        return error(400, "BLOB_UPLOAD_INVALID", "the body ended early");
    }
    upload.short = call.shared.options.minimum_chunk.is_some_and(|minimum| upload.received - before < minimum);
    accepted(call, &call.target.reference, upload.received)
}

async fn finish(call: &Call, session: &Session, body: Body) -> Response<Body> {
    if call.struck_by(&Effect::RefuseMonolithic) {
        let fresh = session.lock().await.as_ref().is_some_and(|upload| upload.received == 0);
        let bytes = call.header("content-length").is_none_or(|length| length != "0");
        if fresh && bytes {
            drop(call.read(body, |_| Ok(())).await);
            return error(405, "UNSUPPORTED", "uploads in one request are not supported");
        }
    }
    finish_session(call, &call.target.reference, session, body).await
}

async fn finish_session(call: &Call, name: &str, session: &Session, body: Body) -> Response<Body> {
    let Some(digest) = call.parameter("digest").and_then(|digest| digest.parse::<Digest>().ok()) else {
        return error(400, "DIGEST_INVALID", "the parameter digest is missing or malformed");
    };
    let mut guard = session.lock().await;
    let Some(upload) = guard.as_mut() else { return error(404, "BLOB_UPLOAD_UNKNOWN", "the upload has ended") };
    if let Some(refused) = out_of_order(call, upload.received) {
        return refused;
    }
    if call.read(body, |piece| upload.write(piece)).await.is_err() {
        return error(400, "BLOB_UPLOAD_INVALID", "the body ended early");
    }
    let Some(upload) = guard.take() else { return error::of_status(500) };
    lock(&call.shared.uploads).remove(name);
    match call.shared.blobs.commit(upload, &digest) {
        Ok(true) => {
            let mut repositories = lock(&call.shared.repositories);
            repositories.entry(call.target.repository.clone()).or_default().blobs.insert(digest.clone());
            created(call, &digest)
        }
        Ok(false) => error(400, "DIGEST_INVALID", "provided digest did not match uploaded content"),
        Err(_) => error::of_status(500),
    }
}

async fn cancel(call: &Call, session: &Session) -> Response<Body> {
    if let Some(upload) = session.lock().await.take() {
        upload.discard();
    }
    lock(&call.shared.uploads).remove(&call.target.reference);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 416 when `Content-Range` says that the piece does not continue what is there ("Pushing a blob in chunks").
fn out_of_order(call: &Call, received: u64) -> Option<Response<Body>> {
    let header = call.header("content-range")?;
    let first = header.trim_start_matches("bytes ").split(['-', '/']).next()?.parse::<u64>();
    if first == Ok(received) {
        return None;
    }
    let mut response = accepted(call, &call.target.reference, received);
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    Some(response)
}

fn accepted(call: &Call, session: &str, received: u64) -> Response<Body> {
    let path = format!("/v2/{}/blobs/uploads/{session}?state=s{received}", call.target.repository);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert("location", call.location(&path));
    let range = format!("0-{}", received.saturating_sub(1));
    headers.insert("range", HeaderValue::from_str(&range).expect("digits are printable"));
    headers.insert("docker-upload-uuid", HeaderValue::from_str(session).expect("our own name"));
    response
}

fn created(call: &Call, digest: &Digest) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert("location", call.location(&format!("/v2/{}/blobs/{digest}", call.target.repository)));
    headers.insert("docker-content-digest", digest.to_string().parse().expect("a digest is a header value"));
    response
}
