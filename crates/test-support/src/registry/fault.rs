//! Faults as data: when something goes wrong, and what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use image_ref::Digest;
use regex::Regex;

use super::log::Request;
use super::target::Kind;

/// Which requests are meant. Every condition that is set must hold; a fresh matcher matches everything.
#[derive(Debug, Clone)]
pub struct When {
    method: Option<Method>,
    kind: Option<Kind>,
    path: Option<Regex>,
    reference: Option<String>,
    repository: Option<String>,
    query: Option<Regex>,
    skip: u64,
    times: u64,
}

impl When {
    /// Every request.
    pub fn any() -> Self {
        Self {
            method: None,
            kind: None,
            path: None,
            reference: None,
            repository: None,
            query: None,
            skip: 0,
            times: u64::MAX,
        }
    }

    /// Requests of this kind.
    pub fn kind(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::any() }
    }

    /// Requests whose path matches this regular expression.
    pub fn path(pattern: &str) -> Self {
        Self { path: Some(Regex::new(pattern).expect("a test writes a valid pattern")), ..Self::any() }
    }

    /// Only with this method, such as `GET`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.parse().expect("a test writes a valid method"));
        self
    }

    /// Only about this digest: as reference in the path, or as `digest=` or `mount=` of an upload.
    #[must_use]
    pub fn digest(self, digest: &Digest) -> Self {
        self.reference(&digest.to_string())
    }

    /// Only about this tag, digest or upload session.
    #[must_use]
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = Some(reference.to_owned());
        self
    }

    /// Only in this repository.
    #[must_use]
    pub fn repository(mut self, repository: &str) -> Self {
        self.repository = Some(repository.to_owned());
        self
    }

    /// Only with a query that matches this regular expression.
    #[must_use]
    pub fn query(mut self, pattern: &str) -> Self {
        self.query = Some(Regex::new(pattern).expect("a test writes a valid pattern"));
        self
    }

    /// Only the `n`th matching request, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        (self.skip, self.times) = (n.saturating_sub(1), 1);
        self
    }

    /// Leaves the first `count` matching requests alone.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// At most `count` matching requests.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = count;
        self
    }

    /// Only the first matching request.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Whether `request` fulfils the conditions; `nth`, `after` and `times` are not looked at.
    pub fn matches(&self, request: &Request) -> bool {
        let names = |reference: &String| {
            let in_query = || {
                url::form_urlencoded::parse(request.query.as_bytes())
                    .any(|(key, value)| matches!(&*key, "digest" | "mount") && value == reference.as_str())
            };
            request.reference == *reference || in_query()
        };
        self.method.as_ref().is_none_or(|method| *method == request.method)
            && self.kind.is_none_or(|kind| kind == request.kind)
            && self.path.as_ref().is_none_or(|path| path.is_match(&request.path))
            && self.query.as_ref().is_none_or(|query| query.is_match(&request.query))
            && self.repository.as_ref().is_none_or(|repository| *repository == request.repository)
            && self.reference.as_ref().is_none_or(names)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Answers with this status, these headers and the registry's error JSON of this code. The body of the request is
    /// read to its end first.
    Status {
        /// The HTTP status.
        code: u16,
        /// Extra headers, such as `Retry-After`.
        headers: Vec<(String, String)>,
        /// The body; without one, the error JSON that belongs to the status.
        body: Option<String>,
    },
    /// Resets the connection (RST) before anything is answered.
    ResetConnection,
    /// Closes the connection without an answer.
    CloseConnection,
    /// The answer's body ends after so many bytes, and the connection closes; the headers promise the whole. On HTTP/2 the
    /// stream is reset (`RST_STREAM`), and the connection stays.
    CloseAfter(u64),
    /// Like [`CloseAfter`](Self::CloseAfter), with a reset.
    ResetAfter(u64),
    /// The body pauses after so many bytes for so long: that of the request when it is a write, else the answer's.
    Stall {
        /// Bytes before the pause.
        after: u64,
        /// How long it lasts.
        pause: Duration,
    },
    /// Waits before answering.
    Delay(Duration),
    /// One bit of the answer's body is flipped, in the byte at this offset of the body.
    WrongBytes(u64),
    /// `Docker-Content-Digest` names another digest.
    WrongDigestHeader,
    /// No `Docker-Content-Digest`.
    NoDigestHeader,
    /// The answer's body is packed with gzip, as some proxies do unasked.
    Gzip,
    /// `Content-Length` is this much larger than the body, which then ends early.
    WrongLength(u64),
    /// No `Content-Length`: the answer is chunked.
    NoLength,
    /// The answer ends with the connection, as in HTTP/1.0, and nothing else tells its length. (Not on HTTP/2.)
    UntilClose,
    /// TLS ends without `close_notify` when the connection does: a man in the middle may have cut it.
    NoCloseNotify,
    /// No `Location`.
    NoLocation,
    /// `Location` without scheme and host. (The registry's own are absolute.)
    RelativeLocation,
    /// `Location` on the second server, another host for every client.
    LocationOnCdn,
    /// `Location` at this `host:port`, which may be another name of the registry.
    LocationAt(String),
    /// Blob reads are redirected (307) to the second server.
    RedirectToCdn,
    /// Redirected (307) to this URL.
    Redirect(String),
    /// Another `Content-Type`, or none.
    ContentType(Option<String>),
    /// `Range` is not looked at: 200 with the whole body.
    IgnoreRange,
    /// All tokens issued so far stop being valid, before this request is looked at.
    ExpireTokens,
    /// A mount becomes an ordinary upload (202).
    RefuseMount,
    /// Uploads in one request are refused: `POST ?digest=` starts a session, a first `PUT` with a body answers 405.
    RefuseMonolithic,
    /// The connection is reset when so many bytes of the request body were taken; they count as arrived.
    DisconnectUploadAfter(u64),
    /// The body moves at most this many bytes a second: that of the request when it is a write, else the answer's.
    Slow(u64),
    /// `Location` leads below this path; the registry answers there too (`UPLOAD_PATHS`).
    LocationBelow(&'static str),
    /// A request with a body of more bytes is answered with this status: 413 where a proxy says so, 416 where a registry does.
    LargestBody {
        /// Bytes that are taken.
        bytes: u64,
        /// The answer to more.
        status: u16,
    },
    /// `Content-Type` ends with `; charset=utf-8`.
    Charset,
    /// `HEAD` tells neither digest nor media type of a manifest.
    BareHead,
    /// A manifest that is not there is answered with this status.
    UnknownIs(u16),
    /// A manifest that is no image or list of images is answered with this status.
    RefuseArtifacts(u16),
    /// A manifest with an OCI media type is answered with this status.
    RefuseOci(u16),
    /// A manifest that a tag names cannot be deleted: 400 `GOOGLE_MANIFEST_DANGLING_TAG`.
    KeepTagged,
    /// A manifest that a list names cannot be deleted: 400 `GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE`.
    KeepInstances,
    /// A repository that nobody made is unknown, for pushes too: 404 `NAME_UNKNOWN`.
    RequireRepository,
    /// The basic challenge is written in capitals.
    BasicInCapitals,
    /// Writes answer 405 `UNSUPPORTED`, as a read-only `docker-registry` does.
    ReadOnly,
    /// 403 `DENIED`.
    Denied,
    /// The server asks to move to a new connection: GOAWAY on HTTP/2, `Connection: close` on HTTP/1.1.
    GoAway,
}

impl Effect {
    /// The registry's error answer with this status.
    pub fn status(code: u16) -> Self {
        Self::Status { code, headers: Vec::new(), body: None }
    }

    /// An error answer with `Retry-After`, in seconds.
    pub fn retry_after(code: u16, seconds: u64) -> Self {
        Self::Status { code, headers: vec![("Retry-After".to_owned(), seconds.to_string())], body: None }
    }
}

/// A matcher and what happens to the requests it selects.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests.
    pub when: When,
    /// What happens.
    pub what: Effect,
}

impl Fault {
    /// `what` happens to the requests of `when`.
    pub fn new(when: When, what: Effect) -> Self {
        Self { when, what }
    }
}

/// A fault that was switched on: tells how often it struck, and can be switched off.
#[derive(Debug, Clone)]
pub struct ActiveFault {
    fault: Arc<Fault>,
    seen: Arc<AtomicU64>,
    hits: Arc<AtomicU64>,
    off: Arc<std::sync::atomic::AtomicBool>,
}

impl ActiveFault {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault: Arc::new(fault), seen: Arc::default(), hits: Arc::default(), off: Arc::default() }
    }

    /// How many requests it has struck.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }

    /// Switches it off.
    pub fn stop(&self) {
        self.off.store(true, Ordering::SeqCst);
    }

    pub(super) fn strike(&self, request: &Request) -> Option<Effect> {
        if self.off.load(Ordering::SeqCst) || !self.fault.when.matches(request) {
            return None;
        }
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        let when = &self.fault.when;
        if seen < when.skip || seen - when.skip >= when.times {
            return None;
        }
        self.hits.fetch_add(1, Ordering::SeqCst);
        Some(self.fault.what.clone())
    }
}
