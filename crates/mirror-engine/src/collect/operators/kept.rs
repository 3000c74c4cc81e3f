//! What a run keeps of a filtered catalog in the working directory (contract `operators-archive.md` 3.3 and 3.4).
//!
//! Of upstream's folders, `catalog-image`, `filtered-catalog-image` and the unfiltered `catalog-config` are not written:
//! the first two are copies of what the cache holds, and nobody reads the third once a selection was made.

use std::io;
use std::path::{Path, PathBuf};

use fbc_catalog::RuleSet;
use image_ref::Digest;

use crate::workdir::{WorkingDir, write_whole};

/// The line that says that entries were added.
const BRIDGED: &str = "bridged";

/// How a selection was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) rules: RuleSet,
    /// Whether entries were added to hold channels together.
    pub(super) is_bridged: bool,
}

/// The folder of one selection: `operator-catalogs/<name>/<digest>/filtered-catalogs/<id>`.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn at(working_dir: &WorkingDir, name: &str, catalog: &Digest, id: &str) -> Self {
        let folder = working_dir.operator_catalogs().join(name).join(catalog.hex()).join("filtered-catalogs").join(id);
        Self { folder }
    }

    /// Every selection from the catalog with this name and digest, sorted by id.
    pub(super) fn of_catalog(working_dir: &WorkingDir, name: &str, catalog: &Digest) -> Vec<Self> {
        Self::below(&working_dir.operator_catalogs().join(name).join(catalog.hex()))
    }

    /// Every selection from every catalog.
    pub(super) fn all(working_dir: &WorkingDir) -> Vec<Self> {
        let catalogs = folders(&working_dir.operator_catalogs());
        catalogs.iter().flat_map(|name| folders(name)).flat_map(|catalog| Self::below(&catalog)).collect()
    }

    fn below(catalog: &Path) -> Vec<Self> {
        let found = folders(&catalog.join("filtered-catalogs")).into_iter().map(|folder| Self { folder });
        found.filter(|kept| kept.digest().is_some()).collect()
    }

    /// The digest of the rebuilt catalog, when there is one.
    pub(super) fn digest(&self) -> Option<Digest> {
        let text = std::fs::read_to_string(self.folder.join("digest")).ok()?;
        Digest::sha256(text.trim()).ok()
    }

    /// Whether the selection was made by these rules. Upstream, which leaves no note, has only its own.
    pub(super) fn is_by(&self, rules: RuleSet) -> bool {
        match self.rules() {
            Some(text) => text.lines().next() == Some(rules_name(rules)),
            None => rules == RuleSet::UpgradeGraph,
        }
    }

    /// Whether entries were added to hold channels together, which a strict run refuses.
    pub(super) fn is_bridged(&self) -> bool {
        self.rules().is_some_and(|text| text.lines().any(|line| line == BRIDGED))
    }

    /// What was noted of how the selection was made: the rule set in the first line.
    fn rules(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.join("rules")).ok()
    }

    /// The files of the selection, sorted by path.
    pub(super) fn files(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        collect(&self.folder.join("catalog-config"), "", &mut files)?;
        files.sort();
        Ok(files)
    }

    /// Writes the selection; its digest comes last, so that what is there with a digest is whole.
    pub(super) fn write(&self, files: &[(String, Vec<u8>)], made: Made, digest: &Digest) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for (path, content) in files {
            write_whole(&self.folder.join("catalog-config").join(path), content)?;
        }
        let bridged = if made.is_bridged { format!("\n{BRIDGED}") } else { String::new() };
        write_whole(&self.folder.join("rules"), format!("{}{bridged}", rules_name(made.rules)).as_bytes())?;
        write_whole(&self.folder.join("digest"), digest.hex().as_bytes())
    }
}

/// The folders in a folder, sorted; none when it is not there.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn rules_name(rules: RuleSet) -> &'static str {
    match rules {
        RuleSet::VersionRange => "version-range",
        RuleSet::UpgradeGraph => "upgrade-graph",
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, files)?;
        } else {
            files.push((path, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}
