//! Writing: mounts, blobs in one piece or in chunks, manifests, deletions.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use image_ref::{Digest, Repository};
use oci_manifest::{Descriptor, MAX_MANIFEST_BYTES, VerifiedManifest};
use url::Url;

use crate::blob::BlobSource;
use crate::call::{Call, Payload};
use crate::client::Client;
use crate::endpoint::{Endpoint, Reference};
use crate::error::{Condition, Error, Hint};
use crate::host::Host;
use crate::inner::Inner;
use crate::location::same_origin;
use crate::pull::Progress;
use crate::scope::Scope;
use crate::upload::{Push, PushJob, upload_location};
use crate::uploads::{Earlier, WORTH_REMEMBERING};

impl Client {
    /// Asks the registry for a blob before it is sent: by a mount from the repository `from` that has it, else whether
    /// this repository does. Says whether it has the blob now; nothing travels.
    ///
    /// A mount from the repository itself would ask the second question and open the session in one request. It is not
    /// used: with it, `docker-registry` 2.8 once refused a manifest whose blobs were there. Presumably a mount writes the
    /// link of a blob that is there anew, and the manifest found it empty at that moment; that was not proven.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn offer_blob(&self, at: &Endpoint, digest: &Digest, from: Option<&str>) -> Result<bool, Error> {
        match from {
            Some(from) => self.mount_blob(at, digest, from).await,
            None => Ok(self.head_blob(at, digest).await?.is_some()),
        }
    }

    /// Makes a blob of another repository of the same registry appear in this one, without moving it. `from` is the path
    /// of that repository.
    ///
    /// When the registry declines, it opens an upload session instead; [`Client::push_blob`] then uses that session.
    ///
    /// # Errors
    /// When the registry cannot be reached. Whatever else it answers (a repository that may not be read, a method that it
    /// does not know, trouble of its own) is no error: the answer is `false`. A registry that has refused several mounts in
    /// a row is not asked any more.
    pub async fn mount_blob(&self, at: &Endpoint, digest: &Digest, from: &str) -> Result<bool, Error> {
        let action = format!("mounting blob `{digest}` from `{from}` at `{at}`");
        if Repository::new(at.repository.registry(), from).is_err() {
            return Err(Error::new(Condition::Configuration, action, format!("`{from}` is no repository path")));
        }
        let host = self.inner.host(at)?;
        if !host.mounts() {
            return Ok(false);
        }
        let rest = format!("blobs/uploads/?mount={digest}&from={from}");
        let scope = Scope::push(at.repository.path()).and_pull(from);
        let mut troubled = false;
        let mut retries = self.inner.retries(at);
        loop {
            let adapt = |call: &mut Call<'_>| {
                call.method = Method::POST;
                call.accept = &[201, 202];
            };
            match self.inner.request(at, &rest, adapt, scope.clone(), &action).await {
                Ok(reply) if reply.status() == 201 => {
                    host.mount_was_refused(false);
                    reply.finish();
                    return Ok(true);
                }
                Ok(reply) => {
                    host.session_opened(reply.headers());
                    let session = upload_location(&self.inner, &host, &reply, &action).ok().flatten();
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
                // Trouble may be over in a moment. A mount is not worth more patience: the blob can still be pushed.
                Err(error)
                    if error.condition() == Condition::ServerError && !std::mem::replace(&mut troubled, true) =>
                {
                    retries.again(error, 0).await?;
                }
                Err(error) if error.status_code().is_some() && !error.asks_to_wait() => {
                    host.mount_was_refused(true);
                    tracing::debug!(%error, "the registry refused the mount");
                    return Ok(false);
                }
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }

    /// Writes a blob: one `POST`, one streaming `PUT`; in chunks when the registry wants it so. An interrupted upload
    /// continues where the registry says it stands, or starts again; with [`ClientOptions::uploads`] also one that an
    /// earlier process began. The bytes are hashed on the way unless the source is verified, and a wrong blob never
    /// reaches its end; the end of what is continued is for the registry to verify.
    ///
    /// [`ClientOptions::uploads`]: crate::ClientOptions::uploads
    ///
    /// # Errors
    /// When the source fails or has other content than `blob` says, or the registry refuses or fails too often. The
    /// upload session is cancelled, unless it is noted and a later run may go on with it.
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
        let job = PushJob { inner: &self.inner, host: &host, at, blob, source: &source, progress, action: &action };
        let uploads = self.inner.uploads.as_ref().filter(|_| blob.size >= WORTH_REMEMBERING);
        let earlier = uploads.and_then(|uploads| uploads.recall(&at.repository, &blob.digest));
        if earlier.is_none()
            && let Some((repository, earlier)) =
                uploads.and_then(|uploads| uploads.recall_elsewhere(&at.repository, &blob.digest))
        {
            // The earlier run was bringing it to another repository: that is completed, and mounted from there. A session
            // that is gone may have ended well, after the earlier run was killed. To ask costs nothing: a refused mount
            // opens the upload.
            if let Earlier::Begun(session) = earlier {
                let there = self.endpoint(&repository);
                let place = self.inner.host(&there)?;
                let push = Push::new(PushJob { host: &place, at: &there, ..job });
                Box::pin(push.complete(session)).await;
            }
            if self.mount_blob(at, &blob.digest, repository.path()).await? {
                if let Some(unused) = host.take_session(at, &blob.digest) {
                    self.inner.cancel(&host, at, &unused).await;
                }
                return Ok(());
            }
        }
        // Boxed, since callers keep their own state around it.
        Box::pin(Push::new(job).run(earlier)).await
    }

    /// Writes a manifest, byte by byte as it is, under a tag or its digest. Everything it names must be there already.
    ///
    /// # Errors
    /// When the registry refuses it, or stored something else.
    pub async fn push_manifest(
        &self,
        at: &Endpoint,
        reference: &Reference,
        manifest: &VerifiedManifest,
    ) -> Result<(), Error> {
        self.push_referrer(at, reference, manifest).await.map(drop)
    }

    /// The same for a manifest that may have a `subject`. Says whether the registry has told that it lists the manifest
    /// among the referrers of its subject (`OCI-Subject`, distribution specification, "Pushing Manifests with Subject").
    ///
    /// # Errors
    /// As [`Client::push_manifest`].
    pub async fn push_referrer(
        &self,
        at: &Endpoint,
        reference: &Reference,
        manifest: &VerifiedManifest,
    ) -> Result<bool, Error> {
        let action = format!("pushing manifest `{at}{}`", reference.suffix());
        if manifest.bytes().len() > MAX_MANIFEST_BYTES {
            let message = format!(
                "the manifest has {} bytes, more than the {} MiB that registries accept",
                manifest.bytes().len(),
                MAX_MANIFEST_BYTES / 1024 / 1024
            );
            return Err(Error::new(Condition::TooLarge, action, message));
        }
        let content_type = HeaderValue::try_from(manifest.media_type()).map_err(|_| {
            Error::new(Condition::Protocol, &*action, format!("`{}` is no media type", manifest.media_type()))
        })?;
        let mut retries = self.inner.retries(at);
        loop {
            let adapt = |call: &mut Call<'_>| {
                call.method = Method::PUT;
                call.headers.insert(CONTENT_TYPE, content_type.clone());
                call.payload = Payload::Bytes(manifest.bytes().clone());
                call.accept = &[200, 201, 202, 204];
                call.patience = self.inner.options.commit_timeout;
            };
            let scope = Scope::push(at.repository.path());
            match self.inner.request(at, &format!("manifests/{reference}"), adapt, scope, &action).await {
                Ok(reply) => {
                    let stored = reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
                    let is_listed = reply.header("oci-subject").is_some();
                    reply.finish();
                    return match stored {
                        Some(stored) if !manifest.has_digest(&stored) => Err(Error::new(
                            Condition::Protocol,
                            action,
                            format!("the registry stored digest `{stored}`, expected `{}`", manifest.digest()),
                        )
                        .with_registry(at.repository.registry())),
                        _ => Ok(is_listed),
                    };
                }
                Err(error) if was_too_early(&error) => {
                    retries.again(error.with_condition(Condition::TryAgain), 0).await?;
                }
                Err(error)
                    if error.status_code() == Some(415)
                        && manifest.media_type().starts_with("application/vnd.docker.") =>
                {
                    return Err(error.with_hint(Hint::AcceptDockerTypes));
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

    /// Removes a tag and leaves its manifest, for registries that keep the tags of a deleted manifest. A tag that is not
    /// there is no error.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn delete_tag(&self, at: &Endpoint, tag: &str) -> Result<(), Error> {
        self.delete(at, &format!("manifests/{tag}"), &format!("deleting tag `{at}:{tag}`")).await
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

    /// Cancels the upload sessions of earlier runs that this registry still has and nobody went on with. Best effort,
    /// for the end of a run that has brought everything there.
    pub async fn cancel_remembered(&self, registry: &str) {
        let Some(uploads) = &self.inner.uploads else { return };
        for (repository, session) in uploads.take_all(registry, std::time::SystemTime::now()) {
            let at = self.endpoint(&repository);
            let Ok(host) = self.inner.host(&at) else { continue };
            let Ok(base) = self.inner.base(&host, "cancelling an upload").await else { continue };
            if same_origin(&session, &base) {
                self.inner.cancel(&host, &at, &session).await;
            }
        }
    }

    async fn delete(&self, at: &Endpoint, rest: &str, action: &str) -> Result<(), Error> {
        let mut retries = self.inner.retries(at);
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

impl Inner {
    /// Cancels an upload session, if that is possible in a moment.
    pub(crate) async fn cancel(self: &Arc<Self>, host: &Arc<Host>, at: &Endpoint, session: &Url) {
        let mut call =
            Call::get(session.clone(), Scope::push(at.repository.path()), "cancelling an upload", &self.options);
        call.method = Method::DELETE;
        call.accept = &[200, 202, 204, 404, 405];
        call.patience = Duration::from_secs(5);
        match tokio::time::timeout(Duration::from_secs(5), self.call_session(host, at, call)).await {
            Ok(Ok(reply)) => reply.finish(),
            Ok(Err(error)) => tracing::debug!(%error, "an upload session could not be cancelled"),
            Err(_) => tracing::debug!("an upload session could not be cancelled in time"),
        }
    }
}

/// Whether a manifest may be taken a moment later. `docker-registry` keeps a small file for each blob of a repository, and
/// finds it empty while it is written; it then calls the blob unknown and its digest invalid in one answer. What is missing
/// for good is unknown only, what is wrong is invalid only.
fn was_too_early(error: &Error) -> bool {
    error.has_code("MANIFEST_BLOB_UNKNOWN") && error.has_code("DIGEST_INVALID")
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
