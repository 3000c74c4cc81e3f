//! What an incomplete archive lacks: the images that mirror to disk could not copy.
//!
//! A note of it travels in the archive, as `working-dir/internal/incomplete.json`. Disk to mirror reads the note, names the
//! same images with the same reasons, and ends with the same bits of the exit code. A second note in the working directory
//! also names the archive's files: as long as they lie in their folder, the next run begins where this one began, so that
//! a complete archive never takes the place of content that nobody has carried.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use archive_format::{Archive, is_archive_name};
use jiff::Timestamp;
use mirror_plan::{CacheName, PlannedImage};
use rooted_folder::RootedFolder;
use serde::{Deserialize, Serialize};

use crate::listed;
use crate::report::{ArchiveFile, ImageReport, LackingImage};
use crate::workdir::{INCOMPLETE, WORKING_DIR, WorkingDir};

/// A note names images; more than this is none.
const NOTE_LIMIT: u64 = 64 * 1024 * 1024;

/// How many images a message names; the others stand in the file of errors.
const NAMED: usize = 20;

/// What an archive lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lacking {
    /// Version of this document's layout.
    pub format: u32,
    /// When the run that made the archive started: RFC 3339, UTC.
    pub started: String,
    /// How many images the run was to copy.
    pub images: usize,
    /// Those that are not in the archive, in plan order.
    pub lacking: Vec<LackingImage>,
    /// The archive's files; only in the working directory that it was made in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ArchiveFile>,
}

impl Lacking {
    /// What a run did not copy; none when it copied everything.
    pub fn of(started: String, images: &[PlannedImage], reports: &[ImageReport]) -> Option<Self> {
        let lacking = images.iter().zip(reports).filter(|(_, report)| !report.outcome.is_there());
        let lacking: Vec<_> = lacking
            .map(|(image, report)| LackingImage {
                kind: image.kind,
                origin: image.origin.clone(),
                name: image.cache.to_string(),
                reason: report.error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
                path: image.why.path.clone(),
                line: image.why.line,
                operators: image.operators.clone(),
            })
            .collect();
        (!lacking.is_empty()).then(|| Self { format: 1, started, images: images.len(), lacking, files: Vec::new() })
    }

    /// The note in an archive; none in a complete one.
    ///
    /// # Errors
    /// A sentence, when there is a note that cannot be read.
    pub fn in_archive(archive: &Archive) -> Result<Option<Self>, String> {
        let Some(entry) = archive.entry(&format!("{WORKING_DIR}/{INCOMPLETE}")) else { return Ok(None) };
        let unreadable = |why: String| format!("`{}` of the archive cannot be read: {why}", entry.name);
        let bytes = archive.read_entry(entry, NOTE_LIMIT).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    /// The note of the incomplete archive that lies in `folder`; none when there is no archive, or another one.
    pub fn lies_in(folder: &Path, working_dir: &WorkingDir) -> Option<Self> {
        let bytes = working_dir.folder().read_bounded(INCOMPLETE, NOTE_LIMIT).ok()?;
        let note: Self = serde_json::from_slice(&bytes).ok()?;
        (!note.files.is_empty() && note.files == files_in(folder) && note.began().is_some()).then_some(note)
    }

    /// When the run that made the archive started.
    pub fn began(&self) -> Option<Timestamp> {
        self.started.parse().ok()
    }

    /// The note for the archive.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("strings and numbers are JSON")
    }

    /// Notes in the working directory that this archive lies in its folder.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn keep(&self, working_dir: &WorkingDir, files: Vec<ArchiveFile>) -> std::io::Result<()> {
        let note = Self { files, ..self.clone() };
        working_dir.write(&working_dir.root().join(INCOMPLETE), &note.to_json())
    }

    /// Removes the note from the working directory: the archive in the folder is complete.
    ///
    /// # Errors
    /// When the note is there and cannot be removed.
    pub fn forget(working_dir: &WorkingDir) -> std::io::Result<()> {
        working_dir.folder().remove_file_if_there(INCOMPLETE).map(drop)
    }

    /// Why an image is not in the archive; none when it is. An image that lost its name to another one is not that other
    /// one: a release that a catalog wanted to replace is in the archive.
    pub fn reason(&self, image: &PlannedImage) -> Option<&str> {
        let name = image.cache.to_string();
        self.reason_of(|lacking| lacking.name == name && lacking.origin == image.origin)
    }

    /// Why a catalog, as its source has it, is not in the archive; none when it is.
    pub fn catalog(&self, original: &CacheName) -> Option<&str> {
        let name = original.to_string();
        self.reason_of(|lacking| lacking.name == name)
    }

    fn reason_of(&self, is_meant: impl Fn(&LackingImage) -> bool) -> Option<&str> {
        self.lacking.iter().find(|lacking| is_meant(lacking)).map(|lacking| lacking.reason.as_str())
    }

    /// Bits of the exit code: those of every family that lacks an image.
    pub fn exit_code(&self) -> u8 {
        self.lacking.iter().fold(0, |code, image| code | image.kind.family().exit_bit())
    }

    /// `2 of its 7 images`, and each of them with its line and operators, one a line.
    pub fn list(&self) -> String {
        let rest = |more| format!("and {more} more, which the list of errors names");
        let images: Vec<String> = self.lacking.iter().map(line).collect();
        format!("{} of its {} images:\n* {}", images.len(), self.images, listed(&images, NAMED, "\n* ", rest))
    }
}

/// An image, its line and its operators.
fn line(image: &LackingImage) -> String {
    let mut text = image.origin.clone();
    if image.line > 0 {
        let _ = write!(text, ", line {} of the configuration ({})", image.line, image.path);
    }
    let operators: BTreeSet<&str> = image.operators.iter().map(|part_of| part_of.operator.as_str()).collect();
    if !operators.is_empty() {
        let names = operators.into_iter().collect::<Vec<_>>().join(", ");
        let _ = write!(text, ", without which these operators are incomplete: {names}");
    }
    text
}

/// The archive files of a folder with their sizes, by name. What cannot be looked at has size 0.
pub fn files_in(folder: &Path) -> Vec<ArchiveFile> {
    let folder = RootedFolder::at(folder);
    let names = folder.read_dir("").unwrap_or_default();
    let names = names.iter().filter_map(|entry| entry.text()).filter(|name| is_archive_name(name));
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |about| about.len());
    let mut files: Vec<_> = names.map(|name| ArchiveFile { name: name.to_owned(), bytes: size(name) }).collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}
