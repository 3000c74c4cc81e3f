//! `oc-mirror why`: what brought an image in.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use isc_schema::{Document, ImageSetConfiguration, Kind};
use mirror_engine::why::{Explanation, Reason};
use mirror_engine::{Event, Job, Observer, inspect, visible};

use super::configuration::{parse_document, read_configuration};
use super::document::{answer, fail};
use super::job::{folders, options, program};
use super::runtime::Runtime;
use crate::access::Clients;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::render::{HEARTBEAT, Screen};
use crate::settings::{Settings, Why};

/// Explains. Ends with exit code 1 when nothing of the plan has that name.
pub(crate) fn run(settings: &Settings, request: &Why, log: &Log) -> ExitStatus {
    let (explanation, file, configuration) = match explain(settings, request, log) {
        Ok(found) => found,
        Err(error) => return fail(settings.output, &error, log),
    };
    if let Some(errors) = &explanation.errors {
        log.warn(format_args!("not everything could be collected, the answer may be incomplete: {errors}"));
    }
    answer(settings.output, &explanation, || text(&explanation, &file, &configuration), log);
    if !explanation.reasons.is_empty() || !explanation.blocked.is_empty() {
        return ExitStatus::SUCCESS;
    }
    log.error(format_args!(
        "[Executor] No line of `{file}` asks for `{}`{} ",
        request.image,
        hint(&explanation.similar)
    ));
    ExitStatus::GENERIC
}

fn hint(similar: &[String]) -> String {
    if similar.is_empty() { String::new() } else { format!("; did you mean {}?", similar.join(" or ")) }
}

/// The configuration that the answer is about: its file, and its text. Without a file of its own, that of the archive.
fn configuration(request: &Why, log: &Log) -> anyhow::Result<(ImageSetConfiguration, PathBuf, Vec<u8>)> {
    if let Some(path) = &request.config {
        let (configuration, bytes) = read_configuration(path, log)?;
        return Ok((configuration, path.clone(), bytes));
    }
    let folder = inspect::folder_of(request.from.as_deref().unwrap_or(Path::new(".")));
    let text = inspect::describe(&folder)?
        .configuration
        .with_context(|| format!("`{}` holds no configuration: name yours with --config", folder.display()))?;
    let (path, bytes) = (folder.join("isc.yaml (of the archive)"), text.into_bytes());
    match parse_document(&path, &bytes, Kind::ImageSet, log)? {
        Document::ImageSet(configuration) => Ok((configuration, path, bytes)),
        Document::Delete(_) => bail!("`{}` is of deleting: name a configuration with --config", path.display()),
    }
}

/// Hears what a person has to know, and nothing of how the answer is found.
struct Complaints(Arc<Screen>);

impl Observer for Complaints {
    fn event(&self, event: Event) {
        if matches!(event, Event::Warning(_) | Event::Error(_) | Event::Waiting(_) | Event::Debug(_)) {
            self.0.event(event);
        }
    }
}

/// The answer, and the file and the text that it is about.
fn explain(settings: &Settings, request: &Why, log: &Log) -> anyhow::Result<(Explanation, String, String)> {
    let common = &settings.common;
    let (configuration, path, bytes) = configuration(request, log)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let clients = Clients::new(common, log)?;
    let runtime = Runtime::new(&clients)?;
    let job = Job {
        configuration,
        configuration_text: bytes,
        folders: folders(common, &path),
        cache: common.cache().to_owned(),
        source: clients.source,
        destination: clients.destination,
        options: options(common, &request.selection, log),
        started: common.env.started.timestamp(),
        log_stamp: common.log_stamp(),
        version: program(),
        warnings: Vec::new(),
    };
    let observer = Arc::new(Complaints(Screen::new(log.clone(), false, HEARTBEAT))) as Arc<dyn Observer>;
    let from = request.from.as_deref().map(inspect::folder_of);
    let asked = mirror_engine::why::why(&job, &request.image, from.as_deref(), &observer);
    Ok((runtime.block_on(asked)?, path.display().to_string(), text))
}

fn text(explanation: &Explanation, file: &str, configuration: &str) -> String {
    let mut text = String::new();
    for reason in &explanation.reasons {
        reason_text(reason, file, configuration, &mut text);
    }
    for blocked in &explanation.blocked {
        let _ = writeln!(text, "{}\n  kept out by blockedImages `{}`", visible::word(&blocked.origin), blocked.pattern);
    }
    text
}

fn reason_text(reason: &Reason, file: &str, configuration: &str, text: &mut String) {
    let _ = writeln!(text, "{} ({})", reason.origin, reason.kind);
    let _ = writeln!(text, "  from {}", reason.source);
    let _ = writeln!(text, "  kept as {}", reason.name);
    let why = &reason.why;
    if why.line == 0 {
        let _ = writeln!(text, "  because of {} in {file}", why.path);
    } else {
        let _ = writeln!(text, "  because of {file}:{}, {}", why.line, why.path);
        if let Some(line) = configuration.lines().nth(why.line as usize - 1) {
            let _ = writeln!(text, "    {} | {}", why.line, line.trim_end());
        }
    }
    for (depth, step) in why.steps.iter().enumerate() {
        let _ = writeln!(text, "  {}-> {step}", "  ".repeat(depth), step = visible::word(step));
    }
    for needing in &reason.needed_by {
        let _ = writeln!(text, "  needed by {}", visible::word(needing));
    }
}
