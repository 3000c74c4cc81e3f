//! Verification of an archive, every digest of it, and its contents by image.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use image_ref::{Digest, Hasher};
use oci_manifest::{ManifestView, total};
use serde::Serialize;

use crate::archive::{Archive, BlobLocation, LINK_LIMIT, MissingFiles, Warning};
use crate::history;
use crate::layout::{Place, parse_link};

/// Follows [`verify`]. All methods are called from several threads.
pub trait VerifyObserver: Sync {
    /// Files of the archive were left behind. Told before anything is read.
    fn incomplete(&self, _missing: &MissingFiles) {}
    /// What will be read.
    fn started(&self, _blobs: u64, _bytes: u64) {}
    /// So many bytes more were read.
    fn advanced(&self, _bytes: u64) {}
    /// Asked between buffers; `true` ends the work early.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody looks.
impl VerifyObserver for () {}

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verification {
    /// Blobs read.
    pub blobs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is broken or missing. Empty for a good archive.
    pub problems: Vec<Problem>,
    /// Blobs that images need and that an earlier archive of the sequence carried, by the history inside this one.
    pub in_earlier_archives: u64,
    /// Tagged images of which nothing is here and the history knows nothing: they belong to other workspaces that use
    /// the same cache.
    pub other_images: u64,
    /// The observer ended it early; `problems` may be incomplete.
    pub cancelled: bool,
}

impl Verification {
    /// Whether everything was read and is as it should be.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty() && !self.cancelled
    }
}

/// One thing that is broken or missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    #[serde(flatten)]
    pub kind: ProblemKind,
    /// The name of the chunk that holds it, when there is one.
    pub chunk: Option<String>,
    /// The images that need it: `repository:tag`, or `repository@digest` for untagged ones; sorted.
    pub images: Vec<String>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// A chunk cannot be read to its end.
    Chunk {
        /// Why.
        reason: String,
    },
    /// Chunks with these numbers are not there.
    MissingChunks {
        /// The numbers.
        numbers: Vec<u32>,
    },
    /// The entry that every archive ends with, the user's configuration, is not there: the last chunk may be missing.
    Incomplete,
    /// The content of a blob is not what its digest says.
    Damaged {
        /// The blob.
        digest: Digest,
        /// What its content hashes to.
        found: Digest,
    },
    /// A blob could not be read.
    Unreadable {
        /// The blob.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// A manifest has the right digest and is no manifest.
    NoManifest {
        /// The manifest.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// A blob that a manifest in this archive names is neither here nor in the history.
    Missing {
        /// The blob.
        digest: Digest,
    },
    /// A link whose name is made of a digest, such as the tag `sha256-<hex>`, names another digest, or none.
    WrongLink {
        /// The digest in the name of the link.
        digest: Digest,
        /// What the link names; none when that is no digest.
        found: Option<Digest>,
        /// The entry of the archive.
        link: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(chunk) = &self.chunk {
            write!(f, "{chunk}: ")?;
        }
        match &self.kind {
            ProblemKind::Chunk { reason } => f.write_str(reason)?,
            ProblemKind::MissingChunks { numbers } => {
                let names: Vec<String> = numbers.iter().map(|number| crate::archive_file_name(*number)).collect();
                write!(f, "missing chunks: {}", names.join(", "))?;
            }
            ProblemKind::Incomplete => {
                f.write_str("The archive's last file is missing")?;
            }
            ProblemKind::Damaged { digest, found } => {
                write!(f, "blob {digest} is damaged: content has digest {found}")?;
            }
            ProblemKind::Unreadable { digest, reason } => {
                write!(f, "blob {digest} cannot be read: {reason}")?;
            }
            ProblemKind::NoManifest { digest, reason } => {
                write!(f, "{digest} is no manifest: {reason}")?;
            }
            ProblemKind::Missing { digest } => {
                write!(f, "blob {digest} is missing")?;
            }
            ProblemKind::WrongLink { digest, found, link } => {
                write!(f, "the link `{link}` stands for {digest} and names ")?;
                match found {
                    Some(found) => write!(f, "{found}")?,
                    None => f.write_str("no digest")?,
                }
            }
        }
        if !self.images.is_empty() {
            write!(f, "; needed by {}", self.images.join(", "))?;
        }
        Ok(())
    }
}

/// Reads and hashes every blob of `archive` on `threads` threads (0: one per core), and checks that what its manifests
/// name is there. Open the archive with [`Archive::open_damaged`] to get unreadable chunks listed too.
///
/// A child that an index names and that is not here is no problem as long as another child is: indexes may be sparse
/// (`docs/behaviour/operators-archive.md` 7.5).
pub fn verify(archive: &Archive, threads: usize, observer: &dyn VerifyObserver) -> Verification {
    let mut blobs: Vec<(&Digest, BlobLocation)> = archive.blobs().collect();
    blobs.sort_unstable_by_key(|(_, location)| (location.chunk, location.offset));
    if let Some(missing) = archive.missing_files() {
        observer.incomplete(&missing);
    }
    observer.started(blobs.len() as u64, total(blobs.iter().map(|(_, location)| location.len)));

    let images = Images::of(archive);
    let mut result = Verification::default();
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Vec::new(), 0_u64, 0_u64));
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(blobs.len()) {
            scope.spawn(|| {
                let mut buffer = vec![0; 1024 * 1024];
                while let Some((digest, location)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = check(archive, digest, &mut buffer, observer);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match outcome {
                        Ok(Some(bytes)) => {
                            found.1 += 1;
                            found.2 += bytes;
                        }
                        Ok(None) => return,
                        Err(kind) => found.0.push((kind, *location)),
                    }
                }
            });
        }
    });
    let (broken, blobs, bytes) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    (result.blobs, result.bytes) = (blobs, bytes);
    result.cancelled = observer.is_cancelled();

    let chunk_name = |chunk: usize| Some(archive.chunks().get(chunk)?.name.clone());
    for (kind, location) in broken {
        let (ProblemKind::Damaged { digest, .. } | ProblemKind::Unreadable { digest, .. }) = &kind else { continue };
        let images = images.that_need(digest);
        result.problems.push(Problem { kind, chunk: chunk_name(location.chunk), images });
    }
    for damage in archive.damage() {
        let kind = ProblemKind::Chunk { reason: damage.to_string() };
        result.problems.push(Problem { kind, chunk: None, images: Vec::new() });
    }
    for warning in archive.warnings() {
        if let Warning::MissingChunks(numbers) = warning {
            let kind = ProblemKind::MissingChunks { numbers: numbers.clone() };
            result.problems.push(Problem { kind, chunk: None, images: Vec::new() });
        }
    }
    if archive.configuration().is_none() {
        result.problems.push(Problem { kind: ProblemKind::Incomplete, chunk: None, images: Vec::new() });
    }
    for (digest, reason) in &images.no_manifests {
        // A damaged manifest is reported as such, once.
        let damaged =
            |problem: &Problem| matches!(&problem.kind, ProblemKind::Damaged { digest: d, .. } if d == digest);
        if !result.problems.iter().any(damaged) {
            let kind = ProblemKind::NoManifest { digest: digest.clone(), reason: reason.clone() };
            let chunk = archive.blob(digest).and_then(|location| chunk_name(location.chunk));
            result.problems.push(Problem { kind, chunk, images: images.that_need(digest) });
        }
    }
    result.problems.extend(wrong_links(archive).map(|(kind, chunk, image)| Problem {
        kind,
        chunk: chunk_name(chunk),
        images: vec![image],
    }));
    let earlier = carried_earlier(archive);
    for digest in &images.missing {
        if earlier.contains(digest) {
            result.in_earlier_archives += 1;
        } else {
            let kind = ProblemKind::Missing { digest: digest.clone() };
            result.problems.push(Problem { kind, chunk: None, images: images.that_need(digest) });
        }
    }
    for root in &images.absent {
        if earlier.contains(root) {
            result.in_earlier_archives += 1;
        } else {
            result.other_images += 1;
        }
    }
    result.problems.sort_by(|a, b| (&a.kind, &a.chunk).cmp(&(&b.kind, &b.chunk)));
    result
}

/// The manifests that somebody who reads the archive will ask for by digest, and that are neither here nor, by the histories that travel in
/// the archive, in an earlier one. `asked` holds each digest with the name of its image.
pub fn lacks(archive: &Archive, asked: impl IntoIterator<Item = (Digest, String)>) -> Vec<Problem> {
    let absent = asked.into_iter().filter(|(digest, _)| archive.blob(digest).is_none());
    let mut by_digest: BTreeMap<Digest, BTreeSet<String>> = BTreeMap::new();
    for (digest, image) in absent {
        by_digest.entry(digest).or_default().insert(image);
    }
    if by_digest.is_empty() {
        return Vec::new();
    }
    let earlier = carried_earlier(archive);
    by_digest.retain(|digest, _| !earlier.contains(digest));
    let problem = |(digest, images): (Digest, BTreeSet<String>)| Problem {
        kind: ProblemKind::Missing { digest },
        chunk: None,
        images: images.into_iter().collect(),
    };
    by_digest.into_iter().map(problem).collect()
}

/// `Ok(None)` when cancelled.
fn check(
    archive: &Archive,
    digest: &Digest,
    buffer: &mut [u8],
    observer: &dyn VerifyObserver,
) -> Result<Option<u64>, ProblemKind> {
    let unreadable =
        |error: std::io::Error| ProblemKind::Unreadable { digest: digest.clone(), reason: error.to_string() };
    let mut reader = archive.open_blob(digest, 0).map_err(unreadable)?;
    let mut hasher = Hasher::new(digest.algorithm());
    let mut bytes = 0;
    loop {
        if observer.is_cancelled() {
            return Ok(None);
        }
        let count = reader.read(buffer).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        bytes += count as u64;
        observer.advanced(count as u64);
    }
    let found = hasher.finish();
    if found == *digest { Ok(Some(bytes)) } else { Err(ProblemKind::Damaged { digest: digest.clone(), found }) }
}

/// The links whose names are made of a digest and that name something else: kind, chunk and image. Readers resolve such an
/// image by its digest, but a registry that serves the archive's files would go where the link leads.
fn wrong_links(archive: &Archive) -> impl Iterator<Item = (ProblemKind, usize, String)> {
    // A link without content is none: a loss of power leaves such.
    archive.entries().iter().filter(|entry| entry.len > 0).filter_map(|entry| {
        let (digest, image) = match Place::parse(&entry.name)? {
            Place::TagCurrent { repository, tag } => (Digest::from_tag(&tag)?, format!("{repository}:{tag}")),
            Place::TagIndex { repository, tag, digest } => (digest, format!("{repository}:{tag}")),
            Place::Revision { repository, digest } | Place::Layer { repository, digest } => {
                let image = format!("{repository}@{digest}");
                (digest, image)
            }
            Place::Blob(_) | Place::Upload => return None,
        };
        let found = archive.read_entry(entry, LINK_LIMIT).ok().and_then(|bytes| parse_link(&bytes));
        let is_wrong = found.as_ref() != Some(&digest);
        let kind = is_wrong.then(|| ProblemKind::WrongLink { digest, found, link: entry.name.clone() })?;
        Some((kind, entry.chunk, image))
    })
}

/// Digests of all histories that travel in the archive.
fn carried_earlier(archive: &Archive) -> HashSet<Digest> {
    let mut digests = HashSet::new();
    for entry in archive.entries() {
        if entry.name.starts_with("working-dir/.history/.history-")
            && let Ok(reader) = archive.open_entry(entry)
            // A history that cannot be read knows nothing; the missing blobs are reported then.
            && let Ok(known) = history::parse(std::io::BufReader::new(reader))
        {
            digests.extend(known);
        }
    }
    digests
}

/// One image of an archive, for lists of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageContents {
    /// `repository:tag`, or `repository@digest` for untagged manifests that no tagged index names.
    pub image: String,
    /// Digest of its manifest or index.
    pub digest: Digest,
    /// Platforms of an index whose manifests are here, `os/architecture[/variant]`.
    pub platforms: Vec<String>,
    /// Blobs of it in this archive, manifests included.
    pub blobs: u64,
    /// Their bytes. Blobs shared by several images count for each.
    pub bytes: u64,
    /// Blobs that it needs and that are not here.
    pub absent_blobs: u64,
}

/// The contents of an archive by image, sorted by name. Images of which nothing is here are left out.
pub fn contents(archive: &Archive) -> Vec<ImageContents> {
    let images = Images::of(archive);
    let mut found = Vec::new();
    for (image, needs) in images.names.iter().zip(&images.needs) {
        let mut contents = ImageContents {
            image: image.clone(),
            digest: needs.root.clone(),
            platforms: needs.platforms.iter().cloned().collect(),
            blobs: 0,
            bytes: 0,
            absent_blobs: 0,
        };
        for digest in &needs.blobs {
            match archive.blob(digest) {
                Some(location) => {
                    contents.blobs += 1;
                    contents.bytes += location.len;
                }
                None => contents.absent_blobs += 1,
            }
        }
        if contents.blobs > 0 {
            found.push(contents);
        }
    }
    found
}

/// Which images need which blobs.
#[derive(Debug, Default)]
struct Images {
    /// Sorted.
    names: Vec<String>,
    /// By index into `names`.
    needs: Vec<Needs>,
    /// Manifests that are here and cannot be parsed.
    no_manifests: BTreeMap<Digest, String>,
    /// Named by manifests that are here, and not here.
    missing: BTreeSet<Digest>,
    /// Roots that are not here.
    absent: BTreeSet<Digest>,
}

#[derive(Debug)]
struct Needs {
    root: Digest,
    /// Everything, the root included.
    blobs: BTreeSet<Digest>,
    platforms: BTreeSet<String>,
}

impl Images {
    fn of(archive: &Archive) -> Self {
        let mut images = Self::default();
        let mut views = HashMap::new();
        let mut roots: BTreeMap<String, Digest> = BTreeMap::new();
        for link in archive.tag_links() {
            roots.insert(format!("{}:{}", link.repository, link.tag), link.digest);
        }
        let mut reached: HashSet<(String, Digest)> = HashSet::new();
        for (name, root) in roots {
            let needs = images.walk(archive, &root, &mut views);
            let repository = name.rsplit_once(':').map_or(name.as_str(), |(repository, _)| repository).to_owned();
            reached.extend(needs.blobs.iter().map(|digest| (repository.clone(), digest.clone())));
            images.names.push(name);
            images.needs.push(needs);
        }
        let mut untagged: BTreeMap<String, Digest> = BTreeMap::new();
        for (repository, digest) in archive.revisions() {
            if archive.blob(&digest).is_some() && !reached.contains(&(repository.clone(), digest.clone())) {
                untagged.insert(format!("{repository}@{digest}"), digest);
            }
        }
        for (name, root) in untagged {
            let needs = images.walk(archive, &root, &mut views);
            images.needs.push(needs);
            images.names.push(name);
        }
        images
    }

    fn walk(&mut self, archive: &Archive, root: &Digest, views: &mut Views) -> Needs {
        if archive.blob(root).is_none() {
            self.absent.insert(root.clone());
        }
        let mut needs = Needs { root: root.clone(), blobs: BTreeSet::new(), platforms: BTreeSet::new() };
        let mut open = vec![root.clone()];
        while let Some(digest) = open.pop() {
            if !needs.blobs.insert(digest.clone()) {
                continue;
            }
            let view = views.entry(digest.clone()).or_insert_with(|| {
                archive.blob(&digest)?;
                let manifest = archive.manifest(&digest).map_err(|error| error.to_string());
                let parsed = manifest.and_then(|manifest| manifest.view().map_err(|error| error.to_string()));
                parsed.map_err(|reason| self.no_manifests.insert(digest.clone(), reason)).ok()
            });
            let Some(view) = view else { continue };
            let children = view.children();
            let here: Vec<_> =
                children.iter().filter(|child| archive.blob(&child.descriptor.digest).is_some()).collect();
            if here.is_empty() {
                self.missing.extend(children.iter().map(|child| child.descriptor.digest.clone()));
                needs.blobs.extend(children.iter().map(|child| child.descriptor.digest.clone()));
            }
            for child in here {
                needs.platforms.extend(child.platform.as_ref().map(ToString::to_string));
                open.push(child.descriptor.digest.clone());
            }
            for blob in view.named_blobs() {
                let absent = archive.blob(&blob.digest).is_none();
                // What the copy may leave out, nobody asks for.
                if absent && blob.may_be_left_out {
                    continue;
                }
                if absent {
                    self.missing.insert(blob.digest.clone());
                }
                needs.blobs.insert(blob.digest);
            }
        }
        needs
    }

    fn that_need(&self, digest: &Digest) -> Vec<String> {
        let needing = self.names.iter().zip(&self.needs).filter(|(_, needs)| needs.blobs.contains(digest));
        needing.map(|(name, _)| name.clone()).collect()
    }
}

/// Parsed manifests; `None` for those that are not here or are no manifests.
type Views = HashMap<Digest, Option<ManifestView>>;
