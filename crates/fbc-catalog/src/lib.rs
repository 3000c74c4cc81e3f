//! File-based catalogs: read, select, write.
//!
//! A catalog of the Operator Lifecycle Manager is a directory of JSON and YAML documents: packages, their channels, the
//! bundles in them. This crate reads such a directory into a [`Catalog`], cuts it down to what a [`Request`] asks for
//! with [`select`], and writes the result with [`write`](fn@write), as a catalog that `opm serve` loads. The same types
//! answer what a mirror has to know: which images the bundles need ([`Catalog::related_images`]), what OLM would object
//! to ([`validate`]), what there is to list ([`listing`]).
//!
//! ```
//! use fbc_catalog::{Catalog, PackageRequest, Request, RuleSet, select, write};
//!
//! let yaml = r#"---
//! schema: olm.package
//! name: apple
//! defaultChannel: stable
//! ---
//! schema: olm.channel
//! package: apple
//! name: stable
//! entries:
//! - name: apple.v1.0.0
//! - name: apple.v1.1.0
//!   replaces: apple.v1.0.0
//! ---
//! schema: olm.bundle
//! package: apple
//! name: apple.v1.0.0
//! image: quay.io/acme/apple-bundle:1.0.0
//! properties:
//! - {type: olm.package, value: {packageName: apple, version: 1.0.0}}
//! ---
//! schema: olm.bundle
//! package: apple
//! name: apple.v1.1.0
//! image: quay.io/acme/apple-bundle:1.1.0
//! properties:
//! - {type: olm.package, value: {packageName: apple, version: 1.1.0}}
//! "#;
//! let catalog = Catalog::read([("apple/catalog.yaml", yaml)]).unwrap();
//!
//! let apple = PackageRequest { name: "apple".into(), ..PackageRequest::default() };
//! let request = Request { packages: vec![apple], ..Request::default() };
//! let selected = select(&catalog, &request, RuleSet::VersionRange).unwrap();
//!
//! assert_eq!(selected.catalog.bundles.len(), 1);
//! assert_eq!(selected.catalog.bundles[0].name, "apple.v1.1.0");
//! assert_eq!(selected.catalog.related_images().images[0].image.tag(), Some("1.1.0"));
//! assert_eq!(write(&selected.catalog).unwrap()[0].0, "apple/catalog.json");
//! ```
//!
//! The crate takes texts and gives values. It knows no file system, no network, no image layers and no configuration file;
//! it resolves no dependencies either, it only tells which ones a selection lacks ([`Report::missing`]).
//!
//! ## Deviations
//! From oc-mirror v2, on purpose (numbers are those of `docs/behaviour/operators-archive.md` section 10):
//! - What a selection leaves of a channel is checked as OLM checks it. What does not hang together gets the fewest entries
//!   that hold it together, or is refused with the smallest change of the request that helps; upstream writes the broken
//!   catalog (1, 2).
//! - What stands in a catalog several times is selected once. Where the documents differ, their package is refused; upstream
//!   writes all of them, and OLM refuses the result.
//! - Deprecations of channels that are gone are gone (3). Bundles that no channel lists are left out, with a warning (4).
//!   Unknown packages, channels and bundles are warned about, with near names (5).
//! - A bundle image is mirrored even where the bundle's `relatedImages` forgets it.
//! - Fields unknown to OLM survive in blobs of known schemas. Blobs of unknown schemas keep their bytes; upstream sorts
//!   their keys.
//! - YAML nests 64 levels at most, and its aliases repeat no more than makes a document about eight times as long. It
//!   becomes JSON with integers kept whole; upstream goes through floating point. `olm.bundle.object` is carried, not
//!   decoded, while reading.
//! - Under the published rules, a request that leaves out the default channel gets another one, with a warning, because
//!   the published scenarios 8 and 10 must end in a catalog OLM loads.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod bound;
mod catalog;
mod duplicates;
mod fields;
pub mod filter_hash;
mod graph;
mod ignore;
pub mod listing;
mod near;
pub mod opm_cache;
pub mod range;
mod read;
mod related_images;
mod request;
mod select;
mod snapshot;
mod validate;
pub mod version;
mod write;
mod yaml;

pub use catalog::{
    Bundle, BundleVersionError, Catalog, Channel, Deprecation, Deprecations, Entry, Origin, Other, Package,
    PackageProperty, Property, RelatedImageEntry,
};
pub use duplicates::Conflict;
pub use graph::GraphFault;
pub use ignore::TooManyRules;
pub use near::near;
pub use read::{ReadError, ReadErrors, ReadFault};
pub use related_images::{BundleId, RelatedImage, RelatedImageError, RelatedImageFault, RelatedImages};
pub use request::{ChannelRequest, PackageRequest, Request, RuleSet};
pub use select::{
    EmptyAdvice, Kind, Mend, MissingRequirement, NotFound, Part, Provider, Report, Requirement, SelectError,
    SelectErrors, Selected, Subject, Versions, Warning, select,
};
pub use validate::{Rule, Violation, validate};
pub use write::{WriteError, write};
