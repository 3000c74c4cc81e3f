//! What earlier archives of a sequence brought: where its blobs lie at the destination.
//!
//! An archive leaves out what earlier ones hold, and layers are not kept in the cache. So a layer that a new image shares
//! with an older one is in neither; it is at the destination, in the repository of the older image. The cache knows
//! which that is, because it has the manifests of every archive that was loaded. What no one has is told with the archive
//! that brought it, which the histories know: those of earlier archives travel with each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use archive_format::{Archive, History, Store};
use image_ref::Digest;
use jiff::Timestamp;
use mirror_plan::{CacheName, Destination, PlannedImage, older};
use rooted_folder::RootedFolder;
use tokio::sync::OnceCell;

use mirror_content::source::{Cached, LocalContent as _};
use mirror_job::failure::{Condition, CopyError, store as store_error};
use mirror_job::guard::blocking;
use mirror_job::workdir::WORKING_DIR;

/// How many images a message names.
const NAMED: usize = 10;

/// Repositories at the destination, by the blobs that manifests in the cache say they have.
pub struct Earlier {
    store: Store,
    destination: Destination,
    /// Read when it is first needed: a run whose archive has everything never does.
    repositories: OnceCell<HashMap<Digest, BTreeSet<String>>>,
    /// The folder of the histories of archives that were made here.
    working_dir: RootedFolder,
    /// The archive, which carries the histories of those before it.
    archive: Arc<Archive>,
    /// When the archive was made that brought a blob.
    origins: OnceCell<HashMap<Digest, Timestamp>>,
    exist: OnceLock<bool>,
    /// Origin and error of the images that lack something, by their place in the plan.
    lacking: Mutex<BTreeMap<usize, (String, String)>>,
}

impl Earlier {
    /// What the cache knows of images at this destination, and the histories of a working directory of archives.
    pub fn new(store: Store, destination: Destination, working_dir: &RootedFolder, archive: Arc<Archive>) -> Self {
        Self {
            store,
            destination,
            repositories: OnceCell::new(),
            working_dir: working_dir.clone(),
            archive,
            origins: OnceCell::new(),
            exist: OnceLock::new(),
            lacking: Mutex::default(),
        }
    }

    /// Whether archives came before this one: only then one of them can be missing.
    pub(crate) fn exist(&self) -> bool {
        *self.exist.get_or_init(|| {
            let prefix = format!("{WORKING_DIR}/.history/");
            self.archive.entries().iter().any(|entry| entry.name.starts_with(&prefix))
        })
    }

    /// Notes that the image with this place in the plan lacks what an earlier archive has brought.
    pub(crate) fn note(&self, at: usize, origin: &str, error: &CopyError) {
        let mut lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        lacking.insert(at, (origin.to_owned(), error.message.clone()));
    }

    /// One error for all images that lack what earlier archives have brought.
    ///
    /// # Errors
    /// That error, when there are such images.
    pub(crate) fn refuse(&self) -> Result<(), CopyError> {
        let lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, (_, first))) = lacking.first_key_value() else { return Ok(()) };
        let mut message = first.clone();
        let others: Vec<&str> = lacking.values().skip(1).map(|(origin, _)| origin.as_str()).collect();
        if !others.is_empty() {
            let named = others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = others.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = write!(message, "\nOther images lack content of earlier archives too: {named}{more}.");
        }
        message.push_str("\nNo image was copied.");
        Err(CopyError::permanent(Condition::EarlierArchiveMissing, message))
    }

    /// Paths of the repositories that may have the blob.
    pub(crate) async fn repositories(&self, blob: &Digest) -> Result<Vec<String>, CopyError> {
        let read = || async {
            let (store, destination) = (self.store.clone(), self.destination.clone());
            blocking(move || read(&store, &destination)).await
        };
        let known = self.repositories.get_or_try_init(read).await?;
        Ok(known.get(blob).into_iter().flatten().cloned().collect())
    }

    /// Where an older version, which named images otherwise, has put an image; none when it used today's repository.
    pub(crate) fn older_repository(&self, image: &PlannedImage) -> Option<String> {
        let there = self.destination.image(&older::name_of(image)?).ok()?;
        let is_another = image.destination.as_ref().is_none_or(|today| today.path() != there.path());
        is_another.then(|| there.path().to_owned())
    }

    /// The error for what is nowhere: which archive brought it, and what to do.
    pub(crate) async fn missing(&self, what: &str, digest: &Digest, images: &str) -> CopyError {
        let read = || async {
            let (working_dir, archive) = (self.working_dir.clone(), Arc::clone(&self.archive));
            blocking(move || {
                // A history that cannot be read makes the message no worse than one that is not there.
                let mut origins = History::origins(&working_dir).unwrap_or_default();
                for (digest, time) in History::origins_in(&archive).unwrap_or_default() {
                    let known = origins.entry(digest).or_insert(time);
                    *known = time.min(*known);
                }
                origins
            })
            .await
        };
        let (which, since) = match self.origins.get_or_init(read).await.get(digest) {
            Some(time) => (format!(", that of {time}"), time.strftime("%Y-%m-%d").to_string()),
            None => (String::new(), "<a date before it>".to_owned()),
        };
        CopyError::permanent(
            Condition::EarlierArchiveMissing,
            format!(
                "{what} {digest} is not at the destination, not in the archive and not in the cache; it is needed by \
                 {images}. An earlier archive of this sequence is missing{which}: load it first, or make a new archive with \
                 `--since {since}`"
            ),
        )
    }
}

fn read(store: &Store, destination: &Destination) -> Result<HashMap<Digest, BTreeSet<String>>, CopyError> {
    let content = Cached(store.clone());
    let mut known: HashMap<Digest, BTreeSet<String>> = HashMap::new();
    for repository in store.repositories().map_err(|e| store_error(&e))? {
        let name = CacheName { repository: repository.clone(), tag: "any".to_owned() };
        // A repository that cannot be at this destination is none of ours.
        let Ok(there) = destination.image(&name) else { continue };
        for digest in store.revisions(&repository).map_err(|e| store_error(&e))? {
            // Links outlive what they name when the cache is cleaned by hand.
            let Some(Ok(view)) = content.read_manifest(&digest)?.map(|manifest| manifest.view()) else { continue };
            for blob in view.named_blobs() {
                known.entry(blob.digest).or_default().insert(there.path().to_owned());
            }
        }
    }
    Ok(known)
}
