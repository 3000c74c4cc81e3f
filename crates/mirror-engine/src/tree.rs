//! The parts of an image: its manifests, children before parents, and its unique blobs.

use std::collections::{HashMap, HashSet};
use std::future::Future;

use image_ref::{Digest, Platform};
use oci_transport::{Descriptor, Manifest, ManifestView};

/// How deep indexes may nest. Registries nest one level; two leaves room, and a cycle cannot be longer than digests.
const MAX_DEPTH: usize = 4;

/// Everything one image consists of.
#[derive(Debug, Clone)]
pub(crate) struct ImageTree {
    /// The manifest the tag names.
    pub(crate) root: Manifest,
    /// Manifests below the root, children before parents; empty for a single image.
    pub(crate) children: Vec<Manifest>,
    /// Configs and layers of all manifests, each digest once.
    pub(crate) blobs: Vec<Descriptor>,
    /// Layers of schema 1 manifests, which do not tell sizes: whoever knows the blobs moves them to `blobs`.
    pub(crate) without_size: Vec<Digest>,
    /// Signatures, attestations and other artifacts that travel with the image. Their blobs are among `blobs`.
    pub(crate) attached: Vec<Attached>,
}

/// An artifact about an image, in the image's repository.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    /// The tag that leads to it, such as `sha256-<hex>.sig`; none for a referrer, which is found by its `subject`.
    pub(crate) tag: Option<String>,
    /// Its own parts.
    pub(crate) tree: ImageTree,
}

impl ImageTree {
    /// All manifests in the order in which they may be pushed, those of attached artifacts included.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        let attached = self.attached.iter().flat_map(|attached| attached.tree.image_manifests());
        self.children.iter().chain(attached).chain(std::iter::once(&self.root))
    }

    /// The manifests of the image itself, children before parents.
    pub(crate) fn image_manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.children.iter().chain(std::iter::once(&self.root))
    }

    /// Lets artifacts travel with the image.
    pub(crate) fn attach(&mut self, attached: Vec<Attached>) {
        let mut seen: HashSet<Digest> = self.blobs.iter().map(|blob| blob.digest.clone()).collect();
        for artifact in &attached {
            for blob in &artifact.tree.blobs {
                if seen.insert(blob.digest.clone()) {
                    self.blobs.push(blob.clone());
                }
            }
        }
        self.attached.extend(attached);
    }

    /// Sum of the blobs' sizes in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }
}

/// Why the parts of an image cannot be determined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeError<E> {
    /// A manifest could not be had.
    #[error("a manifest of the image could not be had")]
    Fetch(E),
    /// A manifest could not be understood.
    #[error("manifest {digest} of the image cannot be read")]
    View {
        /// Which.
        digest: Digest,
        /// Why.
        source: oci_transport::ManifestError,
    },
    /// The platform filter matches nothing.
    #[error(
        "no instances found for platform {platform} (the list has: {found}); check `platforms` in the configuration"
    )]
    NoInstance {
        /// The first platform that is missing.
        platform: Platform,
        /// What there is.
        found: String,
    },
    /// Indexes nest too deep.
    #[error("index {0} nests deeper than {MAX_DEPTH} levels")]
    TooDeep(Digest),
}

/// Walks from the root manifest down, fetching child manifests by descriptor.
///
/// With a platform filter, an index keeps its bytes and only the instances asked for are walked: those whose system and
/// architecture are listed, and those without a platform (contract `operators-archive.md` 6.4 and 7.5). A single image
/// is taken whatever the filter says.
pub(crate) async fn walk<E, F, R>(root: Manifest, platforms: &[Platform], fetch: F) -> Result<ImageTree, TreeError<E>>
where
    F: Fn(Descriptor) -> R,
    R: Future<Output = Result<Manifest, E>>,
{
    let mut children = Vec::new();
    let mut listed: HashMap<Digest, Vec<Digest>> = HashMap::new();
    let mut blobs = Blobs::default();
    let mut seen = HashSet::from([root.digest.clone()]);
    // Each entry is a manifest to open and its depth; children are collected parents first and put in order at the end.
    let mut open = vec![(root.clone(), 0_usize)];
    while let Some((manifest, depth)) = open.pop() {
        let view = manifest.view().map_err(|source| TreeError::View { digest: manifest.digest.clone(), source })?;
        match view {
            ManifestView::Index(index) => {
                if depth >= MAX_DEPTH {
                    return Err(TreeError::TooDeep(manifest.digest.clone()));
                }
                let selected = select(&index.manifests, platforms)?;
                for entry in selected {
                    let listed = listed.entry(manifest.digest.clone()).or_default();
                    listed.push(entry.descriptor.digest.clone());
                    if seen.insert(entry.descriptor.digest.clone()) {
                        let child = fetch(entry.descriptor.clone()).await.map_err(TreeError::Fetch)?;
                        children.push(child.clone());
                        open.push((child, depth + 1));
                    }
                }
            }
            ManifestView::Schema1(image) => {
                for layer in image.layers {
                    if blobs.seen.insert(layer.clone()) {
                        blobs.without_size.push(layer);
                    }
                }
            }
            other => {
                for blob in other.blobs() {
                    blobs.add(blob);
                }
            }
        }
    }
    let children = children_first(children, &listed);
    Ok(ImageTree { root, children, blobs: blobs.list, without_size: blobs.without_size, attached: Vec::new() })
}

/// Turns the order around, and then some: a manifest that an inner index lists as well comes before that index, although
/// an outer one named it earlier.
fn children_first(parents_first: Vec<Manifest>, listed: &HashMap<Digest, Vec<Digest>>) -> Vec<Manifest> {
    fn put(
        digest: &Digest,
        listed: &HashMap<Digest, Vec<Digest>>,
        left: &mut HashMap<Digest, Manifest>,
        ordered: &mut Vec<Manifest>,
    ) {
        let Some(manifest) = left.remove(digest) else { return };
        listed.get(digest).into_iter().flatten().for_each(|child| put(child, listed, left, ordered));
        ordered.push(manifest);
    }
    let order: Vec<Digest> = parents_first.iter().rev().map(|manifest| manifest.digest.clone()).collect();
    let mut left = parents_first.into_iter().map(|manifest| (manifest.digest.clone(), manifest)).collect();
    let mut ordered = Vec::with_capacity(order.len());
    for digest in &order {
        put(digest, listed, &mut left, &mut ordered);
    }
    ordered
}

fn select<'a, E>(
    entries: &'a [oci_transport::IndexEntry],
    platforms: &[Platform],
) -> Result<Vec<&'a oci_transport::IndexEntry>, TreeError<E>> {
    if platforms.is_empty() {
        return Ok(entries.iter().collect());
    }
    let known =
        |entry: &&oci_transport::IndexEntry| entry.platform.clone().filter(|p| !p.os.is_empty() && p.os != "unknown");
    for wanted in platforms {
        if !entries.iter().filter_map(|entry| known(&entry)).any(|platform| wanted.selects(&platform)) {
            let mut found: Vec<String> =
                entries.iter().filter_map(|entry| known(&entry)).map(|p| p.to_string()).collect();
            found.sort();
            found.dedup();
            return Err(TreeError::NoInstance { platform: wanted.clone(), found: found.join(", ") });
        }
    }
    Ok(entries
        .iter()
        .filter(|entry| known(entry).is_none_or(|platform| platforms.iter().any(|wanted| wanted.selects(&platform))))
        .collect())
}

#[derive(Default)]
struct Blobs {
    list: Vec<Descriptor>,
    without_size: Vec<Digest>,
    seen: HashSet<Digest>,
}

impl Blobs {
    fn add(&mut self, blob: &Descriptor) {
        // Publishers of foreign layers forbid to distribute them: they live at URLs of their own.
        if blob.is_foreign() {
            return;
        }
        if self.seen.insert(blob.digest.clone()) {
            self.list.push(blob.clone());
        }
    }
}
