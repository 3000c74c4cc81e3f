//! Content digests, `algorithm:hex`, as the OCI image specification defines them ("Digests").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many characters a tag has at most (distribution specification, "Pulling manifests").
pub const LONGEST_TAG: usize = 128;

/// How many characters are left of a tag that is made of a digest and would be longer than [`LONGEST_TAG`].
pub const CUT_TAG: usize = 127;

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
        self.hex.get(..12).unwrap_or(&self.hex)
    }

    /// The tag that stands for this digest where only a tag can stand: `sha256-<hex>`. That of a SHA-512 digest would be longer
    /// than a tag may be, so it ends after [`CUT_TAG`] characters, as upstream has it for images of Helm charts
    /// (`docs/behaviour/config-cli.md` 4, "Digest tags"). No two images meet by accident: 120 hex digits remain.
    pub fn as_tag(&self) -> String {
        let mut tag = format!("{}-{}", self.algorithm.as_str(), self.hex);
        if tag.len() > LONGEST_TAG {
            tag.truncate(CUT_TAG);
        }
        tag
    }

    /// The tag that lists what refers to this digest where a registry has no API for that: `<algorithm>-<hex>`, of which the
    /// digits end after 64 (distribution specification, "Referrers Tag Schema").
    pub fn as_referrers_tag(&self) -> String {
        format!("{}-{:.64}", self.algorithm.as_str(), self.hex)
    }

    /// The digest that a tag of [`Digest::as_tag`] stands for; none for every other tag, and for one that was cut.
    pub fn from_tag(tag: &str) -> Option<Self> {
        tag.replacen('-', ":", 1).parse().ok().filter(|digest: &Self| digest.as_tag() == tag)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte is one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
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
