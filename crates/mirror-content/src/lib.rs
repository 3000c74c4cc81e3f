//! Content by digest: manifests and blobs, in the cache, in an archive or in a registry.
//!
//! - [`root`]: the rule that an image which is named by a digest has that digest as its root;
//! - [`source`]: one set of questions for every place, and what damage means in each; [`image`]: the parts of an image,
//!   read from any of them;
//! - [`stored`]: manifests and blobs of the cache, how they are read and how they get there;
//! - [`advance`]: how far a transfer is, as events.
//!
//! ```
//! use mirror_content::root::root_with;
//! use oci_manifest::VerifiedManifest;
//!
//! let made = |text: &str| {
//!     let index = serde_json::json!({"manifests": [], "annotations": {"text": text}});
//!     VerifiedManifest::made(&index, "application/vnd.oci.image.index.v1+json")
//! };
//! let (named, other) = (made("named"), made("other"));
//! assert!(root_with(named.digest(), named.clone()).is_ok());
//! // Whoever serves another image under that digest is not believed.
//! assert!(root_with(named.digest(), other).is_err());
//! ```

#![expect(missing_debug_implementations, reason = "most types hold clients and observers, which print nothing useful")]
// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod advance;
pub mod image;
pub mod root;
pub mod source;
pub mod stored;
