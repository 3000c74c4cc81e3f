//! What was mirrored of a catalog, as the working directory knows it: for deleting, where no registry is asked and the
//! layers of the catalog may be gone.
//!
//! Every selection that a run made stays in `operator-catalogs/`. Together they say what of a catalog is at the
//! destination, also of catalogs whose tag has moved since.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;

use fbc_catalog::{Catalog, Channel};
use image_ref::{Digest, ImageRef};
use isc_schema::OperatorCatalog;
use mirror_plan::{Destination, ImageId, operators};

use super::kept::Kept;
use super::{Messages, Operators, Ready, Run, read};
use mirror_job::event::Event;
use mirror_job::failure::{chain, store as store_error};
use mirror_job::guard::blocking;
use mirror_job::workdir::WorkingDir;

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
    ) -> Result<Operators, Messages> {
        let whole = entry.packages().is_empty();
        let found = if whole { Err(Vec::new()) } else { self.catalog(index, entry).await };
        let messages = match found {
            Ok(found) => return Ok(found),
            Err(messages) => messages,
        };
        let digest = match self.known_digest(entry) {
            Ok(digest) => digest,
            Err(error) => return Err(if whole { vec![error.message] } else { messages }),
        };
        let Some(mirrored) = self.mirrored(entry).await? else {
            return if whole { self.catalog(index, entry).await } else { Err(messages) };
        };
        if whole {
            let (id, kept) = self.kept(entry, &digest);
            let rebuilt = kept.digest().map(|digest| (operators::rebuilt(entry, &id), digest));
            return self.plan(index, entry, &digest, Ready { catalog: mirrored, rebuilt });
        }
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
            Err(_) => Err(messages),
        }
    }

    /// What earlier runs selected from any version of an entry's catalog, in one catalog; none when nobody kept anything.
    async fn mirrored(&self, entry: &OperatorCatalog) -> Result<Option<Catalog>, Messages> {
        let repository = operators::original(entry).repository;
        let versions = self.at.store.revisions(&repository).map_err(|error| vec![store_error(&error).message])?;
        let mut all: Option<Catalog> = None;
        for version in versions {
            for kept in Kept::of_catalog(self.at.working_dir, entry.catalog.base_name(), &version) {
                let files = kept.files().map_err(|error| vec![format!("the selection cannot be read: {error}")])?;
                let catalog = read(files).await?;
                all = Some(match all {
                    None => catalog,
                    Some(before) => union(before, catalog),
                });
            }
        }
        Ok(all)
    }
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
    Kept::of_catalog(working_dir, catalog.base_name(), digest).iter().filter_map(Kept::digest).collect()
}

/// Which images below a destination are needed by bundles that were mirrored and are not among `listed`, the references
/// to be deleted: image to bundles. Selections that cannot be read are told as warnings.
pub async fn needed_by_others<S: BuildHasher>(
    working_dir: &WorkingDir,
    destination: &Destination,
    listed: &HashSet<String, S>,
    warn: &dyn Fn(String),
) -> BTreeMap<String, BTreeSet<String>> {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kept in Kept::all(working_dir) {
        let catalog = match kept.files() {
            Ok(files) => read(files).await.map_err(|messages| messages.join("; ")),
            Err(error) => Err(chain(&error)),
        };
        // Only names matter here, so any catalog stands for the one it was selected from.
        let entry = OperatorCatalog::new("catalog.invalid/any:any".parse().expect("the name is well formed"));
        let planned = catalog.and_then(|catalog| {
            operators::images(0, &entry, &catalog, Some(destination), operators::Unnamed::LeftOut)
                .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        });
        let images = match planned {
            Ok(planned) => planned.images,
            Err(reason) => {
                warn(format!("a selection of an earlier run cannot be read, its images are not protected: {reason}"));
                continue;
            }
        };
        let names: HashMap<&ImageId, String> =
            images.iter().filter_map(|image| Some((&image.id, image.destination.as_ref()?.with_scheme()))).collect();
        for bundle in &images {
            let Some(bundle_name) = names.get(&bundle.id).filter(|name| !listed.contains(*name)) else { continue };
            for image in bundle.needs.iter().filter_map(|need| names.get(need).cloned()) {
                needed.entry(image).or_default().insert(bundle_name.clone());
            }
        }
    }
    needed
}
