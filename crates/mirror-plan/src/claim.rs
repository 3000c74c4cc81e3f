//! Claims to a name: how strong each is, and which names nothing but a release may have.

use serde::{Deserialize, Serialize};

use crate::collision::Claimant;
use crate::release::{COMPONENT_REPOSITORY, GRAPH_REPOSITORY, RELEASE_REPOSITORY};
use crate::{Destination, Family, ImageKind, PlannedImage};

/// Repositories of the cache, and below a destination, that hold images of releases and nothing else.
pub(crate) const RESERVED: [&str; 3] = [RELEASE_REPOSITORY, COMPONENT_REPOSITORY, GRAPH_REPOSITORY];

/// How strong a claim to a name is, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Rank {
    /// Part of a release.
    Release,
    /// A line of the configuration names it.
    Configured,
    /// A catalog or a chart names it.
    Found,
}

impl Rank {
    pub(crate) fn of(kind: ImageKind) -> Self {
        match kind {
            _ if kind.family() == Family::Release => Self::Release,
            ImageKind::Additional | ImageKind::OperatorCatalog => Self::Configured,
            _ => Self::Found,
        }
    }
}

impl Claimant {
    /// The image, by the entry of the configuration that has the strongest claim.
    pub(crate) fn of(image: &PlannedImage, rank: Rank) -> Self {
        Self {
            kind: image.kind,
            origin: image.origin.clone(),
            path: image.why.path.clone(),
            line: image.why.line,
            configured: rank != Rank::Found,
        }
    }
}

/// The repositories that are reserved for releases, as the paths that a name is compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reserved {
    /// Paths at the destination: below its namespace, and from the root of its registry; folded as names there are.
    there: Vec<(String, &'static str)>,
}

impl Reserved {
    pub(crate) fn new(destination: Option<&Destination>) -> Self {
        let paths = |destination: &Destination, repository: &'static str| {
            [destination.path(repository), destination.path_from_root(repository)].map(|path| (path, repository))
        };
        let there = destination
            .map(|destination| RESERVED.into_iter().flat_map(|repository| paths(destination, repository)).collect());
        Self { there: there.unwrap_or_default() }
    }

    /// The reserved repository that a path at the destination is.
    pub(crate) fn at_destination(&self, path: &str) -> Option<&'static str> {
        self.there.iter().find(|(reserved, _)| reserved == path).map(|(_, repository)| *repository)
    }

    /// The reserved repository that a repository of the cache is.
    pub(crate) fn in_cache(repository: &str) -> Option<&'static str> {
        RESERVED.into_iter().find(|reserved| *reserved == repository)
    }
}
