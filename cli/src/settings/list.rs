//! Listing: the rules of `docs/behaviour/config-cli.md` 2.8 and 2.9.

use std::path::PathBuf;

use image_ref::{ImageRef, Transport};

use super::UsageError;
use crate::args::{ListHelmImagesArgs, ListOperatorsArgs, ListReleasesArgs};
use crate::env::Snapshot;

/// Architectures that releases exist for.
const ARCHITECTURES: [&str; 5] = ["amd64", "arm64", "multi", "ppc64le", "s390x"];

/// What `list operators` is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOperators {
    /// The catalogs of an OpenShift version.
    Catalogs {
        /// The version, such as `4.20`.
        version: String,
    },
    /// What a catalog holds.
    Catalog {
        /// The catalog image, with tag or digest.
        catalog: ImageRef,
        /// How deep to look.
        query: OperatorQuery,
    },
}

/// How deep to look into a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorQuery {
    /// All packages.
    Packages,
    /// The channels of a package.
    Channels {
        /// The package.
        package: String,
    },
    /// The versions in a channel.
    Versions {
        /// The package.
        package: String,
        /// The channel.
        channel: String,
    },
}

impl ListOperators {
    pub(super) fn settle(flags: &ListOperatorsArgs) -> Result<Self, UsageError> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let (version, catalog) = (given(&flags.version), given(&flags.catalog));
        let (package, channel) = (given(&flags.package), given(&flags.channel));
        if flags.catalogs.0 != version.is_some() {
            return Err(UsageError::ListCatalogsAndVersion);
        }
        if flags.catalogs.0 == catalog.is_some() {
            return Err(UsageError::ListCatalogOrCatalogs);
        }
        if package.is_some() && catalog.is_none() {
            return Err(UsageError::ListPackageWithoutCatalog);
        }
        if channel.is_some() && package.is_none() {
            return Err(UsageError::ListChannelWithoutPackage);
        }
        match (catalog, version) {
            (Some(text), _) => Ok(Self::Catalog {
                catalog: catalog_reference(&text)?,
                query: match (package, channel) {
                    (None, _) => OperatorQuery::Packages,
                    (Some(package), None) => OperatorQuery::Channels { package },
                    (Some(package), Some(channel)) => OperatorQuery::Versions { package, channel },
                },
            }),
            (None, Some(version)) => Ok(Self::Catalogs { version }),
            (None, None) => Err(UsageError::ListCatalogOrCatalogs),
        }
    }
}

/// A fully qualified reference with tag or digest, or the folder of an OCI layout.
pub(super) fn catalog_reference(text: &str) -> Result<ImageRef, UsageError> {
    let invalid = |why: String| UsageError::ListCatalogInvalid(text.into(), why);
    let image = ImageRef::parse_name(text).map_err(|error| invalid(error.to_string()))?;
    if image.transport() == &Transport::Oci {
        return Ok(image);
    }
    image.repository().map_err(|error| invalid(error.to_string()))?;
    if image.name() != image.normalized().name() {
        return Err(UsageError::ListCatalogNotCanonical(text.into()));
    }
    if image.tag().is_none() && image.digest().is_none() {
        return Err(UsageError::ListCatalogUntagged(text.into()));
    }
    Ok(image)
}

/// What `list releases` is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListReleases {
    /// All minor versions there are.
    MinorVersions,
    /// The channels of a version.
    Channels {
        /// The version, such as `4.20`.
        version: String,
    },
    /// The versions in a channel.
    Versions {
        /// The channel, such as `stable-4.20`.
        channel: String,
        /// The OpenShift version that was asked for, if one was.
        version: Option<String>,
        /// Architectures, at least one.
        architectures: Vec<String>,
    },
}

impl ListReleases {
    pub(super) fn settle(flags: &ListReleasesArgs) -> Result<Self, UsageError> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let (version, channel) = (given(&flags.version), given(&flags.channel));
        if let Some(unknown) = flags.filter_by_archs.iter().find(|arch| !ARCHITECTURES.contains(&arch.as_str())) {
            return Err(UsageError::ListArchitecture(unknown.clone()));
        }
        if flags.channels.0 {
            return Ok(Self::Channels { version: version.ok_or(UsageError::ListChannelsWithoutVersion)? });
        }
        let channel = channel.or_else(|| version.as_ref().map(|version| format!("stable-{version}")));
        Ok(match channel {
            None => Self::MinorVersions,
            Some(channel) => Self::Versions { channel, version, architectures: flags.filter_by_archs.clone() },
        })
    }
}

/// Which chart `list helm-images` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHelmImages {
    /// An absolute path, or an address.
    pub chart: String,
    /// The version of a chart of a registry.
    pub version: Option<String>,
    /// Files with values; later ones win.
    pub values: Vec<PathBuf>,
}

impl ListHelmImages {
    pub(super) fn settle(flags: &ListHelmImagesArgs, env: &Snapshot) -> Result<Self, UsageError> {
        let chart = flags.chart.as_str();
        if chart.is_empty() {
            return Err(UsageError::ListChartEmpty);
        }
        let is_oci = chart.starts_with("oci://");
        let version = flags.version.clone().filter(|version| !version.is_empty());
        if version.is_some() && !is_oci {
            return Err(UsageError::ListVersionOfPackage);
        }
        let is_address = is_oci || chart.starts_with("https://") || chart.starts_with("http://");
        let chart = if is_address { chart.to_owned() } else { env.absolute(chart).display().to_string() };
        let values = flags.values.iter().map(|path| env.absolute(path)).collect();
        Ok(Self { chart, version, values })
    }
}
