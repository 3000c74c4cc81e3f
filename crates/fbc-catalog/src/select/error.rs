//! Why a selection is refused: the request contradicts itself, or what it leaves of a channel is no upgrade graph.

use std::fmt;

use super::nearest::EmptyAdvice;
use crate::catalog::BundleVersionError;
use crate::duplicates::Conflict;
use crate::graph::GraphFault;
use crate::validate::Violation;

/// Everything that is wrong with a request, in one answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SelectErrors(pub Vec<SelectError>);

/// One reason. Texts follow the page (`docs/behaviour/operators-archive.md` 2.1 to 2.5) where it gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A package listed twice.
    #[error("duplicate package entry \"{package}\"")]
    DuplicatePackage {
        /// The package.
        package: String,
    },
    /// A channel listed twice.
    #[error("operator \"{package}\": duplicate channel entry \"{channel}\"")]
    DuplicateChannel {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
    },
    /// A bound that is no version.
    #[error("operator \"{package}\"{}: {field} \"{value}\" must respect semantic versioning notation", of_channel(.channel.as_deref()))]
    Bound {
        /// The package.
        package: String,
        /// The channel, when the bound is a channel's.
        channel: Option<String>,
        /// `minVersion` or `maxVersion`.
        field: &'static str,
        /// What was written.
        value: String,
    },
    /// Bounds on the package and on one of its channels.
    #[error(
        "operator \"{package}\": mixing both filtering by minVersion/maxVersion and filtering by channel \
         minVersion/maxVersion is not allowed"
    )]
    MixedRanges {
        /// The package.
        package: String,
    },
    /// Channels together with bounds on the package (published scenario 15).
    #[error(
        "operator \"{package}\": cannot use channels/full and min/max versions at the same time; write the versions \
         below the channel they are meant for"
    )]
    ChannelsAndPackageRange {
        /// The package.
        package: String,
    },
    /// `full` together with bounds (published scenarios 16 and 17).
    #[error("operator \"{package}\": Full: true cannot be mixed with versionRange")]
    FullAndRange {
        /// The package.
        package: String,
    },
    /// Bundles together with anything else.
    #[error(
        "operator \"{package}\": mixing both filtering by bundles and filtering by channels or minVersion/maxVersion \
         is not allowed"
    )]
    BundlesAndMore {
        /// The package.
        package: String,
    },
    /// Bundles together with `full`.
    #[error("operator \"{package}\": mixing both filtering by bundles and full: true is not allowed")]
    BundlesAndFull {
        /// The package.
        package: String,
    },
    /// The requested default channel is not kept.
    #[error(
        "invalid default channel configuration for package \"{package}\": specified default channel override \
         \"{channel}\" does not exist in the filtered output{}", there_is(.kept)
    )]
    OverrideNotKept {
        /// The package.
        package: String,
        /// The override.
        channel: String,
        /// The channels that are kept.
        kept: Vec<String>,
    },
    /// The catalog's default channel is not kept, and nothing takes its place.
    #[error(
        "invalid default channel configuration for package \"{package}\": the default channel \"{channel}\" was \
         filtered out, a new default channel must be configured for this package{}", there_is(.kept)
    )]
    DefaultNotKept {
        /// The package.
        package: String,
        /// The catalog's default channel.
        channel: String,
        /// The channels that are kept.
        kept: Vec<String>,
    },
    /// The catalog names no usable default channel, so there is no head to choose.
    #[error(
        "package \"{package}\": the catalog's default channel \"{channel}\" does not exist; set `defaultChannel` to \
         one of [{}]", .channels.join(" ")
    )]
    NoDefault {
        /// The package.
        package: String,
        /// What the catalog says.
        channel: String,
        /// The channels there are.
        channels: Vec<String>,
    },
    /// None of the named channels or bundles exists.
    #[error("package \"{package}\": none of the requested {what} [{}] exists{}", .asked.join(" "), there_is(.near))]
    NothingExists {
        /// The package.
        package: String,
        /// `channels` or `bundles`.
        what: &'static str,
        /// The names as they were requested.
        asked: Vec<String>,
        /// Names that exist and come close.
        near: Vec<String>,
    },
    /// A channel in which nothing lies in the range, and which cannot go.
    #[error(
        "package \"{package}\" channel \"{channel}\" has version range \"{range}\" that results in an empty channel{}{}",
        holds(.lowest.as_deref(), .highest.as_deref()), format_args!("; {advice}")
    )]
    EmptyChannel {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// The range.
        range: String,
        /// The lowest version in the channel.
        lowest: Option<String>,
        /// The highest version in the channel.
        highest: Option<String>,
        /// What to write instead.
        advice: EmptyAdvice,
    },
    /// None of the selected bundles is in the channel that has to be the default.
    #[error("package \"{package}\": {}", no_default_for_bundles(.channel, .kept))]
    BundlesOutsideDefault {
        /// The package.
        package: String,
        /// The default channel; empty when the catalog names none.
        channel: String,
        /// The channels that hold selected bundles.
        kept: Vec<String>,
    },
    /// The one version that was asked for is nowhere in the package.
    #[error(
        "package \"{package}\" channel \"{channel}\": error finding specific bundle: specific version {version} not \
         found in bundles{}", closest(.nearest)
    )]
    VersionNotFound {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// The version.
        version: String,
        /// The versions of the channel that come closest.
        nearest: Vec<String>,
    },
    /// The channel, as the catalog has it, has no usable head.
    #[error("package \"{package}\" channel \"{channel}\" unable to filter head of channel: {}", lines(.faults))]
    NoHead {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// Why.
        faults: Vec<GraphFault>,
    },
    /// The channel, as the catalog has it, has a graph that a range cannot be cut from.
    #[error("package \"{package}\" channel \"{channel}\": {}", lines(.faults))]
    BrokenChannel {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// Why.
        faults: Vec<GraphFault>,
    },
    /// What a range leaves of a channel is no graph that OLM accepts.
    #[error("package \"{package}\" channel \"{channel}\": version range \"{range}\" breaks the upgrade graph: {}; {mend}", lines(.faults))]
    RangeBreaksChannel {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// The range.
        range: String,
        /// What OLM would object to.
        faults: Vec<GraphFault>,
        /// The smallest change that helps.
        mend: Mend,
    },
    /// What selected bundles leave of a channel is no graph that OLM accepts.
    #[error(
        "filtering on the selected bundles leads to invalidating channel \"{channel}\" for package \"{package}\": {}; \
         {mend}", lines(.faults)
    )]
    BundlesBreakChannel {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// What OLM would object to.
        faults: Vec<GraphFault>,
        /// The smallest change that helps.
        mend: Mend,
    },
    /// A bundle whose version has to be known and cannot be.
    #[error("{}", with_source(.0))]
    BundleVersion(BundleVersionError),
    /// The catalog defines something of the package twice, each time in another way.
    #[error("{0}")]
    Conflict(Conflict),
    /// The result would break a rule of OLM that the source keeps.
    #[error("the selection breaks a rule of OLM: {0}")]
    Violation(Violation),
}

/// The smallest change of a request that leaves a sound channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mend {
    /// Lower `minVersion` to this.
    LowerMin(String),
    /// Raise `maxVersion` to this.
    RaiseMax(String),
    /// Lower `minVersion` and raise `maxVersion`.
    Both {
        /// The lower bound.
        min: String,
        /// The upper bound.
        max: String,
    },
    /// Leave out a bound, or both.
    DropBounds,
    /// Also select these bundles.
    AddBundles(Vec<String>),
    /// Nothing helps: the channel is broken in the catalog.
    Nothing,
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowerMin(min) => write!(f, "lower minVersion to \"{min}\""),
            Self::RaiseMax(max) => write!(f, "raise maxVersion to \"{max}\""),
            Self::Both { min, max } => {
                write!(f, "lower minVersion to \"{min}\" and raise maxVersion to \"{max}\"")
            }
            Self::DropBounds => f.write_str("leave out the bounds"),
            Self::AddBundles(bundles) => write!(f, "select [{}] as well", bundles.join(" ")),
            Self::Nothing => f.write_str("no other range helps: the catalog itself has a broken channel"),
        }
    }
}

fn of_channel(channel: Option<&str>) -> String {
    channel.map(|channel| format!(": channel \"{channel}\"")).unwrap_or_default()
}

fn no_default_for_bundles(default: &str, kept: &[String]) -> String {
    match kept {
        [] => "none of the selected bundles is in a channel, so no cluster can install them".to_owned(),
        [first, ..] => format!(
            "none of the selected bundles is in the default channel \"{default}\"; set `defaultChannel: {first}`{}",
            there_is(kept)
        ),
    }
}

fn there_is(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" (there is [{}])", names.join(" ")) }
}

fn closest(versions: &[String]) -> String {
    if versions.is_empty() { String::new() } else { format!("; nearest: {}", versions.join(", ")) }
}

fn holds(lowest: Option<&str>, highest: Option<&str>) -> String {
    match (lowest, highest) {
        (Some(lowest), Some(highest)) => format!(" (it holds {lowest} to {highest})"),
        _ => String::new(),
    }
}

fn lines(faults: &[GraphFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn with_source(error: &BundleVersionError) -> String {
    use std::error::Error;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
