//! Operating system and architecture of an image (OCI image index specification, `platform`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A platform, in the words of Go's `GOOS` and `GOARCH`: `linux/amd64`, `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system, such as `linux`. REQUIRED.
    #[serde(default)]
    pub os: String,
    /// CPU architecture, such as `amd64`. REQUIRED.
    #[serde(default)]
    pub architecture: String,
    /// CPU variant, such as `v8`. OPTIONAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// A platform without variant.
    pub fn new(os: impl Into<String>, architecture: impl Into<String>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), variant: None }
    }

    /// Whether an instance of platform `instance` is wanted when `self` was asked for: operating system and
    /// architecture are equal; every variant is taken unless `self` names one
    /// (`docs/behaviour/operators-archive.md` 7.5, "all variants").
    pub fn selects(&self, instance: &Self) -> bool {
        self.os == instance.os
            && self.architecture == instance.architecture
            && (self.variant.is_none() || self.variant == instance.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        Ok(())
    }
}

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let (Some(os), Some(architecture)) = (parts.next(), parts.next()) else {
            return Err(ParsePlatformError(text.into()));
        };
        let variant = parts.next().map(str::to_owned);
        let empty = os.is_empty() || architecture.is_empty() || variant.as_deref() == Some("");
        if empty || parts.next().is_some() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ParsePlatformError(text.into()));
        }
        Ok(Self { os: os.into(), architecture: architecture.into(), variant })
    }
}

/// The text is not `os/architecture[/variant]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid platform `{0}`: expected `os/architecture`, like `linux/amd64`")]
pub struct ParsePlatformError(String);
