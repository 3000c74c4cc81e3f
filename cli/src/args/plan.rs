//! Flags of the commands about plans: `plan`, `apply`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{MirrorArgs, OutputFormat, Switch};

/// What `plan` accepts: one of its commands, or what mirroring accepts.
#[derive(Debug, Args)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    mut_arg("dry_run", |arg| arg.hide(true)),
    mut_arg("dry_run_manifest_lists", |arg| arg.hide(true)),
    mut_arg("rootless_storage_path", |arg| arg.hide(true))
)]
pub struct PlanArgs {
    /// Write the plan to this file
    #[arg(long, default_value = "plan.json", value_name = "FILE")]
    pub out: PathBuf,
    /// What is planned.
    #[command(flatten)]
    pub mirror: MirrorArgs,
    /// What to do with plans.
    #[command(subcommand)]
    pub command: Option<PlanCommand>,
}

/// What can be done with plans.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Show what a plan brings, with sizes
    Show(PlanShowArgs),
    /// Compare two plans: exit code 0 when they are equal, 1 when they differ, 2 when one cannot be read
    Diff(PlanDiffArgs),
    /// Sign a plan, in the format of `cosign sign-blob`
    Sign(PlanSignArgs),
    /// Verify the signature of a plan
    Verify(PlanVerifyArgs),
    /// Push a plan to a registry, with what oc-mirror built for it
    Push(PlanPushArgs),
    /// Pull a plan from a registry
    Pull(PlanPullArgs),
    /// Print the JSON Schema of plans
    Schema(PlanSchemaArgs),
}

/// What `plan show` accepts.
#[derive(Debug, Args)]
pub struct PlanShowArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Write a page for the people who approve
    ///
    /// The page is one HTML file with pictures, without script.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Let the page say what is new since this plan
    #[arg(long, value_name = "PLAN", requires = "html")]
    pub against: Option<PathBuf>,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What `plan diff` accepts.
#[derive(Debug, Args)]
pub struct PlanDiffArgs {
    /// The earlier plan
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The later plan
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Print the answer as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What `plan sign` accepts.
#[derive(Debug, Args)]
pub struct PlanSignArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Sign with this private key
    ///
    /// The key is PEM, PKCS #8, not encrypted, ECDSA P-256. Only its owner should be able to read it.
    #[arg(long, value_name = "KEY", required = true)]
    pub key: PathBuf,
    /// Write the signature to this file; without the flag, to PLAN.sig
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What `plan verify` accepts.
#[derive(Debug, Args)]
pub struct PlanVerifyArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The public key, PEM
    #[arg(long, value_name = "KEY", required = true)]
    pub key: PathBuf,
    /// The signature; without the flag, PLAN.sig
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
}

/// What `plan push` accepts.
#[derive(Debug, Args)]
pub struct PlanPushArgs {
    /// The plan; PLAN.sig goes along when it is there
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where to push the plan, `docker://HOST[:PORT]/REPOSITORY[:TAG]`
    #[arg(value_name = "PLACE")]
    pub to: String,
}

/// What `plan pull` accepts.
#[derive(Debug, Args)]
pub struct PlanPullArgs {
    /// The plan, `docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`
    #[arg(value_name = "PLACE")]
    pub from: String,
    /// Write the plan to this file, and its signature to FILE.sig
    #[arg(long, default_value = "plan.json", value_name = "FILE")]
    pub out: PathBuf,
}

/// What `plan schema` accepts.
#[derive(Debug, Args)]
pub struct PlanSchemaArgs {
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What `apply` accepts.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The plan: a file, or `docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]` of a pushed plan
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The plan's destination; another one is refused
    #[arg(value_name = "DESTINATION")]
    pub destination: Option<String>,
    /// Apply only a plan that this public key has signed
    ///
    /// The key is PEM. The signature is PLAN.sig, as `oc-mirror plan sign` and `cosign sign-blob` write signatures.
    #[arg(long, value_name = "KEY")]
    pub plan_key: Option<PathBuf>,
    /// Apply one part of the plan: `3/8`, `finish/8`, or `auto/8`
    ///
    /// Each of 8 workers sends its own part. The finisher sends what has to come last and what is missing, and writes the
    /// cluster resources. `auto` takes the number from `JOB_COMPLETION_INDEX`: 0 to 7 are the workers, 8 is the finisher.
    #[arg(long, value_name = "PART")]
    pub shard: Option<String>,
    /// A worker waits so long for blobs that other workers send
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub patience: Duration,
    /// The finisher waits so long when nothing new arrives from the workers
    #[arg(long, default_value = "30m", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub wait: Duration,
    /// A plan for disk to mirror: the archives are in this folder, `file://DIR`
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// A plan for mirror to disk: archive again what was new since yyyy-MM-dd
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
    /// Fail when a file is larger than archiveSize
    #[arg(long, default_value = "false")]
    pub strict_archive: Switch,
    /// Continue even if the disk is too small
    #[arg(short, long, default_value = "false")]
    pub force: Switch,
    /// Print the outcome as text or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// What `jobs` accepts.
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// The pushed plan by digest, `docker://HOST[:PORT]/REPOSITORY@sha256:...`
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// So many workers; the finisher is one more
    #[arg(long, value_name = "N", required = true)]
    pub shards: usize,
    /// The container image of oc-mirror
    #[arg(long, value_name = "IMAGE", required = true)]
    pub image: String,
    /// Name of the Job; without the flag, one made of the plan's digest
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Namespace of the Job
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Secret with the credentials of source registries, of type kubernetes.io/dockerconfigjson
    #[arg(long, value_name = "NAME")]
    pub source_secret: Option<String>,
    /// Secret with the credentials of the destination, of type kubernetes.io/dockerconfigjson
    #[arg(long, value_name = "NAME")]
    pub destination_secret: Option<String>,
    /// Secret whose key `plan.pub` is the public key that must have signed the plan
    #[arg(long, value_name = "NAME")]
    pub plan_key_secret: Option<String>,
    /// A plan for disk to mirror: the claim of the volume with the archives, mounted read-only
    #[arg(long, value_name = "NAME")]
    pub archive_claim: Option<String>,
    /// Number of the user that the pods run as
    ///
    /// OpenShift chooses one. Other clusters need the flag when the container image names no user.
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(u32).range(1..))]
    pub run_as_user: Option<u32>,
    /// More flags of `oc-mirror apply`, behind `--`
    #[arg(last = true, value_name = "FLAGS")]
    pub more: Vec<String>,
}
