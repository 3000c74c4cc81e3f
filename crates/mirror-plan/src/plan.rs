//! The plan: a plain value that says what to copy where, and why.

use std::fmt;

use image_ref::{ImageRef, Platform};
use isc_schema::BlockedImage;
use serde::{Deserialize, Serialize};

use crate::ImageKind;
use crate::blocklist::blocking;

/// Which of the three workflows runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Source registries to archive.
    MirrorToDisk,
    /// Archive to destination registry.
    DiskToMirror,
    /// Source registries to destination registry.
    MirrorToMirror,
}

impl Mode {
    /// The name in the log (contract `config-cli.md` 6.2).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MirrorToDisk => "mirrorToDisk",
            Self::DiskToMirror => "diskToMirror",
            Self::MirrorToMirror => "mirrorToMirror",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Repository and tag of an image in the cache, and so in the archive; below the destination too, unless flattened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CacheName {
    /// Repository path, without registry.
    pub repository: String,
    /// Tag.
    pub tag: String,
}

impl fmt::Display for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// Why an image is in the plan: a path through the configuration and what it led to, most general first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Why {
    /// Path in the configuration, such as `mirror.operators[0].packages[1]`.
    pub path: String,
    /// Line of the configuration, counted from 1; 0 when unknown.
    pub line: u32,
    /// The steps from there to the image, such as `channel stable`, `bundle foo.v1.2.3`.
    pub steps: Vec<String>,
}

/// One image to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedImage {
    /// Its role.
    pub kind: ImageKind,
    /// The name by which logs, error files and delete lists know it (contract `config-cli.md` 4.3, "Origin").
    pub origin: String,
    /// Where it comes from at first: a source registry, an OCI layout.
    pub source: ImageRef,
    /// Its name in cache and archive.
    pub cache: CacheName,
    /// Its name at the destination registry; none in mirror to disk.
    pub destination: Option<ImageRef>,
    /// The platforms to take from a list; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Whether this program made the image (a rebuilt catalog, the graph image): it is in the cache before copying
    /// starts and no source registry knows it.
    #[serde(default)]
    pub built: bool,
    /// Indexes into [`Plan::images`] of the images without which this one is useless: a bundle's related images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// The operators that are incomplete without it; empty for images of other families and for catalogs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorUse>,
    /// What brought it in.
    pub why: Why,
}

/// A bundle of an operator that an image belongs to (contract `operators-archive.md` 4, "Association").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperatorUse {
    /// The operator: the name of its package.
    pub operator: String,
    /// The bundle.
    pub bundle: String,
}

/// A catalog of the configuration and the content it stands for in this run (contract `config-cli.md` 1.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedCatalog {
    /// Place of the entry in `mirror.operators`, from 0.
    pub entry: usize,
    /// The catalog by digest.
    pub catalog: ImageRef,
    /// The tag at the destination; none when the configuration names neither a tag nor a `targetTag`.
    pub target_tag: Option<String>,
}

/// An image that `blockedImages` keeps out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The image's origin.
    pub origin: String,
    /// The expression that matched.
    pub pattern: String,
}

/// Everything one run copies, in copying order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow.
    pub mode: Mode,
    /// The images, in the order of [`ImageKind`] and inside a kind as collected.
    pub images: Vec<PlannedImage>,
    /// What `blockedImages` kept out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Blocked>,
    /// The catalogs by digest, in the order of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogs: Vec<PinnedCatalog>,
}

impl Plan {
    /// A plan from collected images: blocked ones leave, exact duplicates merge, the rest is brought in copying order.
    ///
    /// Two entries are the same when source, cache name and destination are: the first one's reason is kept, needs of
    /// both are united, and the platform filters too (an entry without filter means all platforms, so it widens the
    /// union to all: contract `operators-archive.md` 7.5, quirk 17).
    pub fn assemble(mode: Mode, collected: Vec<PlannedImage>, blocked_images: &[BlockedImage]) -> Self {
        let mut blocked = Vec::new();
        let mut images: Vec<PlannedImage> = Vec::with_capacity(collected.len());
        // Where an index of `collected` ended up in `images`; none when blocked.
        let mut moved: Vec<Option<usize>> = Vec::with_capacity(collected.len());
        let mut known = std::collections::HashMap::new();
        for image in collected {
            if let Some(entry) = blocking(blocked_images, &image) {
                blocked.push(Blocked { origin: image.origin, pattern: entry.as_str().to_owned() });
                moved.push(None);
                continue;
            }
            let key =
                (image.source.to_string(), image.cache.clone(), image.destination.as_ref().map(ToString::to_string));
            let at = *known.entry(key).or_insert(images.len());
            moved.push(Some(at));
            if at == images.len() {
                images.push(image);
            } else {
                merge(&mut images[at], image);
            }
        }
        for image in &mut images {
            image.needs = image.needs.iter().filter_map(|need| moved.get(*need).copied().flatten()).collect();
        }
        Self { mode, images: sort(images), blocked, catalogs: Vec::new() }
    }
}

fn merge(kept: &mut PlannedImage, other: PlannedImage) {
    if kept.platforms.is_empty() || other.platforms.is_empty() {
        kept.platforms.clear();
    } else {
        for platform in other.platforms {
            if !kept.platforms.contains(&platform) {
                kept.platforms.push(platform);
            }
        }
    }
    for need in other.needs {
        if !kept.needs.contains(&need) {
            kept.needs.push(need);
        }
    }
    for part_of in other.operators {
        if !kept.operators.contains(&part_of) {
            kept.operators.push(part_of);
        }
    }
    kept.kind = kept.kind.min(other.kind);
}

/// Sorts by kind, keeps the order inside a kind, and renumbers `needs`.
fn sort(images: Vec<PlannedImage>) -> Vec<PlannedImage> {
    let mut order: Vec<usize> = (0..images.len()).collect();
    order.sort_by_key(|at| images[*at].kind);
    let mut place = vec![0; images.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut numbered: Vec<(usize, PlannedImage)> =
        images.into_iter().enumerate().map(|(old, image)| (place[old], image)).collect();
    numbered.sort_by_key(|(new, _)| *new);
    numbered
        .into_iter()
        .map(|(at, mut image)| {
            for need in &mut image.needs {
                *need = place[*need];
            }
            // What one catalog calls a bundle, another may call a related image. An image waits only for what stands
            // before it, so that no two images can wait for each other.
            image.needs.retain(|need| *need < at);
            image.needs.sort_unstable();
            image.needs.dedup();
            image
        })
        .collect()
}
