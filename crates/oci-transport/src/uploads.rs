//! Uploads that outlive the process: one small file for each, so that the next run goes on where a killed run was.
//!
//! The file of an open upload names its session. The file of a complete upload says that the repository has the blob: the
//! next run may need the blob in another repository first, and mounts it from there instead of sending it again.
//!
//! A session's address carries a token of the registry: the files are for their owner's eyes only and never printed, and
//! only addresses at the registry itself are kept, no pre-signed ones of other hosts.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use image_ref::{Algorithm, Digest, Hasher, Repository};
use serde::{Deserialize, Serialize};
use url::Url;

/// From this size on, in bytes, an upload is remembered: 256 KiB. To send less again costs less than to ask.
pub(crate) const WORTH_REMEMBERING: u64 = 256 * 1024;

/// After this time nobody goes on with a session: registries forget them, `docker-registry` after a week.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 3600);

/// The end of the name of each file.
const SUFFIX: &str = ".json";

/// The folder of remembered uploads. Keeping them is a courtesy to the next run: what fails is told to the debug log and
/// nowhere else.
pub(crate) struct Uploads {
    folder: PathBuf,
    /// What earlier processes left, read when it is first asked for: never an upload of this process.
    earlier: OnceLock<Mutex<Vec<Entry>>>,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Uploads").field(&self.folder).finish()
    }
}

/// What a file holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    registry: String,
    repository: String,
    digest: Digest,
    /// The address of an open session; none when the upload is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// As [`Session::minimum_chunk`]; notes of earlier versions have none.
    #[serde(default)]
    minimum_chunk: u64,
}

/// How far an earlier process came with an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// It began, in this session.
    Begun(Session),
    /// The registry said that the repository has the blob.
    Complete,
}

/// The session of an open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) place: Url,
    /// The smallest chunk that the registry takes, in bytes: it says so only when it opens a session.
    pub(crate) minimum_chunk: u64,
}

impl Entry {
    fn told(self) -> Option<(Repository, Earlier)> {
        let earlier = match self.session {
            Some(session) => {
                Earlier::Begun(Session { place: Url::parse(&session).ok()?, minimum_chunk: self.minimum_chunk })
            }
            None => Earlier::Complete,
        };
        Some((Repository::new(self.registry, self.repository).ok()?, earlier))
    }
}

impl Uploads {
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), earlier: OnceLock::new() }
    }

    /// The session in which an earlier run sent this blob to this repository. Whoever takes it has it alone.
    pub(crate) fn recall(&self, at: &Repository, digest: &Digest) -> Option<Session> {
        let here = |entry: &Entry| {
            entry.registry == at.registry()
                && entry.repository == at.path()
                && entry.digest == *digest
                && entry.session.is_some()
        };
        match self.take(here)? {
            (_, Earlier::Begun(session)) => Some(session),
            (_, Earlier::Complete) => None,
        }
    }

    /// How far an earlier run came with this blob in another repository of the registry; a complete upload comes first.
    pub(crate) fn recall_elsewhere(&self, at: &Repository, digest: &Digest) -> Option<(Repository, Earlier)> {
        let there =
            |entry: &Entry| entry.registry == at.registry() && entry.repository != at.path() && entry.digest == *digest;
        self.take(|entry| there(entry) && entry.session.is_none()).or_else(|| self.take(there))
    }

    fn take(&self, wanted: impl Fn(&Entry) -> bool) -> Option<(Repository, Earlier)> {
        let earlier = self.earlier.get_or_init(|| Mutex::new(self.entries().map(|(_, entry)| entry).collect()));
        let mut earlier = earlier.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.iter().position(wanted).map(|at| earlier.swap_remove(at))?.told()
    }

    /// The notes that can be read, with their files.
    fn entries(&self) -> impl Iterator<Item = (fs::DirEntry, Entry)> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        files.filter_map(|file| read(&file.path()).map(|entry| (file, entry)))
    }

    /// Notes where an upload is; it takes the place of an earlier note.
    pub(crate) fn remember(&self, at: &Repository, digest: &Digest, session: &Session) {
        self.note(at, digest, Some(session));
    }

    /// Notes that an upload is complete; it takes the place of the note that says where the upload was.
    pub(crate) fn complete(&self, at: &Repository, digest: &Digest) {
        self.note(at, digest, None);
    }

    fn note(&self, at: &Repository, digest: &Digest, session: Option<&Session>) {
        let entry = Entry {
            registry: at.registry().to_owned(),
            repository: at.path().to_owned(),
            digest: digest.clone(),
            session: session.map(|session| session.place.to_string()),
            minimum_chunk: session.map_or(0, |session| session.minimum_chunk),
        };
        if let Err(error) = self.write(&self.path(at, digest), &entry) {
            tracing::debug!(%error, folder = %self.folder.display(), "an upload cannot be remembered");
        }
    }

    pub(crate) fn forget(&self, at: &Repository, digest: &Digest) {
        // It may never have been there.
        let _ = fs::remove_file(self.path(at, digest));
    }

    /// Removes all notes about `registry`, and, whatever the registry, those that are too old. Gives the open sessions of
    /// the former.
    pub(crate) fn take_all(&self, registry: &str, now: SystemTime) -> Vec<(Repository, Url)> {
        let mut taken = Vec::new();
        for (file, entry) in self.entries() {
            let written = file.metadata().and_then(|metadata| metadata.modified()).unwrap_or(now);
            let old = now.duration_since(written).is_ok_and(|age| age > FORGOTTEN);
            if !old && entry.registry != registry {
                continue;
            }
            let _ = fs::remove_file(file.path());
            if let (false, Some((repository, Earlier::Begun(session)))) = (old, entry.told()) {
                taken.push((repository, session.place));
            }
        }
        taken
    }

    /// The name tells nothing, and is the same for the same blob at the same place.
    fn path(&self, at: &Repository, digest: &Digest) -> PathBuf {
        let name = Hasher::of(Algorithm::Sha256, format!("{at}@{digest}").as_bytes());
        self.folder.join(format!("{}{SUFFIX}", name.hex()))
    }

    fn write(&self, path: &Path, entry: &Entry) -> io::Result<()> {
        if !self.folder.is_dir() {
            private_folder(&self.folder)?;
        }
        let unfinished = path.with_extension("new");
        let mut file = private_file(&unfinished)?;
        file.write_all(&serde_json::to_vec(entry)?)?;
        drop(file);
        fs::rename(&unfinished, path)
    }
}

fn read(path: &Path) -> Option<Entry> {
    if !path.to_str()?.ends_with(SUFFIX) {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<fs::File> {
    fs::File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(seed: &str) -> Digest {
        Hasher::of(Algorithm::Sha256, seed.as_bytes())
    }

    fn repository(name: &str) -> Repository {
        name.parse().unwrap()
    }

    fn session() -> Session {
        Session { place: Url::parse("https://reg.io/u").unwrap(), minimum_chunk: 0 }
    }

    #[test]
    fn each_blob_at_each_place_has_its_own_note() {
        let folder = tempfile::tempdir().unwrap();
        // Every process reads what those before it have left.
        let process = || Uploads::at(&folder.path().join("uploads"));
        let (app, other, third) = (repository("reg.io/app"), repository("reg.io:5000/app"), repository("reg.io/third"));
        let place = |number: u64| Url::parse(&format!("https://reg.io/v2/u/{number}?_state=s3cret")).unwrap();
        let session = |number: u64| Session { place: place(number), minimum_chunk: number * 1000 };
        let first = process();
        assert_eq!(first.recall(&app, &digest("a")), None);
        first.remember(&app, &digest("a"), &session(1));
        first.remember(&app, &digest("b"), &session(2));
        first.remember(&other, &digest("a"), &session(3));
        first.remember(&app, &digest("a"), &session(4));
        assert_eq!(first.recall(&app, &digest("a")), None, "its own sessions are no earlier ones");

        let second = process();
        assert_eq!(second.recall(&third, &digest("a")), None);
        assert_eq!(second.recall(&app, &digest("a")), Some(session(4)));
        assert_eq!(second.recall(&app, &digest("a")), None, "taken once");
        assert_eq!(second.recall(&other, &digest("a")), Some(session(3)));
        assert_eq!(second.recall_elsewhere(&app, &digest("b")), None, "the same place is not elsewhere");
        assert_eq!(second.recall_elsewhere(&third, &digest("b")), Some((app.clone(), Earlier::Begun(session(2)))));
        second.forget(&app, &digest("b"));
        assert_eq!(process().recall(&app, &digest("b")), None);

        // A complete upload is worth more than an open one, and nothing is left to be gone on with.
        first.remember(&app, &digest("c"), &session(5));
        first.complete(&app, &digest("c"));
        first.remember(&repository("reg.io/begun"), &digest("c"), &session(6));
        let next = process();
        assert_eq!(next.recall(&app, &digest("c")), None);
        assert_eq!(next.recall_elsewhere(&third, &digest("c")), Some((app.clone(), Earlier::Complete)));
        first.forget(&repository("reg.io/begun"), &digest("c"));
        assert!(!format!("{second:?}").contains("s3cret"));

        // The end of a run at one registry leaves the notes of another alone, until they are old.
        let now = SystemTime::now();
        assert_eq!(process().take_all("reg.io", now), [(app.clone(), place(4))]);
        assert_eq!(process().recall(&other, &digest("a")), Some(session(3)));
        assert_eq!(process().take_all("reg.io", now + FORGOTTEN * 2), []);
        assert_eq!(process().recall(&other, &digest("a")), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::at(&folder.path().join("deep/uploads"));
        uploads.remember(&repository("reg.io/a"), &digest("a"), &session());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&uploads.folder), 0o700);
        let files: Vec<_> = fs::read_dir(&uploads.folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(mode(&files[0]), 0o600);
    }

    #[test]
    fn what_is_damaged_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (at, session) = (repository("reg.io/a"), session());
        let uploads = Uploads::at(folder.path());
        uploads.remember(&at, &digest("a"), &session);
        fs::write(uploads.path(&at, &digest("a")), b"{\"registry\":").unwrap();
        fs::write(folder.path().join("other.json"), b"[]").unwrap();
        assert_eq!(uploads.recall(&at, &digest("a")), None);
        // One of an earlier version is.
        let digest_of = digest("a");
        let older = format!(
            r#"{{"registry": "reg.io", "repository": "a", "digest": "{digest_of}", "session": "https://reg.io/u"}}"#
        );
        fs::write(uploads.path(&at, &digest_of), older).unwrap();
        assert_eq!(Uploads::at(folder.path()).recall(&at, &digest_of), Some(session.clone()));
        // A folder that cannot be made is no reason to fail.
        fs::write(folder.path().join("file"), b"").unwrap();
        let nowhere = || Uploads::at(&folder.path().join("file/uploads"));
        nowhere().remember(&at, &digest("a"), &session);
        assert_eq!(nowhere().recall(&at, &digest("a")), None);
    }
}
