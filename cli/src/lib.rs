//! The command line of `oc-mirror`: from what was typed to what it means, and from an outcome to an exit code.
//!
//! The way of one run, each step a module:
//!
//! 1. [`env`](mod@env): one snapshot of the outside world — variables, directory, clock, terminal.
//! 2. [`args`]: what was typed, as clap reads it after [`args::parse`] has ironed out the habits of Go's flag package.
//! 3. [`settings`]: what it means — absolute paths, chosen defaults, settled conflicts.
//! 4. [`workflow`]: the run itself, on the engine.
//! 5. [`exit`]: the outcome as the bits that scripts know.
//!
//! [`log`] writes the lines in between, byte for byte in the format of oc-mirror v2.
//!
//! The program's whole outside can be given by hand, which is how the tests run it:
//!
//! ```
//! use oc_mirror::env::Snapshot;
//! use oc_mirror::log::Streams;
//!
//! let (streams, written) = Streams::captured();
//! let status = oc_mirror::run(["oc-mirror", "--version"], &Snapshot::for_test([]), streams);
//! assert_eq!(status, 0);
//! assert!(written.stdout().starts_with("oc-mirror version v"));
//! ```
//!
//! ## Deviations from oc-mirror v2
//! - `--v2` is accepted everywhere and needed nowhere; `--v1` ends with exit code 255 and says why.
//! - `--flag true` and `--flag false` set a boolean flag, as the published examples write it.
//! - `--from` takes a path without `file://`; a destination may end in `/`; `--loglevel` is `--log-level`.
//! - A destination that no registry client could address (`docker://myhost/ns`, a tag, upper case) is refused before
//!   anything is collected, with the form that works.
//! - `delete --delete-yaml-file` understands `--workspace file://…`; upstream makes a directory called `file:`.

pub mod access;
pub mod args;
pub mod colour;
pub mod duration;
pub mod env;
pub mod exit;
mod head;
pub mod log;
pub mod memory;
mod ownership;
pub mod rate;
pub mod render;
pub mod settings;
pub mod version;
pub mod workflow;

use std::any::Any;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::args::{Cli, Outcome};
use crate::colour::When;
use crate::env::Snapshot;
use crate::exit::ExitStatus;
use crate::log::{Level, Log, Streams};
use crate::settings::{Command, Settings, UsageError};

/// Runs the program with these arguments (the program's name first) and returns its exit code. Whatever else happened,
/// output that could not be written is a failure.
pub fn run<I, T>(argv: I, env: &Snapshot, streams: Streams) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let argv: Vec<OsString> = argv.into_iter().map(Into::into).collect();
    let log = Log::new(streams, Level::Info);
    log.add_to_head(head::of_command(&argv));
    colour(When::Auto, env, &log);
    let code = run_logged(&argv, env, &log);
    if log.lost_output() { code | ExitStatus::GENERIC.code() } else { code }
}

fn run_logged(argv: &[OsString], env: &Snapshot, log: &Log) -> u8 {
    // `docker://user:password@host` is refused, and the refusal says what it refuses.
    for argument in argv {
        log.redactor().hide_address(&argument.to_string_lossy());
    }
    if let Err(error) = args::check_generation(argv) {
        log.error(format_args!("{error}"));
        return ExitStatus::WRONG_GENERATION.code();
    }
    let cli = match args::parse(argv) {
        Outcome::Parsed(cli) => *cli,
        Outcome::Help { long } => {
            let styled = colour::is_wanted(When::Auto, env.colours, env.stdout_is_terminal);
            log.with_stdout(|stdout| stdout.write_all(args::help(argv, long, styled).as_bytes()));
            return ExitStatus::SUCCESS.code();
        }
        Outcome::Shown(text) => {
            log.with_stdout(|stdout| stdout.write_all(text.as_bytes()));
            return ExitStatus::SUCCESS.code();
        }
        Outcome::Refused { message, usage } => return refuse(log, &message, Some(&usage)),
    };
    match settle(&cli, env, log) {
        Ok(settings) => {
            let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(&settings, argv, log)));
            outcome.unwrap_or_else(|payload| tell_defect(log, payload.as_ref())).code()
        }
        Err(error) => {
            let usage = error.shows_usage().then(|| args::short_usage(argv));
            refuse(log, &error.to_string(), usage.as_deref())
        }
    }
}

/// Colours the streams as it was asked.
fn colour(when: When, env: &Snapshot, log: &Log) {
    let wanted = |is_terminal| colour::is_wanted(when, env.colours, is_terminal);
    log.set_colours(wanted(env.stdout_is_terminal), wanted(env.stderr_is_terminal));
}

/// The steps every command begins with (`docs/behaviour/config-cli.md` 2.5), in the order users see them.
fn settle(cli: &Cli, env: &Snapshot, log: &Log) -> Result<Settings, UsageError> {
    colour(cli.persistent.color, env, log);
    // `why` answers one question, and prints nothing else.
    let is_question = matches!(cli.command, Some(args::Subcommands::Why(_)));
    if !is_question {
        log.always(Level::Info, "👋 Hello, welcome to oc-mirror");
    }
    if env.umask != 0o022 {
        log.caution(format_args!(
            "Detected bad umask {:04o}, expected 0022: files of the workspace may get other permissions",
            env.umask
        ));
    }
    let common = settings::prerun(cli, env)?;
    log.set_level(common.log_level);
    common.hide_secrets(&log.redactor());
    if !is_question {
        log.info(format_args!("⚙️  environment version: {}", version::GIT_VERSION));
    }
    let (settings, warnings) = settings::settle(cli, common)?;
    for warning in warnings {
        log.caution(format_args!("{warning}"));
    }
    Ok(settings)
}

fn dispatch(settings: &Settings, argv: &[OsString], log: &Log) -> ExitStatus {
    match &settings.command {
        Command::Version(request) => {
            let text = version::render(*request);
            log.with_stderr(|stderr| stderr.write_all(text.stderr.as_bytes()));
            log.with_stdout(|stdout| stdout.write_all(text.stdout.as_bytes()));
            ExitStatus::SUCCESS
        }
        Command::Completion(shell) => {
            log.with_stdout(|stdout| stdout.write_all(&args::completion(*shell)));
            ExitStatus::SUCCESS
        }
        Command::ManPages(directory) => match args::write_man_pages(directory) {
            Ok(()) => ExitStatus::SUCCESS,
            Err(error) => {
                log.error(format_args!("[Executor] cannot write manual pages to `{}`: {error} ", directory.display()));
                ExitStatus::GENERIC
            }
        },
        Command::Help => {
            let styled =
                colour::is_wanted(When::Auto, settings.common.env.colours, settings.common.env.stdout_is_terminal);
            log.with_stdout(|stdout| stdout.write_all(args::help(argv, false, styled).as_bytes()));
            ExitStatus::SUCCESS
        }
        Command::Mirror(request) => workflow::mirror(settings, request, log),
        Command::Plan(request) => workflow::plan(settings, request, log),
        Command::Apply(request) => workflow::apply(settings, request, log),
        Command::Jobs(request) => workflow::jobs(request, log),
        Command::Delete(request) => workflow::delete(settings, request, log),
        Command::ListReleases(request) => workflow::list_releases(settings, request, log),
        Command::ListHelmImages(request) => workflow::list_helm_images(settings, request, log),
        Command::ListOperators(request) => workflow::list_operators(settings, request, log),
        Command::ArchiveList(folder) => workflow::archive_list(settings, folder, log),
        Command::ArchiveVerify(folder) => workflow::archive_verify(settings, folder, log),
        Command::Describe(folder) => workflow::describe(settings, folder, log),
        Command::Doctor(request) => workflow::doctor(settings, request, log),
        Command::Init(request) => workflow::init(settings, request, log),
        Command::Schema { kind, out } => workflow::schema(*kind, out.as_deref(), log),
        Command::Why(request) => workflow::why(settings, request, log),
    }
}

/// The end of a command that has met a defect of the program.
fn tell_defect(log: &Log, payload: &(dyn Any + Send)) -> ExitStatus {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason is given");
    log.error(format_args!(
        "[Executor] internal error: {text}. This is a defect of oc-mirror: please report it, with the log of this run "
    ));
    ExitStatus::GENERIC
}

fn refuse(log: &Log, message: &str, usage: Option<&str>) -> u8 {
    log.error(format_args!("[Executor] {message} "));
    if let Some(usage) = usage {
        log.with_stderr(|stderr| writeln!(stderr, "{usage}"));
    }
    ExitStatus::GENERIC.code()
}
