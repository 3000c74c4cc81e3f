//! Names of release images in the cache and at the destination (`docs/behaviour/release.md` 3.2,
//! `docs/behaviour/config-cli.md` 4.1).

use std::fmt;

use image_ref::{ImageRef, ParseError, ParseRepositoryError, is_valid_tag};

use super::Component;

/// The repository of payloads.
pub const RELEASE_REPOSITORY: &str = "openshift/release-images";
/// The repository of components and boot images.
pub const COMPONENT_REPOSITORY: &str = "openshift/release";
/// The repository of the update graph image.
pub const GRAPH_REPOSITORY: &str = "openshift/graph-image";
/// The tag of the update graph image.
pub const GRAPH_TAG: &str = "latest";

/// A release payload that has a name: the signed one, `…/ocp-release:4.16.2-x86_64`, or, when signatures are ignored,
/// the one by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseName {
    image: ImageRef,
    tag: String,
}

impl ReleaseName {
    /// Takes a payload reference.
    ///
    /// # Errors
    /// When it has neither tag nor digest, or its name breaks the repository grammar: the last element becomes a
    /// directory name.
    pub fn new(image: ImageRef) -> Result<Self, ReleaseNameError> {
        image.repository().map_err(|source| ReleaseNameError::Repository { image: image.to_string(), source })?;
        let tag = match (image.tag(), image.digest()) {
            (Some(tag), _) => tag.to_owned(),
            (None, Some(digest)) => digest.hex().to_owned(),
            (None, None) => return Err(ReleaseNameError::NoTag(image.to_string())),
        };
        Ok(Self { image, tag })
    }

    /// The payload reference.
    pub fn image(&self) -> &ImageRef {
        &self.image
    }

    /// What begins the tag of every image of the release: the payload's tag, else the bare hex digits of its digest.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The folder of this release below `release-images/` and `hold-release/` of the working directory: the last path
    /// element with every `:` as a `/`, so `ocp-release/4.16.2-x86_64` or `ocp-release@sha256/<hex>`.
    pub fn folder(&self) -> String {
        // The digest of a reference with both is left out: upstream never meets one here, and a tag is what is shown.
        let image = match self.image.tag() {
            Some(tag) => self.image.with_tag(tag),
            None => self.image.clone(),
        };
        let text = image.to_string();
        text.rsplit('/').next().unwrap_or(&text).replace(':', "/")
    }

    /// The payload itself.
    pub fn payload(&self) -> ReleaseImage {
        ReleaseImage {
            role: ReleaseRole::Payload,
            repository: RELEASE_REPOSITORY.to_owned(),
            tag: self.tag.clone(),
            source: self.image.clone(),
            written: self.image.as_written().strip_prefix("docker://").unwrap_or(self.image.as_written()).to_owned(),
        }
    }

    /// A component or boot image of the release.
    ///
    /// # Errors
    /// When the component names no image of a registry, or its name cannot end a tag.
    pub fn component(&self, component: &Component) -> Result<ReleaseImage, ReleaseNameError> {
        let source = ImageRef::parse(&component.image)
            .map_err(|source| ReleaseNameError::Component { name: component.name.clone(), source })?;
        // A payload must not make this program read a folder or another store of this machine.
        if let Err(error) = source.repository() {
            let (name, image) = (component.name.clone(), component.image.clone());
            return Err(ReleaseNameError::ComponentSource { name, image, source: error });
        }
        let (repository, tag) = if component.name.is_empty() {
            (source.path().to_owned(), source.tag_or_digest_tag())
        } else {
            (COMPONENT_REPOSITORY.to_owned(), format!("{}-{}", self.tag, component.name))
        };
        if !is_valid_tag(&tag) {
            return Err(ReleaseNameError::ComponentName { name: component.name.clone(), tag });
        }
        let role = ReleaseRole::Component(component.name.clone());
        Ok(ReleaseImage { role, repository, tag, source, written: component.image.clone() })
    }

    /// Everything that a release brings: components and boot images, then the payload, sorted by (origin, name), exact
    /// duplicates removed.
    ///
    /// # Errors
    /// The first component that cannot be named.
    pub fn images<'a>(
        &self,
        components: impl IntoIterator<Item = &'a Component>,
    ) -> Result<Vec<ReleaseImage>, ReleaseNameError> {
        let mut images = vec![self.payload()];
        for component in components {
            images.push(self.component(component)?);
        }
        images.sort_by(|a, b| (&a.written, &a.repository, &a.tag).cmp(&(&b.written, &b.repository, &b.tag)));
        images.dedup();
        Ok(images)
    }
}

/// The update graph image, for a `source` that an enclave run copies it from, or its own cached name.
pub fn graph_image(source: ImageRef) -> ReleaseImage {
    ReleaseImage {
        role: ReleaseRole::Graph,
        repository: GRAPH_REPOSITORY.to_owned(),
        tag: GRAPH_TAG.to_owned(),
        written: source.with_scheme(),
        source,
    }
}

/// What an image is in a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseRole {
    /// A component or boot image, by its name (`ocpReleaseContent`).
    Component(String),
    /// The payload (`ocpRelease`).
    Payload,
    /// The update graph image (`cincinnatiGraph`).
    Graph,
}

/// One image of a release: where it comes from at first, and its repository and tag in the cache, in the archive and
/// below the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseImage {
    /// What it is.
    pub role: ReleaseRole,
    /// The repository, without registry.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The registry it comes from at first. A run from disk takes it from the cache instead, under `repository:tag`.
    pub source: ImageRef,
    /// The source as written.
    written: String,
}

impl ReleaseImage {
    /// The name by which logs, resources, blocked images and platform filters know it: as written, for components in
    /// every workflow; for payloads in disk to mirror with `docker://`; for the graph image always with its transport.
    pub fn origin(&self, from_disk: bool) -> String {
        match self.role {
            ReleaseRole::Payload if from_disk => format!("docker://{}", self.written),
            _ => self.written.clone(),
        }
    }
}

impl fmt::Display for ReleaseImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// Why an image of a release cannot be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ReleaseNameError {
    #[error("release `{0}` has neither tag nor digest")]
    NoTag(String),
    #[error("release `{image}`: {source}")]
    Repository { image: String, source: ParseRepositoryError },
    #[error("component `{name}` of the release: {source}")]
    Component { name: String, source: ParseError },
    #[error("component `{name}` of the release is `{image}`, which is no image of a registry: {source}")]
    ComponentSource { name: String, image: String, source: ParseRepositoryError },
    #[error("component `{name}` of the release cannot be named at the destination: `{tag}` is no tag")]
    ComponentName { name: String, tag: String },
}
