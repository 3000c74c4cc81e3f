//! Looking into archives and working directories without unpacking: list, verify, describe.
//!
//! These block: they read files and nothing else, and open no connection.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use archive_format::{Archive, ProblemKind, VERSION_FILE, VersionMetadata, Warning};
use serde::Serialize;

pub use archive_format::{ArchiveError, ImageContents, MissingFiles, Problem, VerifyObserver};

use image_ref::{Digest, Transport};
use isc_schema::{Document, Kind};

use mirror_job::lacking::Lacking;
use mirror_job::report::{ArchiveFile, LackingImage};
use mirror_job::workdir::{WORKING_DIR, WorkingDir};

/// Configurations and version files are small; more is none.
const TEXT_LIMIT: u64 = 64 * 1024 * 1024;

/// What an archive holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Listing {
    /// Version of this document's layout.
    pub format: u32,
    /// The folder.
    pub directory: PathBuf,
    /// The archive's files with sizes in bytes.
    pub files: Vec<ArchiveFile>,
    /// The images, sorted by name.
    pub images: Vec<ImageContents>,
    /// Blobs in the archive, each counted once.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Images that the archive lacks, because mirror to disk could not copy them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<LackingImage>,
    /// What is odd and harmless.
    pub warnings: Vec<String>,
    /// What made files unreadable: the list is incomplete.
    pub damage: Vec<String>,
}

/// What verification of an archive found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verified {
    /// Version of this document's layout.
    pub format: u32,
    /// The folder.
    pub directory: PathBuf,
    /// Whether everything was read and is as it should be.
    pub good: bool,
    /// Blobs whose digest is right.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is broken or missing.
    pub problems: Vec<Fault>,
    /// Every image that is affected by a problem, sorted.
    pub affected_images: Vec<String>,
    /// Blobs that images need and that, by the history inside the archive, an earlier one carried.
    pub in_earlier_archives: u64,
    /// Images that the archive lacks, because mirror to disk could not copy them. An archive that lacks images can be good.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<LackingImage>,
    /// What is odd and harmless.
    pub warnings: Vec<String>,
}

/// One thing that is broken or missing.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// What, where, and which images need it.
    #[serde(flatten)]
    pub problem: Problem,
    /// The same in words.
    pub message: String,
}

/// What an archive or a working directory is for.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Description {
    /// Version of this document's layout.
    pub format: u32,
    /// The folder.
    pub directory: PathBuf,
    /// Whether there is an archive in it; otherwise only a working directory is described.
    pub archive: bool,
    /// The archive's files with sizes in bytes.
    pub files: Vec<ArchiveFile>,
    /// The program that made it, if it says.
    pub created_by: Option<VersionMetadata>,
    /// When the run that made it started: RFC 3339, UTC.
    pub created_at: Option<String>,
    /// The configuration it was made with, as written.
    pub configuration: Option<String>,
    /// How many images of which part or all is in the archive.
    pub images: u64,
    /// Platforms of these images, where they are lists.
    pub platforms: Vec<String>,
    /// Blobs in the archive, each counted once.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that these images need and that are not here: earlier archives of the sequence brought them.
    pub absent_blobs: u64,
    /// Images that the archive lacks, because mirror to disk could not copy them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<LackingImage>,
    /// How many archives came before this one in its sequence, by the histories in its working directory.
    pub earlier_archives: u64,
    /// Files of the archive that are missing or cannot be read: the description is incomplete.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
    /// Files of the working directory.
    pub working_dir_files: u64,
    /// Their bytes.
    pub working_dir_bytes: u64,
}

/// Why a folder cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum DescribeError {
    #[error("`{}` holds neither archive files (`mirror_000001.tar`) nor a folder `working-dir`", .0.display())]
    Nothing(PathBuf),
    #[error(transparent)]
    Archive(ArchiveError),
    #[error("cannot read the working directory")]
    WorkingDir(#[source] std::io::Error),
}

/// The folder of an archive that is named by its folder, or by one of its files.
pub fn folder_of(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.parent() {
        Some(folder) if archive_format::is_archive_name(name) && !path.is_dir() => folder.to_owned(),
        _ => path.to_owned(),
    }
}

/// Lists what the archive in `folder` holds, as far as it can be read.
///
/// # Errors
/// When there is no archive, or the folder cannot be read.
pub fn list(folder: &Path) -> Result<Listing, ArchiveError> {
    let archive = Archive::open_damaged(folder)?;
    let (blobs, bytes) = totals(&archive);
    let mut warnings = warnings_of(&archive);
    let lacking = lacking(&archive, &mut warnings);
    Ok(Listing {
        format: 1,
        directory: folder.to_owned(),
        files: files(&archive),
        images: archive_format::contents(&archive),
        blobs,
        bytes,
        lacking,
        warnings,
        damage: damage_of(&archive),
    })
}

/// Reads every blob of the archive in `folder` and checks that everything its images name is there.
///
/// # Errors
/// When there is no archive, or the folder cannot be read. What is wrong with an archive is no error of this function:
/// it is in [`Verified::problems`].
pub fn verify(folder: &Path, observer: &dyn VerifyObserver) -> Result<Verified, ArchiveError> {
    let archive = Archive::open_damaged(folder)?;
    let mut found = archive_format::verify(&archive, 0, observer);
    let mut warnings = warnings_of(&archive);
    let lacking = lacking(&archive, &mut warnings);
    let known: BTreeSet<Digest> = found.problems.iter().filter_map(missing).collect();
    let absent = archive_format::lacks(&archive, pinned(&archive, &lacking));
    found
        .problems
        .extend(absent.into_iter().filter(|problem| missing(problem).is_none_or(|digest| !known.contains(&digest))));
    let affected: BTreeSet<String> = found.problems.iter().flat_map(|problem| problem.images.clone()).collect();
    Ok(Verified {
        format: 1,
        directory: folder.to_owned(),
        good: found.is_good(),
        blobs: found.blobs,
        bytes: found.bytes,
        in_earlier_archives: found.in_earlier_archives,
        affected_images: affected.into_iter().collect(),
        lacking,
        warnings,
        problems: found.problems.into_iter().map(|problem| Fault { message: problem.to_string(), problem }).collect(),
    })
}

/// What a problem says is missing.
fn missing(problem: &Problem) -> Option<Digest> {
    match &problem.kind {
        ProblemKind::Missing { digest } => Some(digest.clone()),
        _ => None,
    }
}

/// The images that the archive's own configuration names by digest. Disk to mirror reads them by this digest and by nothing else, so
/// whatever lies under their tags is of no use. Nothing where images are left out on purpose, where the archive says that it lacks images,
/// or where the configuration is not understood.
fn pinned(archive: &Archive, lacking: &[LackingImage]) -> Vec<(Digest, String)> {
    let Some(text) = archive.configuration().and_then(|entry| archive.read_entry(entry, TEXT_LIMIT).ok()) else {
        return Vec::new();
    };
    let parsed = isc_schema::parse(&String::from_utf8_lossy(&text), Kind::ImageSet);
    let Some(Document::ImageSet(configuration)) = parsed.config else { return Vec::new() };
    let mirror = configuration.mirror;
    if !mirror.blocked_images.is_empty() || !lacking.is_empty() {
        return Vec::new();
    }
    let images = mirror.additional_images.iter().map(|image| &image.name);
    let images = images.chain(mirror.operators.iter().map(|entry| &entry.catalog));
    let named = images.filter(|image| image.transport() == &Transport::Docker);
    named.filter_map(|image| Some((image.digest()?.clone(), image.as_written().to_owned()))).collect()
}

/// Tells what the archive or the working directory in `folder` is for.
///
/// # Errors
/// When the folder holds neither, or something in it cannot be read.
pub fn describe(folder: &Path) -> Result<Description, DescribeError> {
    match Archive::open_damaged(folder) {
        Ok(archive) => describe_archive(folder, &archive).map_err(DescribeError::Archive),
        Err(ArchiveError::NoArchives(_)) => describe_working_dir(folder),
        Err(error) => Err(DescribeError::Archive(error)),
    }
}

fn describe_archive(folder: &Path, archive: &Archive) -> Result<Description, ArchiveError> {
    let (blobs, bytes) = totals(archive);
    let images = archive_format::contents(archive);
    let platforms: BTreeSet<String> = images.iter().flat_map(|image| image.platforms.clone()).collect();
    let working_dir = || archive.entries().iter().filter(|entry| entry.name.starts_with("working-dir/"));
    let configuration = archive.configuration();
    let read = |entry| archive.read_entry(entry, TEXT_LIMIT);
    let version = archive.entry(&format!("{WORKING_DIR}/{VERSION_FILE}"));
    Ok(Description {
        format: 1,
        directory: folder.to_owned(),
        archive: true,
        files: files(archive),
        created_by: version.map(read).transpose()?.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        created_at: configuration.and_then(|entry| entry.name.strip_prefix("isc_")).map(str::to_owned),
        configuration: configuration.map(read).transpose()?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        images: images.len() as u64,
        platforms: platforms.into_iter().collect(),
        blobs,
        bytes,
        absent_blobs: images.iter().map(|image| image.absent_blobs).sum(),
        lacking: lacking(archive, &mut Vec::new()),
        earlier_archives: working_dir().filter(|entry| is_history(&entry.name)).count() as u64,
        damage: damage_of(archive),
        working_dir_files: working_dir().count() as u64,
        working_dir_bytes: working_dir().map(|entry| entry.len).sum(),
    })
}

fn describe_working_dir(folder: &Path) -> Result<Description, DescribeError> {
    let working_dir = WorkingDir::below(folder);
    match working_dir.folder().about("") {
        Ok(about) if about.kind().is_dir() || about.kind().is_symlink() => {}
        _ => return Err(DescribeError::Nothing(folder.to_owned())),
    }
    let listing = working_dir.files().map_err(DescribeError::WorkingDir)?;
    let listed = &listing.files;
    // Names carry the time in a form whose order is the order of text.
    let pinned = listed.iter().rfind(|(name, _)| name.starts_with("isc_pinned_"));
    let read = |path: &Path| working_dir.folder().read_bounded(path, TEXT_LIMIT).map_err(DescribeError::WorkingDir);
    let version = working_dir.version_file();
    let version = if working_dir.folder().is_file(&version) { Some(read(&version)?) } else { None };
    Ok(Description {
        format: 1,
        directory: folder.to_owned(),
        archive: false,
        files: Vec::new(),
        created_by: version.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        created_at: pinned
            .and_then(|(name, _)| name.strip_prefix("isc_pinned_")?.strip_suffix(".yaml"))
            .map(str::to_owned),
        configuration: pinned
            .map(|(_, path)| read(path))
            .transpose()?
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        images: 0,
        platforms: Vec::new(),
        blobs: 0,
        bytes: 0,
        absent_blobs: 0,
        lacking: Vec::new(),
        earlier_archives: listed.iter().filter(|(name, _)| is_history(&format!("{WORKING_DIR}/{name}"))).count() as u64,
        damage: Vec::new(),
        working_dir_files: listed.len() as u64,
        working_dir_bytes: listing.sizes().map(|(_, size)| size).sum(),
    })
}

/// The images that an archive lacks; a warning names them.
fn lacking(archive: &Archive, warnings: &mut Vec<String>) -> Vec<LackingImage> {
    match Lacking::in_archive(archive) {
        Ok(None) => Vec::new(),
        Ok(Some(lacking)) => {
            let list = lacking.list();
            warnings.push(format!("the archive is incomplete: when it was made, mirror to disk could not copy {list}"));
            lacking.lacking
        }
        Err(unreadable) => {
            warnings.push(unreadable);
            Vec::new()
        }
    }
}

fn is_history(name: &str) -> bool {
    name.starts_with("working-dir/.history/.history-")
}

fn files(archive: &Archive) -> Vec<ArchiveFile> {
    archive.chunks().iter().map(|chunk| ArchiveFile { name: chunk.name.clone(), bytes: chunk.bytes }).collect()
}

/// Blobs and their bytes, each blob once.
fn totals(archive: &Archive) -> (u64, u64) {
    archive.blobs().fold((0, 0), |(count, bytes), (_, location)| (count + 1, bytes + location.len))
}

/// What is odd and harmless. Numbers that no file has are damage.
fn warnings_of(archive: &Archive) -> Vec<String> {
    let harmless = |warning: &&Warning| !matches!(warning, Warning::MissingChunks(_));
    archive.warnings().iter().filter(harmless).map(ToString::to_string).collect()
}

/// The files that were left behind, and what made others unreadable.
fn damage_of(archive: &Archive) -> Vec<String> {
    let missing = archive.missing_files().map(|missing| missing.to_string());
    missing.into_iter().chain(archive.damage().iter().map(|error| mirror_job::failure::chain(error))).collect()
}
