//! What was read out of the layers of a catalog, kept in the cache: the layers are neither fetched nor parsed again, for
//! whatever selection and under whatever digest of the image they come back.
//!
//! Beside each file stands a list of the catalogs that it was used for. What no tag of the cache leads to any more and
//! nobody has used for a month is removed ([`prune`]). A tag keeps it as long as it stands: behind the gap the layers may
//! be nowhere else, because an archive does not bring what an earlier one has brought.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use archive_format::{Store, StoreError};
use fbc_catalog::Catalog;
use image_ref::{Algorithm, Digest};
use oci_manifest::Descriptor;
use oci_transport::Hasher;
use rooted_folder::RootedFolder;

use mirror_job::workdir::write_whole;

/// Folder of the kept contents in the cache.
const FOLDER: &str = "catalogs";
/// Changes when layers are read in another way, so that other files come out of them.
const FORMAT: u32 = 1;
/// Snapshots are JSON, which is at most a little longer than the 2 GiB of YAML that a catalog may have.
const MOST_BYTES: u64 = 4 << 30;
/// Ends the names of the contents.
const CONTENTS: &str = "zst";
/// Ends the names of the lists of catalogs that contents were used for.
const USERS: &str = "users";
/// How long contents stay that no tag leads to, counted from their last use.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// A use is noted again after this time; sooner it would cost a write in every run and tell nothing.
const NOTED: Duration = Duration::from_secs(24 * 3600);

/// The file for what a folder holds in a stack of layers.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    folder: RootedFolder,
    name: PathBuf,
}

impl Contents {
    pub(super) fn of(cache: &RootedFolder, folder: &str, layers: &[Descriptor]) -> Self {
        let mut key = format!("{FORMAT}\n{folder}\n");
        for layer in layers {
            key.push_str(&layer.digest.to_string());
            key.push('\n');
        }
        let key = Hasher::of(Algorithm::Sha256, key.as_bytes());
        Self { folder: cache.below(FOLDER), name: format!("{}.{CONTENTS}", key.hex()).into() }
    }

    /// What an earlier run wrote; none when it is damaged or of another version.
    pub(super) fn read(&self) -> Option<Catalog> {
        self.read_at_most(MOST_BYTES)
    }

    fn read_at_most(&self, bytes: u64) -> Option<Catalog> {
        let file = self.folder.open(&self.name).ok()?;
        let mut snapshot = String::new();
        // The frame carries a checksum, so what is damaged does not unpack.
        zstd::stream::read::Decoder::new(file).ok()?.take(bytes).read_to_string(&mut snapshot).ok()?;
        Catalog::from_snapshot(&snapshot)
    }

    /// Keeps what was read.
    pub(super) fn write(&self, catalog: &Catalog) -> io::Result<()> {
        // The lowest level: this is done once for every catalog, and the layers lie beside it in the cache anyway.
        let mut frame = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
        frame.include_checksum(true)?;
        catalog.write_snapshot(io::BufWriter::with_capacity(1 << 17, &mut frame))?;
        write_whole(&self.folder, &self.name, &frame.finish()?)
    }

    /// Notes that the contents are used now, for the catalog with this digest in a repository of the cache if it has a
    /// place there.
    pub(super) fn note_use(&self, repository: Option<&str>, catalog: &Digest, now: SystemTime) -> io::Result<()> {
        let users = self.name.with_extension(USERS);
        let mut text = self.folder.read_to_string(&users).unwrap_or_default();
        let user = repository.map(|repository| format!("{repository} {catalog}"));
        let is_known = user.as_ref().is_none_or(|user| text.lines().any(|line| line == user));
        if is_known && age(&self.folder, &users, now).is_some_and(|age| age < NOTED) {
            return Ok(());
        }
        if let (Some(user), false) = (user, is_known) {
            text.push_str(&user);
            text.push('\n');
        }
        write_whole(&self.folder, &users, text.as_bytes())
    }
}

/// How long ago a file was written; zero when that lies in the future, none when there is no such file.
fn age(folder: &RootedFolder, name: &Path, now: SystemTime) -> Option<Duration> {
    Some(now.duration_since(folder.about(name).ok()?.modified()).unwrap_or_default())
}

/// Removes what nobody has used for long and no tag of the cache leads to, and what a killed run left half written.
/// Gives the number of contents removed.
///
/// # Errors
/// When the folder cannot be listed or a file not removed. What cannot be judged stays.
pub(super) fn prune(store: &Store, now: SystemTime) -> io::Result<usize> {
    let folder = store.folder().below(FOLDER);
    let files = match folder.read_dir("") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        files => files?,
    };
    let mut tagged = Tagged { store, by_repository: HashMap::new() };
    let is_old = |name: &Path| age(&folder, name, now).is_none_or(|age| age > KEPT);
    let mut removed = 0;
    for file in files {
        let name = Path::new(file.name());
        if !file.kind().is_file() || !is_old(name) {
            continue;
        }
        let (contents, users) = (name.with_extension(CONTENTS), name.with_extension(USERS));
        if name == contents {
            if !is_old(&users) || tagged.leads_to_any(&folder, &users) {
                continue;
            }
            folder.remove_file(&contents)?;
            removed += 1;
        }
        // The list goes with its contents, whichever of them comes first here.
        if name != users || !folder.exists(&contents) {
            folder.remove_file_if_there(if name == contents { &users } else { name })?;
        }
    }
    Ok(removed)
}

/// What the tags of a cache name now, looked up once for each repository.
struct Tagged<'a> {
    store: &'a Store,
    by_repository: HashMap<String, HashSet<Digest>>,
}

impl Tagged<'_> {
    /// Whether a tag names one of the catalogs of a list. One that cannot be looked up counts as named.
    fn leads_to_any(&mut self, folder: &RootedFolder, users: &Path) -> bool {
        let text = match folder.read_to_string(users) {
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
            Ok(text) => text,
        };
        text.lines().any(|line| {
            let Some((repository, digest)) = line.split_once(' ') else { return false };
            let Ok(digest) = digest.parse::<Digest>() else { return false };
            self.of(repository).is_none_or(|named| named.contains(&digest))
        })
    }

    fn of(&mut self, repository: &str) -> Option<&HashSet<Digest>> {
        if !self.by_repository.contains_key(repository) {
            let look_up = || -> Result<HashSet<Digest>, StoreError> {
                let mut named = HashSet::new();
                for tag in self.store.tags(repository)? {
                    named.extend(self.store.resolve_tag(repository, &tag)?);
                }
                Ok(named)
            };
            self.by_repository.insert(repository.to_owned(), look_up().ok()?);
        }
        self.by_repository.get(repository)
    }
}

/// Forgets everything kept, for a cache whose garbage is collected.
///
/// # Errors
/// When the folder cannot be removed.
pub fn forget(cache: &RootedFolder) -> io::Result<()> {
    cache.remove_dir_all_if_there(FOLDER).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_manifest::VerifiedManifest;

    fn layers(numbers: &[u8]) -> Vec<Descriptor> {
        let digest = |number: &u8| Hasher::of(Algorithm::Sha256, &[*number]);
        numbers.iter().map(|number| Descriptor::new("", digest(number), 1)).collect()
    }

    #[test]
    fn one_file_for_a_folder_in_a_stack() {
        let path = |folder: &str, numbers: &[u8]| Contents::of(&RootedFolder::at("c"), folder, &layers(numbers)).name;
        assert_eq!(path("configs", &[1, 2]), path("configs", &[1, 2]));
        for (folder, numbers) in [("configs", [2, 1].as_slice()), ("configs", &[1]), ("other", &[1, 2])] {
            assert_ne!(path("configs", &[1, 2]), path(folder, numbers), "{folder} {numbers:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_there() {
        let cache = tempfile::tempdir().unwrap();
        let folder = RootedFolder::at(cache.path());
        let contents = Contents::of(&folder, "configs", &layers(&[1]));
        let path = contents.folder.path().join(&contents.name);
        assert!(contents.read().is_none());
        let catalog = Catalog::read([("a/c.yaml", "schema: olm.package\nname: a\n")]).unwrap();
        contents.write(&catalog).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(contents.read_at_most(20).is_none(), "unpacks to more than is read");
        assert_eq!(format!("{:?}", contents.read().unwrap()), format!("{catalog:?}"));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            let read = contents.read().map(|catalog| format!("{catalog:?}"));
            // A bit that says nothing, such as a reserved one, may flip.
            assert!(read.is_none() || read == Some(format!("{catalog:?}")), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(contents.read().is_none(), "cut off at {at}");
        }
        let other = zstd::encode_all(&b"fbc-catalog snapshot 0\n"[..], 1).unwrap();
        std::fs::write(&path, other).unwrap();
        assert!(contents.read().is_none());
        forget(&folder).unwrap();
        forget(&folder).unwrap();
        assert!(!path.exists());
    }

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Gives a file an age in days, counted from `now`.
    fn grow_old(path: &Path, days: u32, now: SystemTime) {
        std::fs::File::open(path).unwrap().set_modified(now - DAY * days).unwrap();
    }

    #[test]
    fn uses_are_noted_once_a_day() {
        let cache = tempfile::tempdir().unwrap();
        let folder = RootedFolder::at(cache.path());
        let contents = Contents::of(&folder, "configs", &layers(&[1]));
        let users = contents.folder.path().join(&contents.name).with_extension(USERS);
        let (one, two) = (Hasher::of(Algorithm::Sha256, b"1"), Hasher::of(Algorithm::Sha256, b"2"));
        let now = SystemTime::now();
        let check = |repository, digest: &Digest, days: u32, expected: &str| {
            if users.exists() {
                grow_old(&users, days, now);
            }
            contents.note_use(repository, digest, now).unwrap();
            assert_eq!(std::fs::read_to_string(&users).unwrap(), expected);
            assert!(
                age(&folder.below(FOLDER), users.file_name().unwrap().as_ref(), now).unwrap() < DAY,
                "{repository:?} {digest} {days}"
            );
        };
        check(None, &one, 0, "");
        check(None, &one, 3, "");
        check(Some("a/b"), &one, 0, &format!("a/b {one}\n"));
        let both = format!("a/b {one}\na/b {two}\n");
        check(Some("a/b"), &two, 0, &both);
        check(Some("a/b"), &two, 2, &both);
        // Noted today: the file is left alone.
        let before = std::fs::metadata(&users).unwrap().modified().unwrap();
        contents.note_use(Some("a/b"), &one, now).unwrap();
        assert_eq!(std::fs::metadata(&users).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn what_nobody_needs_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::open(cache.path()).unwrap();
        let keep = |document: serde_json::Value| {
            let manifest = VerifiedManifest::made(&document, "text/plain");
            store.put_manifest("a/b", &manifest).unwrap();
            manifest.digest().clone()
        };
        let named = keep(serde_json::json!({}));
        store.tag("a/b", "v1", &named).unwrap();
        let gone = Hasher::of(Algorithm::Sha256, b"gone");
        let folder = cache.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        let now = SystemTime::now();
        let mut expected = Vec::new();
        let mut number = 0;
        // The age of the contents and of their list in days, the list, and what stays of them.
        let mut row = |contents: Option<u32>, users: Option<u32>, text: &str, stays: bool| {
            number += 1;
            for (ending, days) in [(CONTENTS, contents), (USERS, users)] {
                if let Some(days) = days {
                    let path = folder.join(format!("{number}.{ending}"));
                    std::fs::write(&path, if ending == USERS { text } else { "x" }).unwrap();
                    grow_old(&path, days, now);
                    expected.extend(stays.then_some(path));
                }
            }
        };
        let (by_tag, by_none) = (format!("a/b {named}\n"), format!("a/b {gone}\nz {named}\n"));
        row(Some(400), Some(400), &by_tag, true);
        row(Some(400), Some(400), &format!("{by_none}{by_tag}"), true);
        row(Some(400), Some(29), &by_none, true);
        row(Some(400), Some(31), &by_none, false);
        row(Some(29), Some(400), &by_none, true);
        row(Some(400), Some(31), "", false);
        row(Some(400), Some(31), "no line of ours\n a/b\n", false);
        row(Some(400), None, "", false);
        row(Some(0), None, "", true);
        row(None, Some(31), &by_tag, false);
        row(None, Some(29), "", true);
        // Written in the future, as a clock may have it.
        let future = folder.join("future.zst");
        std::fs::write(&future, "x").unwrap();
        std::fs::File::open(&future).unwrap().set_modified(now + DAY * 400).unwrap();
        // Half written, by a run that was killed long ago, and by one a moment ago.
        let (old, new) = (folder.join(".tmp-old"), folder.join(".tmp-new"));
        std::fs::write(&old, "x").unwrap();
        grow_old(&old, 31, now);
        std::fs::write(&new, "x").unwrap();
        expected.extend([future, new]);

        assert_eq!(prune(&store, now).unwrap(), 4);
        let mut left: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(prune(&store, now).unwrap(), 0);

        // The tag moves on: what it led to is dead now.
        store.tag("a/b", "v1", &keep(serde_json::json!([]))).unwrap();
        assert_eq!(prune(&store, now).unwrap(), 2);
        assert_eq!(prune(&Store::open(&cache.path().join("other")).unwrap(), now).unwrap(), 0);
    }
}
