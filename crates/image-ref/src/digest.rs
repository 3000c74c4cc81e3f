//! Content digests, `algorithm:hex`, as the OCI image specification defines them ("Digests").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A registered digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 64 hex digits; the one that registries use.
    Sha256,
    /// SHA-512, 128 hex digits; allowed by the specification, rare in practice.
    Sha512,
}

impl Algorithm {
    /// The name in front of the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hex digits a digest of this algorithm has.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A content digest. Always well formed: known algorithm, right length, lower-case hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

impl Digest {
    /// A SHA-256 digest from its 64 lower-case hex digits.
    ///
    /// # Errors
    /// When `hex` is not 64 lower-case hex digits.
    pub fn sha256(hex: &str) -> Result<Self, ParseDigestError> {
        Self::new(Algorithm::Sha256, hex)
    }

    /// A SHA-256 digest from the 32 bytes a hasher gives.
    pub fn from_sha256_bytes(bytes: &[u8; 32]) -> Self {
        Self { algorithm: Algorithm::Sha256, hex: to_hex(bytes).into_boxed_str() }
    }

    /// A SHA-512 digest from the 64 bytes a hasher gives.
    pub fn from_sha512_bytes(bytes: &[u8; 64]) -> Self {
        Self { algorithm: Algorithm::Sha512, hex: to_hex(bytes).into_boxed_str() }
    }

    /// A digest from algorithm and hex digits.
    ///
    /// # Errors
    /// When `hex` has the wrong length for the algorithm or other characters than `0-9a-f`.
    pub fn new(algorithm: Algorithm, hex: &str) -> Result<Self, ParseDigestError> {
        if hex.len() != algorithm.hex_len() {
            return Err(ParseDigestError::Length {
                algorithm: algorithm.as_str(),
                expected: algorithm.hex_len(),
                found: hex.len(),
            });
        }
        if let Some(bad) = hex.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(ParseDigestError::Character(bad));
        }
        Ok(Self { algorithm, hex: hex.into() })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hex digits alone.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The first twelve hex digits, for messages to people.
    pub fn short(&self) -> &str {
        &self.hex[..12]
    }

    /// The tag that stands for this digest where only a tag can stand: `sha256-<hex>`
    /// (`docs/behaviour/config-cli.md` 4, "Digest tags").
    pub fn as_tag(&self) -> String {
        format!("{}-{}", self.algorithm.as_str(), self.hex)
    }

    /// The digest that a tag of [`Digest::as_tag`] stands for; none for every other tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        tag.replacen('-', ":", 1).parse().ok().filter(|digest: &Self| digest.as_tag() == tag)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, hex) = text.split_once(':').ok_or(ParseDigestError::Colon)?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => return Err(ParseDigestError::Algorithm(other.into())),
        };
        Self::new(algorithm, hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ParseDigestError {
    #[error("invalid digest: expected `algorithm:hex`, like `sha256:` and 64 hex digits")]
    Colon,
    #[error("invalid digest: algorithm `{0}` is not supported, expected `sha256` or `sha512`")]
    Algorithm(String),
    #[error("invalid digest: {algorithm} needs {expected} hex digits, found {found} characters")]
    Length { algorithm: &'static str, expected: usize, found: usize },
    #[error("invalid digest: `{0}` is not a lower-case hex digit")]
    Character(char),
}
