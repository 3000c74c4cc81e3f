//! Content by digest, wherever it lies: one set of questions, and one rule for what is damaged in each place.
//!
//! | place | damaged means |
//! |---|---|
//! | [`Cached`] | absent: whoever has the source fetches it again and replaces it |
//! | [`Archived`] | an error: an operator has to bring the file again |
//! | [`Remote`], [`ImageSource`] | an error of the registry or the layout, tried again as its client does |
//!
//! [`FirstOf`] asks one place after the other; [`Brought`] is an archive with the cache beside it, for which the order
//! depends on the question.

use std::future::Future;
use std::sync::Arc;

use archive_format::{Archive, ArchiveError, Store};
use image_ref::Digest;
use mirror_job::failure::{Condition, CopyError, store as store_error, transport};
use mirror_plan::CacheName;
use oci_manifest::{Descriptor, VerifiedManifest};
use oci_transport::{BlobSource, Client, Endpoint, FileSource, ImageSource, Reference};

use crate::stored::{ArchiveSource, stored_manifest};

/// A place that content is read from.
pub trait ContentSource: Sync {
    /// A manifest, verified; `None` when the place does not have it.
    ///
    /// # Errors
    /// When the place cannot be asked, or has something else under this digest; see the table above.
    fn manifest(&self, digest: &Digest) -> impl Future<Output = Result<Option<VerifiedManifest>, CopyError>> + Send;

    /// A blob to read; `None` when the place does not have it. Registries and layouts are not asked: reading tells. Whoever
    /// takes the bytes compares their digest.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn blob(&self, blob: &Descriptor) -> impl Future<Output = Result<Option<Arc<dyn BlobSource>>, CopyError>> + Send;

    /// How many bytes a blob has here; `None` when the place does not have it. A descriptor of size 0 asks for any size.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn size(&self, blob: &Descriptor) -> impl Future<Output = Result<Option<u64>, CopyError>> + Send;

    /// What a name stands for here.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn tag(&self, name: &CacheName) -> impl Future<Output = Result<Option<Digest>, CopyError>> + Send;
}

/// A place on this machine: it answers at once. Each is a [`ContentSource`], too.
pub trait LocalContent: Sync {
    /// As [`ContentSource::manifest`].
    ///
    /// # Errors
    /// As there.
    fn read_manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError>;

    /// As [`ContentSource::blob`].
    ///
    /// # Errors
    /// As there.
    fn open_blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError>;

    /// As [`ContentSource::size`].
    fn blob_size(&self, blob: &Descriptor) -> Option<u64>;

    /// As [`ContentSource::tag`], by repository and tag.
    ///
    /// # Errors
    /// As there.
    fn resolve_tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, CopyError>;
}

impl<L: LocalContent> ContentSource for L {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        self.read_manifest(digest)
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        self.open_blob(blob)
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        Ok(self.blob_size(blob))
    }

    async fn tag(&self, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        self.resolve_tag(&name.repository, &name.tag)
    }
}

/// The cache. What is damaged in it is not there.
#[derive(Debug, Clone)]
pub struct Cached(pub Store);

impl LocalContent for Cached {
    fn read_manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        stored_manifest(&self.0, digest)
    }

    fn open_blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        if self.blob_size(blob).is_none() {
            return Ok(None);
        }
        let source = FileSource::new(self.0.blob_path(&blob.digest));
        source
            .map(|source| Some(Arc::new(source) as _))
            .map_err(|error| CopyError::from_error(Condition::Cache, true, &error))
    }

    /// After a loss of power a file may be shorter than what was written: such a blob is not there.
    fn blob_size(&self, blob: &Descriptor) -> Option<u64> {
        self.0.blob_size(&blob.digest).filter(|size| blob.size == 0 || *size == blob.size)
    }

    fn resolve_tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, CopyError> {
        self.0.resolve_tag(repository, tag).map_err(|error| store_error(&error))
    }
}

/// An archive. What is damaged in it is an error, since nobody but its operator can mend it.
#[derive(Debug, Clone)]
pub struct Archived(pub Arc<Archive>);

impl LocalContent for Archived {
    fn read_manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        match self.0.manifest(digest) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(ArchiveError::MissingBlob(_)) => Ok(None),
            Err(error) => Err(CopyError::from_error(Condition::Archive, false, &error)),
        }
    }

    fn open_blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        let source = || Arc::new(ArchiveSource::new(&self.0, &blob.digest)) as _;
        Ok(self.0.blob(&blob.digest).map(|_| source()))
    }

    fn blob_size(&self, blob: &Descriptor) -> Option<u64> {
        self.0.blob(&blob.digest).map(|place| place.len)
    }

    fn resolve_tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, CopyError> {
        Ok(self.0.resolve_tag(repository, tag).cloned())
    }
}

/// What archives have brought: the one that is being loaded, and those before it, whose manifests and small blobs are in
/// the cache.
///
/// Manifests come from the cache first, since loading has put all of them there; blobs and names come from the archive
/// first, since it is what the operator wants to load.
#[derive(Debug, Clone)]
pub struct Brought {
    /// The archive that is being loaded, if there is one.
    pub archive: Option<Archived>,
    /// The cache.
    pub cache: Cached,
}

impl Brought {
    /// Of an archive, if there is one, and a cache.
    pub fn of(archive: Option<&Arc<Archive>>, cache: &Store) -> Self {
        Self { archive: archive.cloned().map(Archived), cache: Cached(cache.clone()) }
    }
}

impl LocalContent for Brought {
    fn read_manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        match (self.cache.read_manifest(digest)?, &self.archive) {
            (None, Some(archive)) => archive.read_manifest(digest),
            (found, _) => Ok(found),
        }
    }

    fn open_blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        let archived = self.archive.as_ref().map(|archive| archive.open_blob(blob)).transpose()?.flatten();
        archived.map_or_else(|| self.cache.open_blob(blob), |found| Ok(Some(found)))
    }

    fn blob_size(&self, blob: &Descriptor) -> Option<u64> {
        let archived = self.archive.as_ref().and_then(|archive| archive.blob_size(blob));
        archived.or_else(|| self.cache.blob_size(blob))
    }

    fn resolve_tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, CopyError> {
        let archived = self.archive.as_ref().map(|archive| archive.resolve_tag(repository, tag)).transpose()?.flatten();
        archived.map_or_else(|| self.cache.resolve_tag(repository, tag), |found| Ok(Some(found)))
    }
}

/// One repository of a registry.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Asks the registry.
    pub client: Client,
    /// The repository.
    pub at: Endpoint,
}

impl Remote {
    /// A manifest, with the registry's own error where there is none.
    ///
    /// # Errors
    /// As the client's.
    pub async fn pull(&self, digest: &Digest) -> Result<VerifiedManifest, oci_transport::Error> {
        self.client.pull_manifest_at(&self.at, &Reference::Digest(digest.clone())).await
    }
}

impl ContentSource for Remote {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        match self.pull(digest).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(transport(&error)),
        }
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        Ok(Some(self.client.blob_source(&self.at, blob)))
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        self.client.head_blob(&self.at, &blob.digest).await.map_err(|error| transport(&error))
    }

    /// The tag of the name in this repository; the repository of the name does not count.
    async fn tag(&self, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        let found = self.client.head_manifest_at(&self.at, &Reference::Tag(name.tag.clone())).await;
        found.map(|found| found.map(|descriptor| descriptor.digest)).map_err(|error| transport(&error))
    }
}

/// What an image is read from: its registry, or a layout on this machine.
impl ContentSource for ImageSource {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        let read = Self::manifest(self, &Descriptor::new("", digest.clone(), 0)).await;
        read.map(Some).map_err(|error| transport(&error))
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        Self::blob(self, blob).map(Some).map_err(|error| transport(&error))
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        match self {
            Self::Registry(client, endpoint) => {
                client.head_blob(endpoint, &blob.digest).await.map_err(|error| transport(&error))
            }
            layout => Ok(Self::blob(layout, blob).ok().map(|found| found.size())),
        }
    }

    async fn tag(&self, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        match self {
            Self::Registry(client, at) => Remote { client: client.clone(), at: at.clone() }.tag(name).await,
            _ => Ok(None),
        }
    }
}

/// Two places: the second is asked for what the first does not have. An error of the first is an error.
#[derive(Debug, Clone)]
pub struct FirstOf<A, B>(pub A, pub B);

impl<A: ContentSource, B: ContentSource> ContentSource for FirstOf<A, B> {
    async fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, CopyError> {
        match self.0.manifest(digest).await? {
            None => self.1.manifest(digest).await,
            found => Ok(found),
        }
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Arc<dyn BlobSource>>, CopyError> {
        match self.0.blob(blob).await? {
            None => self.1.blob(blob).await,
            found => Ok(found),
        }
    }

    async fn size(&self, blob: &Descriptor) -> Result<Option<u64>, CopyError> {
        match self.0.size(blob).await? {
            None => self.1.size(blob).await,
            found => Ok(found),
        }
    }

    async fn tag(&self, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        match self.0.tag(name).await? {
            None => self.1.tag(name).await,
            found => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests;
