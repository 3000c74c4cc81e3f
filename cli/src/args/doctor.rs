//! Flags of `doctor`.

use clap::Args;

use super::OutputFormat;

/// What `doctor` accepts.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// `docker://HOST[:PORT][/NAMESPACE]` or `file://DIR`, as for mirroring
    #[arg(value_name = "DESTINATION")]
    pub destination: Option<String>,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}
