//! The cache: content-addressed blobs and the links that make repositories and tags of them.
//!
//! Byte-compatible with docker distribution's filesystem layout (`docs/behaviour/operators-archive.md` 5), so that a cache
//! written by upstream is used as it is, and the other way round. Beside `docker/` our cache has two names of its own:
//! `oc-mirror.lock` and `partial/`, where blobs grow until they are complete. Users of a store may keep folders of their
//! own beside these; the store leaves them alone.

mod collect;
mod error;
mod partial;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use image_ref::{Digest, Hasher, is_valid_path, is_valid_tag};
use oci_manifest::{MAX_MANIFEST_BYTES, VerifiedManifest};
use rooted_folder::RootedFolder;

use crate::layout;
use crate::lock::{Holder, LockFile};

pub use collect::Collected;
pub use error::StoreError;
pub use partial::PartialBlob;

/// An open cache. Cheap to clone; safe to use from many threads.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: RootedFolder,
    lock: LockFile,
    /// Digests with a writer now: a blob is written by one at a time.
    writing: Mutex<HashSet<Digest>>,
    next_temporary: AtomicU64,
}

impl Store {
    /// Opens the cache at `root` (`<cache base>/.oc-mirror/.cache`), making it when it is not there, and locks it for
    /// this process. Left-over temporary files of a killed run are removed; its partial blobs stay and are resumed by
    /// [`Store::begin_blob`].
    ///
    /// # Errors
    /// [`StoreError::Lock`] when another run uses the cache, [`StoreError::Io`] when it cannot be written.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_as(root, &Holder::this_process("", ""))
    }

    /// As [`Store::open`], with what the lock file shall say about this run.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_as(root: &Path, holder: &Holder) -> Result<Self, StoreError> {
        Self::open_in(RootedFolder::at(root), holder)
    }

    /// As [`Store::open_as`], in a folder that is not a root: it may not be a link.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_in(folder: RootedFolder, holder: &Holder) -> Result<Self, StoreError> {
        let lock = LockFile::acquire(&folder, "oc-mirror.lock", holder)?;
        let inner = Inner { folder, lock, writing: Mutex::new(HashSet::new()), next_temporary: AtomicU64::new(0) };
        remove_tree(&inner.folder, TEMPORARY)?;
        for dir in [TEMPORARY, layout::BLOBS_ROOT, layout::REPOSITORIES_ROOT] {
            let made = inner.folder.create_dir_all(dir);
            made.map_err(|source| StoreError::io("create", &inner.folder.path().join(dir), source))?;
        }
        let store = Self { inner: Arc::new(inner) };
        for (digest, _) in store.partials()? {
            // The run was killed between writing a blob a second time and noticing; the finished one counts.
            if store.blob_size(&digest).is_some() {
                store.remove_partial(&digest)?;
            }
        }
        Ok(store)
    }

    /// The cache root, parent of `docker/`.
    pub fn root(&self) -> &Path {
        self.inner.folder.path()
    }

    /// The folder of the cache, to open what users of the store keep beside it.
    pub fn folder(&self) -> &RootedFolder {
        &self.inner.folder
    }

    /// Whether the filesystem really excludes other runs from this cache.
    pub fn is_guarded(&self) -> bool {
        self.inner.lock.is_guarded()
    }

    /// Where the bytes of a blob are, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root().join(layout::blob_name(digest))
    }

    /// Size of a blob in bytes; `None` when it is not here. A caller who knows the size of a blob should compare: after
    /// a loss of power (not of the process) a file may be shorter than what was written.
    pub fn blob_size(&self, digest: &Digest) -> Option<u64> {
        let about = self.folder().about(layout::blob_name(digest)).ok()?;
        about.kind().is_file().then(|| about.len())
    }

    /// Opens a blob for reading. Its bytes are not hashed again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not here.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        self.folder().open(layout::blob_name(digest)).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing(digest.clone()),
            _ => StoreError::io("open", &self.blob_path(digest), source),
        })
    }

    /// Reads a manifest or another small blob and verifies its digest.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::TooLarge`] when it has more than `limit` bytes, and
    /// [`StoreError::Digest`] when the bytes are not what their name says.
    pub fn read_small_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let path = self.blob_path(digest);
        let failed = |source| StoreError::io("read", &path, source);
        self.open_blob(digest)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(StoreError::TooLarge { digest: digest.clone(), limit });
        }
        let found = Hasher::of(digest.algorithm(), &bytes);
        if found == *digest { Ok(bytes) } else { Err(StoreError::Digest { expected: digest.clone(), found }) }
    }

    /// Starts or resumes the writing of a blob of `size` bytes, if known. What a killed or suspended run left is read
    /// once to rebuild the hash; [`PartialBlob::offset`] says where to go on.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another writer of the same digest lives.
    pub fn begin_blob(&self, digest: &Digest, size: Option<u64>) -> Result<PartialBlob, StoreError> {
        PartialBlob::begin(self, digest, size)
    }

    /// Stores a small blob whole, after checking its digest. Nothing happens when it is here already.
    ///
    /// # Errors
    /// [`StoreError::Digest`] when `bytes` have another digest.
    pub fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let found = Hasher::of(digest.algorithm(), bytes);
        if found != *digest {
            return Err(StoreError::Digest { expected: digest.clone(), found });
        }
        if self.blob_size(digest) == Some(bytes.len() as u64) {
            return Ok(());
        }
        self.write_whole(&layout::blob_name(digest), bytes)
    }

    /// Stores a manifest or index: the bytes that its digest is of as a blob, and the revision link of the repository.
    ///
    /// # Errors
    /// As [`Store::put_blob`], and [`StoreError::Repository`] for a malformed repository path.
    pub fn put_manifest(&self, repository: &str, manifest: &VerifiedManifest) -> Result<(), StoreError> {
        check_repository(repository)?;
        self.keep_manifest(manifest)?;
        self.write_link(&layout::revision_link_name(repository, manifest.digest()), manifest.digest())
    }

    /// Keeps a manifest without a link: no repository has it.
    ///
    /// # Errors
    /// As [`Store::put_blob`].
    pub fn keep_manifest(&self, manifest: &VerifiedManifest) -> Result<(), StoreError> {
        self.put_blob(manifest.digest(), manifest.hashed_bytes())
    }

    /// A manifest or index by its digest; `None` when it is not here. A damaged copy is not here either: whoever has the
    /// source fetches it again and replaces it.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::Io`].
    pub fn manifest(&self, digest: &Digest) -> Result<Option<VerifiedManifest>, StoreError> {
        match self.read_small_blob(digest, MAX_MANIFEST_BYTES as u64) {
            Ok(bytes) => Ok(VerifiedManifest::verify(bytes, None, digest).ok()),
            Err(StoreError::Missing(_) | StoreError::Digest { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says that a repository has a layer or config.
    ///
    /// # Errors
    /// [`StoreError::Repository`] for a malformed repository path, [`StoreError::Io`].
    pub fn link_layer(&self, repository: &str, digest: &Digest) -> Result<(), StoreError> {
        check_repository(repository)?;
        self.write_link(&layout::layer_link_name(repository, digest), digest)
    }

    /// Lets a tag name a digest. The digest's blob should be here already, so that no tag names nothing.
    ///
    /// # Errors
    /// [`StoreError::Repository`], [`StoreError::Tag`] for malformed names, [`StoreError::Io`].
    pub fn tag(&self, repository: &str, tag: &str, digest: &Digest) -> Result<(), StoreError> {
        check_repository(repository)?;
        check_tag(tag)?;
        self.write_link(&layout::tag_index_name(repository, tag, digest), digest)?;
        self.write_link(&layout::tag_current_name(repository, tag), digest)
    }

    /// The digest a tag names now; `None` when there is no such tag.
    ///
    /// # Errors
    /// [`StoreError::Link`] when the link holds no digest, and as [`Store::tag`].
    pub fn resolve_tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, StoreError> {
        check_repository(repository)?;
        check_tag(tag)?;
        self.read_link(&layout::tag_current_name(repository, tag))
    }

    /// Whether the repository has this manifest or index (link and bytes).
    ///
    /// # Errors
    /// [`StoreError::Repository`] for a malformed repository path.
    pub fn has_revision(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        check_repository(repository)?;
        Ok(self.is_linked(&layout::revision_link_name(repository, digest)) && self.blob_size(digest).is_some())
    }

    /// Whether the repository has this layer or config (link and bytes).
    ///
    /// # Errors
    /// [`StoreError::Repository`] for a malformed repository path.
    pub fn has_layer(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        check_repository(repository)?;
        Ok(self.is_linked(&layout::layer_link_name(repository, digest)) && self.blob_size(digest).is_some())
    }

    /// A link without content is none: a loss of power leaves such.
    fn is_linked(&self, name: &str) -> bool {
        self.folder().about(name).is_ok_and(|about| about.kind().is_file() && about.len() > 0)
    }

    /// All repositories, sorted.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a folder cannot be read.
    pub fn repositories(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut open = vec![String::new()];
        while let Some(parent) = open.pop() {
            for name in self.list(&Path::new(layout::REPOSITORIES_ROOT).join(&parent))? {
                match name.as_str() {
                    "_manifests" if !parent.is_empty() => found.push(parent.clone()),
                    name if name.starts_with('_') => {}
                    _ => {
                        let child = if parent.is_empty() { name } else { format!("{parent}/{name}") };
                        if is_valid_path(&child) {
                            open.push(child);
                        }
                    }
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// All tags of a repository, sorted; none when there is no such repository.
    ///
    /// # Errors
    /// [`StoreError::Repository`], [`StoreError::Io`].
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, StoreError> {
        check_repository(repository)?;
        let mut tags = self.list(&repository_path(repository).join("_manifests/tags"))?;
        tags.retain(|tag| is_valid_tag(tag) && self.folder().is_file(layout::tag_current_name(repository, tag)));
        Ok(tags)
    }

    /// All manifests and indexes of a repository, tagged or not, sorted.
    ///
    /// # Errors
    /// [`StoreError::Repository`], [`StoreError::Io`].
    pub fn revisions(&self, repository: &str) -> Result<Vec<Digest>, StoreError> {
        check_repository(repository)?;
        self.links(repository, "_manifests/revisions")
    }

    /// All layers and configs of a repository, sorted.
    ///
    /// # Errors
    /// [`StoreError::Repository`], [`StoreError::Io`].
    pub fn layers(&self, repository: &str) -> Result<Vec<Digest>, StoreError> {
        check_repository(repository)?;
        self.links(repository, "_layers")
    }

    /// Takes a tag away; its manifest stays until [`Store::garbage_collect`]. Says whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Repository`], [`StoreError::Tag`], [`StoreError::Io`].
    pub fn delete_tag(&self, repository: &str, tag: &str) -> Result<bool, StoreError> {
        check_repository(repository)?;
        check_tag(tag)?;
        remove_tree(self.folder(), repository_path(repository).join("_manifests/tags").join(tag))
    }

    /// Takes a manifest or index out of a repository, with every tag that names it, as a registry does on `DELETE`.
    /// Says whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Repository`], [`StoreError::Io`].
    pub fn delete_revision(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        check_repository(repository)?;
        for tag in self.tags(repository)? {
            if self.resolve_tag(repository, &tag)?.as_ref() == Some(digest) {
                self.delete_tag(repository, &tag)?;
            }
        }
        self.remove_folder_of(&layout::revision_link_name(repository, digest))
    }

    /// Removes manifests that no tag leads to, links to what is gone, blobs that nothing names, abandoned uploads and
    /// partial blobs (`docs/behaviour/config-cli.md` 7.3, `--force-cache-delete`). Children of tagged indexes, tagged
    /// signatures, and manifests whose `subject` is kept, stay.
    ///
    /// # Errors
    /// When a manifest to keep cannot be read: nothing is removed then.
    pub fn garbage_collect(&self) -> Result<Collected, StoreError> {
        collect::garbage_collect(self)
    }

    /// Partial blobs that await their next writer, with their size in bytes so far.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be read.
    pub fn partials(&self) -> Result<Vec<(Digest, u64)>, StoreError> {
        let mut found = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            let base = Path::new(PARTIALS).join(algorithm);
            for hex in self.list(&base)? {
                if let (Ok(digest), Ok(about)) =
                    (format!("{algorithm}:{hex}").parse(), self.folder().about(base.join(&hex)))
                    && about.kind().is_file()
                {
                    found.push((digest, about.len()));
                }
            }
        }
        Ok(found)
    }

    /// Removes what a killed or suspended writer of this digest left.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_partial(&self, digest: &Digest) -> Result<(), StoreError> {
        let name = partial_name(digest);
        let removed = self.folder().remove_file_if_there(&name).map(drop);
        removed.map_err(|source| StoreError::io("remove", &self.root().join(name), source))
    }

    fn links(&self, repository: &str, folder: &str) -> Result<Vec<Digest>, StoreError> {
        let base = repository_path(repository).join(folder);
        let mut found = Vec::new();
        for algorithm in self.list(&base)? {
            for hex in self.list(&base.join(&algorithm))? {
                if self.folder().is_file(base.join(&algorithm).join(&hex).join("link"))
                    && let Ok(digest) = format!("{algorithm}:{hex}").parse()
                {
                    found.push(digest);
                }
            }
        }
        Ok(found)
    }

    fn write_link(&self, name: &str, digest: &Digest) -> Result<(), StoreError> {
        if self.read_link(name).is_ok_and(|found| found.as_ref() == Some(digest)) {
            return Ok(());
        }
        self.write_whole(name, digest.to_string().as_bytes())
    }

    fn read_link(&self, name: &str) -> Result<Option<Digest>, StoreError> {
        let path = || self.root().join(name);
        let mut bytes = Vec::new();
        match self.folder().open(name).and_then(|file| file.take(4096).read_to_end(&mut bytes)) {
            // Nothing is synced link by link: this is what a loss of power leaves.
            Ok(0) => Ok(None),
            Ok(_) => layout::parse_link(&bytes).map(Some).ok_or_else(|| StoreError::Link { path: path() }),
            Err(source) if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(source) => Err(StoreError::io("read", &path(), source)),
        }
    }

    /// Temporary file and rename: no reader ever sees a half file under `name`.
    fn write_whole(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let number = self.inner.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = Path::new(TEMPORARY).join(number.to_string());
        let written = self.folder().create(&temporary).and_then(|mut file| file.write_all(bytes));
        let written = written.map_err(|source| StoreError::write(&self.root().join(name), bytes.len() as u64, source));
        written.and_then(|()| self.publish(&temporary, name)).inspect_err(|_| {
            let _ = self.folder().remove_file(&temporary);
        })
    }

    /// Renames a finished file to its name, making the folders above it.
    fn publish(&self, temporary: &Path, name: &str) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("create", &self.root().join(name), source);
        match self.folder().rename(temporary, name) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                let above = Path::new(name).parent().expect("names of the layout have folders");
                self.folder().create_dir_all(above).map_err(failed)?;
                self.folder().rename(temporary, name).map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    /// The names in a folder, sorted; none when there is no such folder. Names that are not UTF-8 are not ours.
    fn list(&self, folder: &Path) -> Result<Vec<String>, StoreError> {
        match self.folder().read_dir(folder) {
            Ok(entries) => Ok(entries.iter().filter_map(|entry| entry.text().map(str::to_owned)).collect()),
            Err(source) if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Vec::new())
            }
            Err(source) => Err(StoreError::io("read", &self.root().join(folder), source)),
        }
    }

    /// Removes the folder that a link of the layout has for itself. Says whether it was there.
    fn remove_folder_of(&self, link: &str) -> Result<bool, StoreError> {
        remove_tree(self.folder(), Path::new(link).parent().expect("a link lies in a folder of its own"))
    }
}

/// Where blobs grow until they are complete.
const PARTIALS: &str = "partial";

/// Where small files are written before they get their names.
const TEMPORARY: &str = "partial/tmp";

fn partial_name(digest: &Digest) -> PathBuf {
    Path::new(PARTIALS).join(digest.algorithm().as_str()).join(digest.hex())
}

fn repository_path(repository: &str) -> PathBuf {
    Path::new(layout::REPOSITORIES_ROOT).join(repository)
}

fn check_repository(repository: &str) -> Result<(), StoreError> {
    if is_valid_path(repository) { Ok(()) } else { Err(StoreError::Repository(repository.to_owned())) }
}

fn check_tag(tag: &str) -> Result<(), StoreError> {
    if is_valid_tag(tag) { Ok(()) } else { Err(StoreError::Tag(tag.to_owned())) }
}

/// Removes a folder with all that is in it. Says whether it was there.
fn remove_tree(folder: &RootedFolder, path: impl AsRef<Path>) -> Result<bool, StoreError> {
    let path = path.as_ref();
    folder.remove_dir_all_if_there(path).map_err(|source| StoreError::io("remove", &folder.path().join(path), source))
}
