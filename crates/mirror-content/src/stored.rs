//! Manifests and blobs of the cache and of an archive: how they are read, and how they get into the cache.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use archive_format::{Archive, PartialBlob, Store};
use image_ref::Digest;
use oci_manifest::{Descriptor, VerifiedManifest};
use oci_transport::{BlobSink, BlobSource, Client, Endpoint};

use crate::advance::Advance;
use mirror_job::event::Observer;
use mirror_job::failure::{Condition, CopyError, store as store_error, transport};
use mirror_job::guard::blocking;

/// Reads a manifest from the store, verified. A damaged copy is not there: it is fetched again and replaced.
///
/// # Errors
/// When the cache cannot be read.
pub fn stored_manifest(store: &Store, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
    store.manifest(digest).map_err(|error| store_error(&error))
}

/// A blob at its place in an archive. Whoever takes it compares its digest.
pub struct ArchiveSource {
    archive: Arc<Archive>,
    digest: Digest,
    size: u64,
}

impl ArchiveSource {
    /// The blob of this digest; reading one that is not there fails.
    pub fn new(archive: &Arc<Archive>, digest: &Digest) -> Self {
        let size = archive.blob(digest).map_or(0, |place| place.len);
        Self { archive: Arc::clone(archive), digest: digest.clone(), size }
    }
}

impl BlobSource for ArchiveSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.archive.open_blob(&self.digest, offset)?))
    }

    fn file(&self, offset: u64) -> io::Result<Option<(File, u64)>> {
        Ok(Some(self.archive.open_blob(&self.digest, offset)?.into_file()))
    }
}

/// Brings a blob from one place into the store, going on where an earlier run was interrupted.
///
/// # Errors
/// When the registry does not serve the blob, or the cache cannot be written.
pub async fn fetch_blob(
    client: &Client,
    store: &Store,
    endpoint: &Endpoint,
    blob: &Descriptor,
    observer: &Arc<dyn Observer>,
) -> Result<(), CopyError> {
    let mut sink = StoreSink::begin(store, blob, observer).await?;
    let outcome = client.pull_blob(endpoint, blob, &mut sink, &|_| {}).await;
    sink.settle(outcome.map_err(|error| transport(&error))).await.map(drop)
}

/// Copies a blob of a layout into the store, verified.
///
/// # Errors
/// When the blob cannot be read, has another digest, or the cache cannot be written.
pub fn import_blob(store: &Store, blob: &Descriptor, source: &dyn BlobSource) -> Result<(), CopyError> {
    let local = |error: io::Error| CopyError::from_error(Condition::Cache, true, &error);
    let mut partial = store.begin_blob(&blob.digest, Some(blob.size)).map_err(|error| store_error(&error))?;
    let mut reader = source.open(partial.offset()).map_err(local)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut buffer).map_err(local)? {
            0 => break,
            count => partial.write(buffer.get(..count).unwrap_or_default()).map_err(local)?,
        }
    }
    partial.finish().map_err(|error| store_error(&error))
}

/// The store's partial blob as the transport's sink. It hashes what it writes.
pub struct StoreSink {
    partial: PartialBlob,
    /// Bytes that were here before the transfer and still are.
    here: u64,
    advance: Advance,
}

impl StoreSink {
    /// Begins a blob, or goes on with what an earlier run has of it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn begin(store: &Store, blob: &Descriptor, observer: &Arc<dyn Observer>) -> Result<Self, CopyError> {
        let (store, digest, size) = (store.clone(), blob.digest.clone(), blob.size);
        // A partial blob of a killed run is hashed again, which may take a moment.
        let partial = blocking(move || store.begin_blob(&digest, Some(size))).await.map_err(|e| store_error(&e))?;
        let here = partial.offset();
        Ok(Self { partial, here, advance: Advance::new(observer, &blob.digest, size.saturating_sub(here)) })
    }

    /// Makes a blob of what arrived, or keeps it for the next attempt; the bytes that travelled.
    ///
    /// # Errors
    /// The outcome's own error; else when the cache cannot be written.
    pub async fn settle(self, outcome: Result<(), CopyError>) -> Result<u64, CopyError> {
        let Self { partial, advance, .. } = self;
        match outcome {
            Ok(()) => blocking(move || partial.finish()).await.map_err(|e| store_error(&e))?,
            Err(error) => {
                // When even that fails, it is fetched again.
                let _ = blocking(move || partial.suspend()).await;
                return Err(error);
            }
        }
        Ok(advance.told())
    }
}

impl BlobSink for StoreSink {
    fn offset(&self) -> u64 {
        self.partial.offset()
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.partial.write(chunk)?;
        self.advance.to(self.partial.offset() - self.here);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.partial.restart()?;
        self.advance.expect_more(self.here);
        self.here = 0;
        Ok(())
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.partial.running_digest())
    }
}
