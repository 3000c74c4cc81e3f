//! Mirroring and deleting: modes, directories and the checks of `docs/behaviour/config-cli.md` 2.6 and 7.1.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use mirror_engine::DryRun;

use mirror_plan::Destination;

use super::{DOCKER, FILE, UsageError, WORKING_DIR, directory, given};
use crate::args::{DeleteArgs, MirrorArgs, OperatorSelection, PersistentArgs, SelectionArgs};
use crate::env::Snapshot;

/// Names inside a working directory. Upstream refuses every path that contains one, in this order.
const RESERVED_WORDS: [&str; 11] = [
    "cluster-resources",
    "dry-run",
    "graph-preparation",
    "helm",
    "hold-operator",
    "hold-release",
    "delete",
    "logs",
    "operator-catalogs",
    "release-images",
    "signatures",
];

/// Time limit of one image where no flag sets it.
const DEFAULT_IMAGE_TIMEOUT: Duration = Duration::from_secs(600);

/// What is mirrored from where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Source registries to archives.
    MirrorToDisk {
        /// Directory of the archives and of the working directory.
        dest: PathBuf,
    },
    /// Archives to a registry.
    DiskToMirror {
        /// Directory of the archives.
        from: PathBuf,
        /// The working directory itself, if `--workspace` says where. None: beside the archives, or in the cache when
        /// nothing can be written there.
        working_dir: Option<PathBuf>,
        /// The registry.
        dest: Destination,
    },
    /// Source registries to a registry.
    MirrorToMirror {
        /// The working directory itself.
        working_dir: PathBuf,
        /// The registry.
        dest: Destination,
    },
}

impl Mode {
    /// Which of the three it is.
    pub fn kind(&self) -> mirror_plan::Mode {
        match self {
            Self::MirrorToDisk { .. } => mirror_plan::Mode::MirrorToDisk,
            Self::DiskToMirror { .. } => mirror_plan::Mode::DiskToMirror,
            Self::MirrorToMirror { .. } => mirror_plan::Mode::MirrorToMirror,
        }
    }

    /// The directory called `working-dir`.
    pub fn working_dir(&self) -> PathBuf {
        match self {
            Self::MirrorToDisk { dest } => dest.join(WORKING_DIR),
            Self::DiskToMirror { from, working_dir: None, .. } => from.join(WORKING_DIR),
            Self::DiskToMirror { working_dir: Some(working_dir), .. } | Self::MirrorToMirror { working_dir, .. } => {
                working_dir.clone()
            }
        }
    }

    /// The destination registry, unless it is a disk.
    pub fn destination(&self) -> Option<&Destination> {
        match self {
            Self::MirrorToDisk { .. } => None,
            Self::DiskToMirror { dest, .. } | Self::MirrorToMirror { dest, .. } => Some(dest),
        }
    }
}

/// How content is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Rules for operator versions.
    pub operators: OperatorSelection,
    /// Whether what breaks an upgrade graph is refused.
    pub strict: bool,
    /// Whether releases between the selected ones are added where an upgrade has to pass them.
    pub add_intermediate_releases: bool,
    /// The helm program; none means looking for `helm` in the search path.
    pub helm_binary: Option<PathBuf>,
}

impl Selection {
    pub(super) fn settle(flags: &SelectionArgs, env: &Snapshot) -> Self {
        Self {
            operators: flags.operator_selection,
            strict: flags.strict_selection.0,
            add_intermediate_releases: flags.add_intermediate_releases.0,
            helm_binary: given(flags.helm_binary.as_ref(), env),
        }
    }
}

/// Mirroring, settled.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// The image set configuration.
    pub config: PathBuf,
    /// From where to where.
    pub mode: Mode,
    /// Whether it is only rehearsed.
    pub dry_run: DryRun,
    /// Archive again what was new since the beginning of this day, UTC.
    pub since: Option<Date>,
    /// Time limit of one image, all tries included; none means no limit.
    pub image_timeout: Option<Duration>,
    /// Whether the trust policy is enforced.
    pub secure_policy: bool,
    /// Whether a file larger than `archiveSize` is an error.
    pub strict_archive: bool,
    /// Whether no archive is written when an image is missing.
    pub all_or_nothing: bool,
    /// Whether a dry run fails when the run would lack something.
    pub check: bool,
    /// Whether the sums of the archive's files are written beside it.
    pub checksums: bool,
    /// Whether signatures of images stay behind.
    pub remove_signatures: bool,
    /// Whether release signatures are not verified.
    pub ignore_release_signature: bool,
    /// Whether blobs are streamed straight into the archive.
    pub no_cache: bool,
    /// Private key that rebuilt catalogs are signed with.
    pub sign_catalogs: Option<PathBuf>,
    /// Whether to go on although it cannot fit.
    pub force: bool,
    /// How content is selected.
    pub selection: Selection,
}

impl Mirror {
    /// The checks stand in the order of the table of `docs/behaviour/config-cli.md`; the first failure wins.
    pub(super) fn settle(
        common: &PersistentArgs,
        flags: &MirrorArgs,
        env: &Snapshot,
        warnings: &mut Vec<String>,
    ) -> Result<Self, UsageError> {
        let typed = flags.destinations.first().map_or("", String::as_str);
        let from = flags.from.as_deref().filter(|from| !from.is_empty());
        let workspace = common.workspace.as_deref().filter(|workspace| !workspace.is_empty());
        let (to_disk, to_registry) = (typed.contains(FILE), typed.contains(DOCKER));

        let config = given(common.config.as_ref(), env).ok_or(UsageError::NoConfig)?;
        if to_disk && from.is_some() {
            return Err(UsageError::FromWithFileDestination);
        }
        if to_disk && let Some(word) = reserved_word(typed) {
            return Err(UsageError::ReservedWord { place: "the destination", word });
        }
        let from = match from {
            None => None,
            Some(from) => {
                let directory = directory(from, env).map_err(|_| UsageError::FromPrefix(from.into()))?;
                if flags.since.is_some() {
                    warnings.push("since flag is only taken into account during mirrorToDisk workflow".into());
                }
                if let Some(word) = reserved_word(from) {
                    return Err(UsageError::ReservedWord { place: "--from", word });
                }
                Some(directory)
            }
        };
        let since = since(flags.since.as_deref())?;
        if flags.dry_run.0 && flags.dry_run_manifest_lists.0 {
            return Err(UsageError::TwoDryRuns);
        }
        check_parallel(common)?;
        if to_disk && workspace.is_some() {
            return Err(UsageError::WorkspaceWithFileDestination);
        }
        if to_registry && from.is_none() && workspace.is_none() {
            return Err(UsageError::NeitherFromNorWorkspace);
        }
        let mode = if let Some(path) = typed.strip_prefix(FILE) {
            Mode::MirrorToDisk { dest: directory(path, env)? }
        } else if let Some(registry) = typed.strip_prefix(DOCKER) {
            // Less than none is none, as for Go.
            let nested = u32::try_from(flags.max_nested_paths.max(0)).unwrap_or(u32::MAX);
            let dest = Destination::parse(registry)?.with_max_nested_paths(nested);
            match (from, workspace) {
                (Some(from), workspace) => {
                    let working_dir = workspace.map(|workspace| directory(workspace, env)).transpose()?.map(inside);
                    Mode::DiskToMirror { from, working_dir, dest }
                }
                (None, Some(workspace)) => {
                    Mode::MirrorToMirror { working_dir: inside(directory(workspace, env)?), dest }
                }
                (None, None) => return Err(UsageError::NeitherFromNorWorkspace),
            }
        } else {
            return Err(UsageError::DestinationPrefix(typed.into()));
        };
        if flags.no_cache.0 {
            if !matches!(mode, Mode::MirrorToDisk { .. }) {
                return Err(UsageError::NoCacheToRegistry);
            }
            if given(common.cache_dir.as_ref(), env).is_some() {
                warnings.push("--cache-dir has no effect with --no-cache: no cache is read or written".into());
            }
        }
        if flags.all_or_nothing.0 && !matches!(mode, Mode::MirrorToDisk { .. }) {
            warnings.push("--all-or-nothing has no effect here: this run writes no archive".into());
        }
        if flags.checksums.0 && !matches!(mode, Mode::MirrorToDisk { .. }) {
            warnings.push("--checksums has no effect here: this run writes no archive".into());
        }
        if flags.check.0 && !flags.dry_run.0 && !flags.dry_run_manifest_lists.0 {
            return Err(UsageError::CheckWithoutDryRun);
        }
        if flags.image_timeout.is_zero() {
            warnings.push("--image-timeout 0: the copy of an image may take any time".into());
        }
        // How long an image takes follows from the rate that was asked for.
        let is_slowed = common.limit_rate.is_some() && !common.given.image_timeout;
        Ok(Self {
            config,
            mode,
            dry_run: match (flags.dry_run.0, flags.dry_run_manifest_lists.0) {
                (_, true) => DryRun::ImagesAndInstances,
                (true, false) => DryRun::Images,
                (false, false) => DryRun::No,
            },
            since,
            image_timeout: Some(flags.image_timeout).filter(|limit| !limit.is_zero() && !is_slowed),
            secure_policy: flags.secure_policy.0,
            strict_archive: flags.strict_archive.0,
            all_or_nothing: flags.all_or_nothing.0,
            check: flags.check.0,
            checksums: flags.checksums.0,
            remove_signatures: flags.remove_signatures.0,
            ignore_release_signature: flags.ignore_release_signature.0,
            no_cache: flags.no_cache.0,
            sign_catalogs: given(flags.sign_catalogs.as_ref(), env),
            force: flags.force.0,
            selection: Selection::settle(&flags.selection, env),
        })
    }
}

/// Deleting, settled.
#[derive(Debug, Clone)]
pub struct Delete {
    /// First or second step.
    pub phase: DeletePhase,
    /// The registry to delete from.
    pub dest: Destination,
    /// Whether images are deleted from the cache as well.
    pub force_cache_delete: bool,
    /// Time limit of one deletion, all tries included.
    pub image_timeout: Duration,
}

/// The two steps of deleting.
#[derive(Debug, Clone)]
pub enum DeletePhase {
    /// Write the list.
    Generate {
        /// The delete image set configuration.
        config: PathBuf,
        /// The working directory of the run that mirrored.
        working_dir: PathBuf,
        /// Suffix for the names of the generated files.
        id: Option<String>,
        /// Whether signatures are listed.
        signatures: bool,
        /// Whether images are listed under the tags of oc-mirror v1.
        v1_tags: bool,
        /// How content is selected.
        selection: Selection,
    },
    /// Delete what the list names.
    Execute {
        /// The list.
        list: PathBuf,
        /// The working directory, for logs; none means the current directory.
        working_dir: Option<PathBuf>,
    },
}

impl Delete {
    pub(super) fn settle(common: &PersistentArgs, flags: &DeleteArgs, env: &Snapshot) -> Result<Self, UsageError> {
        let workspace = common.workspace.as_deref().filter(|workspace| !workspace.is_empty());
        // Upstream always appends the name here, also to a directory of that name.
        let working_dir =
            workspace.map(|workspace| directory(workspace, env)).transpose()?.map(|dir| dir.join(WORKING_DIR));
        let config = given(common.config.as_ref(), env);
        let list = given(flags.delete_yaml_file.as_ref(), env);
        let phase = if flags.generate.0 {
            DeletePhase::Generate {
                working_dir: working_dir.ok_or(UsageError::DeleteWithoutWorkspace)?,
                config: config.ok_or(UsageError::DeleteWithoutConfig)?,
                id: flags.delete_id.clone().filter(|id| !id.is_empty()),
                signatures: flags.delete_signatures.0,
                v1_tags: flags.delete_v1_images.0,
                selection: Selection::settle(&flags.selection, env),
            }
        } else {
            DeletePhase::Execute { list: list.ok_or(UsageError::DeleteWithoutFile)?, working_dir }
        };
        if flags.delete_v1_images.0 && !flags.generate.0 {
            return Err(UsageError::DeleteV1WithoutGenerate);
        }
        let typed = flags.destinations.first().ok_or(UsageError::DeleteWithoutDestination)?;
        let registry = typed.strip_prefix(DOCKER).ok_or_else(|| UsageError::DeletePrefix(typed.clone()))?;
        Ok(Self {
            phase,
            dest: Destination::parse(registry)?,
            force_cache_delete: flags.force_cache_delete.0,
            image_timeout: DEFAULT_IMAGE_TIMEOUT,
        })
    }
}

/// A workspace that already is a working directory is that directory.
pub(crate) fn inside(workspace: PathBuf) -> PathBuf {
    if workspace.file_name() == Some(Path::new(WORKING_DIR).as_os_str()) {
        workspace
    } else {
        workspace.join(WORKING_DIR)
    }
}

fn reserved_word(text: &str) -> Option<&'static str> {
    RESERVED_WORDS.into_iter().find(|word| text.contains(word))
}

/// Refuses numbers of copies at once that mirroring does not allow.
pub(super) fn check_parallel(common: &PersistentArgs) -> Result<(), UsageError> {
    for (name, value) in [("parallel-images", common.parallel_images), ("parallel-layers", common.parallel_layers)] {
        if !(1..=10).contains(&value) {
            return Err(UsageError::Parallel(name));
        }
    }
    Ok(())
}

/// The day of `--since`; none when it was not given or is empty.
pub(super) fn since(typed: Option<&str>) -> Result<Option<Date>, UsageError> {
    let typed = typed.filter(|text| !text.is_empty());
    typed.map(|text| day(text).ok_or_else(|| UsageError::Since(text.into()))).transpose()
}

/// A day in the form `yyyy-MM-dd` and no other.
fn day(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, byte)| if i == 4 || i == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if shape { text.parse().ok() } else { None }
}
