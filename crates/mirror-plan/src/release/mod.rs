//! What a release brings with it: the payload, its components, boot images, names and signature files.
//!
//! A release is one image, the payload. Inside it lies `release-manifests/image-references`, read by
//! [`ImageReferences::parse`], which names about 190 component images. [`ReleaseName`] gives the payload its place in
//! the working directory and all of these images their names in the cache and at the destination; [`ReleaseImage`] is
//! one of them. [`signature`] knows where signatures are fetched from and kept.
//!
//! ```
//! use mirror_plan::release::{ImageReferences, ReleaseName};
//!
//! let references = ImageReferences::parse(br#"{"kind": "ImageStream", "spec": {"tags": [{"name": "etcd", "from":
//!     {"kind": "DockerImage", "name": "quay.io/openshift-release-dev/ocp-v4.0-art-dev:etcd"}}]}}"#)?;
//! let release = ReleaseName::new("quay.io/openshift-release-dev/ocp-release:4.16.2-x86_64".parse().unwrap())?;
//! let etcd = release.component(&references.components[0])?;
//! assert_eq!(etcd.to_string(), "openshift/release:4.16.2-x86_64-etcd");
//! assert_eq!(release.folder(), "ocp-release/4.16.2-x86_64");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here reads an image: the engine brings the files of the payload as bytes.

mod bootimages;
mod direct;
mod image_references;
mod layout;
mod name;
pub mod signature;
#[cfg(test)]
mod tests;

pub use bootimages::{
    BOOTIMAGES_FILE, Bootimages, BootimagesError, KubevirtKeys, KubevirtKeysReason, NoKubevirtImageError,
};
pub use direct::{DirectRelease, DirectReleaseError};
pub use image_references::{
    Component, IMAGE_REFERENCES_FILE, ImageReferences, ImageReferencesError, MAX_PAYLOAD_FILE_BYTES,
};
pub use layout::{LayoutError, MAX_INDEX_DEPTH, extracted_path};
pub use name::{
    COMPONENT_REPOSITORY, GRAPH_REPOSITORY, GRAPH_TAG, RELEASE_REPOSITORY, ReleaseImage, ReleaseName, ReleaseNameError,
    ReleaseRole, graph_image,
};
