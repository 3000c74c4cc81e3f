//! Plans: making, looking at, and applying them.

use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;

use super::mirror::{check_parallel, since};
use super::{Mirror, UsageError, directory, given};
use crate::args::{ApplyArgs, PersistentArgs, PlanArgs, PlanCommand};
use crate::env::Snapshot;

/// What to do about plans.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Make one.
    Make {
        /// What is planned.
        mirror: Box<Mirror>,
        /// Where the plan is written to.
        out: PathBuf,
    },
    /// Show one.
    Show(PathBuf),
    /// Compare two.
    Diff {
        /// The earlier plan.
        old: PathBuf,
        /// The later plan.
        new: PathBuf,
    },
    /// Sign one.
    Sign {
        /// The plan.
        plan: PathBuf,
        /// The private key.
        key: PathBuf,
        /// Where the signature is written to.
        out: PathBuf,
    },
    /// Verify the signature of one.
    Verify {
        /// The plan.
        plan: PathBuf,
        /// The public key.
        key: PathBuf,
        /// The signature.
        signature: PathBuf,
    },
    /// Print the JSON Schema.
    Schema(Option<PathBuf>),
}

impl Plan {
    pub(super) fn settle(
        common: &PersistentArgs,
        args: &PlanArgs,
        env: &Snapshot,
        warnings: &mut Vec<String>,
    ) -> Result<Self, UsageError> {
        Ok(match &args.command {
            None => {
                if args.mirror.destinations.is_empty() {
                    return Err(UsageError::PlanWithoutDestination);
                }
                let mirror = Box::new(Mirror::settle(common, &args.mirror, env, warnings)?);
                Self::Make { mirror, out: env.absolute(&args.out) }
            }
            Some(PlanCommand::Show(args)) => Self::Show(env.absolute(&args.plan)),
            Some(PlanCommand::Diff(args)) => Self::Diff { old: env.absolute(&args.old), new: env.absolute(&args.new) },
            Some(PlanCommand::Sign(args)) => {
                let plan = env.absolute(&args.plan);
                let out = given(args.out.as_ref(), env).unwrap_or_else(|| signature_of(&plan));
                Self::Sign { key: env.absolute(&args.key), out, plan }
            }
            Some(PlanCommand::Verify(args)) => {
                let plan = env.absolute(&args.plan);
                let signature = given(args.signature.as_ref(), env).unwrap_or_else(|| signature_of(&plan));
                Self::Verify { key: env.absolute(&args.key), signature, plan }
            }
            Some(PlanCommand::Schema(args)) => Self::Schema(given(args.out.as_ref(), env)),
        })
    }
}

/// Where the signature of a plan lies, when nobody says so.
pub(crate) fn signature_of(plan: &std::path::Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Applying a plan. What depends on the plan's mode is settled when the plan has been read.
#[derive(Debug, Clone)]
pub struct Apply {
    /// The plan.
    pub plan: PathBuf,
    /// The destination, as typed.
    pub destination: Option<String>,
    /// The key that must have signed the plan.
    pub plan_key: Option<PathBuf>,
    /// Directory with archives.
    pub from: Option<PathBuf>,
    /// The folder that the working directory lies in, or the working directory itself.
    pub workspace: Option<PathBuf>,
    /// Archive again what was new since the beginning of this day, UTC.
    pub since: Option<Date>,
    /// Time limit of one image, all tries included; none means no limit.
    pub image_timeout: Option<Duration>,
    /// Whether the trust policy is enforced.
    pub secure_policy: bool,
    /// Whether a file larger than `archiveSize` is an error.
    pub strict_archive: bool,
    /// Whether to go on although it cannot fit.
    pub force: bool,
}

impl Apply {
    pub(super) fn settle(common: &PersistentArgs, args: &ApplyArgs, env: &Snapshot) -> Result<Self, UsageError> {
        let from = args.from.as_deref().filter(|from| !from.is_empty());
        let workspace = common.workspace.as_deref().filter(|workspace| !workspace.is_empty());
        check_parallel(common)?;
        Ok(Self {
            plan: env.absolute(&args.plan),
            destination: args.destination.clone().filter(|typed| !typed.is_empty()),
            plan_key: given(args.plan_key.as_ref(), env),
            from: from.map(|from| directory(from, env).map_err(|_| UsageError::FromPrefix(from.into()))).transpose()?,
            workspace: workspace.map(|workspace| directory(workspace, env)).transpose()?,
            since: since(args.since.as_deref())?,
            image_timeout: Some(args.image_timeout).filter(|limit| !limit.is_zero()),
            secure_policy: args.secure_policy.0,
            strict_archive: args.strict_archive.0,
            force: args.force.0,
        })
    }
}
