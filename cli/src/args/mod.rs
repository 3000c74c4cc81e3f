//! What was typed: the clap structs, and the way from an argument list to them.
//!
//! Nothing here decides what a flag means; [`settings`](crate::settings) does. Flags and their spellings follow
//! `docs/behaviour/config-cli.md` 2.3; parsing follows Go's flag package where scripts may depend on it, see [`argv`].

pub mod argv;
mod completion;
mod delete;
mod doctor;
mod help;
mod history;
mod inspect;
mod list;
mod man;
mod mirror;
mod persistent;
mod plan;
mod start;
mod switch;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args as _, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use self::completion::completion;
pub use self::delete::DeleteArgs;
pub use self::doctor::DoctorArgs;
pub use self::inspect::{
    ArchiveArgs, ArchiveCommand, ArchivePath, CompletionArgs, DescribeArgs, ManArgs, VersionArgs, WhyArgs,
};
pub use self::list::{ListArgs, ListCommand, ListHelmImagesArgs, ListOperatorsArgs, ListReleasesArgs};
pub use self::man::write_man_pages;
pub use self::mirror::{MirrorArgs, OperatorSelection, OutputFormat, SelectionArgs};
pub use self::persistent::{PersistentArgs, SideArgs};
pub use self::plan::{
    ApplyArgs, JobsArgs, PlanArgs, PlanCommand, PlanDiffArgs, PlanPullArgs, PlanPushArgs, PlanSchemaArgs, PlanShowArgs,
    PlanSignArgs, PlanVerifyArgs,
};
pub use self::start::{InitArgs, SchemaArgs, SchemaKind};
pub use self::switch::Switch;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "oc-mirror",
    about = "Mirror OpenShift releases, operators and images into disconnected networks",
    disable_version_flag = true,
    args_override_self = true,
    subcommand_negates_reqs = true
)]
pub struct Cli {
    /// Flags that every command accepts.
    #[command(flatten)]
    pub persistent: PersistentArgs,
    /// What the mirror command, which has no name, accepts.
    #[command(flatten)]
    pub mirror: MirrorArgs,
    /// A command other than mirroring.
    #[command(subcommand)]
    pub command: Option<Subcommands>,
    /// Show the version
    #[arg(short = 'v', long = "version", action = ArgAction::Version, help_heading = None::<&str>)]
    version: Option<bool>,
}

/// The commands with a name.
#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Plan a mirror, to the digest; show, compare, sign, verify plans
    ///
    /// A plan is a document to review and approve. `oc-mirror apply` mirrors what a plan says, and nothing else.
    Plan(Box<PlanArgs>),
    /// Mirror what a plan says, and nothing else
    ///
    /// No tag is asked of any source: the digests of the plan decide. The destination is the plan's.
    Apply(Box<ApplyArgs>),
    /// Print a Kubernetes Job whose pods apply a pushed plan together
    ///
    /// No cluster is asked. The manifest is one Indexed Job: workers, and a finisher that comes last.
    Jobs(JobsArgs),
    /// Delete images from a registry, in two steps
    ///
    /// The first step writes a list of images. The second step deletes what the list names.
    Delete(DeleteArgs),
    /// List releases, operators of catalogs, or images of a Helm chart
    List(ListArgs),
    /// List or verify archives
    Archive(ArchiveArgs),
    /// Show why an image is mirrored
    Why(WhyArgs),
    /// Show what an archive is for
    Describe(DescribeArgs),
    /// Look at everything that a run needs, and say what to do
    ///
    /// Credentials, certificates, proxies, the update service, the signature server, folders, clocks. Nothing is mirrored. Ends
    /// with exit code 1 when a run would fail.
    Doctor(DoctorArgs),
    /// Print a configuration to start from
    Init(InitArgs),
    /// Print the JSON Schema of the configuration
    Schema(SchemaArgs),
    /// Show the version
    Version(VersionArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
    /// Write manual pages
    #[command(hide = true)]
    Man(ManArgs),
}

/// What became of an argument list.
#[derive(Debug)]
pub enum Outcome {
    /// It was understood.
    Parsed(Box<Cli>),
    /// It asked for help.
    Help {
        /// For all of it.
        long: bool,
    },
    /// It asked for the version: this text, for standard output.
    Shown(String),
    /// It was not understood.
    Refused {
        /// Why, in the words of Go's flag package where it has some.
        message: String,
        /// How the command that was meant is called, and where its help is.
        usage: String,
    },
}

/// Reads an argument list, the program's name first.
pub fn parse(list: &[OsString]) -> Outcome {
    let refused = |message: String| Outcome::Refused { message, usage: short_usage(list) };
    let command = command(list);
    let flat = argv::without_generation_of_help(argv::join_switch_values(list, &command));
    let matches = match command.try_get_matches_from(flat) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            let is_short = |word: &OsString| {
                let word = word.to_string_lossy();
                word.starts_with('-') && !word.starts_with("--") && word.contains('h')
            };
            return Outcome::Help { long: !list.iter().skip(1).any(is_short) };
        }
        Err(error) if error.kind() == ErrorKind::DisplayVersion => return Outcome::Shown(error.render().to_string()),
        Err(error) => return refused(in_words_of_pflag(&error, list)),
    };
    if let Some(message) = no_command(&matches) {
        return refused(message);
    }
    if let Some(message) = misplaced(&matches) {
        return refused(message);
    }
    match Cli::from_arg_matches(&matches) {
        Ok(cli) if cli.command.is_none() && cli.mirror.destinations.is_empty() => refused(
            "requires at least 1 arg(s), only received 0: a destination, `file://<dir>` or `docker://<host>`".into(),
        ),
        Ok(mut cli) => {
            cli.persistent.given = persistent::Given::of(&matches);
            Outcome::Parsed(Box::new(cli))
        }
        Err(error) => refused(in_words_of_pflag(&error, list)),
    }
}

/// Help of the command that the argument list names: everything, or one screen. `styled` is for terminals.
pub fn help(list: &[OsString], long: bool, styled: bool) -> String {
    help::render(&named(list), long, styled)
}

/// How the command that the argument list names is called, in one line, and where its help is.
pub fn short_usage(list: &[OsString]) -> String {
    let named = named(list);
    let name = named.get_bin_name().unwrap_or_else(|| named.get_name());
    format!("Usage: {}\nSee `{name} --help`.", help::usage_of(&named).first().map_or(name, String::as_str))
}

/// The command that the argument list names.
fn named(list: &[OsString]) -> clap::Command {
    let mut named = command(list);
    named.build();
    for word in list.iter().skip(1).filter_map(|word| word.to_str()) {
        // `help delete` is about `delete`.
        if word != "help"
            && let Some(inner) = named.find_subcommand(word)
        {
            named = inner.clone();
        }
    }
    named
}

/// The names of the commands below a command that help shows, and of those that people know from there.
fn commands_of(command: &clap::Command) -> Vec<&str> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(clap::Command::get_name).collect()
}

/// A first argument that is no destination, but nearly a command.
fn no_command(matches: &ArgMatches) -> Option<String> {
    if matches.subcommand().is_some() {
        return None;
    }
    let word = matches.get_many::<String>("destinations")?.next()?;
    if word.is_empty() || word.contains(|c: char| !c.is_ascii_alphabetic()) {
        return None;
    }
    let command = command(&[]);
    let hint = history::of_command("", word, commands_of(&command).into_iter())?;
    Some(format!("unknown command {word:?}{hint}"))
}

/// Looks for `--v1` and `--v2` anywhere in the argument list, as upstream does before it parses flags.
///
/// # Errors
/// When `--v1` is there.
pub fn check_generation(list: &[OsString]) -> Result<(), WrongGeneration> {
    let has = |flag: &str| list.iter().skip(1).take_while(|word| *word != "--").any(|word| word == flag);
    match (has("--v1"), has("--v2")) {
        (true, true) => Err(WrongGeneration::Both),
        (true, false) => Err(WrongGeneration::V1),
        _ => Ok(()),
    }
}

/// The generation that was asked for is not the one this program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum WrongGeneration {
    #[error("--v1 and --v2 are mutually exclusive; this program is v2, with or without the flag")]
    Both,
    #[error("--v1: this program is oc-mirror v2 and contains no v1; leave the flag out, or use an older oc-mirror")]
    V1,
}

/// The clap command, named after the program and with switches that take a value only after `=`.
pub fn command(list: &[OsString]) -> clap::Command {
    let command = Cli::command().version(crate::version::LINE);
    let command = with_switches(command);
    let program = list.first().map(Path::new).and_then(Path::file_name).and_then(OsStr::to_str);
    match program {
        Some(program) => command.name(program.to_owned()).bin_name(program.to_owned()),
        None => command,
    }
}

fn with_switches(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        if switch::is_switch(&arg) {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL")
        } else if arg.get_value_parser().type_id() == clap::value_parser!(PathBuf).type_id() {
            // Go takes `--authfile=`, an empty path, for an absent one; scripts with an unset variable rely on it.
            arg.value_parser(OsStringValueParser::new().map(PathBuf::from))
        } else if arg.get_action().takes_values() {
            arg.allow_negative_numbers(true)
        } else {
            arg
        }
    });
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_switches))
}

/// Flags of the mirror command do not belong to the others, wherever they stand.
fn misplaced(matches: &ArgMatches) -> Option<String> {
    let (name, _) = matches.subcommand()?;
    let only_mirror = MirrorArgs::augment_args(clap::Command::new("mirror"));
    let stray = only_mirror.get_arguments().find(|arg| {
        let id = arg.get_id().as_str();
        matches.value_source(id) == Some(ValueSource::CommandLine)
    })?;
    Some(match stray.get_long() {
        Some(long) => format!("unknown flag: --{long} (it is a flag of mirroring, not of `{name}`)"),
        None => format!("unexpected argument before `{name}`: arguments of a command follow its name"),
    })
}

/// Says what clap found, in the words that Go's flag package and cobra have for it.
fn in_words_of_pflag(error: &clap::Error, list: &[OsString]) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        Some(ContextValue::Strings(texts)) => texts.first().map_or("", String::as_str),
        _ => "",
    };
    // `--port <PORT>`: only the flag itself is of interest.
    let flag = text(ContextKind::InvalidArg).split([' ', '=', '[']).next().unwrap_or_default();
    let value = text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("--") => {
            let named = named(list);
            let known = named.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long);
            format!("unknown flag: {flag}{}", history::of_flag(flag.trim_start_matches('-'), known))
        }
        ErrorKind::UnknownArgument if flag.starts_with('-') => {
            let shorthand = flag.trim_start_matches('-');
            // The whole word it stood in, as pflag prints it.
            let word = list
                .iter()
                .filter_map(|word| word.to_str())
                .find(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(shorthand));
            format!("unknown shorthand flag: '{shorthand}' in {}", word.unwrap_or(flag))
        }
        ErrorKind::UnknownArgument => format!("unexpected argument `{flag}`"),
        ErrorKind::InvalidSubcommand => {
            let (word, named) = (text(ContextKind::InvalidSubcommand), named(list));
            let before = named.get_bin_name().and_then(|name| name.split_once(' ')).map_or("", |(_, rest)| rest);
            let hint = history::of_command(before, word, commands_of(&named).into_iter()).unwrap_or_default();
            format!("unknown command {word:?}{hint}")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("flag needs an argument: {flag}"),
        ErrorKind::InvalidValue => {
            let expected = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) => valid.join(", "),
                _ => String::new(),
            };
            format!("invalid argument {value:?} for {flag:?} flag: expected one of {expected}")
        }
        ErrorKind::ValueValidation => {
            let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("invalid argument {value:?} for {flag:?} flag: {source}")
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(missing)) => missing.join(" "),
                _ => flag.to_owned(),
            };
            format!("missing argument: {missing}")
        }
        _ => {
            let rendered = error.render().to_string();
            rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}
