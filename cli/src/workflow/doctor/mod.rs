//! `oc-mirror doctor`: looks at everything that a run will need, and says what to do about what is missing.

mod machine;
mod network;

use std::fmt::Write as _;

use isc_schema::ImageSetConfiguration;
use mirror_engine::visible;
use serde::Serialize;

use super::configuration::read_configuration;
use super::document::{answer, fail};
use crate::args::OutputFormat;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::{Doctor, Settings};

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// A run works, and something about it may surprise.
    Warning,
    /// A run would fail.
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// What kind of thing: `registry`, `disk`, `clock`.
    #[serde(rename = "check")]
    kind: &'static str,
    /// Which one: a host, a folder.
    subject: String,
    state: State,
    /// What was found.
    message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn ok(kind: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), state: State::Ok, message: message.into(), advice: None }
    }

    fn failed(kind: &'static str, subject: impl Into<String>, message: impl Into<String>, advice: &str) -> Self {
        let advice = Some(advice.to_owned()).filter(|advice| !advice.is_empty());
        Self { kind, subject: subject.into(), state: State::Failed, message: message.into(), advice }
    }

    fn warning(kind: &'static str, subject: impl Into<String>, message: impl Into<String>, advice: &str) -> Self {
        Self { state: State::Warning, ..Self::failed(kind, subject, message, advice) }
    }

    fn line(&self) -> String {
        let advice = self.advice.as_ref().map(|advice| format!("; {advice}")).unwrap_or_default();
        let text = format!("{}: {}{advice}", self.subject, self.message);
        format!("{:<8} {:<14} {}", self.state.word(), self.kind, visible::word(&text))
    }
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis {
    /// Version of this document.
    format: u32,
    exit_code: u8,
    checks: Vec<Check>,
}

/// Looks at everything. Ends with exit code 1 when a run would fail.
pub(crate) fn run(settings: &Settings, request: &Doctor, log: &Log) -> ExitStatus {
    let mut checks = machine::checks(settings, request);
    let configuration = match &request.config {
        None => None,
        Some(path) => {
            let subject = path.display().to_string();
            match read_configuration(path, log) {
                Ok((configuration, _)) => {
                    checks.push(Check::ok("configuration", subject, "has no mistakes"));
                    Some(configuration)
                }
                Err(error) => {
                    checks.push(Check::failed("configuration", subject, format!("{error:#}"), ""));
                    None
                }
            }
        }
    };
    let nothing = ImageSetConfiguration::default();
    match network::checks(settings, request, configuration.as_ref().unwrap_or(&nothing), log) {
        Ok(more) => checks.extend(more),
        Err(error) => return fail(settings.output, &error, log),
    }
    let failed = checks.iter().filter(|check| check.state == State::Failed).count();
    let status = if failed == 0 { ExitStatus::SUCCESS } else { ExitStatus::GENERIC };
    let diagnosis = Diagnosis { format: 1, exit_code: status.code(), checks };
    answer(settings.output, &diagnosis, || text(&diagnosis), log);
    if failed > 0 && settings.output == OutputFormat::Text {
        let things = if failed == 1 { "check" } else { "checks" };
        log.error(format_args!("[Executor] {failed} {things} failed: a run would fail. Fix the lines above first "));
    }
    status
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for check in &diagnosis.checks {
        let _ = writeln!(text, "{}", check.line());
    }
    text
}
