//! What was mirrored of a catalog, as the working directory knows it: for deleting, where no registry is asked and the
//! layers of the catalog may be gone.
//!
//! Every selection that a run made stays in `operator-catalogs/`. Together they say what of a catalog is at the
//! destination, also of catalogs whose tag has moved since.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;

use archive_format::Store;
use fbc_catalog::{Catalog, Channel};
use image_ref::{Digest, ImageRef};
use isc_schema::OperatorCatalog;
use mirror_plan::{CacheName, Destination, ImageId, ImageKind, PlannedImage, operators};

use super::saved::{SavedSelection, Whole};
use super::source::{CatalogSource, From};
use super::{Faults, Operators, Ready, Run, faults_of, read};
use mirror_job::event::Event;
use mirror_job::failure::{chain, store as store_error};
use mirror_job::guard::blocking;
use mirror_job::workdir::WorkingDir;

/// What was mirrored of a catalog.
#[derive(Default)]
struct Mirrored {
    /// Everything that is known, in one catalog; none when nobody kept anything.
    catalog: Option<Catalog>,
    /// Whether all of the catalog was mirrored, of the version that counts now.
    whole: bool,
    /// What was mirrored as well, and cannot be read any more.
    unknown: Vec<String>,
}

impl Run<'_> {
    /// The images of an entry that is to be deleted.
    ///
    /// An entry that names no packages means everything that was mirrored of the catalog (published documentation). Others
    /// select from the catalog as mirroring does, and where it cannot be read or has no such versions any more, from
    /// what was mirrored of it.
    pub(super) async fn catalog_to_delete(
        &mut self,
        index: usize,
        entry: &OperatorCatalog,
    ) -> Result<Operators, Faults> {
        if entry.packages().is_empty() {
            return self.all_of_catalog(index, entry).await;
        }
        let faults = match self.catalog(index, entry).await {
            Ok(found) => return Ok(found),
            Err(faults) => faults,
        };
        let Ok(digest) = self.known_digest(entry) else { return Err(faults) };
        let Some(mirrored) = self.mirrored(entry, &digest).await?.catalog else { return Err(faults) };
        let options = &self.at.job.options;
        let (request, rules) = (operators::request(entry, options.strict_selection), options.operator_selection);
        match blocking(move || fbc_catalog::select(&mirrored, &request, rules)).await {
            Ok(selected) => {
                self.at.tell(Event::Info(format!(
                    "catalog {}: selected from what was mirrored of it",
                    entry.catalog.as_written()
                )));
                self.plan(index, entry, &digest, Ready { catalog: selected.catalog, rebuilt: None })
            }
            Err(_) => Err(faults),
        }
    }

    /// Everything that was mirrored of a catalog, and the catalog itself unless more of it may be at the destination.
    async fn all_of_catalog(&mut self, index: usize, entry: &OperatorCatalog) -> Result<Operators, Faults> {
        let digest = self.known_digest(entry).map_err(|error| faults_of(&error))?;
        let Mirrored { catalog, whole, unknown } = self.mirrored(entry, &digest).await?;
        let name = entry.catalog.as_written();
        let warn = |text: &str| {
            self.at.tell(Event::Warning(format!("catalog {name}: {text}. The catalog itself is not listed")));
        };
        let is_all = match (&catalog, unknown.is_empty()) {
            (Some(_), true) => true,
            // Whoever asks for all of the catalog gets all of it.
            (None, true) if entry.is_whole() => true,
            (None, true) => {
                warn(
                    "this workspace does not say what was mirrored of it. What the catalog's default selection holds is listed; \
                     write `full: true` to list all that the catalog holds",
                );
                false
            }
            (_, false) => {
                for text in &unknown {
                    warn(text);
                }
                false
            }
        };
        let Some(catalog) = catalog else {
            let mut found = self.catalog(index, entry).await?;
            if !is_all {
                without_catalogs(&mut found.images);
            }
            return Ok(found);
        };
        let mut found = self.plan(index, entry, &digest, Ready { catalog, rebuilt: None })?;
        // Under the name that each of them has at the destination.
        without_catalogs(&mut found.images);
        if is_all {
            let rebuilt = SavedSelection::of_catalog(self.at.working_dir, entry.catalog.base_name(), &digest);
            let rebuilt =
                rebuilt.iter().filter_map(|kept| Some((operators::rebuilt(entry, kept.id()?), kept.digest()?)));
            let mut all: Vec<Option<(CacheName, Digest)>> = rebuilt.map(Some).collect();
            if whole || all.is_empty() {
                all.insert(0, None);
            }
            let mut listed: HashSet<String> = HashSet::new();
            for rebuilt in all {
                let images = self.catalog_images(index, entry, &digest, rebuilt)?;
                let is_new = |image: &PlannedImage| {
                    let name = image.destination.as_ref().map_or_else(|| image.cache.to_string(), ToString::to_string);
                    listed.insert(name)
                };
                found.images.extend(images.into_iter().filter(is_new));
            }
        }
        Ok(found)
    }

    /// What earlier runs mirrored of any version of an entry's catalog; `current` is the version that counts now.
    async fn mirrored(&self, entry: &OperatorCatalog, current: &Digest) -> Result<Mirrored, Faults> {
        let repository = operators::original(entry).repository;
        let versions = self.at.store.revisions(&repository).map_err(|error| faults_of(&store_error(&error)))?;
        let elsewhere = self.versions_of_other_tags(entry).map_err(|error| faults_of(&store_error(&error)))?;
        // Another tag of the repository is another catalog. Where no run has noted a name, the tags of the cache tell it. An
        // entry that names a digest and no tag means that version, whatever its name.
        let is_pinned = entry.target_tag.is_none() && entry.catalog.tag().is_none() && entry.catalog.digest().is_some();
        let is_of_entry = |version: &Digest, names: &[CacheName], made: Option<&Digest>| match names {
            [] => version == current || !elsewhere.contains(version),
            names => names.contains(&operators::published(entry, made)) || (is_pinned && version == current),
        };
        let mut found = Mirrored::default();
        let mut add = |catalog: Catalog| {
            let before = found.catalog.take();
            found.catalog = Some(match before {
                None => catalog,
                Some(before) => union(before, catalog),
            });
        };
        for version in versions {
            for kept in SavedSelection::of_catalog(self.at.working_dir, entry.catalog.base_name(), &version) {
                if !is_of_entry(&version, &kept.names(), kept.digest().as_ref()) {
                    continue;
                }
                let files =
                    kept.files().map_err(|error| vec![format!("the selection cannot be read: {error}").into()])?;
                add(read(files).await?);
            }
            if let Some(whole) = Whole::of(self.at.working_dir, entry.catalog.base_name(), &version)
                && is_of_entry(&version, &whole.names, None)
            {
                found.whole |= version == *current;
                match whole.catalog(self.at.store).await {
                    Ok(catalog) => add(catalog),
                    Err(reasons) => found.unknown.push(format!(
                        "all of its version {version} was mirrored, and that version cannot be read any more: {}",
                        joined(&reasons)
                    )),
                }
            }
        }
        Ok(found)
    }

    /// The versions of an entry's catalog that the cache knows by other tags, and not by the tag of the entry.
    fn versions_of_other_tags(&self, entry: &OperatorCatalog) -> Result<HashSet<Digest>, archive_format::StoreError> {
        let CacheName { repository, tag } = operators::original(entry);
        let mut others = HashSet::new();
        for other in self.at.store.tags(&repository)? {
            others.extend(self.at.store.resolve_tag(&repository, &other)?.filter(|_| other != tag));
        }
        if let Some(own) = self.at.store.resolve_tag(&repository, &tag)? {
            others.remove(&own);
        }
        Ok(others)
    }
}

fn without_catalogs(images: &mut Vec<PlannedImage>) {
    // They come last, so no image needs one of them.
    images.retain(|image| image.kind != ImageKind::OperatorCatalog);
}

impl Whole {
    /// What the catalog holds, as far as the cache knows it.
    async fn catalog(&self, store: &Store) -> Result<Catalog, Faults> {
        let source = CatalogSource { store: store.clone(), from: From::Nothing };
        let tree = source.tree(&self.digest, &self.platforms).await.map_err(|error| faults_of(&error))?;
        Ok(source.content(&tree, None).await?.catalog)
    }
}

/// All reasons, for one sentence.
fn joined(faults: &Faults) -> String {
    faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// Two selections as one catalog, of which images are read and that is never written: a channel has the entries of both.
fn union(mut into: Catalog, other: Catalog) -> Catalog {
    let packages: HashSet<String> = into.packages.iter().map(|package| package.name.clone()).collect();
    into.packages.extend(other.packages.into_iter().filter(|package| !packages.contains(&package.name)));
    let bundles: HashSet<(String, String)> =
        into.bundles.iter().map(|bundle| (bundle.package.clone(), bundle.name.clone())).collect();
    let is_new = |package: &str, name: &str| !bundles.contains(&(package.to_owned(), name.to_owned()));
    into.bundles.extend(other.bundles.into_iter().filter(|bundle| is_new(&bundle.package, &bundle.name)));
    for channel in other.channels {
        let same = |known: &&mut Channel| known.package == channel.package && known.name == channel.name;
        match into.channels.iter_mut().find(same) {
            None => into.channels.push(channel),
            Some(known) => {
                for entry in channel.entries {
                    if known.entries.iter().all(|known| known.name != entry.name) {
                        known.entries.push(entry);
                    }
                }
            }
        }
    }
    into
}

/// The digests of the catalogs that earlier runs made of the catalog with this digest.
pub fn made_of(working_dir: &WorkingDir, catalog: &ImageRef, digest: &Digest) -> Vec<Digest> {
    SavedSelection::of_catalog(working_dir, catalog.base_name(), digest)
        .iter()
        .filter_map(SavedSelection::digest)
        .collect()
}

/// Which images below a destination are needed by what was mirrored and is not among `listed`, the references to be
/// deleted: image to what needs it. A bundle outside the list needs its images; a catalog outside the list needs its bundles
/// with their images, unless it is one of `entries`, of which something is to go. Selections that cannot be read are told
/// as warnings.
pub async fn needed_by_others<S: BuildHasher>(
    working_dir: &WorkingDir,
    store: &Store,
    destination: &Destination,
    entries: &[OperatorCatalog],
    listed: &HashSet<String, S>,
    warn: &dyn Fn(String),
) -> BTreeMap<String, BTreeSet<String>> {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // The catalogs of the destination that hold a selection and stay, with the digest that each of them has.
    let stay = |names: &[CacheName], made: Option<&Digest>, digest: Option<&Digest>| -> Vec<String> {
        let others =
            names.iter().filter(|name| entries.iter().all(|entry| operators::published(entry, made) != **name));
        let others = others.filter_map(|name| destination.image(name).ok().map(|image| image.with_scheme()));
        let others = others.filter(|name| !listed.contains(name));
        // A tag that has moved on says nothing about this selection.
        others.map(|name| digest.map_or_else(|| name.clone(), |digest| format!("{name}@{digest}"))).collect()
    };
    let mut catalogs: Vec<(Result<Catalog, String>, Vec<String>)> = Vec::new();
    for kept in SavedSelection::all(working_dir) {
        let catalog = match kept.files() {
            Ok(files) => read(files).await.map_err(|error| error.messages().join("; ")),
            Err(error) => Err(chain(&error)),
        };
        let digest = kept.digest();
        catalogs.push((catalog, stay(&kept.names(), digest.as_ref(), digest.as_ref())));
    }
    for whole in Whole::all(working_dir) {
        let catalog = whole.catalog(store).await.map_err(|faults| joined(&faults));
        // An index of some of its platforms has a digest of its own.
        let digest = whole.platforms.is_empty().then_some(&whole.digest);
        catalogs.push((catalog, stay(&whole.names, None, digest)));
    }
    for (catalog, holders) in catalogs {
        // Only names matter here, so any catalog stands for the one it was selected from.
        let entry = OperatorCatalog::new("catalog.invalid/any:any".parse().expect("the name is well formed"));
        let planned = catalog.and_then(|catalog| {
            operators::images(0, &entry, &catalog, Some(destination), operators::Unnamed::LeftOut)
                .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        });
        let images = match planned {
            Ok(planned) => planned.images,
            Err(reason) => {
                warn(format!(
                    "what an earlier run mirrored of a catalog cannot be read, its images are not protected: {reason}"
                ));
                continue;
            }
        };
        let names: HashMap<&ImageId, String> =
            images.iter().filter_map(|image| Some((&image.id, image.destination.as_ref()?.with_scheme()))).collect();
        for bundle in images.iter().filter(|image| image.kind == ImageKind::OperatorBundle) {
            let Some(bundle_name) = names.get(&bundle.id) else { continue };
            let needs = bundle.needs.iter().filter_map(|need| names.get(need));
            if listed.contains(bundle_name) {
                for image in needs.chain([bundle_name]) {
                    needed.entry(image.clone()).or_default().extend(holders.iter().cloned());
                }
            } else {
                needs.for_each(|image| {
                    needed.entry(image.clone()).or_default().insert(bundle_name.clone());
                });
            }
        }
    }
    needed
}
