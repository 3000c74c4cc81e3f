//! Image references: `[transport://]name[:tag][@digest]`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::repository::is_valid_tag;
use crate::{Digest, ParseDigestError, ParseRepositoryError, Repository, Transport};

/// A parsed image reference that remembers how it was written.
///
/// The split follows `docs/behaviour/config-cli.md` 1.3: the tag is what follows the last `:` after the first `/`, the first
/// path element is the domain as soon as there is a `/`, and nothing is added from Docker Hub's short forms.
///
/// Equality, order and hash are those of the canonical text ([`ImageRef`]'s `Display`), not of the text as written:
/// `docker://quay.io/ns/app:1` and `quay.io/ns/app:1` are one image, and sorting references sorts what is printed.
/// Docker Hub's short forms are other texts; compare [`ImageRef::normalized`] references where they should be equal.
#[derive(Clone)]
pub struct ImageRef {
    text: String,
    transport: Transport,
    name: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageRef {
    /// Parses a reference that must be able to name one image: a registry reference needs a tag or a digest.
    ///
    /// # Errors
    /// See [`ParseError`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let image = Self::parse_name(text)?;
        if image.transport == Transport::Docker && image.tag.is_none() && image.digest.is_none() {
            return Err(ParseError::TagAndDigestEmpty(text.into()));
        }
        Ok(image)
    }

    /// Parses a reference that may lack both tag and digest, for callers who have a default.
    ///
    /// # Errors
    /// When the name is empty, the tag breaks the tag grammar, the digest is malformed, or there is white space in a
    /// registry reference or a control character in any.
    pub fn parse_name(text: &str) -> Result<Self, ParseError> {
        let (transport, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Transport::from_scheme(scheme), rest),
            None => (Transport::Docker, text),
        };
        // Directories may have spaces in their names; nothing of a registry has.
        let is_bad = |c: char| c.is_control() || (transport == Transport::Docker && c.is_whitespace());
        if let Some(character) = text.chars().find(|c| is_bad(*c)) {
            return Err(ParseError::Character { text: text.into(), character });
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((name, digest)) => {
                let digest = digest.parse().map_err(|source| ParseError::Digest { text: text.into(), source })?;
                (name, Some(digest))
            }
            None => (rest, None),
        };
        let (name, tag) = if transport == Transport::Docker { split_tag(rest) } else { (rest, None) };
        if name.is_empty() {
            return Err(ParseError::EmptyName(text.into()));
        }
        if transport == Transport::Docker && name.contains("://") {
            return Err(ParseError::TwoSchemes(text.into()));
        }
        if let Some(tag) = tag
            && !is_valid_tag(tag)
        {
            return Err(ParseError::Tag { text: text.into(), tag: tag.into() });
        }
        Ok(Self { text: text.into(), transport, name: name.into(), tag: tag.map(str::to_owned), digest })
    }

    /// The text this was parsed from, character by character.
    pub fn as_written(&self) -> &str {
        &self.text
    }

    /// The transport; [`Transport::Docker`] when none was written.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Domain and path, without transport, tag and digest. For other transports than a registry, everything between
    /// the scheme and the digest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first path element when there is a `/`, otherwise empty. Always empty for other transports than a registry.
    pub fn domain(&self) -> &str {
        match (&self.transport, self.name.split_once('/')) {
            (Transport::Docker, Some((domain, _))) => domain,
            _ => "",
        }
    }

    /// What follows the domain. For other transports than a registry, the whole name.
    pub fn path(&self) -> &str {
        match (&self.transport, self.name.split_once('/')) {
            (Transport::Docker, Some((_, path))) => path,
            _ => &self.name,
        }
    }

    /// The last path element.
    pub fn base_name(&self) -> &str {
        self.name.trim_end_matches('/').rsplit('/').next().unwrap_or(&self.name)
    }

    /// The folder or file of an image on disk, and the name of the image in it: `oci://DIR:NAME`. The place ends at the
    /// first colon (containers-transports(5)). `None` for images that are not in a folder or file.
    pub fn place(&self) -> Option<(&str, Option<&str>)> {
        match self.transport {
            Transport::Oci | Transport::OciArchive | Transport::DockerArchive => {
                let (place, name) = self.name.split_once(':').unwrap_or((&self.name, ""));
                Some((place, Some(name).filter(|name| !name.is_empty())))
            }
            Transport::Dir => Some((&self.name, None)),
            _ => None,
        }
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The tag an image of this name gets in the cache and at the destination: its own tag, else `sha256-<hex>` of its
    /// digest, else `latest` (`docs/behaviour/config-cli.md` 4.3).
    pub fn tag_or_digest_tag(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => tag.clone(),
            (None, Some(digest)) => digest.as_tag(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// This reference with another tag and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self::assemble(self.transport.clone(), self.name.clone(), Some(tag.to_owned()), None)
    }

    /// This reference with another digest and no tag.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self::assemble(self.transport.clone(), self.name.clone(), None, Some(digest))
    }

    /// This reference with another name (domain and path); tag and digest stay.
    #[must_use]
    pub fn with_name(&self, name: &str) -> Self {
        Self::assemble(self.transport.clone(), name.to_owned(), self.tag.clone(), self.digest.clone())
    }

    /// A registry reference from its parts.
    pub fn from_parts(repository: &Repository, tag: Option<&str>, digest: Option<Digest>) -> Self {
        Self::assemble(Transport::Docker, repository.to_string(), tag.map(str::to_owned), digest)
    }

    fn assemble(transport: Transport, name: String, tag: Option<String>, digest: Option<Digest>) -> Self {
        let mut image = Self { text: String::new(), transport, name, tag, digest };
        image.text = image.canonical();
        image
    }

    /// The pieces of the canonical text; absent ones are empty.
    fn pieces(&self) -> [&str; 9] {
        let (scheme, separator) = match &self.transport {
            Transport::Docker => ("", ""),
            other => (other.scheme(), "://"),
        };
        let (colon, tag) = self.tag.as_deref().map_or(("", ""), |tag| (":", tag));
        let (at, algorithm, digest_colon, hex) = self
            .digest
            .as_ref()
            .map_or(("", "", "", ""), |digest| ("@", digest.algorithm().as_str(), ":", digest.hex()));
        [scheme, separator, &self.name, colon, tag, at, algorithm, digest_colon, hex]
    }

    fn canonical(&self) -> String {
        self.pieces().concat()
    }

    fn canonical_bytes(&self) -> impl Iterator<Item = u8> {
        self.pieces().into_iter().flat_map(str::bytes)
    }

    /// The reference with its scheme always written, `docker://` included: the form of mapping files.
    pub fn with_scheme(&self) -> String {
        match self.transport {
            Transport::Docker => format!("docker://{self}"),
            _ => self.to_string(),
        }
    }

    /// Applies Docker Hub's short forms: a first element without `.`, `:` and upper-case letters that is not `localhost`
    /// is no domain, `docker.io` is filled in, and single-element paths there live below `library/`. Idempotent.
    #[must_use]
    pub fn normalized(&self) -> Self {
        if self.transport != Transport::Docker {
            return self.clone();
        }
        let (domain, path) = match self.name.split_once('/') {
            Some((domain, path)) if is_domain(domain) => (domain, path),
            _ => ("docker.io", self.name.as_str()),
        };
        let domain = if domain == "index.docker.io" { "docker.io" } else { domain };
        let library = if domain == "docker.io" && !path.contains('/') { "library/" } else { "" };
        let name = format!("{domain}/{library}{path}");
        if name == self.name { self.clone() } else { self.with_name(&name) }
    }

    /// The repository a registry client addresses, after [`ImageRef::normalized`].
    ///
    /// # Errors
    /// When the image is not of a registry, or the name does not follow the distribution grammar.
    pub fn repository(&self) -> Result<Repository, ParseRepositoryError> {
        if self.transport != Transport::Docker {
            return Err(ParseRepositoryError::Transport(self.transport.to_string()));
        }
        self.normalized().name.parse()
    }
}

/// Whether a first path element is a registry and not the first half of a Docker Hub path. Upper-case letters cannot
/// stand in a path, so they make it a domain (distribution reference grammar, `splitDockerDomain`).
fn is_domain(element: &str) -> bool {
    element == "localhost" || element.contains(|c: char| matches!(c, '.' | ':') || c.is_uppercase())
}

/// Splits `name[:tag]`: the tag follows the last `:` behind the first `/`, or any `:` when there is no `/`.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    let start = text.find('/').unwrap_or(0);
    match text.rsplit_once(':') {
        Some((name, tag)) if name.len() >= start => (name, Some(tag)),
        _ => (text, None),
    }
}

impl fmt::Display for ImageRef {
    /// Transport (unless it is a registry), name, tag, digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().into_iter().try_for_each(|piece| f.write_str(piece))
    }
}

impl PartialEq for ImageRef {
    fn eq(&self, other: &Self) -> bool {
        self.canonical_bytes().eq(other.canonical_bytes())
    }
}

impl Eq for ImageRef {}

impl PartialOrd for ImageRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ImageRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical_bytes().cmp(other.canonical_bytes())
    }
}

impl Hash for ImageRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical_bytes().for_each(|byte| state.write_u8(byte));
        state.write_u8(0xff);
    }
}

impl fmt::Debug for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageRef({})", self.text)
    }
}

impl FromStr for ImageRef {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse_name(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is no image reference. Every message begins with the text, so that it can be found again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ParseError {
    #[error("{0:?} unable to parse image correctly: the name is empty, expected `host/path:tag` or `host/path@digest`")]
    EmptyName(String),
    #[error("{0} unable to parse image correctly: tag and digest are empty")]
    TagAndDigestEmpty(String),
    #[error("{0} unable to parse image correctly: it has two schemes, expected one `://` at most")]
    TwoSchemes(String),
    #[error("{text} unable to parse image correctly: {}", tag_problem(tag))]
    Tag { text: String, tag: String },
    #[error("{text:?} unable to parse image correctly: {character:?} cannot stand in an image reference")]
    Character { text: String, character: char },
    #[error("{text} unable to parse image correctly : {source}")]
    Digest { text: String, source: ParseDigestError },
}

fn tag_problem(tag: &str) -> String {
    match tag {
        "" => "the tag behind the last `:` is empty".to_owned(),
        tag if tag.len() > 128 => format!("a tag has at most 128 characters, found {}", tag.len()),
        tag if tag.starts_with(['.', '-']) => format!("`{tag}` is no tag, it must not begin with `.` or `-`"),
        tag => format!("`{tag}` is no tag, expected letters, digits, `_`, `.` and `-`"),
    }
}
