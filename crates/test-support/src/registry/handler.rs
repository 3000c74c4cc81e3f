//! One request from the first byte to the answer: record, faults, credentials, the API, faults again.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::body::{self, Shape};
use super::fault::Effect;
use super::log::Request as Record;
use super::server::Connection;
use super::storage::lock;
use super::target::{Kind, Target};
use super::{Shared, auth, blob, error, listing, manifest, upload};

/// A request under way, with what its handlers need.
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: Connection,
    pub(super) target: Target,
    pub(super) parts: http::request::Parts,
    pub(super) record: Record,
    pub(super) effects: Vec<Effect>,
    /// The query, taken apart.
    pub(super) query: Vec<(String, String)>,
}

impl Call {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn struck_by(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    /// Reads the request's body, shaped by the faults.
    pub(super) async fn read(&self, body: Body, take: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let shape = Shape::of_request(&self.effects);
        body::receive(body, shape, &self.connection, &self.record.received, take).await
    }

    /// Reads the request's body whole; only for manifests and forms.
    pub(super) async fn read_all(&self, body: Body) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(body, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .await?;
        Ok(bytes)
    }

    /// An absolute URL on this registry, or on the second server when a fault wants that.
    pub(super) fn location(&self, path: &str) -> HeaderValue {
        let shared = &self.shared;
        let on_cdn = self.connection.on_cdn || self.struck_by(&Effect::LocationOnCdn);
        let elsewhere = self.effects.iter().find_map(|effect| match effect {
            Effect::LocationAt(host) => Some(host),
            _ => None,
        });
        let host = elsewhere.unwrap_or(if on_cdn { &shared.cdn_host } else { &shared.host });
        let below = self.effects.iter().find_map(|effect| match effect {
            Effect::LocationBelow(below) => Some(*below),
            _ => None,
        });
        let path = format!("{}{path}", below.unwrap_or_default());
        let text = if self.struck_by(&Effect::RelativeLocation) {
            path
        } else {
            format!("{}://{host}{path}", shared.scheme())
        };
        HeaderValue::from_str(&text).expect("paths of accepted requests are printable")
    }
}

/// One of the requests that are looked at right now.
struct Running<'a>(&'a Shared);

impl<'a> Running<'a> {
    fn enter(shared: &'a Shared) -> Self {
        let now = shared.running.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_running.fetch_max(now, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn handle(shared: Arc<Shared>, connection: Connection, request: Request<Body>) -> Response<Body> {
    let counted = Arc::clone(&shared);
    let _running = Running::enter(&counted);
    let (parts, body) = request.into_parts();
    let target = Target::of(parts.uri.path());
    let record = Record::new(&parts, &target, connection.on_cdn, connection.number);
    lock(&shared.log).push(record.clone());
    let active = lock(&shared.faults).clone();
    let effects: Vec<Effect> = shared.habits.iter().chain(&active).filter_map(|fault| fault.strike(&record)).collect();
    let query = url::form_urlencoded::parse(record.query.as_bytes()).into_owned().collect();
    let call = Call { shared, connection, target, parts, record, effects, query };
    let write = matches!(call.parts.method, Method::PUT | Method::PATCH | Method::POST);

    // A close with unread bytes becomes a reset when they were there in time, and an orderly end when not.
    let body = if call.struck_by(&Effect::CloseConnection) {
        drop(call.read(body, |_| Ok(())).await);
        Body::empty()
    } else {
        body
    };
    let early = match before(&call).await {
        None => refused(&call).or_else(|| declined(&call)),
        answered => answered,
    };
    let response = match early {
        Some(response) => {
            // Answered without a look at the body; reading it to its end makes what the client sees the same each time.
            drop(call.read(body, |_| Ok(())).await);
            response
        }
        None => answer(&call, body).await,
    };
    let mut response = after(&call, response);
    if call.struck_by(&Effect::Gzip) {
        response = packed(response).await;
    }
    call.record.status.store(response.status().as_u16(), Ordering::SeqCst);
    let shape = Shape::of_answer(&call.effects, write);
    let sent = Arc::clone(&call.record.sent);
    response.map(|body| body::send(body, shape, call.connection, sent))
}

/// Faults that strike before the registry looks at the request.
async fn before(call: &Call) -> Option<Response<Body>> {
    let write = !matches!(call.parts.method, Method::GET | Method::HEAD);
    for effect in &call.effects {
        match effect {
            Effect::ResetConnection => call.connection.reset().await,
            Effect::CloseConnection => call.connection.close().await,
            Effect::Delay(time) => tokio::time::sleep(*time).await,
            Effect::ExpireTokens => call.shared.tokens.expire(),
            Effect::GoAway => call.connection.go_away().await,
            Effect::NoCloseNotify => call.connection.skip_close_notify(),
            Effect::Status { code, headers, body } => {
                let mut response = error::of_status(*code);
                if let Some(body) = body {
                    *response.body_mut() = Body::from(body.clone());
                }
                for (name, value) in headers {
                    let name: http::HeaderName = name.parse().expect("a test writes a valid header name");
                    response.headers_mut().insert(name, value.parse().expect("a test writes a valid header value"));
                }
                return Some(response);
            }
            Effect::ReadOnly if write => return Some(error::of_status(405)),
            Effect::Denied => return Some(error::of_status(403)),
            Effect::Redirect(url) => return Some(redirect(url.parse().expect("a test writes a valid URL"))),
            _ => {}
        }
    }
    None
}

/// The answer to a request without the authorization that it needs.
fn refused(call: &Call) -> Option<Response<Body>> {
    if call.target.kind == Kind::Token || call.connection.on_cdn {
        return None;
    }
    let shared = &call.shared;
    let realm = format!("{}://{}/token", shared.scheme(), shared.host);
    let request = (&call.parts.method, &call.target, call.record.query.as_str());
    auth::check(&shared.auth, &shared.tokens, &realm, request, &call.parts.headers)
}

/// The answer of a registry that does not do such a thing.
fn declined(call: &Call) -> Option<Response<Body>> {
    let (method, target) = (&call.parts.method, &call.target);
    if call.connection.on_cdn && call.shared.profiled() && call.header("authorization").is_some() {
        return Some(error::error(400, "InvalidArgument", "only one mechanism of authorization is allowed"));
    }
    let repositories = lock(&call.shared.repositories);
    let repository = repositories.get(&target.repository);
    call.effects.iter().find_map(|effect| match *effect {
        Effect::LargestBody { bytes, status } => {
            let length = call.header("content-length").and_then(|length| length.parse::<u64>().ok());
            let text = "the request body is too large and exceeds the maximum permissible limit";
            let code = if status == 416 { "REQUESTED_RANGE_NOT_SATISFIABLE" } else { "SIZE_INVALID" };
            (length > Some(bytes)).then(|| error::error(status, code, text))
        }
        Effect::RequireRepository if !target.repository.is_empty() && repository.is_none() => {
            let text = format!("The repository with name '{}' does not exist in the registry", target.repository);
            Some(error::error(404, "NAME_UNKNOWN", &text))
        }
        Effect::UnknownIs(status) if repository.is_none_or(|found| found.find(&target.reference).is_none()) => {
            Some(error::of_status(status))
        }
        Effect::KeepTagged if *method == Method::DELETE => {
            let named = target.reference.parse::<image_ref::Digest>().ok()?;
            let tagged = repository?.tags.values().any(|digest| *digest == named);
            let text = "Manifest is still referenced by one or more tags";
            tagged.then(|| error::error(400, "GOOGLE_MANIFEST_DANGLING_TAG", text))
        }
        Effect::KeepInstances if *method == Method::DELETE => {
            let named = target.reference.parse::<image_ref::Digest>().ok()?.to_string();
            let names = |bytes: &[u8]| bytes.windows(named.len()).any(|part| part == named.as_bytes());
            let lists = repository?.manifests.values().any(|list| list.subject.is_none() && names(&list.bytes));
            let text = "Manifest is still referenced by one or more parent images";
            lists.then(|| error::error(400, "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE", text))
        }
        _ => None,
    })
}

async fn answer(call: &Call, body: Body) -> Response<Body> {
    let shared = &call.shared;
    let (method, target, query) = (&call.parts.method, &call.target, call.record.query.as_str());
    if target.kind == Kind::Token {
        let Ok(form) = call.read_all(body).await else { return error::of_status(400) };
        return auth::token(&shared.auth, &shared.tokens, method, query, &call.parts.headers, &form);
    }
    let known_path = target.repository.is_empty() || image_ref::is_valid_path(&target.repository);
    if !known_path {
        return error::error(400, "NAME_INVALID", "invalid repository name");
    }
    if call.struck_by(&Effect::RedirectToCdn)
        && target.kind == Kind::Blob
        && matches!(*method, Method::GET | Method::HEAD)
    {
        let url = format!("{}://{}/cdn/{}/{}", shared.scheme(), shared.cdn_host, target.repository, target.reference);
        return redirect(url.parse().expect("made of a host and a path that were parsed before"));
    }
    match (target.kind, method) {
        (Kind::Ping, &Method::GET | &Method::HEAD) => {
            let mut response = Response::new(Body::from("{}"));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            response
        }
        (Kind::Blob | Kind::Cdn, &Method::GET | &Method::HEAD) => blob::read(call),
        (Kind::Blob, &Method::DELETE) => blob::delete(call),
        (Kind::Upload, _) => upload::serve(call, body).await,
        (Kind::Manifest, &Method::GET | &Method::HEAD) => manifest::read(call),
        (Kind::Manifest, &Method::PUT) => manifest::write(call, body).await,
        (Kind::Manifest, &Method::DELETE) => manifest::delete(call),
        (Kind::Tags, &Method::GET) => listing::tags(call),
        (Kind::Referrers, &Method::GET) => listing::referrers(call),
        (Kind::Catalog, &Method::GET) => listing::catalog(call),
        (Kind::Other, _) => error::error(404, "UNSUPPORTED", "no such path"),
        _ => error::of_status(405),
    }
}

/// Faults that bend the answer.
fn after(call: &Call, mut response: Response<Body>) -> Response<Body> {
    for effect in &call.effects {
        let headers = response.headers_mut();
        match effect {
            Effect::WrongDigestHeader => {
                let wrong = crate::sha256(b"another thing").to_string();
                headers.insert("docker-content-digest", wrong.parse().expect("a digest is a header value"));
            }
            Effect::NoDigestHeader => drop(headers.remove("docker-content-digest")),
            Effect::BareHead => {
                drop(headers.remove("docker-content-digest"));
                headers.insert("content-type", HeaderValue::from_static("application/octet-stream"));
            }
            Effect::BasicInCapitals => {
                let challenge = headers.get("www-authenticate").and_then(|value| value.to_str().ok());
                if let Some(rest) = challenge.and_then(|challenge| challenge.strip_prefix("Basic ")) {
                    let capitals = format!("BASIC {rest}").parse().expect("it was a header value before");
                    headers.insert("www-authenticate", capitals);
                }
            }
            Effect::NoLocation => drop(headers.remove("location")),
            Effect::NoLength => drop(headers.remove("content-length")),
            Effect::UntilClose => {
                drop(headers.remove("content-length"));
                *response.version_mut() = http::Version::HTTP_10;
            }
            Effect::ContentType(None) => drop(headers.remove("content-type")),
            Effect::ContentType(Some(value)) => {
                headers.insert("content-type", value.parse().expect("a test writes a valid media type"));
            }
            Effect::Charset => {
                let plain = headers.get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
                if let Some(value) = plain.and_then(|plain| format!("{plain}; charset=utf-8").parse().ok()) {
                    headers.insert("content-type", value);
                }
            }
            Effect::WrongLength(more) => {
                let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
                if let Some(length) = length {
                    headers.insert("content-length", (length + more).into());
                }
            }
            _ => {}
        }
    }
    response
}

/// The answer as a proxy hands it on that packs everything.
async fn packed(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let plain = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&plain).expect("memory takes all");
    let packed = encoder.finish().expect("memory takes all");
    parts.headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    parts.headers.insert("content-length", packed.len().into());
    Response::from_parts(parts, Body::from(packed))
}

fn redirect(location: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert("location", location);
    response
}
