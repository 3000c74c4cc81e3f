//! `mirror.operators`: catalogs, what is selected from them, and the images they name.
//!
//! One catalog after the other: its digest, the files in it (or what an earlier run kept of them), the selection, the
//! rebuilt image, the images that the selection needs. Disk to mirror does the same from the archive alone.

mod contents;
mod mirrored;
mod mistakes;
mod saved;
mod source;
mod unreadable;

use std::sync::Arc;
use std::time::SystemTime;

use fbc_catalog::{Catalog, Selected, Warning, opm_cache};
use image_ref::{Digest, Transport};
use isc_schema::{Item, OperatorCatalog};
use mirror_plan::{
    Blocked, CacheName, CatalogImage, CatalogRole, ConfigEntry, Family, ImageKind, Mode, PinnedCatalog, PlannedImage,
    operators,
};
use oci_transport::ImageSource;

use self::saved::{Made, SavedSelection, Whole};
use self::source::{CatalogContent, CatalogSource, From};
use super::{CollectErrors, Collecting, Facts};
use crate::fault::Fault;
use catalog_image::{Instance, MODES, RebuildError, Rebuilt, rebuild};
use mirror_content::source::{Archived, Brought, Cached, LocalContent as _, Remote};
use mirror_job::event::{CollectedItem, Event};
use mirror_job::failure::{Condition, CopyError, chain, store as store_error, transport};
use mirror_job::guard::blocking;
use mirror_job::job::DryRun;
use mirror_job::lacking::Lacking;
use oci_manifest::ImageTree;

pub use self::contents::forget;
pub use self::mirrored::{made_of, needed_by_others};
pub use self::source::{folder_catalog, registry_catalog};
pub use self::unreadable::UnreadableCatalog;

/// What the catalogs of a configuration come to.
#[derive(Debug, Default)]
pub(super) struct Operators {
    /// Catalogs and the images they need.
    pub(super) images: Vec<PlannedImage>,
    /// Texts of catalogs that name no image and that `blockedImages` keeps out.
    pub(super) blocked: Vec<Blocked>,
    /// The catalogs by digest.
    pub(super) catalogs: Vec<PinnedCatalog>,
}

/// Collects the images of every configured catalog.
pub(super) async fn collect(at: &Collecting<'_>, errors: &mut CollectErrors) -> Operators {
    let mut collected = Operators::default();
    let configured = &at.job.configuration.mirror.operators;
    if configured.is_empty() {
        return collected;
    }
    at.tell(Event::Collecting(Family::Operator));
    let lacking = at.archive().and_then(|archive| Lacking::in_archive(archive).ok()?);
    let mut run = Run { at, told_rebuilding: false, rebuild_failed: false };
    for (index, entry) in configured.iter().enumerate() {
        if let Some(reason) = lacking.as_ref().and_then(|lacking| lacking.catalog(&operators::original(entry))) {
            // The run loads what there is, and ends with the bit of operators.
            let catalog = entry.catalog.as_written();
            at.tell(Event::Error(format!(
                "catalog {catalog} and its operators are left out: they are not in the archive, because mirror to disk \
                 could not copy the catalog: {reason}"
            )));
            continue;
        }
        let found =
            if at.asks_nobody() { run.catalog_to_delete(index, entry).await } else { run.catalog(index, entry).await };
        match found {
            Ok(mut found) => {
                collected.images.append(&mut found.images);
                collected.blocked.append(&mut found.blocked);
                collected.catalogs.append(&mut found.catalogs);
                at.tell(Event::Collected { what: CollectedItem::Catalog, name: entry.catalog.as_written().to_owned() });
            }
            Err(faults) => {
                // Upstream rebuilds after collecting, and ends with 1 when that fails (`docs/behaviour/config-cli.md` 3).
                let is_generic = std::mem::take(&mut run.rebuild_failed);
                let bits = if is_generic { 1 } else { Family::Operator.exit_bit() };
                let before = format!("collect catalog \"{}\": ", entry.catalog.as_written());
                for fault in faults {
                    let item = Item::Catalog(index);
                    errors.push_fault(bits, &at.job.configuration.mirror, fault.after(&before), item);
                }
            }
        }
    }
    if at.job.options.dry_run == DryRun::No && !at.asks_nobody() {
        prune(at).await;
    }
    collected
}

/// Removes what earlier runs read out of catalogs and nobody needs any more.
async fn prune(at: &Collecting<'_>) {
    let (store, now) = (at.store.clone(), SystemTime::from(at.job.started));
    match blocking(move || contents::prune(&store, now)).await {
        Ok(0) => {}
        Ok(count) => at.tell(Event::Debug(format!("contents of {count} catalogs that nobody uses are removed"))),
        Err(error) => at.tell(Event::Debug(format!("contents of catalogs are not cleaned up: {error}"))),
    }
}

struct Run<'a> {
    at: &'a Collecting<'a>,
    told_rebuilding: bool,
    /// Whether the errors of the catalog at hand are about making the new image.
    rebuild_failed: bool,
}

/// A selection and the image that was made of it; no image for a catalog that travels whole.
struct Ready {
    catalog: Catalog,
    /// Name and digest.
    rebuilt: Option<(CacheName, Digest)>,
}

type Faults = Vec<Fault>;

fn faults_of(error: &CopyError) -> Faults {
    vec![error.message.clone().into()]
}

impl Run<'_> {
    async fn catalog(&mut self, index: usize, entry: &OperatorCatalog) -> Result<Operators, Faults> {
        let (digest, source) = self.find(entry).await.map_err(|error| faults_of(&error))?;
        let ready = if entry.is_whole() {
            let tree = self.tree(entry, &source, &digest).await?;
            self.settle(entry, &source, &tree).await.map_err(|error| faults_of(&error))?;
            let ready = Ready { catalog: self.content(entry, &source, &tree).await?.catalog, rebuilt: None };
            self.note_whole(entry, &digest).await;
            ready
        } else {
            self.selection(index, entry, &digest, &source).await?
        };
        self.note_name(entry, &digest, ready.rebuilt.as_ref()).await;
        self.plan(index, entry, &digest, ready)
    }

    /// Notes which catalog of the destination holds what is mirrored now: other catalogs there may hold the same bundles.
    async fn note_name(&self, entry: &OperatorCatalog, digest: &Digest, rebuilt: Option<&(CacheName, Digest)>) {
        if self.at.asks_nobody() || self.at.job.options.dry_run != DryRun::No {
            return;
        }
        let published = operators::published(entry, rebuilt.map(|(_, digest)| digest));
        // The tag of a rebuilt catalog in the cache is the id of its selection.
        let id = rebuilt.map(|(name, _)| name.tag.clone());
        let (working_dir, name) = (self.at.working_dir.clone(), entry.catalog.base_name().to_owned());
        let digest = digest.clone();
        let noted = blocking(move || saved::note_name(&working_dir, &name, &digest, id.as_deref(), &published)).await;
        if let Err(error) = noted {
            let catalog = entry.catalog.as_written();
            self.at.tell(Event::Warning(format!(
                "catalog {catalog}: `delete` of another catalog will not know that this one needs its bundles: {error}"
            )));
        }
    }

    /// Notes that all of a catalog is mirrored, for whoever deletes it one day.
    async fn note_whole(&self, entry: &OperatorCatalog, digest: &Digest) {
        if self.at.asks_nobody() || self.at.job.options.dry_run != DryRun::No {
            return;
        }
        let (working_dir, name) = (self.at.working_dir.clone(), entry.catalog.base_name().to_owned());
        let (digest, platforms) = (digest.clone(), entry.platforms.clone());
        let noted = blocking(move || Whole::note(&working_dir, &name, &digest, &platforms)).await;
        if let Err(error) = noted {
            let catalog = entry.catalog.as_written();
            self.at.tell(Event::Warning(format!(
                "catalog {catalog}: `delete` will not know that all of it was mirrored: {error}"
            )));
        }
    }

    /// The catalog's manifests for the platforms of the entry.
    async fn tree(
        &self,
        entry: &OperatorCatalog,
        source: &CatalogSource,
        digest: &Digest,
    ) -> Result<ImageTree, Faults> {
        source.tree(digest, &entry.platforms).await.map_err(|error| {
            if let Some(warning) = error.warning(&entry.catalog) {
                self.at.tell(Event::Warning(warning));
            }
            faults_of(&error)
        })
    }

    async fn content(
        &self,
        entry: &OperatorCatalog,
        source: &CatalogSource,
        tree: &ImageTree,
    ) -> Result<CatalogContent, Faults> {
        let content = source.content(tree, Some(&operators::original(entry).repository)).await?;
        if content.was_read_before {
            let catalog = entry.catalog.as_written();
            self.at.tell(Event::Debug(format!("catalog {catalog}: an earlier run has read its layers")));
        }
        Ok(content)
    }

    /// The images of a selection, and the catalog itself.
    fn plan(&self, index: usize, entry: &OperatorCatalog, digest: &Digest, ready: Ready) -> Result<Operators, Faults> {
        if ready.catalog.bundles.is_empty() {
            return Err(vec![mistakes::nothing_selected(index, entry, &[])]);
        }
        let unnamed = if self.at.asks_nobody() {
            operators::Unnamed::LeftOut
        } else {
            operators::Unnamed::Refused(&self.at.job.configuration.mirror.blocked_images)
        };
        let planned =
            operators::images(index, entry, &ready.catalog, self.at.destination, unnamed).map_err(|errors| {
                let warn = |error: &operators::OperatorError| {
                    if let operators::OperatorError::Image { error, .. } = error {
                        let (bundle, operator) = (&error.bundle.bundle, &error.bundle.package);
                        let text = format!("{} SKIPPING bundle {bundle} of operator {operator}", error.fault);
                        self.at.tell(Event::Warning(text));
                    }
                };
                errors.iter().for_each(warn);
                errors.iter().map(|error| mistakes::of_image(index, entry, error)).collect::<Faults>()
            })?;
        planned.warnings.into_iter().for_each(|warning| self.at.tell(Event::Warning(warning)));
        let (mut images, blocked) = (planned.images, planned.blocked);
        images.extend(self.catalog_images(index, entry, digest, ready.rebuilt)?);
        let (catalog, target_tag) = operators::pinned(entry, digest);
        Ok(Operators { images, blocked, catalogs: vec![PinnedCatalog { entry: index, catalog, target_tag }] })
    }

    /// The catalog's digest, and where its parts come from.
    async fn find(&self, entry: &OperatorCatalog) -> Result<(Digest, CatalogSource), CopyError> {
        let store = self.at.store.clone();
        let brought = match self.at.facts {
            Facts::Online => None,
            Facts::Archive(archive) => Some(From::Archive {
                archive: Archived(Arc::clone(archive)),
                destination: self.at_destination(entry)?,
                observer: Arc::clone(self.at.observer),
            }),
            Facts::Mirrored => Some(From::Nothing),
        };
        if let Some(from) = brought {
            return Ok((self.known_digest(entry)?, CatalogSource { store, from }));
        }
        let client = self.at.job.source.clone();
        let image = mirror_plan::additional::source(&entry.catalog);
        if image.transport() != &Transport::Docker {
            let (layout, root) = ImageSource::open(&client, &image).await.map_err(|error| transport(&error))?;
            store.keep_manifest(&root).map_err(|error| store_error(&error))?;
            return Ok((root.digest().clone(), CatalogSource { store, from: From::Layout(layout) }));
        }
        let observer = Arc::clone(self.at.observer);
        if let Some(digest) = image.digest().cloned()
            && store.blob_size(&digest).is_some()
        {
            let from = From::registry(client, image, None, observer);
            return Ok((digest, CatalogSource { store, from }));
        }
        let pulled = client.pull_manifest(&image).await.map_err(|error| transport(&error))?;
        let digest = pulled.manifest.digest().clone();
        store.keep_manifest(&pulled.manifest).map_err(|error| store_error(&error))?;
        let image = image.with_digest(digest.clone());
        let from = From::registry(client, image, Some(pulled.endpoint), observer);
        Ok((digest, CatalogSource { store, from }))
    }

    /// Where an earlier archive of the sequence has put the catalog.
    fn at_destination(&self, entry: &OperatorCatalog) -> Result<Option<Remote>, CopyError> {
        let Some(destination) = self.at.destination else { return Ok(None) };
        let broken = |error: &dyn std::error::Error| CopyError::permanent(Condition::Reference, chain(error));
        let image = destination.image(&operators::original(entry)).map_err(|error| broken(&error))?;
        let repository = image.repository().map_err(|error| broken(&error))?;
        let client = &self.at.job.destination;
        Ok(Some(Remote { client: client.clone(), at: client.endpoint(&repository) }))
    }

    /// The digest that the configuration names; else the one that an earlier run, whose archive or cache is at hand, found.
    fn known_digest(&self, entry: &OperatorCatalog) -> Result<Digest, CopyError> {
        if let Some(digest) = entry.catalog.digest() {
            return Ok(digest.clone());
        }
        let name = operators::original(entry);
        let found = Brought::of(self.at.archive(), self.at.store).resolve_tag(&name.repository, &name.tag)?;
        found.ok_or_else(|| {
            CopyError::permanent(
                Condition::NotInArchive,
                format!(
                    "{name} is neither in the archive nor in the cache of earlier runs; was the archive made with this \
                     configuration?"
                ),
            )
        })
    }

    /// What is selected, from an earlier run when it did the same.
    async fn selection(
        &mut self,
        index: usize,
        entry: &OperatorCatalog,
        digest: &Digest,
        source: &CatalogSource,
    ) -> Result<Ready, Faults> {
        let (id, kept) = self.kept(entry, digest);
        let name = operators::rebuilt(entry, &id);
        // Nobody can tell from a catalog in an archive whether it was made of the one that is pinned: it is made again.
        let is_trusted = self.at.asks_sources() || entry.catalog.digest().is_none();
        if is_trusted && let Some(rebuilt) = self.reusable(&kept, &name).map_err(|error| faults_of(&error))? {
            self.at.tell(Event::Debug(format!("selection {id} was made by an earlier run: nothing to read")));
            let files = kept.files().map_err(|error| vec![format!("the selection cannot be read: {error}").into()])?;
            if self.is_settled_first(entry) {
                let tree = self.tree(entry, source, digest).await?;
                self.settle(entry, source, &tree).await.map_err(|error| faults_of(&error))?;
            }
            return Ok(Ready { catalog: read(files).await?, rebuilt: Some((name, rebuilt)) });
        }
        let tree = self.tree(entry, source, digest).await?;
        self.settle(entry, source, &tree).await.map_err(|error| faults_of(&error))?;
        let CatalogContent { instances, catalog, .. } = self.content(entry, source, &tree).await?;
        let options = &self.at.job.options;
        let request = operators::request(entry, options.strict_selection);
        let rules = match kept.rule_set() {
            // What the archive was made for is what is loaded.
            Some(rules) if self.at.archive().is_some() => rules,
            _ => options.operator_selection,
        };
        let selected = blocking(move || fbc_catalog::select(&catalog, &request, rules)).await;
        let selected = selected.map_err(|errors| {
            errors.0.iter().map(|error| mistakes::of_selection(index, entry, error)).collect::<Faults>()
        })?;
        self.tell_report(entry, &selected);
        if selected.catalog.bundles.is_empty() {
            return Err(vec![mistakes::nothing_selected(index, entry, &selected.report.not_found)]);
        }
        if self.at.asks_nobody() {
            return Ok(Ready { catalog: selected.catalog, rebuilt: None });
        }
        if !self.told_rebuilding {
            self.at.tell(Event::RebuildingCatalogs);
            self.told_rebuilding = true;
        }
        self.at.tell(Event::Info(format!("Rebuilding catalog {}", entry.catalog.with_scheme())));
        let files = fbc_catalog::write(&selected.catalog);
        let files = files.map_err(|error| vec![Fault::from(format!("failed to filter catalog: {error}"))])?;
        let fatal = |error: &dyn std::error::Error| {
            vec![Fault::from(format!("unable to rebuild catalog {}: {}", entry.catalog.with_scheme(), chain(error)))]
        };
        self.rebuild_failed = true;
        let (made, without_cache) = make(instances, files).await.map_err(|error| {
            // An image that cannot be extended is a fault of that catalog; everything else is a fault of this machine.
            self.rebuild_failed = !matches!(error, RebuildError::Broken { .. });
            fatal(&error)
        })?;
        if let Some(reason) = without_cache {
            let catalog = entry.catalog.as_written();
            self.at.tell(Event::Warning(format!(
                "catalog {catalog}: the rebuilt catalog brings no cache for opm: {reason}"
            )));
        }
        let (root, layers) = (made.0.root.digest().clone(), made.0.layers);
        let is_bridged = selected.report.warnings.iter().any(|warning| matches!(warning, Warning::Bridged { .. }));
        self.keep(&kept, &name, &tree, made, Made { rules, is_bridged, layers })
            .await
            .map_err(|error| fatal(&error))?;
        self.rebuild_failed = false;
        Ok(Ready { catalog: selected.catalog, rebuilt: Some((name, root)) })
    }

    /// The id of the selection and what an earlier run kept of it. An id of the entry as it is written counts only where
    /// such a selection is there.
    fn kept(&self, entry: &OperatorCatalog, digest: &Digest) -> (String, SavedSelection) {
        let at = |id: String| {
            let kept = SavedSelection::at(self.at.working_dir, entry.catalog.base_name(), digest, &id);
            (id, kept)
        };
        let (id, kept) = at(operators::filter_id(entry, digest));
        if kept.digest().is_none() {
            let (written_id, written) = at(operators::filter_id_as_written(entry));
            if written.digest().is_some() {
                return (written_id, written);
            }
        }
        (id, kept)
    }

    /// The rebuilt catalog of an earlier run, when nothing of it is missing.
    fn reusable(&self, kept: &SavedSelection, name: &CacheName) -> Result<Option<Digest>, CopyError> {
        let Some(digest) = kept.digest() else { return Ok(None) };
        if self.at.job.options.strict_selection && kept.is_bridged() {
            return Ok(None);
        }
        if !self.at.asks_sources() {
            // What the archive was made for is what is loaded, whatever rules it was selected by.
            let in_archive = self.at.archive().and_then(|archive| archive.resolve_tag(&name.repository, &name.tag));
            if in_archive == Some(&digest) {
                return Ok(Some(digest));
            }
        } else if !kept.is_by(self.at.job.options.operator_selection) || kept.layers().is_none() {
            return Ok(None);
        }
        let store = self.at.store;
        let content = Cached(store.clone());
        let known = content.resolve_tag(&name.repository, &name.tag)?;
        if known.as_ref() != Some(&digest) {
            return Ok(None);
        }
        let Some(root) = content.read_manifest(&digest)? else { return Ok(None) };
        let Ok(oci_manifest::ManifestView::Index(index)) = root.view() else { return Ok(None) };
        for entry in index.manifests {
            let child = content.read_manifest(&entry.descriptor.digest)?;
            let Some(Ok(oci_manifest::ManifestView::Image(image))) = child.map(|child| child.view()) else {
                return Ok(None);
            };
            // The new layers and the new configuration are nowhere else.
            let layers = kept.layers().unwrap_or_default();
            let new = std::iter::once(&image.config).chain(image.layers.iter().rev().take(layers));
            let on_disk =
                |blob: &oci_manifest::Descriptor| !self.at.asks_sources() || content.blob_size(blob).is_some();
            if !new.into_iter().all(on_disk) {
                return Ok(None);
            }
        }
        Ok(Some(digest))
    }

    /// Puts the rebuilt image into the cache and its files into the working directory.
    async fn keep(
        &self,
        kept: &SavedSelection,
        name: &CacheName,
        tree: &ImageTree,
        (made, files): (Rebuilt, Vec<(String, Vec<u8>)>),
        how: Made,
    ) -> Result<(), KeepError> {
        let (store, kept, name) = (self.at.store.clone(), kept.clone(), name.clone());
        let layers: Vec<Digest> = tree.blobs.iter().map(|blob| blob.digest.clone()).collect();
        blocking(move || {
            for (digest, bytes) in &made.blobs {
                store.put_blob(digest, bytes)?;
                store.link_layer(&name.repository, digest)?;
            }
            for digest in &layers {
                store.link_layer(&name.repository, digest)?;
            }
            for manifest in made.children.iter().chain([&made.root]) {
                store.put_manifest(&name.repository, manifest)?;
            }
            store.tag(&name.repository, &name.tag, made.root.digest())?;
            kept.write(&files, how, made.root.digest())?;
            Ok(())
        })
        .await
    }

    fn is_settled_first(&self, entry: &OperatorCatalog) -> bool {
        match self.at.mode() {
            Mode::MirrorToDisk => entry.catalog.transport() != &Transport::Docker,
            Mode::DiskToMirror => false,
            Mode::MirrorToMirror => true,
        }
    }

    /// Brings a catalog into the cache, whole, before copying starts: from a folder, because no registry has its parts,
    /// and in mirror to mirror, where layers of the rebuilt catalog are taken from the cache and nowhere else.
    async fn settle(&self, entry: &OperatorCatalog, source: &CatalogSource, tree: &ImageTree) -> Result<(), CopyError> {
        if !self.is_settled_first(entry) {
            return Ok(());
        }
        source.import_all(tree).await?;
        let name = operators::original(entry);
        let put = || -> Result<(), archive_format::StoreError> {
            for manifest in tree.manifests() {
                self.at.store.put_manifest(&name.repository, manifest)?;
            }
            for blob in &tree.blobs {
                self.at.store.link_layer(&name.repository, &blob.digest)?;
            }
            self.at.store.tag(&name.repository, &name.tag, tree.root.digest())
        };
        put().map_err(|error| store_error(&error))
    }

    /// The catalog itself: the original and what was made of it.
    fn catalog_images(
        &self,
        index: usize,
        entry: &OperatorCatalog,
        digest: &Digest,
        rebuilt: Option<(CacheName, Digest)>,
    ) -> Result<Vec<PlannedImage>, Faults> {
        let (pinned, _) = operators::pinned(entry, digest);
        let source = mirror_plan::additional::source(&pinned);
        let published = operators::published(entry, rebuilt.as_ref().map(|(_, digest)| digest));
        let destination = self.at.destination.map(|destination| destination.image(&published)).transpose();
        let destination = destination.map_err(|error| vec![Fault::from(error.to_string())])?;
        let image = |cache: CacheName, root: &Digest, role: CatalogRole, step: &str| {
            let why = operators::why(index, entry, vec![step.to_owned()]);
            let (kind, origin) = (ImageKind::OperatorCatalog, entry.catalog.with_scheme());
            let planned = PlannedImage::new(kind, origin, source.clone(), cache, None, why);
            let planned = planned.expect("without a destination every name is possible");
            let published = Some(published.clone());
            let catalog = Some(CatalogImage { role, published });
            let (named, entry) = (entry.catalog.clone(), Some(ConfigEntry::Operator(index)));
            PlannedImage { named, entry, root: Some(root.clone()), catalog, ..planned }
                .with_destination(destination.clone())
        };
        let original = || PlannedImage {
            platforms: entry.platforms.clone(),
            built: entry.catalog.transport() != &Transport::Docker,
            ..image(operators::original(entry), digest, CatalogRole::Original, "catalog")
        };
        // Where there is a rebuilt catalog, clusters know nothing of the original.
        let known_as = rebuilt.is_none().then(|| published.clone());
        let cached = || {
            let catalog = Some(CatalogImage { role: CatalogRole::Original, published: known_as.clone() });
            PlannedImage { catalog, ..original() }.with_destination(None)
        };
        // Only the platforms asked for were rebuilt, so all of what was made travels.
        let rebuilt = rebuilt.map(|(name, root)| PlannedImage {
            built: true,
            ..image(name, &root, CatalogRole::Rebuilt, "rebuilt catalog")
        });
        Ok(match (self.at.mode(), rebuilt) {
            (Mode::MirrorToDisk | Mode::DiskToMirror, None) => vec![original()],
            (Mode::MirrorToDisk, Some(rebuilt)) => vec![cached(), rebuilt],
            (Mode::DiskToMirror, Some(rebuilt)) => vec![rebuilt],
            // The cache gets the original, because `delete` will look for it there.
            (Mode::MirrorToMirror, rebuilt) => vec![cached(), rebuilt.unwrap_or_else(original)],
        })
    }

    fn tell_report(&self, entry: &OperatorCatalog, selected: &Selected) {
        let catalog = entry.catalog.as_written();
        let report = &selected.report;
        let warn = |text: String| self.at.tell(Event::Warning(format!("catalog {catalog}: {text}")));
        report.not_found.iter().for_each(|name| warn(name.to_string()));
        report.warnings.iter().for_each(|warning| warn(warning.to_string()));
        report.violations.iter().for_each(|violation| warn(violation.to_string()));
        if let Some(missing) = report.missing_as_yaml() {
            warn(format!(
                "Selected operators depend on packages that are not selected. Unless the cluster has them, add to \
                 `packages`:\n{missing}"
            ));
        }
    }
}

/// Why a selection cannot be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Store(#[from] archive_format::StoreError),
    #[error(transparent)]
    WorkingDir(#[from] std::io::Error),
}

async fn read(files: Vec<(String, Vec<u8>)>) -> Result<Catalog, UnreadableCatalog> {
    blocking(move || Catalog::read(files))
        .await
        .map_err(|errors| UnreadableCatalog::Documents(errors.0.iter().map(|error| chain(error)).collect()))
}

/// The new image and its files, and why it brings no cache if it does not.
type Prepared = ((Rebuilt, Vec<(String, Vec<u8>)>), Option<String>);

async fn make(instances: Vec<Instance>, files: Vec<(String, Vec<u8>)>) -> Result<Prepared, RebuildError> {
    blocking(move || {
        // What opm would refuse has no cache. It says the same when it starts, in its own words.
        let (cache, reason) = match opm_cache::build(&files, MODES) {
            Ok(cache) => (Some(cache), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let made = rebuild(&instances, &files, cache.as_deref())?;
        Ok(((made, files), reason))
    })
    .await
}
