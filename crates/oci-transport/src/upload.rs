//! One upload over all its attempts: in one piece or in chunks, continued where it broke off, noted for the next run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method};
use url::Url;

use crate::blob::BlobSource;
use crate::call::{Call, Payload, Reply, Upload, silent};
use crate::content_range;
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error, Hint};
use crate::host::{Host, MINIMUM_CHUNK};
use crate::inner::Inner;
use crate::location::{self, LocationError, same_origin};
use crate::pull::Progress;
use crate::scope::Scope;
use crate::upload_body;
use crate::upload_pieces::Part;
use crate::uploads::{Session, Uploads, WORTH_REMEMBERING};
use oci_manifest::Descriptor;

/// What is to be brought where.
#[derive(Clone, Copy)]
pub(crate) struct PushJob<'a> {
    pub(crate) inner: &'a Arc<Inner>,
    pub(crate) host: &'a Arc<Host>,
    pub(crate) at: &'a Endpoint,
    pub(crate) blob: &'a Descriptor,
    pub(crate) source: &'a Arc<dyn BlobSource>,
    pub(crate) progress: Progress<'a>,
    /// For messages.
    pub(crate) action: &'a str,
}

/// One upload over all its attempts.
pub(crate) struct Push<'a> {
    job: PushJob<'a>,
    /// The open session, and how many bytes the registry holds of it.
    session: Option<Url>,
    offset: u64,
    /// Something broke off since, so that the registry is to be asked how much it holds.
    unsure: bool,
    /// An empty session that a refused mount has opened.
    offered: Option<Url>,
    in_chunks: bool,
    /// The furthest byte that was ever sent.
    moved: u64,
}

impl<'a> Push<'a> {
    /// An upload that has not begun. It takes the session that a refused mount of the blob has opened, if there is one.
    pub(crate) fn new(job: PushJob<'a>) -> Self {
        Self {
            job,
            session: None,
            offered: job.host.take_session(job.at, &job.blob.digest),
            offset: 0,
            unsure: false,
            in_chunks: job.host.chunked.load(Ordering::Relaxed),
            moved: 0,
        }
    }

    /// Brings the upload of an earlier run to its end, if the registry still holds something of it. Whether the blob is
    /// there then, the registry will tell.
    pub(crate) async fn complete(mut self, session: Session) {
        self.recall(session).await;
        let done = match self.find_position().await {
            Ok(()) => match self.session.clone() {
                Some(session) => self.put_chunks(session).await,
                None => return,
            },
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => self.close().await,
            Err(error) => {
                tracing::debug!(%error, "an upload of an earlier run cannot be completed");
                self.give_up(&error).await;
            }
        }
    }

    /// Attempts until the blob is there or the retry policy ends it. `earlier` is the session of an earlier run.
    pub(crate) async fn run(mut self, earlier: Option<Session>) -> Result<(), Error> {
        if let Some(session) = earlier {
            self.recall(session).await;
        }
        let mut retries = self.job.inner.retries(self.job.at);
        loop {
            let error = match self.attempt().await {
                Ok(()) => {
                    self.close().await;
                    return Ok(());
                }
                Err(error) => error,
            };
            if error.condition() == Condition::Digest {
                // Whoever is wrong, what the session holds is of no use.
                self.abandon().await;
            }
            self.unsure = self.session.is_some();
            let progress = self.moved.max(self.offset);
            if let Err(error) = retries.again(error, progress).await {
                self.give_up(&error).await;
                return Err(error);
            }
        }
    }

    /// Takes up the session that an earlier run noted.
    async fn recall(&mut self, session: Session) {
        // Credentials go with it, so it must be the registry's own.
        match self.job.inner.base(self.job.host, self.job.action).await {
            Ok(base) if same_origin(&session.place, &base) => {
                // A registry that this process has asked for a session has said it better.
                let unheard = &self.job.host.minimum_chunk;
                let _ = unheard.compare_exchange(0, session.minimum_chunk, Ordering::Relaxed, Ordering::Relaxed);
                // The registry held something of it, or it would not be worth asking.
                (self.session, self.unsure, self.moved) = (Some(session.place), true, crate::retry::WORTHWHILE);
            }
            Ok(_) => self.forget(),
            // The first attempt will tell.
            Err(_) => {}
        }
    }

    /// Where sessions are noted, for a blob that is worth it.
    fn uploads(&self) -> Option<&Uploads> {
        self.job.inner.uploads.as_ref().filter(|_| self.job.blob.size >= WORTH_REMEMBERING)
    }

    /// The session is at `place` now.
    fn moved_to(&mut self, place: Url) {
        if let (Some(uploads), Some(base)) = (self.uploads(), self.job.host.base.get())
            && same_origin(&place, base)
        {
            let minimum_chunk = self.job.host.minimum_chunk.load(Ordering::Relaxed);
            let session = Session { place: place.clone(), minimum_chunk };
            uploads.remember(&self.job.at.repository, &self.job.blob.digest, &session);
        }
        self.session = Some(place);
    }

    fn forget(&self) {
        if let Some(uploads) = self.uploads() {
            uploads.forget(&self.job.at.repository, &self.job.blob.digest);
        }
    }

    /// Gives the session up: what was sent of the blob is sent again.
    async fn abandon(&mut self) {
        self.offset = 0;
        self.unsure = false;
        let Some(session) = self.session.take() else { return };
        self.forget();
        self.job.inner.cancel(self.job.host, self.job.at, &session).await;
    }

    /// The blob is there.
    async fn close(&mut self) {
        if let Some(uploads) = self.uploads() {
            uploads.complete(&self.job.at.repository, &self.job.blob.digest);
        }
        if let Some(unused) = self.offered.take() {
            self.job.inner.cancel(self.job.host, self.job.at, &unused).await;
        }
    }

    /// After the last attempt. A registry that could not be reached may still hold what was sent, for the next run.
    async fn give_up(&mut self, error: &Error) {
        let may_go_on = error.is_retryable() && !matches!(error.condition(), Condition::Digest | Condition::UploadLost);
        if !(may_go_on && self.uploads().is_some()) {
            self.abandon().await;
        }
        if let Some(unused) = self.offered.take() {
            self.job.inner.cancel(self.job.host, self.job.at, &unused).await;
        }
    }

    async fn attempt(&mut self) -> Result<(), Error> {
        if self.unsure {
            self.find_position().await?;
        }
        let session = if let Some(session) = self.session.clone() {
            session
        } else if let Some(offered) = self.offered.take() {
            self.moved_to(offered.clone());
            offered
        } else {
            self.start().await?
        };
        let whole = self.offset == 0 && !self.in_chunks;
        let mut result = if whole { self.put_whole(session).await } else { self.put_chunks(session).await };
        // A limit is found by halves; each refusal makes the chunks of all further blobs smaller too.
        while let Err(error) = &result
            && self.wants_chunks(error)
        {
            self.abandon().await;
            if !self.shrink() {
                break;
            }
            let fresh = self.start().await?;
            result = self.put_chunks(fresh).await;
        }
        result
    }

    /// Whether smaller pieces may pass where this one did not: there is a limit on the size of a request, at the registry
    /// or at a proxy on the way, or uploads in one request are not offered.
    fn wants_chunks(&self, error: &Error) -> bool {
        error.condition() == Condition::TooLarge
            // What begins at the first byte cannot be out of range: GitHub's registry says so of chunks that are too large.
            || (self.offset == 0 && error.status_code() == Some(416))
            || (!self.in_chunks
                && match error.status_code() {
                    Some(405 | 411 | 501) => true,
                    // Some registries call a method bad that they do not know. A wrong digest stays wrong in pieces.
                    Some(400) => !error.has_code("DIGEST_INVALID"),
                    _ => false,
                })
    }

    /// Makes chunks the rule for this host, or halves them. False when they cannot become smaller.
    fn shrink(&mut self) -> bool {
        let size = self.job.host.chunk_size.load(Ordering::Relaxed);
        if self.in_chunks {
            if size / 2 < MINIMUM_CHUNK.max(self.job.host.minimum_chunk.load(Ordering::Relaxed)) {
                return false;
            }
            self.job.host.chunk_size.store(size / 2, Ordering::Relaxed);
        }
        self.in_chunks = true;
        self.job.host.chunked.store(true, Ordering::Relaxed);
        true
    }

    /// Opens an upload session.
    async fn start(&mut self) -> Result<Url, Error> {
        self.offset = 0;
        let adapt = |call: &mut Call<'_>| {
            call.method = Method::POST;
            call.accept = &[202];
        };
        let scope = Scope::push(self.job.at.repository.path());
        let reply = self.job.inner.request(self.job.at, "blobs/uploads/", adapt, scope, self.job.action).await;
        let reply = reply.map_err(|error| match error.status_code() {
            Some(405) => error.with_hint(Hint::ReadOnly),
            Some(404) => error.with_hint(Hint::CreateRepository { repository: self.job.at.to_string() }),
            _ => error,
        })?;
        self.job.host.session_opened(reply.headers());
        let session = upload_location(self.job.inner, self.job.host, &reply, self.job.action)?
            .or_else(|| self.location_by_id(&reply));
        reply.finish();
        let session = session.ok_or_else(|| {
            Error::new(Condition::Protocol, self.job.action, "the registry opened an upload without telling where")
                .with_registry(&self.job.host.registry)
        })?;
        self.moved_to(session.clone());
        Ok(session)
    }

    /// Without `Location`, the identifier that most registries send besides names the session.
    fn location_by_id(&self, reply: &Reply) -> Option<Url> {
        let id = reply.header("docker-upload-uuid")?;
        let base = self.job.host.base.get()?;
        base.join(&format!("v2/{}/blobs/uploads/{id}", self.job.at.repository.path())).ok()
    }

    async fn put_whole(&mut self, session: Url) -> Result<(), Error> {
        let open = || {
            upload_body::open(
                self.job.source,
                Part {
                    offset: 0,
                    length: self.job.blob.size,
                    expected: (!self.job.source.is_verified()).then(|| self.job.blob.digest.clone()),
                },
                self.job.inner.options.bandwidth.as_ref(),
            )
        };
        let moved = std::sync::atomic::AtomicU64::new(0);
        let told = |sent: u64| {
            moved.fetch_add(sent, Ordering::Relaxed);
            (self.job.progress)(sent);
        };
        let result = self
            .send(Method::PUT, location::with_digest(session, &self.job.blob.digest), &open, None, COMMITTED, &told)
            .await;
        self.moved = self.moved.max(moved.into_inner());
        result.map(Reply::finish)
    }

    async fn put_chunks(&mut self, mut session: Url) -> Result<(), Error> {
        while self.offset < self.job.blob.size {
            let host = self.job.host;
            let size = host.chunk_size.load(Ordering::Relaxed).max(host.minimum_chunk.load(Ordering::Relaxed));
            let length = size.min(self.job.blob.size - self.offset);
            let offset = self.offset;
            let bandwidth = self.job.inner.options.bandwidth.as_ref();
            let open = || upload_body::open(self.job.source, Part { offset, length, expected: None }, bandwidth);
            let range = format!("{offset}-{}", offset + length - 1);
            let told = self.job.progress;
            let reply = self.send(Method::PATCH, session.clone(), &open, Some(&range), COMMITTED, told).await?;
            // Each answer may move the session.
            session = upload_location(self.job.inner, self.job.host, &reply, self.job.action)?.unwrap_or(session);
            let kept = reply.header("range").and_then(content_range::parse_upload).filter(|kept| *kept > 0);
            reply.finish();
            self.moved_to(session.clone());
            self.offset = kept.unwrap_or(offset + length);
            if self.offset <= offset || self.offset > offset + length {
                let message = format!("the registry holds {} bytes after byte {}", self.offset, offset + length);
                self.session = None;
                self.forget();
                return Err(
                    Error::new(Condition::UploadLost, self.job.action, message).with_registry(&self.job.host.registry)
                );
            }
            self.moved = self.moved.max(self.offset);
        }
        let open = || Upload { body: Bytes::new().into(), length: 0, sent: Arc::default(), held: Arc::default() };
        let url = location::with_digest(session, &self.job.blob.digest);
        let reply = self.send(Method::PUT, url, &open, None, COMMITTED, &silent).await?;
        reply.finish();
        Ok(())
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        open: &(dyn Fn() -> Upload + Send + Sync),
        range: Option<&str>,
        accept: &[u16],
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Reply, Error> {
        let mut call =
            Call::get(url, Scope::push(self.job.at.repository.path()), self.job.action, &self.job.inner.options);
        call.method = method;
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
            call.headers.insert(CONTENT_RANGE, range);
        }
        call.payload = Payload::Stream(open);
        call.accept = accept;
        call.bulk = true;
        call.patience = self.job.inner.options.commit_timeout;
        call.progress = progress;
        self.job.inner.call_session(self.job.host, self.job.at, call).await.map_err(upload_error)
    }

    /// After a failure, or at the beginning of what an earlier run left: asks the registry how much of the session it holds,
    /// or gives the session up.
    ///
    /// # Errors
    /// When there is no answer: the session may still be there.
    async fn find_position(&mut self) -> Result<(), Error> {
        let Some(session) = self.session.clone() else { return Ok(()) };
        // Asking costs a round trip; for little it is quicker to start again.
        if self.moved < crate::retry::WORTHWHILE {
            self.abandon().await;
            return Ok(());
        }
        let mut call = Call::get(
            session.clone(),
            Scope::push(self.job.at.repository.path()),
            self.job.action,
            &self.job.inner.options,
        );
        call.accept = &[202, 204];
        match self.job.inner.call_session(self.job.host, self.job.at, call).await {
            Ok(reply) => {
                let kept = reply.header("range").and_then(content_range::parse_upload).unwrap_or(0);
                let place = upload_location(self.job.inner, self.job.host, &reply, self.job.action).ok().flatten();
                reply.finish();
                if kept > 0 && kept <= self.job.blob.size {
                    tracing::debug!(action = self.job.action, kept, "going on with an upload");
                    self.offset = kept;
                    self.unsure = false;
                    self.moved_to(place.unwrap_or(session));
                } else {
                    self.abandon().await;
                }
                Ok(())
            }
            // `docker-registry` answers so once an upload broke off in the middle of a request.
            Err(error) if error.is_not_found() => {
                tracing::debug!(%error, "the registry does not go on with an upload");
                (self.session, self.offset, self.unsure) = (None, 0, false);
                self.forget();
                Ok(())
            }
            Err(error)
                if error.is_retryable() && error.status_code().is_none() && error.condition() != Condition::Stall =>
            {
                Err(error)
            }
            Err(error) => {
                tracing::debug!(%error, "the registry does not tell how much it holds of an upload");
                self.abandon().await;
                Ok(())
            }
        }
    }
}

/// What a registry answers when a blob is complete.
const COMMITTED: &[u16] = &[200, 201, 202, 204];

/// What the refusals of an upload mean for the next attempt.
fn upload_error(error: Error) -> Error {
    if error.has_code("DIGEST_INVALID") {
        error.with_condition(Condition::Digest)
    } else if error.has_code("BLOB_UPLOAD_UNKNOWN")
        || error.has_code("BLOB_UPLOAD_INVALID")
        || error.is_not_found()
        || error.status_code() == Some(416)
    {
        error.with_condition(Condition::UploadLost)
    } else {
        error
    }
}

/// Where an upload goes on; `None` when the answer does not tell.
pub(crate) fn upload_location(inner: &Inner, host: &Host, reply: &Reply, action: &str) -> Result<Option<Url>, Error> {
    let (Some(header), Some(base)) = (reply.headers().get(LOCATION), host.base.get()) else { return Ok(None) };
    let read = header.to_str().map_err(|_| LocationError::Unreadable);
    read.and_then(|header| location::session(&reply.url, base, header, host.insecure)).map(Some).map_err(|error| {
        let message = format!("the registry sends the upload to {error}");
        Error::new(Condition::Redirect, action, message).with_registry(&host.registry).redacted(&inner.options.redactor)
    })
}
