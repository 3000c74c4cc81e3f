//! Flags of mirroring, the command without a name (`docs/behaviour/config-cli.md` 2.3, "Mirror command only").

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Switch;

/// What the mirror command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of mirroring")]
pub struct MirrorArgs {
    /// `file://DIR`, or `docker://HOST[:PORT][/NAMESPACE]`
    #[arg(value_name = "DESTINATION")]
    pub destinations: Vec<String>,
    /// Mirror from the archives in this folder, `file://DIR`
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Say what would be mirrored, and mirror nothing
    #[arg(long, default_value = "false")]
    pub dry_run: Switch,
    /// Like --dry-run, and list instances of multi-architecture images too
    #[arg(long, default_value = "false")]
    pub dry_run_manifest_lists: Switch,
    /// With a dry run: exit 1 when an image is missing or the disk is too small
    ///
    /// An image is missing when its source, or in disk to mirror the archive, does not have it.
    #[arg(long, default_value = "false")]
    pub check: Switch,
    /// Archive again what was new since yyyy-MM-dd
    ///
    /// Without the flag, the archive holds what is new since the last archive.
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// Give up on an image after this time, all attempts included; 0 means never
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub image_timeout: Duration,
    /// Enforce the trust policy
    ///
    /// The policy is that of --policy, or the system's policy.json.
    #[arg(long, default_value = "false")]
    pub secure_policy: Switch,
    /// Longest repository path at the destination, in elements; 0 means no limit
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub max_nested_paths: i64,
    /// Fail when a file is larger than archiveSize
    #[arg(long, default_value = "false")]
    pub strict_archive: Switch,
    /// Write no archive when an image is missing
    ///
    /// Without the flag, an archive holds all images that are complete, and names those that it lacks. Only releases are
    /// always whole.
    #[arg(long, default_value = "false")]
    pub all_or_nothing: Switch,
    /// Write SHA256SUMS beside the archive
    ///
    /// `sha256sum -c SHA256SUMS` checks the files on the other side. The archive is read once more for it.
    #[arg(long, default_value = "false")]
    pub checksums: Switch,
    /// Do not copy signatures of images
    #[arg(long, default_value = "false")]
    pub remove_signatures: Switch,
    /// Do not verify the signature of `platform.release`
    ///
    /// Releases of channels are verified all the same.
    #[arg(long, default_value = "false")]
    pub ignore_release_signature: Switch,
    /// Mirror to disk without a cache
    ///
    /// Blobs stream straight into the archive. Only blobs that no earlier archive of this folder holds are fetched. A
    /// run that fails keeps nothing.
    #[arg(long, default_value = "false")]
    pub no_cache: Switch,
    /// Sign rebuilt catalogs with this private key
    ///
    /// The key is PEM, PKCS #8, not encrypted, ECDSA P-256. Only its owner should be able to read it.
    #[arg(long, value_name = "KEY")]
    pub sign_catalogs: Option<PathBuf>,
    /// Continue even if the disk is too small
    #[arg(short, long, default_value = "false")]
    pub force: Switch,
    /// Accepted for compatibility; ignored
    #[arg(short, long, hide = true, default_value = "false")]
    pub quiet: Switch,
    /// Accepted for compatibility; ignored
    #[arg(long, value_name = "DIR")]
    pub rootless_storage_path: Option<PathBuf>,
    /// Print the outcome as text or as JSON
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
    /// Select operator versions by these rules
    #[arg(long, value_enum, default_value_t, value_name = "RULES")]
    pub operator_selection: OperatorSelection,
    /// Refuse a selection that breaks an operator's upgrade graph
    ///
    /// Without the flag, versions are added that hold the graph together.
    #[arg(long, default_value = "false")]
    pub strict_selection: Switch,
    /// Add the releases that an upgrade has to pass
    #[arg(long, default_value = "false")]
    pub add_intermediate_releases: Switch,
    /// Accepted for compatibility; charts are rendered without the helm program
    #[arg(long, hide = true, value_name = "FILE")]
    pub helm_binary: Option<PathBuf>,
}

/// How operator versions are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OperatorSelection {
    /// As Red Hat documents it: head of the default channel; ranges select by version
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
