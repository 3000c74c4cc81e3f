//! A blob of a registry as the source of an upload: from registry to registry without touching the disk.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use image_ref::Hasher;
use oci_manifest::Descriptor;

use crate::blob::BlobSource;
use crate::call::Reply;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error};
use crate::inner::Inner;
use crate::retry::Retries;

impl Client {
    /// A blob at a registry as a source for [`Client::push_blob`] of another client. It streams: interrupted reads
    /// continue by themselves, and the content is verified on the way, so that the end of a wrong blob is never sent.
    pub fn blob_source(&self, at: &Endpoint, blob: &Descriptor) -> Arc<dyn BlobSource> {
        Arc::new(RemoteBlob { inner: Arc::clone(&self.inner), at: at.clone(), blob: blob.clone() })
    }
}

struct RemoteBlob {
    inner: Arc<Inner>,
    at: Endpoint,
    blob: Descriptor,
}

impl BlobSource for RemoteBlob {
    fn size(&self) -> u64 {
        self.blob.size
    }

    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let stream = self.download(offset);
        Ok(Box::new(BlockingReader { runtime, stream, rest: Bytes::new() }))
    }

    fn stream(&self, offset: u64) -> Option<BoxStream<'static, io::Result<Bytes>>> {
        Some(self.download(offset))
    }

    fn is_verified(&self) -> bool {
        true
    }
}

impl RemoteBlob {
    fn download(&self, offset: u64) -> BoxStream<'static, io::Result<Bytes>> {
        let action = format!("pulling blob `{}` from `{}`", self.blob.digest, self.at);
        let state = Download {
            inner: Arc::clone(&self.inner),
            at: self.at.clone(),
            blob: self.blob.clone(),
            action,
            retries: self.inner.retries(&self.at),
            // From the middle on there is nothing to compare with; the destination then verifies alone.
            hasher: (offset == 0).then(|| Hasher::new(self.blob.digest.algorithm())),
            position: offset,
            skip: 0,
            reply: None,
            failed: false,
        };
        futures_util::stream::unfold(state, |mut state| async move {
            if state.failed || state.position >= state.blob.size {
                return None;
            }
            let item = state.next().await;
            state.failed = item.is_err();
            Some((item.map_err(io::Error::other), state))
        })
        .boxed()
    }
}

/// The state of one download.
struct Download {
    inner: Arc<Inner>,
    at: Endpoint,
    blob: Descriptor,
    action: String,
    retries: Retries,
    hasher: Option<Hasher>,
    position: u64,
    /// Bytes to pass over, because the registry began at the beginning.
    skip: u64,
    reply: Option<Reply>,
    failed: bool,
}

impl Download {
    /// The next piece, with retries; the last one only when the whole is right.
    async fn next(&mut self) -> Result<Bytes, Error> {
        loop {
            match self.attempt().await {
                Ok(chunk) => return Ok(chunk),
                Err(error) if error.condition() == Condition::Digest => return Err(error),
                Err(error) => {
                    self.reply = None;
                    self.retries.again(error, self.position).await?;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Bytes, Error> {
        let registry = self.at.repository.registry();
        if self.reply.is_none() {
            let reply = self.inner.open_blob(&self.at, &self.blob, self.position, &self.action).await?;
            self.skip = if reply.status() == 206 { 0 } else { self.position };
            self.reply = Some(reply);
        }
        let reply = self.reply.as_mut().expect("it was opened just now");
        loop {
            let Some(mut chunk) = reply.chunk().await? else {
                let message = format!("the answer ended after {} of {} bytes", self.position, self.blob.size);
                return Err(Error::new(Condition::Eof, &*self.action, message).with_registry(registry));
            };
            let passed = self.skip.min(chunk.len() as u64);
            self.skip -= passed;
            chunk = chunk.slice(usize::try_from(passed).expect("not more than the chunk has")..);
            if chunk.is_empty() {
                continue;
            }
            let after = self.position + chunk.len() as u64;
            if after > self.blob.size {
                let message = format!("size mismatch: more than the {} bytes of its descriptor", self.blob.size);
                return Err(Error::new(Condition::Digest, &*self.action, message).with_registry(registry));
            }
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&chunk);
            }
            self.position = after;
            if after == self.blob.size {
                if let Some(hasher) = self.hasher.take() {
                    let found = hasher.finish();
                    if found != self.blob.digest {
                        let message = format!(
                            "digest mismatch: the content has digest `{found}`, expected `{}`",
                            self.blob.digest
                        );
                        return Err(Error::new(Condition::Digest, &*self.action, message).with_registry(registry));
                    }
                }
                if let Some(reply) = self.reply.take() {
                    reply.finish();
                }
            }
            return Ok(chunk);
        }
    }
}

/// The stream for whoever reads in a blocking thread.
struct BlockingReader {
    runtime: tokio::runtime::Handle,
    stream: BoxStream<'static, io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for BlockingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(chunk) => self.rest = chunk?,
                None => return Ok(0),
            }
        }
        let count = (&self.rest[..]).read(buffer)?;
        self.rest.advance(count);
        Ok(count)
    }
}
