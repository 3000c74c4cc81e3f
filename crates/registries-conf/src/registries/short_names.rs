//! Short names: aliases, unqualified search, and the modes that choose between them.
//!
//! oc-mirror itself never resolves short names: an un-hosted name means Docker Hub (`docs/behaviour/release.md` 7.3). The
//! settings are parsed, checked, and answered for callers that want them.

use image_ref::{Digest, ImageRef, Repository};

use super::RegistriesConf;

/// `short-name-mode`: what to do when a short name could mean several registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShortNameMode {
    /// Try all unqualified-search registries in order.
    Disabled,
    /// Ask when there is a terminal, fail when there is none.
    Enforcing,
    /// Ask when there is a terminal, try all when there is none. The default.
    #[default]
    Permissive,
}

/// What a name that was typed may stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortName {
    /// The candidates, in the order to try.
    pub candidates: Vec<ImageRef>,
    /// Whether a person should be asked to choose among them first, given a terminal.
    pub ask: bool,
}

/// Why a short name stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ShortNameError {
    #[error("invalid short name `{0}`: {1}")]
    Name(String, &'static str),
    #[error("short-name `{name}` did not resolve to an alias and no unqualified-search registries are defined{}", in_layer(.layer.as_deref()))]
    NoRegistries { name: String, layer: Option<String> },
    #[error("short-name `{0}`: short-name resolution enforced but cannot prompt without a TTY")]
    Enforced(String),
}

fn in_layer(layer: Option<&str>) -> String {
    layer.map(|layer| format!(" in {layer}")).unwrap_or_default()
}

impl RegistriesConf {
    /// What the short or full name `text` may stand for, given whether a person can be asked (`terminal`).
    ///
    /// A name with a host stands for itself; an alias is decisive; otherwise the unqualified-search registries are
    /// candidates. Names without tag and digest get the tag `latest`.
    ///
    /// # Errors
    /// When the text is no name, nothing is configured for it, or the mode forbids to guess.
    pub fn short_name(&self, text: &str, terminal: bool) -> Result<ShortName, ShortNameError> {
        let parts = Parts::parse(text).map_err(|why| ShortNameError::Name(text.into(), why))?;
        if has_host(parts.name) {
            let image = ImageRef::parse_name(parts.name).map_err(|_| ShortNameError::Name(text.into(), "no name"))?;
            return Ok(ShortName { candidates: vec![parts.complete(&image.normalized())], ask: false });
        }
        if let Some((target, _)) = self.aliases.get(parts.name) {
            return Ok(ShortName { candidates: vec![parts.on(target)], ask: false });
        }
        let mut candidates = Vec::with_capacity(self.unqualified_search.len());
        for registry in &self.unqualified_search {
            let hosted = format!("{registry}/{}", parts.name);
            let image = ImageRef::parse_name(&hosted).map_err(|_| ShortNameError::Name(text.into(), "no name"))?;
            candidates.push(parts.complete(&image.normalized()));
        }
        match (candidates.len(), self.short_name_mode()) {
            (0, _) => {
                Err(ShortNameError::NoRegistries { name: text.into(), layer: self.unqualified_search_layer.clone() })
            }
            (1, _) | (_, ShortNameMode::Disabled) => Ok(ShortName { candidates, ask: false }),
            (_, ShortNameMode::Enforcing) if !terminal => Err(ShortNameError::Enforced(text.into())),
            _ => Ok(ShortName { candidates, ask: terminal }),
        }
    }
}

/// `name[:tag][@digest]`, split where reference grammar splits: the tag follows a `:` of the last element, unless that
/// element could be a host with a port.
struct Parts<'a> {
    name: &'a str,
    tag: Option<&'a str>,
    digest: Option<Digest>,
}

impl<'a> Parts<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| "the digest is malformed")?)),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if name.len() >= last => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !image_ref::is_valid_tag(tag)) {
            return Err("the tag is malformed");
        }
        let path = if has_host(name) { name.split_once('/').map_or("", |(_, path)| path) } else { name };
        if !image_ref::is_valid_path(path) {
            return Err("expected lower-case elements separated by `/`");
        }
        Ok(Self { name, tag, digest })
    }

    fn on(&self, target: &Repository) -> ImageRef {
        self.complete(&ImageRef::from_parts(target, None, None))
    }

    fn complete(&self, name: &ImageRef) -> ImageRef {
        let text = match (self.tag, &self.digest) {
            (Some(tag), Some(digest)) => format!("{}:{tag}@{digest}", name.name()),
            (Some(tag), None) => return name.with_tag(tag),
            (None, Some(digest)) => return name.with_digest(digest.clone()),
            (None, None) => return name.with_tag("latest"),
        };
        ImageRef::parse_name(&text).unwrap_or_else(|_| name.clone())
    }
}

/// Whether the first element is a host: it has a dot or a port, or is `localhost`.
fn has_host(name: &str) -> bool {
    name.split_once('/').is_some_and(|(first, _)| first == "localhost" || first.contains(['.', ':']))
}

/// Whether `name` may stand on the left side of an alias.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let parts = Parts::parse(name)?;
    match parts {
        Parts { digest: Some(_), .. } => Err("must not contain a digest"),
        Parts { tag: Some(_), .. } => Err("must not contain a tag"),
        Parts { name, .. } if has_host(name) => Err("must not contain a registry"),
        Parts { .. } => Ok(()),
    }
}

/// The right side of an alias: registry and repository, nothing else.
pub(super) fn parse_target(target: &str) -> Result<Repository, &'static str> {
    let parts = Parts::parse(target)?;
    match parts {
        Parts { digest: Some(_), .. } => Err("must not contain a digest"),
        Parts { tag: Some(_), .. } => Err("must not contain a tag"),
        Parts { name, .. } if !has_host(name) => Err("must contain registry and repository"),
        Parts { name, .. } => ImageRef::parse_name(name)
            .ok()
            .and_then(|image| image.repository().ok())
            .ok_or("must contain registry and repository"),
    }
}
