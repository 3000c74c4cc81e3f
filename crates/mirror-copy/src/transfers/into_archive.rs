//! Source registries straight into the archive: the copy phase of mirror to disk with `--no-cache`.
//!
//! Nothing is kept but the archive. Manifests are read first, all of them: then the sizes of all blobs are known, the
//! chunks are laid out ([`crate::slots`]), and every blob streams into its place, several at a time. What earlier archives
//! hold is neither fetched nor written. What collecting had to read (catalogs, release payloads) and what this program
//! built lies in a store that goes away with the run; it is copied from there.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use archive_format::{BlobSlot, SlotWriter, WriteError};
use image_ref::Digest;
use mirror_plan::PlannedImage;
use oci_manifest::{Descriptor, ImageTree};
use oci_transport::BlobSink;

use super::bounded_or;
use super::into_store::IntoStore;
use crate::slots::{Ended, Slots};
use crate::{BlobJob, Resolved, Transfer, Transferred};
use mirror_content::advance::Advance;
use mirror_job::failure::{Condition, CopyError};
use mirror_job::guard::blocking;

/// Pulls images into an archive.
pub struct IntoArchive {
    /// Finds images and their parts; its store is the run's own and goes away with it.
    pub source: IntoStore,
    /// Where blobs and manifests go.
    pub slots: Slots,
    /// What earlier archives hold.
    pub history: HashSet<Digest>,
}

impl IntoArchive {
    /// Brings a blob into its place; the bytes that travelled. Waiting for the layout does not count as time of the
    /// transfer.
    async fn bring(&self, job: &BlobJob) -> Result<u64, CopyError> {
        let blob = &job.blob;
        let Some(slot) = self.slots.take(&blob.digest).await.map_err(|ended| no_archive(&ended))? else {
            return Ok(0);
        };
        if slot.size() != blob.size {
            return Err(CopyError::permanent(
                Condition::Manifest,
                format!(
                    "manifests disagree about the size of {}: {} and {} bytes",
                    blob.digest,
                    slot.size(),
                    blob.size
                ),
            ));
        }
        let store = &self.source.store;
        if store.blob_size(&blob.digest) == Some(blob.size) {
            let path = store.blob_path(&blob.digest);
            return blocking(move || slot.copy_from(&path)).await.map(|()| 0).map_err(|error| archive(&error));
        }
        self.stream(job, slot).await
    }

    async fn stream(&self, job: &BlobJob, slot: BlobSlot) -> Result<u64, CopyError> {
        let advance = Advance::new(&self.source.observer, &job.blob.digest, job.blob.size);
        let mut sink = SlotSink { writer: slot.open().map_err(|error| archive(&error))?, advance };
        let timeout = self.source.image_timeout;
        bounded_or(timeout, "run again", self.source.pull_from_any(job, &mut sink)).await?;
        let SlotSink { writer, advance } = sink;
        blocking(move || writer.finish()).await.map_err(|error| archive(&error))?;
        Ok(advance.told())
    }
}

fn archive(error: &WriteError) -> CopyError {
    CopyError::from_error(Condition::Archive, true, error)
}

fn no_archive(ended: &Ended) -> CopyError {
    CopyError::from_error(Condition::Archive, true, ended)
}

/// A place in the archive as the transport's sink. It hashes what it writes.
struct SlotSink {
    writer: SlotWriter,
    advance: Advance,
}

impl BlobSink for SlotSink {
    fn offset(&self) -> u64 {
        self.writer.offset()
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.writer.write(chunk)?;
        self.advance.to(self.writer.offset());
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.writer.restart()
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.writer.running_digest())
    }
}

impl Transfer for IntoArchive {
    async fn resolve(&self, at: usize, image: &PlannedImage) -> Result<Resolved, CopyError> {
        let tree = self.source.resolve(at, image).await?.tree;
        // What the store happens to hold is not in the archive yet.
        let held = |digest: &Digest| self.history.contains(digest);
        let complete = tree.manifests().all(|manifest| held(manifest.digest()))
            && tree.blobs.iter().all(|blob| held(&blob.digest));
        Ok(Resolved { tree, complete })
    }

    fn blob_repository(&self, _: &PlannedImage) -> String {
        String::new()
    }

    fn has_blob(&self, blob: &Descriptor) -> bool {
        self.history.contains(&blob.digest)
    }

    async fn transfer(&self, job: &BlobJob) -> Result<Transferred, CopyError> {
        tokio::select! {
            brought = self.bring(job) => Ok(Transferred { moved: brought? }),
            ended = self.slots.ended() => Err(no_archive(&ended)),
        }
    }

    async fn finish(&self, _: &PlannedImage, tree: &ImageTree) -> Result<(), CopyError> {
        let mut places = Vec::new();
        for manifest in tree.manifests() {
            if let Some(slot) = self.slots.take(manifest.digest()).await.map_err(|ended| no_archive(&ended))? {
                places.push((slot, manifest.hashed_bytes().clone()));
            }
        }
        let fill = move || places.into_iter().try_for_each(|(slot, bytes)| slot.fill(&bytes));
        blocking(fill).await.map_err(|error| archive(&error))
    }

    fn all_resolved(&self, trees: &[Option<Arc<ImageTree>>]) -> Result<(), CopyError> {
        self.source.all_resolved(trees)
    }

    fn failure_ends_run(&self) -> bool {
        true
    }

    fn stopped(&self) {
        self.slots.end(Ended::Stopped);
    }

    fn target_name(&self, _: &PlannedImage) -> String {
        "archive".to_owned()
    }
}
