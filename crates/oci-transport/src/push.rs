//! Writing: mounts, blobs in one piece or in chunks, manifests, deletions.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method};
use image_ref::{Digest, Repository};
use url::Url;

use crate::blob::BlobSource;
use crate::call::{Call, Payload, Reply, Upload, silent};
use crate::client::{Client, Inner};
use crate::content_range;
use crate::descriptor::Descriptor;
use crate::endpoint::{Endpoint, Reference};
use crate::error::{Condition, Error};
use crate::host::{Host, MINIMUM_CHUNK};
use crate::location::{self, LocationError};
use crate::manifest::{MAX_MANIFEST_BYTES, Manifest};
use crate::pull::Progress;
use crate::scope::Scope;
use crate::upload_body::{self, Part};

impl Client {
    /// Makes a blob of another repository of the same registry appear in this one, without moving it. `from` is the path
    /// of that repository.
    ///
    /// When the registry declines, it opens an upload session instead; [`Client::push_blob`] then uses that session.
    ///
    /// # Errors
    /// When the registry cannot be asked. A repository that may not be read is no error: the answer is `false`.
    pub async fn mount_blob(&self, at: &Endpoint, digest: &Digest, from: &str) -> Result<bool, Error> {
        let action = format!("mounting blob `{digest}` from `{from}` at `{at}`");
        if Repository::new(at.repository.registry(), from).is_err() {
            return Err(Error::new(Condition::Configuration, action, format!("`{from}` is no repository path")));
        }
        let host = self.inner.host(at)?;
        let rest = format!("blobs/uploads/?mount={digest}&from={from}");
        let scope = Scope::push(at.repository.path()).and_pull(from);
        let mut retries = self.inner.options.retry.start();
        loop {
            let adapt = |call: &mut Call<'_>| {
                call.method = Method::POST;
                call.accept = &[201, 202];
            };
            match self.inner.request(at, &rest, adapt, scope.clone(), &action).await {
                Ok(reply) if reply.status() == 201 => {
                    reply.finish();
                    return Ok(true);
                }
                Ok(reply) => {
                    let session = upload_location(&host, &reply, &action).ok().flatten();
                    reply.finish();
                    if let Some(session) = session {
                        let key = (at.repository.path().to_owned(), digest.clone());
                        let old = lock(&host.sessions).insert(key, session);
                        if let Some(old) = old {
                            self.inner.cancel(&host, at, &old).await;
                        }
                    }
                    return Ok(false);
                }
                // Not allowed to read the other repository, or unknown there: the blob can still be pushed.
                Err(error)
                    if matches!(
                        error.condition(),
                        Condition::Denied | Condition::NotFound | Condition::Unauthorized | Condition::Rejected
                    ) =>
                {
                    tracing::debug!(%error, "the registry refused the mount");
                    return Ok(false);
                }
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }

    /// Writes a blob: one `POST`, one streaming `PUT`; in chunks when the registry wants it so. An interrupted upload
    /// continues where the registry says it stands, or starts again. The bytes are hashed on the way unless the source is
    /// verified, and a wrong blob never reaches its end.
    ///
    /// # Errors
    /// When the source fails or has other content than `blob` says, or the registry refuses or fails too often. The
    /// upload session is cancelled.
    pub async fn push_blob(
        &self,
        at: &Endpoint,
        blob: &Descriptor,
        source: Arc<dyn BlobSource>,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let action = format!("pushing blob `{}` to `{at}`", blob.digest);
        if source.size() != blob.size {
            let message = format!("size mismatch: the content has {} bytes, expected {}", source.size(), blob.size);
            return Err(Error::new(Condition::Local, action, message));
        }
        let host = self.inner.host(at)?;
        let stored = lock(&host.sessions).remove(&(at.repository.path().to_owned(), blob.digest.clone()));
        let mut push = Push {
            inner: &self.inner,
            host: &host,
            at,
            blob,
            source: &source,
            progress,
            action: &action,
            session: stored,
            minimum: 0,
            offset: 0,
            in_chunks: host.chunked.load(Ordering::Relaxed),
            moved: 0,
        };
        let mut retries = self.inner.options.retry.start();
        loop {
            let error = match push.attempt().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.is_retryable() {
                push.find_position().await;
            }
            let progress = push.moved.max(push.offset);
            if let Err(error) = retries.again(error, progress).await {
                if let Some(session) = push.session.take() {
                    self.inner.cancel(&host, at, &session).await;
                }
                return Err(error);
            }
        }
    }

    /// Writes a manifest, byte by byte as it is, under a tag or its digest. Everything it names must be there already.
    ///
    /// # Errors
    /// When the registry refuses it, or stored something else.
    pub async fn push_manifest(&self, at: &Endpoint, reference: &Reference, manifest: &Manifest) -> Result<(), Error> {
        let action = format!("pushing manifest `{at}{}`", reference.suffix());
        if manifest.bytes.len() > MAX_MANIFEST_BYTES {
            let message = format!(
                "the manifest has {} bytes, more than the {} MiB that registries accept",
                manifest.bytes.len(),
                MAX_MANIFEST_BYTES / 1024 / 1024
            );
            return Err(Error::new(Condition::TooLarge, action, message));
        }
        let content_type = HeaderValue::try_from(&manifest.media_type).map_err(|_| {
            Error::new(Condition::Protocol, &*action, format!("`{}` is no media type", manifest.media_type))
        })?;
        let mut retries = self.inner.options.retry.start();
        loop {
            let adapt = |call: &mut Call<'_>| {
                call.method = Method::PUT;
                call.headers.insert(CONTENT_TYPE, content_type.clone());
                call.payload = Payload::Bytes(manifest.bytes.clone());
                call.accept = &[200, 201, 202, 204];
                call.patience = self.inner.options.commit_timeout;
            };
            let scope = Scope::push(at.repository.path());
            match self.inner.request(at, &format!("manifests/{reference}"), adapt, scope, &action).await {
                Ok(reply) => {
                    let stored = reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
                    reply.finish();
                    return match stored {
                        Some(stored) if !manifest.matches(&stored) => Err(Error::new(
                            Condition::Protocol,
                            action,
                            format!("the registry stored digest `{stored}`, expected `{}`", manifest.digest),
                        )
                        .with_registry(at.repository.registry())),
                        _ => Ok(()),
                    };
                }
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }

    /// Deletes a manifest by digest, and with it every tag on it. A manifest that is not there is no error.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn delete_manifest(&self, at: &Endpoint, digest: &Digest) -> Result<(), Error> {
        self.delete(at, &format!("manifests/{digest}"), &format!("deleting manifest `{at}@{digest}`")).await
    }

    /// Deletes a blob from a repository. A blob that is not there is no error.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn delete_blob(&self, at: &Endpoint, digest: &Digest) -> Result<(), Error> {
        self.delete(at, &format!("blobs/{digest}"), &format!("deleting blob `{digest}` at `{at}`")).await
    }

    /// Cancels the upload sessions that refused mounts have opened and no push has used. Best effort.
    pub async fn cancel_sessions(&self, at: &Endpoint) {
        let Ok(host) = self.inner.host(at) else { return };
        let sessions: Vec<_> = lock(&host.sessions).drain().collect();
        for ((path, _), session) in sessions {
            let Ok(repository) = Repository::new(at.repository.registry(), path) else { continue };
            self.inner.cancel(&host, &self.endpoint(&repository), &session).await;
        }
    }

    async fn delete(&self, at: &Endpoint, rest: &str, action: &str) -> Result<(), Error> {
        let mut retries = self.inner.options.retry.start();
        loop {
            let adapt = |call: &mut Call<'_>| {
                call.method = Method::DELETE;
                call.accept = &[200, 202, 204, 404, 410];
                call.patience = self.inner.options.commit_timeout;
            };
            match self.inner.request(at, rest, adapt, Scope::delete(at.repository.path()), action).await {
                Ok(reply) => {
                    reply.finish();
                    return Ok(());
                }
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }
}

/// One upload over all its attempts.
struct Push<'a> {
    inner: &'a Arc<Inner>,
    host: &'a Arc<Host>,
    at: &'a Endpoint,
    blob: &'a Descriptor,
    source: &'a Arc<dyn BlobSource>,
    progress: Progress<'a>,
    action: &'a str,
    /// The open session, and how many bytes the registry holds of it.
    session: Option<Url>,
    offset: u64,
    /// The smallest chunk the registry takes, in bytes (`OCI-Chunk-Min-Length`).
    minimum: u64,
    in_chunks: bool,
    /// The furthest byte that was ever sent.
    moved: u64,
}

impl Push<'_> {
    async fn attempt(&mut self) -> Result<(), Error> {
        let session = match self.session.clone() {
            Some(session) => session,
            None => self.start().await?,
        };
        let whole = self.offset == 0 && !self.in_chunks;
        let result = if whole { self.put_whole(session).await } else { self.put_chunks(session).await };
        match result {
            Err(error) if self.wants_chunks(&error) => {
                if let Some(refused) = self.session.take() {
                    self.inner.cancel(self.host, self.at, &refused).await;
                }
                if !self.shrink() {
                    return Err(error);
                }
                let fresh = self.start().await?;
                self.put_chunks(fresh).await
            }
            other => other,
        }
    }

    /// Whether smaller pieces may pass where this one did not: there is a limit on the size of a request, at the registry
    /// or at a proxy on the way, or uploads in one request are not offered.
    fn wants_chunks(&self, error: &Error) -> bool {
        error.condition() == Condition::TooLarge
            || (!self.in_chunks && matches!(error.status_code(), Some(405 | 411 | 501)))
    }

    /// Makes chunks the rule for this host, or halves them. False when they cannot become smaller.
    fn shrink(&mut self) -> bool {
        let size = self.host.chunk_size.load(Ordering::Relaxed);
        if self.in_chunks {
            if size / 2 < MINIMUM_CHUNK.max(self.minimum) {
                return false;
            }
            self.host.chunk_size.store(size / 2, Ordering::Relaxed);
        }
        self.in_chunks = true;
        self.host.chunked.store(true, Ordering::Relaxed);
        true
    }

    /// Opens an upload session.
    async fn start(&mut self) -> Result<Url, Error> {
        self.offset = 0;
        let adapt = |call: &mut Call<'_>| {
            call.method = Method::POST;
            call.accept = &[202];
        };
        let scope = Scope::push(self.at.repository.path());
        let reply = self.inner.request(self.at, "blobs/uploads/", adapt, scope, self.action).await?;
        self.minimum = reply.header("oci-chunk-min-length").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let session = upload_location(self.host, &reply, self.action)?.or_else(|| self.location_by_id(&reply));
        reply.finish();
        let session = session.ok_or_else(|| {
            Error::new(Condition::Protocol, self.action, "the registry opened an upload without telling where")
                .with_registry(&self.host.registry)
        })?;
        self.session = Some(session.clone());
        Ok(session)
    }

    /// Without `Location`, the identifier that most registries send besides names the session.
    fn location_by_id(&self, reply: &Reply) -> Option<Url> {
        let id = reply.header("docker-upload-uuid")?;
        let base = self.host.base.get()?;
        base.join(&format!("v2/{}/blobs/uploads/{id}", self.at.repository.path())).ok()
    }

    async fn put_whole(&mut self, session: Url) -> Result<(), Error> {
        let open = || {
            upload_body::open(
                self.source,
                Part {
                    offset: 0,
                    length: self.blob.size,
                    expected: (!self.source.is_verified()).then(|| self.blob.digest.clone()),
                },
            )
        };
        let moved = std::sync::atomic::AtomicU64::new(0);
        let told = |sent: u64| {
            moved.fetch_add(sent, Ordering::Relaxed);
            (self.progress)(sent);
        };
        let result = self
            .send(Method::PUT, location::with_digest(session, &self.blob.digest), &open, None, COMMITTED, &told)
            .await;
        self.moved = self.moved.max(moved.into_inner());
        result.map(Reply::finish)
    }

    async fn put_chunks(&mut self, mut session: Url) -> Result<(), Error> {
        while self.offset < self.blob.size {
            let size = self.host.chunk_size.load(Ordering::Relaxed).max(self.minimum);
            let length = size.min(self.blob.size - self.offset);
            let offset = self.offset;
            let open = || upload_body::open(self.source, Part { offset, length, expected: None });
            let range = format!("{offset}-{}", offset + length - 1);
            let told = self.progress;
            let reply = self.send(Method::PATCH, session.clone(), &open, Some(&range), COMMITTED, told).await?;
            // Each answer may move the session.
            session = upload_location(self.host, &reply, self.action)?.unwrap_or(session);
            let kept = reply.header("range").and_then(content_range::parse_upload).filter(|kept| *kept > 0);
            reply.finish();
            self.session = Some(session.clone());
            self.offset = kept.unwrap_or(offset + length);
            if self.offset <= offset || self.offset > offset + length {
                let message = format!("the registry holds {} bytes after byte {}", self.offset, offset + length);
                self.session = None;
                return Err(Error::new(Condition::UploadLost, self.action, message).with_registry(&self.host.registry));
            }
            self.moved = self.moved.max(self.offset);
        }
        let open = || Upload { body: Bytes::new().into(), length: 0, sent: Arc::default() };
        let url = location::with_digest(session, &self.blob.digest);
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
        let mut call = Call::get(url, Scope::push(self.at.repository.path()), self.action, &self.inner.options);
        call.method = method;
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
            call.headers.insert(CONTENT_RANGE, range);
        }
        call.payload = Payload::Stream(open);
        call.endpoint = Some(self.at);
        call.accept = accept;
        call.bulk = true;
        call.patience = self.inner.options.commit_timeout;
        call.progress = progress;
        self.inner.call(self.host, call).await.map_err(upload_error)
    }

    /// After a failure: asks the registry how much of the session it holds, or gives the session up.
    async fn find_position(&mut self) {
        let Some(session) = self.session.take() else { return };
        self.offset = 0;
        // Asking costs a round trip; for little it is quicker to start again.
        if self.moved >= crate::retry::WORTHWHILE {
            let mut call =
                Call::get(session.clone(), Scope::push(self.at.repository.path()), self.action, &self.inner.options);
            call.endpoint = Some(self.at);
            call.accept = &[202, 204];
            if let Ok(reply) = self.inner.call(self.host, call).await {
                let kept = reply.header("range").and_then(content_range::parse_upload).unwrap_or(0);
                let place =
                    upload_location(self.host, &reply, self.action).ok().flatten().unwrap_or_else(|| session.clone());
                reply.finish();
                if kept > 0 && kept <= self.blob.size {
                    self.offset = kept;
                    self.session = Some(place);
                    return;
                }
            }
        }
        self.inner.cancel(self.host, self.at, &session).await;
    }
}

/// What a registry answers when a blob is complete.
const COMMITTED: &[u16] = &[200, 201, 202, 204];

/// What the refusals of an upload mean for the next attempt.
fn upload_error(error: Error) -> Error {
    let says = |code: &str| error.codes().iter().any(|found| found == code);
    if says("DIGEST_INVALID") {
        error.with_condition(Condition::Digest)
    } else if says("BLOB_UPLOAD_UNKNOWN")
        || says("BLOB_UPLOAD_INVALID")
        || error.is_not_found()
        || error.status_code() == Some(416)
    {
        error.with_condition(Condition::UploadLost)
    } else {
        error
    }
}

impl Inner {
    /// Cancels an upload session, if that is possible in a moment.
    async fn cancel(self: &Arc<Self>, host: &Arc<Host>, at: &Endpoint, session: &Url) {
        let mut call =
            Call::get(session.clone(), Scope::push(at.repository.path()), "cancelling an upload", &self.options);
        call.method = Method::DELETE;
        call.endpoint = Some(at);
        call.accept = &[200, 202, 204, 404, 405];
        call.patience = Duration::from_secs(5);
        match tokio::time::timeout(Duration::from_secs(5), self.call(host, call)).await {
            Ok(Ok(reply)) => reply.finish(),
            Ok(Err(error)) => tracing::debug!(%error, "an upload session could not be cancelled"),
            Err(_) => tracing::debug!("an upload session could not be cancelled in time"),
        }
    }
}

/// Where an upload goes on; `None` when the answer does not tell.
fn upload_location(host: &Host, reply: &Reply, action: &str) -> Result<Option<Url>, Error> {
    let (Some(header), Some(base)) = (reply.headers().get(LOCATION), host.base.get()) else { return Ok(None) };
    let read = header.to_str().map_err(|_| LocationError::Unreadable);
    read.and_then(|header| location::session(&reply.url, base, header, host.insecure)).map(Some).map_err(|error| {
        let message = format!("the registry sends the upload to {error}");
        Error::new(Condition::Redirect, action, message).with_registry(&host.registry)
    })
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
