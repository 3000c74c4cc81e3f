//! Writes the archive while images are still arriving.
//!
//! The order of an archive is decided from the plan and is the same for the same content: blobs in the order of the
//! copy queue, manifests, links, the working directory, the configuration. Links come behind the blobs, because only then
//! it is known which images have arrived (`docs/adr/0012-links-behind-blobs.md`). A thread
//! of its own walks that order and waits for each blob until the copy engine says that it is in the store; since the
//! engine fetches in the same order, the thread is seldom far behind, and the last byte of the archive is written
//! shortly after the last byte arrived.
//!
//! With `--no-cache` there is no store: the thread writes the headers, leaves room for the blobs, and makes their places
//! known ([`crate::slots`]), where they arrive by themselves.
//!
//! Nothing appears under a final name, and no earlier archive goes away, before [`ArchiveBuilder::finish`].

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use archive_format::{ArchiveOptions, ArchiveSummary, ArchiveWriter, Store, layout};
use image_ref::Digest;
use rooted_folder::RootedFolder;

use crate::slots::{Ended, Slots};
use mirror_job::guard::guarded_blocking;
use oci_manifest::ImageTree;

/// What stands in front of the working directory in an archive: blobs, then links.
#[derive(Debug, Default)]
pub struct Contents {
    /// Entry name and content of every link file, in the order of a walk through their folders.
    pub links: Vec<(String, String)>,
    /// Layers, configs and then manifests, with sizes in bytes.
    pub blobs: Vec<(Digest, u64)>,
    /// How many blobs earlier archives hold already.
    pub left_out: usize,
}

impl Contents {
    /// Collects links and blobs of the images, given as repository, tag and tree, leaving out the blobs of `history`.
    ///
    /// Only the images of this plan are named, where upstream carries the links of everything that is in the cache
    /// (quirk 20): the archive then says what it was made for, and its bytes depend on nothing else.
    pub fn of<'a>(
        images: impl IntoIterator<Item = (&'a str, &'a str, &'a ImageTree)>,
        history: &HashSet<Digest>,
        order: impl Fn(&mut [(Digest, u64)]),
    ) -> Self {
        let mut links = HashMap::new();
        let mut seen = HashSet::new();
        let (mut blobs, mut manifests) = (Vec::new(), Vec::new());
        for (repository, tag, tree) in images {
            let mut link = |name: String, digest: &Digest| links.insert(name, digest.to_string());
            for blob in &tree.blobs {
                link(layout::layer_link_name(repository, &blob.digest), &blob.digest);
                if seen.insert(blob.digest.clone()) {
                    blobs.push((blob.digest.clone(), blob.size));
                }
            }
            for manifest in tree.manifests() {
                link(layout::revision_link_name(repository, manifest.digest()), manifest.digest());
                if seen.insert(manifest.digest().clone()) {
                    manifests.push((manifest.digest().clone(), manifest.hashed_bytes().len() as u64));
                }
            }
            let attached = tree.attached.iter().filter_map(|one| Some((one.tag.as_deref()?, one.tree.root.digest())));
            for (tag, root) in std::iter::once((tag, tree.root.digest())).chain(attached) {
                link(layout::tag_current_name(repository, tag), root);
                link(layout::tag_index_name(repository, tag, root), root);
            }
        }
        let all = seen.len();
        order(&mut blobs);
        manifests.sort();
        blobs.append(&mut manifests);
        blobs.retain(|(digest, _)| !history.contains(digest));
        let mut links: Vec<_> = links.into_iter().collect();
        // As paths, not as text: of the folders `a` and `a-b` the first comes first.
        links.sort_unstable_by(|(one, _), (other, _)| Path::new(one).cmp(Path::new(other)));
        Self { links, left_out: all - blobs.len(), blobs }
    }
}

/// What stands at the end of an archive.
#[derive(Debug)]
pub struct Tail {
    /// Entry name and content of every link file, as [`Contents::links`], of the images that have arrived.
    pub links: Vec<(String, String)>,
    /// The blobs of these images. Others that have arrived by then may be in the archive too.
    pub needed: HashSet<Digest>,
    /// The working directory.
    pub folder: RootedFolder,
    /// Files of the working directory: entry name and place, in the order of names.
    pub files: Vec<(String, PathBuf)>,
    /// Entry name and text of the note that the archive is incomplete.
    pub note: Option<(String, Vec<u8>)>,
    /// Entry name and text of the configuration.
    pub configuration: (String, Vec<u8>),
}

/// Where the blobs of an archive come from.
#[derive(Debug)]
pub enum BlobsFrom {
    /// The store, each once it was announced as ready.
    Store(Store),
    /// Whoever takes their places.
    Slots(Slots),
}

enum Message {
    Begin(Box<Contents>),
    Ready(Digest),
    Lost(Digest),
    Finish(Box<Tail>),
    Abandon,
}

/// A running archive. Dropping it without [`ArchiveBuilder::finish`] removes what was written.
#[derive(Debug)]
pub struct ArchiveBuilder {
    sender: mpsc::Sender<Message>,
    thread: JoinHandle<Result<Option<ArchiveSummary>, BuildError>>,
}

/// Why the archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] archive_format::WriteError),
    /// The thread could not be started or ended early.
    #[error("cannot write the archive")]
    Thread(#[source] io::Error),
}

/// The half that the copy engine holds: says that blobs are ready.
#[derive(Debug, Clone)]
pub struct ReadyBlobs(mpsc::Sender<Message>);

impl ReadyBlobs {
    /// The order is known: writing may start.
    pub fn begin(&self, contents: Contents) {
        // A thread that ended early tells its reason when it is joined.
        let _ = self.0.send(Message::Begin(Box::new(contents)));
    }

    /// A blob is in the store.
    pub fn ready(&self, digest: &Digest) {
        let _ = self.0.send(Message::Ready(digest.clone()));
    }

    /// A blob may never come: nobody has to wait for it.
    pub fn lost(&self, digest: &Digest) {
        let _ = self.0.send(Message::Lost(digest.clone()));
    }
}

impl ArchiveBuilder {
    /// Starts the thread. Nothing is written before [`ReadyBlobs::begin`].
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(folder: PathBuf, options: ArchiveOptions, from: BlobsFrom) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(move || {
            // Who waits for a place in the archive has to hear of it.
            let written = guarded_blocking(|| write(&folder, &options, &from, &receiver))
                .unwrap_or_else(|panicked| Err(BuildError::Thread(io::Error::other(panicked))));
            if let (BlobsFrom::Slots(slots), Err(error)) = (&from, &written) {
                slots.end(Ended::Broken(mirror_job::failure::chain(error)));
            }
            written
        })?;
        Ok(Self { sender, thread })
    }

    /// The half for the copy engine.
    pub fn ready_blobs(&self) -> ReadyBlobs {
        ReadyBlobs(self.sender.clone())
    }

    /// Writes the rest and puts the archive under its final names. Every blob that it needs must have been
    /// announced as ready. Blocks until the last byte is written.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn finish(self, tail: Tail) -> Result<ArchiveSummary, BuildError> {
        let _ = self.sender.send(Message::Finish(Box::new(tail)));
        drop(self.sender);
        let early = || BuildError::Thread(io::Error::other("the archive was ended before it was complete"));
        self.thread.join().map_err(|_| early())?.and_then(|summary| summary.ok_or_else(early))
    }

    /// Gives up: removes what was written, and says why writing had ended before, if it had. Blocks until that is done.
    pub fn abandon(self) -> Option<BuildError> {
        // Said in words: others may still hold senders, so the channel does not close by itself.
        let _ = self.sender.send(Message::Abandon);
        self.thread.join().ok()?.err()
    }
}

/// What the thread has been told so far.
#[derive(Default)]
struct Told {
    contents: Option<Box<Contents>>,
    ready: HashSet<Digest>,
    lost: HashSet<Digest>,
    tail: Option<Box<Tail>>,
}

impl Told {
    /// Waits for one message more. False when there will be no archive.
    fn wait(&mut self, messages: &mpsc::Receiver<Message>) -> bool {
        match messages.recv() {
            Ok(Message::Begin(contents)) => self.contents = Some(contents),
            Ok(Message::Ready(digest)) => {
                self.ready.insert(digest);
            }
            Ok(Message::Lost(digest)) => {
                self.lost.insert(digest);
            }
            Ok(Message::Finish(tail)) => self.tail = Some(tail),
            Ok(Message::Abandon) | Err(_) => return false,
        }
        true
    }
}

fn write(
    folder: &Path,
    options: &ArchiveOptions,
    from: &BlobsFrom,
    messages: &mpsc::Receiver<Message>,
) -> Result<Option<ArchiveSummary>, BuildError> {
    let mut told = Told::default();
    let contents = loop {
        match told.contents.take() {
            Some(contents) => break contents,
            None if told.tail.is_some() || !told.wait(messages) => return Ok(None),
            None => {}
        }
    };
    let mut writer = ArchiveWriter::create(folder, options)?;
    let mut left = Vec::new();
    let mut places = HashMap::new();
    for (digest, size) in &contents.blobs {
        let store = match from {
            BlobsFrom::Store(store) => store,
            BlobsFrom::Slots(_) => {
                places.extend(writer.reserve_blob(digest, *size)?.map(|slot| (digest.clone(), slot)));
                continue;
            }
        };
        while !told.ready.contains(digest) && !told.lost.contains(digest) && told.tail.is_none() {
            if !told.wait(messages) {
                return Ok(None);
            }
        }
        match &told.tail {
            Some(tail) if !tail.needed.contains(digest) => {}
            // Another image may bring it yet.
            None if !told.ready.contains(digest) => left.push((digest, *size)),
            _ => drop(writer.add_blob(digest, &store.blob_path(digest), *size)?),
        }
    }
    if let BlobsFrom::Slots(slots) = from {
        slots.lay_out(places);
    }
    let tail = loop {
        match told.tail.take() {
            Some(tail) => break tail,
            None if !told.wait(messages) => return Ok(None),
            None => {}
        }
    };
    if let BlobsFrom::Store(store) = from {
        for (digest, size) in left.into_iter().filter(|(digest, _)| tail.needed.contains(*digest)) {
            writer.add_blob(digest, &store.blob_path(digest), size)?;
        }
    }
    for (name, text) in &tail.links {
        writer.add_bytes(name, text.as_bytes())?;
    }
    for (name, path) in &tail.files {
        writer.add_file_in(name, &tail.folder, path)?;
    }
    for (name, text) in tail.note.iter().chain([&tail.configuration]) {
        writer.add_bytes(name, text)?;
    }
    Ok(Some(writer.finish()?))
}
