//! Flags of `list operators` and `list releases` (`docs/behaviour/config-cli.md` 2.3).

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{OutputFormat, Switch};

/// What `list` accepts: one of its commands. Without one, help is printed.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// What to list.
    #[command(subcommand)]
    pub command: Option<ListCommand>,
}

/// What can be listed.
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// List catalogs, or packages, channels and versions of a catalog
    Operators(ListOperatorsArgs),
    /// List releases, their channels and versions
    Releases(ListReleasesArgs),
    /// List the images of a Helm chart, and propose `imagePaths` for those that mirroring would not find
    HelmImages(ListHelmImagesArgs),
}

/// What `list helm-images` accepts.
#[derive(Debug, Args)]
pub struct ListHelmImagesArgs {
    /// The chart: a folder, a package (.tgz), the URL of a package, or `oci://REGISTRY/PATH/NAME`
    pub chart: String,
    /// Version or range of a chart of a registry; the newest when absent
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Render the chart with the values of this file; may be repeated, later files win
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What `list operators` accepts.
#[derive(Debug, Args)]
pub struct ListOperatorsArgs {
    /// List the catalogs of an OpenShift version; needs --version
    #[arg(long, default_value = "false")]
    pub catalogs: Switch,
    /// OpenShift version, such as 4.20; needs --catalogs
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// List the packages of this catalog image
    #[arg(long, value_name = "IMAGE")]
    pub catalog: Option<String>,
    /// List the channels of this package; needs --catalog
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,
    /// List the versions in this channel; needs --package
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What `list releases` accepts.
#[derive(Debug, Args)]
pub struct ListReleasesArgs {
    /// OpenShift version, such as 4.20
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Channel, such as fast-4.20
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// List the channels of a version; needs --version
    #[arg(long, default_value = "false")]
    pub channels: Switch,
    /// Architectures, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "amd64", value_name = "LIST", action = clap::ArgAction::Append)]
    pub filter_by_archs: Vec<String>,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}
