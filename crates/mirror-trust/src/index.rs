//! Artifacts of an image in a cache or an archive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use archive_format::{Archive, Store};
use image_ref::Digest;
use jiff::Timestamp;
use oci_manifest::{Attached, ImageTree, TreeError, walk};

use super::notes::SignatureNotes;
use super::online::subject_of;
use super::{COSIGN_ENDINGS, cosign_tag};
use mirror_content::root::root_with;
use mirror_content::source::{Brought, Cached, LocalContent};
use mirror_job::failure::{CopyError, store as store_error};

/// A place with manifests that needs no network.
pub trait ArtifactIndex: Sync {
    /// What is here.
    fn content(&self) -> &impl LocalContent;

    /// The artifacts of the repository that say they are about `subject`.
    ///
    /// # Errors
    /// When the place cannot be read.
    fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Digest>, CopyError>;
}

/// Finds what is attached to the manifests of an image. What is there only in part is left behind.
///
/// # Errors
/// When the place cannot be read, or an archive is damaged.
pub async fn find_in_index<S: ArtifactIndex>(
    index: &S,
    repository: &str,
    tree: &ImageTree,
) -> Result<Vec<Attached>, CopyError> {
    let mut found = Vec::new();
    for manifest in tree.image_manifests() {
        for ending in COSIGN_ENDINGS {
            let tag = cosign_tag(manifest.digest(), ending);
            if let Some(digest) = index.content().resolve_tag(repository, &tag)?
                && let Some(tree) = artifact(index, &digest).await?
            {
                found.push(Attached { tag: Some(tag), tree });
            }
        }
        for digest in index.referrers(repository, manifest.digest())? {
            if let Some(tree) = artifact(index, &digest).await? {
                found.push(Attached { tag: None, tree });
            }
        }
    }
    Ok(found)
}

async fn artifact<S: ArtifactIndex>(index: &S, digest: &Digest) -> Result<Option<ImageTree>, CopyError> {
    let content = index.content();
    let Some(root) = content.read_manifest(digest)? else { return Ok(None) };
    let root = root_with(digest, root)?;
    let walked =
        walk(root, &[], |child| async move { content.read_manifest(&child.digest)?.ok_or(Absent::NotHere) }).await;
    match walked {
        Ok(tree) => Ok(Some(tree)),
        Err(TreeError::Fetch(Absent::Failed(error))) => Err(error),
        Err(_) => Ok(None),
    }
}

enum Absent {
    NotHere,
    Failed(CopyError),
}

impl From<CopyError> for Absent {
    fn from(error: CopyError) -> Self {
        Self::Failed(error)
    }
}

/// The cache.
pub struct CacheIndex {
    content: Cached,
    /// Repository to its artifacts by subject; read once, when a repository is first asked about.
    subjects: Mutex<HashMap<String, Subjects>>,
    /// Which of its images nobody asked about.
    pub notes: SignatureNotes,
}

type Subjects = HashMap<Digest, Vec<Digest>>;

impl CacheIndex {
    /// The index of a cache, in a run that began at `now`.
    pub fn new(store: Store, now: Timestamp) -> Self {
        Self { notes: SignatureNotes::new(&store, now), content: Cached(store), subjects: Mutex::default() }
    }
}

impl ArtifactIndex for CacheIndex {
    fn content(&self) -> &impl LocalContent {
        &self.content
    }

    fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Digest>, CopyError> {
        let mut known = self.subjects.lock().expect("no holder panics");
        if let Some(subjects) = known.get(repository) {
            return Ok(subjects.get(subject).cloned().unwrap_or_default());
        }
        let digests = self.content.0.revisions(repository).map_err(|error| store_error(&error))?;
        let subjects = subjects(digests, &self.content)?;
        let found = subjects.get(subject).cloned().unwrap_or_default();
        known.insert(repository.to_owned(), subjects);
        Ok(found)
    }
}

/// An archive, with the cache for what earlier archives brought.
pub struct ArchiveIndex {
    content: Brought,
    subjects: HashMap<String, Subjects>,
}

impl ArchiveIndex {
    /// The index of an archive. Reads every manifest that the archive names.
    ///
    /// # Errors
    /// When the archive or the cache cannot be read.
    pub fn new(archive: &Arc<Archive>, store: &Store) -> Result<Self, CopyError> {
        let mut index = Self { content: Brought::of(Some(archive), store), subjects: HashMap::new() };
        let mut revisions: HashMap<String, Vec<Digest>> = HashMap::new();
        for (repository, digest) in archive.revisions() {
            revisions.entry(repository).or_default().push(digest);
        }
        for (repository, mut digests) in revisions {
            digests.sort();
            let found = subjects(digests, &index.content)?;
            index.subjects.insert(repository, found);
        }
        Ok(index)
    }
}

impl ArtifactIndex for ArchiveIndex {
    fn content(&self) -> &impl LocalContent {
        &self.content
    }

    fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Digest>, CopyError> {
        Ok(self.subjects.get(repository).and_then(|subjects| subjects.get(subject)).cloned().unwrap_or_default())
    }
}

fn subjects(digests: Vec<Digest>, content: &impl LocalContent) -> Result<Subjects, CopyError> {
    let mut subjects = Subjects::new();
    for digest in digests {
        if let Some(found) = content.read_manifest(&digest)?
            && let Some(subject) = subject_of(&found)
        {
            subjects.entry(subject).or_default().push(digest);
        }
    }
    Ok(subjects)
}
