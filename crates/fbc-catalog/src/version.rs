//! Versions: strict parsing for bundles, tolerant parsing for people, and the order both are compared by.
//!
//! The data type is [`semver::Version`]; its own `Ord` also compares build metadata, which OLM does not. Everything
//! in this crate therefore compares with [`cmp_precedence`].

use std::cmp::Ordering;

pub use semver::Version;

/// Compares two versions by semver precedence: numeric pre-release parts compare as numbers, build metadata is ignored.
///
/// ```
/// use fbc_catalog::version::{cmp_precedence, parse_strict};
/// use std::cmp::Ordering;
///
/// let version = |text| parse_strict(text).unwrap();
/// assert_eq!(cmp_precedence(&version("5.2.3-9"), &version("5.2.3-31")), Ordering::Less);
/// assert_eq!(cmp_precedence(&version("0.9.1+0.166.p"), &version("0.9.1")), Ordering::Equal);
/// ```
pub fn cmp_precedence(left: &Version, right: &Version) -> Ordering {
    left.cmp_precedence(right)
}

/// Parses the version of a bundle: three numeric parts, no `v`, no leading zeros (`docs/behaviour/operators-archive.md`
/// 2.2).
///
/// # Errors
/// See [`VersionError`].
pub fn parse_strict(text: &str) -> Result<Version, VersionError> {
    Version::parse(text).map_err(|_| VersionError { text: text.into(), fault: fault_of(text) })
}

/// Parses a version the way people write it: blanks around it, a leading `v`, leading zeros and missing minor and patch
/// parts are forgiven (`v1.2` is `1.2.0`), as `ParseTolerant` of the Go library that OLM uses forgives them.
///
/// # Errors
/// See [`VersionError`].
pub fn parse_tolerant(text: &str) -> Result<Version, VersionError> {
    let error = |fault| VersionError { text: text.into(), fault };
    let trimmed = text.trim();
    let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
    let (numbers, suffix) = match trimmed.find(['-', '+']) {
        Some(at) => trimmed.split_at(at),
        None => (trimmed, ""),
    };
    let mut parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 || (parts.len() < 3 && !suffix.is_empty()) {
        return Err(error(Fault::Syntax));
    }
    parts.resize(3, "0");
    let mut strict = String::with_capacity(trimmed.len() + 4);
    for (index, part) in parts.iter().enumerate() {
        if part.is_empty() {
            return Err(error(Fault::Syntax));
        }
        if index > 0 {
            strict.push('.');
        }
        let significant = part.trim_start_matches('0');
        strict.push_str(if significant.is_empty() { "0" } else { significant });
    }
    strict.push_str(suffix);
    Version::parse(&strict).map_err(|_| error(fault_of(&strict)))
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} `{}`", crate::fields::excerpt(.text))]
pub struct VersionError {
    text: String,
    fault: Fault,
}

impl VersionError {
    /// The offending text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What is wrong with it, in the words that users of the upstream tool search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("invalid semantic version")]
    Syntax,
    #[error("invalid characters in version")]
    Characters,
    #[error("version segment starts with 0")]
    LeadingZero,
}

fn fault_of(text: &str) -> Fault {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() != 3 || parts.iter().any(|part| part.is_empty()) {
        return Fault::Syntax;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    if !text.chars().all(allowed) || parts.iter().any(|part| !part.bytes().all(|b| b.is_ascii_digit())) {
        return Fault::Characters;
    }
    let leading_zero = |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
    let pre_release = text.split('+').next().and_then(|rest| rest.split_once('-')).map_or("", |(_, pre)| pre);
    if parts.iter().any(|part| leading_zero(part)) || pre_release.split('.').any(leading_zero) {
        return Fault::LeadingZero;
    }
    Fault::Syntax
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strict() {
        let check = |text: &str, expected: &str| {
            let actual = match parse_strict(text) {
                Ok(version) => version.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(actual, expected, "{text}");
        };
        check("1.2.3", "1.2.3");
        check("5.2.3-31", "5.2.3-31");
        check("0.10.0-mas", "0.10.0-mas");
        check("0.9.1+0.166.p", "0.9.1+0.166.p");
        check("26.0.8-opr.1", "26.0.8-opr.1");
        check("1.2", "invalid semantic version `1.2`");
        check("1.2.3.4", "invalid semantic version `1.2.3.4`");
        check("", "invalid semantic version ``");
        check("1.2.3-", "invalid semantic version `1.2.3-`");
        check("v1.2.3", "invalid characters in version `v1.2.3`");
        check("1.2.3-a_b", "invalid characters in version `1.2.3-a_b`");
        check("1.02.3", "version segment starts with 0 `1.02.3`");
        check("1.2.3-01", "version segment starts with 0 `1.2.3-01`");
    }

    #[test]
    fn tolerant() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse_tolerant(text).ok().map(|version| version.to_string()).as_deref(), expected, "{text}");
        };
        check("1", Some("1.0.0"));
        check("1.2", Some("1.2.0"));
        check(" v1.2.3 ", Some("1.2.3"));
        check("01.002.3", Some("1.2.3"));
        check("000.0.0", Some("0.0.0"));
        check("1.2.3-rc.1+build", Some("1.2.3-rc.1+build"));
        check("5.2.3-31", Some("5.2.3-31"));
        check("1.2-rc", None);
        check("1.2+b", None);
        check("1.2.3.4", None);
        check("", None);
        check("v", None);
        check("1..3", None);
        check("1.2.3-rc.01", None);
    }

    #[test]
    fn order() {
        let ascending =
            ["0.9.0", "0.9.1", "0.10.0-mas", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-2.x"];
        // `1.0.0-2.x` is numeric first, hence below every alphanumeric pre-release.
        let mut sorted: Vec<_> = ascending.iter().map(|text| parse_strict(text).unwrap()).collect();
        sorted.sort_by(cmp_precedence);
        let texts: Vec<_> = sorted.iter().map(ToString::to_string).collect();
        assert_eq!(texts[4], "1.0.0-2.x");
        let version = |text| parse_strict(text).unwrap();
        assert_eq!(cmp_precedence(&version("5.2.3-31"), &version("5.2.3")), Ordering::Less);
        assert_eq!(cmp_precedence(&version("1.0.0+a"), &version("1.0.0+b")), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn strict_text_survives(text in r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(-[a-z][a-z0-9]{0,4}(\.[1-9][0-9]?)?)?(\+[a-z0-9]{1,4})?") {
            prop_assert_eq!(parse_strict(&text).unwrap().to_string(), text);
        }

        #[test]
        fn what_is_strict_is_tolerated_unchanged(text in r"[v0-9.+a-z -]{0,16}") {
            if let Ok(version) = parse_strict(&text) {
                prop_assert_eq!(parse_tolerant(&text).unwrap(), version);
            }
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = parse_strict(&text);
            let _ = parse_tolerant(&text);
        }
    }
}
