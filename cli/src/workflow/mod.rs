//! The run itself: settings in, engine at work, exit status out. One page per command.

mod archive;
mod delete;
mod describe;
mod list;
mod mirror;
mod why;

use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::{Command, Settings};

/// Runs the command that was asked for.
pub fn run(settings: &Settings, log: &Log) -> ExitStatus {
    match &settings.command {
        Command::Mirror(request) => mirror::run(settings, request, log),
        Command::ArchiveList(folder) => archive::list(settings, folder, log),
        Command::ArchiveVerify(folder) => archive::verify(settings, folder, log),
        Command::Describe(folder) => describe::run(settings, folder, log),
        Command::Why(request) => why::run(settings, request, log),
        Command::Delete(request) => delete::run(settings, request, log),
        Command::ListReleases(request) => list::releases(settings, request, log),
        Command::ListOperators(request) => list::operators(settings, request, log),
        other => {
            log.error(format_args!("[Executor] `{}` is not available in this build ", other.name()));
            ExitStatus::GENERIC
        }
    }
}
