//! IDMS, ITMS, `CatalogSource`, `ClusterCatalog`, `UpdateService` and the signature `ConfigMap`: emit.
//!
//! After images are mirrored, a cluster has to be told where they are. This crate turns what was mirrored, a list of
//! [`Mirrored`] rows, and the facts in a [`Request`] into [`Document`]s: file names and texts, ready to be written
//! into `cluster-resources/` and applied. The same input gives the same bytes, whatever order the rows came in.
//!
//! ```
//! use cluster_resources::{Kind, Mirrored, Request, emit};
//! use image_ref::ImageRef;
//!
//! let rows = [Mirrored {
//!     kind: Kind::Generic,
//!     origin: ImageRef::parse("registry.access.redhat.com/ubi9/ubi:latest").unwrap(),
//!     destination: ImageRef::parse("mirror.lab:5000/ns/ubi9/ubi:latest").unwrap(),
//! }];
//! let request = Request { created_at: "2026-01-02T03:04:05Z", tool_version: "v1.0.0", ..Request::default() };
//! let emitted = emit(&rows, &request);
//! assert_eq!(emitted.documents[0].file_name, "itms-oc-mirror.yaml");
//! assert!(emitted.documents[0].text.contains("source: registry.access.redhat.com/ubi9\n"));
//! ```
//!
//! What could not be done as asked comes back beside the documents, as [`Notice`]s: one odd catalog name does not cost
//! the other files. [`lost`] compares with the files of the run before, and [`flatten`] applies `--max-nested-paths`.
//!
//! The crate reads no file and no clock, and knows nothing of registries, configurations and clusters: templates and
//! signatures come in as text and bytes, the time comes in as text.
//!
//! ## Deviations
//! From oc-mirror v2, see `docs/behaviour/release.md` section 6 and 5.4:
//! - Documents, pairs and mirrors have a fixed order; upstream's is random.
//! - A source path ends with another only at whole elements: `quay.io/ubi` is not `m/ns/myubi`.
//! - Images from directories (`oci://…`) are no sources of mirrors; `ubi:1` means `docker.io/library/ubi`.
//! - `--max-nested-paths` is applied to the `UpdateService` too; with 1, no empty path element appears.
//! - A catalog name that Kubernetes would refuse is repaired and reported; upstream stops after everything is copied.
//!   Names that upstream accepts are the same.
//! - Two catalogs that would share a file get two files; upstream overwrites the first.
//! - A template belongs to the catalog it was configured for, not to every catalog whose reference contains that text.
//!   Its `icon` is kept, and an empty `updateStrategy` is dropped instead of crashing.
//! - Signatures are numbered in the order of release versions, not of copying, and those of the run before stay: a cluster
//!   needs the signature of each release that it may still be updated to.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod catalog;
mod document;
mod emit;
mod lost;
mod mirror_set;
mod mirrored;
mod nested;
mod registries;
mod request;
mod signatures;
mod template;
mod update_service;
pub mod yaml;

pub use document::{Document, Section};
pub use emit::{Emitted, emit};
pub use lost::{Entry, ReadError, lost};
pub use mirrored::{Kind, Mirrored};
pub use nested::flatten;
pub use registries::registries_conf;
pub use request::{Notice, Request, SignatureFile};
pub use template::{CatalogTemplate, TemplateError};
