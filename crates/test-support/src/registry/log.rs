//! The record of every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use http::{HeaderMap, Method, Version};

use super::target::{Kind, Target};

/// One request as the registry saw it. Cheap to clone; status and byte counts move on while the answer is on its way.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, without `?`; empty when there is none.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The protocol version.
    pub version: Version,
    /// What the path is about.
    pub kind: Kind,
    /// The repository of the path; empty when it names none.
    pub repository: String,
    /// Tag, digest or upload session of the path; empty when it names none.
    pub reference: String,
    /// Whether the request came to the second server (see [`Registry::cdn_host`](super::Registry::cdn_host)).
    pub on_cdn: bool,
    /// Which connection carried it, counted from 1 in the order of accepting.
    pub connection: u64,
    pub(super) status: Arc<AtomicU16>,
    pub(super) received: Arc<AtomicU64>,
    pub(super) sent: Arc<AtomicU64>,
}

impl Request {
    pub(super) fn new(parts: &http::request::Parts, target: &Target, on_cdn: bool, connection: u64) -> Self {
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            version: parts.version,
            kind: target.kind,
            repository: target.repository.clone(),
            reference: target.reference.clone(),
            on_cdn,
            connection,
            status: Arc::default(),
            received: Arc::default(),
            sent: Arc::default(),
        }
    }

    /// The status of the answer; 0 while there is none, or when the connection was cut before it.
    pub fn status(&self) -> u16 {
        self.status.load(Ordering::SeqCst)
    }

    /// Bytes of the request body that arrived.
    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    /// Bytes of the answer's body that were handed to the connection.
    pub fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// The value of header `name`, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
