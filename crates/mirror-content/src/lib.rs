//! Content by digest: manifests and blobs, in the cache, in an archive or in a registry.
//!
//! - [`root`]: the rule that an image which is named by a digest has that digest as its root;
//! - [`source`]: one set of questions for every place, and what damage means in each; [`image`]: the parts of an image,
//!   read from any of them;
//! - [`stored`]: manifests and blobs of the cache, how they are read and how they get there;
//! - [`advance`]: how far a transfer is, as events.

#![expect(missing_debug_implementations, reason = "most types hold clients and observers, which print nothing useful")]

pub mod advance;
pub mod image;
pub mod root;
pub mod source;
pub mod stored;
