//! ImageSetConfiguration and DeleteImageSetConfiguration: parse, validate, explain.
//!
//! The configuration is what people write by hand, so its mistakes are the most read output of the program. [`parse`]
//! takes the text and the [`Kind`] that is wanted, and gives a [`Parsed`]: a [`Document`] in which every reference,
//! version, path and pattern is already a value of its own type, and every [`Diagnostic`] that can be found in the text,
//! at once, each with line, column, field, and what would work instead.
//!
//! ```
//! use isc_schema::{Kind, parse};
//!
//! let text = "\
//! kind: ImageSetConfiguration
//! apiVersion: mirror.openshift.io/v2alpha1
//! mirror:
//!   additonalImages:
//!   - name: quay.io/ns/app:1.0
//!   platform:
//!     channels:
//!     - name: stable-4.18
//!       minVersion: 4.18
//! ";
//! let parsed = parse(text, Kind::ImageSet);
//! assert_eq!(
//!     parsed.render("isc.yaml", text),
//!     r#"isc.yaml:4:3: error: mirror: unknown field "additonalImages" in the `mirror` section
//!   4 |   additonalImages:
//!     |   ^^^^^^^^^^^^^^^
//!   help: did you mean `additionalImages`?
//! isc.yaml:9:19: error: mirror.platform.channels[0].minVersion: expected text, found the number `4.18`
//!   9 |       minVersion: 4.18
//!     |                   ^^^^
//!   help: a release has three numbers: write `minVersion: 4.18.0`"#
//! );
//! ```
//!
//! Each item keeps its [`Span`], so that later answers can cite the line of the configuration they come from.
//! [`Document::to_yaml`] writes a configuration back, in the form of oc-mirror's pinned files; [`json_schema`] gives
//! editors the same fields.
//!
//! Every diagnostic has a [`Stage`]: oc-mirror finds some mistakes only while it collects, with other exit codes. Here
//! they are all found at once, and the stage lets the caller keep the codes.
//!
//! The crate knows no file, no network, no environment. It cannot say whether a catalog, channel or image exists, nor
//! which way of selecting operators will be used.
//!
//! ## Deviations from oc-mirror v2
//!
//! - All mistakes in one answer, those of the collection phase included; oc-mirror stops at the first.
//! - `packages[].bundles` (published, gone upstream) and `blockedImages` as plain strings are read.
//! - A package that is listed twice with the same words counts once, with a warning.
//! - Placeholders that nobody filled in are errors of their own.
//! - `storageConfig` in a `v1alpha2` file is ignored with a warning.
//! - An additional image without tag and digest means `latest`, with a warning.
//! - A release channel `type` other than `ocp` and `okd`, a negative `archiveSize`, a malformed `targetTag`, and a minimum
//!   above the maximum are refused.
//! - Warnings where oc-mirror is silent: unknown `apiVersion`, unknown architecture, a second YAML document, `channels`
//!   beside `release`, `samples`.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod block;
mod config;
mod decode;
mod diagnostic;
mod emit;
mod fields;
mod history;
mod parse;
mod place;
mod placeholder;
mod schema;
mod span;
pub mod suggest;
mod version;
mod write;
mod yaml;

pub use block::BlockedImage;
pub use config::{
    API_VERSION, AdditionalImage, DEFAULT_ARCHIVE_SIZE_GIB, DeleteImageSetConfiguration, Document, Helm, HelmChart,
    HelmRepository, ImageSetConfiguration, Kind, Mirror, OperatorCatalog, Package, PackageChannel, PlatformConfig,
    ReleaseChannel, ReleaseType, Sample, SelectedBundle,
};
pub use diagnostic::{Code, Diagnostic, Severity, Stage};
pub use parse::{Parsed, parse};
pub use place::{BoundField, Item, ParsePlaceError, Place};
pub use schema::json_schema;
pub use span::Span;
pub use version::{ParseVersionError, VersionBound};
