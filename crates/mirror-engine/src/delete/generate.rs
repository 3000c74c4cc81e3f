//! The first step: the list.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use archive_format::{Store, WorkspaceLock};
use image_ref::{Digest, ImageRef, Transport};
use isc_schema::DeleteImageSetConfiguration;
use mirror_plan::delete::{DeleteItem, DeleteList, V1Source, file_names, v1_tag};
use mirror_plan::{ConfigEntry, Destination, Family, ImageKind, PlannedImage};

use super::{DeleteReport, ItemReport};
use crate::holders::Holders;
use crate::outcome::RunError;
use crate::warnings::Warnings;
use mirror_collect::{Collecting, Facts, collect_what_there_is, made_of, needed_by_others};
use mirror_content::root::{pinned, root_digest};
use mirror_content::source::{Cached, LocalContent as _};
use mirror_job::event::{Event, Observer, WrittenFile};
use mirror_job::guard::guarded;
use mirror_job::job::Job;
use mirror_job::workdir::WorkingDir;
use mirror_trust::cosign_tag;

/// What the first step needs beside a job, whose configuration is what to delete.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Generate {
    /// The working directory of earlier runs; the list is written there.
    pub working_dir: WorkingDir,
    /// The registry that is to be cleaned.
    pub destination: Destination,
    /// The configuration as given; it is written beside the list.
    pub configuration: DeleteImageSetConfiguration,
    /// Suffix for the names of the files.
    pub id: Option<String>,
    /// Signatures are listed too, and the attestations and SBOMs that are in the cache.
    pub signatures: bool,
    /// Images are listed under the tags that oc-mirror v1 gave them.
    pub v1_tags: bool,
}

impl Generate {
    /// The step for this configuration, without extras.
    pub fn new(working_dir: WorkingDir, destination: Destination, configuration: DeleteImageSetConfiguration) -> Self {
        Self { working_dir, destination, configuration, id: None, signatures: false, v1_tags: false }
    }
}

/// Writes the list of images to delete. The destination is not contacted, and nothing is deleted.
pub async fn generate(job: &Job, request: &Generate, observer: &Arc<dyn Observer>) -> DeleteReport {
    let heard = Warnings::new(observer, &job.warnings, &[&job.source, &job.destination]);
    let observer: Arc<dyn Observer> = Arc::clone(&heard) as Arc<dyn Observer>;
    let mut report = DeleteReport { format: 1, ..DeleteReport::default() };
    let outcome = guarded(Box::pin(run(job, request, &observer, &mut report))).await;
    if let Err(error) = outcome.unwrap_or_else(|panicked| Err(panicked.into())) {
        report.exit_code = 1;
        report.error = Some(error.message);
        report.diagnostics = error.diagnostics;
        // The stanza that was read is `delete`.
        for found in &mut report.diagnostics {
            if let Some(rest) = found.path.strip_prefix("mirror") {
                found.path = format!("delete{rest}");
            }
        }
    }
    report.conclude(&heard, &request.working_dir.logs(), &job.log_stamp);
    report
}

async fn run(
    job: &Job,
    request: &Generate,
    observer: &Arc<dyn Observer>,
    report: &mut DeleteReport,
) -> Result<(), RunError> {
    let Generate { working_dir, destination, .. } = request;
    working_dir.create()?;
    let _lock = WorkspaceLock::acquire(working_dir.root(), &job.holder("delete"))?;
    let store = Store::open_as(&job.cache, &job.holder("delete"))?;
    observer.event(Event::Discovering);
    let (plan, errors) = collect_what_there_is(&Collecting {
        job,
        working_dir,
        store: &store,
        facts: Facts::Mirrored,
        destination: Some(destination),
        observer,
    })
    .await;
    let listed: Vec<&PlannedImage> = plan.images.iter().filter(|image| request.lists(image)).collect();
    let (free, left_out) = request.split(&listed, &Holders::read(&store));
    for text in &left_out {
        observer.event(Event::Warning(text.clone()));
    }
    let mut items = Vec::new();
    for image in free {
        items.extend(request.items(image, destination, &store, working_dir)?);
    }
    let mut list = DeleteList::new(items);
    if list.items.is_empty() {
        let reason = match (errors.is_empty(), left_out.is_empty()) {
            (false, _) => errors.message(),
            (true, true) => "no images to delete".to_owned(),
            (true, false) => {
                "no images to delete: all that are named share their names with images that stay".to_owned()
            }
        };
        return Err(RunError::generic(reason));
    }
    if !request.v1_tags {
        let listed: HashSet<String> = list.items.iter().map(|item| item.image_reference.clone()).collect();
        let warn = |text: String| observer.event(Event::Warning(text));
        let entries = &request.configuration.delete.operators;
        let needed = needed_by_others(working_dir, &store, destination, entries, &listed, &warn).await;
        for item in &mut list.items {
            let needing = item.names().into_iter().filter_map(|name| needed.get(&name)).flatten().cloned();
            item.needed_by = needing.collect::<BTreeSet<_>>().into_iter().collect();
        }
    }
    observer.event(Event::MakingDeleteList);
    let (list_name, configuration_name) = file_names(request.id.as_deref());
    let files = [(list_name, list.to_yaml()), (configuration_name, request.configuration.to_yaml())];
    for (name, text) in files {
        let path = working_dir.delete().join(name);
        working_dir.write(&path, text.as_bytes())?;
        observer.event(Event::FileWritten { what: WrittenFile::DeleteList, path: path.clone() });
        report.files.push(working_dir.name_of(&path));
    }
    report.items = list.items.iter().map(ItemReport::listed).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let warning = "some images could not be collected: the list of images to delete might not be complete";
    observer.event(Event::Warning(warning.to_owned()));
    let exit_code = 1;
    Err(RunError { exit_code, ..errors.into() })
}

impl Generate {
    /// Whether an image is listed. A catalog is, when no packages of it are named: then all of it goes, the catalog
    /// image too (published documentation, chapter "Deletion of images").
    fn lists(&self, image: &PlannedImage) -> bool {
        image.kind != ImageKind::OperatorCatalog
            || self.operator(image).is_some_and(|operator| operator.packages.as_ref().is_none_or(Vec::is_empty))
    }

    /// The images that may be listed, and why others may not: a name at the destination may be that of another image, too.
    fn split<'i>(&self, images: &[&'i PlannedImage], holders: &Holders) -> (Vec<&'i PlannedImage>, BTreeSet<String>) {
        let mut asked: HashMap<&ImageRef, Vec<&PlannedImage>> = HashMap::new();
        for image in images {
            if let Some(there) = &image.destination {
                asked.entry(there).or_default().push(image);
            }
        }
        let mut left_out = BTreeSet::new();
        let free = images.iter().filter(|image| {
            let Some((there, asked)) = image.destination.as_ref().and_then(|there| asked.get_key_value(there)) else {
                return true;
            };
            // Tags of v1 are other names, of which no notes are kept.
            let others = if self.v1_tag(image).is_some() || self.spares_holder(image, there, holders) {
                Vec::new()
            } else {
                holders.others(there, asked)
            };
            if !others.is_empty() {
                left_out.insert(format!(
                    "{} stays out of the list: {there} is also the mirror of {}. To delete it, name all of them in the \
                     configuration",
                    image.origin,
                    others.join(", ")
                ));
            }
            others.is_empty()
        });
        (free.copied().collect(), left_out)
    }

    /// Whether an image is deleted by its digest, and its name is that of an image with another one.
    fn spares_holder(&self, image: &PlannedImage, there: &ImageRef, holders: &Holders) -> bool {
        !self.v1_tags
            && image.kind != ImageKind::OperatorCatalog
            && pinned(image).is_some_and(|digest| holders.digest(there).is_some_and(|held| held != digest))
    }

    /// The entry of the configuration that brought an operator image in.
    fn operator(&self, image: &PlannedImage) -> Option<&isc_schema::OperatorCatalog> {
        match image.entry? {
            ConfigEntry::Operator(index) => self.configuration.delete.operators.get(index),
            ConfigEntry::Additional(_) => None,
        }
    }

    /// The items of one image: itself and, when asked for, the signatures of its manifests.
    fn items(
        &self,
        image: &PlannedImage,
        destination: &Destination,
        store: &Store,
        working_dir: &WorkingDir,
    ) -> Result<Vec<DeleteItem>, RunError> {
        let there = match &image.destination {
            Some(there) => there.clone(),
            None => destination.image(&image.cache).map_err(|error| RunError::generic(error.to_string()))?,
        };
        let there = self.v1_tag(image).map_or_else(|| there.clone(), |tag| there.with_tag(&tag));
        let digests = if self.v1_tags { Vec::new() } else { self.digests(image, working_dir) };
        // A tag that is made of the digest says so itself.
        let is_told = there.tag().and_then(Digest::from_tag).is_some_and(|told| digests == [told]);
        let item = DeleteItem {
            image_name: image.origin.clone(),
            image_reference: there.with_scheme(),
            kind: image.kind.as_str().to_owned(),
            needed_by: Vec::new(),
            digests: if is_told { Vec::new() } else { digests },
        };
        let mut items = vec![item.clone()];
        if self.signatures && image.kind != ImageKind::Graph {
            for digest in manifests(store, image)? {
                items.extend(item.attachment(&digest, "sig"));
                // Signatures are listed whether or not there are any; the rest is rare.
                for ending in ["att", "sbom"] {
                    if store.resolve_tag(&image.cache.repository, &cosign_tag(&digest, ending))?.is_some() {
                        items.extend(item.attachment(&digest, ending));
                    }
                }
            }
        }
        Ok(items)
    }

    /// The manifests that an image of the destination may be, where that is known: the one that its source names, and of a
    /// catalog that is named by digest also those that earlier runs made of it.
    fn digests(&self, image: &PlannedImage, working_dir: &WorkingDir) -> Vec<Digest> {
        let Some(catalog) = self.operator(image).filter(|_| image.kind == ImageKind::OperatorCatalog) else {
            return pinned(image).into_iter().cloned().collect();
        };
        let Some(digest) = catalog.catalog.digest() else { return Vec::new() };
        let made = made_of(working_dir, &catalog.catalog, digest);
        let all: BTreeSet<Digest> = made.into_iter().chain([digest.clone()]).chain(image.root.clone()).collect();
        all.into_iter().collect()
    }

    fn v1_tag(&self, image: &PlannedImage) -> Option<String> {
        if !self.v1_tags || image.kind == ImageKind::OperatorCatalog {
            return None;
        }
        let source = match image.kind.family() {
            Family::Release => return None,
            Family::Operator => match self.operator(image).map(|operator| operator.catalog.transport()) {
                Some(Transport::Docker) | None => V1Source::Operator,
                Some(_) => V1Source::OperatorOfLocalCatalog,
            },
            Family::Additional | Family::Helm => V1Source::Other,
        };
        v1_tag(&image.named, source)
    }
}

/// The image's manifest and those of its instances, as far as plan and cache know them (`docs/behaviour/config-cli.md` 7.2).
fn manifests(store: &Store, image: &PlannedImage) -> Result<Vec<Digest>, RunError> {
    let named = || store.resolve_tag(&image.cache.repository, &image.cache.tag);
    let Some(root) = root_digest(image, named)? else { return Ok(Vec::new()) };
    let mut found = vec![root.clone()];
    let manifest = Cached(store.clone()).read_manifest(&root).map_err(|error| RunError::generic(error.message))?;
    if let Some(Ok(view)) = manifest.map(|manifest| manifest.view()) {
        found.extend(view.children().iter().map(|entry| entry.descriptor.digest.clone()));
    }
    Ok(found)
}
