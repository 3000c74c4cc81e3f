//! Where an image lives at the destination registry (contract `config-cli.md` 4).

use std::fmt;

use image_ref::{ImageRef, Repository};

use crate::CacheName;

/// A destination registry with an optional namespace below it: `reg.lan:5000/m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    registry: String,
    namespace: String,
    max_nested_paths: u32,
}

impl Destination {
    /// Parses `host[:port][/namespace]`. A trailing `/` is ignored, since published examples write it.
    ///
    /// `max_nested_paths` is the value of `--max-nested-paths`; 0 means no limit.
    ///
    /// # Errors
    /// When the host is malformed, the namespace breaks the repository grammar, or a tag or digest is written.
    pub fn parse(text: &str, max_nested_paths: u32) -> Result<Self, DestinationError> {
        let trimmed = text.trim_end_matches('/');
        let (registry, namespace) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        let invalid = |reason: String| DestinationError { text: text.to_owned(), reason };
        let last = namespace.rsplit('/').next().unwrap_or_default();
        if namespace.contains('@') || last.contains(':') {
            return Err(invalid("a destination has no tag and no digest".to_owned()));
        }
        // The grammar of the host is checked with a path that is surely valid.
        let probe = if namespace.is_empty() { "probe" } else { namespace };
        Repository::new(registry, probe).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { registry: registry.to_owned(), namespace: namespace.to_owned(), max_nested_paths })
    }

    /// `host[:port]`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// What follows the host, without slashes around it; empty when there is none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The value of `--max-nested-paths`; 0 means no limit.
    pub fn max_nested_paths(&self) -> u32 {
        self.max_nested_paths
    }

    /// The full name of an image at this destination.
    ///
    /// With `--max-nested-paths N`, the first N-1 path components stay and the rest is joined with `-`
    /// (contract `config-cli.md` 4.7; N = 1 joins all into one component, where upstream leaves an empty one).
    ///
    /// # Errors
    /// When the resulting path breaks the repository grammar.
    pub fn image(&self, name: &CacheName) -> Result<ImageRef, DestinationError> {
        let path = match self.namespace.as_str() {
            "" => name.repository.clone(),
            namespace => format!("{namespace}/{}", name.repository),
        };
        let path = flatten(&path, self.max_nested_paths);
        let repository = Repository::new(self.registry.clone(), path)
            .map_err(|error| DestinationError { text: name.to_string(), reason: error.to_string() })?;
        Ok(ImageRef::from_parts(&repository, Some(&name.tag), None))
    }
}

impl fmt::Display for Destination {
    /// `host[:port][/namespace]`, without `docker://`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, "/{}", self.namespace) }
    }
}

fn flatten(path: &str, limit: u32) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let limit = limit as usize;
    if limit == 0 || parts.len() <= limit {
        return path.to_owned();
    }
    let (kept, joined) = parts.split_at(limit - 1);
    let last = joined.join("-");
    kept.iter().copied().chain([last.as_str()]).collect::<Vec<_>>().join("/")
}

/// A destination that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid destination `{text}`: {reason}")]
pub struct DestinationError {
    text: String,
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(destination: &str, nested: u32, repository: &str, tag: &str, expected: &str) {
        let destination = Destination::parse(destination, nested).unwrap();
        let name = CacheName { repository: repository.into(), tag: tag.into() };
        assert_eq!(destination.image(&name).unwrap().to_string(), expected);
    }

    #[test]
    fn names_at_the_destination() {
        check(
            "reg.lan:5000/m",
            0,
            "openshift/release-images",
            "4.20.3-x86_64",
            "reg.lan:5000/m/openshift/release-images:4.20.3-x86_64",
        );
        check("reg.lan:5000", 0, "t/cli", "1", "reg.lan:5000/t/cli:1");
        check("reg.lan:5000/", 0, "t/cli", "1", "reg.lan:5000/t/cli:1");
    }

    #[test]
    fn nested_paths() {
        check("h.io", 2, "a/b/c/d", "t", "h.io/a/b-c-d:t");
        check("h.io", 3, "a/b/c/d", "t", "h.io/a/b/c-d:t");
        check("h.io", 4, "a/b/c/d", "t", "h.io/a/b/c/d:t");
        check("h.io", 9, "a/b/c/d", "t", "h.io/a/b/c/d:t");
        check("h.io", 1, "a/b/c/d", "t", "h.io/a-b-c-d:t");
        check("h.io/ns", 2, "openshift/release", "4.20.3-x86_64-etcd", "h.io/ns/openshift-release:4.20.3-x86_64-etcd");
    }

    #[test]
    fn refused() {
        for text in ["", "reg.lan/ns:tag", "reg.lan/ns@sha256:00", "reg.lan/UPPER", "reg lan"] {
            assert!(Destination::parse(text, 0).is_err(), "{text:?}");
        }
    }
}
