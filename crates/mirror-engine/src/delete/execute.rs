//! The second step: deleting what a list names.

// Items are numbered by their places in the delete list, which nobody changes: what a registry answers gives no number.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archive_format::{Holder, Store};
use futures_util::StreamExt as _;
use futures_util::stream;
use image_ref::{Digest, ImageRef, Repository, is_valid_tag};
use mirror_plan::delete::{DeleteItem, DeleteList};
use mirror_plan::{Destination, attachment};
use oci_manifest::Descriptor;
use oci_transport::{Client, Reference, RetryTally};
use registries_conf::RegistriesD;
use rooted_folder::RootedFolder;

use super::left_behind::signature_folders;
use super::told;
use super::{DeleteReport, ItemOutcome, ItemReport};
use crate::visible;
use crate::warnings::Warnings;
use mirror_job::event::{Event, Observer};
use mirror_job::failure::{Condition, CopyError, chain};
use mirror_job::guard::{blocking, guarded};
use mirror_job::workdir::{WorkingDir, write_whole};

/// What the second step needs.
#[derive(Debug, Clone)]
pub struct Execute {
    /// What to delete.
    pub list: DeleteList,
    /// Where; nothing outside is touched.
    pub destination: Destination,
    /// Client for the destination.
    pub client: Client,
    /// Root of the cache, when images are deleted from there too.
    pub cache: Option<PathBuf>,
    /// Where simple-signing signatures of the destination lie. They are named, not deleted.
    pub registries_d: Arc<RegistriesD>,
    /// Images at a time.
    pub parallel_images: usize,
    /// Bound of one deletion, attempts included; zero for none.
    pub image_timeout: Duration,
    /// The working directory, if there is one: files in it are named from there.
    pub working_dir: Option<WorkingDir>,
    /// Where the file of errors and the result document go.
    pub logs: RootedFolder,
    /// The moment of the run in file names, `YYYYMMDD_hhmmss`.
    pub log_stamp: String,
    /// What was warned about before: the document tells that too.
    pub warnings: Vec<String>,
}

/// One manifest of one repository.
pub(super) type ManifestAt = (Repository, Digest);

/// What is there of an item.
#[derive(Debug, Default)]
pub(super) struct Existing {
    pub(super) manifests: Vec<ManifestAt>,
    /// What the tag names, when that is not meant.
    other: Option<Digest>,
}

/// What is there of all items.
#[derive(Debug, Default)]
struct LookedUp {
    /// The manifests, with the items that mean them.
    places: BTreeMap<ManifestAt, Vec<usize>>,
    /// The items whose tag names another image.
    elsewhere: HashSet<usize>,
    /// The items that are there under the name that an older version gave them.
    older: BTreeMap<usize, ImageRef>,
}

/// Deletes what the list names. A failure of one image does not keep the others from being deleted.
///
/// A manifest that a tag outside the list names, directly or as an instance of an index, is kept: registries delete
/// manifests, and with them every tag they have.
pub async fn execute(request: &Execute, observer: &Arc<dyn Observer>) -> DeleteReport {
    let heard = Warnings::new(observer, &request.warnings, &[&request.client]);
    let observer: Arc<dyn Observer> = Arc::clone(&heard) as Arc<dyn Observer>;
    let mut report = guarded(Box::pin(run(request, &observer))).await.unwrap_or_else(|panicked| DeleteReport {
        format: 1,
        exit_code: 1,
        error: Some(panicked.to_string()),
        ..DeleteReport::default()
    });
    report.conclude(&heard, &request.logs, &request.log_stamp);
    report
}

async fn run(request: &Execute, observer: &Arc<dyn Observer>) -> DeleteReport {
    let mut report = DeleteReport {
        format: 1,
        items: request.list.items.iter().map(ItemReport::listed).collect(),
        ..DeleteReport::default()
    };
    if report.items.is_empty() {
        report.exit_code = 1;
        report.error = Some("the list names no images to delete".to_owned());
        return report;
    }
    observer.event(Event::DeleteStarted { images: report.items.len() });
    let mut targets = request.targets(&mut report.items);
    let LookedUp { places, elsewhere, older } = request.look_up(&targets, &mut report.items).await;
    targets.extend(older.clone());
    let mut listed: HashSet<(String, String)> = targets
        .iter()
        .filter(|(at, _)| !elsewhere.contains(at))
        .filter_map(|(_, image)| Some((image.name().to_owned(), image.tag()?.to_owned())))
        .collect();
    // An image may lie under its digest, where another one of its repository had its tag when it was mirrored. Versions up
    // to 4.17 tagged it by the bare digits.
    for (at, image) in &targets {
        let by_digest = report.items[*at].meant.iter().flat_map(|digest| [digest.as_tag(), digest.hex().to_owned()]);
        listed.extend(by_digest.map(|tag| (image.name().to_owned(), tag)));
    }
    let mut users = request.users(&places, &listed, &mut report.items).await;
    request.needing(&places, &mut users, &mut report.items).await;
    request.needing_older(&older, &places, &listed, &mut users, &mut report.items).await;
    protect_signatures(&targets, &places, &mut users);
    request.delete(&targets, &places, &users, &mut report.items, observer).await;
    let told = [told::kept(&report.items), told::already_gone(&report.items)];
    told.into_iter().flatten().for_each(|event| observer.event(event));
    report.left_behind = signature_folders(&request.registries_d, &report.items);
    let failed = report.items.iter().filter(|item| item.outcome == ItemOutcome::Failed).count();
    if failed > 0 {
        report.exit_code = 1;
        report.error = Some(request.write_errors(&mut report));
        return report;
    }
    if let Some(cache) = &request.cache {
        match request.clean_cache(cache.clone(), &report.items, &older).await {
            Ok(bytes) => report.cache_bytes_freed = Some(bytes),
            Err(error) => {
                let reason = chain(&error);
                report.exit_code = 1;
                report.error = Some(format!("the images are deleted; cleaning the cache failed: {reason}"));
            }
        }
    }
    report
}

impl Execute {
    /// The images that may be deleted here, by index of their item; the others fail.
    fn targets(&self, items: &mut [ItemReport]) -> BTreeMap<usize, ImageRef> {
        let destination = self.destination.to_string();
        let mut targets = BTreeMap::new();
        for (at, item) in self.list.items.iter().enumerate() {
            match item.target(&destination) {
                // A registry that must not be written to must not lose anything either (`docs/behaviour/release.md` 7.2).
                Ok(image) => match self.client.options().registries.blocked(image.name()) {
                    Some(blocked) => items[at].fail(CopyError::permanent(Condition::BLOCKED, blocked.to_string())),
                    None => {
                        targets.insert(at, image);
                    }
                },
                Err(error) => items[at].fail(CopyError::permanent(Condition::Elsewhere, error.to_string())),
            }
        }
        targets
    }

    fn at_once(&self) -> usize {
        self.parallel_images.max(1) * 4
    }

    /// Asks the registry which manifests the images are.
    async fn look_up(&self, targets: &BTreeMap<usize, ImageRef>, items: &mut [ItemReport]) -> LookedUp {
        let asked = targets.iter().map(|(at, image)| async move {
            let (retries, meant) = (RetryTally::default(), self.list.items[*at].manifests(image));
            let asking = async {
                let found = self.find(image, &meant).await?;
                if found.manifests.is_empty()
                    && let Some((found, name)) = self.find_older(*at, &meant).await
                {
                    return Ok((found, Some(name)));
                }
                Ok((found, None))
            };
            (*at, image, retries.during(asking).await, retries.retries())
        });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(self.at_once()).collect().await;
        let LookedUp { mut places, mut elsewhere, mut older } = LookedUp::default();
        for (at, image, answer, retries) in answers {
            items[at].retries += retries;
            let (found, other) = match answer {
                Ok((found, name)) => {
                    older.extend(name.map(|name| (at, name)));
                    (found.manifests, found.other)
                }
                Err(error) => {
                    items[at].fail(error);
                    continue;
                }
            };
            if other.is_some() {
                elsewhere.insert(at);
            }
            items[at].digest = found.first().map(|(_, digest)| digest.clone());
            match other {
                _ if !found.is_empty() => {}
                // What the list asks for is done.
                None => items[at].outcome = ItemOutcome::Absent,
                Some(other) => items[at].fail(CopyError::permanent(Condition::NOT_FOUND, format!(
                        "unable to delete `{image}`: the image of the list is not there. The tag names another one, {other}, \
                         which is kept"
                    ))),
            }
            for place in found {
                places.entry(place).or_default().push(at);
            }
        }
        for of_place in places.values_mut() {
            of_place.sort_unstable();
        }
        LookedUp { places, elsewhere, older }
    }

    /// The manifests of an image that are there: of those that are `meant`, or, when none is told, the one that its
    /// reference names.
    pub(super) async fn find(&self, image: &ImageRef, meant: &[Digest]) -> Result<Existing, CopyError> {
        let (repository, named) = self.head(image).await?;
        let named = named.map(|named| named.digest);
        let mut found = Existing::default();
        if meant.is_empty() || image.digest().is_some() {
            found.manifests.extend(named.map(|digest| (repository, digest)));
            return Ok(found);
        }
        let endpoint = self.client.endpoint(&repository);
        if let Some(named) = &named
            && !meant.contains(named)
            && meant.iter().any(|digest| digest.algorithm() != named.algorithm())
        {
            // Registries name manifests by SHA-256, whatever digest the image is pinned to.
            let manifest = self.client.pull_manifest_at(&endpoint, &Reference::Digest(named.clone())).await;
            let manifest = manifest.map_err(|error| failure_of(&error))?;
            if meant.iter().any(|digest| manifest.has_digest(digest)) {
                found.manifests.push((repository, named.clone()));
                return Ok(found);
            }
        }
        for digest in meant {
            let is_there = named.as_ref() == Some(digest) || {
                let there = self.client.head_manifest_at(&endpoint, &Reference::Digest(digest.clone())).await;
                there.map_err(|error| failure_of(&error))?.is_some()
            };
            if is_there {
                found.manifests.push((repository.clone(), digest.clone()));
            }
        }
        found.other = named.filter(|named| !meant.contains(named));
        Ok(found)
    }

    async fn head(&self, image: &ImageRef) -> Result<(Repository, Option<Descriptor>), CopyError> {
        let repository =
            image.repository().map_err(|error| CopyError::permanent(Condition::Reference, error.to_string()))?;
        let reference = match (image.digest(), image.tag()) {
            (Some(digest), _) => Reference::Digest(digest.clone()),
            (None, tag) => Reference::Tag(tag.unwrap_or("latest").to_owned()),
        };
        let endpoint = self.client.endpoint(&repository);
        let found = self.client.head_manifest_at(&endpoint, &reference).await.map_err(|error| failure_of(&error))?;
        Ok((repository, found))
    }

    /// Which of the manifests are used by tags outside the list. Items of a repository whose tags cannot be learned
    /// fail: deleting blindly might break what is to stay.
    async fn users(
        &self,
        places: &BTreeMap<ManifestAt, Vec<usize>>,
        listed: &HashSet<(String, String)>,
        items: &mut [ItemReport],
    ) -> HashMap<ManifestAt, BTreeSet<String>> {
        let repositories: BTreeSet<&Repository> = places.keys().map(|(repository, _)| repository).collect();
        let mut users: HashMap<ManifestAt, BTreeSet<String>> = HashMap::new();
        for repository in repositories {
            match self.users_in(repository, listed).await {
                Ok(found) => {
                    for (digest, name) in found {
                        users.entry((repository.clone(), digest)).or_default().insert(name);
                    }
                }
                Err(error) => {
                    let of_repository = places.iter().filter(|((place, _), _)| place == repository);
                    for at in of_repository.flat_map(|(_, items)| items) {
                        let message = format!("kept, because it is not known what else uses it: {error}");
                        items[*at].fail(CopyError { message, ..error.clone() });
                    }
                }
            }
        }
        users
    }

    /// Manifests of one repository with the names of the tags outside the list that lead to them.
    async fn users_in(
        &self,
        repository: &Repository,
        listed: &HashSet<(String, String)>,
    ) -> Result<Vec<(Digest, String)>, CopyError> {
        let endpoint = self.client.endpoint(repository);
        let tags = self.client.list_tags(&endpoint).await.map_err(|error| failure_of(&error))?;
        let name = repository.to_string();
        let outside: Vec<String> =
            tags.into_iter().filter(|tag| !listed.contains(&(name.clone(), tag.clone()))).collect();
        let asked = outside.iter().map(|tag| {
            let (endpoint, name) = (&endpoint, &name);
            async move {
                let reference = Reference::Tag(tag.clone());
                let mut used = Vec::new();
                let Some(found) = self.client.head_manifest_at(endpoint, &reference).await? else {
                    return Ok(Vec::new());
                };
                if oci_transport::media_type::is_index(&found.media_type) {
                    let index = self.client.pull_manifest_at(endpoint, &reference).await?;
                    if let Ok(view) = index.view() {
                        used.extend(view.children().iter().map(|entry| entry.descriptor.digest.clone()));
                    }
                }
                used.push(found.digest);
                Ok(used.into_iter().map(|digest| (digest, format!("{name}:{tag}"))).collect::<Vec<_>>())
            }
        });
        let answers: Vec<Result<Vec<_>, oci_transport::Error>> =
            stream::iter(asked).buffered(self.at_once()).collect().await;
        let mut all = Vec::new();
        for answer in answers {
            all.extend(answer.map_err(|error| failure_of(&error))?);
        }
        Ok(all)
    }

    /// Adds the images that need the manifests of the list, by what the list says, and are still there.
    async fn needing(
        &self,
        places: &BTreeMap<ManifestAt, Vec<usize>>,
        users: &mut HashMap<ManifestAt, BTreeSet<String>>,
        items: &mut [ItemReport],
    ) {
        let destination = self.destination.to_string();
        let listed: HashSet<&str> = self.list.items.iter().map(|item| item.image_reference.as_str()).collect();
        let mut there: HashMap<&str, Result<bool, CopyError>> = HashMap::new();
        let named = self.list.items.iter().flat_map(|item| &item.needed_by).map(String::as_str);
        for name in named.filter(|name| !listed.contains(name)).collect::<BTreeSet<_>>() {
            let item = DeleteItem { image_reference: name.to_owned(), ..DeleteItem::default() };
            // Another place is none of our business.
            let Ok(image) = item.target(&destination) else { continue };
            // A catalog of which the list tells tag and digest needs something as long as the tag names that digest.
            let (named, wanted) = match (image.tag(), image.digest()) {
                (Some(tag), Some(digest)) => (image.with_tag(tag), Some(digest)),
                _ => (image.clone(), None),
            };
            let found = self.head(&named).await.map(|(_, found)| found);
            let is_it = |found: &Descriptor| wanted.is_none_or(|wanted| found.digest == *wanted);
            there.insert(name, found.map(|found| found.as_ref().is_some_and(is_it)));
        }
        for (place, of_place) in places {
            let mut needing = BTreeSet::new();
            for at in of_place {
                for name in &self.list.items[*at].needed_by {
                    match there.get(name.as_str()) {
                        Some(Ok(false)) | None => continue,
                        Some(Ok(true)) => {}
                        Some(Err(error)) => {
                            let message = format!("kept, because it is not known whether {name} is there: {error}");
                            items[*at].fail(CopyError { message, ..error.clone() });
                        }
                    }
                    // Also where it is not known: instances and signatures stay with the image.
                    needing.insert(name.strip_prefix("docker://").unwrap_or(name).to_owned());
                }
            }
            if needing.is_empty() {
                continue;
            }
            // What is kept is kept whole, instances included.
            let endpoint = self.client.endpoint(&place.0);
            let pulled = self.client.pull_manifest_at(&endpoint, &Reference::Digest(place.1.clone())).await;
            if let Ok(Ok(view)) = pulled.map(|manifest| manifest.view()) {
                for entry in view.children() {
                    let instance = (place.0.clone(), entry.descriptor.digest.clone());
                    users.entry(instance).or_default().extend(needing.iter().cloned());
                }
            }
            users.entry(place.clone()).or_default().extend(needing);
        }
    }

    async fn delete(
        &self,
        targets: &BTreeMap<usize, ImageRef>,
        places: &BTreeMap<ManifestAt, Vec<usize>>,
        users: &HashMap<ManifestAt, BTreeSet<String>>,
        items: &mut [ItemReport],
        observer: &Arc<dyn Observer>,
    ) {
        let mut free = Vec::new();
        for (place, of_place) in places {
            if of_place.iter().any(|at| items[*at].outcome == ItemOutcome::Failed) {
                continue;
            }
            let Some(users) = users.get(place) else {
                free.push((place, of_place));
                continue;
            };
            for at in of_place {
                let item = &mut items[*at];
                item.outcome = ItemOutcome::Kept;
                item.used_by.extend(users.iter().cloned());
            }
        }
        let asked = free.into_iter().map(|(place, of_place)| async move {
            let (answer, retries) = self.delete_with_tags(place, of_place, targets).await;
            (place, of_place, answer, retries)
        });
        let mut answers = stream::iter(asked).buffer_unordered(self.parallel_images.max(1));
        let mut refused = Vec::new();
        while let Some((place, of_place, answer, retries)) = answers.next().await {
            match answer {
                Err(failure) if failure.may_pass => refused.push((place, of_place, failure, retries)),
                answer => note(of_place, &answer, retries, items, observer.as_ref()),
            }
        }
        // Some registries keep a manifest as long as a list names it. Lists are gone now, and those inside of them next.
        loop {
            let before = refused.len();
            for (place, of_place, _, earlier) in std::mem::take(&mut refused) {
                let (answer, retries) = self.delete_with_tags(place, of_place, targets).await;
                match answer {
                    Err(failure) if failure.may_pass => refused.push((place, of_place, failure, earlier + retries)),
                    answer => note(of_place, &answer, earlier + retries, items, observer.as_ref()),
                }
            }
            if refused.is_empty() || refused.len() == before {
                break;
            }
        }
        for (_, of_place, failure, retries) in refused {
            note(of_place, &Err(failure), retries, items, observer.as_ref());
        }
    }

    /// Deletes a manifest and the tags by which the list names it. Gives the number of retries, too.
    async fn delete_with_tags(
        &self,
        place: &ManifestAt,
        of_place: &[usize],
        targets: &BTreeMap<usize, ImageRef>,
    ) -> (Result<(), Failure>, u32) {
        let retries = RetryTally::default();
        let mut tags: Vec<&str> = of_place.iter().filter_map(|at| targets.get(at)?.tag()).collect();
        let by_digest = place.1.as_tag();
        if of_place.iter().any(|at| !self.list.items[*at].digests.is_empty()) {
            tags.push(&by_digest);
        }
        let answer = retries.during(async {
            match self.delete_one(place).await {
                Err(failure) if failure.may_pass && self.untag(place, &tags).await => self.delete_one(place).await?,
                other => other?,
            }
            self.remove_tags(place, &tags).await.map_err(Failure::from)
        });
        let answer = answer.await;
        (answer, retries.retries())
    }

    /// Deletes the tags that lead to a manifest: some registries delete no manifest that has one. Nobody else uses the
    /// manifest, and the list names all of the tags. Says whether any tag is gone.
    async fn untag(&self, (repository, digest): &ManifestAt, tags: &[&str]) -> bool {
        let endpoint = self.client.endpoint(repository);
        let mut any = false;
        for tag in tags {
            let found = self.client.head_manifest_at(&endpoint, &Reference::Tag((*tag).to_owned())).await;
            if found.is_ok_and(|found| found.is_some_and(|found| found.digest == *digest)) {
                any |= self.client.delete_tag(&endpoint, tag).await.is_ok();
            }
        }
        any
    }

    async fn delete_one(&self, (repository, digest): &ManifestAt) -> Result<(), Failure> {
        let endpoint = self.client.endpoint(repository);
        let deleting = self.client.delete_manifest(&endpoint, digest);
        let outcome = if self.image_timeout.is_zero() {
            deleting.await
        } else {
            tokio::time::timeout(self.image_timeout, deleting).await.map_err(|_| {
                let message = format!("not deleted within {} s", self.image_timeout.as_secs());
                Failure::from(CopyError { message, condition: Condition::TIMEOUT, retry_can_help: true })
            })?
        };
        outcome.map_err(|error| {
            let failed = failure_of(&error);
            let disabled = error.status_code() == Some(405) || error.has_code("UNSUPPORTED");
            if disabled {
                let advice = format!(
                    "registry {} does not allow deleting: enable it there (for docker distribution and the mirror \
                     registry: `storage.delete.enabled: true` or REGISTRY_STORAGE_DELETE_ENABLED=true) and run again; where \
                     nobody can (Docker Hub, GHCR), delete the images with the registry's own tools",
                    repository.registry()
                );
                return CopyError::permanent(Condition::DeleteDisabled, format!("{advice}: {failed}")).into();
            }
            let may_pass = matches!(error.status_code(), Some(400 | 409 | 412 | 422));
            Failure { may_pass, ..Failure::from(failed) }
        })
    }

    /// Makes sure that the tags of a deleted manifest are gone. Some registries keep them (go-containerregistry's does), and
    /// then serve the image as before: those are asked to delete the tag as well.
    async fn remove_tags(&self, (repository, digest): &ManifestAt, tags: &[&str]) -> Result<(), CopyError> {
        let endpoint = self.client.endpoint(repository);
        for tag in tags {
            let reference = Reference::Tag((*tag).to_owned());
            let is_there = async || match self.client.head_manifest_at(&endpoint, &reference).await {
                Ok(found) => Ok(found.is_some_and(|found| found.digest == *digest)),
                // The tag could be read a moment ago: some registries say so of what they do not have (Artifactory).
                Err(error) if matches!(error.status_code(), Some(400 | 401 | 403)) => Ok(false),
                Err(error) => Err(failure_of(&error)),
            };
            if !is_there().await? {
                continue;
            }
            // Whether the registry takes this or refuses, the tag itself tells what came of it.
            drop(self.client.delete_tag(&endpoint, tag).await);
            if is_there().await? {
                let message = format!(
                    "registry {} has deleted manifest {digest} and still serves it as `{repository}:{tag}`; delete this tag \
                     with the registry's own tools",
                    repository.registry()
                );
                return Err(CopyError::permanent(Condition::TagKept, message));
            }
        }
        Ok(())
    }

    /// Writes the file of errors and says where it is.
    fn write_errors(&self, report: &mut DeleteReport) -> String {
        let mut text = String::new();
        for item in &report.items {
            if let Some(error) = &item.error {
                let message = self.client.options().redactor.clean(&error.message);
                text.push_str(&visible::message(&format_error(&item.reference, &message)));
            }
        }
        let path = self.logs.path().join(format!("mirroring_errors_{}.txt", self.log_stamp));
        let failed = report.items.iter().filter(|item| item.outcome == ItemOutcome::Failed).count();
        let place = match write_whole(&self.logs, &path, text.as_bytes()) {
            Ok(()) => {
                let place = format!("Please review {} for a list of the errors", path.display());
                let name = self.working_dir.as_ref().map(|working_dir| working_dir.name_of(&path));
                report.files.push(name.unwrap_or_else(|| path.display().to_string()));
                place
            }
            Err(error) => format!("the list of errors could not be written: {error}"),
        };
        format!(
            "[Worker] some errors occurred during the deletion: {failed} of {} images. {place}. The other images are \
             deleted; run the same command again to try the rest",
            report.items.len()
        )
    }

    /// Takes the deleted images out of the cache and collects its garbage. Says how many bytes that freed.
    async fn clean_cache(
        &self,
        root: PathBuf,
        items: &[ItemReport],
        older: &BTreeMap<usize, ImageRef>,
    ) -> Result<u64, archive_format::StoreError> {
        let prefix = match self.destination.namespace() {
            "" => String::new(),
            namespace => format!("{namespace}/"),
        };
        let mut names = Vec::new();
        let gone = [ItemOutcome::Deleted, ItemOutcome::Absent];
        for (at, item) in items.iter().enumerate().filter(|(_, item)| gone.contains(&item.outcome)) {
            if let Some(name) = self.older_cached(at, item, older).filter(|_| !item.meant.is_empty()) {
                names.push((name.repository, name.tag, item.meant.clone()));
            }
            let Ok(image) = ImageRef::parse(&item.reference) else { continue };
            if let (Some(repository), Some(tag)) = (image.path().strip_prefix(&prefix), image.tag()) {
                let by_digest = item.meant.iter().map(|digest| (digest.as_tag(), vec![digest.clone()]));
                let tags = std::iter::once((tag.to_owned(), item.meant.clone())).chain(by_digest);
                let tags = tags.filter(|(tag, _)| is_valid_tag(tag));
                names.extend(tags.map(|(tag, meant)| (repository.to_owned(), tag, meant)));
            }
        }
        let holder = Holder::this_process("delete", self.log_stamp.clone());
        blocking(move || {
            let store = Store::open_as(&root, &holder)?;
            for (repository, tag, meant) in names {
                // A tag that names another image stays; what no tag names goes with the garbage.
                if meant.is_empty() || store.resolve_tag(&repository, &tag)?.is_some_and(|named| meant.contains(&named))
                {
                    store.delete_tag(&repository, &tag)?;
                }
            }
            let freed = store.garbage_collect()?.bytes;
            // What was read out of catalogs is made again when it is missing.
            let _ = crate::list::forget(store.folder());
            let _ = mirror_collect::forget_catalogs(store.folder());
            Ok(freed)
        })
        .await
    }
}

/// What is attached to a manifest that is kept is kept with it.
fn protect_signatures(
    targets: &BTreeMap<usize, ImageRef>,
    places: &BTreeMap<ManifestAt, Vec<usize>>,
    users: &mut HashMap<ManifestAt, BTreeSet<String>>,
) {
    for (place, of_place) in places {
        for tag in of_place.iter().filter_map(|at| targets.get(at)?.tag()) {
            let of_signed = attachment::subject(tag).and_then(|digest| users.get(&(place.0.clone(), digest)).cloned());
            if let Some(of_signed) = of_signed {
                users.entry(place.clone()).or_default().extend(of_signed);
            }
        }
    }
}

/// Why a manifest is not deleted.
struct Failure {
    error: CopyError,
    /// Whether the registry may take the same request later: once no tag and no list leads to the manifest.
    may_pass: bool,
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        Self { error, may_pass: false }
    }
}

/// Notes in the items of a manifest what came of it.
fn note(
    of_place: &[usize],
    answer: &Result<(), Failure>,
    retries: u32,
    items: &mut [ItemReport],
    observer: &dyn Observer,
) {
    if let Some(first) = of_place.first() {
        items[*first].retries += retries;
    }
    for at in of_place {
        let item = &mut items[*at];
        match answer {
            // Of several manifests of one image, the one that could not be deleted counts.
            Ok(()) if matches!(item.outcome, ItemOutcome::Failed | ItemOutcome::Kept) => {}
            Ok(()) => {
                item.outcome = ItemOutcome::Deleted;
                observer.event(Event::Info(format!("Success deleting {} {}", item.kind, item.reference)));
            }
            Err(failure) => {
                item.fail(failure.error.clone());
            }
        }
    }
}

fn format_error(reference: &str, message: &str) -> String {
    format!("error mirroring image {reference} error: {message}\n")
}

/// A transport error as the failure of an item.
pub(super) fn failure_of(error: &oci_transport::Error) -> CopyError {
    let condition = Condition::Transport(error.condition());
    CopyError { message: chain(error), condition, retry_can_help: error.is_retryable() }
}
