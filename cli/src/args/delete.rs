//! Flags of `delete` (`docs/behaviour/config-cli.md` 2.3, "delete only").

use std::path::PathBuf;

use clap::Args;

use super::{OutputFormat, SelectionArgs, Switch};

/// What `delete` accepts.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Registry to delete from: `docker://HOST[:PORT][/NAMESPACE]`
    #[arg(value_name = "DESTINATION")]
    pub destinations: Vec<String>,
    /// Suffix for the names of the generated files
    #[arg(long, value_name = "ID")]
    pub delete_id: Option<String>,
    /// The list of images to delete, as generated in the first step
    #[arg(long, value_name = "FILE")]
    pub delete_yaml_file: Option<PathBuf>,
    /// Delete from the cache as well, and free its space
    #[arg(long, default_value = "false")]
    pub force_cache_delete: Switch,
    /// First step: write the list of images to delete
    #[arg(long, default_value = "false")]
    pub generate: Switch,
    /// List signatures of the images too, and the attestations and SBOMs that are in the cache
    #[arg(long, default_value = "false")]
    pub delete_signatures: Switch,
    /// List images under the tags that oc-mirror v1 gave them
    #[arg(long, default_value = "false")]
    pub delete_v1_images: Switch,
    /// Print the outcome as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
    /// How content is selected.
    #[command(flatten)]
    pub selection: SelectionArgs,
}
