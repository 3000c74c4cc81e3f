//! Where an image lives at the destination registry (`docs/behaviour/config-cli.md` 4).

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
    /// Reads `host[:port][/namespace]`, what follows `docker://`. Trailing slashes, as in the published examples, are
    /// dropped. Paths are not limited; see [`Destination::with_max_nested_paths`].
    ///
    /// # Errors
    /// When no registry client could address an image there.
    pub fn parse(text: &str) -> Result<Self, DestinationError> {
        let trimmed = text.trim_end_matches('/');
        let (registry, namespace) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        let owned = || trimmed.to_owned();
        if namespace.contains('@') || namespace.contains(':') {
            return Err(DestinationError::TagOrDigest(owned()));
        }
        // Container tools read a first element like `myhost` as a part of a Docker Hub name.
        if !registry.is_empty() && registry != "localhost" && !registry.contains(['.', ':', '[']) {
            return Err(DestinationError::NoHost { text: owned(), host: registry.to_owned() });
        }
        // The grammar of the host is checked with a path that is surely valid.
        let path = if namespace.is_empty() { "any" } else { namespace };
        Repository::new(registry, path)
            .map_err(|source| DestinationError::Grammar { text: owned(), why: source.to_string() })?;
        Ok(Self { registry: registry.to_owned(), namespace: namespace.to_owned(), max_nested_paths: 0 })
    }

    /// The same with the value of `--max-nested-paths`; 0 means no limit.
    #[must_use]
    pub fn with_max_nested_paths(mut self, limit: u32) -> Self {
        self.max_nested_paths = limit;
        self
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

    /// The path of a repository of the cache at this destination, below the namespace and folded.
    pub(crate) fn path(&self, repository: &str) -> String {
        match self.namespace.as_str() {
            "" => self.path_from_root(repository),
            namespace => self.path_from_root(&format!("{namespace}/{repository}")),
        }
    }

    /// The same for a destination without a namespace at this registry.
    pub(crate) fn path_from_root(&self, repository: &str) -> String {
        flatten(repository, self.max_nested_paths)
    }

    /// The full name of an image at this destination.
    ///
    /// With `--max-nested-paths N`, the first N-1 path components stay and the rest is joined with `-`
    /// (`docs/behaviour/config-cli.md` 4.7; N = 1 joins all into one component, where upstream leaves an empty one).
    ///
    /// # Errors
    /// When the resulting path breaks the repository grammar.
    pub fn image(&self, name: &CacheName) -> Result<ImageRef, DestinationError> {
        let repository = Repository::new(self.registry.clone(), self.path(&name.repository))
            .map_err(|error| DestinationError::Image { name: name.to_string(), why: error.to_string() })?;
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

/// Why a text is no destination registry, or an image cannot be there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum DestinationError {
    #[error("destination `docker://{0}` names a tag or digest: expected `docker://host[:port][/namespace]`")]
    TagOrDigest(String),
    #[error(
        "destination `docker://{text}`: registry mismatch: `{host}` has neither a dot nor a port, and container tools \
         would take it for a part of docker.io; write `{host}:443`"
    )]
    NoHost { text: String, host: String },
    #[error("destination `docker://{text}`: {why}")]
    Grammar { text: String, why: String },
    #[error("`{name}` cannot be the name of an image at the destination: {why}")]
    Image { name: String, why: String },
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn check(destination: &str, nested: u32, repository: &str, tag: &str, expected: &str) {
        let destination = Destination::parse(destination).unwrap().with_max_nested_paths(nested);
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
        let destination = Destination::parse("reg.lan/m").unwrap();
        let error = destination.image(&CacheName { repository: "Upper".into(), tag: "1".into() }).unwrap_err();
        insta::assert_snapshot!(error, @"`Upper:1` cannot be the name of an image at the destination: invalid repository path `m/Upper`: expected lower-case components separated by `/`, like `openshift/cli`");
    }

    /// The rows of `docs/behaviour/config-cli.md` 4.7.
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
    fn accepted() {
        for (text, registry, namespace) in [
            ("reg.lan:5000", "reg.lan:5000", ""),
            ("reg.lan:5000/", "reg.lan:5000", ""),
            ("reg.lan/a/b", "reg.lan", "a/b"),
            ("reg.lan/a/b//", "reg.lan", "a/b"),
            ("localhost/x", "localhost", "x"),
            ("localhost:5000", "localhost:5000", ""),
            ("10.0.0.1:5000/ns", "10.0.0.1:5000", "ns"),
            ("[::1]:5000/ns", "[::1]:5000", "ns"),
        ] {
            let destination = Destination::parse(text).unwrap();
            assert_eq!((destination.registry(), destination.namespace()), (registry, namespace), "{text}");
            assert_eq!(Destination::parse(&destination.to_string()), Ok(destination));
        }
    }

    #[test]
    fn refused() {
        let mut answers = String::new();
        for text in [
            "",
            "/",
            "myhost",
            "myhost/ns",
            "reg.lan/ns:tag",
            "reg.lan/ns@sha256:1",
            "reg.lan/Upper",
            "reg.lan:x/ns",
            "reg.lan//ns",
        ] {
            let _ = writeln!(answers, "{text:?}: {}", Destination::parse(text).unwrap_err());
        }
        insta::assert_snapshot!(answers, @r#"
        "": destination `docker://`: invalid registry ``: expected `host` or `host:port`
        "/": destination `docker://`: invalid registry ``: expected `host` or `host:port`
        "myhost": destination `docker://myhost`: registry mismatch: `myhost` has neither a dot nor a port, and container tools would take it for a part of docker.io; write `myhost:443`
        "myhost/ns": destination `docker://myhost/ns`: registry mismatch: `myhost` has neither a dot nor a port, and container tools would take it for a part of docker.io; write `myhost:443`
        "reg.lan/ns:tag": destination `docker://reg.lan/ns:tag` names a tag or digest: expected `docker://host[:port][/namespace]`
        "reg.lan/ns@sha256:1": destination `docker://reg.lan/ns@sha256:1` names a tag or digest: expected `docker://host[:port][/namespace]`
        "reg.lan/Upper": destination `docker://reg.lan/Upper`: invalid repository path `Upper`: expected lower-case components separated by `/`, like `openshift/cli`
        "reg.lan:x/ns": destination `docker://reg.lan:x/ns`: invalid registry `reg.lan:x`: expected `host` or `host:port`
        "reg.lan//ns": destination `docker://reg.lan//ns`: invalid repository path `/ns`: expected lower-case components separated by `/`, like `openshift/cli`
        "#);
    }

    proptest::proptest! {
        #[test]
        fn what_is_accepted_can_be_addressed(text in "[a-zA-Z0-9.:/@_-]{0,40}") {
            if let Ok(destination) = Destination::parse(&text) {
                let image = format!("{destination}/openshift/release:x");
                let repository = ImageRef::parse(&image).unwrap().repository().unwrap();
                proptest::prop_assert_eq!(repository.registry(), destination.registry());
            }
        }
    }
}
