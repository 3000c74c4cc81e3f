//! Artifacts that a destination does not take.
//!
//! Some registries refuse referrers, attestations or the media types of artifacts. An image without its SBOM is of use, so
//! the image goes on without the artifact, with one warning a repository. A note beside the cache keeps later runs from
//! asking again. The note holds the version of this program: another version may send the artifact in another way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use archive_format::Store;
use image_ref::Digest;
use oci_transport::{Endpoint, Error};
use rooted_folder::RootedFolder;

use super::notes;
use mirror_job::event::{Event, Observer};

/// The folder of the notes, in the root of the cache.
const FOLDER: &str = "refused";

/// What destinations have refused, in this run and in earlier ones.
pub struct Refused {
    folder: RootedFolder,
    version: String,
    /// Repositories that a warning was given about.
    warned: Mutex<HashSet<String>>,
    observer: Arc<dyn Observer>,
}

impl Refused {
    /// The notes beside a cache, for this version of the program.
    pub fn new(store: &Store, version: String, observer: &Arc<dyn Observer>) -> Self {
        let (folder, warned) = (store.folder().below(FOLDER), Mutex::default());
        Self { folder, version, warned, observer: Arc::clone(observer) }
    }

    /// Whether this version has heard that the repository does not take the artifact.
    pub(super) fn contains(&self, at: &Endpoint, artifact: &Digest) -> bool {
        self.folder.read_to_string(file_name(at, artifact)).is_ok_and(|version| version == self.version)
    }

    /// Notes that the repository does not take an artifact, and warns.
    pub(super) fn add(&self, at: &Endpoint, artifact: &Digest, error: &Error) {
        let reason = mirror_job::failure::chain(error);
        if self.is_first(at) {
            self.warn(format!(
                "`{at}` does not take artifact {artifact}, so the image is mirrored without it, and later runs do not try \
                 again: {reason}"
            ));
        } else {
            self.observer.event(Event::Debug(format!("`{at}` does not take artifact {artifact} either: {reason}")));
        }
        if let Err(error) = self.folder.write_whole(file_name(at, artifact), self.version.as_bytes()) {
            // The next run then asks again.
            let text = format!("cannot write a note into `{}`: {error}", self.folder.path().display());
            self.observer.event(Event::Debug(text));
        }
    }

    /// Removes the note about an artifact that the repository has taken after all.
    pub(super) fn taken(&self, at: &Endpoint, artifact: &Digest) {
        // A note that stays costs a request later.
        drop(self.folder.remove_file(file_name(at, artifact)));
    }

    /// Whether nothing was said about the repository yet.
    pub(super) fn is_first(&self, at: &Endpoint) -> bool {
        self.warned.lock().expect("no holder panics").insert(at.to_string())
    }

    pub(super) fn warn(&self, text: String) {
        self.observer.event(Event::Warning(text));
    }
}

fn file_name(at: &Endpoint, artifact: &Digest) -> String {
    notes::file_name(&format!("{at}@{artifact}"))
}
