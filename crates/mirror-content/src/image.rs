//! The parts of an image, read from wherever it lies.

use image_ref::Digest;
use mirror_job::failure::{Condition, CopyError, tree as tree_error};
use mirror_plan::PlannedImage;
use oci_manifest::{Descriptor, ImageTree, VerifiedManifest, walk};

use crate::root::root_of;
use crate::source::ContentSource;

/// The media type of a layer of schema 1, whose manifest tells none.
const SCHEMA1_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// An image whose parts are known.
#[derive(Debug, Clone)]
pub struct ReadImage {
    /// Its parts.
    pub tree: ImageTree,
    /// Layers that the source does not have and that may be left out: their publisher offers them elsewhere.
    pub left_out: Vec<Descriptor>,
}

/// Why an image cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The source does not have a layer of which only it can tell the size.
    NoLayer(Digest),
    /// Anything else.
    Failed(CopyError),
}

impl ReadError {
    /// The failure of the image.
    pub fn of(self, image: &PlannedImage) -> CopyError {
        match self {
            Self::NoLayer(digest) => {
                CopyError::permanent(Condition::NOT_FOUND, format!("layer {digest} is not in {}", image.source))
            }
            Self::Failed(error) => error,
        }
    }
}

impl From<CopyError> for ReadError {
    fn from(error: CopyError) -> Self {
        Self::Failed(error)
    }
}

/// Reads the manifests of an image for its platforms, beginning with `root`. Layers of schema 1 get the size that they have
/// at the source, and layers that may be left out are kept where the source has them.
///
/// # Errors
/// When the image is pinned to another root, or a part is not there.
pub async fn read_image<S: ContentSource>(
    source: &S,
    image: &PlannedImage,
    root: VerifiedManifest,
) -> Result<ReadImage, ReadError> {
    let mut tree = walk(root_of(image, root)?, &image.platforms, |child: Descriptor| async move {
        let found = source.manifest(&child.digest).await?;
        found.ok_or_else(|| {
            let text = format!("manifest {} of {} is not there any more", child.digest, image.origin);
            CopyError::permanent(Condition::NOT_FOUND, text)
        })
    })
    .await
    .map_err(tree_error)?;
    for digest in std::mem::take(&mut tree.without_size) {
        match source.size(&Descriptor::new("", digest.clone(), 0)).await? {
            Some(size) => tree.blobs.push(Descriptor::new(SCHEMA1_LAYER, digest, size)),
            None => return Err(ReadError::NoLayer(digest)),
        }
    }
    let mut left_out = Vec::new();
    for layer in std::mem::take(&mut tree.optional) {
        match source.size(&layer).await? {
            Some(_) => tree.blobs.push(layer),
            None => left_out.push(layer),
        }
    }
    Ok(ReadImage { tree, left_out })
}
