//! Where the bytes of the registry live: in memory for tests, on disk for workloads larger than memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use image_ref::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

/// Where a registry keeps its blobs.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Storage {
    /// In memory.
    #[default]
    Memory,
    /// In files below this folder; no blob is ever held in memory. What an earlier registry
    /// [saved](super::Registry::save) there is served again.
    Dir(PathBuf),
}

/// Bytes a read from disk gives at once: large enough to make calls rare, small enough to stay in the processor's cache.
const READ_BUFFER: u64 = 512 << 10;
/// Bytes in one frame of a body from memory.
const FRAME: usize = 256 << 10;

/// Blobs by digest.
#[derive(Debug)]
pub(super) enum Blobs {
    Memory(Mutex<HashMap<Digest, Bytes>>),
    Dir(PathBuf),
}

impl Blobs {
    pub(super) fn open(storage: &Storage) -> io::Result<Self> {
        match storage {
            Storage::Memory => Ok(Self::Memory(Mutex::default())),
            Storage::Dir(root) => {
                fs::create_dir_all(root.join("blobs"))?;
                fs::create_dir_all(root.join("uploads"))?;
                Ok(Self::Dir(root.clone()))
            }
        }
    }

    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        match self {
            Self::Memory(blobs) => lock(blobs).get(digest).map(|bytes| bytes.len() as u64),
            Self::Dir(root) => fs::metadata(BlobFile::path(root, digest)).ok().map(|found| found.len()),
        }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Bytes> {
        match self {
            Self::Memory(blobs) => lock(blobs).get(digest).cloned(),
            Self::Dir(root) => fs::read(BlobFile::path(root, digest)).ok().map(Bytes::from),
        }
    }

    /// Keeps `bytes` under `digest`, unchecked: this is also how a test makes a blob wrong.
    pub(super) fn put(&self, digest: &Digest, bytes: Bytes) -> io::Result<()> {
        match self {
            Self::Memory(blobs) => {
                lock(blobs).insert(digest.clone(), bytes);
                Ok(())
            }
            Self::Dir(root) => fs::write(BlobFile::path(root, digest), bytes),
        }
    }

    pub(super) fn remove(&self, digest: &Digest) {
        match self {
            Self::Memory(blobs) => drop(lock(blobs).remove(digest)),
            // A blob that is already gone is as removed as it gets.
            Self::Dir(root) => drop(fs::remove_file(BlobFile::path(root, digest))),
        }
    }

    /// The bytes `start..end` as a body.
    pub(super) fn stream(&self, digest: &Digest, start: u64, end: u64) -> io::Result<Body> {
        match self {
            Self::Memory(blobs) => {
                let bytes = lock(blobs).get(digest).cloned().ok_or(io::ErrorKind::NotFound)?;
                let (start, end) = (to_usize(start)?, to_usize(end)?);
                let bytes = bytes.slice(start..end);
                Ok(Body::from_stream(stream::unfold(bytes, |mut rest| async move {
                    if rest.is_empty() {
                        return None;
                    }
                    let frame = rest.split_to(rest.len().min(FRAME));
                    Some((Ok::<_, io::Error>(frame), rest))
                })))
            }
            Self::Dir(root) => {
                let file = Arc::new(File::open(BlobFile::path(root, digest))?);
                Ok(Body::from_stream(stream::try_unfold(start, move |at| {
                    let file = Arc::clone(&file);
                    async move {
                        if at == end {
                            return Ok(None);
                        }
                        let length = to_usize((end - at).min(READ_BUFFER))?;
                        // One copy, from the page cache into the frame: what the server spends, the client lacks.
                        let read = tokio::task::spawn_blocking(move || {
                            let mut frame = vec![0; length];
                            file.read_exact_at(&mut frame, at).map(|()| Bytes::from(frame))
                        });
                        let frame = read.await.map_err(io::Error::other)??;
                        Ok::<_, io::Error>(Some((frame, at + length as u64)))
                    }
                })))
            }
        }
    }

    pub(super) fn begin(&self, session: &str) -> io::Result<Upload> {
        let sink = match self {
            Self::Memory(_) => Sink::Memory(BytesMut::new()),
            Self::Dir(root) => {
                let path = root.join("uploads").join(session);
                Sink::File(File::create(&path)?, path)
            }
        };
        Ok(Upload { sink, sha256: Sha256::new(), received: 0, short: false })
    }

    /// Moves a finished upload under its digest; `false` when the bytes have another digest.
    pub(super) fn commit(&self, upload: Upload, digest: &Digest) -> io::Result<bool> {
        let right = match digest.algorithm() {
            image_ref::Algorithm::Sha256 => Digest::from_sha256_bytes(&upload.sha256.finalize().into()) == *digest,
            image_ref::Algorithm::Sha512 => {
                let bytes = match &upload.sink {
                    Sink::Memory(bytes) => bytes.to_vec(),
                    Sink::File(_, path) => fs::read(path)?,
                };
                Digest::from_sha512_bytes(&Sha512::digest(bytes).into()) == *digest
            }
        };
        match (upload.sink, self) {
            (Sink::Memory(bytes), _) if right => self.put(digest, bytes.freeze())?,
            (Sink::File(_, path), Self::Dir(root)) if right => fs::rename(path, BlobFile::path(root, digest))?,
            (Sink::File(_, path), _) => fs::remove_file(path)?,
            (Sink::Memory(_), _) => {}
        }
        Ok(right)
    }
}

/// A blob on its way in.
#[derive(Debug)]
pub(super) struct Upload {
    sink: Sink,
    sha256: Sha256,
    pub(super) received: u64,
    /// The last chunk was smaller than the registry takes, so that it has to be the last.
    pub(super) short: bool,
}

#[derive(Debug)]
enum Sink {
    Memory(BytesMut),
    File(File, PathBuf),
}

impl Upload {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::Memory(sink) => sink.extend_from_slice(bytes),
            Sink::File(file, _) => file.write_all(bytes)?,
        }
        self.sha256.update(bytes);
        self.received += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn discard(self) {
        if let Sink::File(_, path) = self.sink {
            // Only a scratch file; the folder goes away with its test.
            drop(fs::remove_file(path));
        }
    }
}

/// One repository: names for things in the blob store.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) manifests: BTreeMap<Digest, Manifest>,
    pub(crate) tags: BTreeMap<String, Digest>,
    pub(crate) blobs: BTreeSet<Digest>,
}

/// A manifest with the facts that were read from it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(super) media_type: String,
    #[serde(with = "text")]
    pub(super) bytes: Bytes,
    pub(super) subject: Option<Digest>,
}

pub(crate) type Repositories = BTreeMap<String, Repository>;

pub(crate) fn save_repositories(root: &Path, repositories: &Repositories) -> io::Result<()> {
    fs::write(root.join("index.json"), serde_json::to_vec(repositories)?)
}

pub(super) fn load(storage: &Storage) -> io::Result<Repositories> {
    let Storage::Dir(root) = storage else { return Ok(Repositories::new()) };
    match File::open(root.join("index.json")) {
        Ok(mut file) => {
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok(serde_json::from_slice(&text)?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Repositories::new()),
        Err(error) => Err(error),
    }
}

/// Manifests are JSON text, so they are saved as text.
mod text {
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, ser::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(bytes).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        Ok(Bytes::from(String::deserialize(deserializer)?))
    }
}

/// The file of a blob below a storage folder.
pub(crate) struct BlobFile;

impl BlobFile {
    pub(crate) fn path(root: &Path, digest: &Digest) -> PathBuf {
        root.join("blobs").join(digest.as_tag())
    }
}

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

/// Locks, also after a panic elsewhere: a failing test must not hide behind a poisoned lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
