//! Flags of mirroring, the command without a name (contract `config-cli.md` 2.3, "Mirror command only").

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Switch;

/// What the mirror command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of mirroring")]
pub struct MirrorArgs {
    /// Where to mirror to: `file://DIR` or `docker://HOST[:PORT][/NAMESPACE]`
    #[arg(value_name = "DESTINATION")]
    pub destinations: Vec<String>,
    /// Directory with the archives to mirror from, `file://DIR`
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Collect and print what would be mirrored, without mirroring
    #[arg(long, default_value = "false")]
    pub dry_run: Switch,
    /// Like --dry-run, and list the instances of multi-architecture images too
    #[arg(long, default_value = "false")]
    pub dry_run_manifest_lists: Switch,
    /// Archive again everything that was new since this day, yyyy-MM-dd; without it, what is new since the last archive
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// How long the copy of one image may take, all tries included; 0 means without limit
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub image_timeout: Duration,
    /// Enforce the trust policy (--policy, or the system's policy.json)
    #[arg(long, default_value = "false")]
    pub secure_policy: Switch,
    /// Longest repository path at the destination, in elements; 0 means without limit
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub max_nested_paths: i64,
    /// Fail when a file is larger than archiveSize
    #[arg(long, default_value = "false")]
    pub strict_archive: Switch,
    /// Do not copy signatures of images
    #[arg(long, default_value = "false")]
    pub remove_signatures: Switch,
    /// Do not verify the signature of `platform.release`; releases of channels are verified all the same
    #[arg(long, default_value = "false")]
    pub ignore_release_signature: Switch,
    /// Mirror to disk without a cache: blobs stream straight into the archive, once, and only what no earlier archive of
    /// this directory holds is fetched; a run that fails keeps nothing
    #[arg(long, default_value = "false")]
    pub no_cache: Switch,
    /// Sign rebuilt catalogs with this private key (PEM, PKCS #8, not encrypted, ECDSA P-256), which only its owner should be
    /// able to read
    #[arg(long, value_name = "KEY")]
    pub sign_catalogs: Option<PathBuf>,
    /// Go on although it cannot fit on the disk
    #[arg(short, long, default_value = "false")]
    pub force: Switch,
    /// Parsed, no effect
    #[arg(short, long, hide = true, default_value = "false")]
    pub quiet: Switch,
    /// Parsed, no effect
    #[arg(long, value_name = "DIR")]
    pub rootless_storage_path: Option<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
    /// How content is selected.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// Flags that change what is selected; commands that work on the same selection accept the same flags.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct SelectionArgs {
    /// How operator versions are selected
    #[arg(long, value_enum, default_value_t, value_name = "RULES")]
    pub operator_selection: OperatorSelection,
    /// Refuse a version range or a list of bundles that breaks an operator's upgrade graph, instead of adding versions
    #[arg(long, default_value = "false")]
    pub strict_selection: Switch,
    /// Add the releases that an upgrade has to pass between the selected ones
    #[arg(long, default_value = "false")]
    pub add_intermediate_releases: Switch,
    /// The helm program that renders charts; accepted, without effect as long as charts cannot be mirrored
    #[arg(long, hide = true, value_name = "FILE")]
    pub helm_binary: Option<PathBuf>,
}

/// How operator versions are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OperatorSelection {
    /// The published table: head of the default channel; ranges select by version
    #[default]
    VersionRange,
    /// Current upstream rules: heads of all channels; ranges follow the upgrade graph
    UpgradeGraph,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document on standard output; log lines go to standard error
    Json,
}
