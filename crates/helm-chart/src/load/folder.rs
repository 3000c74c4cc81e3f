//! Charts in folders.

use std::io;

use super::{Budget, LoadError, MAX_FILE, quoted};
use crate::chart::File;
use crate::ignore::Rules;

/// How deep folders may lie.
const MAX_DEPTH: usize = 50;

/// A folder that holds a chart. Paths are relative to the folder, with `/`; the folder itself is the empty path.
///
/// Whether links are followed is the implementation's decision; Helm follows them.
pub trait Folder {
    /// What lies directly in the folder `path`, in any order.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    fn entries(&self, path: &str) -> io::Result<Vec<FolderEntry>>;

    /// The bytes of the file `path`. More than `most` bytes need not be read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>>;
}

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// The name without the path.
    pub name: String,
    /// What it is; a link is what it points to.
    pub kind: FolderKind,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A device, a pipe or a socket.
    Other,
}

/// The files of a chart's folder, in the order in which Helm walks them.
pub(super) fn collect(folder: &dyn Folder, budget: &mut Budget) -> Result<Vec<File>, LoadError> {
    let mut root = entries(folder, "")?;
    let rules = match root.iter().find(|entry| entry.name == ".helmignore" && entry.kind == FolderKind::File) {
        Some(_) => Rules::parse(&read(folder, ".helmignore")?),
        None => Rules::parse(b""),
    }
    .map_err(|error| LoadError::new(error.to_string()))?;
    root.sort_by(|a, b| a.name.cmp(&b.name));
    let mut walk = Walk { folder, rules, files: Vec::new(), budget };
    walk.entries("", root, 0)?;
    Ok(walk.files)
}

fn entries(folder: &dyn Folder, path: &str) -> Result<Vec<FolderEntry>, LoadError> {
    folder.entries(path).map_err(|error| LoadError::new(format!("error reading {path}: {error}")))
}

fn read(folder: &dyn Folder, path: &str) -> Result<Vec<u8>, LoadError> {
    folder.read(path, MAX_FILE + 1).map_err(|error| LoadError::new(format!("error reading {path}: {error}")))
}

struct Walk<'a> {
    folder: &'a dyn Folder,
    rules: Rules,
    files: Vec<File>,
    budget: &'a mut Budget,
}

impl Walk<'_> {
    fn entries(&mut self, parent: &str, entries: Vec<FolderEntry>, depth: usize) -> Result<(), LoadError> {
        if depth > MAX_DEPTH {
            return Err(LoadError::new(format!("the chart's folders lie more than {MAX_DEPTH} levels deep: {parent}")));
        }
        for entry in entries {
            let path = if parent.is_empty() { entry.name.clone() } else { format!("{parent}/{}", entry.name) };
            if self.rules.ignores(&path, entry.kind == FolderKind::Folder) {
                continue;
            }
            match entry.kind {
                FolderKind::Folder => {
                    let mut inner = self::entries(self.folder, &path)?;
                    inner.sort_by(|a, b| a.name.cmp(&b.name));
                    self.entries(&path, inner, depth + 1)?;
                }
                FolderKind::Other => {
                    return Err(LoadError::new(format!(
                        "cannot load irregular file {path} as it has file mode type bits set"
                    )));
                }
                FolderKind::File => self.file(path, &entry.name)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: String, name: &str) -> Result<(), LoadError> {
        let data = read(self.folder, &path)?;
        if data.len() as u64 > MAX_FILE {
            return Err(LoadError::new(format!(
                "chart file {} is larger than the maximum file size {MAX_FILE}",
                quoted(name)
            )));
        }
        self.budget.unpack(data.len() as u64)?;
        self.budget.file()?;
        let data = data.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(data);
        self.files.push(File { name: path, data });
        Ok(())
    }
}
