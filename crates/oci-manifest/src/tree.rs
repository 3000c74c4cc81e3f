//! The parts of an image: its manifests, children before parents, and its unique blobs.

use std::collections::{HashMap, HashSet};
use std::future::Future;

use crate::descriptor::{Descriptor, total};
use crate::manifest::{VerifiedManifest, WrongDigest};
use crate::view::{IndexEntry, ManifestError, ManifestView};
use image_ref::{Digest, Platform};

/// How many indexes may lie in one another, the outermost included (`docs/behaviour/operators-archive.md` 1.1).
/// Registries nest one level, and nobody has met an image with more than two.
const MAX_DEPTH: usize = 5;

/// Everything one image consists of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImageTree {
    /// The manifest the tag names.
    pub root: VerifiedManifest,
    /// Manifests below the root, children before parents; empty for a single image.
    pub children: Vec<VerifiedManifest>,
    /// Configs and layers of all manifests, each digest once.
    pub blobs: Vec<Descriptor>,
    /// Layers of schema 1 manifests, which do not tell sizes: whoever knows the blobs moves them to `blobs`.
    pub without_size: Vec<Digest>,
    /// Layers that may be left out when the source does not serve them ([`Descriptor::may_be_left_out`]): whoever knows
    /// the source moves those that it serves to `blobs`.
    pub optional: Vec<Descriptor>,
    /// Signatures, attestations and other artifacts that travel with the image. Their blobs are among `blobs`.
    pub attached: Vec<Attached>,
}

/// An artifact about an image, in the image's repository.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The tag that leads to it, such as `sha256-<hex>.sig`; none for a referrer, which is found by its `subject`.
    pub tag: Option<String>,
    /// Its own parts.
    pub tree: ImageTree,
}

/// The first manifest of an image, which is the one that its source names. An image whose source names a digest begins
/// with that digest or not at all, whatever a tag, a link or a file name says.
#[derive(Debug, Clone)]
pub struct Root(VerifiedManifest);

/// The image is not the one that its source names by digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image is pinned to {pinned}, and what was found for it is {found}")]
pub struct WrongRoot {
    /// The digest that the source names.
    pub pinned: Digest,
    /// The digest of what was found.
    pub found: Digest,
}

impl Root {
    /// The first manifest of an image whose source names the digest `pinned`, if it names one.
    ///
    /// # Errors
    /// When the manifest is another one.
    pub fn of(manifest: VerifiedManifest, pinned: Option<&Digest>) -> Result<Self, WrongRoot> {
        match pinned {
            Some(pinned) if !manifest.has_digest(pinned) => {
                Err(WrongRoot { pinned: pinned.clone(), found: manifest.digest().clone() })
            }
            _ => Ok(Self(manifest)),
        }
    }

    /// The first manifest of what this program made itself: nothing was asked for.
    pub fn made(manifest: VerifiedManifest) -> Self {
        Self(manifest)
    }

    /// The manifest.
    pub fn manifest(&self) -> &VerifiedManifest {
        &self.0
    }
}

impl ImageTree {
    /// An image of one manifest that has these blobs.
    pub fn single(root: Root, blobs: Vec<Descriptor>) -> Self {
        Self {
            root: root.0,
            children: Vec::new(),
            blobs,
            without_size: Vec::new(),
            optional: Vec::new(),
            attached: Vec::new(),
        }
    }

    /// All manifests in the order in which they may be pushed, those of attached artifacts included.
    pub fn manifests(&self) -> impl Iterator<Item = &VerifiedManifest> {
        let attached = self.attached.iter().flat_map(|attached| attached.tree.image_manifests());
        self.children.iter().chain(attached).chain(std::iter::once(&self.root))
    }

    /// The manifests of the image itself, children before parents.
    pub fn image_manifests(&self) -> impl Iterator<Item = &VerifiedManifest> {
        self.children.iter().chain(std::iter::once(&self.root))
    }

    /// Lets artifacts travel with the image.
    pub fn attach(&mut self, attached: Vec<Attached>) {
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
    pub fn bytes(&self) -> u64 {
        total(self.blobs.iter().map(|blob| blob.size))
    }
}

/// Why the parts of an image cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum TreeError<E> {
    /// A manifest could not be fetched.
    #[error("could not fetch a manifest of the image")]
    Fetch(E),
    /// A manifest could not be understood.
    #[error("manifest {digest} of the image cannot be read")]
    View {
        /// Which.
        digest: Digest,
        /// Why.
        source: ManifestError,
    },
    /// What was fetched is another manifest than the index lists.
    #[error("a manifest that the image's list names is another one")]
    WrongChild(#[source] WrongDigest),
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
/// architecture are listed, and those without a platform (`docs/behaviour/operators-archive.md` 6.4 and 7.5). A single image
/// is taken whatever the filter says.
///
/// # Errors
/// When a manifest cannot be fetched, read or is another one, or when no instance is for a platform that is asked for.
pub async fn walk<E, F, R>(root: Root, platforms: &[Platform], fetch: F) -> Result<ImageTree, TreeError<E>>
where
    F: Fn(Descriptor) -> R,
    R: Future<Output = Result<VerifiedManifest, E>>,
{
    let root = root.0;
    let mut children = Vec::new();
    let mut listed: HashMap<Digest, Vec<Digest>> = HashMap::new();
    let mut blobs = Blobs::default();
    let mut seen = HashSet::from([root.digest().clone()]);
    // Each entry is a manifest to open and its depth; children are collected parents first and put in order at the end.
    let mut open = vec![(root.clone(), 0_usize)];
    while let Some((manifest, depth)) = open.pop() {
        let view = manifest.view().map_err(|source| TreeError::View { digest: manifest.digest().clone(), source })?;
        match view {
            ManifestView::Index(index) => {
                if depth >= MAX_DEPTH {
                    return Err(TreeError::TooDeep(manifest.digest().clone()));
                }
                let selected = select(&index.manifests, platforms)?;
                for entry in selected {
                    let listed = listed.entry(manifest.digest().clone()).or_default();
                    listed.push(entry.descriptor.digest.clone());
                    if seen.insert(entry.descriptor.digest.clone()) {
                        let child = fetch(entry.descriptor.clone()).await.map_err(TreeError::Fetch)?;
                        if !child.has_digest(&entry.descriptor.digest) {
                            return Err(TreeError::WrongChild(WrongDigest {
                                expected: entry.descriptor.digest.clone(),
                                found: child.digest().clone(),
                            }));
                        }
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
    Ok(ImageTree {
        root,
        children,
        blobs: blobs.list,
        without_size: blobs.without_size,
        optional: blobs.optional,
        attached: Vec::new(),
    })
}

/// Turns the order around, and then some: a manifest that an inner index lists as well comes before that index, although
/// an outer one named it earlier.
///
/// Indexes that an outer one lists side by side may list each other in a chain of any length, so this keeps its own stack.
fn children_first(
    parents_first: Vec<VerifiedManifest>,
    listed: &HashMap<Digest, Vec<Digest>>,
) -> Vec<VerifiedManifest> {
    let order: Vec<Digest> = parents_first.iter().rev().map(|manifest| manifest.digest().clone()).collect();
    let mut left: HashMap<Digest, VerifiedManifest> =
        parents_first.into_iter().map(|manifest| (manifest.digest().clone(), manifest)).collect();
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

fn select<'a, E>(entries: &'a [IndexEntry], platforms: &[Platform]) -> Result<Vec<&'a IndexEntry>, TreeError<E>> {
    if platforms.is_empty() {
        return Ok(entries.iter().collect());
    }
    let known = |entry: &&IndexEntry| entry.platform.clone().filter(|p| !p.os.is_empty() && p.os != "unknown");
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
    optional: Vec<Descriptor>,
    without_size: Vec<Digest>,
    seen: HashSet<Digest>,
}

impl Blobs {
    fn add(&mut self, blob: &Descriptor) {
        if !self.seen.insert(blob.digest.clone()) {
            return;
        }
        if blob.may_be_left_out() { &mut self.optional } else { &mut self.list }.push(blob.clone());
    }
}

#[cfg(test)]
mod tests {
    use crate::media_type;
    use serde_json::{Value, json};

    use super::*;

    /// Manifests by the letters that a row calls them.
    #[derive(Default)]
    struct Registry(Vec<(String, VerifiedManifest, Value)>);

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
            let config = image_ref::Hasher::of(image_ref::Algorithm::Sha256, name.as_bytes()).to_string();
            let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 1});
            let body =
                json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": []});
            let platform =
                platform.split_once('/').map(|(os, architecture)| json!({"os": os, "architecture": architecture}));
            let manifest = VerifiedManifest::made(&body, media_type::OCI_MANIFEST);
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
            self.0.push((name.to_owned(), VerifiedManifest::made(&body, media_type::OCI_INDEX), Value::Null));
        }

        fn name(&self, digest: &Digest) -> &str {
            &self.0.iter().find(|(_, manifest, _)| manifest.digest() == digest).unwrap().0
        }

        fn walk(&self, platforms: &[&str]) -> Result<ImageTree, TreeError<String>> {
            let platform = |text: &&str| text.split_once('/').map(|(os, architecture)| Platform::new(os, architecture));
            let platforms: Vec<Platform> = platforms.iter().filter_map(platform).collect();
            let by_digest: HashMap<&Digest, &VerifiedManifest> =
                self.0.iter().map(|(_, manifest, _)| (manifest.digest(), manifest)).collect();
            let fetch = |child: Descriptor| {
                let found = by_digest.get(&child.digest).map(|manifest| (*manifest).clone());
                std::future::ready(found.ok_or_else(|| "not there".to_owned()))
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let root = Root::of(self.0.last().unwrap().1.clone(), None).unwrap();
            runtime.block_on(walk(root, &platforms, fetch))
        }

        /// The names in the order in which they may be pushed, or why there is none.
        fn pushed(&self, platforms: &[&str]) -> String {
            match self.walk(platforms) {
                Ok(tree) => tree.manifests().map(|manifest| self.name(manifest.digest())).collect::<Vec<_>>().join(" "),
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
        let expected: Vec<&Digest> = registry.0.iter().map(|(_, manifest, _)| manifest.digest()).collect();
        assert!(tree.manifests().map(VerifiedManifest::digest).eq(expected));
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
        assert_eq!(lost.pushed(&[]), "could not fetch a manifest of the image");
    }

    fn manifest(text: &str) -> VerifiedManifest {
        VerifiedManifest::made(&json!({"manifests": [], "annotations": {"name": text}}), media_type::OCI_INDEX)
    }

    /// The rule that everything else stands on: a source with a digest has that digest as its root.
    #[test]
    fn an_image_begins_with_the_digest_it_is_pinned_to_or_not_at_all() {
        let (good, evil) = (manifest("good"), manifest("evil"));
        let sha512 = |of: &VerifiedManifest| image_ref::Hasher::of(image_ref::Algorithm::Sha512, of.bytes());
        let check = |found: &VerifiedManifest, pinned: Option<&Digest>, expected: bool| {
            let root = Root::of(found.clone(), pinned);
            match root {
                Ok(root) => assert!(expected && root.manifest() == found, "{found:?} {pinned:?}"),
                Err(error) => {
                    assert!(!expected, "{found:?} {pinned:?}");
                    assert_eq!((Some(&error.pinned), &error.found), (pinned, found.digest()));
                }
            }
        };
        check(&good, None, true);
        check(&good, Some(good.digest()), true);
        check(&good, Some(&sha512(&good)), true);
        check(&good, Some(evil.digest()), false);
        check(&good, Some(&sha512(&evil)), false);
        check(&evil, Some(good.digest()), false);
    }

    /// What is fetched for a child is compared once more: it may come from a place that knows names only.
    #[test]
    fn a_child_is_the_one_that_the_list_names() {
        let child = manifest("child");
        let list = json!({"manifests": [child.descriptor()]});
        let walked = |found: VerifiedManifest| {
            let root = Root::of(VerifiedManifest::made(&list, media_type::OCI_INDEX), None).unwrap();
            let fetch = move |_: Descriptor| std::future::ready(Ok::<_, String>(found.clone()));
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(walk(root, &[], fetch))
        };
        assert_eq!(walked(child.clone()).unwrap().children, std::slice::from_ref(&child));
        match walked(manifest("other")) {
            Err(TreeError::WrongChild(error)) => assert_eq!(&error.expected, child.digest()),
            other => panic!("{other:?}"),
        }
    }

    /// Layers that name places outside are kept apart; whether they are foreign by name does not matter.
    #[test]
    fn only_layers_that_name_urls_may_be_left_out() {
        let digest = |text: &str| image_ref::Hasher::of(image_ref::Algorithm::Sha256, text.as_bytes());
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let layer =
            |name: &str, urls: &[&str]| json!({"mediaType": foreign, "digest": digest(name), "size": 7, "urls": urls});
        let image = json!({
            "config": {"mediaType": "x", "digest": digest("config"), "size": 1},
            "layers": [layer("a", &[]), layer("b", &["https://far.lab/b"])],
        });
        let root = Root::of(VerifiedManifest::made(&image, media_type::DOCKER_MANIFEST), None).unwrap();
        let fetch = |_: Descriptor| std::future::ready(Err::<VerifiedManifest, _>("no child".to_owned()));
        let tree =
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(walk(root, &[], fetch)).unwrap();
        let digests = |blobs: &[Descriptor]| blobs.iter().map(|blob| blob.digest.clone()).collect::<Vec<_>>();
        assert_eq!(digests(&tree.blobs), [digest("config"), digest("a")]);
        assert_eq!(digests(&tree.optional), [digest("b")]);
        assert_eq!(tree.bytes(), 8);
    }
}
