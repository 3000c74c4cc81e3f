//! Reading: manifests from the first source that has them, blobs with resume.

use std::sync::{Arc, PoisonError};

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderValue, Method};
use image_ref::{Digest, Hasher, ImageRef, Transport};
use oci_manifest::{Descriptor, MAX_MANIFEST_BYTES, VerifiedManifest, WrongDigest, media_type};

use crate::blob::BlobSink;
use crate::call::{Call, Reply, is_packed};
use crate::client::Client;
use crate::content_range;
use crate::endpoint::{Endpoint, Reference};
use crate::error::{Condition, Error};
use crate::inner::Inner;
use crate::scope::Scope;

/// Told about bytes that moved since the last call. Bytes that move twice, because a transfer has to start again, are told
/// twice; bytes that were in place before are not told.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// A manifest and the place that served it, which serves its children and blobs as well.
#[derive(Debug, Clone)]
pub struct PulledManifest {
    /// The manifest.
    pub manifest: VerifiedManifest,
    /// The repository it came from.
    pub endpoint: Endpoint,
}

impl Client {
    /// Reads a manifest from the first of the image's sources that delivers it: mirrors in order, then the primary
    /// location (`docs/behaviour/release.md` 7.3). With tag and digest, the digest counts.
    ///
    /// # Errors
    /// When no source delivers it. The message names each source and its reason.
    pub async fn pull_manifest(&self, image: &ImageRef) -> Result<PulledManifest, Error> {
        let action = format!("pulling manifest `{image}`");
        let (endpoint, manifest) = self.ask_sources::<Whole>(image, &action).await?;
        Ok(PulledManifest { manifest, endpoint })
    }

    /// Reads a manifest from one place, such as the children of an index from where the index came from.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub async fn pull_manifest_at(&self, at: &Endpoint, reference: &Reference) -> Result<VerifiedManifest, Error> {
        let action = format!("pulling manifest `{at}{}`", reference.suffix());
        let mut retries = self.inner.retries(at);
        loop {
            match self.inner.manifest_once(at, reference, &action).await {
                Ok(manifest) => return Ok(manifest),
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }

    /// Digest, size and media type of a manifest, without reading it; `None` when no source has it. Sources are walked as
    /// in [`Client::pull_manifest`].
    ///
    /// # Errors
    /// When the question could not be answered.
    pub async fn head_manifest(&self, image: &ImageRef) -> Result<Option<Descriptor>, Error> {
        let action = format!("looking up manifest `{image}`");
        let found = self.ask_sources::<Head>(image, &action).await;
        match found {
            Ok((_, descriptor)) => Ok(Some(descriptor)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same at one place, for a destination.
    ///
    /// # Errors
    /// When the question could not be answered.
    pub async fn head_manifest_at(&self, at: &Endpoint, reference: &Reference) -> Result<Option<Descriptor>, Error> {
        let action = format!("looking up manifest `{at}{}`", reference.suffix());
        let mut retries = self.inner.retries(at);
        loop {
            match self.inner.head_once(at, reference, &action).await {
                Ok(descriptor) => return Ok(Some(descriptor)),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }

    /// The same for a manifest that is pushed when it is not there. A registry that refuses the question (400, 401, 403)
    /// counts as not having the manifest: the push then tells the truth.
    ///
    /// # Errors
    /// When the question could not be answered.
    pub async fn probe_manifest_at(&self, at: &Endpoint, reference: &Reference) -> Result<Option<Descriptor>, Error> {
        match self.head_manifest_at(at, reference).await {
            Err(error) if matches!(error.status_code(), Some(400 | 401 | 403)) => {
                tracing::debug!(%error, "the registry refuses the question for a manifest");
                Ok(None)
            }
            answer => answer,
        }
    }

    /// Reads a blob into `sink`, from where the sink stands. Interrupted transfers continue with a `Range` request; the
    /// digest is verified once, over all bytes, before this returns.
    ///
    /// # Errors
    /// When the blob is not there, has another digest or size twice, cannot be read within the retries, or the sink
    /// fails. The sink then holds what was received, or nothing when that was wrong.
    pub async fn pull_blob(
        &self,
        at: &Endpoint,
        blob: &Descriptor,
        sink: &mut dyn BlobSink,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let action = format!("pulling blob `{}` from `{at}`", blob.digest);
        let local = |error| Error::local(&*action, error);
        let mut hasher = Hasher::new(blob.digest.algorithm());
        if (sink.offset() > 0 && sink.digest().is_none()) || sink.offset() > blob.size {
            sink.restart().map_err(local)?;
        }
        let hashes = sink.digest().is_some();
        let mut retries = self.inner.retries(at);
        loop {
            let error = match self.inner.blob_once(at, blob, sink, hashes, &mut hasher, progress, &action).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.condition() == Condition::Digest {
                sink.restart().map_err(local)?;
                hasher = Hasher::new(blob.digest.algorithm());
            }
            retries.again(error, sink.offset()).await?;
        }
    }

    /// The size of a blob in bytes; `None` when it is not there.
    ///
    /// # Errors
    /// When the question could not be answered.
    pub async fn head_blob(&self, at: &Endpoint, digest: &Digest) -> Result<Option<u64>, Error> {
        let action = format!("looking up blob `{digest}` at `{at}`");
        let rest = format!("blobs/{digest}");
        let mut retries = self.inner.retries(at);
        loop {
            let head = |call: &mut Call<'_>| call.method = Method::HEAD;
            let scope = self.inner.scope(at);
            match self.inner.request(at, &rest, head, scope, &action).await {
                Ok(reply) => {
                    let size = reply.header("content-length").and_then(|text| text.parse().ok());
                    reply.finish();
                    // A HEAD answer without length is an answer all the same; a range of one byte tells the rest.
                    return match size {
                        Some(size) => Ok(Some(size)),
                        None => self.size_by_range(at, digest, &action).await,
                    };
                }
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => retries.again(error, 0).await?,
            }
        }
    }

    async fn size_by_range(&self, at: &Endpoint, digest: &Digest, action: &str) -> Result<Option<u64>, Error> {
        let adapt = |call: &mut Call<'_>| {
            call.headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
            call.accept = &[200, 206];
        };
        let reply = self.inner.request(at, &format!("blobs/{digest}"), adapt, self.inner.scope(at), action).await?;
        let range = reply.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let total = range.and_then(content_range::parse).and_then(|range| range.total);
        let length = reply.header("content-length").and_then(|text| text.parse().ok());
        let size = if reply.status() == 206 { total } else { length };
        match size {
            Some(size) => Ok(Some(size)),
            None => Err(Error::new(Condition::Protocol, action, "the registry does not tell the size of the blob")),
        }
    }

    /// Asks one source after the other, and all of them again while the retry policy allows.
    async fn ask_sources<Q: Question>(&self, image: &ImageRef, action: &str) -> Result<(Endpoint, Q::Answer), Error> {
        if *image.transport() != Transport::Docker {
            let message = format!("`{}` is not read from a registry", image.transport());
            return Err(Error::new(Condition::Unsupported, action, message));
        }
        let image = image.normalized();
        let reference = match (image.digest(), image.tag()) {
            (Some(digest), _) => Reference::Digest(digest.clone()),
            (None, tag) => Reference::Tag(tag.unwrap_or("latest").to_owned()),
        };
        let mut sources = self.sources(&image)?;
        // Content named by digest is the same everywhere, so the source that had the last one may go first.
        if matches!(reference, Reference::Digest(_))
            && let Some(last) = self.served(image.name())
            && let Some(at) = sources.iter().position(|source| *source == last)
        {
            sources.get_mut(..=at).unwrap_or_default().rotate_right(1);
        }
        let mut retries = self.inner.start_retries();
        for endpoint in &sources {
            retries = retries.watching(&self.inner.host(endpoint)?);
        }
        loop {
            let mut failed: Vec<(&Endpoint, Error)> = Vec::new();
            for endpoint in &sources {
                match Q::ask(&self.inner, endpoint, &reference, action).await {
                    Ok(found) => {
                        let mut served = self.inner.served.lock().unwrap_or_else(PoisonError::into_inner);
                        served.insert(image.name().to_owned(), endpoint.clone());
                        return Ok((endpoint.clone(), found));
                    }
                    Err(error) => {
                        tracing::debug!(%endpoint, %error, "this source did not deliver");
                        self.inner.note_mirror(endpoint, &error);
                        failed.push((endpoint, error));
                    }
                }
            }
            let blocked = || self.inner.options.registries.blocked(image.name()).map(|blocked| blocked.to_string());
            // For a mirror that is passed over nobody waits.
            let given_up = self.inner.only_given_up_mirrors(&failed);
            let error = together(action, &reference, failed, blocked);
            if given_up {
                return Err(retries.end(error));
            }
            retries.again(error, 0).await?;
        }
    }

    fn served(&self, name: &str) -> Option<Endpoint> {
        self.inner.served.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// What a source is asked. (A trait, because the futures of async closures cannot be known to be `Send`.)
trait Question {
    type Answer: Send;

    fn ask(
        inner: &Arc<Inner>,
        at: &Endpoint,
        reference: &Reference,
        action: &str,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// The whole manifest.
struct Whole;

impl Question for Whole {
    type Answer = VerifiedManifest;

    async fn ask(
        inner: &Arc<Inner>,
        at: &Endpoint,
        reference: &Reference,
        action: &str,
    ) -> Result<VerifiedManifest, Error> {
        inner.manifest_once(at, reference, action).await
    }
}

/// A manifest as a registry sent it.
struct Sent {
    bytes: bytes::Bytes,
    /// The media type that the registry says it has.
    told: Option<String>,
    /// The digest that the registry says it has.
    claimed: Option<Digest>,
}

impl Sent {
    /// The manifest, when it has this digest.
    fn verify(&self, asked: &Digest) -> Result<VerifiedManifest, WrongDigest> {
        VerifiedManifest::verify(self.bytes.clone(), self.told.as_deref(), asked)
    }

    /// The manifest that a tag stands for, whatever was said of its digest.
    #[expect(clippy::disallowed_methods, reason = "a tag was asked for, and a tag promises no digest")]
    fn named(&self) -> VerifiedManifest {
        VerifiedManifest::named(self.bytes.clone(), self.told.as_deref())
    }
}

/// Its descriptor alone.
struct Head;

impl Question for Head {
    type Answer = Descriptor;

    async fn ask(inner: &Arc<Inner>, at: &Endpoint, reference: &Reference, action: &str) -> Result<Descriptor, Error> {
        inner.head_once(at, reference, action).await
    }
}

/// One error for all sources: the primary's, with the mirrors' in front (`docs/behaviour/release.md` 7.3). It may be retried
/// when any of them may.
fn together(
    action: &str,
    reference: &Reference,
    mut failed: Vec<(&Endpoint, Error)>,
    blocked: impl FnOnce() -> Option<String>,
) -> Error {
    let suffix = reference.suffix();
    // A rotated list has its primary anywhere; a blocked primary is not on the list at all.
    let primary = failed.iter().position(|(endpoint, _)| !endpoint.mirror);
    if primary.is_some() && failed.len() == 1 {
        return failed.swap_remove(0).1;
    }
    let mirrors: Vec<String> = failed
        .iter()
        .filter(|(endpoint, _)| endpoint.mirror)
        .map(|(endpoint, error)| format!("[{endpoint}{suffix}: {}]", error.message()))
        .collect();
    let last = match primary.and_then(|at| failed.get(at)) {
        Some((endpoint, error)) => format!("{endpoint}{suffix}: {}", error.message()),
        None => blocked().unwrap_or_else(|| "there is no primary location".to_owned()),
    };
    let message = format!("(Mirrors also failed: {}): {last}", mirrors.join("\n"));
    // The primary speaks for all, unless only another one is worth asking again.
    let speaker = primary.unwrap_or(failed.len() - 1);
    let worth = failed.iter().map(|(_, error)| error).find(|error| error.is_retryable());
    let worth = worth.map(Error::condition);
    let error = failed.swap_remove(speaker).1;
    let condition = worth.filter(|_| !error.is_retryable()).unwrap_or_else(|| error.condition());
    let others = failed.iter().map(|(_, error)| error).filter(|error| error.is_retryable());
    error.beside(&others).with_message(message).with_condition(condition).with_action(action)
}

impl Inner {
    /// Counts failures of a mirror to answer at all. After as many in a row as one transfer makes attempts it is given up
    /// for a while, so that a mirror that is gone does not cost every image the time of a connection that never comes
    /// about.
    fn note_mirror(&self, at: &Endpoint, error: &Error) {
        let silent = error.condition().is_unreachable() || error.condition() == Condition::Stall;
        if !at.mirror || !silent || self.is_given_up(at) {
            return;
        }
        let Ok(host) = self.host(at) else { return };
        let (missed, policy) = (host.reach.missed(), self.options.retry);
        if missed <= policy.times {
            return;
        }
        let (error, pause) = (error.clone().with_attempts(missed), policy.pause(missed, error));
        if host.reach.give_up(&error, pause) {
            self.notices.warn(format!(
                "mirror `{}` is passed over after {missed} attempt{}: {}; the next source of registries.conf is asked \
                 instead, and the mirror again every {} s",
                host.registry,
                if missed == 1 { "" } else { "s" },
                error.message(),
                pause.as_secs_f64()
            ));
        }
    }

    /// Whether whoever might answer another time is a mirror that was given up.
    fn only_given_up_mirrors(&self, failed: &[(&Endpoint, Error)]) -> bool {
        let mut worth = failed.iter().filter(|(_, error)| error.is_retryable()).peekable();
        worth.peek().is_some() && worth.all(|(endpoint, _)| endpoint.mirror && self.is_given_up(endpoint))
    }

    fn is_given_up(&self, at: &Endpoint) -> bool {
        self.host(at).is_ok_and(|host| host.reach.is_given_up())
    }

    /// Which actions a token needs: a destination needs to push sooner or later, and one token for both is enough.
    pub(crate) fn scope(&self, at: &Endpoint) -> Scope {
        match self.options.side {
            crate::Side::Source => Scope::pull(at.repository.path()),
            crate::Side::Destination => Scope::push(at.repository.path()),
        }
    }

    async fn manifest_once(
        self: &Arc<Self>,
        at: &Endpoint,
        reference: &Reference,
        action: &str,
    ) -> Result<VerifiedManifest, Error> {
        let sent = self.manifest_as_sent(at, reference, action).await?;
        let mismatch = |found: &Digest, expected: &Digest| {
            let message =
                format!("digest mismatch: the registry sent a manifest with digest `{found}`, expected `{expected}`");
            Error::new(Condition::Digest, action, message).with_registry(at.repository.registry())
        };
        if let Reference::Digest(asked) = reference {
            return sent.verify(asked).map_err(|wrong| mismatch(&wrong.found, asked));
        }
        let Some(claimed) = &sent.claimed else { return Ok(sent.named()) };
        if let Ok(manifest) = sent.verify(claimed) {
            return Ok(manifest);
        }
        // A tag promises no content, so the body counts, unless it was damaged on its way: another time it is another.
        let again = self.manifest_as_sent(at, reference, action).await?;
        let Some(claimed) = &again.claimed else { return Ok(again.named()) };
        let found = match again.verify(claimed) {
            Ok(manifest) => return Ok(manifest),
            Err(wrong) => wrong.found,
        };
        if again.bytes != sent.bytes {
            return Err(mismatch(&found, claimed));
        }
        let manifest = again.named();
        self.notices.warn_once(format!(
            "`{at}{}`: the header Docker-Content-Digest says `{claimed}`, the manifest has the digest `{}`; the manifest is \
             used. Check the registry and the proxies in front of it",
            reference.suffix(),
            manifest.digest()
        ));
        Ok(manifest)
    }

    /// A manifest as it came.
    async fn manifest_as_sent(
        self: &Arc<Self>,
        at: &Endpoint,
        reference: &Reference,
        action: &str,
    ) -> Result<Sent, Error> {
        let adapt = |call: &mut Call<'_>| {
            call.headers.insert(ACCEPT, HeaderValue::from_static(media_type::ACCEPT));
        };
        let reply = self.request(at, &format!("manifests/{reference}"), adapt, self.scope(at), action).await?;
        let told = content_type(&reply);
        let claimed = reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
        let bytes = reply.bytes(MAX_MANIFEST_BYTES, "manifest").await?;
        Ok(Sent { bytes, told, claimed })
    }

    async fn head_once(
        self: &Arc<Self>,
        at: &Endpoint,
        reference: &Reference,
        action: &str,
    ) -> Result<Descriptor, Error> {
        let adapt = |call: &mut Call<'_>| {
            call.method = Method::HEAD;
            call.headers.insert(ACCEPT, HeaderValue::from_static(media_type::ACCEPT));
        };
        let reply = match self.request(at, &format!("manifests/{reference}"), adapt, self.scope(at), action).await {
            Ok(reply) => reply,
            // Some registries do not know the method.
            Err(error) if matches!(error.status_code(), Some(405 | 501)) => {
                return Ok(self.manifest_once(at, reference, action).await?.descriptor());
            }
            Err(error) => return Err(error),
        };
        let digest = reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
        let size = reply.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        // The length of a packed body is not that of the manifest.
        let size = size.filter(|_| !is_packed(reply.headers()));
        let told = content_type(&reply);
        reply.finish();
        let digest = match (digest, reference) {
            // An answer about another manifest is none; some registries count the signatures of schema 1 in.
            (Some(told), Reference::Digest(asked)) => Some(told).filter(|told| told == asked),
            (None, Reference::Digest(asked)) => Some(asked.clone()),
            (told, Reference::Tag(_)) => told,
        };
        match (digest, size, told) {
            (Some(digest), Some(size), Some(told)) => Ok(Descriptor::new(told, digest, size)),
            // What the headers leave open, the manifest tells.
            _ => Ok(self.manifest_once(at, reference, action).await?.descriptor()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one transfer, kept by its only caller")]
    async fn blob_once(
        self: &Arc<Self>,
        at: &Endpoint,
        blob: &Descriptor,
        sink: &mut dyn BlobSink,
        hashes: bool,
        hasher: &mut Hasher,
        progress: Progress<'_>,
        action: &str,
    ) -> Result<(), Error> {
        let wrong =
            |message: String| Error::new(Condition::Digest, action, message).with_registry(at.repository.registry());
        let mut offset = sink.offset();
        if offset < blob.size || offset == 0 {
            let mut reply = self.open_blob(at, blob, offset, action).await?;
            if reply.status() != 206 && offset > 0 {
                // The registry ignores ranges and sends everything.
                sink.restart().map_err(|error| Error::local(action, error))?;
                *hasher = Hasher::new(blob.digest.algorithm());
                offset = 0;
            }
            let broken = |error: Error, offset: u64| {
                let message = format!("{} after {offset} of {} bytes", error.message(), blob.size);
                error.with_message(message)
            };
            loop {
                let chunk = match reply.chunk().await {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => break,
                    // How the connection ends behind the last byte does not matter: the digest tells.
                    Err(error) if error.condition() == Condition::Eof && offset == blob.size => break,
                    Err(error) => return Err(broken(error, offset)),
                };
                offset += chunk.len() as u64;
                if offset > blob.size {
                    return Err(wrong(format!("size mismatch: more than the {} bytes of its descriptor", blob.size)));
                }
                if !hashes {
                    hasher.update(&chunk);
                }
                sink.write(&chunk).map_err(|error| Error::local(action, error))?;
                progress(chunk.len() as u64);
            }
            if offset < blob.size {
                let message = format!("the answer ended after {offset} of {} bytes", blob.size);
                return Err(Error::new(Condition::Eof, action, message).with_registry(at.repository.registry()));
            }
            reply.finish();
        }
        let found = match sink.digest() {
            Some(digest) if hashes => digest,
            _ => hasher.clone().finish(),
        };
        if found != blob.digest {
            return Err(wrong(format!(
                "digest mismatch: the content has digest `{found}`, expected `{}`",
                blob.digest
            )));
        }
        Ok(())
    }

    /// Asks for a blob from `offset` on. The answer has status 206 and begins there, or 200 and begins at 0.
    pub(crate) async fn open_blob(
        self: &Arc<Self>,
        at: &Endpoint,
        blob: &Descriptor,
        offset: u64,
        action: &str,
    ) -> Result<Reply, Error> {
        let adapt = |call: &mut Call<'_>| {
            call.bulk = true;
            call.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            call.accept = &[200];
            if offset > 0
                && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
            {
                call.headers.insert(RANGE, range);
                call.accept = &[200, 206, 416];
            }
        };
        let reply = self.request(at, &format!("blobs/{}", blob.digest), adapt, self.scope(at), action).await?;
        let range = reply.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let misplaced = match reply.status() {
            206 => range
                .and_then(content_range::parse)
                .is_none_or(|range| range.first != offset || range.total.is_some_and(|total| total != blob.size)),
            416 => true,
            _ => false,
        };
        if misplaced {
            // Some other range than asked for is no use; the whole is asked for instead.
            drop(reply);
            let whole = |call: &mut Call<'_>| {
                call.bulk = true;
                call.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            };
            return self.request(at, &format!("blobs/{}", blob.digest), whole, self.scope(at), action).await;
        }
        Ok(reply)
    }
}

fn content_type(reply: &Reply) -> Option<String> {
    let value = reply.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (!essence.is_empty()).then_some(essence)
}
