//! `oc-mirror`: mirror in one of the three modes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use isc_schema::ImageSetConfiguration;
use mirror_engine::event::uses_variable;
use mirror_engine::{Job, Observer, Options, RunReport, Workflow, WorkingDir};

use super::configuration::read_configuration;
use super::document::fail_run;
use super::interrupt::{Interrupted, asked_to_end};
use super::job::{folders, program};
use super::logs::open_log;
use super::runtime::Runtime;
use crate::access::{self, Clients};
use crate::args::OutputFormat;
use crate::env::{OCP_SIGNATURE_VERIFICATION_PK, UPDATE_URL_OVERRIDE};
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::ownership;
use crate::render::{HEARTBEAT, Screen, closing_line, go_duration, next_step, size_lines};
use crate::settings::{Common, Mirror, Mode, OperatorSelection, Settings};

/// What is mirrored.
pub(super) struct Content {
    pub(super) configuration: ImageSetConfiguration,
    /// The configuration as written.
    pub(super) text: Vec<u8>,
    /// The plan to carry out, instead of collecting.
    pub(super) approved: Option<Arc<plan_document::Document>>,
    /// The part of the plan that is carried out.
    pub(super) shard: Option<mirror_engine::Shard>,
}

/// Mirrors, and tells how it went.
pub(crate) fn run(settings: &Settings, request: &Mirror, log: &Log) -> ExitStatus {
    run_to_end(settings, request, log).0
}

/// Mirrors what the configuration asks for. Gives the working directory too.
pub(super) fn run_to_end(settings: &Settings, request: &Mirror, log: &Log) -> (ExitStatus, WorkingDir) {
    match read_configuration(&request.config, log) {
        Ok((configuration, text)) => {
            run_content(settings, request, Content { configuration, text, approved: None, shard: None }, log)
        }
        Err(error) => {
            let working_dir = workflow(&request.mode).working_dir();
            (fail_run(settings, &error, &working_dir.logs(), log), working_dir)
        }
    }
}

/// Mirrors this content. Gives the working directory too.
pub(super) fn run_content(
    settings: &Settings,
    request: &Mirror,
    content: Content,
    log: &Log,
) -> (ExitStatus, WorkingDir) {
    let started = Instant::now();
    let mut workflow = workflow(&request.mode);
    let prepared = prepare(settings, request, content, &mut workflow, log);
    let outcome = prepared.and_then(|prepared| execute(settings, request, prepared, &workflow, log, started));
    let status = match outcome {
        Ok(report) => {
            if settings.output == OutputFormat::Json {
                let text = serde_json::to_string_pretty(&report).unwrap_or_default();
                log.with_stdout(|stdout| writeln!(stdout, "{text}"));
            }
            ExitStatus::from_bits(report.exit_code)
        }
        Err(error) => fail_run(settings, &error, &workflow.working_dir().logs(), log),
    };
    (status, workflow.working_dir())
}

/// Everything before the engine: log file, clients.
fn prepare(
    settings: &Settings,
    request: &Mirror,
    content: Content,
    workflow: &mut Workflow,
    log: &Log,
) -> anyhow::Result<(Job, Runtime)> {
    let common = &settings.common;
    let Content { configuration, text: configuration_text, approved, shard } = content;
    let log_stamp = common.log_stamp();
    if let Workflow::DiskToMirror { folder, .. } = &*workflow
        && let Err(reason) = mirror_engine::expect_archive(folder)
    {
        // A mistyped folder stays as it is, or absent: no log, no working directory.
        log.open_without_file(settings.output == OutputFormat::Json);
        bail!(reason);
    }
    let (working_dir, cache) = (workflow.working_dir(), common.cache());
    let medium = match &*workflow {
        Workflow::DiskToMirror { folder, .. } => Some(folder.as_path()),
        _ => working_dir.root().parent(),
    };
    let read = medium.into_iter().chain([working_dir.root(), cache]);
    for warning in ownership::warnings(read, common.env.uid, "mirrored") {
        log.warn(warning);
    }
    let opened = open_log(&working_dir.logs(), &log_stamp, settings.output, log);
    match (opened, &request.mode) {
        (Err(error), Mode::DiskToMirror { from, working_dir: None, dest }) if is_read_only(&error) => {
            let working_dir = WorkingDir::below(&common.cache().join("workspaces").join(name_of_medium(from)));
            open_log(&working_dir.logs(), &log_stamp, settings.output, log)?;
            log.info(format_args!(
                "💽 `{}` cannot be written to: the working directory is `{}` (--workspace chooses another)",
                from.display(),
                working_dir.root().display()
            ));
            *workflow = Workflow::DiskToMirror { folder: from.clone(), working_dir, destination: dest.clone() };
        }
        (opened, _) => opened?,
    }
    log.listen();
    let clients = Clients::within(common, request.image_timeout, log)?;
    let runtime = Runtime::new(&clients)?;
    let mut options = options(common, request, log)?;
    if let Some(plan) = &approved {
        options.cache_host.clone_from(&plan.options.cache_host);
    }
    (options.approved, options.shard) = (approved, shard);
    let job = Job {
        configuration,
        configuration_text,
        folders: folders(common, &request.config),
        cache: common.cache().to_owned(),
        source: clients.source,
        destination: clients.destination,
        options,
        started: common.env.started.timestamp(),
        log_stamp,
        version: program(),
        warnings: log.warnings(),
    };
    Ok((job, runtime))
}

fn workflow(mode: &Mode) -> Workflow {
    match mode {
        Mode::MirrorToDisk { dest } => Workflow::MirrorToDisk { folder: dest.clone() },
        Mode::DiskToMirror { from, dest, .. } => Workflow::DiskToMirror {
            folder: from.clone(),
            working_dir: WorkingDir::at(mode.working_dir()),
            destination: dest.clone(),
        },
        Mode::MirrorToMirror { working_dir, dest } => {
            Workflow::MirrorToMirror { working_dir: WorkingDir::at(working_dir.clone()), destination: dest.clone() }
        }
    }
}

/// Whether a place refused to be written to: a medium that is mounted read-only, or a folder of somebody else.
fn is_read_only(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(PermissionDenied | ReadOnlyFilesystem))
}

/// The name of a medium's working directory in the cache: its path, with a dash for each `/`.
fn name_of_medium(from: &Path) -> String {
    from.to_string_lossy().trim_matches('/').replace('-', "--").replace('/', "-")
}

fn options(common: &Common, request: &Mirror, log: &Log) -> anyhow::Result<Options> {
    let since = request
        .since
        .map(|date| date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()))
        .transpose()
        .context("--since is out of range")?;
    let (registries_d, default_lookaside) = if request.secure_policy || !request.remove_signatures {
        match access::registries_d(common) {
            Ok((read, folder)) => (read, Some(folder)),
            // Only a policy makes signatures a condition.
            Err(error) if !request.secure_policy => {
                let error = anyhow::Error::from(error);
                log.caution(format_args!("simple-signing signatures stay behind: {error:#}"));
                Default::default()
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        Default::default()
    };
    let signature_key = access::release_keys(common, log);
    let variables = told(common, signature_key.is_some(), log);
    Ok(Options {
        parallel_images: common.parallel_images as usize,
        parallel_layers: common.parallel_layers as usize,
        image_timeout: request.image_timeout.unwrap_or_default(),
        since,
        strict_archive: request.strict_archive,
        no_cache: request.no_cache,
        all_or_nothing: request.all_or_nothing,
        check: request.check,
        checksums: request.checksums,
        dry_run: request.dry_run,
        force: request.force,
        remove_signatures: request.remove_signatures,
        ignore_release_signature: request.ignore_release_signature,
        policy: if request.secure_policy { Some(Arc::new(access::policy(common)?)) } else { None },
        registries_d: Arc::new(registries_d),
        default_lookaside,
        operator_selection: match request.selection.operators {
            OperatorSelection::VersionRange => mirror_engine::RuleSet::VersionRange,
            OperatorSelection::UpgradeGraph => mirror_engine::RuleSet::UpgradeGraph,
        },
        strict_selection: request.selection.strict,
        add_intermediate_releases: request.selection.add_intermediate_releases,
        update_url: common.env.update_url.clone(),
        graph_data_url: common.env.graph_data_url.clone(),
        graph_base_image: common.env.graph_base_image.clone(),
        version_filter: common.env.version_filter.clone(),
        signature_url: common.env.signature_url.clone(),
        signature_key,
        variables,
        sign_catalogs: request
            .sign_catalogs
            .as_deref()
            .map(|path| private_key(path, "--sign-catalogs", log))
            .transpose()?,
        cache_host: common.cache_host(),
        approved: None,
        shard: None,
    })
}

/// The variables of the environment that replace the signature key or an address. Each is told: whoever sets one
/// decides what this run believes.
fn told(common: &Common, has_key: bool, log: &Log) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> =
        common.env.replacements().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if !has_key {
        // The key cannot be used, and a warning has said so.
        variables.remove(OCP_SIGNATURE_VERIFICATION_PK);
    }
    for (name, value) in &variables {
        // Where updates are looked for is told when they are.
        if name != UPDATE_URL_OVERRIDE {
            log.info(uses_variable(name, value));
        }
    }
    variables
}

/// Reads the private key of a flag. One that is not its owner's alone is warned about, as `ssh` does.
pub(super) fn private_key(path: &Path, flag: &str, log: &Log) -> anyhow::Result<Vec<u8>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut key = Vec::new();
    let mut file = std::fs::File::open(path);
    let mode = file.as_mut().ok().and_then(|file| file.metadata().ok()).map_or(0, |about| about.permissions().mode());
    file.and_then(|mut file| file.read_to_end(&mut key))
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    if mode & 0o077 != 0 {
        log.caution(format_args!(
            "{flag}: the private key `{0}` has the mode {1:04o}, so others than its owner get at it; \
             `chmod 600 {0}` keeps it private",
            path.display(),
            mode & 0o7777
        ));
    }
    Ok(key)
}

/// Where the cluster resources of a disk to mirror come to lie, when that is not beside the archive.
fn resources_elsewhere(workflow: &Workflow) -> Option<PathBuf> {
    let Workflow::DiskToMirror { folder, working_dir, .. } = workflow else { return None };
    (!working_dir.root().starts_with(folder)).then(|| working_dir.cluster_resources())
}

/// Runs the engine and draws it, until it has ended or somebody ends it.
fn execute(
    settings: &Settings,
    request: &Mirror,
    (job, runtime): (Job, Runtime),
    workflow: &Workflow,
    log: &Log,
    started: Instant,
) -> anyhow::Result<RunReport> {
    let screen = Screen::new(
        log.clone(),
        settings.common.env.stderr_is_terminal,
        settings.common.env.heartbeat.unwrap_or(HEARTBEAT),
    );
    let elsewhere = resources_elsewhere(workflow);
    let report = runtime.block_on(async {
        let ticker = tokio::spawn(Arc::clone(&screen).tick());
        let report = tokio::select! {
            report = mirror_engine::run(job, workflow.clone(), Arc::clone(&screen) as Arc<dyn Observer>) => Ok(report),
            status = asked_to_end() => Err(status),
        };
        ticker.abort();
        report
    });
    let report = match report {
        Ok(report) => report,
        Err(status) => {
            screen.close();
            runtime.abandon();
            return Err(Interrupted::new(status, request, screen.bytes_moved()).into());
        }
    };
    drop(runtime);
    screen.close();
    if let Some(sizes) = &report.sizes {
        for line in size_lines(sizes) {
            log.info(line);
        }
    }
    if !report.images.is_empty() {
        log.info(closing_line(&report, started.elapsed()));
    }
    if let Some(folder) = elsewhere.filter(|folder| folder.is_dir()) {
        log.info(format_args!("📄 the cluster resources are in `{}`", folder.display()));
    }
    log.info(format_args!("mirror time     : {}", go_duration(started.elapsed())));
    if let Some(next) = next_step(workflow, &request.config, &workflow.working_dir().cluster_resources(), &report) {
        log.info(next);
    }
    log.info("👋 Goodbye, thank you for using oc-mirror");
    if let Some(error) = &report.error {
        log.error(format_args!("[Executor] {error} "));
    }
    log.close();
    Ok(report)
}
