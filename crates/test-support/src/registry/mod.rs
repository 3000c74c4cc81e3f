//! An OCI registry inside the test: the distribution API, a token server, a record of every request, and faults.

mod auth;
mod blob;
mod body;
mod builder;
mod error;
mod fault;
mod handler;
mod listing;
mod log;
mod manifest;
mod profile;
mod server;
mod storage;
mod target;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use bytes::Bytes;
use image_ref::Digest;

pub use self::auth::{Auth, TokenAuth, User};
pub use self::builder::RegistryBuilder;
pub use self::fault::{ActiveFault, Effect, Fault, When};
pub use self::log::Request;
pub use self::profile::{Habit, Profile};
use self::storage::Blobs;
pub use self::storage::Storage;
pub(crate) use self::storage::{BlobFile, Repositories, lock, save_repositories};
pub use self::target::Kind;
use crate::Image;

/// A running registry on a free loopback port; dropping it ends it and its connections.
///
/// It runs on threads of its own, so a test may block while the program under test talks to it.
#[derive(Debug)]
pub struct Registry {
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The state that all connections share.
#[derive(Debug)]
struct Shared {
    host: String,
    cdn_host: String,
    tls: bool,
    auth: Auth,
    options: Options,
    storage: Storage,
    blobs: Blobs,
    repositories: Mutex<Repositories>,
    uploads: Mutex<HashMap<String, upload::Session>>,
    sessions: AtomicU64,
    tokens: auth::Tokens,
    log: Mutex<Vec<Request>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    faults: Mutex<Vec<ActiveFault>>,
    /// What a profile does to requests; nobody switches it off.
    habits: Vec<ActiveFault>,
}

#[derive(Debug, Clone, Copy)]
struct Options {
    sparse: bool,
    referrers: bool,
    mounts: bool,
    http1_only: bool,
    strict_sessions: bool,
    page_size: Option<usize>,
    minimum_chunk: Option<u64>,
}

impl Shared {
    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Whether it has the habits of a registry of others.
    fn profiled(&self) -> bool {
        !self.habits.is_empty()
    }
}

/// A manifest as the registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The media type it was pushed with.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Bytes,
}

/// All names of a registry, for comparing two registries or one at two times.
///
/// Blobs are content-addressed and checked on arrival, so equal snapshots mean equal content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Repository, then tag or digest, then media type and digest.
    pub manifests: BTreeMap<String, BTreeMap<String, (String, Digest)>>,
    /// Repository, then blobs.
    pub blobs: BTreeMap<String, Vec<Digest>>,
}

impl Registry {
    /// A registry to be configured.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// A registry as it comes: in memory, plain HTTP, open to everyone.
    pub fn start_blocking() -> Self {
        Self::builder().start_blocking()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// `127.0.0.1:PORT` of the second server, which serves redirected blobs and uploads and never asks for
    /// credentials.
    pub fn cdn_host(&self) -> &str {
        &self.shared.cdn_host
    }

    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.shared.scheme(), self.shared.host)
    }

    /// Puts an image and everything below it into `repository`, without HTTP; a `tag` names it.
    pub fn push<'a>(&self, repository: &str, tag: impl Into<Option<&'a str>>, image: &Image) {
        let mut repositories = lock(&self.shared.repositories);
        let mut waiting = vec![image];
        while let Some(image) = waiting.pop() {
            let repository = repositories.entry(repository.to_owned()).or_default();
            for blob in &image.blobs {
                self.shared.blobs.put(&blob.digest, blob.bytes.clone()).expect("storage takes the blob");
                repository.blobs.insert(blob.digest.clone());
            }
            repository.insert(&image.digest, &image.media_type, image.bytes.clone());
            waiting.extend(&image.children);
        }
        if let Some(tag) = tag.into() {
            let repository = repositories.entry(repository.to_owned()).or_default();
            repository.tags.insert(tag.to_owned(), image.digest.clone());
        }
    }

    /// Puts a manifest alone into `repository`, whether or not what it names is there.
    pub fn put_manifest(&self, repository: &str, media_type: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = crate::manifest_digest(&bytes);
        let mut repositories = lock(&self.shared.repositories);
        repositories.entry(repository.to_owned()).or_default().insert(&digest, media_type, bytes);
        digest
    }

    /// Makes an empty repository.
    pub fn create(&self, repository: &str) {
        lock(&self.shared.repositories).entry(repository.to_owned()).or_default();
    }

    /// Lets `tag` name `digest`.
    pub fn tag(&self, repository: &str, tag: &str, digest: &Digest) {
        let mut repositories = lock(&self.shared.repositories);
        repositories.entry(repository.to_owned()).or_default().tags.insert(tag.to_owned(), digest.clone());
    }

    /// Removes a tag or, by digest, a manifest.
    pub fn remove(&self, repository: &str, reference: &str) {
        if let Some(repository) = lock(&self.shared.repositories).get_mut(repository) {
            match reference.parse::<Digest>() {
                Ok(digest) => drop(repository.manifests.remove(&digest)),
                Err(_) => drop(repository.tags.remove(reference)),
            }
        }
    }

    /// Puts a blob into `repository`, without HTTP.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = crate::sha256(&bytes);
        self.shared.blobs.put(&digest, bytes).expect("storage takes the blob");
        self.link_blob(repository, &digest);
        digest
    }

    /// Makes a blob that is in the storage visible in `repository`.
    pub fn link_blob(&self, repository: &str, digest: &Digest) {
        lock(&self.shared.repositories).entry(repository.to_owned()).or_default().blobs.insert(digest.clone());
    }

    /// Replaces the bytes under `digest`, which then no longer belong to it.
    pub fn corrupt_blob(&self, digest: &Digest, bytes: impl Into<Bytes>) {
        self.shared.blobs.put(digest, bytes.into()).expect("storage takes the blob");
    }

    /// Removes a blob everywhere.
    pub fn remove_blob(&self, digest: &Digest) {
        self.shared.blobs.remove(digest);
        for repository in lock(&self.shared.repositories).values_mut() {
            repository.blobs.remove(digest);
        }
    }

    /// The manifest under a tag or a digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<StoredManifest> {
        let repositories = lock(&self.shared.repositories);
        let (digest, manifest) = repositories.get(repository)?.find(reference)?;
        Some(StoredManifest {
            media_type: manifest.media_type.clone(),
            digest: digest.clone(),
            bytes: manifest.bytes.clone(),
        })
    }

    /// Whether `repository` has the blob.
    pub fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        let linked = lock(&self.shared.repositories).get(repository).is_some_and(|found| found.blobs.contains(digest));
        linked && self.shared.blobs.size(digest).is_some()
    }

    /// The bytes of a blob, whichever repository it is in.
    pub fn blob(&self, digest: &Digest) -> Option<Bytes> {
        self.shared.blobs.get(digest)
    }

    /// The tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let repositories = lock(&self.shared.repositories);
        repositories.get(repository).into_iter().flat_map(|found| found.tags.keys().cloned()).collect()
    }

    /// The names of all repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        lock(&self.shared.repositories).keys().cloned().collect()
    }

    /// All names, for comparing.
    pub fn snapshot(&self) -> Snapshot {
        let repositories = lock(&self.shared.repositories);
        let mut snapshot = Snapshot { manifests: BTreeMap::new(), blobs: BTreeMap::new() };
        for (name, repository) in repositories.iter() {
            let tags = repository.tags.iter().map(|(tag, digest)| (tag.clone(), digest));
            let digests = repository.manifests.keys().map(|digest| (digest.to_string(), digest));
            let manifests = tags.chain(digests).filter_map(|(reference, digest)| {
                let media_type = repository.manifests.get(digest)?.media_type.clone();
                Some((reference, (media_type, digest.clone())))
            });
            snapshot.manifests.insert(name.clone(), manifests.collect());
            snapshot.blobs.insert(name.clone(), repository.blobs.iter().cloned().collect());
        }
        snapshot
    }

    /// How many uploads were begun and not finished.
    pub fn unfinished_uploads(&self) -> usize {
        lock(&self.shared.uploads).len()
    }

    /// Switches a fault on. Several may strike one request.
    pub fn fault(&self, fault: Fault) -> ActiveFault {
        let active = ActiveFault::new(fault);
        lock(&self.shared.faults).push(active.clone());
        active
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Ends the validity of all tokens issued so far.
    pub fn expire_tokens(&self) {
        self.shared.tokens.expire();
    }

    /// Every request so far, in the order of arrival, those to the second server included.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.log).clone()
    }

    /// The requests that fulfil the conditions of `when`.
    pub fn requests_matching(&self, when: &When) -> Vec<Request> {
        self.requests().into_iter().filter(|request| when.matches(request)).collect()
    }

    /// How many requests there were.
    pub fn request_count(&self) -> usize {
        lock(&self.shared.log).len()
    }

    /// How many requests waited for their answer at once, at most, from the beginning. Bodies of answers do not count.
    pub fn most_requests_at_once(&self) -> usize {
        self.shared.most_running.load(Ordering::SeqCst)
    }

    /// How many requests the token server had.
    pub fn token_requests(&self) -> usize {
        self.requests_matching(&When::kind(Kind::Token)).len()
    }

    /// Bytes of blobs sent to clients, from both servers.
    pub fn blob_bytes_served(&self) -> u64 {
        let blobs = |request: &&Request| matches!(request.kind, Kind::Blob | Kind::Cdn);
        lock(&self.shared.log).iter().filter(blobs).map(Request::bytes_sent).sum()
    }

    /// Bytes of request bodies that arrived.
    pub fn bytes_received(&self) -> u64 {
        lock(&self.shared.log).iter().map(Request::bytes_received).sum()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.log).clear();
    }

    /// Writes the names of everything beside the blobs, so that a later registry on the same folder serves them.
    ///
    /// # Errors
    /// When the folder cannot be written. With [`Storage::Memory`] there is nothing to write.
    pub fn save(&self) -> io::Result<()> {
        match &self.shared.storage {
            Storage::Dir(root) => save_repositories(root, &lock(&self.shared.repositories)),
            Storage::Memory => Ok(()),
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed already; raising it again here could abort the test.
            drop(thread.join());
        }
    }
}
