//! `oc-mirror delete`, first and second step.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use isc_schema::{Document, ImageSetConfiguration, Kind};
use mirror_engine::delete::{DeleteReport, Execute, Generate, ItemOutcome, execute, generate};
use mirror_engine::{Job, Observer, WorkingDir};
use mirror_plan::Family;
use mirror_plan::delete::DeleteList;
use rooted_folder::RootedFolder;

use super::configuration::read_document;
use super::document::fail_run;
use super::job::{folders, options, program};
use super::logs::open_log;
use super::runtime::Runtime;
use crate::access::{self, Clients};
use crate::args::OutputFormat;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::ownership;
use crate::render::{HEARTBEAT, Screen, go_duration, size};
use crate::settings::{Delete, DeletePhase, Selection, Settings};

/// Runs one of the two steps, and tells how it went.
pub(crate) fn run(settings: &Settings, request: &Delete, log: &Log) -> ExitStatus {
    let outcome = match &request.phase {
        DeletePhase::Generate { config, working_dir, id, signatures, v1_tags, selection } => {
            let extras = |step: &mut Generate| {
                step.id.clone_from(id);
                (step.signatures, step.v1_tags) = (*signatures, *v1_tags);
            };
            first_step(settings, request, (config, working_dir, selection), extras, log)
        }
        DeletePhase::Execute { list, working_dir } => second_step(settings, request, list, working_dir.as_deref(), log),
    };
    let report = match outcome {
        Ok(report) => report,
        Err(error) => return fail_run(settings, &error, &logs(settings, request), log),
    };
    if let Some(error) = &report.error {
        log.error(format_args!("[Executor] {error} "));
    }
    log.close();
    if settings.output == OutputFormat::Json {
        let text = serde_json::to_string_pretty(&report).unwrap_or_default();
        log.with_stdout(|stdout| writeln!(stdout, "{text}"));
    }
    ExitStatus::from_bits(report.exit_code)
}

/// Where the logs of a step go: into the working directory, or where the program was called.
fn logs(settings: &Settings, request: &Delete) -> RootedFolder {
    match &request.phase {
        DeletePhase::Generate { working_dir, .. } | DeletePhase::Execute { working_dir: Some(working_dir), .. } => {
            WorkingDir::at(working_dir.clone()).logs()
        }
        DeletePhase::Execute { working_dir: None, .. } => {
            RootedFolder::at(settings.common.env.absolute("")).below("logs")
        }
    }
}

/// Writes the list.
fn first_step(
    settings: &Settings,
    request: &Delete,
    (config, working_dir, selection): (&Path, &Path, &Selection),
    extras: impl FnOnce(&mut Generate),
    log: &Log,
) -> anyhow::Result<DeleteReport> {
    let common = &settings.common;
    let (Document::Delete(configuration), bytes) = read_document(config, Kind::Delete, log)? else {
        bail!(
            "could not parse config: `{}`: expected kind DeleteImageSetConfiguration, found ImageSetConfiguration",
            config.display()
        );
    };
    let read = [working_dir, common.cache()];
    for warning in ownership::warnings(read, common.env.uid, "deleted") {
        log.warn(warning);
    }
    open_log(&logs(settings, request), &common.log_stamp(), settings.output, log)?;
    log.listen();
    log.info("🔀 workflow mode: delete ");
    if request.force_cache_delete {
        log.warn("--force-cache-delete has no effect with --generate: nothing is deleted in the first step");
    }
    let clients = Clients::new(common, log)?;
    let runtime = Runtime::new(&clients)?;
    let working_dir = WorkingDir::at(working_dir.to_owned());
    let job = Job {
        configuration: ImageSetConfiguration { archive_size_gib: None, mirror: configuration.delete.clone() },
        configuration_text: bytes,
        folders: folders(common, config),
        cache: common.cache().to_owned(),
        source: clients.source,
        destination: clients.destination,
        options: options(common, selection, log),
        started: common.env.started.timestamp(),
        log_stamp: common.log_stamp(),
        version: program(),
        warnings: log.warnings(),
    };
    let mut step = Generate::new(working_dir, request.dest.clone(), configuration);
    extras(&mut step);
    let observer = Screen::new(log.clone(), false, HEARTBEAT) as Arc<dyn Observer>;
    let report = runtime.block_on(generate(&job, &step, &observer));
    if report.error.is_none() {
        log.info(format_args!(
            "{} images listed, nothing deleted: read the list, then run the second step with --delete-yaml-file",
            report.items.len()
        ));
        log.info("👋 Goodbye, thank you for using oc-mirror");
    }
    Ok(report)
}

/// Deletes what a list names.
fn second_step(
    settings: &Settings,
    request: &Delete,
    list: &Path,
    working_dir: Option<&Path>,
    log: &Log,
) -> anyhow::Result<DeleteReport> {
    let started = Instant::now();
    let common = &settings.common;
    if !list.is_file() {
        bail!("file not found {}", list.display());
    }
    // The list says what goes; so does the cache when it is cleared as well.
    let folder_of_list = list.parent().filter(|folder| !folder.as_os_str().is_empty());
    let cache = request.force_cache_delete.then(|| common.cache());
    let read = [folder_of_list, working_dir, cache].into_iter().flatten();
    for warning in ownership::warnings(read, common.env.uid, "deleted") {
        log.warn(warning);
    }
    let logs = logs(settings, request);
    open_log(&logs, &common.log_stamp(), settings.output, log)?;
    log.listen();
    log.info("🔀 workflow mode: delete ");
    log.info("👀 Reading delete file...");
    let text = std::fs::read_to_string(list).with_context(|| format!("cannot read `{}`", list.display()))?;
    let clients = Clients::within(common, Some(request.image_timeout), log)?;
    let runtime = Runtime::new(&clients)?;
    let registries_d = match access::registries_d(common) {
        Ok((read, _)) => Arc::new(read),
        Err(error) => {
            let error = anyhow::Error::from(error);
            log.caution(format_args!("folders of simple-signing signatures are not looked for: {error:#}"));
            Arc::default()
        }
    };
    let step = Execute {
        list: DeleteList::parse(&text).with_context(|| format!("cannot use `{}`", list.display()))?,
        destination: request.dest.clone(),
        client: clients.destination,
        cache: request.force_cache_delete.then(|| common.cache().to_owned()),
        registries_d,
        parallel_images: common.parallel_images as usize,
        image_timeout: request.image_timeout,
        working_dir: working_dir.map(|working_dir| WorkingDir::at(working_dir.to_owned())),
        logs,
        log_stamp: common.log_stamp(),
        warnings: log.warnings(),
    };
    let observer = Screen::new(log.clone(), false, HEARTBEAT) as Arc<dyn Observer>;
    let report = runtime.block_on(execute(&step, &observer));
    tell_results(&report, log);
    if !report.left_behind.is_empty() {
        let folders: Vec<String> = report.left_behind.iter().map(|folder| folder.display().to_string()).collect();
        log.info(format_args!(
            "📝 Simple-signing signatures of deleted images stay in their folders; delete them by hand if nothing else \
             uses them:\n* {}",
            folders.join("\n* ")
        ));
    }
    if report.error.is_none() {
        if let Some(bytes) = report.cache_bytes_freed {
            log.info(format_args!("{} freed in the cache", size(bytes)));
        }
        log.info("📝 Remember to execute a garbage collect (or similar) on your remote repository");
        log.info(format_args!("delete time     : {}", go_duration(started.elapsed())));
        log.info("👋 Goodbye, thank you for using oc-mirror");
    }
    Ok(report)
}

/// Counts per family, and each failure.
fn tell_results(report: &DeleteReport, log: &Log) {
    log.info("=== Results ===");
    for family in Family::ALL {
        let of_family = || report.items.iter().filter(|item| item.family() == family);
        let count = |outcome: ItemOutcome| of_family().filter(|item| item.outcome == outcome).count();
        let (deleted, kept, absent) =
            (count(ItemOutcome::Deleted), count(ItemOutcome::Kept), count(ItemOutcome::Absent));
        let total = of_family().count() - absent;
        if total == 0 {
            continue;
        }
        let note = |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
        let kept_note = note(kept, "kept because something else uses them");
        let unsigned = of_family().filter(|item| item.outcome == ItemOutcome::Absent && item.is_attached()).count();
        let gone_note = note(absent - unsigned, "already gone");
        let absent_note = gone_note
            + &note(unsigned, if unsigned == 1 { "signature was not there" } else { "signatures were not there" });
        if count(ItemOutcome::Failed) == 0 {
            log.info(format_args!(
                "\u{1b}[1;32m ✓ \u{1b}[0m {deleted} / {total} {family} images deleted successfully{kept_note}{absent_note}"
            ));
        } else {
            log.info(format_args!(
                "\u{1b}[1;31m ✗ \u{1b}[0m {deleted} / {total} {family} images deleted: Some {family} images failed to be \
                 deleted - please check the logs{kept_note}{absent_note}"
            ));
        }
    }
    for item in &report.items {
        if let Some(error) = &item.error {
            log.error(format_args!("[Worker] error deleting image {} error: {}", item.reference, error.message));
        }
    }
}
