//! A web server with files: what a chart repository is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio_rustls::TlsAcceptor;

use crate::TestCa;

/// Files over HTTP on loopback, with a record of every request. Ends when it is dropped.
#[derive(Debug)]
pub struct WebServer {
    host: String,
    is_tls: bool,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    /// Value of the `Authorization` header without which nothing is given.
    login: Mutex<Option<String>>,
    requests: Mutex<Vec<WebRequest>>,
}

#[derive(Debug, Clone)]
enum Answer {
    File(Bytes),
    Redirect(String),
    Status(u16),
}

/// A request that a [`WebServer`] got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// The path, percent-encoded as it came, and the query.
    pub path: String,
    /// The value of the `Authorization` header.
    pub authorization: Option<String>,
}

impl WebServer {
    /// A server of plain HTTP that has no file yet.
    pub fn start_blocking() -> Self {
        Self::start(None)
    }

    /// A server of HTTPS with a certificate of `ca`.
    pub fn start_tls_blocking(ca: &TestCa) -> Self {
        Self::start(Some(ca.acceptor(false)))
    }

    fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        listener.set_nonblocking(true).expect("a socket can be switched");
        let host = listener.local_addr().expect("a bound socket has an address").to_string();
        let (shared, is_tls) = (Arc::new(Shared::default()), tls.is_some());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let state = Arc::clone(&shared);
        let run = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a bound socket");
                let service = tokio::spawn(serve(listener, tls, state));
                // Ends when the value is dropped, which drops the sender.
                drop(stopped.await);
                service.abort();
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("test-web".to_owned()).spawn(run);
        Self { host, is_tls, shared, stop: Some(stop), thread: Some(thread.expect("a thread can be started")) }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.host)
    }

    /// Sets the file at a path, which begins with `/`.
    pub fn file(&self, path: &str, content: impl Into<Bytes>) {
        self.answer(path, Answer::File(content.into()));
    }

    /// Sends whoever asks for a path to another address.
    pub fn redirect(&self, path: &str, to: impl Into<String>) {
        self.answer(path, Answer::Redirect(to.into()));
    }

    /// Answers a path with a status and no content.
    pub fn status(&self, path: &str, status: u16) {
        self.answer(path, Answer::Status(status));
    }

    fn answer(&self, path: &str, answer: Answer) {
        lock(&self.shared.answers).insert(path.to_owned(), answer);
    }

    /// Takes a file away.
    pub fn remove(&self, path: &str) {
        lock(&self.shared.answers).remove(path);
    }

    /// From now on only this user is served.
    pub fn login(&self, user: &str, password: &str) {
        *lock(&self.shared.login) = Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<WebRequest> {
        lock(&self.shared.requests).clone()
    }

    /// The paths of the requests so far.
    pub fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.requests).clear();
    }
}

impl Drop for WebServer {
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

async fn serve(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        // A failed accept concerns one client only.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let router = Router::new().fallback(move |request: Request| {
                let response = handle(&shared, &request);
                async move { response }
            });
            let (builder, service) = (Builder::new(TokioExecutor::new()), TowerToHyperService::new(router));
            // How a connection ends is the client's story.
            match tls {
                None => drop(builder.serve_connection(TokioIo::new(stream), service).await),
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        drop(builder.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}

fn handle(shared: &Shared, request: &Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    lock(&shared.requests).push(WebRequest { path: path.clone(), authorization: authorization.clone() });
    let mut response = Response::new(Body::empty());
    let login = lock(&shared.login).clone();
    if login.is_some() && login != authorization {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let challenge = HeaderValue::from_static("Basic realm=\"charts\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return response;
    }
    match lock(&shared.answers).get(&path).cloned() {
        Some(Answer::File(content)) => *response.body_mut() = Body::from(content),
        Some(Answer::Redirect(to)) => {
            *response.status_mut() = StatusCode::FOUND;
            let to = HeaderValue::from_str(&to).expect("a test sets a valid address");
            response.headers_mut().insert(header::LOCATION, to);
        }
        Some(Answer::Status(status)) => {
            *response.status_mut() = StatusCode::from_u16(status).expect("a test sets a valid status");
        }
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}
