//! A chart in a folder of this machine: loaded, and packed as it was loaded.
//!
//! Helm follows links in a chart's folder. So does this, as long as they stay in the folder: a chart that somebody else
//! wrote must not read other files of the operator.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use helm_chart::{Chart, Folder, FolderEntry, FolderKind};
use rooted_folder::open_regular;

use super::ChartError;

/// A folder on the disk that remembers what was read.
struct OnDisk {
    root: PathBuf,
    read: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl OnDisk {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { root: path.canonicalize()?, read: RefCell::default() })
    }

    /// The place of a path, links resolved.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.root.join(path).canonicalize()?;
        if place.starts_with(&self.root) {
            return Ok(place);
        }
        let message = format!(
            "`{path}` is a link to `{}`, which is not in the chart's folder; put what it leads to in its place",
            place.display()
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }
}

impl Folder for OnDisk {
    fn entries(&self, path: &str) -> io::Result<Vec<FolderEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(self.place(path)?)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                let message = format!("{}: the name is not UTF-8", entry.path().display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            };
            let mut kind = entry.file_type()?;
            if kind.is_symlink() {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                // A link that cannot be followed is told when it is read: `.helmignore` may name it.
                let target = self.place(&inner).and_then(std::fs::metadata);
                kind = target.map_or(kind, |about| about.file_type());
            }
            let kind = if kind.is_dir() {
                FolderKind::Folder
            } else if kind.is_file() || kind.is_symlink() {
                FolderKind::File
            } else {
                FolderKind::Other
            };
            entries.push(FolderEntry { name, kind });
        }
        Ok(entries)
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open_regular(&self.place(path)?)?.take(most).read_to_end(&mut bytes)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

/// Loads the chart in a folder.
///
/// # Errors
/// When it is not there, or no chart.
pub(super) fn load(path: &Path) -> Result<Chart, ChartError> {
    let folder = open(path)?;
    Ok(Chart::from_folder(&folder)?)
}

fn open(path: &Path) -> Result<OnDisk, ChartError> {
    OnDisk::open(path).map_err(|error| ChartError::Open { place: path.display().to_string(), error })
}

/// Loads the chart in a folder, and gives it packed too: the files that belong to the chart, the same bytes each time.
///
/// # Errors
/// As [`load`], and when it cannot be packed.
pub(super) fn load_and_pack(path: &Path) -> Result<(Chart, Vec<u8>), ChartError> {
    let folder = open(path)?;
    let chart = Chart::from_folder(&folder)?;
    let packed = pack(&chart.metadata.name, &folder.read.into_inner()).map_err(ChartError::Copy)?;
    Ok((chart, packed))
}

fn pack(name: &str, files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<u8>> {
    let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    let mut tar = tar::Builder::new(&mut gzip);
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, format!("{name}/{path}"), bytes.as_slice())?;
    }
    tar.finish()?;
    drop(tar);
    gzip.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_folder_is_the_chart_that_was_loaded() {
        let scratch = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = scratch.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
        write("app/values.yaml", "a: 1\n");
        write("app/templates/a.yaml", "kind: A\n");
        write("app/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n");
        write("app/.helmignore", "*.bak\n");
        write("app/secret.bak", "not in the chart");
        std::os::unix::fs::symlink("a.yaml", scratch.path().join("app/templates/b.yaml")).unwrap();
        let app = scratch.path().join("app");
        let (chart, packed) = load_and_pack(&app).unwrap();
        assert_eq!(load_and_pack(&app).unwrap().1, packed);
        let again = Chart::from_package("app.tgz", &packed).unwrap();
        assert_eq!(format!("{again:?}"), format!("{chart:?}"));
        assert_eq!(chart.templates.len(), 2);

        std::os::unix::fs::symlink("/etc/hostname", app.join("templates/c.yaml")).unwrap();
        let error = load_and_pack(&app).unwrap_err().to_string();
        assert!(error.contains("`templates/c.yaml` is a link to `/etc/hostname`, which is not in the"), "{error}");
    }
}
