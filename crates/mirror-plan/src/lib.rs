//! Configuration and facts become a plan: what to copy where, and why.
//!
//! The plan is a plain, serialisable value. A dry run prints it, the engine runs it, tests compare it, and
//! `oc-mirror why` explains it. Nothing here opens a socket or a file: where a decision needs a fact (the graph of a
//! channel, the payload of a release, the content of a catalog), the engine brings it.
//!
//! - [`PlannedImage`]: one image with its source, its [`CacheName`] (the name in cache and archive), its destination,
//!   and [`Why`] it is wanted;
//! - [`Draft`]: the images as collected, without those of `blockedImages`, duplicates merged; it asks for the digests that
//!   decide whether two images may have one name;
//! - [`Plan`]: all of them in copying order, each name held by one image;
//! - [`Destination`]: the naming rules at the destination registry;
//! - one module per family that turns its part of the configuration into planned images.
//!
//! ```
//! use isc_schema::AdditionalImage;
//! use std::collections::BTreeMap;
//!
//! use mirror_plan::{Destination, Draft, Mode, additional};
//!
//! let images = [AdditionalImage::new("quay.io/ns/app:v1".parse().unwrap())];
//! let destination = Destination::parse("reg.lan:5000/m").unwrap();
//! let collected = additional::plan(&images, Some(&destination)).unwrap();
//! let draft = Draft::new(Mode::MirrorToMirror, collected.images, &[], Some(&destination));
//! assert!(draft.undecided().is_empty());
//! let plan = draft.settle(&BTreeMap::new(), false).unwrap();
//! assert_eq!(plan.images[0].destination.as_ref().unwrap().to_string(), "reg.lan:5000/m/ns/app:v1");
//! ```
//!
//! ## Deviations
//!
//! - An image that several entries ask for with and without a platform filter is mirrored whole; upstream keeps the
//!   filter (`docs/behaviour/operators-archive.md` 7.5, quirk 17).
//! - `--max-nested-paths 1` joins the whole path into one component; upstream leaves an empty component.
//! - Duplicates merge wherever they stand, not only side by side.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod additional;
pub mod attachment;
mod blocklist;
mod cache_name;
mod claim;
mod collision;
pub mod delete;
mod destination;
mod draft;
mod facts;
pub mod helm;
mod kind;
pub mod older;
pub mod operators;
mod plan;
pub mod release;

pub use blocklist::blocking_exactly;
pub use cache_name::CacheName;
pub use collision::{Claimant, Collision, Difference, Holder};
pub use destination::{Destination, DestinationError};
pub use draft::Draft;
pub use facts::{BundleChannel, PlannedBundle, PlannedRelease, ReleaseUpdate};
pub use kind::{Family, ImageKind};
pub use plan::{
    Blocked, CatalogImage, CatalogRole, ConfigEntry, ImageId, Mode, OperatorUse, PinnedCatalog, Plan, PlannedImage,
    Twin, Why,
};
