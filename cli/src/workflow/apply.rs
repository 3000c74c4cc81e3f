//! `oc-mirror apply`: what was approved, and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use isc_schema::{Document as Configuration, Kind};
use mirror_engine::Shard;
use mirror_plan::Destination;
use plan_document::{Document, Mode as PlanMode};

use super::document::fail;
use super::mirror::{self, Content};
use super::{plan_file, plan_push};
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::{Apply, Mirror, Mode, OperatorSelection, PlanPlace, Selection, Settings, inside, signature_of};

/// Applies a plan.
pub(crate) fn run(settings: &Settings, request: &Apply, log: &Log) -> ExitStatus {
    let bytes = match &request.plan {
        PlanPlace::File(path) => local(request, path),
        PlanPlace::Pushed(name) => match plan_push::fetch(settings, name, request.plan_key.as_deref(), log) {
            Ok(pulled) => Ok(pulled.text),
            // The registry may answer the next time.
            Err(error) => return fail(settings.output, &error, log),
        },
    };
    match bytes.and_then(|bytes| prepare(request, &bytes, &settings.common.env)) {
        Ok((request, content)) => mirror::run_content(settings, &request, content, log).0,
        Err(error) => {
            let hopeless = request.shard.map_or(ExitStatus::SUCCESS, |_| ExitStatus::from_bits(Shard::HOPELESS));
            fail(settings.output, &error, log) | hopeless
        }
    }
}

/// The bytes of a plan on this machine, once its signature was verified.
fn local(request: &Apply, path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = plan_file::read_bytes(path)?;
    if let Some(key) = &request.plan_key {
        plan_file::verify(&bytes, path, key, &signature_of(path))?;
    }
    Ok(bytes)
}

/// Reads the plan, and settles what the plan decides. Nothing is written, and nobody is asked.
fn prepare(request: &Apply, bytes: &[u8], env: &crate::env::Snapshot) -> anyhow::Result<(Mirror, Content)> {
    let place = match &request.plan {
        PlanPlace::File(path) => path.clone(),
        PlanPlace::Pushed(name) => PathBuf::from(name.with_scheme()),
    };
    let document = plan_file::parse(&place, bytes)?;
    let mode = mode(&document, request, env)?;
    if request.shard.is_some() && document.mode == PlanMode::MirrorToDisk {
        bail!("--shard divides what goes to a registry; the plan is a plan for mirror to disk");
    }
    let text = document.configuration.clone().into_bytes();
    let Some(Configuration::ImageSet(configuration)) =
        isc_schema::parse(&document.configuration, Kind::ImageSet).config
    else {
        bail!("plan `{}`: its configuration cannot be read; make the plan again", place.display());
    };
    let options = &document.options;
    let mirror = Mirror {
        // Where paths of a configuration would begin.
        config: env.absolute("plan.json"),
        mode,
        dry_run: mirror_engine::DryRun::No,
        since: request.since,
        image_timeout: request.image_timeout,
        secure_policy: request.secure_policy,
        strict_archive: request.strict_archive,
        remove_signatures: options.remove_signatures,
        ignore_release_signature: false,
        no_cache: false,
        all_or_nothing: false,
        check: false,
        checksums: false,
        sign_catalogs: None,
        force: request.force,
        selection: Selection {
            operators: if options.operator_selection == "upgrade-graph" {
                OperatorSelection::UpgradeGraph
            } else {
                OperatorSelection::VersionRange
            },
            strict: options.strict_selection,
            add_intermediate_releases: options.add_intermediate_releases,
            helm_binary: None,
        },
    };
    let (approved, shard) = (Some(Arc::new(document)), request.shard);
    Ok((mirror, Content { configuration, text, approved, shard }))
}

/// From where to where: as the plan says.
fn mode(document: &Document, request: &Apply, env: &crate::env::Snapshot) -> anyhow::Result<Mode> {
    if let Some(typed) = &request.destination
        && !is_destination(document, typed, env)
    {
        bail!(
            "the plan is a plan for `{}`, and not for `{typed}`. A plan is applied as it was approved: make a plan for this \
             destination",
            document.destination
        );
    }
    let registry = || document.registry().context("the plan names no registry");
    match document.mode {
        PlanMode::MirrorToDisk => {
            if request.from.is_some() || request.workspace.is_some() {
                bail!("the plan is a plan for mirror to disk: leave --from and --workspace out");
            }
            let folder = document.folder().context("the plan names no folder")?;
            Ok(Mode::MirrorToDisk { dest: PathBuf::from(folder) })
        }
        PlanMode::DiskToMirror => {
            let from = request.from.clone();
            let from =
                from.context("the plan is a plan for disk to mirror: --from file://DIR says where the archives are")?;
            Ok(Mode::DiskToMirror { from, working_dir: request.workspace.clone().map(inside), dest: registry()? })
        }
        PlanMode::MirrorToMirror => {
            if request.from.is_some() {
                bail!("the plan is a plan for mirror to mirror: leave --from out");
            }
            let workspace = request.workspace.clone();
            let workspace = workspace
                .context("the plan is a plan for mirror to mirror: --workspace file://DIR says where to work")?;
            Ok(Mode::MirrorToMirror { working_dir: inside(workspace), dest: registry()? })
        }
    }
}

/// Whether a destination, as typed, is the plan's.
fn is_destination(document: &Document, typed: &str, env: &crate::env::Snapshot) -> bool {
    if let Some(folder) = typed.strip_prefix("file://") {
        return document.folder().is_some_and(|planned| Path::new(planned) == env.absolute(folder));
    }
    let parsed = typed.strip_prefix("docker://").and_then(|place| Destination::parse(place).ok());
    parsed.is_some_and(|parsed| document.registry().is_some_and(|planned| planned.to_string() == parsed.to_string()))
}
