//! Images that lie somewhere although nobody has heard whether they are signed.
//!
//! What is complete is not asked about again, and an image without a signature looks the same whether it never had one,
//! its signatures were left behind on purpose (`--remove-signatures`), or the registry did not answer. The last two are
//! noted beside the cache, one small file each, so that a later run asks.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Mutex;

use archive_format::Store;
use image_ref::Digest;
use mirror_plan::PlannedImage;
use oci_transport::Hasher;

use crate::copy::CopyError;

/// The folder of the notes, in the root of the cache.
const FOLDER: &str = "unasked";

/// The notes.
pub(crate) struct Unasked {
    folder: PathBuf,
    /// Notes that are settled as soon as the image is in its place.
    answered: Mutex<HashSet<String>>,
}

/// What a run heard about the signatures of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// They do not travel.
    NotAsked,
    /// Not everything could be asked.
    InPart,
    /// All there is to hear.
    All,
}

/// Where an image lies: in the cache or, with a name there, at the destination.
pub(crate) fn place_of(image: &PlannedImage, root: &Digest) -> String {
    match &image.destination {
        Some(destination) => format!("{destination} {root}"),
        None => format!("{} {root}", image.cache),
    }
}

impl Unasked {
    pub(crate) fn new(store: &Store) -> Self {
        Self { folder: store.root().join(FOLDER), answered: Mutex::default() }
    }

    fn path(&self, place: &str) -> PathBuf {
        self.folder.join(Hasher::of(image_ref::Algorithm::Sha256, place.as_bytes()).hex())
    }

    /// Whether an earlier run brought the image without hearing about its signatures.
    pub(crate) fn contains(&self, place: &str) -> bool {
        self.path(place).exists()
    }

    /// To be told before an image is copied, or when it is found `complete`.
    ///
    /// # Errors
    /// When the note cannot be written: the image must not become complete without it.
    pub(crate) fn resolved(&self, place: &str, heard: Heard, complete: bool) -> Result<(), CopyError> {
        match (heard, complete) {
            (Heard::NotAsked, true) => Ok(()),
            (Heard::NotAsked, false) | (Heard::InPart, _) => self.note(place),
            (Heard::All, true) => self.clear(place),
            (Heard::All, false) => {
                self.answered.lock().expect("no holder panics").insert(place.to_owned());
                Ok(())
            }
        }
    }

    /// To be told when an image is in its place.
    ///
    /// # Errors
    /// When the note of an earlier run cannot be removed.
    pub(crate) fn finished(&self, place: &str) -> Result<(), CopyError> {
        let answered = self.answered.lock().expect("no holder panics").remove(place);
        if answered { self.clear(place) } else { Ok(()) }
    }

    fn note(&self, place: &str) -> Result<(), CopyError> {
        let path = self.path(place);
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&path, place))
            .map_err(|error| failed("write", &path.display().to_string(), &error))
    }

    fn clear(&self, place: &str) -> Result<(), CopyError> {
        let path = self.path(place);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path.display().to_string(), &error))
            }
            _ => Ok(()),
        }
    }
}

fn failed(what: &str, path: &str, error: &std::io::Error) -> CopyError {
    CopyError::permanent("cache", format!("cannot {what} `{path}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stays_until_all_is_heard_and_the_image_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let unasked = Unasked::new(&Store::open(folder.path()).unwrap());
        let check = |heard, complete, finished: bool, expected: bool| {
            unasked.resolved("reg.io/a:1 sha256:00", heard, complete).unwrap();
            if finished {
                unasked.finished("reg.io/a:1 sha256:00").unwrap();
            }
            assert_eq!(unasked.contains("reg.io/a:1 sha256:00"), expected, "{heard:?} {complete} {finished}");
        };
        check(Heard::NotAsked, true, false, false);
        check(Heard::NotAsked, false, true, true);
        check(Heard::NotAsked, true, false, true);
        check(Heard::InPart, true, false, true);
        // Killed, or failed, before the image was in its place.
        check(Heard::All, false, false, true);
        check(Heard::All, false, true, false);
        check(Heard::InPart, false, true, true);
        check(Heard::All, true, false, false);
        assert!(!unasked.contains("reg.io/b:1 sha256:00"));
    }
}
