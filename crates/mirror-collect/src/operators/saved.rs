//! What a run keeps of a filtered catalog in the working directory (`docs/behaviour/operators-archive.md` 3.3 and 3.4).
//!
//! Of upstream's folders, `catalog-image`, `filtered-catalog-image` and the unfiltered `catalog-config` are not written:
//! the first two are copies of what the cache holds, and nobody reads the third once a selection was made.

use std::io;

use fbc_catalog::RuleSet;
use image_ref::{Digest, Platform};
use rooted_folder::RootedFolder;

use mirror_job::workdir::{WorkingDir, write_whole};
use mirror_plan::CacheName;

/// The folder of a catalog's selections.
const FILTERED: &str = "filtered-catalogs";

/// The folder of a selection's files.
const CONFIGURATION: &str = "catalog-config";

/// The line that says that entries were added.
const BRIDGED: &str = "bridged";

/// Name of the note that all of a catalog was mirrored.
const WHOLE: &str = "whole";

/// Name of the note on the names that a version of a catalog got at the destination. Its lines are `<id> <name>`, and
/// `whole <name>` for all of the catalog.
const NAMES: &str = "names";

/// Begins the line that says how many layers the rebuilt catalog has on top of its source's. Older versions, whose catalogs
/// bring no cache, wrote no such line.
const LAYERS: &str = "layers ";

/// How a selection was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) rules: RuleSet,
    /// Whether entries were added to hold channels together.
    pub(super) is_bridged: bool,
    /// How many layers the rebuilt catalog has on top of those of its source.
    pub(super) layers: usize,
}

/// The folder of one selection: `operator-catalogs/<name>/<digest>/filtered-catalogs/<id>`.
#[derive(Debug, Clone)]
pub(super) struct SavedSelection {
    folder: RootedFolder,
    /// What is kept of the version of the catalog.
    of: RootedFolder,
}

impl SavedSelection {
    pub(super) fn at(working_dir: &WorkingDir, name: &str, catalog: &Digest, id: &str) -> Self {
        let of = of_catalog(working_dir, name, catalog);
        Self { folder: of.below(FILTERED).below(id), of }
    }

    /// Every selection from the catalog with this name and digest, sorted by id.
    pub(super) fn of_catalog(working_dir: &WorkingDir, name: &str, catalog: &Digest) -> Vec<Self> {
        Self::below(&of_catalog(working_dir, name, catalog))
    }

    /// Every selection from every catalog.
    pub(super) fn all(working_dir: &WorkingDir) -> Vec<Self> {
        all_catalogs(working_dir).iter().flat_map(Self::below).collect()
    }

    fn below(catalog: &RootedFolder) -> Vec<Self> {
        let found = folders(&catalog.below(FILTERED)).into_iter().map(|folder| Self { folder, of: catalog.clone() });
        found.filter(|kept| kept.digest().is_some()).collect()
    }

    /// The id of the selection.
    pub(super) fn id(&self) -> Option<&str> {
        self.folder.path().file_name()?.to_str()
    }

    /// The digest of the rebuilt catalog, when there is one.
    pub(super) fn digest(&self) -> Option<Digest> {
        let text = self.folder.read_to_string("digest").ok()?;
        Digest::sha256(text.trim()).ok()
    }

    /// The names that the selection got below the destination; empty when nobody noted them.
    pub(super) fn names(&self) -> Vec<CacheName> {
        self.id().map_or_else(Vec::new, |id| names_in(&self.of, id))
    }

    /// Whether the selection was made by these rules.
    pub(super) fn is_by(&self, rules: RuleSet) -> bool {
        match self.rules() {
            Some(text) => text.lines().next() == Some(rules_name(rules)),
            None => rules == RuleSet::UpgradeGraph,
        }
    }

    /// The rules that the selection was made by; none when there is no selection, or by rules of another version. Upstream,
    /// which leaves no note, has only its own.
    pub(super) fn rule_set(&self) -> Option<RuleSet> {
        self.digest()?;
        [RuleSet::VersionRange, RuleSet::UpgradeGraph].into_iter().find(|rules| self.is_by(*rules))
    }

    /// Whether entries were added to hold channels together, which a strict run refuses.
    pub(super) fn is_bridged(&self) -> bool {
        self.rules().is_some_and(|text| text.lines().any(|line| line == BRIDGED))
    }

    /// How many layers the rebuilt catalog has on top of those of its source; none if an older version has made it.
    pub(super) fn layers(&self) -> Option<usize> {
        self.rules()?.lines().find_map(|line| line.strip_prefix(LAYERS)?.parse().ok())
    }

    /// What was noted of how the selection was made: the rule set in the first line.
    fn rules(&self) -> Option<String> {
        self.folder.read_to_string("rules").ok()
    }

    /// The files of the selection, sorted by path.
    pub(super) fn files(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        collect(&self.folder.below(CONFIGURATION), "", &mut files)?;
        files.sort();
        Ok(files)
    }

    /// Writes the selection; its digest comes last, so that what is there with a digest is whole.
    pub(super) fn write(&self, files: &[(String, Vec<u8>)], made: Made, digest: &Digest) -> io::Result<()> {
        self.folder.remove_dir_all_if_there("")?;
        for (path, content) in files {
            write_whole(&self.folder.below(CONFIGURATION), path.as_ref(), content)?;
        }
        let bridged = if made.is_bridged { format!("\n{BRIDGED}") } else { String::new() };
        let rules = format!("{}{bridged}\n{LAYERS}{}", rules_name(made.rules), made.layers);
        write_whole(&self.folder, "rules".as_ref(), rules.as_bytes())?;
        write_whole(&self.folder, "digest".as_ref(), digest.hex().as_bytes())
    }
}

/// The note that all of a catalog was mirrored: `operator-catalogs/<name>/<digest>/whole`, with a platform in each line if not
/// all were wanted. Of the catalog itself nothing is kept here: the cache has it.
#[derive(Debug)]
pub(super) struct Whole {
    /// The version of the catalog.
    pub(super) digest: Digest,
    /// The platforms; empty means all.
    pub(super) platforms: Vec<Platform>,
    /// The names that the catalog got below the destination; empty when nobody noted them.
    pub(super) names: Vec<CacheName>,
}

impl Whole {
    /// Notes it.
    pub(super) fn note(
        working_dir: &WorkingDir,
        name: &str,
        catalog: &Digest,
        platforms: &[Platform],
    ) -> io::Result<()> {
        let folder = of_catalog(working_dir, name, catalog);
        let text = platforms.iter().fold(String::new(), |text, platform| text + &platform.to_string() + "\n");
        if folder.read_to_string(WHOLE).is_ok_and(|known| known == text) {
            return Ok(());
        }
        write_whole(&folder, WHOLE.as_ref(), text.as_bytes())
    }

    /// The note on a version of a catalog; none if it was not mirrored as a whole.
    pub(super) fn of(working_dir: &WorkingDir, name: &str, catalog: &Digest) -> Option<Self> {
        Self::in_folder(&of_catalog(working_dir, name, catalog))
    }

    /// All notes.
    pub(super) fn all(working_dir: &WorkingDir) -> Vec<Self> {
        all_catalogs(working_dir).iter().filter_map(Self::in_folder).collect()
    }

    fn in_folder(folder: &RootedFolder) -> Option<Self> {
        let digest = Digest::sha256(folder.path().file_name()?.to_str()?).ok()?;
        let text = folder.read_to_string(WHOLE).ok()?;
        let platforms = text.lines().filter_map(|line| line.parse().ok()).collect();
        Some(Self { digest, platforms, names: names_in(folder, WHOLE) })
    }
}

/// Notes a name that a version of a catalog gets below the destination: a selection by its id, all of it without one.
pub(super) fn note_name(
    working_dir: &WorkingDir,
    name: &str,
    catalog: &Digest,
    id: Option<&str>,
    at: &CacheName,
) -> io::Result<()> {
    let folder = of_catalog(working_dir, name, catalog);
    let line = format!("{} {at}", id.unwrap_or(WHOLE));
    let known = folder.read_to_string(NAMES).unwrap_or_default();
    if known.lines().any(|known| known == line) {
        return Ok(());
    }
    write_whole(&folder, NAMES.as_ref(), format!("{known}{line}\n").as_bytes())
}

/// The noted names of a selection, or of all of a catalog.
fn names_in(version: &RootedFolder, id: &str) -> Vec<CacheName> {
    let text = version.read_to_string(NAMES).unwrap_or_default();
    let of_id = text.lines().filter_map(|line| line.strip_prefix(id)?.strip_prefix(' ')?.rsplit_once(':'));
    of_id.map(|(repository, tag)| CacheName { repository: repository.to_owned(), tag: tag.to_owned() }).collect()
}

/// The folders of every version of every catalog.
fn all_catalogs(working_dir: &WorkingDir) -> Vec<RootedFolder> {
    folders(&working_dir.folder().below(working_dir.operator_catalogs())).iter().flat_map(folders).collect()
}

/// What is kept of a version of a catalog.
fn of_catalog(working_dir: &WorkingDir, name: &str, catalog: &Digest) -> RootedFolder {
    working_dir.folder().below(working_dir.operator_catalogs()).below(name).below(catalog.hex())
}

/// The folders in a folder, sorted. What cannot be listed has none.
fn folders(folder: &RootedFolder) -> Vec<RootedFolder> {
    let entries = folder.read_dir("").unwrap_or_default();
    entries.iter().filter(|entry| entry.kind().is_dir()).map(|entry| folder.below(entry.name())).collect()
}

fn rules_name(rules: RuleSet) -> &'static str {
    match rules {
        RuleSet::VersionRange => "version-range",
        RuleSet::UpgradeGraph => "upgrade-graph",
    }
}

fn collect(folder: &RootedFolder, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in folder.read_dir(prefix)? {
        let name = entry.name().to_string_lossy();
        let path = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") };
        if entry.kind().is_dir() {
            collect(folder, &path, files)?;
        } else {
            let content = folder.read(&path)?;
            files.push((path, content));
        }
    }
    Ok(())
}
