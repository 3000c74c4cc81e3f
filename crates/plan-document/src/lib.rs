//! The resolved plan as a document: what a run will copy, digest by digest, before it copies anything.
//!
//! People review the document, compare it with the last one, and sign it. A machine applies it exactly; many machines apply
//! a part each. Nothing here opens a file or a socket: the document is text, and the rest is arithmetic.
//!
//! - [`Document`]: the plan, with every manifest and every blob;
//! - [`Document::read`] and [`Document::seal`]: the text, its `id`, and what is refused (`docs/formats/plan.md`);
//! - [`Diff`]: what changed between two plans;
//! - [`Totals`]: bytes, each blob counted once;
//! - [`Partition`]: which of n workers sends which blob, the same on every worker.
//!
//! ```
//! use plan_document::{Document, Mode};
//!
//! let (document, text) = Document::new(Mode::MirrorToMirror, "docker://reg.lan:5000/m").seal();
//! let read = Document::read(text.as_bytes()).unwrap();
//! assert_eq!(read.id, document.id);
//! // A changed plan is not the plan that was approved.
//! let changed = text.replace("reg.lan", "evil.lan");
//! assert!(Document::read(changed.as_bytes()).is_err());
//! ```

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod diff;
mod model;
mod planned;
mod releases;
mod shards;
mod text;
mod totals;

pub use diff::{Change, Diff, Entry, UpdateChange, WhatChanged};
pub use mirror_plan::Mode;
pub use model::{
    AttachedArtifact, BuiltFile, Document, FORMAT, Image, KIND, Manifest, Options, SignatureText, Template, Totals,
    json_schema,
};
pub use planned::InvalidPlan;
pub use releases::{ReleaseGraph, ReleaseNode};
pub use shards::{Partition, Shard};
pub use text::{MAX_BLOBS, MAX_BYTES, ReadError};
