//! Version ranges as catalogs write them (`skipRange`, `olm.package.required`): `>=1.0.0 <1.9.0 || 2.x !2.3.1`.
//!
//! A blank is "and", `||` is "or", and pre-releases compare by plain precedence: `1.5.0-rc.1` lies in `>=1.0.0 <2.0.0`.

use std::cmp::Ordering;

use crate::version::{Version, cmp_precedence, parse_strict};

/// A parsed range. The grammar is that of the Go library OLM uses (blang/semver `ParseRange`).
///
/// ```
/// use fbc_catalog::{range::Range, version::parse_strict};
///
/// let range = Range::parse(">=1.0.0 <1.9.0 || 2.x").unwrap();
/// assert!(range.contains(&parse_strict("1.5.0-rc.1").unwrap()));
/// assert!(range.contains(&parse_strict("2.7.1").unwrap()));
/// assert!(!range.contains(&parse_strict("1.9.0").unwrap()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// One of these must hold; each holds when all its comparisons hold.
    alternatives: Vec<Vec<Comparison>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl Range {
    /// Parses a range. Operators are `=`, `==` or none, `!`, `!=`, `>`, `>=`, `<`, `<=`; blanks may stand between an
    /// operator and its version; `1.x` and `1.2.x` are wildcards (of minor and patch only).
    ///
    /// # Errors
    /// See [`RangeError`].
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let mut alternatives = Vec::new();
        for alternative in text.split("||") {
            let mut comparisons = Vec::new();
            for token in tokens(alternative) {
                token_to_comparisons(token, text, &mut comparisons)?;
            }
            if comparisons.is_empty() {
                return Err(RangeError::Empty(text.into()));
            }
            alternatives.push(comparisons);
        }
        Ok(Self { alternatives })
    }

    /// Whether a version lies in the range. Build metadata is ignored.
    pub fn contains(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| all.iter().all(|comparison| comparison.holds(version)))
    }

    /// The last item of a list whose version lies in the range. The list has to be sorted by version; it is searched by
    /// halves, so that thousands of ranges over thousands of versions are no matter.
    pub(crate) fn last_in<'a, T>(&self, sorted: &'a [T], version_of: impl Fn(&T) -> &Version) -> Option<&'a T> {
        let count_below = |bound: &Version, with_equal: bool| {
            sorted.partition_point(|item| match cmp_precedence(version_of(item), bound) {
                Ordering::Less => true,
                Ordering::Equal => with_equal,
                Ordering::Greater => false,
            })
        };
        let last = |comparisons: &Vec<Comparison>| {
            let (mut from, mut to) = (0, sorted.len());
            let mut excluded = Vec::new();
            for Comparison { operator, version } in comparisons {
                match operator {
                    Operator::Equal => {
                        from = from.max(count_below(version, false));
                        to = to.min(count_below(version, true));
                    }
                    Operator::NotEqual => excluded.push(version),
                    Operator::Greater => from = from.max(count_below(version, true)),
                    Operator::GreaterEqual => from = from.max(count_below(version, false)),
                    Operator::Less => to = to.min(count_below(version, false)),
                    Operator::LessEqual => to = to.min(count_below(version, true)),
                }
            }
            excluded.sort_by(|a, b| cmp_precedence(a, b));
            while from < to {
                let version = version_of(sorted.get(to - 1)?);
                if excluded.binary_search_by(|other| cmp_precedence(other, version)).is_err() {
                    return Some(to - 1);
                }
                to = count_below(version, false);
            }
            None
        };
        self.alternatives.iter().filter_map(last).max().and_then(|at| sorted.get(at))
    }
}

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// Nothing stands on one side of `||`, or in the whole text.
    #[error("version range `{0}` has an empty alternative")]
    Empty(String),
    /// An operator that does not exist.
    #[error("version range `{range}` has the unknown operator `{operator}`")]
    Operator {
        /// The whole range.
        range: String,
        /// What stands where an operator should.
        operator: String,
    },
    /// A version that does not parse.
    #[error("version range `{range}` has the invalid version `{version}`")]
    Version {
        /// The whole range.
        range: String,
        /// The offending version.
        version: String,
    },
}

impl Comparison {
    fn holds(&self, version: &Version) -> bool {
        let ordering = cmp_precedence(version, &self.version);
        match self.operator {
            Operator::Equal => ordering == Ordering::Equal,
            Operator::NotEqual => ordering != Ordering::Equal,
            Operator::Greater => ordering == Ordering::Greater,
            Operator::GreaterEqual => ordering != Ordering::Less,
            Operator::Less => ordering == Ordering::Less,
            Operator::LessEqual => ordering != Ordering::Greater,
        }
    }
}

/// Splits at blanks, and joins an operator that stands alone with the version after it.
fn tokens(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut words = text.split_ascii_whitespace();
    std::iter::from_fn(move || {
        let word = words.next()?;
        let at = word.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (operator, version) = word.split_at(at);
        Some((operator, if version.is_empty() { words.next().unwrap_or_default() } else { version }))
    })
}

fn token_to_comparisons(
    (operator, version): (&str, &str),
    range: &str,
    comparisons: &mut Vec<Comparison>,
) -> Result<(), RangeError> {
    let operator = match operator {
        "" | "=" | "==" => Operator::Equal,
        "!" | "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessEqual,
        _ => return Err(RangeError::Operator { range: range.into(), operator: operator.into() }),
    };
    let invalid = || RangeError::Version { range: range.into(), version: version.into() };
    let Some((floor, ceiling)) = wildcard(version).ok_or_else(invalid)? else {
        comparisons.push(Comparison { operator, version: parse_strict(version).map_err(|_| invalid())? });
        return Ok(());
    };
    let mut push = |operator, version: &Version| comparisons.push(Comparison { operator, version: version.clone() });
    match operator {
        Operator::Equal => {
            push(Operator::GreaterEqual, &floor);
            push(Operator::Less, &ceiling);
        }
        Operator::Greater => push(Operator::GreaterEqual, &ceiling),
        Operator::GreaterEqual | Operator::Less => push(operator, &floor),
        Operator::LessEqual => push(Operator::Less, &ceiling),
        // "Not within" is an "or" of two comparisons, which one list of "and" cannot say; the Go library turns it into
        // a contradiction, which nobody can have meant.
        Operator::NotEqual => return Err(invalid()),
    }
    Ok(())
}

/// The first version of a wildcard and the first one beyond it; `Some(None)` when the text holds no wildcard.
#[allow(clippy::option_option, reason = "three answers: broken, plain, wildcard")]
fn wildcard(text: &str) -> Option<Option<(Version, Version)>> {
    let parts: Vec<&str> = text.split('.').collect();
    if !parts.contains(&"x") {
        return Some(None);
    }
    let number = |text: &str| parse_strict(&format!("{text}.0.0")).ok().map(|version| version.major);
    match parts.as_slice() {
        [major, "x"] | [major, "x", "x"] => {
            let major = number(major)?;
            Some(Some((Version::new(major, 0, 0), Version::new(major.checked_add(1)?, 0, 0))))
        }
        [major, minor, "x"] => {
            let (major, minor) = (number(major)?, number(minor)?);
            Some(Some((Version::new(major, minor, 0), Version::new(major, minor.checked_add(1)?, 0))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn contains() {
        let check = |range: &str, inside: &[&str], outside: &[&str]| {
            let parsed = Range::parse(range).unwrap();
            for version in inside {
                assert!(parsed.contains(&parse_strict(version).unwrap()), "{range} should contain {version}");
            }
            for version in outside {
                assert!(!parsed.contains(&parse_strict(version).unwrap()), "{range} should not contain {version}");
            }
        };
        check("1.2.3", &["1.2.3", "1.2.3+b"], &["1.2.4", "1.2.3-rc"]);
        check("==1.2.3", &["1.2.3"], &["1.2.4"]);
        check(">=1.0.0 <1.1.0", &["1.0.0", "1.0.9", "1.1.0-rc.1"], &["1.1.0", "1.0.0-rc.1"]);
        check(">= 1.0.0  < 1.1.0", &["1.0.0"], &["1.1.0"]);
        check("<1.1.0", &["0.0.1"], &["1.1.0"]);
        check("<=1.1.0", &["1.1.0"], &["1.1.1"]);
        check(">1.1.0", &["1.1.1"], &["1.1.0"]);
        check("!1.1.0 >1.0.0", &["1.1.1"], &["1.1.0", "1.0.0"]);
        check("!=1.1.0", &["1.1.1"], &["1.1.0"]);
        check("1.x", &["1.0.0", "1.99.3"], &["2.0.0", "0.9.9"]);
        check("1.x.x", &["1.99.3"], &["2.0.0"]);
        check("1.2.x", &["1.2.0", "1.2.7"], &["1.3.0"]);
        check(">1.2.x", &["1.3.0"], &["1.2.9"]);
        check(">=1.2.x", &["1.2.0"], &["1.1.9"]);
        check("<1.2.x", &["1.1.9"], &["1.2.0"]);
        check("<=1.2.x", &["1.2.9"], &["1.3.0"]);
        check("<1.0.0 || >=2.0.0 <3.0.0", &["0.1.0", "2.5.0"], &["1.0.0", "3.0.0"]);
        check(">=5.2.3-9 <5.2.3", &["5.2.3-31"], &["5.2.3", "5.2.3-8"]);
    }

    #[test]
    fn errors() {
        let check = |range: &str, expected: &str| {
            assert_eq!(Range::parse(range).unwrap_err().to_string(), expected, "{range}");
        };
        check("", "version range `` has an empty alternative");
        check(">=1.0.0 ||", "version range `>=1.0.0 ||` has an empty alternative");
        check("=>1.0.0", "version range `=>1.0.0` has the unknown operator `=>`");
        check("~1.0.0", "version range `~1.0.0` has the unknown operator `~`");
        check(">=1.0", "version range `>=1.0` has the invalid version `1.0`");
        check(">=", "version range `>=` has the invalid version ``");
        check(">=v1.0.0", "version range `>=v1.0.0` has the invalid version `v1.0.0`");
        check("x.1.0", "version range `x.1.0` has the invalid version `x.1.0`");
        check("!1.x", "version range `!1.x` has the invalid version `1.x`");
    }

    /// How often versions are looked at, for lists of this length.
    #[test]
    fn a_long_list_is_searched_by_halves() {
        let looks = |length: u64| {
            let sorted: Vec<Version> = (0..length).map(|minor| Version::new(1, minor, 0)).collect();
            let range = format!(">=1.{}.0 !1.{}.0 <1.{length}.0 || 1.0.0 || >3.0.0", length / 3, length - 1);
            let looks = std::cell::Cell::new(0);
            let found = Range::parse(&range).unwrap().last_in(&sorted, |version| {
                looks.set(looks.get() + 1);
                version
            });
            assert_eq!(found, Some(&Version::new(1, length - 2, 0)));
            looks.get()
        };
        assert!(looks(100_000) < 150, "{}", looks(100_000));
        assert!(looks(100_000) <= looks(1_000) * 2, "{} and {}", looks(100_000), looks(1_000));
    }

    proptest! {
        /// What is found is what going through the list would find.
        #[test]
        fn the_last_version_is_the_last_that_is_contained(
            range in r"[<>!]?=?[0-3]\.[0-3]\.0( [<>!]?=?[0-3]\.[0-3]\.0){0,3}( \|\| [<>!]?=?[0-3]\.[0-3]\.0){0,2}",
            versions in prop::collection::vec(r"[0-3]\.[0-3]\.0(-rc\.[0-2])?(\+[0-2])?", 0..30),
        ) {
            let range = Range::parse(&range.replace(">!", ">")).unwrap();
            let mut sorted: Vec<Version> = versions.iter().map(|text| parse_strict(text).unwrap()).collect();
            sorted.sort();
            let expected = sorted.iter().rev().find(|version| range.contains(version));
            prop_assert_eq!(range.last_in(&sorted, |version| version), expected);
        }

        #[test]
        fn never_panics(text in r"[0-9x.<>=!| v+-]{0,30}") {
            let _ = Range::parse(&text);
        }

        #[test]
        fn bounds_mean_what_they_say(a in 0u64..5, b in 0u64..5, c in 0u64..5) {
            let range = Range::parse(&format!(">={a}.0.0 <{b}.0.0")).unwrap();
            prop_assert_eq!(range.contains(&Version::new(c, 0, 0)), a <= c && c < b);
        }

        #[test]
        fn an_alternative_only_adds(left in r"[<>]=?[0-9]\.0\.0", right in r"[<>]=?[0-9]\.0\.0", c in 0u64..10) {
            let version = Version::new(c, 0, 0);
            let either = Range::parse(&format!("{left} || {right}")).unwrap();
            let one = |text: &str| Range::parse(text).unwrap().contains(&version);
            prop_assert_eq!(either.contains(&version), one(&left) || one(&right));
        }
    }
}
