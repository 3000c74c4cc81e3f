//! A destination registry: `docker://host[:port][/namespace]`.

use std::fmt;

use image_ref::Repository;

/// A registry, and the namespace in it below which everything is mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    registry: String,
    namespace: String,
}

impl Destination {
    /// Reads what follows `docker://`. Trailing slashes, as in the published examples, are dropped.
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
        let path = if namespace.is_empty() { "any" } else { namespace };
        Repository::new(registry, path)
            .map_err(|source| DestinationError::Grammar { text: owned(), why: source.to_string() })?;
        Ok(Self { registry: registry.into(), namespace: namespace.into() })
    }

    /// `host[:port]`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path below the registry; empty when there is none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl fmt::Display for Destination {
    /// `host[:port][/namespace]`, without `docker://`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        if !self.namespace.is_empty() {
            write!(f, "/{}", self.namespace)?;
        }
        Ok(())
    }
}

/// Why a text is no destination registry.
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
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

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
                let repository = image_ref::ImageRef::parse(&image).unwrap().repository().unwrap();
                proptest::prop_assert_eq!(repository.registry(), destination.registry());
            }
        }
    }
}
