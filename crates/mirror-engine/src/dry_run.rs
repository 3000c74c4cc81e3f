//! `--dry-run`: the plan, written down, with its sizes (`docs/behaviour/config-cli.md` 5.3).
//!
//! Manifests are read as in a real run, since only they tell sizes; of layers, only those that hold a catalog or a release
//! payload. Nothing is pushed. The plan is written to `working-dir/dry-run`; what was read to make it stays where a real
//! run looks for it, in the cache and, of selections from catalogs, in `working-dir/operator-catalogs`
//! (`docs/deviations.md`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive_format::{ArchiveOptions, Store};
use futures_util::StreamExt as _;
use futures_util::stream;
use image_ref::{Digest, ImageRef, Repository};
use mirror_plan::{Blocked, Mode, PinnedCatalog, PlannedImage};
use oci_manifest::{ImageTree, ManifestView, VerifiedManifest, total};
use oci_transport::Client;
use serde::Serialize;

use crate::outcome::{RunError, diagnostic};
use crate::planning::Planning;
use mirror_copy::archive_builder::Contents;
use mirror_copy::{Resolved, Transfer, caught, queue_order};
use mirror_job::event::{Event, Observer, WrittenFile};
use mirror_job::failure::CopyError;
use mirror_job::job::{DryRun, Job, Workflow};
use mirror_job::listed;
pub use mirror_job::report::{ArchiveSizes, DiskNeed, Sizes};

use crate::room;
use mirror_content::root::root_digest;
use mirror_job::workdir::WorkingDir;

/// What the dry run found on this machine and at the destination, as saved in `sizes.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SavedSizes<'a> {
    sizes: &'a Sizes,
    images: Vec<SavedImage<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SavedImage<'a> {
    /// As in the plan.
    name: String,
    digest: Option<&'a Digest>,
    bytes: Option<u64>,
    /// Whether a run would find it complete at its target.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What a rehearsal has at hand.
pub(crate) struct Rehearsal<'a> {
    pub(crate) job: &'a Job,
    pub(crate) workflow: &'a Workflow,
    pub(crate) images: &'a Arc<Vec<PlannedImage>>,
    /// Catalogs and the digests they are pinned to.
    pub(crate) catalogs: &'a [PinnedCatalog],
    /// What `blockedImages` kept out.
    pub(crate) blocked: &'a [Blocked],
    /// The cache; none in a run without one.
    pub(crate) cache: Option<&'a Store>,
    /// Folder of the archive and what earlier archives hold; only in mirror to disk.
    pub(crate) archive: Option<(&'a Path, &'a HashSet<Digest>)>,
    /// The destination registry; none in mirror to disk.
    pub(crate) destination: Option<&'a Client>,
    pub(crate) observer: &'a Arc<dyn Observer>,
}

/// Rehearses a run whose images `transfer` would move, and gives what it found to `found`. Images that cannot be read are
/// warned about; that is no error (`docs/behaviour/config-cli.md` 3: a dry run ends with 0 even with images missing) unless
/// the run is to check.
pub(crate) async fn rehearse<C: Transfer>(
    at: &Rehearsal<'_>,
    transfer: &Arc<C>,
    files: &mut Vec<PathBuf>,
    found: &mut Option<Sizes>,
) -> Result<(), RunError> {
    let working_dir = at.workflow.working_dir();
    let folder = working_dir.dry_run();
    working_dir
        .remove(&folder)
        .map_err(|error| RunError::generic(format!("cannot empty the folder of the dry run: {error}")))?;
    let looked = resolve_all(at, transfer).await;
    for (image, outcome) in at.images.iter().zip(&looked) {
        if let Err(error) = outcome {
            if let Some(warning) = error.warning(&image.origin) {
                at.observer.event(Event::Warning(warning));
            }
            at.observer.event(Event::Warning(format!("cannot inspect {}: {}", image.origin, error.message)));
        }
    }
    if at.job.options.dry_run == DryRun::Plan {
        at.refuse_unread(&looked)?;
        return at.write_plan(&looked, &working_dir, files);
    }
    let sizes = at.sizes(&looked, &working_dir).await?;
    at.write_mapping(&looked, sizes.fits, &working_dir, files)?;
    at.write_plan(&looked, &working_dir, files)?;
    let images = at.images.iter().zip(&looked).map(|(planned, outcome)| saved_image(planned, outcome)).collect();
    let saved = SavedSizes { sizes: &sizes, images };
    let text = serde_json::to_vec_pretty(&saved).map_err(|error| RunError::generic(error.to_string()))?;
    let path = folder.join("sizes.json");
    working_dir.write(&path, &text)?;
    files.push(path);
    let room = room::refuse(&sizes.disk);
    *found = Some(sizes);
    if at.job.options.check {
        return at.check(&looked, room.err());
    }
    if let Err(short) = room {
        at.observer.event(Event::Warning(short.to_string()));
    }
    Ok(())
}

/// How many images a message names.
const NAMED: usize = 20;

/// The file of the plan, in the folder of the dry run.
pub const PLAN_FILE: &str = "plan.json";

type Looked = Result<Resolved, CopyError>;

fn saved_image<'a>(planned: &'a PlannedImage, outcome: &'a Looked) -> SavedImage<'a> {
    let tree = outcome.as_ref().ok().map(|resolved| &resolved.tree);
    SavedImage {
        name: planned.cache.to_string(),
        digest: tree.map(|tree| tree.root.digest()),
        bytes: tree.map(|tree| tree.bytes()),
        complete: outcome.as_ref().is_ok_and(|resolved| resolved.complete),
        error: outcome.as_ref().err().map(|error| error.message.as_str()),
    }
}

async fn resolve_all<C: Transfer>(at: &Rehearsal<'_>, transfer: &Arc<C>) -> Vec<Looked> {
    let each = at.images.iter().enumerate().map(|(index, image)| {
        let transfer = Arc::clone(transfer);
        async move {
            match CopyError::refusal(image) {
                Some(refusal) => Err(refusal),
                None => caught(transfer.resolve(index, image)).await,
            }
        }
    });
    stream::iter(each).buffered(at.job.options.parallel_images.max(1) * 4).collect().await
}

impl Rehearsal<'_> {
    /// Writes the plan.
    fn write_plan(
        &self,
        looked: &[Looked],
        working_dir: &WorkingDir,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), RunError> {
        let (catalogs, blocked) = (self.catalogs, self.blocked);
        let planning = Planning {
            job: self.job,
            workflow: self.workflow,
            images: self.images,
            looked,
            catalogs,
            blocked,
            working_dir,
        };
        let (_, text) = planning.document()?.seal();
        let path = working_dir.dry_run().join(PLAN_FILE);
        working_dir.write(&path, text.as_bytes())?;
        self.observer.event(Event::Info(format!("the plan is in : {}", path.display())));
        files.push(path);
        Ok(())
    }

    /// A plan has no holes.
    fn refuse_unread(&self, looked: &[Looked]) -> Result<(), RunError> {
        let failed: Vec<(&PlannedImage, &CopyError)> = self
            .images
            .iter()
            .zip(looked)
            .filter_map(|(image, outcome)| Some((image, outcome.as_ref().err()?)))
            .collect();
        let Some((first, error)) = failed.first() else { return Ok(()) };
        let mirror = &self.job.configuration.mirror;
        Err(RunError {
            diagnostics: failed
                .iter()
                .map(|(image, error)| diagnostic(mirror, image, error.condition, &error.message))
                .collect(),
            exit_code: failed.iter().fold(0, |bits, (image, _)| bits | image.kind.family().exit_bit()),
            message: format!(
                "no plan was made: {} of {} images could not be read, such as {}: {}. Take them out of the configuration, \
                 add them to `blockedImages`, or try again when they can be read",
                failed.len(),
                looked.len(),
                first.origin,
                error.message
            ),
        })
    }

    /// Fails when the run would: an image cannot be had, or the disk is too small.
    fn check(&self, looked: &[Looked], short: Option<room::NoRoom>) -> Result<(), RunError> {
        let mirror = &self.job.configuration.mirror;
        let failed = self.images.iter().zip(looked);
        let failed = failed.filter_map(|(image, outcome)| Some((image, outcome.as_ref().err()?)));
        let missing: Vec<_> =
            failed.map(|(image, error)| diagnostic(mirror, image, error.condition, &error.message)).collect();
        let mut reasons = Vec::new();
        if !missing.is_empty() {
            let rest = |more| format!("and {more} more, which the warnings above name");
            reasons.push(format!(
                "{} of {} images cannot be mirrored:\n* {}",
                missing.len(),
                looked.len(),
                listed(&missing, NAMED, "\n* ", rest)
            ));
        }
        reasons.extend(short.map(|short| short.to_string()));
        if reasons.is_empty() {
            self.observer.event(Event::Info("the check found nothing that is missing".to_owned()));
            return Ok(());
        }
        let message = format!("the check failed: {}", reasons.join("\n"));
        Err(RunError { diagnostics: missing, ..RunError::generic(message) })
    }

    /// The names of an image's sources and its destination in mapping files, all with transport. In disk to mirror the
    /// only source is the cache.
    fn mapping(&self, image: &PlannedImage) -> Vec<(String, String)> {
        let cache = || format!("docker://{}/{}", self.job.options.cache_host, image.cache);
        let destination = || image.destination.as_ref().map_or_else(cache, ImageRef::with_scheme);
        let sources = || std::iter::once(&image.source).chain(image.twins.iter().map(|twin| &twin.source));
        let is_rebuilt = mirror_plan::operators::is_rebuilt(image);
        match self.workflow.mode() {
            // Whoever copies by this file would push the unfiltered catalog under the name of the rebuilt one, which is made
            // in the cache.
            Mode::MirrorToDisk if is_rebuilt => Vec::new(),
            Mode::MirrorToMirror if is_rebuilt => vec![(cache(), destination())],
            Mode::MirrorToDisk => sources().map(|source| (source.with_scheme(), cache())).collect(),
            Mode::DiskToMirror => vec![(cache(), destination())],
            Mode::MirrorToMirror => sources().map(|source| (source.with_scheme(), destination())).collect(),
        }
    }

    /// Writes `mapping.txt` and, in mirror to disk, `missing.txt`.
    fn write_mapping(
        &self,
        looked: &[Looked],
        fits: bool,
        working_dir: &WorkingDir,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), RunError> {
        // Without a cache nothing can be missing in it.
        let cache = self.cache.filter(|_| self.workflow.mode() == Mode::MirrorToDisk);
        let (mut mapping, mut missing, mut missing_count) = (String::new(), String::new(), 0);
        for (image, outcome) in self.images.iter().zip(looked) {
            // Its name stands in the list already, with the image that has it.
            if image.refused.is_some() {
                continue;
            }
            let mut lines = String::new();
            for (source, destination) in self.mapping(image) {
                let _ = writeln!(lines, "{source}={destination}");
                if self.job.options.dry_run == DryRun::ImagesAndInstances
                    && let Ok(resolved) = outcome
                {
                    for digest in instances(&resolved.tree) {
                        let _ = writeln!(lines, "{}", instance_line(&source, &destination, &digest));
                    }
                }
            }
            mapping.push_str(&lines);
            if let Some(cache) = cache
                && !is_cached(cache, image, outcome)
            {
                missing_count += 1;
                missing.push_str(&lines);
            }
        }
        if missing_count > 0 {
            let path = working_dir.dry_run().join("missing.txt");
            working_dir.write(&path, missing.as_bytes())?;
            self.observer.event(Event::NotCached { missing: missing_count, total: self.images.len() });
            self.observer.event(Event::Warning(format!(
                "List of missing images in : {}.\nplease re-run the mirror to disk process",
                path.display()
            )));
            files.push(path);
        } else if cache.is_some() {
            let proceed = if fits { " You may proceed with mirroring from disk to disconnected registry" } else { "" };
            self.observer.event(Event::Info(format!(
                "all {} images required for mirroring are available in local cache.{proceed}",
                self.images.len()
            )));
        }
        let path = working_dir.dry_run().join("mapping.txt");
        working_dir.write(&path, mapping.as_bytes())?;
        self.observer.event(Event::FileWritten { what: WrittenFile::Mapping, path: path.clone() });
        files.push(path);
        Ok(())
    }

    async fn sizes(&self, looked: &[Looked], working_dir: &WorkingDir) -> Result<Sizes, RunError> {
        let trees = || looked.iter().filter_map(|outcome| Some(&outcome.as_ref().ok()?.tree));
        let all = unique(trees().map(AsRef::as_ref));
        let mut sizes = Sizes {
            images: looked.len(),
            unknown_images: looked.iter().filter(|outcome| outcome.is_err()).count(),
            blobs: all.len(),
            bytes: total(all.values().copied()),
            ..Sizes::default()
        };
        let mut stages = Vec::new();
        match (self.workflow.mode(), self.cache, self.archive) {
            (Mode::MirrorToDisk, Some(store), _) => {
                let cached = cached_bytes(store, &all);
                sizes.cached_bytes = Some(cached);
                sizes.download_bytes = Some(sizes.bytes.saturating_sub(cached));
                stages.push(("cache", store.root(), sizes.bytes.saturating_sub(cached)));
            }
            (Mode::MirrorToDisk, None, Some((_, history))) => {
                let new = all.iter().filter(|(digest, _)| !history.contains(*digest));
                sizes.download_bytes = Some(total(new.map(|(_, size)| *size)));
            }
            _ => {}
        }
        if let Some((folder, history)) = self.archive {
            let named = self.images.iter().zip(looked).filter_map(|(image, outcome)| {
                let tree = outcome.as_ref().ok()?.tree.as_ref();
                Some((image.cache.repository.as_str(), image.cache.tag.as_str(), tree))
            });
            let contents = Contents::of(named, history, queue_order);
            let files = working_dir.files_for_archive()?;
            let tail: Vec<u64> =
                files.sizes().map(|(_, size)| size).chain([self.job.configuration_text.len() as u64]).collect();
            let archive_size = self.job.configuration.archive_size_gib;
            let options = ArchiveOptions::from_archive_size(archive_size, self.job.options.strict_archive);
            let archive = archive_sizes(&contents, &tail, options.max_chunk_bytes);
            stages.push(("archive", folder, archive.bytes));
            sizes.archive = Some(archive);
        }
        if let Some(client) = self.destination {
            let lacks = self.destination_lacks(client, looked).await;
            sizes.destination_lacks_bytes = Some(lacks);
            if self.workflow.mode() == Mode::MirrorToMirror {
                sizes.download_bytes = Some(lacks);
            }
        }
        sizes.disk = room::ask(&stages)?;
        sizes.fits = room::refuse(&sizes.disk).is_ok();
        Ok(sizes)
    }

    /// Bytes of the blobs that no repository of the destination that needs them has. What cannot be asked counts as
    /// lacking. A blob of an image that is complete there is there.
    async fn destination_lacks(&self, client: &Client, looked: &[Looked]) -> u64 {
        let mut there: HashSet<&Digest> = HashSet::new();
        let mut wanted: BTreeMap<&Digest, (u64, BTreeSet<Repository>)> = BTreeMap::new();
        let mut manifests: HashMap<&Digest, u64> = HashMap::new();
        for (image, outcome) in self.images.iter().zip(looked) {
            let Ok(resolved) = outcome else { continue };
            if resolved.complete {
                there.extend(resolved.tree.blobs.iter().map(|blob| &blob.digest));
                continue;
            }
            manifests.extend(
                resolved.tree.manifests().map(|manifest| (manifest.digest(), manifest.hashed_bytes().len() as u64)),
            );
            let Some(Ok(repository)) = image.destination.as_ref().map(ImageRef::repository) else { continue };
            for blob in &resolved.tree.blobs {
                wanted.entry(&blob.digest).or_insert((blob.size, BTreeSet::new())).1.insert(repository.clone());
            }
        }
        wanted.retain(|digest, _| !there.contains(digest));
        let asked = wanted.into_iter().map(|(digest, (size, repositories))| async move {
            for repository in &repositories {
                if matches!(client.head_blob(&client.endpoint(repository), digest).await, Ok(Some(_))) {
                    return 0;
                }
            }
            size
        });
        let options = &self.job.options;
        let at_once = options.parallel_images.max(1) * options.parallel_layers.max(1);
        let lacking: Vec<u64> = stream::iter(asked).buffer_unordered(at_once).collect().await;
        total(lacking.into_iter().chain(manifests.values().copied()))
    }
}

/// Whether the cache has the image. When its source could not be asked, its digest decides, and without one its name in the
/// cache.
fn is_cached(cache: &Store, image: &PlannedImage, outcome: &Looked) -> bool {
    match outcome {
        Ok(resolved) => resolved.complete,
        Err(_) => root_digest(image, || cache.resolve_tag(&image.cache.repository, &image.cache.tag))
            .is_ok_and(|found| found.is_some_and(|digest| cache.blob_size(&digest).is_some())),
    }
}

/// Every blob and manifest once, with its size in bytes.
pub(crate) fn unique<'a>(trees: impl Iterator<Item = &'a ImageTree>) -> HashMap<Digest, u64> {
    let mut all = HashMap::new();
    for tree in trees {
        all.extend(tree.blobs.iter().map(|blob| (blob.digest.clone(), blob.size)));
        all.extend(tree.manifests().map(|manifest| (manifest.digest().clone(), manifest.hashed_bytes().len() as u64)));
    }
    all
}

/// Bytes of these blobs that are in the cache, blobs that a killed run left half counted by their halves.
pub(crate) fn cached_bytes(store: &Store, blobs: &HashMap<Digest, u64>) -> u64 {
    let whole = blobs.iter().filter(|(digest, _)| store.blob_size(digest).is_some()).map(|(_, size)| *size);
    // A folder that cannot be listed only makes the estimate larger.
    let halves = store.partials().unwrap_or_default();
    let halves = halves.iter().filter(|(digest, _)| store.blob_size(digest).is_none());
    total(whole.chain(halves.filter_map(|(digest, bytes)| blobs.get(digest).map(|size| *bytes.min(size)))))
}

/// How large an archive of these contents would be, and how many files it would take (`docs/behaviour/operators-archive.md`
/// 6.3: content counts against the limit, headers do not).
pub(crate) fn archive_sizes(contents: &Contents, tail: &[u64], max_chunk_bytes: u64) -> ArchiveSizes {
    /// A header, and what an archive ends with.
    const BLOCK: u64 = 512;
    let links = contents.links.iter().map(|(_, text)| text.len() as u64);
    let blobs = contents.blobs.iter().map(|(_, size)| *size);
    let (mut bytes, mut files, mut current) = (0_u64, 1_u64, 0_u64);
    for size in blobs.chain(links).chain(tail.iter().copied()) {
        bytes = total([bytes, BLOCK, size.div_ceil(BLOCK).saturating_mul(BLOCK)]);
        if size > max_chunk_bytes {
            files += 1;
        } else if current.saturating_add(size) > max_chunk_bytes {
            files += 1;
            current = size;
        } else {
            current += size;
        }
    }
    ArchiveSizes { bytes: bytes.saturating_add(files * 2 * BLOCK), files, blobs_left_out: contents.left_out }
}

/// The instances of a list that would be copied, in its order; none for a single image.
fn instances(tree: &ImageTree) -> Vec<Digest> {
    let copied: HashSet<&Digest> = tree.children.iter().map(VerifiedManifest::digest).collect();
    match tree.root.view() {
        Ok(ManifestView::Index(index)) => index
            .manifests
            .into_iter()
            .map(|entry| entry.descriptor.digest)
            .filter(|digest| copied.contains(digest))
            .collect(),
        _ => Vec::new(),
    }
}

/// `<source up to @>@<digest>=<destination repository>@<digest>`: the source keeps its tag, the destination does not
/// (`docs/behaviour/config-cli.md` 5.3).
fn instance_line(source: &str, destination: &str, digest: &Digest) -> String {
    let source = source.split_once('@').map_or(source, |(name, _)| name);
    let destination = match ImageRef::parse(destination) {
        Ok(image) => format!("docker://{}@{digest}", image.name()),
        Err(_) => destination.to_owned(),
    };
    format!("{source}@{digest}={destination}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_instances() {
        let digest: Digest = format!("sha256:{}", "1".repeat(64)).parse().unwrap();
        let check = |source: &str, destination: &str, expected: &str| {
            let expected = expected.replace("SUB", &digest.to_string());
            assert_eq!(instance_line(source, destination, &digest), expected);
        };
        check(
            &format!("docker://h.io/a/b@sha256:{}", "2".repeat(64)),
            "docker://localhost:55000/a/b:sha256-2",
            "docker://h.io/a/b@SUB=docker://localhost:55000/a/b@SUB",
        );
        check(
            "docker://h.io/a/b:v1",
            "docker://reg.lan:5000/m/a/b:v1",
            "docker://h.io/a/b:v1@SUB=docker://reg.lan:5000/m/a/b@SUB",
        );
        check(
            "oci:///srv/a",
            "docker://localhost:55000/srv/a:latest",
            "oci:///srv/a@SUB=docker://localhost:55000/srv/a@SUB",
        );
    }

    #[test]
    fn files_of_an_archive() {
        let check = |blobs: &[u64], tail: &[u64], limit: u64, files: u64, bytes: u64| {
            let digest = |n: usize| Digest::sha256(&format!("{n:064x}")).unwrap();
            let contents = Contents {
                blobs: blobs.iter().enumerate().map(|(n, size)| (digest(n), *size)).collect(),
                ..Contents::default()
            };
            let sizes = archive_sizes(&contents, tail, limit);
            assert_eq!((sizes.files, sizes.bytes), (files, bytes), "{blobs:?} {tail:?} {limit}");
        };
        check(&[], &[], 10, 1, 1024);
        check(&[1], &[], 10, 1, 1024 + 1024);
        check(&[6, 5], &[12, 3], 10, 3, 3 * 1024 + 4 * 1024);
        check(&[6, 4], &[], 10, 1, 1024 + 2 * 1024);
        check(&[512, 513], &[0], 5000, 1, 1024 + 1024 + 1536 + 512);
    }
}
