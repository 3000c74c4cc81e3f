//! Version bounds: the lenient ones of operators and the strict ones of releases.

use std::fmt;

use semver::Version;

use crate::Span;

/// A `minVersion` or `maxVersion`: the text as written and the version it means.
///
/// The text stays, because it is part of names and hashes (`docs/behaviour/operators-archive.md` 3.3); compare by
/// [`VersionBound::version`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionBound {
    text: String,
    version: Version,
    /// Where the bound stands.
    pub span: Span,
}

impl VersionBound {
    /// A bound for operators: `1`, `1.2`, `v1.2.3` and leading zeros are fine, as in the Masterminds library that
    /// oc-mirror uses at this place (`docs/behaviour/config-cli.md` 1.4, rule 6).
    ///
    /// # Errors
    /// When the text is no version even then.
    pub fn lenient(text: &str) -> Result<Self, ParseVersionError> {
        let version = parse_lenient(text).ok_or_else(|| ParseVersionError::Lenient(text.into()))?;
        Ok(Self { text: text.into(), version, span: Span::default() })
    }

    /// A bound for releases: exactly three numbers, `4.18.1`, with an optional pre-release (`docs/behaviour/config-cli.md`
    /// 1.5).
    ///
    /// # Errors
    /// When the text is no strict semantic version.
    pub fn strict(text: &str) -> Result<Self, ParseVersionError> {
        let version = Version::parse(text).map_err(|_| ParseVersionError::Strict(text.into()))?;
        Ok(Self { text: text.into(), version, span: Span::default() })
    }

    /// This bound at another place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// Characters of the text.
    pub(crate) fn width(&self) -> u32 {
        u32::try_from(self.text.chars().count()).unwrap_or(u32::MAX)
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The version it means, missing parts being zero. Compare with [`Version::cmp_precedence`]: build metadata has
    /// no order.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl fmt::Display for VersionBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Fills `v1`, `1.2` and `01.2.3` up to a semantic version.
fn parse_lenient(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let mut parts = [0_u64; 3];
    let mut places = parts.iter_mut();
    for part in numbers.split('.') {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *places.next()? = part.parse().ok()?;
    }
    let [major, minor, patch] = parts;
    Version::parse(&format!("{major}.{minor}.{patch}{rest}")).ok()
}

/// Why a text is no version bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseVersionError {
    /// Not even a lenient version.
    #[error("`{0}` must respect semantic versioning notation, like `1.2.3`")]
    Lenient(String),
    /// Not three numbers.
    #[error("`{0}` is no release version, expected three numbers like `4.18.1`")]
    Strict(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_versions() {
        for (text, expected) in [
            ("1", "1.0.0"),
            ("1.2", "1.2.0"),
            ("v1.2.3", "1.2.3"),
            ("01.02.03", "1.2.3"),
            ("5.2.3-31", "5.2.3-31"),
            ("0.10.0-mas", "0.10.0-mas"),
            ("1-rc.1", "1.0.0-rc.1"),
            ("1.2.3+build.7", "1.2.3+build.7"),
            ("2.4+b", "2.4.0+b"),
        ] {
            let bound = VersionBound::lenient(text).unwrap();
            assert_eq!(bound.version().to_string(), expected, "{text}");
            assert_eq!(bound.as_str(), text);
        }
        for text in ["", "v", "abc", "1.", ".1", "1.2.3.4", "1.2.3-", "1.2.3+", "1.2.3-01", " 1", "vv1", "V1", "1,2"] {
            assert!(VersionBound::lenient(text).is_err(), "{text}");
        }
    }

    #[test]
    fn strict_versions() {
        for text in ["4.18.1", "4.18.0-rc.1", "4.18.0-ec.2", "4.15.0-0.okd-2024-03-10-010116", "4.1.2+x"] {
            assert!(VersionBound::strict(text).is_ok(), "{text}");
        }
        for text in ["4.18", "v4.18.1", "4", "", "4.18.01", "4.18.x", "4.18.1.2"] {
            assert!(VersionBound::strict(text).is_err(), "{text}");
        }
    }
}
