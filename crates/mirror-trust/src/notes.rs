//! Records images whose signature status is unknown, and images that had no signature when they came.
//!
//! What is complete is not asked about again, and an image without a signature looks the same whether it never had one,
//! its signatures were left behind on purpose (`--remove-signatures`), or the registry did not answer. The last two are
//! noted beside the cache, one small file each, so that a later run asks.
//!
//! Signatures are published after their images. If a pinned image had no signature, that result is cached for 24 hours, with the
//! time of the answer; so is the answer of a server of simple-signing signatures. Runs that bring nothing new then send no
//! request, and a late signature is found all the same. An image without a record is signed, or came before there were
//! records; nobody asks about it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

use archive_format::Store;
use image_ref::Digest;
use jiff::Timestamp;
use mirror_plan::PlannedImage;
use oci_transport::Hasher;
use rooted_folder::RootedFolder;

use super::none;
use mirror_job::failure::{Condition, CopyError};

/// The folder of the notes, in the root of the cache.
const FOLDER: &str = "unasked";

/// The folder of the notes about images that were not signed; the time of each is that of the answer.
const UNSIGNED: &str = "unsigned";

/// The notes.
pub struct SignatureNotes {
    folder: RootedFolder,
    unsigned: RootedFolder,
    /// When the run began.
    now: Timestamp,
    /// Notes that are settled as soon as the image is in its place.
    answered: Mutex<HashSet<String>>,
}

/// What a run heard about the signatures of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// They do not travel.
    NotAsked,
    /// Not everything could be asked.
    InPart,
    /// All there is to hear.
    All,
}

/// Where an image lies: in the cache or, with a name there, at the destination.
pub fn place_of(image: &PlannedImage, root: &Digest) -> String {
    match &image.destination {
        Some(destination) => format!("{destination} {root}"),
        None => format!("{} {root}", image.cache),
    }
}

impl SignatureNotes {
    pub fn new(store: &Store, now: Timestamp) -> Self {
        let [folder, unsigned] = [FOLDER, UNSIGNED].map(|name| store.folder().below(name));
        Self { folder, unsigned, now, answered: Mutex::default() }
    }

    /// Whether an earlier run brought the image without hearing about its signatures.
    pub fn contains(&self, place: &str) -> bool {
        self.folder.exists(file_name(place))
    }

    /// Whether the image had no signature, and may have one by now.
    pub fn may_be_signed_by_now(&self, place: &str) -> bool {
        none::still_counts(&self.unsigned, file_name(place), self.now) == Some(false)
    }

    /// To be told whether a pinned image has a signature, whenever its source has answered that.
    ///
    /// # Errors
    /// When the note cannot be written or removed.
    pub fn is_signed(&self, place: &str, signed: bool) -> Result<(), CopyError> {
        if signed {
            return remove(&self.unsigned, place);
        }
        write(&self.unsigned, place)?;
        none::answered(&self.unsigned, file_name(place), self.now);
        Ok(())
    }

    /// To be told before an image is copied, or when it is found `complete`.
    ///
    /// # Errors
    /// When the note cannot be written: the image must not become complete without it.
    pub fn resolved(&self, place: &str, coverage: Coverage, complete: bool) -> Result<(), CopyError> {
        match (coverage, complete) {
            (Coverage::NotAsked, true) => Ok(()),
            (Coverage::NotAsked, false) | (Coverage::InPart, _) => self.note(place),
            (Coverage::All, true) => self.clear(place),
            (Coverage::All, false) => {
                self.answered.lock().expect("no holder panics").insert(place.to_owned());
                Ok(())
            }
        }
    }

    /// To be told when an image is in its place.
    ///
    /// # Errors
    /// When the note of an earlier run cannot be removed.
    pub fn finished(&self, place: &str) -> Result<(), CopyError> {
        let answered = self.answered.lock().expect("no holder panics").remove(place);
        if answered { self.clear(place) } else { Ok(()) }
    }

    fn note(&self, place: &str) -> Result<(), CopyError> {
        write(&self.folder, place)
    }

    fn clear(&self, place: &str) -> Result<(), CopyError> {
        remove(&self.folder, place)
    }
}

/// The name of the note about something with this name.
pub(super) fn file_name(place: &str) -> String {
    Hasher::of(image_ref::Algorithm::Sha256, place.as_bytes()).hex().to_owned()
}

fn write(folder: &RootedFolder, place: &str) -> Result<(), CopyError> {
    let name = file_name(place);
    folder.write_whole(&name, place.as_bytes()).map_err(|error| failed("write", &folder.path().join(&name), &error))
}

fn remove(folder: &RootedFolder, place: &str) -> Result<(), CopyError> {
    let name = file_name(place);
    folder.remove_file_if_there(&name).map(drop).map_err(|error| failed("remove", &folder.path().join(&name), &error))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> CopyError {
    CopyError::permanent(Condition::Cache, format!("cannot {what} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stays_until_all_is_heard_and_the_image_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let notes = SignatureNotes::new(&Store::open(folder.path()).unwrap(), Timestamp::now());
        let check = |coverage, complete, finished: bool, expected: bool| {
            notes.resolved("reg.io/a:1 sha256:00", coverage, complete).unwrap();
            if finished {
                notes.finished("reg.io/a:1 sha256:00").unwrap();
            }
            assert_eq!(notes.contains("reg.io/a:1 sha256:00"), expected, "{coverage:?} {complete} {finished}");
        };
        check(Coverage::NotAsked, true, false, false);
        check(Coverage::NotAsked, false, true, true);
        check(Coverage::NotAsked, true, false, true);
        check(Coverage::InPart, true, false, true);
        // Killed, or failed, before the image was in its place.
        check(Coverage::All, false, false, true);
        check(Coverage::All, false, true, false);
        check(Coverage::InPart, false, true, true);
        check(Coverage::All, true, false, false);
        assert!(!notes.contains("reg.io/b:1 sha256:00"));
    }
    /// Hours after the answer that there is no signature, and whether it is time to ask again.
    #[test]
    fn that_there_is_no_signature_counts_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let then = Timestamp::now();
        let place = "reg.io/a@sha256:00 sha256:00";
        let after = |hours| SignatureNotes::new(&store, then + jiff::SignedDuration::from_hours(hours));
        let check = |expected: [bool; 3]| {
            assert_eq!([0, 23, 24].map(|hours| after(hours).may_be_signed_by_now(place)), expected);
        };
        check([false; 3]);
        after(0).is_signed(place, false).unwrap();
        check([false, false, true]);
        // Asked again, it still has none.
        after(24).is_signed(place, false).unwrap();
        check([false; 3]);
        assert!(after(48).may_be_signed_by_now(place) && !after(48).may_be_signed_by_now("another"));
        after(48).is_signed(place, true).unwrap();
        after(48).is_signed(place, true).unwrap();
        assert!(!after(480).may_be_signed_by_now(place));
        assert!(!after(480).contains(place));
    }
}
