//! `minVersion` and `maxVersion`: how people write them, and which bundle versions lie between them.

use std::cmp::Ordering;

use crate::request::RuleSet;
use crate::version::{Version, cmp_precedence};

/// One bound as written: `1`, `1.2`, `v1.2.3`, `01.2.3` and `5.2.3-31` are all fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) text: String,
    pub(crate) version: Version,
    /// How many of major, minor and patch were written.
    parts: usize,
}

impl Bound {
    /// Parses leniently, as the upstream configuration does (`docs/behaviour/operators-archive.md` 2.1).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.strip_prefix('v').unwrap_or(text);
        let (numbers, suffix) = plain.find(['-', '+']).map_or((plain, ""), |at| plain.split_at(at));
        let mut numbers: Vec<u64> = numbers
            .split('.')
            .map(|part| if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None })
            .collect::<Option<_>>()?;
        let parts = numbers.len();
        if parts > 3 {
            return None;
        }
        numbers.resize(3, 0);
        let [major, minor, patch] = *numbers.as_slice() else { return None };
        let version = format!("{major}.{minor}.{patch}{suffix}");
        Some(Self { text: text.to_owned(), version: Version::parse(&version).ok()?, parts })
    }
}

/// A range as requested; at least one bound is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min: Option<Bound>,
    pub(crate) max: Option<Bound>,
}

impl Bounds {
    /// The version, when both bounds are the same text: "exactly this one" (`docs/behaviour/operators-archive.md` 2.4).
    pub(crate) fn exact(&self) -> Option<&Bound> {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) if min.text == max.text => Some(min),
            _ => None,
        }
    }

    /// Whether a version lies between the bounds, both included; a partial maximum includes all it leaves open (`1.1`
    /// includes `1.1.9`).
    ///
    /// The rule sets differ in pre-releases: by the published table they compare like any version; by the upgrade
    /// graph rules they only match when one of the bounds has a pre-release part itself.
    pub(crate) fn contain(&self, version: &Version, rules: RuleSet) -> bool {
        let bounds = [&self.min, &self.max];
        let named = bounds.iter().any(|bound| bound.as_ref().is_some_and(|bound| !bound.version.pre.is_empty()));
        if rules == RuleSet::UpgradeGraph && !version.pre.is_empty() && !named {
            return false;
        }
        let above = |min: &Bound| cmp_precedence(version, &min.version) != Ordering::Less;
        self.min.as_ref().is_none_or(above) && self.max.as_ref().is_none_or(|max| is_at_most(version, max))
    }

    /// The text of the range in messages; the blank before a lone maximum is upstream's.
    pub(crate) fn text(&self) -> String {
        let min = self.min.as_ref().map(|bound| format!(">={}", bound.text)).unwrap_or_default();
        let max = self.max.as_ref().map(|bound| format!(" <={}", bound.text)).unwrap_or_default();
        min + &max
    }
}

/// Whether a version does not lie above a maximum, which may be partial.
pub(crate) fn is_at_most(version: &Version, max: &Bound) -> bool {
    match max.parts {
        1 => version.major <= max.version.major,
        2 => (version.major, version.minor) <= (max.version.major, max.version.minor),
        _ => cmp_precedence(version, &max.version) != Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::parse_strict;
    use proptest::prelude::*;

    #[test]
    fn parses() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Bound::parse(text).map(|bound| bound.version.to_string()).as_deref(), expected, "{text}");
        };
        check("1", Some("1.0.0"));
        check("1.2", Some("1.2.0"));
        check("v1.2.3", Some("1.2.3"));
        check("01.2.3", Some("1.2.3"));
        check("5.2.3-31", Some("5.2.3-31"));
        check("0.10.0-mas", Some("0.10.0-mas"));
        check("1-alpha", Some("1.0.0-alpha"));
        check("0.9.1+0.166.p", Some("0.9.1+0.166.p"));
        for bad in ["", "abc", "1.2.3.4", " 1.2.3", "1..2", "1.x", "V1.2.3", "1.2.3-", "99999999999999999999"] {
            check(bad, None);
        }
    }

    #[test]
    fn contain() {
        let check = |min: &str, max: &str, rules: RuleSet, inside: &[&str], outside: &[&str]| {
            let bounds = Bounds { min: Bound::parse(min), max: Bound::parse(max) };
            for version in inside {
                assert!(bounds.contain(&parse_strict(version).unwrap(), rules), "{min}..{max} {version}");
            }
            for version in outside {
                assert!(!bounds.contain(&parse_strict(version).unwrap(), rules), "{min}..{max} {version}");
            }
        };
        for rules in [RuleSet::VersionRange, RuleSet::UpgradeGraph] {
            check("1.1", "", rules, &["1.1.0", "2.0.0"], &["1.0.9"]);
            check("", "1.1", rules, &["1.1.9", "0.1.0"], &["1.2.0"]);
            check("", "1", rules, &["1.9.9"], &["2.0.0"]);
            check("1.0.0", "1.1.0", rules, &["1.0.0", "1.1.0", "1.1.0+b"], &["1.1.1", "0.9.9"]);
            check("5.2.3-10", "5.2.3-31", rules, &["5.2.3-31", "5.2.3-10"], &["5.2.3-9", "5.2.3"]);
            check("0.10.0-mas", "", rules, &["0.10.0-mas", "0.11.0-mas"], &["0.9.1"]);
        }
        check("0.9.1", "", RuleSet::UpgradeGraph, &["0.9.1+0.166.p"], &["0.10.0-mas"]);
        check("0.9.1", "", RuleSet::VersionRange, &["0.9.1+0.166.p", "0.10.0-mas"], &["0.9.1-rc"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in r"[v0-9.+a-z-]{0,20}") {
            let _ = Bound::parse(&text);
        }

        #[test]
        fn every_bundle_version_is_a_bound(text in r"[0-9]{1,3}\.[0-9]\.[0-9](-[a-z1-9]{1,4})?(\+[a-z0-9]{1,3})?") {
            if let Ok(version) = parse_strict(&text) {
                let bound = Bound::parse(&text).unwrap();
                let bounds = Bounds { min: Some(bound.clone()), max: Some(bound) };
                prop_assert!(bounds.contain(&version, RuleSet::VersionRange));
                prop_assert!(bounds.contain(&version, RuleSet::UpgradeGraph));
            }
        }
    }
}
