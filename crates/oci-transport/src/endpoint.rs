//! A repository as it is really contacted.

use std::fmt;

use image_ref::Repository;

/// A repository at the registry that serves it: a mirror or the primary location.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub(crate) repository: Repository,
    pub(crate) logical: Repository,
    pub(crate) mirror: bool,
    /// What registries.conf says of it: reached without verification, and by plain HTTP where need be.
    pub(crate) insecure: bool,
}

impl Endpoint {
    /// The repository that is contacted.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The repository that was asked for. Policies and reports go by this name.
    pub fn logical(&self) -> &Repository {
        &self.logical
    }

    /// Whether this is a mirror of the repository that was asked for.
    pub fn is_mirror(&self) -> bool {
        self.mirror
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.repository, f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}")?;
        if self.mirror {
            write!(f, ", mirror of {}", self.logical)?;
        }
        f.write_str(")")
    }
}

/// What names a manifest inside a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A tag, which may move.
    Tag(String),
    /// A digest, which may not.
    Digest(image_ref::Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => fmt::Display::fmt(digest, f),
        }
    }
}

impl Reference {
    /// The reference behind its separator: `:tag` or `@digest`.
    pub(crate) fn suffix(&self) -> String {
        match self {
            Self::Tag(tag) => format!(":{tag}"),
            Self::Digest(digest) => format!("@{digest}"),
        }
    }
}
