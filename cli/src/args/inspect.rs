//! Flags of the commands that only look: `archive`, `why`, `describe`, `version`, `completion`, `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{OutputFormat, SelectionArgs, Switch};

/// What `archive` accepts: one of its commands. Without one, help is printed.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// What to do with the archives.
    #[command(subcommand)]
    pub command: Option<ArchiveCommand>,
}

/// What can be done with archives.
#[derive(Debug, Subcommand)]
pub enum ArchiveCommand {
    /// List what the archives of a directory hold, without unpacking
    List(ArchivePath),
    /// Check every blob of the archives against its digest
    Verify(ArchivePath),
}

/// A directory with archives.
#[derive(Debug, Args)]
pub struct ArchivePath {
    /// Directory with `mirror_NNNNNN.tar` files, or one of them
    #[arg(value_name = "DIR")]
    pub archive: String,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What `why` accepts.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The image: its source, its name at the destination, or a component or operator
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Answer from the archives in this directory, offline
    ///
    /// Without --config, the answer is about the configuration that the archive was made with.
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
    /// How content is selected.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// What `describe` accepts.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// The directory with archives.
    #[command(flatten)]
    pub path: ArchivePath,
}

/// What `version` accepts.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// yaml or json
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FORMAT")]
    pub output: String,
    /// Print the version number alone
    #[arg(long, default_value = "false")]
    pub short: Switch,
}

/// What `completion` accepts.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
    /// Accepted for compatibility; ignored
    #[arg(long, default_value = "false")]
    pub no_descriptions: Switch,
}

/// What `man` accepts.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory to write the pages to; it must exist
    pub directory: PathBuf,
}
