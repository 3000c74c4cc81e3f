//! What a selection has to say besides its result.

use std::fmt;

use crate::graph::GraphFault;
use crate::validate::Violation;

use super::requirements::MissingRequirement;

/// Things worth telling; none of them changes the exit code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Decisions the user may want to know of.
    pub warnings: Vec<Warning>,
    /// Names that were asked for and do not exist.
    pub not_found: Vec<NotFound>,
    /// Packages and APIs that selected bundles require and the result lacks.
    pub missing: Vec<MissingRequirement>,
    /// Rules of OLM that the result breaks because the source catalog breaks them.
    pub violations: Vec<Violation>,
}

/// A decision that was taken for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The catalog's default channel is not selected; another takes its place.
    DefaultChannelChanged {
        /// The package.
        package: String,
        /// The catalog's default channel; empty when it has none.
        original: String,
        /// The one in the result.
        chosen: String,
    },
    /// Nothing in a channel lies in the range: the channel is gone.
    ChannelRemoved {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// The range.
        range: String,
    },
    /// What was asked of a channel breaks its upgrade graph; these entries were added to hold it together.
    Bridged {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
        /// The range; absent when bundles were selected by name.
        range: Option<String>,
        /// What OLM objects to without them.
        faults: Vec<GraphFault>,
        /// The names of the added bundles, lowest version first.
        added: Vec<String>,
    },
    /// A bundle in the range is skipped by a kept one but listed in no channel, where OLM could not install it.
    UnlistedBundleDropped {
        /// The package.
        package: String,
        /// The bundle.
        bundle: String,
    },
}

/// A name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFound {
    /// What it should name.
    pub kind: Kind,
    /// The package it was asked in; for [`Kind::Package`] the same as `name`.
    pub package: String,
    /// The name.
    pub name: String,
    /// Names that exist and come close.
    pub near: Vec<String>,
}

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A package of the catalog.
    Package,
    /// A channel of a package.
    Channel,
    /// A bundle of a package.
    Bundle,
}

impl Report {
    /// The missing requirements as lines for the `packages` of the configuration, or nothing when none is missing.
    pub fn missing_as_yaml(&self) -> Option<String> {
        super::requirements::as_yaml(&self.missing)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultChannelChanged { package, original, chosen } => write!(
                f,
                "package \"{package}\": the default channel \"{original}\" is not selected, \"{chosen}\" becomes the \
                 default; set `defaultChannel` to choose"
            ),
            Self::ChannelRemoved { package, channel, range } => write!(
                f,
                "package \"{package}\": nothing in channel \"{channel}\" lies in the version range \"{range}\", the \
                 channel is left out"
            ),
            Self::Bridged { package, channel, range, faults, added } => {
                let asked = match range {
                    Some(range) => format!("version range \"{range}\""),
                    None => "list of bundles".to_owned(),
                };
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "package \"{package}\" channel \"{channel}\": the {asked} breaks the upgrade graph ({}). Added [{}], \
                     so that clusters can upgrade through the channel. --strict-selection refuses instead",
                    faults.join("; "),
                    added.join(" ")
                )
            }
            Self::UnlistedBundleDropped { package, bundle } => write!(
                f,
                "package \"{package}\": bundle \"{bundle}\" lies in the version range but is listed in no channel, \
                 it is left out"
            ),
        }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Package => write!(f, "package \"{}\" does not exist in the catalog", self.name)?,
            Kind::Channel => write!(f, "package \"{}\" has no channel \"{}\"", self.package, self.name)?,
            Kind::Bundle => write!(f, "package \"{}\" has no bundle \"{}\"", self.package, self.name)?,
        }
        if !self.near.is_empty() {
            write!(f, ", is one of [{}] meant?", self.near.join(" "))?;
        }
        Ok(())
    }
}
