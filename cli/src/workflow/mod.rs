//! The run itself: settings in, engine at work, exit status out. One page per command.

mod mirror;

use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::{Command, Settings};

/// Runs the command that was asked for.
pub fn run(settings: &Settings, log: &Log) -> ExitStatus {
    match &settings.command {
        Command::Mirror(request) => mirror::run(settings, request, log),
        other => {
            log.error(format_args!("[Executor] `{}` is not available in this build ", other.name()));
            ExitStatus::GENERIC
        }
    }
}
