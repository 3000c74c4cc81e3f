//! `signedIdentity`: which name a signature must speak about.

use image_ref::{ImageRef, Repository};

/// How the name in a signature must relate to the name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignedIdentity {
    /// Equal, tag and digest included (`matchExact`).
    MatchExact,
    /// Equal; but when a digest was asked for, the same repository is enough (`matchRepoDigestOrExact`). The default.
    #[default]
    MatchRepoDigestOrExact,
    /// The same repository (`matchRepository`).
    MatchRepository,
    /// This reference, whatever was asked for (`exactReference`).
    ExactReference(ImageRef),
    /// This repository, whatever was asked for (`exactRepository`).
    ExactRepository(Repository),
    /// Like [`SignedIdentity::MatchRepoDigestOrExact`] after `prefix` of the name that was asked for has been replaced by
    /// `signed_prefix` (`remapIdentity`).
    Remap {
        /// `host[:port]`, or that with namespaces or a repository below it.
        prefix: String,
        /// What takes its place.
        signed_prefix: String,
    },
}
