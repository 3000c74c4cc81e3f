//! The name of an image in the cache.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Repository and tag of an image in the cache, and so in the archive; below the destination too, unless flattened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CacheName {
    /// Repository path, without registry.
    pub repository: String,
    /// Tag.
    pub tag: String,
}

impl fmt::Display for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}
