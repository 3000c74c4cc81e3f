//! What was meant: absolute paths, parsed values, chosen defaults, no conflicts left.
//!
//! Everything behind this point works with [`Settings`] alone; it never sees a flag or a variable again.
//! Checks stand in the order of `docs/behaviour/config-cli.md` 2.5 to 2.9 and 7.1, because the first failure wins and
//! scripts look for its text.

mod access;
mod list;
mod mirror;
mod plan;
mod usage;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::access::{Access, Credentials, Secret};
pub use self::list::{ListHelmImages, ListOperators, ListReleases, OperatorQuery};
pub(crate) use self::mirror::inside;
pub use self::mirror::{Delete, DeletePhase, Mirror, Mode, Selection};
pub(crate) use self::plan::signature_of;
pub use self::plan::{Apply, Jobs, Plan, PlanPlace};
pub use self::usage::UsageError;
use oci_transport::Redactor;

use crate::args::{ArchiveCommand, Cli, ListCommand, OutputFormat, PlanCommand, SchemaKind, Subcommands};
use crate::env::Snapshot;
use crate::log::Level;
use crate::version;

pub use crate::args::OperatorSelection;

/// Everything a run needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What every command shares.
    pub common: Common,
    /// What is to be done.
    pub command: Command,
    /// Whether the outcome is one JSON document on standard output.
    pub output: OutputFormat,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Command {
    /// Mirror in one of the three modes.
    Mirror(Box<Mirror>),
    /// Make a plan, or look at one.
    Plan(Plan),
    /// Mirror what a plan says.
    Apply(Box<Apply>),
    /// Print the manifest of a Job.
    Jobs(Jobs),
    /// Delete, first or second step.
    Delete(Box<Delete>),
    /// List operators.
    ListOperators(ListOperators),
    /// List releases.
    ListReleases(ListReleases),
    /// List the images of a Helm chart.
    ListHelmImages(ListHelmImages),
    /// List what the archives of a directory hold.
    ArchiveList(PathBuf),
    /// Check the archives of a directory.
    ArchiveVerify(PathBuf),
    /// Tell what the archives of a directory are for.
    Describe(PathBuf),
    /// Tell why an image is mirrored.
    Why(Why),
    /// Look at everything that a run needs.
    Doctor(Doctor),
    /// Print a configuration to start from.
    Init(Init),
    /// Print the JSON Schema of a configuration.
    Schema {
        /// Of which kind.
        kind: isc_schema::Kind,
        /// Where to; none means standard output.
        out: Option<PathBuf>,
    },
    /// Print the version.
    Version(version::Request),
    /// Print a completion script.
    Completion(clap_complete::Shell),
    /// Write manual pages to a directory.
    ManPages(PathBuf),
    /// Print help: `list` or `archive` without a command.
    Help,
}

impl Command {
    /// The command's name, as typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mirror(_) => "mirror",
            Self::Plan(Plan::Make { .. }) => "plan",
            Self::Plan(Plan::Show { .. }) => "plan show",
            Self::Plan(Plan::Diff { .. }) => "plan diff",
            Self::Plan(Plan::Sign { .. }) => "plan sign",
            Self::Plan(Plan::Verify { .. }) => "plan verify",
            Self::Plan(Plan::Push { .. }) => "plan push",
            Self::Plan(Plan::Pull { .. }) => "plan pull",
            Self::Plan(Plan::Schema(_)) => "plan schema",
            Self::Apply(_) => "apply",
            Self::Jobs(_) => "jobs",
            Self::Delete(_) => "delete",
            Self::ListOperators(_) => "list operators",
            Self::ListReleases(_) => "list releases",
            Self::ListHelmImages(_) => "list helm-images",
            Self::ArchiveList(_) => "archive list",
            Self::ArchiveVerify(_) => "archive verify",
            Self::Describe(_) => "describe",
            Self::Why(_) => "why",
            Self::Doctor(_) => "doctor",
            Self::Init(_) => "init",
            Self::Schema { .. } => "schema",
            Self::Version(_) => "version",
            Self::Completion(_) => "completion",
            Self::ManPages(_) => "man",
            Self::Help => "help",
        }
    }
}

/// What `why` is to explain.
#[derive(Debug, Clone)]
pub struct Why {
    /// The image, as typed.
    pub image: String,
    /// The image set configuration; none means the one that the archive was made with.
    pub config: Option<PathBuf>,
    /// Directory with archives to answer from; none means asking the sources.
    pub from: Option<PathBuf>,
    /// How content is selected.
    pub selection: Selection,
}

/// What `doctor` is to look at.
#[derive(Debug, Clone)]
pub struct Doctor {
    /// The image set configuration.
    pub config: Option<PathBuf>,
    /// Where to the run would mirror.
    pub target: Option<DoctorTarget>,
}

/// Where to a run would mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoctorTarget {
    /// Into a folder.
    Folder(PathBuf),
    /// To a registry.
    Registry(mirror_plan::Destination),
}

/// A configuration to start from.
#[derive(Debug, Clone)]
pub struct Init {
    /// The catalog whose packages are offered.
    pub catalog: Option<image_ref::ImageRef>,
    /// The JSON Schema that editors check the file against, as typed.
    pub schema: Option<String>,
}

/// What every command shares.
#[derive(Debug, Clone)]
pub struct Common {
    /// How much is told.
    pub log_level: Level,
    /// The cache, `<base>/.oc-mirror/.cache`. None: nobody said where, and the command has no use for one.
    pub cache: Option<PathBuf>,
    /// Port in the cache's name, `localhost:<port>`.
    pub port: u16,
    /// Images at a time; 1 to 10 for mirroring.
    pub parallel_images: u32,
    /// Layers of one image at a time; 1 to 10 for mirroring.
    pub parallel_layers: u32,
    /// Trust policy file.
    pub policy: Option<PathBuf>,
    /// Seed of the workspace's `registries.d`.
    pub registries_d: Option<PathBuf>,
    /// Tries after the first one.
    pub retry_times: u32,
    /// Constant pause between tries; none means exponential, from one second.
    pub retry_delay: Option<Duration>,
    /// Whether a flag says how often, or after which pause.
    pub retry_given: bool,
    /// How much all transfers may move together, in bytes per second; none means no limit.
    pub limit_rate: Option<u64>,
    /// How source registries are accessed.
    pub source: Access,
    /// How the destination registry is accessed.
    pub destination: Access,
    /// The world outside, for the lookups that depend on it.
    pub env: Snapshot,
}

impl Common {
    /// The cache of a command that uses one.
    ///
    /// # Panics
    /// For a command that [`prerun`] lets go on without a cache.
    pub fn cache(&self) -> &Path {
        self.cache.as_deref().expect("asked for before any command that uses it")
    }

    /// Name of the cache in mapping files and references, `localhost:<port>`.
    pub fn cache_host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// When the run started, in the names of its log files: `YYYYMMDD_hhmmss`, local time.
    pub fn log_stamp(&self) -> String {
        self.env.started.strftime("%Y%m%d_%H%M%S").to_string()
    }

    /// Tells every secret that flags and variables carried: nobody may print it.
    pub fn hide_secrets(&self, redactor: &Redactor) {
        self.source.hide_secrets(redactor);
        self.destination.hide_secrets(redactor);
        let env = &self.env;
        let addresses = [&env.update_url, &env.signature_url, &env.graph_data_url, &env.proxy.http, &env.proxy.https];
        addresses.into_iter().flatten().for_each(|address| redactor.hide_address(address));
    }
}

/// The checks before any command (`docs/behaviour/config-cli.md` 2.5, steps 3 to 5).
///
/// # Errors
/// The first check that fails.
pub fn prerun(cli: &Cli, env: &Snapshot) -> Result<Common, UsageError> {
    let flags = &cli.persistent;
    if flags.workspace.as_deref().is_some_and(|workspace| !workspace.is_empty() && !workspace.starts_with(FILE)) {
        return Err(UsageError::WorkspacePrefix);
    }
    let log_level = flags.log_level.parse()?;
    let base = match (given(flags.cache_dir.as_ref(), env), &env.cache_base) {
        (Some(_), Some(_)) => return Err(UsageError::TwoCaches),
        (Some(dir), None) => Some(dir),
        (None, Some(dir)) => Some(env.absolute(dir)),
        (None, None) => env.home.as_ref().map(|home| env.absolute(home)),
    };
    if base.is_none() && uses_cache(cli) {
        return Err(UsageError::NoCacheBase);
    }
    let authfile = flags.authfile.as_ref().filter(|path| !path.as_os_str().is_empty()).or(env.auth_file.as_ref());
    Ok(Common {
        log_level,
        cache: base.as_deref().map(cache_below),
        port: flags.port,
        parallel_images: flags.parallel_images,
        parallel_layers: flags.parallel_layers,
        policy: given(flags.policy.as_ref(), env),
        registries_d: given(flags.registries_d.as_ref(), env),
        retry_times: u32::try_from(flags.retry_times.max(0)).unwrap_or(u32::MAX),
        retry_delay: Some(flags.retry_delay).filter(|delay| !delay.is_zero()),
        retry_given: flags.given.retries,
        limit_rate: flags.limit_rate,
        source: Access::settle("src", flags.source_side(), authfile, env)?,
        destination: Access::settle("dest", flags.destination_side(), authfile, env)?,
        env: env.clone(),
    })
}

/// Whether the command keeps something in the cache, or looks for it there.
fn uses_cache(cli: &Cli) -> bool {
    match &cli.command {
        None => !cli.mirror.no_cache.0,
        Some(Subcommands::Plan(args)) => match &args.command {
            None => !args.mirror.no_cache.0,
            Some(command) => matches!(command, PlanCommand::Push(_) | PlanCommand::Pull(_)),
        },
        Some(Subcommands::Delete(args)) => args.generate.0 || args.force_cache_delete.0,
        Some(Subcommands::List(args)) => match &args.command {
            Some(ListCommand::Operators(args)) => args.catalog.is_some(),
            Some(ListCommand::Releases(_) | ListCommand::HelmImages(_)) | None => false,
        },
        Some(Subcommands::Why(_) | Subcommands::Apply(_)) => true,
        Some(Subcommands::Init(args)) => args.from_catalog.is_some(),
        // For `doctor`, a cache without a place is one thing less to look at.
        Some(
            Subcommands::Archive(_)
            | Subcommands::Describe(_)
            | Subcommands::Doctor(_)
            | Subcommands::Jobs(_)
            | Subcommands::Schema(_)
            | Subcommands::Version(_)
            | Subcommands::Completion(_)
            | Subcommands::Man(_),
        ) => false,
    }
}

/// Settles one command. Returns what is worth a warning beside the settings.
///
/// # Errors
/// The first check that fails.
pub fn settle(cli: &Cli, mut common: Common) -> Result<(Settings, Vec<String>), UsageError> {
    let env = &common.env;
    let mut warnings = Vec::new();
    let mut output = OutputFormat::Text;
    let command = match &cli.command {
        None => {
            output = cli.mirror.output;
            Command::Mirror(Box::new(Mirror::settle(&cli.persistent, &cli.mirror, env, &mut warnings)?))
        }
        Some(Subcommands::Plan(args)) => {
            output = match &args.command {
                Some(PlanCommand::Show(args)) => args.output,
                Some(PlanCommand::Diff(args)) => args.output,
                Some(_) => OutputFormat::Text,
                None => args.mirror.output,
            };
            Command::Plan(Plan::settle(&cli.persistent, args, env, &mut warnings)?)
        }
        Some(Subcommands::Apply(args)) => {
            output = args.output;
            Command::Apply(Box::new(Apply::settle(&cli.persistent, args, env)?))
        }
        Some(Subcommands::Jobs(args)) => Command::Jobs(Jobs::settle(args)?),
        Some(Subcommands::Delete(args)) => {
            output = args.output;
            Command::Delete(Box::new(Delete::settle(&cli.persistent, args, env)?))
        }
        Some(Subcommands::List(args)) => match &args.command {
            None => Command::Help,
            Some(ListCommand::Operators(args)) => {
                output = args.output;
                Command::ListOperators(ListOperators::settle(args)?)
            }
            Some(ListCommand::Releases(args)) => {
                output = args.output;
                Command::ListReleases(ListReleases::settle(args)?)
            }
            Some(ListCommand::HelmImages(args)) => {
                output = args.output;
                Command::ListHelmImages(ListHelmImages::settle(args, env)?)
            }
        },
        Some(Subcommands::Archive(args)) => match &args.command {
            None => Command::Help,
            Some(ArchiveCommand::List(path)) => {
                output = path.output;
                Command::ArchiveList(directory(&path.archive, env)?)
            }
            Some(ArchiveCommand::Verify(path)) => {
                output = path.output;
                Command::ArchiveVerify(directory(&path.archive, env)?)
            }
        },
        Some(Subcommands::Describe(args)) => {
            output = args.path.output;
            Command::Describe(directory(&args.path.archive, env)?)
        }
        Some(Subcommands::Why(args)) => {
            output = args.output;
            let from = args.from.as_deref().map(|from| directory(from, env)).transpose()?;
            let config = given(cli.persistent.config.as_ref(), env);
            if config.is_none() && from.is_none() {
                return Err(UsageError::NoConfig);
            }
            Command::Why(Why {
                image: args.image.clone(),
                config,
                from,
                selection: Selection::settle(&args.selection, env),
            })
        }
        Some(Subcommands::Doctor(args)) => {
            output = args.output;
            let typed = args.destination.as_deref().filter(|typed| !typed.is_empty());
            let target = match (typed, typed.and_then(|typed| typed.strip_prefix(DOCKER))) {
                (None, _) => None,
                (_, Some(registry)) => Some(DoctorTarget::Registry(mirror_plan::Destination::parse(registry)?)),
                (Some(typed), None) if typed.starts_with(FILE) => Some(DoctorTarget::Folder(directory(typed, env)?)),
                (Some(typed), None) => return Err(UsageError::DestinationPrefix(typed.into())),
            };
            Command::Doctor(Doctor { config: given(cli.persistent.config.as_ref(), env), target })
        }
        Some(Subcommands::Init(args)) => Command::Init(Init {
            catalog: args.from_catalog.as_deref().map(list::catalog_reference).transpose()?,
            schema: args.schema.clone().filter(|file| !file.is_empty()),
        }),
        Some(Subcommands::Schema(args)) => Command::Schema {
            kind: match args.kind {
                SchemaKind::ImageSetConfiguration => isc_schema::Kind::ImageSet,
                SchemaKind::DeleteImageSetConfiguration => isc_schema::Kind::Delete,
            },
            out: given(args.out.as_ref(), env),
        },
        Some(Subcommands::Version(args)) => Command::Version(match args.output.as_str() {
            "" if args.short.0 => version::Request::Short,
            "" => version::Request::Default,
            "json" => version::Request::Json,
            "yaml" => version::Request::Yaml,
            _ => return Err(UsageError::VersionOutput),
        }),
        Some(Subcommands::Completion(args)) => Command::Completion(args.shell),
        Some(Subcommands::Man(args)) => Command::ManPages(env.absolute(&args.directory)),
    };
    let mirror = match &command {
        Command::Mirror(mirror) | Command::Plan(Plan::Make { mirror, .. }) => Some(mirror),
        _ => None,
    };
    if let Some(mirror) = mirror
        && let Mode::MirrorToDisk { dest } = &mirror.mode
    {
        // With `--no-cache` nothing is kept there: what `skopeo` makes of an image lies there until it is archived.
        common.cache.get_or_insert_with(|| cache_below(dest));
    }
    Ok((Settings { common, command, output }, warnings))
}

/// The cache of a base directory.
fn cache_below(base: &Path) -> PathBuf {
    base.join(".oc-mirror").join(".cache")
}

/// Prefix of directories.
const FILE: &str = "file://";
/// Prefix of registries.
const DOCKER: &str = "docker://";
/// Name of the directory that a workspace or archive directory holds.
const WORKING_DIR: &str = "working-dir";

/// A directory, written with or without `file://`.
fn directory(text: &str, env: &Snapshot) -> Result<PathBuf, UsageError> {
    let path = text.strip_prefix(FILE).unwrap_or(text);
    if path.is_empty() || path.contains("://") {
        return Err(UsageError::NoDirectory(text.into()));
    }
    Ok(env.absolute(path))
}

/// A path that was given and is not empty, made absolute.
fn given(path: Option<&PathBuf>, env: &Snapshot) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).map(|path| env.absolute(path))
}

#[cfg(test)]
mod tests;
