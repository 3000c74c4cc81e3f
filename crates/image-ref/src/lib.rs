//! What an image is called: references, digests, transports and platforms, the vocabulary of every other crate.
//!
//! A text such as `quay.io/ns/app:1@sha256:…` is parsed once, into an [`ImageRef`], and travels as that from then on.
//! The parser follows the reference rules of oc-mirror v2 (`docs/behaviour/config-cli.md` 1.3): it splits, it does not
//! guess. Three further steps are named and explicit, so that nothing happens behind the caller's back:
//!
//! - [`ImageRef::normalized`] applies the Docker Hub short forms (`foo:1` is `docker.io/library/foo:1`);
//! - [`ImageRef::repository`] checks the distribution grammar and gives the [`Repository`] a registry client needs;
//! - [`ImageRef::tag_or_digest_tag`] gives the tag under which an image is kept in the cache and at the destination.
//!
//! ```
//! use image_ref::ImageRef;
//!
//! let image = ImageRef::parse("quay.io/openshift/cli:v1").unwrap();
//! assert_eq!(image.domain(), "quay.io");
//! assert_eq!(image.path(), "openshift/cli");
//! assert_eq!(image.tag(), Some("v1"));
//! assert_eq!(image.to_string(), "quay.io/openshift/cli:v1");
//! ```
//!
//! With the feature `hash` it also computes digests: `Hasher`, for the crates that keep or move content.
//!
//! The crate knows no network, no file system and no environment.
//!
//! ## Deviations from oc-mirror v2
//!
//! - A tag must follow the tag grammar, and white space in a registry reference is an error; oc-mirror takes both to
//!   the registry, which refuses them.
//! - A reference with tag and digest, and one with a port and a digest, are what they say (there they are misread).
//! - [`ImageRef::parse_name`] takes a reference without tag and digest, for callers who have a default.

// What is parsed here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod digest;
#[cfg(feature = "hash")]
mod hasher;
mod platform;
mod reference;
mod repository;
mod transport;

pub use digest::{Algorithm, CUT_TAG, Digest, LONGEST_TAG, ParseDigestError};
#[cfg(feature = "hash")]
pub use hasher::Hasher;
pub use platform::{ParsePlatformError, Platform};
pub use reference::{ImageRef, ParseError};
pub use repository::{ParseRepositoryError, Repository, is_valid_path, is_valid_tag};
pub use transport::Transport;
