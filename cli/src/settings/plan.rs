//! Plans: making, looking at, and applying them.

use std::path::PathBuf;
use std::time::Duration;

use image_ref::ImageRef;
use jiff::civil::Date;
use mirror_engine::{Part, Shard};

use super::mirror::{check_parallel, since};
use super::{DOCKER, Mirror, UsageError, directory, given};
use crate::args::{ApplyArgs, JobsArgs, PersistentArgs, PlanArgs, PlanCommand};
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
    Show {
        /// The plan.
        plan: PathBuf,
        /// The page to write, instead of an answer.
        html: Option<PathBuf>,
        /// The earlier plan that the page compares with.
        against: Option<PathBuf>,
    },
    /// Push one to a registry.
    Push {
        /// The plan.
        plan: PathBuf,
        /// Where to.
        to: ImageRef,
    },
    /// Pull one from a registry.
    Pull {
        /// Where it is.
        from: ImageRef,
        /// Where the plan is written to.
        out: PathBuf,
    },
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
            Some(PlanCommand::Show(args)) => Self::Show {
                plan: env.absolute(&args.plan),
                html: given(args.html.as_ref(), env),
                against: given(args.against.as_ref(), env),
            },
            Some(PlanCommand::Push(args)) => {
                Self::Push { plan: env.absolute(&args.plan), to: reference(&args.to, ":TAG")? }
            }
            Some(PlanCommand::Pull(args)) => {
                Self::Pull { from: reference(&args.from, ":TAG")?, out: env.absolute(&args.out) }
            }
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
    pub plan: PlanPlace,
    /// The part of the plan that is applied; none means all of it.
    pub shard: Option<Shard>,
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
            plan: if args.plan.starts_with(DOCKER) {
                PlanPlace::Pushed(reference(&args.plan, ":TAG")?)
            } else {
                PlanPlace::File(env.absolute(&args.plan))
            },
            shard: args.shard.as_deref().map(|text| shard(text, args, env)).transpose()?,
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

/// Where a plan is.
#[derive(Debug, Clone)]
pub enum PlanPlace {
    /// On this machine.
    File(PathBuf),
    /// In a registry.
    Pushed(ImageRef),
}

/// The largest number of workers.
const MAX_WORKERS: usize = 1000;

/// A reference behind `docker://`.
fn reference(text: &str, ending: &'static str) -> Result<ImageRef, UsageError> {
    let parsed = text.strip_prefix(DOCKER).and_then(|_| ImageRef::parse_name(text).ok());
    let parsed = parsed.filter(|image| image.repository().is_ok());
    let image = parsed.ok_or_else(|| UsageError::PlanReference { text: text.into(), ending })?;
    Ok(if image.tag().is_none() && image.digest().is_none() { image.with_tag("latest") } else { image })
}

/// A part of a plan: `3/8`, `finish/8`, `auto/8`.
fn shard(text: &str, args: &ApplyArgs, env: &Snapshot) -> Result<Shard, UsageError> {
    let wrong = || UsageError::Shard(text.into());
    let (which, workers) = text.split_once('/').ok_or_else(wrong)?;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<usize>().ok()).flatten();
    let workers = number(workers).filter(|workers| (1..=MAX_WORKERS).contains(workers)).ok_or_else(wrong)?;
    // As the controller counts: from 0, the finisher last.
    let index = match which {
        "finish" => workers,
        "auto" => {
            let told = env.completion_index.as_deref();
            let told = told.ok_or_else(|| UsageError::ShardWithoutIndex(text.into()))?;
            number(told).filter(|index| *index <= workers).ok_or_else(|| UsageError::ShardIndex {
                shard: text.into(),
                index: told.into(),
                workers,
            })?
        }
        which => number(which).filter(|which| (1..=workers).contains(which)).ok_or_else(wrong)? - 1,
    };
    let part = if index == workers { Part::Finisher } else { Part::Worker(index) };
    Ok(Shard { part, workers, patience: args.patience, wait: args.wait })
}

/// The manifest of a Job.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// The pushed plan by digest, with `docker://`.
    pub plan: String,
    /// Workers, the finisher not counted.
    pub shards: usize,
    /// The container image.
    pub image: String,
    /// Name of the Job.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Secret with credentials of the sources.
    pub source_secret: Option<String>,
    /// Secret with credentials of the destination.
    pub destination_secret: Option<String>,
    /// Secret with the key that must have signed the plan.
    pub plan_key_secret: Option<String>,
    /// Claim of the volume with the archives.
    pub archive_claim: Option<String>,
    /// Number of the user that the pods run as; the cluster chooses without.
    pub run_as_user: Option<u32>,
    /// More flags of `apply`.
    pub more: Vec<String>,
}

impl Jobs {
    pub(super) fn settle(args: &JobsArgs) -> Result<Self, UsageError> {
        let pushed = reference(&args.plan, "@sha256:...").ok();
        // A tag may lead each pod to another plan.
        let digest =
            pushed.as_ref().and_then(ImageRef::digest).ok_or_else(|| UsageError::JobsPlan(args.plan.clone()))?;
        if !(1..=MAX_WORKERS).contains(&args.shards) {
            return Err(UsageError::JobsShards(args.shards));
        }
        Ok(Self {
            plan: args.plan.clone(),
            shards: args.shards,
            image: args.image.clone(),
            name: args.name.clone().unwrap_or_else(|| format!("oc-mirror-{}", &digest.hex()[..12])),
            namespace: args.namespace.clone(),
            source_secret: args.source_secret.clone(),
            destination_secret: args.destination_secret.clone(),
            plan_key_secret: args.plan_key_secret.clone(),
            archive_claim: args.archive_claim.clone(),
            run_as_user: args.run_as_user,
            more: args.more.clone(),
        })
    }
}
