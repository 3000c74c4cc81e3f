//! The working directory: one place that knows its layout (contract `config-cli.md` 5.1).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Name of every working directory, and the prefix of its files in archives.
pub const WORKING_DIR: &str = "working-dir";

/// A working directory. Knows names; creates folders only when told to.
#[derive(Debug, Clone)]
pub struct WorkingDir {
    root: PathBuf,
}

impl WorkingDir {
    /// The working directory at `root`, a path that ends in `working-dir`.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The working directory below the folder that an operator names with `file://`. A folder that is itself called
    /// `working-dir` is taken as it is (contract `config-cli.md` 2.6).
    pub fn below(folder: &Path) -> Self {
        if folder.file_name().is_some_and(|name| name == WORKING_DIR) {
            Self::at(folder.to_owned())
        } else {
            Self::at(folder.join(WORKING_DIR))
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How result documents name a file: relative to this folder when it lies in it, as it is elsewhere.
    pub(crate) fn name_of(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Log files and result documents.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Which blobs earlier archives of this sequence hold.
    pub fn history(&self) -> PathBuf {
        self.root.join(".history")
    }

    /// What to apply to the cluster.
    pub fn cluster_resources(&self) -> PathBuf {
        self.root.join("cluster-resources")
    }

    /// Verified release signatures.
    pub fn signatures(&self) -> PathBuf {
        self.root.join("signatures")
    }

    /// Simple-signing signatures of images, by registry; an empty folder stands for a server that has none.
    pub fn lookaside(&self) -> PathBuf {
        self.root.join("lookaside")
    }

    /// OCI layouts of release payloads.
    pub fn release_images(&self) -> PathBuf {
        self.root.join("release-images")
    }

    /// Manifests extracted from release payloads.
    pub fn hold_release(&self) -> PathBuf {
        self.root.join("hold-release")
    }

    /// Saved answers of the update service.
    pub fn graph_data(&self) -> PathBuf {
        self.hold_release().join("cincinnati-graph-data")
    }

    /// The OCI layout in which oc-mirror v2 builds the update graph image. It is only read.
    pub fn graph_preparation(&self) -> PathBuf {
        self.root.join("graph-preparation")
    }

    /// Operator catalogs, original and filtered.
    pub fn operator_catalogs(&self) -> PathBuf {
        self.root.join("operator-catalogs")
    }

    /// Files of `--dry-run`.
    pub fn dry_run(&self) -> PathBuf {
        self.root.join("dry-run")
    }

    /// Files of `delete`.
    pub fn delete(&self) -> PathBuf {
        self.root.join("delete")
    }

    /// Files about this program.
    pub fn internal(&self) -> PathBuf {
        self.root.join("internal")
    }

    /// The file that says which version wrote an archive.
    pub fn version_file(&self) -> PathBuf {
        self.internal().join("oc-mirror-version.json")
    }

    /// The pinned configuration of a run; `timestamp` is RFC 3339 in UTC.
    pub fn pinned_isc(&self, timestamp: &str) -> PathBuf {
        self.root.join(format!("isc_pinned_{timestamp}.yaml"))
    }

    /// The pinned delete configuration of a run.
    pub fn pinned_disc(&self, timestamp: &str) -> PathBuf {
        self.root.join(format!("disc_pinned_{timestamp}.yaml"))
    }

    /// Creates every folder that upstream creates at the start of a run.
    ///
    /// # Errors
    /// The first folder that cannot be created, with its path in the message.
    pub fn create(&self) -> io::Result<()> {
        let folders = [
            self.logs(),
            self.signatures(),
            self.release_images(),
            self.graph_data(),
            self.operator_catalogs(),
            self.cluster_resources(),
            self.root.join("helm/charts"),
            self.root.join("helm/indexes"),
        ];
        folders.iter().try_for_each(|folder| create_dir(folder))
    }

    /// Empties the folder of cluster resources.
    ///
    /// # Errors
    /// When it cannot be removed or made again.
    pub fn wipe_cluster_resources(&self) -> io::Result<()> {
        let folder = self.cluster_resources();
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(with_path(&folder, &error)),
            _ => create_dir(&folder),
        }
    }

    /// What lies below the working directory.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn files(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        list(&self.root, "", &mut listing)?;
        Ok(listing)
    }

    /// What travels in an archive: all but the cluster resources, which tell of this side only.
    ///
    /// # Errors
    /// As [`WorkingDir::files`].
    pub fn files_for_archive(&self) -> io::Result<Listing> {
        let (resources, mut listing) = (self.cluster_resources(), self.files()?);
        listing.files.retain(|(_, path)| !path.starts_with(&resources));
        listing.left_out.retain(|left_out| !left_out.path.starts_with(&resources));
        Ok(listing)
    }
}

/// What lies in a working directory, in the order of a walk: names of each folder sorted, folders entered in place.
#[derive(Debug, Default)]
pub struct Listing {
    /// Regular files: their paths relative to the working directory, and where they are.
    pub files: Vec<(String, PathBuf)>,
    /// What no archive carries.
    pub left_out: Vec<LeftOut>,
}

impl Listing {
    /// The files that are still there, with sizes in bytes.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().filter_map(|(name, path)| Some((name.as_str(), path.metadata().ok()?.len())))
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

fn create_dir(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| with_path(folder, &error))
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn list(folder: &Path, prefix: &str, listing: &mut Listing) -> io::Result<()> {
    let failed = |error: io::Error| with_path(folder, &error);
    let mut entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| with_path(&path, &error))?;
        let why = match entry.file_name().to_str() {
            None => WhyLeftOut::Name,
            Some(_) if kind.is_symlink() => WhyLeftOut::Link,
            Some(name) => {
                let relative = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
                if kind.is_dir() {
                    list(&path, &relative, listing)?;
                    continue;
                }
                if kind.is_file() {
                    listing.files.push((relative, path));
                    continue;
                }
                WhyLeftOut::Special
            }
        };
        listing.left_out.push(LeftOut { path, why });
    }
    Ok(())
}

/// Writes a file under its final name only when it is whole: to a temporary name beside it, then renamed.
///
/// # Errors
/// With the path in the message; the temporary file is removed.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_dir(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| with_path(folder, &error))?;
    io::Write::write_all(&mut file, content).map_err(|error| with_path(path, &error))?;
    file.persist(path).map_err(|error| with_path(path, &error.error))?;
    Ok(())
}
