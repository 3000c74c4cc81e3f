//! What an error of a selection is about, in the names of the request, and what to write instead.

use super::error::{Mend, SelectError};

/// What of a request an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The package.
    pub package: &'a str,
    /// A channel or a bundle of the package, when the error is about one. The request need not name it.
    pub part: Option<Part<'a>>,
    /// Which of the versions of package or channel is meant.
    pub versions: Option<Versions>,
}

/// A part of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The channel with this name.
    Channel(&'a str),
    /// The bundle with this name.
    Bundle(&'a str),
}

/// The versions of a package or a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// `minVersion`.
    Min,
    /// `maxVersion`.
    Max,
    /// The range between both.
    Range,
}

impl<'a> Subject<'a> {
    fn package(package: &'a str) -> Self {
        Self { package, part: None, versions: None }
    }

    fn channel(package: &'a str, channel: &'a str) -> Self {
        Self { part: Some(Part::Channel(channel)), ..Self::package(package) }
    }

    fn with(self, versions: Versions) -> Self {
        Self { versions: Some(versions), ..self }
    }
}

impl SelectError {
    /// What the error is about: at least one thing, several when several names are wrong for one reason.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        let one = match self {
            Self::DuplicatePackage { package }
            | Self::ChannelsAndPackageRange { package }
            | Self::FullAndRange { package }
            | Self::MixedRanges { package }
            | Self::BundlesAndMore { package }
            | Self::BundlesAndFull { package }
            | Self::OverrideNotKept { package, .. }
            | Self::DefaultNotKept { package, .. }
            | Self::NoDefault { package, .. }
            | Self::BundlesOutsideDefault { package, .. }
            | Self::BundlesBreakChannel { package, .. } => Subject::package(package),
            Self::DuplicateChannel { package, channel }
            | Self::NoHead { package, channel, .. }
            | Self::BrokenChannel { package, channel, .. } => Subject::channel(package, channel),
            Self::Bound { package, channel, field, .. } => {
                let versions = if *field == "maxVersion" { Versions::Max } else { Versions::Min };
                let part = channel.as_deref().map(Part::Channel);
                Subject { package, part, versions: Some(versions) }
            }
            Self::NothingExists { package, what, asked, .. } => {
                let part = |name| if *what == "bundles" { Part::Bundle(name) } else { Part::Channel(name) };
                return asked
                    .iter()
                    .map(|name| Subject { part: Some(part(name)), ..Subject::package(package) })
                    .collect();
            }
            Self::EmptyChannel { package, channel, .. } | Self::VersionNotFound { package, channel, .. } => {
                Subject::channel(package, channel).with(Versions::Range)
            }
            Self::RangeBreaksChannel { package, channel, mend, .. } => {
                Subject::channel(package, channel).with(match mend {
                    Mend::LowerMin(_) => Versions::Min,
                    Mend::RaiseMax(_) => Versions::Max,
                    _ => Versions::Range,
                })
            }
            Self::BundleVersion(error) => Subject::package(error.package()),
            Self::Conflict(conflict) => Subject::package(&conflict.package),
            Self::Violation(violation) => {
                let part = violation.channel.as_deref().map(Part::Channel);
                Subject { part, ..Subject::package(&violation.package) }
            }
        };
        vec![one]
    }

    /// What to write instead; none when no other request helps.
    pub fn advice(&self) -> Option<String> {
        let one_of = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
        match self {
            Self::DuplicatePackage { .. } | Self::DuplicateChannel { .. } => {
                Some("remove one of the entries".to_owned())
            }
            Self::Bound { field, .. } => Some(format!("write `{field}` as a version, such as \"1.2.3\"")),
            Self::MixedRanges { .. } | Self::ChannelsAndPackageRange { .. } => {
                Some("move the versions below the channel that they are meant for".to_owned())
            }
            Self::FullAndRange { .. } => Some("remove `full: true`, or remove the versions".to_owned()),
            Self::BundlesAndMore { .. } => Some("keep only `bundles`, or remove `bundles`".to_owned()),
            Self::BundlesAndFull { .. } => Some("remove `full: true`, or remove `bundles`".to_owned()),
            Self::OverrideNotKept { kept, .. } | Self::DefaultNotKept { kept, .. } => {
                one_of(kept).map(|kept| format!("set `defaultChannel` to one of: {kept}"))
            }
            Self::NoDefault { channels, .. } => {
                one_of(channels).map(|channels| format!("set `defaultChannel` to one of: {channels}"))
            }
            Self::NothingExists { near, what, .. } => one_of(near).map(|near| format!("{what} that exist: {near}")),
            Self::EmptyChannel { advice, .. } => Some(advice.to_string()),
            Self::BundlesOutsideDefault { kept, .. } => {
                kept.first().map(|first| format!("set `defaultChannel: {first}`"))
            }
            Self::VersionNotFound { nearest, .. } => {
                one_of(nearest).map(|nearest| format!("the nearest versions are: {nearest}"))
            }
            Self::RangeBreaksChannel { mend, .. } | Self::BundlesBreakChannel { mend, .. } => match mend {
                Mend::Nothing => None,
                mend => Some(mend.to_string()),
            },
            Self::NoHead { .. }
            | Self::BrokenChannel { .. }
            | Self::BundleVersion(_)
            | Self::Conflict(_)
            | Self::Violation(_) => None,
        }
    }
}
