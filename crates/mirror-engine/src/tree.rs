//! The parts of an image: its manifests, children before parents, and its unique blobs.

use std::collections::{HashMap, HashSet};
use std::future::Future;

use image_ref::{Digest, Platform};
use oci_transport::{Descriptor, Manifest, ManifestView};

/// How many indexes may lie in one another, the outermost included (contract `operators-archive.md` 1.1). Registries nest
/// one level, and nobody has met an image with more than two.
const MAX_DEPTH: usize = 5;

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
///
/// Indexes that an outer one lists side by side may list each other in a chain of any length, so this keeps its own stack.
fn children_first(parents_first: Vec<Manifest>, listed: &HashMap<Digest, Vec<Digest>>) -> Vec<Manifest> {
    let order: Vec<Digest> = parents_first.iter().rev().map(|manifest| manifest.digest.clone()).collect();
    let mut left: HashMap<Digest, Manifest> =
        parents_first.into_iter().map(|manifest| (manifest.digest.clone(), manifest)).collect();
    let mut ordered = Vec::with_capacity(order.len());
    let mut opened: HashSet<&Digest> = HashSet::new();
    for digest in &order {
        // Each with whether everything that it lists is in its place.
        let mut open = vec![(digest, false)];
        while let Some((digest, is_next)) = open.pop() {
            if is_next {
                ordered.extend(left.remove(digest));
            } else if left.contains_key(digest) && opened.insert(digest) {
                open.push((digest, true));
                let children = listed.get(digest).map(Vec::as_slice).unwrap_or_default();
                open.extend(children.iter().rev().map(|child| (child, false)));
            }
        }
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

#[cfg(test)]
mod tests {
    use oci_transport::media_type;
    use serde_json::{Value, json};

    use super::*;

    /// Manifests by the letters that a row calls them.
    #[derive(Default)]
    struct Registry(Vec<(String, Manifest, Value)>);

    impl Registry {
        /// `a linux/amd64`: an image; `x: a b`: an index of what was named before. The last one is the root.
        fn of(rows: &[&str]) -> Self {
            let mut registry = Self::default();
            for row in rows {
                match row.split_once(':') {
                    None => registry.image(row),
                    Some((name, children)) => registry.index(name, children.split_whitespace()),
                }
            }
            registry
        }

        fn image(&mut self, row: &str) {
            let (name, platform) = row.split_once(' ').unwrap_or((row, ""));
            let config = oci_transport::Hasher::of(image_ref::Algorithm::Sha256, name.as_bytes()).to_string();
            let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 1});
            let body =
                json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": []});
            let platform =
                platform.split_once('/').map(|(os, architecture)| json!({"os": os, "architecture": architecture}));
            let manifest = Manifest::new(body.to_string(), media_type::OCI_MANIFEST);
            self.0.push((name.to_owned(), manifest, platform.unwrap_or_default()));
        }

        fn index<'n>(&mut self, name: &str, children: impl Iterator<Item = &'n str>) {
            let entry = |child: &str| {
                let (_, manifest, platform) = self.0.iter().find(|(known, ..)| known == child).unwrap();
                let mut entry = json!(manifest.descriptor());
                if platform.is_object() {
                    entry["platform"] = platform.clone();
                }
                entry
            };
            let entries: Vec<Value> = children.map(entry).collect();
            let body = json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries, "annotations": {"name": name},
            });
            self.0.push((name.to_owned(), Manifest::new(body.to_string(), media_type::OCI_INDEX), Value::Null));
        }

        fn name(&self, digest: &Digest) -> &str {
            &self.0.iter().find(|(_, manifest, _)| manifest.digest == *digest).unwrap().0
        }

        fn walk(&self, platforms: &[&str]) -> Result<ImageTree, TreeError<String>> {
            let platform = |text: &&str| text.split_once('/').map(|(os, architecture)| Platform::new(os, architecture));
            let platforms: Vec<Platform> = platforms.iter().filter_map(platform).collect();
            let by_digest: HashMap<&Digest, &Manifest> =
                self.0.iter().map(|(_, manifest, _)| (&manifest.digest, manifest)).collect();
            let fetch = |child: Descriptor| {
                let found = by_digest.get(&child.digest).map(|manifest| (*manifest).clone());
                std::future::ready(found.ok_or_else(|| "not there".to_owned()))
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(walk(self.0.last().unwrap().1.clone(), &platforms, fetch))
        }

        /// The names in the order in which they may be pushed, or why there is none.
        fn pushed(&self, platforms: &[&str]) -> String {
            match self.walk(platforms) {
                Ok(tree) => tree.manifests().map(|manifest| self.name(&manifest.digest)).collect::<Vec<_>>().join(" "),
                Err(TreeError::TooDeep(digest)) => format!("{} is too deep", self.name(&digest)),
                Err(error) => error.to_string(),
            }
        }
    }

    #[test]
    fn what_is_listed_comes_before_what_lists_it() {
        let check = |rows: &[&str], expected: &str| assert_eq!(Registry::of(rows).pushed(&[]), expected, "{rows:?}");
        check(&["a"], "a");
        check(&["x:"], "x");
        check(&["a", "b", "x: a b"], "b a x");
        // Listed twice, it is there once.
        check(&["a", "x: a a"], "a x");
        check(&["a", "b", "y: b", "x: a y"], "b y a x");
        check(&["a", "b", "y: b", "x: y a"], "b a y x");
        // What the outer index names first belongs to the inner one as well.
        check(&["a", "b", "y: a b", "x: a y"], "b a y x");
        check(&["a", "b", "y: a b", "x: y a"], "b a y x");
        check(&["a", "z: a", "y: z", "x: z y a"], "a z y x");
        // Two ways down to the same.
        check(&["a", "y: a", "z: a", "x: y z"], "a z y x");
    }

    #[test]
    fn indexes_in_indexes_end_somewhere() {
        let check = |rows: &[&str], expected: &str| assert_eq!(Registry::of(rows).pushed(&[]), expected, "{rows:?}");
        check(&["a", "v: a", "w: v", "x: w", "y: x", "z: y"], "a v w x y z");
        check(&["a", "u: a", "v: u", "w: v", "x: w", "y: x", "z: y"], "u is too deep");
        // Side by side they lie no deeper, however long the chain is.
        let mut rows = vec!["i0:".to_owned()];
        rows.extend((1..4000).map(|at| format!("i{at}: i{}", at - 1)));
        let all: Vec<String> = (0..4000).map(|at| format!("i{at}")).collect();
        rows.push(format!("root: {}", all.join(" ")));
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let registry = Registry::of(&rows);
        let tree = registry.walk(&[]).unwrap();
        let expected: Vec<&Digest> = registry.0.iter().map(|(_, manifest, _)| &manifest.digest).collect();
        assert!(tree.manifests().map(|manifest| &manifest.digest).eq(expected));
    }

    #[test]
    fn platforms_are_selected() {
        let rows = ["a linux/amd64", "b linux/arm64", "c unknown/unknown", "d", "x: a b c d"];
        let check = |platforms: &[&str], expected: &str| {
            assert_eq!(Registry::of(&rows).pushed(platforms), expected, "{platforms:?}");
        };
        check(&[], "d c b a x");
        // What has no platform travels along.
        check(&["linux/arm64"], "d c b x");
        check(&["linux/arm64", "linux/amd64"], "d c b a x");
        check(
            &["linux/arm64", "linux/s390x"],
            "no instances found for platform linux/s390x (the list has: linux/amd64, linux/arm64); check `platforms` in the configuration",
        );
        // A single image is taken whatever is asked for.
        assert_eq!(Registry::of(&["a linux/amd64"]).pushed(&["linux/s390x"]), "a");
        let lost = Registry(Registry::of(&["a", "x: a"]).0.split_off(1));
        assert_eq!(lost.pushed(&[]), "a manifest of the image could not be had");
    }
}
