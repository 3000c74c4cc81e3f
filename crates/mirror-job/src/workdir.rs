//! The working directory: one place that knows its layout (`docs/behaviour/config-cli.md` 5.1).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rooted_folder::{RootedFolder, is_refused};

/// Name of every working directory, and the prefix of its files in archives.
pub const WORKING_DIR: &str = "working-dir";

/// The note of what an incomplete archive lacks, relative to the working directory.
pub const INCOMPLETE: &str = "internal/incomplete.json";

/// A working directory. Knows names; creates folders only when told to.
///
/// Everything in it is reached through one handle and without following links: whoever wrote the medium or the working
/// directory before this run decides what lies there. The folder that holds the working directory may be a link, since an
/// operator names it.
#[derive(Debug, Clone)]
pub struct WorkingDir {
    folder: RootedFolder,
}

impl WorkingDir {
    /// The working directory at `root`, a path that ends in `working-dir`.
    pub fn at(root: PathBuf) -> Self {
        let folder = match (root.parent(), root.file_name()) {
            (Some(above), Some(name)) => RootedFolder::at(above).below(name),
            _ => RootedFolder::at(root),
        };
        Self { folder }
    }

    /// The working directory below the folder that an operator names with `file://`. A folder that is itself called
    /// `working-dir` is taken as it is (`docs/behaviour/config-cli.md` 2.6).
    pub fn below(folder: &Path) -> Self {
        if folder.file_name().is_some_and(|name| name == WORKING_DIR) {
            Self::at(folder.to_owned())
        } else {
            Self::at(folder.join(WORKING_DIR))
        }
    }

    /// Where the working directory is.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The folder itself, to open what lies in it.
    pub fn folder(&self) -> &RootedFolder {
        &self.folder
    }

    /// Writes a file of this folder under its final name only when it is whole. Missing folders are made.
    ///
    /// # Errors
    /// With the path in the message.
    pub fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        write_whole(&self.folder, path, content)
    }

    /// How result documents name a file: relative to this folder when it lies in it, as it is elsewhere.
    pub fn name_of(&self, path: &Path) -> String {
        path.strip_prefix(self.root()).unwrap_or(path).display().to_string()
    }

    /// Log files and result documents.
    pub fn logs(&self) -> RootedFolder {
        self.folder.below("logs")
    }

    /// Which blobs earlier archives of this sequence hold.
    pub fn history(&self) -> PathBuf {
        self.root().join(".history")
    }

    /// What to apply to the cluster.
    pub fn cluster_resources(&self) -> PathBuf {
        self.root().join("cluster-resources")
    }

    /// Verified release signatures.
    pub fn signatures(&self) -> PathBuf {
        self.root().join("signatures")
    }

    /// Simple-signing signatures of images, by registry; an empty folder stands for a server that has none.
    pub fn lookaside(&self) -> RootedFolder {
        self.folder.below("lookaside")
    }

    /// OCI layouts of release payloads.
    pub fn release_images(&self) -> PathBuf {
        self.root().join("release-images")
    }

    /// Manifests extracted from release payloads.
    pub fn hold_release(&self) -> PathBuf {
        self.root().join("hold-release")
    }

    /// Saved answers of the update service.
    pub fn graph_data(&self) -> PathBuf {
        self.hold_release().join("cincinnati-graph-data")
    }

    /// The OCI layout in which oc-mirror v2 builds the update graph image. It is only read.
    pub fn graph_preparation(&self) -> PathBuf {
        self.root().join("graph-preparation")
    }

    /// Operator catalogs, original and filtered.
    pub fn operator_catalogs(&self) -> PathBuf {
        self.root().join("operator-catalogs")
    }

    /// Files of `--dry-run`.
    pub fn dry_run(&self) -> PathBuf {
        self.root().join("dry-run")
    }

    /// Files of `delete`.
    pub fn delete(&self) -> PathBuf {
        self.root().join("delete")
    }

    /// Files about this program.
    pub fn internal(&self) -> PathBuf {
        self.root().join("internal")
    }

    /// The file that says which version wrote an archive.
    pub fn version_file(&self) -> PathBuf {
        self.internal().join("oc-mirror-version.json")
    }

    /// The pinned configuration of a run; `timestamp` is RFC 3339 in UTC.
    pub fn pinned_isc(&self, timestamp: &str) -> PathBuf {
        self.root().join(format!("isc_pinned_{timestamp}.yaml"))
    }

    /// The pinned delete configuration of a run.
    pub fn pinned_disc(&self, timestamp: &str) -> PathBuf {
        self.root().join(format!("disc_pinned_{timestamp}.yaml"))
    }

    /// Creates every folder that upstream creates at the start of a run.
    ///
    /// # Errors
    /// The first folder that cannot be created, with its path in the message.
    pub fn create(&self) -> io::Result<()> {
        let folders = [
            self.logs().path().to_owned(),
            self.signatures(),
            self.release_images(),
            self.graph_data(),
            self.operator_catalogs(),
            self.cluster_resources(),
            self.root().join("helm/charts"),
            self.root().join("helm/indexes"),
        ];
        folders.iter().try_for_each(|folder| self.create_dir(folder))
    }

    fn create_dir(&self, folder: &Path) -> io::Result<()> {
        self.folder.create_dir_all(folder).map_err(|error| with_path(folder, error))
    }

    /// Empties the folder of cluster resources.
    ///
    /// # Errors
    /// When it cannot be removed or made again.
    pub fn wipe_cluster_resources(&self) -> io::Result<()> {
        let folder = self.cluster_resources();
        self.remove(&folder)?;
        self.create_dir(&folder)
    }

    /// Removes a folder of this one and what is in it. There may be no such folder.
    ///
    /// # Errors
    /// With the path in the message; a link in its place is one.
    pub fn remove(&self, folder: &Path) -> io::Result<()> {
        self.folder.remove_dir_all_if_there(folder).map(drop).map_err(|error| with_path(folder, error))
    }

    /// What lies below the working directory.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn files(&self) -> io::Result<Listing> {
        let mut listing = Listing { folder: self.folder.clone(), files: Vec::new(), left_out: Vec::new() };
        listing.walk("")?;
        Ok(listing)
    }

    /// What travels in an archive: all but the cluster resources and logs, which tell of this side only, and the note of
    /// an incomplete archive, which each archive has of its own.
    ///
    /// # Errors
    /// As [`WorkingDir::files`].
    pub fn files_for_archive(&self) -> io::Result<Listing> {
        let mut listing = self.files()?;
        let stays = [self.cluster_resources(), self.logs().path().to_owned(), self.root().join(INCOMPLETE)];
        let travels = |path: &Path| !stays.iter().any(|folder| path.starts_with(folder));
        listing.files.retain(|(_, path)| travels(path));
        listing.left_out.retain(|left_out| travels(&left_out.path));
        Ok(listing)
    }
}

/// What lies in a working directory, in the order of a walk: names of each folder sorted, folders entered in place.
#[derive(Debug)]
pub struct Listing {
    /// The working directory.
    folder: RootedFolder,
    /// Regular files: their paths relative to the working directory, and where they are.
    pub files: Vec<(String, PathBuf)>,
    /// What no archive carries.
    pub left_out: Vec<LeftOut>,
}

impl Listing {
    /// The files that are still there, with sizes in bytes.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().filter_map(|(name, path)| Some((name.as_str(), self.folder.about(path).ok()?.len())))
    }

    fn walk(&mut self, folder: &str) -> io::Result<()> {
        let path = self.folder.path().join(folder);
        for entry in self.folder.read_dir(folder).map_err(|error| with_path(&path, error))? {
            let path = path.join(entry.name());
            let kind = entry.kind();
            let why = match entry.text() {
                None => WhyLeftOut::Name,
                Some(_) if kind.is_symlink() => WhyLeftOut::Link,
                Some(name) => {
                    let relative = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                    if kind.is_dir() {
                        self.walk(&relative)?;
                        continue;
                    }
                    if kind.is_file() {
                        self.files.push((relative, path));
                        continue;
                    }
                    WhyLeftOut::Special
                }
            };
            self.left_out.push(LeftOut { path, why });
        }
        Ok(())
    }
}

/// Something in a working directory that no archive carries. Its text is a warning.
#[derive(Debug)]
pub struct LeftOut {
    path: PathBuf,
    why: WhyLeftOut,
}

#[derive(Debug)]
enum WhyLeftOut {
    Link,
    Special,
    Name,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (why, advice) = match self.why {
            WhyLeftOut::Link => ("it is a symbolic link", "put what it leads to in its place"),
            WhyLeftOut::Special => ("it is neither a file nor a folder", "put a file in its place"),
            WhyLeftOut::Name => ("its name is not UTF-8", "give it another name"),
        };
        write!(f, "`{}` is left out of the archive, since {why}; {advice} if it has to travel", self.path.display())
    }
}

/// Says which path an error is about. What says so itself stays as it is.
fn with_path(path: &Path, error: io::Error) -> io::Error {
    if is_refused(&error) {
        return error;
    }
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Writes a file in `folder` under its final name only when it is whole: to a temporary name beside it, then renamed.
///
/// # Errors
/// With the path in the message; the temporary file is removed.
pub fn write_whole(folder: &RootedFolder, path: &Path, content: &[u8]) -> io::Result<()> {
    folder.write_whole(path, content).map_err(|error| with_path(&folder.path().join(path), error))
}
