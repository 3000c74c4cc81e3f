//! The tags of source repositories, listed once a run.
//!
//! Signatures, attestations and SBOMs of cosign lie under tags that are made of the image's digest. Asking for each of them
//! costs three requests a manifest, and nearly all answers are 404. One list of the repository's tags answers for all its
//! images. Some repositories have far more tags than a run has images, so a list may take as many pages as images come from
//! the repository; behind that, each image is asked about by itself.
//!
//! A list is believed only when it looks whole: a list without the tag by which the image itself was found is none.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use mirror_plan::PlannedImage;
use oci_transport::{Client, Endpoint};
use tokio::sync::OnceCell;

/// The tags of one repository; `None` when it is cheaper, or only possible, to ask for each tag.
type Listed = Option<HashSet<String>>;

/// The lists of a run.
#[derive(Default)]
pub(super) struct TagLists {
    /// How many images come from a repository, by its name before registries.conf.
    images: HashMap<String, usize>,
    /// By the repository that serves the images.
    lists: Mutex<HashMap<String, Arc<OnceCell<Listed>>>>,
}

impl TagLists {
    /// No list yet, for a run with these images.
    pub(super) fn of(images: &[PlannedImage]) -> Self {
        let mut count: HashMap<String, usize> = HashMap::new();
        for image in images {
            if let Ok(repository) = image.source.normalized().repository() {
                *count.entry(repository.to_string()).or_default() += 1;
            }
        }
        Self { images: count, lists: Mutex::default() }
    }

    /// Whether the repository has `tag`, as far as its list tells; `None` when only the registry can tell. `named` is the
    /// tag by which the image was found there.
    pub(super) async fn has(&self, client: &Client, at: &Endpoint, named: Option<&str>, tag: &str) -> Option<bool> {
        let list = {
            let mut lists = self.lists.lock().expect("no holder panics");
            Arc::clone(lists.entry(at.to_string()).or_default())
        };
        let listed = list.get_or_init(|| self.list(client, at)).await.as_ref()?;
        if named.is_some_and(|named| !listed.contains(named)) {
            return None;
        }
        Some(listed.contains(tag))
    }

    /// Whether a list costs no more than one question does: other images of the run come from there.
    pub(super) fn pays_for_one_question(&self, at: &Endpoint) -> bool {
        self.images_from(at) > 1
    }

    fn images_from(&self, at: &Endpoint) -> usize {
        self.images.get(&at.logical().to_string()).copied().unwrap_or(0)
    }

    async fn list(&self, client: &Client, at: &Endpoint) -> Listed {
        match client.list_tags_within(at, self.images_from(at).max(1)).await {
            Ok(tags) => tags.map(|tags| tags.into_iter().collect()),
            // The image was found there, so the repository has digests only.
            Err(error) if error.has_code("NAME_UNKNOWN") => Some(HashSet::new()),
            Err(error) => {
                tracing::debug!(%error, "the tags cannot be listed; each is asked for by itself");
                None
            }
        }
    }
}
