//! Deleting mirrored images, in two steps (`docs/behaviour/config-cli.md` 7).
//!
//! [`generate`] writes the list of images to delete, for people to read; the destination is not contacted.
//! [`execute`] deletes what a list names. Nothing is deleted without the second step.

mod execute;
mod generate;
mod left_behind;
mod older;
mod told;

use std::path::PathBuf;

use image_ref::Digest;
use mirror_plan::Family;
use rooted_folder::RootedFolder;
use serde::Serialize;

use crate::warnings::Warnings;
use mirror_job::Diagnostic;
use mirror_job::event::{Event, Observer as _};
use mirror_job::failure::CopyError;
use mirror_job::report::{ImageError, save};

pub use execute::{Execute, execute};
pub use generate::{Generate, generate};

/// What a step of deleting did.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeleteReport {
    /// Version of this document's layout.
    pub format: u32,
    /// The images: those on the list after the first step, what became of them after the second.
    pub items: Vec<ItemReport>,
    /// Files written: relative to the working directory those in it, absolute those elsewhere.
    pub files: Vec<String>,
    /// Folders of this machine with simple-signing signatures of deleted images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<PathBuf>,
    /// Bytes that collecting garbage in the cache freed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_bytes_freed: Option<u64>,
    /// Warnings given, in order.
    pub warnings: Vec<String>,
    /// What is wrong with items of the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// The exit code of the program: 0, or 1 for any failure.
    pub exit_code: u8,
    /// The error that ended the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One image of a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ItemReport {
    /// Its origin.
    pub name: String,
    /// What is deleted, with transport.
    pub reference: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The digest that was found for the reference, of several the first.
    pub digest: Option<Digest>,
    /// The manifests that the list means; empty when whatever the reference names is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meant: Vec<Digest>,
    /// How often looking it up and deleting it was tried again. Of several names of one manifest the first counts the
    /// latter.
    pub retries: u32,
    /// What became of it.
    pub outcome: ItemOutcome,
    /// Images outside the list that use it, when it was kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ImageError>,
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ItemOutcome {
    /// It is on the list; nothing was done yet.
    Listed,
    /// It was deleted.
    Deleted,
    /// It was kept, because something outside the list uses its manifest.
    Kept,
    /// It is not at the destination: it was deleted earlier, or it stands for a signature, an attestation or an SBOM that
    /// the image does not have.
    Absent,
    /// It could not be deleted.
    Failed,
}

impl DeleteReport {
    /// Takes over what was warned of, and saves the document beside the log.
    fn conclude(&mut self, heard: &Warnings, logs: &RootedFolder, stamp: &str) {
        self.warnings = heard.take();
        self.diagnostics.iter_mut().for_each(|found| found.message = heard.clean(&found.message));
        let errors = self.items.iter_mut().filter_map(|item| item.error.as_mut()).map(|error| &mut error.message);
        for text in errors.chain(&mut self.error) {
            *text = heard.clean(text);
        }
        if let Err(warning) = save(self, logs, stamp) {
            heard.event(Event::Warning(warning));
            self.warnings.extend(heard.take());
        }
    }
}

impl ItemReport {
    fn listed(item: &mirror_plan::delete::DeleteItem) -> Self {
        Self {
            name: item.image_name.clone(),
            reference: item.image_reference.clone(),
            kind: item.kind.clone(),
            digest: None,
            meant: image_ref::ImageRef::parse(&item.image_reference)
                .map_or_else(|_| item.digests.clone(), |image| item.manifests(&image)),
            retries: 0,
            outcome: ItemOutcome::Listed,
            used_by: Vec::new(),
            error: None,
        }
    }

    /// The family that counts it in results. A type that this version does not know counts as additional.
    pub fn family(&self) -> Family {
        mirror_plan::ImageKind::from_name(&self.kind).map_or(Family::Additional, mirror_plan::ImageKind::family)
    }

    /// Whether it stands for a signature, an attestation or an SBOM of an image, which not every image has.
    pub fn is_attached(&self) -> bool {
        let image = image_ref::ImageRef::parse(&self.reference).ok();
        image.is_some_and(|image| image.tag().and_then(mirror_plan::attachment::subject).is_some())
    }

    fn fail(&mut self, error: CopyError) {
        let CopyError { message, condition, retry_can_help } = error;
        self.outcome = ItemOutcome::Failed;
        self.error = Some(ImageError { message, condition, retry_can_help });
    }
}
