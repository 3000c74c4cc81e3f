//! Images of a destination that oc-mirror up to 4.17 filled: they lie under other names than today's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use image_ref::{Digest, ImageRef};
use mirror_job::failure::CopyError;
use mirror_plan::{CacheName, ImageKind, older};

use super::execute::{Execute, Existing, ManifestAt, failure_of};
use super::{ItemOutcome, ItemReport};

/// Where older versions put the payloads of releases, below the destination.
const PAYLOADS: &str = "openshift-release-dev/ocp-release";

impl Execute {
    /// The image of an item under its older name, when the digest that is meant is there. Today's name comes first, so this
    /// is asked only when nothing was found under that name; a registry that refuses the question has no such image.
    pub(super) async fn find_older(&self, at: usize, meant: &[Digest]) -> Option<(Existing, ImageRef)> {
        if meant.is_empty() {
            return None;
        }
        let image = self.destination.image(&self.older_name(at)?).ok()?;
        if self.client.options().registries.blocked(image.name()).is_some() {
            return None;
        }
        let found = self.find(&image, meant).await.ok()?;
        (!found.manifests.is_empty()).then_some((found, image))
    }

    /// The name that an older version gave to the image of an item.
    pub(super) fn older_name(&self, at: usize) -> Option<CacheName> {
        let item = self.list.items.get(at)?;
        let image = ImageRef::parse(&item.image_reference).ok()?;
        let path = match self.destination.namespace() {
            "" => image.path(),
            namespace => image.path().strip_prefix(namespace)?.strip_prefix('/')?,
        };
        let today = CacheName { repository: path.to_owned(), tag: image.tag()?.to_owned() };
        older::name(&ImageRef::parse_name(&item.image_name).ok()?, &today)
    }

    /// Adds the releases outside the list that may use components of it. Older versions tagged a component by its digest,
    /// once for all releases that have it, so nobody can tell from the tags which releases need it: while any other release
    /// is there under an older name, the components stay.
    pub(super) async fn needing_older(
        &self,
        older: &BTreeMap<usize, ImageRef>,
        places: &BTreeMap<ManifestAt, Vec<usize>>,
        listed: &HashSet<(String, String)>,
        users: &mut HashMap<ManifestAt, BTreeSet<String>>,
        items: &mut [ItemReport],
    ) {
        let is = |at: &usize, kind: ImageKind| {
            older.contains_key(at) && self.list.items.get(*at).is_some_and(|item| item.kind == kind.as_str())
        };
        let is_component = |at: &usize| is(at, ImageKind::ReleaseComponent);
        if !older.keys().any(is_component) {
            return;
        }
        let usual = CacheName { repository: PAYLOADS.to_owned(), tag: "any".to_owned() };
        let of_list = older.iter().filter(|(at, _)| is(at, ImageKind::ReleasePayload)).map(|(_, image)| image.clone());
        let payloads = self.destination.image(&usual).into_iter().chain(of_list);
        let repositories: BTreeSet<_> = payloads.filter_map(|image| image.repository().ok()).collect();
        let mut others = BTreeSet::new();
        for repository in repositories {
            let name = repository.to_string();
            match self.client.list_tags(&self.client.endpoint(&repository)).await {
                Ok(tags) => others.extend(
                    tags.into_iter()
                        .filter(|tag| !listed.contains(&(name.clone(), tag.clone())))
                        .map(|tag| format!("{name}:{tag}")),
                ),
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    let failed = failure_of(&error);
                    let message = format!("kept, because it is not known which releases use it: {failed}");
                    for at in older.keys().filter(|at| is_component(at)) {
                        if let Some(item) = items.get_mut(*at) {
                            item.fail(CopyError { message: message.clone(), ..failed.clone() });
                        }
                    }
                }
            }
        }
        if others.is_empty() {
            return;
        }
        for (place, of_place) in places {
            if of_place.iter().any(is_component) {
                users.entry(place.clone()).or_default().extend(others.iter().cloned());
            }
        }
    }

    /// The names of an item in a cache of an older version, as far as they may go with it: a component that other releases
    /// may have as well goes when it was deleted at the destination under that name.
    pub(super) fn older_cached(
        &self,
        at: usize,
        item: &ItemReport,
        older: &BTreeMap<usize, ImageRef>,
    ) -> Option<CacheName> {
        let is_shared = item.kind == ImageKind::ReleaseComponent.as_str();
        let is_gone = older.contains_key(&at) && item.outcome == ItemOutcome::Deleted;
        if is_shared && !is_gone { None } else { self.older_name(at) }
    }
}
