//! For tests only: an in-process registry with faults, real registry processes, and a maker of images and catalogs.
//!
//! Three types matter. A [`Registry`] is a whole OCI registry inside the test: distribution API, token server, TLS,
//! a record of every request, and [`Fault`]s that are switched on while it runs. An [`Image`] is a manifest with all
//! that it names, made by [`ImageBuilder`] or [`IndexBuilder`] from [`Layer`]s of given sizes; the same seed gives
//! the same bytes. A [`TestCa`] makes the certificates.
//!
//! Beside them stand [`DebianRegistry`], [`Skopeo`] and [`Gpg`], programs of others as independent witnesses, and larger makers:
//! [`World`], [`Release`], [`OperatorWorld`], [`CatalogBuilder`], [`GeneratedCatalog`], [`release_shaped`].
//! Where nobody shall listen, [`Nowhere`] holds the port.
//!
//! ```
//! use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Registry, When};
//!
//! let registry = Registry::start_blocking();
//! let image = ImageBuilder::oci().layer(Layer::random(1, 64 << 10)).build();
//! registry.push("ns/app", "v1", &image);
//! // The first two blob reads answer 503.
//! let fault = registry.fault(Fault::new(When::kind(Kind::Blob).times(2), Effect::status(503)));
//!
//! assert_eq!(registry.manifest("ns/app", "v1").unwrap().digest, image.digest);
//! assert_eq!(fault.hits(), 0);
//! ```
//!
//! The crate knows nothing of oc-mirror: no archive, no cache, no configuration. It listens on loopback only, and what
//! it starts ends when its value is dropped. Where a test mistake shows (an invalid pattern, no free port) it panics.
//!
//! ## Deviations
//! The in-process registry checks what clients get wrong (digests, order of chunks, scopes, missing references) and
//! leaves out what they cannot see, such as garbage collection. Signatures of signed schema 1 manifests and of cosign
//! images are made up.

mod ca;
mod catalog;
mod certified;
mod chart;
mod digest;
mod flatten;
mod generated_catalog;
mod image;
pub mod media_type;
mod nowhere;
mod operators;
mod process;
mod random;
mod registry;
mod release;
mod schema;
mod server_certificate;
mod signer;
mod update_service;
mod web_server;
mod workload;
mod world;

pub use ca::TestCa;
pub use catalog::CatalogBuilder;
pub use certified::{Date, SigningAuthority, SigningCertificate, Subject, TransparencyLog};
pub use chart::ChartBuilder;
pub use digest::{manifest_digest, sha256};
pub use flatten::{FlatEntry, flatten};
pub use generated_catalog::{Filling, GeneratedCatalog};
pub use image::{
    Blob, Format, Image, ImageBuilder, IndexBuilder, Layer, LayerCompression, artifact, cosign_signature,
    cosign_signature_tag, schema1, schema1_signed,
};
pub use nowhere::Nowhere;
pub use operators::OperatorWorld;
pub use process::{Chromium, DebianRegistry, DebianRegistryBuilder, Gpg, Shown, Skopeo};
pub use random::Random;
pub use registry::{
    ActiveFault, Auth, Effect, Fault, Habit, Kind, Profile, Registry, RegistryBuilder, Request, Snapshot, Storage,
    StoredManifest, TokenAuth, User, When,
};
pub use release::{COMPONENTS, PAYLOADS, Release, image_references};
pub use schema::follows;
pub use server_certificate::{CertificateRecipe, ServerCertificate, SignedBy};
pub use signer::ReleaseSigner;
pub use update_service::{UpdateService, update_graph};
pub use web_server::{WebRequest, WebServer};
pub use workload::{Workload, WorkloadImage, release_shaped, single_layer};
pub use world::{World, WorldImage};
