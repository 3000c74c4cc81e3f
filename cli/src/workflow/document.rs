//! What a command prints to standard output: an answer, or why there is none; one document for a script, a text for a person.

use std::path::Path;

use anyhow::Context as _;
use mirror_engine::report::{Diagnostic, save};
use mirror_engine::visible;
use rooted_folder::RootedFolder;
use serde::Serialize;
use serde_json::Value;

use super::configuration::Mistakes;
use super::interrupt::Interrupted;
use super::logs::log_file;
use crate::args::OutputFormat;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::Settings;

/// What to print, as text and as a document, and what went wrong beside that.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) document: Value,
    pub(super) errors: Vec<String>,
}

/// Prints what was found, or why nothing was.
pub(super) fn print(output: OutputFormat, found: anyhow::Result<Answer>, log: &Log) -> ExitStatus {
    match found {
        Err(error) => fail(output, &error, log),
        Ok(found) => {
            answer(output, &found.document, || found.text, log);
            if found.errors.is_empty() {
                return ExitStatus::SUCCESS;
            }
            log.error(format_args!("[Executor] {} ", found.errors.join("\n")));
            ExitStatus::GENERIC
        }
    }
}

/// Prints an answer to standard output, as JSON or as text.
pub(super) fn answer(output: OutputFormat, document: &impl Serialize, text: impl FnOnce() -> String, log: &Log) {
    let text = match output {
        OutputFormat::Json => {
            let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
            text.push('\n');
            text
        }
        OutputFormat::Text => visible::lines(&text()).into_owned(),
    };
    log.with_stdout(|stdout| stdout.write_all(text.as_bytes()));
}

/// Prints a JSON Schema to standard output, or writes it to a file.
pub(super) fn schema(schema: &Value, out: Option<&Path>, log: &Log) -> anyhow::Result<()> {
    let text = format!("{schema:#}\n");
    if let Some(path) = out {
        return std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()));
    }
    log.with_stdout(|stdout| stdout.write_all(text.as_bytes()));
    Ok(())
}

/// Tells why a command could not answer. A script reads one document all the same.
pub(super) fn fail(output: OutputFormat, error: &anyhow::Error, log: &Log) -> ExitStatus {
    fail_with(ExitStatus::GENERIC, output, error, log)
}

fn fail_with(status: ExitStatus, output: OutputFormat, error: &anyhow::Error, log: &Log) -> ExitStatus {
    log.error(format_args!("[Executor] {error:#} "));
    if output == OutputFormat::Json {
        let document = failure(status, error, log);
        log.with_stdout(|stdout| std::io::Write::write_fmt(stdout, format_args!("{document:#}\n")));
    }
    status
}

/// The same for a run whose log lies in `logs`: its document is saved beside it, once there is a log.
pub(super) fn fail_run(settings: &Settings, error: &anyhow::Error, logs: &RootedFolder, log: &Log) -> ExitStatus {
    let interrupted = error.downcast_ref::<Interrupted>().map(|interrupted| interrupted.status);
    let mistakes = error.downcast_ref::<Mistakes>().map(|mistakes| mistakes.status);
    let status = interrupted.or(mistakes).unwrap_or(ExitStatus::GENERIC);
    let status = fail_with(status, settings.output, error, log);
    let stamp = settings.common.log_stamp();
    if logs.is_file(log_file(&stamp))
        && let Err(warning) = save(&failure(status, error, log), logs, &stamp)
    {
        log.warn(warning);
    }
    log.close();
    status
}

fn failure(status: ExitStatus, error: &anyhow::Error, log: &Log) -> Value {
    let code = status.code();
    let clean = |text: &str| log.redactor().clean(text);
    let error_text = clean(&format!("{error:#}"));
    let mut document =
        serde_json::json!({ "format": 1, "exitCode": code, "error": error_text, "warnings": log.warnings() });
    if let Some(mistakes) = error.downcast_ref::<Mistakes>() {
        let cleaned = mistakes.diagnostics.iter().cloned().map(|found| {
            let (message, help) = (clean(&found.message), found.help.as_deref().map(clean));
            Diagnostic { message, help, ..found }
        });
        document["diagnostics"] = serde_json::json!(cleaned.collect::<Vec<_>>());
    }
    document
}
