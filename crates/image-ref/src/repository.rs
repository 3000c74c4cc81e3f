//! A repository of a registry, checked against the grammar of the distribution specification.

use std::fmt;
use std::str::FromStr;

/// A repository at a registry: `quay.io` + `openshift/cli`. What a registry client addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: String,
    path: String,
}

impl Repository {
    /// A repository from the registry's `host[:port]` and the path below it.
    ///
    /// # Errors
    /// When the registry is empty or no `host[:port]`, or the path does not follow the distribution grammar.
    pub fn new(registry: impl Into<String>, path: impl Into<String>) -> Result<Self, ParseRepositoryError> {
        let (registry, path) = (registry.into(), path.into());
        if !is_valid_registry(&registry) {
            return Err(ParseRepositoryError::Registry(registry));
        }
        if !is_valid_path(&path) {
            return Err(ParseRepositoryError::Path(path));
        }
        Ok(Self { registry, path })
    }

    /// `host[:port]` of the registry.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path below the registry, without leading or trailing slash.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl FromStr for Repository {
    type Err = ParseRepositoryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (registry, path) = text.split_once('/').ok_or_else(|| ParseRepositoryError::Path(text.into()))?;
        Self::new(registry, path)
    }
}

fn is_valid_registry(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            match rest.strip_prefix(':') {
                Some(port) => ("v6", Some(port)),
                None if rest.is_empty() => ("v6", None),
                None => return false,
            }
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.is_none_or(is_valid_port)
}

/// 1 to 65535, digits alone.
fn is_valid_port(port: &str) -> bool {
    port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether `path` follows the distribution specification's `<name>` grammar: components of lower-case letters and
/// digits, joined inside by `.`, `_`, `__` or dashes, and separated by `/`; at most 255 characters.
pub fn is_valid_path(path: &str) -> bool {
    path.len() <= 255 && path.split('/').all(is_valid_component)
}

fn is_valid_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(*first) || !alphanumeric(*last) {
        return false;
    }
    component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

/// Whether `tag` follows the distribution grammar: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub fn is_valid_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    tag.len() <= 128
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ParseRepositoryError {
    #[error("invalid registry `{0}`: expected `host` or `host:port`")]
    Registry(String),
    #[error("invalid repository path `{0}`: expected lower-case components separated by `/`, like `openshift/cli`")]
    Path(String),
    #[error("`{0}` images are in no repository of a registry")]
    Transport(String),
}
