//! What to say when nothing lies in a range: which channel holds what was asked for, else which versions come close.

use std::fmt;

use super::view::{PackageView, Versions};
use crate::bound::{Bound, Bounds};
use crate::request::{PackageRequest, RuleSet};
use crate::version::{Version, cmp_precedence};

/// What to write instead of a range that leaves a channel empty.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmptyAdvice {
    /// Other channels of the package hold versions of the range.
    Channels {
        /// These channels, the one with most of the versions first; at least one.
        channels: Vec<String>,
        /// The lower bound as written.
        min: Option<String>,
        /// The upper bound as written.
        max: Option<String>,
        /// The channel of the request that has the bounds; none when the package has them.
        instead_of: Option<String>,
        /// Whether the first of the channels must be named as `defaultChannel` too: the request names another one, or the
        /// rules choose none.
        is_default: bool,
    },
    /// Other channels of the request hold what they are asked for, and one of them can be the default channel.
    Kept {
        /// The channel that is to be left out of the request.
        without: String,
        /// The channel to name as `defaultChannel`.
        default: String,
    },
    /// The one version that was asked for does not exist.
    Version {
        /// The version as written.
        version: String,
        /// The versions that come closest; empty when the package has none.
        nearest: Vec<String>,
    },
    /// No version of the package lies in the range.
    Range {
        /// The versions that come closest from below and from above; empty when the package has none.
        nearest: Vec<String>,
    },
}

impl EmptyAdvice {
    /// The advice for a range in which a channel of this package has nothing. `kept` are the channels that hold something.
    pub(super) fn of(
        view: &PackageView<'_>,
        versions: &Versions<'_>,
        (channel, bounds): (&str, &Bounds),
        request: &PackageRequest,
        kept: &[String],
        rules: RuleSet,
    ) -> Self {
        let listed = |name: &str| request.channels.iter().any(|channel| channel.name == name);
        let version = |name: &str| versions.get(name).and_then(|version| version.as_ref().ok());
        let mut holding: Vec<(usize, &str)> = view
            .channels
            .iter()
            .map(|(_, channel)| {
                let matching = channel.entries.iter().filter_map(|entry| version(&entry.name));
                (matching.filter(|version| bounds.contain(version, rules)).count(), channel.name.as_str())
            })
            .filter(|(count, name)| *count > 0 && !listed(name))
            .collect();
        if !holding.is_empty() {
            holding.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(right.1)));
            let text = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.text.clone());
            let channels = holding.into_iter().map(|(_, name)| name.to_owned()).collect();
            let is_default =
                rules == RuleSet::UpgradeGraph || request.default_channel.as_ref().is_some_and(|name| !name.is_empty());
            let is_of_package = request.min_version.is_some() || request.max_version.is_some();
            let instead_of = (listed(channel) && !is_of_package).then(|| channel.to_owned());
            return Self::Channels { channels, min: text(&bounds.min), max: text(&bounds.max), instead_of, is_default };
        }
        if let (true, Some(default)) = (listed(channel), kept.first()) {
            return Self::Kept { without: channel.to_owned(), default: default.clone() };
        }
        let mut listed: Vec<&Version> = view
            .channels
            .iter()
            .flat_map(|(_, channel)| channel.entries.iter().filter_map(|entry| version(&entry.name)))
            .collect();
        listed.sort_by(|left, right| cmp_precedence(left, right));
        listed.dedup_by(|left, right| cmp_precedence(left, right).is_eq());
        if let (Some(min), Some(max)) = (&bounds.min, &bounds.max)
            && cmp_precedence(&min.version, &max.version).is_eq()
        {
            return Self::Version { version: min.text.clone(), nearest: nearest_to(&min.version, &listed) };
        }
        let below = bounds.min.as_ref().and_then(|min| highest_below(&min.version, &listed));
        let above = bounds.max.as_ref().and_then(|max| lowest_above(max, &listed));
        Self::Range { nearest: below.into_iter().chain(above).map(ToString::to_string).collect() }
    }
}

/// Versions that differ in the pre-release part only, else the neighbours on both sides.
pub(super) fn nearest_to(wanted: &Version, listed: &[&Version]) -> Vec<String> {
    const MOST: usize = 3;
    let core = |version: &Version| (version.major, version.minor, version.patch);
    let alike: Vec<String> = listed
        .iter()
        .rev()
        .filter(|version| core(version) == core(wanted))
        .take(MOST)
        .map(ToString::to_string)
        .collect();
    if !alike.is_empty() {
        return alike;
    }
    let above = listed.iter().find(|version| cmp_precedence(version, wanted).is_gt());
    highest_below(wanted, listed).into_iter().chain(above.copied()).map(ToString::to_string).collect()
}

fn highest_below<'v>(wanted: &Version, listed: &[&'v Version]) -> Option<&'v Version> {
    listed.iter().rev().find(|version| cmp_precedence(version, wanted).is_lt()).copied()
}

fn lowest_above<'v>(max: &Bound, listed: &[&'v Version]) -> Option<&'v Version> {
    listed.iter().find(|version| !crate::bound::is_at_most(version, max)).copied()
}

impl fmt::Display for EmptyAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 3;
        let nearest = |f: &mut fmt::Formatter<'_>, nearest: &[String]| match nearest {
            [] => Ok(()),
            nearest => write!(f, "; nearest: {}", nearest.join(", ")),
        };
        match self {
            Self::Channels { channels, min, max, instead_of, is_default } => {
                let several = channels.len() > 1;
                let quoted: Vec<String> = channels.iter().take(MOST).map(|name| format!("\"{name}\"")).collect();
                let more =
                    if channels.len() > MOST { format!(" and {} more", channels.len() - MOST) } else { String::new() };
                let (noun, verb) = if several { ("channels", "have") } else { ("channel", "has") };
                let first = plain_or_quoted(channels.first().map(String::as_str).unwrap_or_default());
                let mut entry = format!("{{name: {first}");
                for (field, bound) in [("minVersion", min), ("maxVersion", max)] {
                    if let Some(bound) = bound {
                        entry = entry + ", " + field + ": \"" + bound + "\"";
                    }
                }
                write!(f, "{noun} {}{more} {verb} such versions: write ", quoted.join(", "))?;
                match instead_of {
                    None => write!(f, "`channels: [{entry}}}]`")?,
                    Some(channel) => write!(f, "`{entry}}}` in place of channel \"{channel}\"")?,
                }
                match (is_default, instead_of) {
                    (true, None) => write!(f, " and `defaultChannel: {first}`, and ")?,
                    (true, Some(_)) => write!(f, " and `defaultChannel: {first}`")?,
                    (false, None) => f.write_str(" and ")?,
                    (false, Some(_)) => {}
                }
                match instead_of {
                    None => f.write_str("remove minVersion and maxVersion of the package"),
                    Some(_) => Ok(()),
                }
            }
            Self::Kept { without, default } => {
                write!(f, "remove channel \"{without}\" and set `defaultChannel: {}`", plain_or_quoted(default))
            }
            Self::Version { version, nearest: versions } => {
                write!(f, "version {version} does not exist")?;
                nearest(f, versions)
            }
            Self::Range { nearest: versions } => {
                f.write_str("no version of the package lies in the range")?;
                nearest(f, versions)
            }
        }
    }
}

/// A name as YAML reads it back: most need no quotes, `4.10` would become a number.
fn plain_or_quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&name.to_ascii_lowercase().as_str());
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")) }
}
