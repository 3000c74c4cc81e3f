//! What a release mirror asks besides registries: an update service, a signature server, the graph data.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use image_ref::Digest;
use serde_json::{Value, json};
use url::Url;

/// An update service and a signature server on loopback, with a record of every request. Ends when it is dropped.
#[derive(Debug)]
pub struct UpdateService {
    host: String,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Path, or for graphs architecture and channel, to what is answered.
    answers: Mutex<HashMap<String, (u16, Bytes)>>,
    requests: Mutex<Vec<String>>,
}

impl UpdateService {
    /// A service that knows nothing yet: everything is answered with 404.
    pub fn start_blocking() -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        listener.set_nonblocking(true).expect("a socket can be switched");
        let host = listener.local_addr().expect("a bound socket has an address").to_string();
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let run = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a bound socket");
                let service = tokio::spawn(async move { axum::serve(listener, router).await });
                // Ends when the value is dropped, which drops the sender.
                drop(stopped.await);
                service.abort();
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("test-updates".to_owned()).spawn(run);
        Self { host, shared, stop: Some(stop), thread: Some(thread.expect("a thread can be started")) }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The value of `UPDATE_URL_OVERRIDE`.
    pub fn graph_url(&self) -> String {
        format!("http://{}/graph", self.host)
    }

    /// The value of `OCP_SIGNATURE_URL`.
    pub fn signature_url(&self) -> String {
        format!("http://{}/signatures/", self.host)
    }

    /// Where the graph data lies.
    pub fn graph_data_url(&self) -> String {
        format!("http://{}/graph-data", self.host)
    }

    /// Sets the graph of a channel for an architecture.
    pub fn graph(&self, arch: &str, channel: &str, graph: &Value) {
        self.answer(&graph_key(arch, channel), 200, graph.to_string());
    }

    /// Sets signature number `number` of a payload, from 1.
    pub fn signature(&self, digest: &Digest, number: u32, message: impl Into<Bytes>) {
        self.answer(&format!("/signatures/sha256={}/signature-{number}", digest.hex()), 200, message);
    }

    /// Sets the graph data: a gzip tar.
    pub fn graph_data(&self, tar_gz: impl Into<Bytes>) {
        self.answer("/graph-data", 200, tar_gz);
    }

    /// Sets the answer for a path.
    pub fn answer(&self, path: &str, status: u16, body: impl Into<Bytes>) {
        lock(&self.shared.answers).insert(path.to_owned(), (status, body.into()));
    }

    /// Forgets every answer.
    pub fn forget(&self) {
        lock(&self.shared.answers).clear();
    }

    /// Path and query of every request so far, without the random `id`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.requests).clear();
    }
}

impl Drop for UpdateService {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed already.
            drop(thread.join());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn graph_key(arch: &str, channel: &str) -> String {
    format!("{arch} {channel}")
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let url = Url::parse("http://service").and_then(|base| base.join(&request.uri().to_string()));
    let url = url.expect("a request names a URL");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| name != "id").collect();
    let shown: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let question = if shown.is_empty() { String::new() } else { format!("?{}", shown.join("&")) };
    lock(&shared.requests).push(format!("{}{question}", url.path()));
    let value = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let key = if url.path() == "/graph" { graph_key(value("arch"), value("channel")) } else { url.path().to_owned() };
    let found = lock(&shared.answers).get(&key).cloned();
    let (status, body) = found.unwrap_or_else(|| {
        (404, json!({ "kind": "not_found", "value": format!("there is nothing for {key}") }).to_string().into())
    });
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a test sets a valid status");
    response
}

/// The graph of a channel: versions with their payloads, and updates from one to another.
///
/// # Panics
/// When an update names a version that is not there.
pub fn update_graph<'a>(
    nodes: impl IntoIterator<Item = (&'a str, String)>,
    updates: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Value {
    let nodes: Vec<(&str, String)> = nodes.into_iter().collect();
    let at = |version: &str| nodes.iter().position(|(other, _)| *other == version).expect("an update between nodes");
    let edges: Vec<[usize; 2]> = updates.into_iter().map(|(from, to)| [at(from), at(to)]).collect();
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|(version, payload)| json!({ "version": version, "payload": payload, "metadata": {} }))
        .collect();
    json!({ "version": 1, "nodes": nodes, "edges": edges, "conditionalEdges": [] })
}
