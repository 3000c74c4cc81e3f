//! What a signature says: that a name stands for a manifest (containers-signature(5), "JSON data format").
//!
//! Simple signing and cosign sign the same JSON and differ in its `type`. It is parsed strictly, and only after the
//! signature around it has been verified: in `critical` nothing may be missing, unknown or doubled.

use std::fmt;

use image_ref::Digest;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The `critical.type` of simple signing.
pub const SIMPLE_SIGNING_TYPE: &str = "atomic container signature";

/// The `critical.type` of cosign.
pub const COSIGN_TYPE: &str = "cosign container image signature";

/// Which of the two formats is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// Simple signing, wrapped in an `OpenPGP` message.
    SimpleSigning,
    /// cosign, with a detached signature.
    Cosign,
}

impl PayloadKind {
    /// The `critical.type` that stands for it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::SimpleSigning => SIMPLE_SIGNING_TYPE,
            Self::Cosign => COSIGN_TYPE,
        }
    }
}

/// The content of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// `critical.image.docker-manifest-digest`: the manifest that is meant.
    pub manifest_digest: Digest,
    /// `critical.identity.docker-reference`: the name it was given, as written.
    pub docker_reference: String,
    /// `optional.creator`: the program that signed. Proves nothing.
    pub creator: Option<String>,
    /// `optional.timestamp`: seconds since 1970. Proves nothing.
    pub timestamp: Option<i64>,
}

/// A payload that is signed, and yet says nothing that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum PayloadError {
    #[error("the signed payload is not what a signature says: {0}")]
    Shape(String),
    #[error("the signed payload is of type `{found}`, expected `{expected}`")]
    Type { found: String, expected: &'static str },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    critical: Critical,
    optional: Option<Optional>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    #[serde(rename = "type")]
    kind: String,
    image: Image,
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

/// Members other than these two are ignored; these must not be doubled.
#[derive(Default)]
struct Optional {
    creator: Option<String>,
    timestamp: Option<i64>,
}

impl<'de> Deserialize<'de> for Optional {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Optional;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Optional, A::Error> {
                let mut optional = Optional::default();
                while let Some(key) = access.next_key::<String>()? {
                    let doubled = match key.as_str() {
                        "creator" => optional.creator.replace(access.next_value()?).is_some(),
                        "timestamp" => optional.timestamp.replace(access.next_value()?).is_some(),
                        _ => {
                            access.next_value::<IgnoredAny>()?;
                            false
                        }
                    };
                    if doubled {
                        return Err(serde::de::Error::custom(format_args!("duplicate field `{key}`")));
                    }
                }
                Ok(optional)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Payload {
    /// Parses a payload whose signature has been verified.
    ///
    /// # Errors
    /// When it is not JSON of exactly the documented shape, or of the other kind.
    pub fn parse(bytes: &[u8], kind: PayloadKind) -> Result<Self, PayloadError> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|error| PayloadError::Shape(error.to_string()))?;
        if raw.critical.kind != kind.type_name() {
            return Err(PayloadError::Type { found: raw.critical.kind, expected: kind.type_name() });
        }
        let optional = raw.optional.unwrap_or_default();
        Ok(Self {
            manifest_digest: raw.critical.image.digest,
            docker_reference: raw.critical.identity.reference,
            creator: optional.creator,
            timestamp: optional.timestamp,
        })
    }

    /// The payload as cosign writes it: no spaces, members in a fixed order, `optional` null when there is nothing in it.
    /// Always the same bytes for the same content.
    pub fn to_cosign_json(&self) -> Vec<u8> {
        let optional = match (&self.creator, self.timestamp) {
            (None, None) => serde_json::Value::Null,
            (creator, timestamp) => {
                let mut members = serde_json::Map::new();
                members.extend(creator.as_ref().map(|creator| ("creator".to_owned(), creator.as_str().into())));
                members.extend(timestamp.map(|timestamp| ("timestamp".to_owned(), timestamp.into())));
                members.into()
            }
        };
        serde_json::json!({
            "critical": {
                "identity": {"docker-reference": self.docker_reference},
                "image": {"docker-manifest-digest": self.manifest_digest.to_string()},
                "type": COSIGN_TYPE,
            },
            "optional": optional,
        })
        .to_string()
        .into_bytes()
    }
}
