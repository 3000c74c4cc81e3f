//! What a run did, as data: one line for a person and one JSON document for a script are made from it.

use image_ref::Digest;
use mirror_plan::{Family, ImageKind, Mode, OperatorUse};
use oci_transport::{Client, RequestCounts};
use rooted_folder::RootedFolder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use crate::diagnostic::Diagnostic;
use crate::failure::Condition;
use crate::workdir::write_whole;

/// How one image ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageOutcome {
    /// It was copied by this run.
    Copied,
    /// It was complete at the target before this run.
    AlreadyThere,
    /// It failed; see `error`.
    Failed,
    /// It was not tried, because an image it needs failed or the run was stopped.
    Skipped,
}

impl ImageOutcome {
    /// Whether the image is at the target now.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Copied | Self::AlreadyThere)
    }
}

/// Why an image failed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageError {
    /// The whole chain of reasons, for a person.
    pub message: String,
    /// One word for the condition, for a script: `unauthorized`, `not-found`, `timeout`, `digest-mismatch`, …
    pub condition: Condition,
    /// Whether running the same command again can help.
    pub retry_can_help: bool,
}

/// One image of the run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReport {
    /// Its role.
    pub kind: ImageKind,
    /// Its name in logs.
    pub origin: String,
    /// Where it came from.
    pub source: String,
    /// Other sources that the configuration or a catalog names, of images with the same digest and name: this image
    /// stands for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<String>,
    /// Where it went.
    pub destination: String,
    /// Its digest there.
    pub digest: Option<Digest>,
    /// Bytes of blobs that travelled for this image. A blob that several images share counts for the first.
    pub bytes_moved: u64,
    /// Bytes of its blobs that were already there or travelled for another image.
    pub bytes_saved: u64,
    /// How often requests for its manifests, blobs, mounts and signatures were tried again while it was copied. For a blob
    /// that several images share, the first of them waits and counts, as for the bytes. What failed for good was tried
    /// once more than it was tried again.
    pub retries: u32,
    /// The operators that are incomplete without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorUse>,
    /// How it ended.
    pub outcome: ImageOutcome,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ImageError>,
}

impl ImageReport {
    /// ` (Operator bundles: [b1 b2] - Operators: [o1])` for an image of an operator, empty for all others
    /// (`docs/behaviour/config-cli.md` 6.2).
    pub fn association(&self) -> String {
        if self.operators.is_empty() {
            return String::new();
        }
        let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(" ");
        let bundles = list(self.operators.iter().map(|part_of| part_of.bundle.as_str()).collect());
        let operators = list(self.operators.iter().map(|part_of| part_of.operator.as_str()).collect());
        format!(" (Operator bundles: [{bundles}] - Operators: [{operators}])")
    }

    /// The line of a failed image in the list of errors (`docs/behaviour/config-cli.md` 6.2); none when nothing failed.
    pub fn error_line(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("error mirroring image {}{} error: {}", self.origin, self.association(), error.message))
    }
}

/// How one family did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FamilyCount {
    /// Which.
    pub family: Family,
    /// Images that are at the target now.
    pub mirrored: usize,
    /// Images of the plan.
    pub total: usize,
}

/// The archive of a mirror to disk.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveReport {
    /// File names with sizes in bytes.
    pub files: Vec<ArchiveFile>,
    /// Whether every image of the plan is in it. Where one is not, `lacking` names it.
    pub complete: bool,
    /// Images of the plan that are not in it, in plan order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<LackingImage>,
    /// Blobs of its images that are in it.
    pub blobs: usize,
    /// Blobs that earlier archives of the sequence hold and this one leaves out.
    pub blobs_left_out: usize,
}

/// One image that is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LackingImage {
    /// Its role.
    pub kind: ImageKind,
    /// Its name in logs.
    pub origin: String,
    /// Its name in the archive, `repository:tag`.
    pub name: String,
    /// Why it was not copied.
    pub reason: String,
    /// The entry of the configuration that asks for it, such as `mirror.additionalImages[1]`.
    pub path: String,
    /// The line of the configuration, counted from 1; 0 when unknown.
    pub line: u32,
    /// The operators that are incomplete without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorUse>,
}

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// File name.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// What one stage needs on the filesystem it writes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskNeed {
    /// The stage: `cache`, `archive`.
    pub stage: &'static str,
    /// The folder it writes to.
    pub path: PathBuf,
    /// Bytes it will write.
    pub needed: u64,
    /// Bytes that are free there now.
    pub free: u64,
    /// Bytes that all stages on the same filesystem need together.
    pub needed_together: u64,
}

/// How much a run would move and need.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizes {
    /// Images of the plan.
    pub images: usize,
    /// Images whose manifests could not be read: the figures are without them.
    pub unknown_images: usize,
    /// Unique blobs of all images, manifests included.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the source registries would be asked for; none in disk to mirror.
    pub download_bytes: Option<u64>,
    /// Bytes that are in the cache already; none in disk to mirror.
    pub cached_bytes: Option<u64>,
    /// The archive; only in mirror to disk.
    pub archive: Option<ArchiveSizes>,
    /// Bytes that the destination lacks; none in mirror to disk.
    pub destination_lacks_bytes: Option<u64>,
    /// What each stage needs on disk.
    pub disk: Vec<DiskNeed>,
    /// Whether everything fits on the disks.
    pub fits: bool,
}

/// How large the archive would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveSizes {
    /// Bytes of all its files, headers included. The working directory's files are counted as they are now.
    pub bytes: u64,
    /// How many files it would have.
    pub files: u64,
    /// Blobs that earlier archives hold and this one would leave out.
    pub blobs_left_out: usize,
}

/// How many requests one side has made to one host.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestReport {
    /// `source` or `destination`.
    pub side: &'static str,
    /// `host[:port]`: a registry, or where it sends its clients for blobs and tokens.
    pub host: String,
    /// By kind.
    #[serde(flatten)]
    pub counts: RequestCounts,
}

impl RequestReport {
    /// What the clients of a run have asked so far.
    pub fn of(source: &Client, destination: &Client) -> Vec<Self> {
        [("source", source), ("destination", destination)]
            .into_iter()
            .flat_map(|(side, client)| {
                client.requests().into_iter().map(move |(host, counts)| Self { side, host, counts })
            })
            .collect()
    }
}

/// The result document of a run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// Version of this document's layout.
    pub format: u32,
    /// The workflow.
    pub mode: Mode,
    /// Every image of the plan, in plan order.
    pub images: Vec<ImageReport>,
    /// Counts per family; families without images are left out.
    pub families: Vec<FamilyCount>,
    /// Bytes of blobs that travelled.
    pub bytes_moved: u64,
    /// Bytes of blobs that did not need to travel.
    pub bytes_saved: u64,
    /// The archive written, in mirror to disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveReport>,
    /// What a dry run found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sizes>,
    /// Requests to registries and servers, by side and host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestReport>,
    /// Variables of the environment that replaced the signature key or an address, with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Files written for the operator: relative to the working directory those in it, absolute those elsewhere.
    pub files: Vec<String>,
    /// Warnings given, in order.
    pub warnings: Vec<String>,
    /// What is wrong with items of the configuration, images that could not be copied included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// The exit code of the program (`docs/behaviour/config-cli.md` 3).
    pub exit_code: u8,
    /// The error that ended the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl RunReport {
    /// Counts per family, from the images.
    pub fn count(images: &[ImageReport]) -> Vec<FamilyCount> {
        Family::ALL
            .into_iter()
            .filter_map(|family| {
                let of_family = || images.iter().filter(|image| image.kind.family() == family);
                let total = of_family().count();
                let mirrored = of_family().filter(|image| image.outcome.is_there()).count();
                (total > 0).then_some(FamilyCount { family, mirrored, total })
            })
            .collect()
    }

    /// The exit code of the copy phase: the bits of every family that has an image missing.
    pub fn copy_exit_code(families: &[FamilyCount]) -> u8 {
        families
            .iter()
            .filter(|count| count.mirrored < count.total)
            .fold(0, |code, count| code | count.family.exit_bit())
    }
}

/// Saves a result document beside the log, as `result_<stamp>.json`.
///
/// # Errors
/// A sentence. That does not change the outcome of a run.
pub fn save(report: &impl Serialize, logs: &RootedFolder, stamp: &str) -> Result<(), String> {
    let saved = serde_json::to_vec_pretty(report).map_err(std::io::Error::other);
    let saved = saved.and_then(|text| write_whole(logs, format!("result_{stamp}.json").as_ref(), &text));
    saved.map_err(|error| format!("the result document could not be saved: {error}"))
}
