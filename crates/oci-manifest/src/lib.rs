//! Manifests of container images: verified bytes, what they name, and the walk through an image.
//!
//! The bytes are the truth; parsing is a view. The rules that copying, storing and verifying share have their one home
//! here:
//!
//! - **A digest is a digest.** A [`VerifiedManifest`] exists only after its digest was compared with the digest that was
//!   asked for. Caches and registries take nothing else. A [`Root`] is the first manifest of an image, compared with the
//!   digest that the image was pinned to; an [`ImageTree`] is walked from nothing else.
//! - **One size limit**: [`MAX_MANIFEST_BYTES`].
//! - **One reading.** A manifest is a JSON object. A manifest that two programs could read in two ways is refused
//!   ([`ManifestError::Ambiguous`]). Of a signed schema 1 manifest, only the bytes that were hashed are read.
//! - **One rule for layers that may be left out**: [`Descriptor::may_be_left_out`].
//!
//! ```
//! use oci_manifest::{ManifestView, VerifiedManifest};
//!
//! let bytes = br#"{"schemaVersion":2,"manifests":[]}"#;
//! let asked = image_ref::Hasher::of(image_ref::Algorithm::Sha256, bytes);
//! let manifest = VerifiedManifest::verify(&bytes[..], None, &asked)?;
//! assert!(matches!(manifest.view(), Ok(ManifestView::Index(_))));
//!
//! let other = image_ref::Hasher::of(image_ref::Algorithm::Sha256, b"{}");
//! assert!(VerifiedManifest::verify(&bytes[..], None, &other).is_err());
//! # Ok::<(), oci_manifest::WrongDigest>(())
//! ```
//!
//! The crate knows nothing of files, registries or archives.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod descriptor;
mod manifest;
pub mod media_type;
mod object;
mod schema1;
mod tree;
mod view;

pub use descriptor::{Descriptor, total};
pub use manifest::{VerifiedManifest, WrongDigest};
pub use tree::{Attached, ImageTree, Root, TreeError, WrongRoot, walk};
pub use view::{
    Artifact, Image, Index, IndexEntry, MAX_MANIFEST_BYTES, ManifestError, ManifestView, NamedBlob, Schema1,
};
