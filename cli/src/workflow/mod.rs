//! The run itself: settings in, engine at work, exit status out.

use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::Settings;

/// Runs the command that was asked for.
pub fn run(settings: &Settings, log: &Log) -> ExitStatus {
    log.error(format_args!("[Executor] `{}` is not available in this build ", settings.command.name()));
    ExitStatus::GENERIC
}
