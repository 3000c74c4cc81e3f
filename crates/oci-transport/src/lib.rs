//! Registries and image layouts: pull, push, mount, delete, list.
//!
//! An own client for the distribution specification, written for mirroring: manifests travel as the bytes that came,
//! blobs are verified while they stream, everything interrupted continues, and one retry policy decides by condition.
//!
//! - A [`Client`] stands for one side of a copy. It is made from [`ClientOptions`], plain values: the crate reads no
//!   environment, no terminal and no configuration file.
//! - A [`VerifiedManifest`] is bytes, media type and verified digest; [`VerifiedManifest::view`] reads it. Nothing else can
//!   be pushed as a manifest.
//! - Blobs go from a [`BlobSource`] or into a [`BlobSink`], two small traits for whoever owns the disk.
//! - An [`Error`] is asked for its [`Condition`], whether another attempt may help, and what to do next.
//!
//! ```no_run
//! use image_ref::ImageRef;
//! use oci_transport::{Client, ClientOptions, FileSink, ManifestView};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ClientOptions::default())?;
//! let pulled = client.pull_manifest(&ImageRef::parse("quay.io/ns/app:1")?).await?;
//! if let ManifestView::Image(image) = pulled.manifest.view()? {
//!     for layer in &image.layers {
//!         let mut sink = FileSink::create(layer.digest.hex())?;
//!         client.pull_blob(&pulled.endpoint, layer, &mut sink, &|_| {}).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It knows nothing of caches, archives, plans, or which images belong together.
//!
//! ## Deviations
//! Compared with containers/image, which oc-mirror v2 uses:
//! - blobs are sent with one `POST` and one `PUT` instead of `POST`, `PATCH`, `PUT`;
//! - a download that breaks off continues with a `Range` request, an upload where the registry holds it;
//! - an attempt that moved at least 1 MiB does not count against the retries;
//! - all statuses of 500 and above, 408 and 425 are retried, not only 500 to 504 and 429;
//! - a redirect from HTTPS to plain HTTP is refused unless verification is off, and so is a token server over plain HTTP;
//! - the next page of a list must be at the registry itself, or be the same list under another of its names.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod address;
mod auth;
mod bandwidth;
mod blob;
mod call;
pub mod challenge;
mod client;
mod clocks;
pub mod content_range;
mod credentials;
mod endpoint;
mod error;
mod file_body;
mod get;
mod guard;
mod host;
mod inner;
mod layout;
mod limiter;
pub mod link;
mod list;
pub mod location;
mod login;
mod notices;
mod options;
mod place;
mod proxy;
mod pull;
mod push;
mod reach;
mod redact;
mod remote;
mod requests;
mod reserved;
mod retry;
mod retry_policy;
mod scope;
mod skopeo;
mod source;
mod tally;
mod tls;
mod trust;
mod upload;
mod upload_body;
mod upload_pieces;
mod upload_place;
mod uploads;

pub use bandwidth::{Bandwidth, Clock};
pub use blob::{BlobSink, BlobSource, FileSink, FileSource};
pub use client::Client;
pub use credentials::{Anonymous, CredentialError, CredentialRequest, CredentialSource, Fixed, Origin};
pub use endpoint::{Endpoint, Reference};
pub use error::{Condition, Error, Hint, Side};
pub use get::Answer;
pub use image_ref::Hasher;
pub use layout::{Layout, LayoutError, LayoutSink};
pub use limiter::{Limiter, Permit};
pub use notices::{Notice, NoticeListener, Waiting};
pub use oci_manifest::{
    Artifact, Descriptor, Image, Index, IndexEntry, MAX_MANIFEST_BYTES, ManifestError, ManifestView, Schema1,
    VerifiedManifest, media_type,
};
pub use options::ClientOptions;
pub use proxy::ProxySettings;
pub use pull::{Progress, PulledManifest};
pub use redact::{REDACTED, Redactor};
pub use registries_conf::{Credentials, Secret};
pub use requests::RequestCounts;
pub use retry_policy::RetryPolicy;
pub use skopeo::Skopeo;
pub use source::ImageSource;
pub use tally::RetryTally;
