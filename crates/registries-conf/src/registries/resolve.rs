//! From the name that was asked for to the names that are contacted.

use image_ref::{ImageRef, ParseRepositoryError, Repository, Transport};

use super::{RegistriesConf, Registry, matching};
use crate::layer::Origin;

/// One place an image may be pulled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSource {
    /// What is really contacted.
    pub image: ImageRef,
    /// What was asked for. Policies, credentials given on the command line and reports go by this name.
    pub logical: ImageRef,
    /// HTTPS without verification and plain HTTP are acceptable here. An explicit choice of the caller goes before
    /// (`docs/behaviour/release.md` 7.1).
    pub insecure: bool,
    /// A mirror, not the primary location.
    pub mirror: bool,
}

/// A `[[registry]]` table forbids the access.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("registry {prefix} is blocked in {origin}")]
pub struct Blocked {
    /// The prefix of the table.
    pub prefix: String,
    /// The file and line of the table.
    pub origin: Origin,
}

/// Why a reference has no pull sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The primary location is blocked and there is no mirror for this reference.
    #[error("{image}: {blocked}")]
    Blocked {
        /// The reference that was asked for.
        image: String,
        /// The table that forbids it.
        blocked: Blocked,
    },
    /// The name does not follow the distribution grammar.
    #[error("{image}: {source}")]
    Name {
        /// The reference that was asked for.
        image: String,
        /// What is wrong with it.
        source: ParseRepositoryError,
    },
    /// Putting a location in place of the prefix gives no repository name.
    #[error(
        "{image}: rewriting reference with the registry `{prefix}` of {origin}: invalid reference format `{rewritten}`: {source}"
    )]
    Rewrite {
        /// The reference that was asked for.
        image: String,
        /// The prefix of the table.
        prefix: String,
        /// The file and line of the table.
        origin: Box<Origin>,
        /// What the rewriting gave.
        rewritten: String,
        /// What is wrong with it.
        source: ParseRepositoryError,
    },
}

impl RegistriesConf {
    /// Where to pull `image` from, in the order to try: mirrors first, the primary location last. The first source that
    /// delivers the manifest serves the whole image.
    ///
    /// Only sources that may be accessed are listed. When the primary is blocked and a mirror remains, the list holds
    /// the mirrors alone, and [`RegistriesConf::blocked`] tells the reason once they all failed. References of other
    /// transports than a registry are their own only source. Nothing is ever added from short-name settings
    /// (`docs/behaviour/release.md` 7.3, "Short names").
    ///
    /// # Errors
    /// When nothing may be accessed, or a rewritten name is no repository name. See [`ResolveError`].
    pub fn resolve(&self, image: &ImageRef) -> Result<Vec<PullSource>, ResolveError> {
        if *image.transport() != Transport::Docker {
            return Ok(vec![PullSource {
                image: image.clone(),
                logical: image.clone(),
                insecure: false,
                mirror: false,
            }]);
        }
        let logical = image.normalized();
        if let Err(source) = logical.repository() {
            return Err(ResolveError::Name { image: logical.to_string(), source });
        }
        let Some(registry) = self.registry_for(logical.name()) else {
            return Ok(vec![PullSource { image: logical.clone(), logical, insecure: false, mirror: false }]);
        };
        let has_digest = logical.digest().is_some();
        let mut sources = Vec::with_capacity(registry.mirrors.len() + 1);
        for mirror in registry.mirrors.iter().filter(|mirror| mirror.pull_from_mirror.serves(has_digest)) {
            let image = rewrite(&logical, registry, &mirror.location)?;
            sources.push(PullSource { image, logical: logical.clone(), insecure: mirror.insecure, mirror: true });
        }
        let image = match &registry.location {
            Some(location) => rewrite(&logical, registry, location)?,
            None => logical.clone(),
        };
        sources.push(PullSource { image, logical: logical.clone(), insecure: registry.insecure, mirror: false });

        // Blocking goes by the name that is contacted, so a mirror can be blocked as well as the primary.
        let mut blocked = None;
        sources.retain(|source| match self.blocked(source.image.name()) {
            Some(by) => {
                blocked = Some(by);
                false
            }
            None => true,
        });
        match blocked {
            Some(blocked) if sources.is_empty() => Err(ResolveError::Blocked { image: logical.to_string(), blocked }),
            _ => Ok(sources),
        }
    }
}

/// Puts `location` in place of the part of the name that the prefix matches.
fn rewrite(logical: &ImageRef, registry: &Registry, location: &str) -> Result<ImageRef, ResolveError> {
    let matched = matching::matched_len(logical.name(), &registry.prefix).unwrap_or_default();
    let name = format!("{location}{}", logical.name().get(matched..).unwrap_or_default());
    match name.parse::<Repository>() {
        Ok(_) => Ok(logical.with_name(&name)),
        Err(source) => Err(ResolveError::Rewrite {
            image: logical.to_string(),
            prefix: registry.prefix.clone(),
            origin: Box::new(registry.origin.clone()),
            rewritten: logical.with_name(&name).to_string(),
            source,
        }),
    }
}
