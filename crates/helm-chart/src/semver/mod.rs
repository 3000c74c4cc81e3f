//! Semantic versions and constraints as Masterminds' semver reads them: Helm's rules for versions of charts.
//!
//! `1.2` is a version here, `v1.2.3` too, and `~1.2 || >=2` a constraint.

mod constraint;

use std::cmp::Ordering;
use std::fmt;

pub use constraint::Constraint;

/// The most bytes of a version.
const MAX_LENGTH: usize = 256;

/// Why a text is no version or no constraint, in the library's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A version. Equality and order look at precedence only: build metadata does not count.
#[derive(Debug, Clone)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number, 0 if none is written.
    pub minor: u64,
    /// The third number, 0 if none is written.
    pub patch: u64,
    /// What follows `-`, without it.
    pub prerelease: String,
    /// What follows `+`, without it.
    pub metadata: String,
    /// The text as it was written.
    pub original: String,
}

impl Version {
    /// Reads a version, also a short one and one with a leading `v`.
    ///
    /// # Errors
    ///
    /// `invalid semantic version` and the like.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::new(format!("version string is too long (max {MAX_LENGTH} bytes)")));
        }
        let invalid = || Error::new("invalid semantic version");
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = ["0"; 3];
        for (index, number) in numbers.iter_mut().enumerate() {
            if index > 0 {
                match rest.strip_prefix('.') {
                    Some(tail) => rest = tail,
                    None => break,
                }
            }
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(invalid());
            }
            (*number, rest) = rest.split_at(digits);
        }
        let (rest, metadata) = rest.split_once('+').unwrap_or((rest, ""));
        if text.contains('+') && !identifiers(metadata) {
            return Err(invalid());
        }
        let prerelease = match rest.strip_prefix('-') {
            Some(prerelease) if identifiers(prerelease) => prerelease,
            None if rest.is_empty() => "",
            _ => return Err(invalid()),
        };
        let number = |text: &str| {
            text.parse().map_err(|_| {
                Error::new(format!(
                    "error parsing version segment: strconv.ParseUint: parsing \"{text}\": value out of range"
                ))
            })
        };
        let [major, minor, patch] = numbers;
        let (major, minor, patch) = (number(major)?, number(minor)?, number(patch)?);
        for part in prerelease.split('.') {
            if part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Error::new("version segment starts with 0"));
            }
        }
        Ok(Self {
            major,
            minor,
            patch,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: text.to_owned(),
        })
    }
}

fn identifiers(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

/// A release comes after its pre-releases; pre-releases compare part by part, numbers before words.
fn compare_prereleases(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
