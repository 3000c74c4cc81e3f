//! A plan that was approved, on its way to be carried out: what has to hold before anybody is asked for anything.

use archive_format::{Archive, Store};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image_ref::{Digest, Transport};
use mirror_plan::{Mode, PlannedImage};
use oci_transport::ImageSource;
use plan_document::{Document, Image};

use crate::outcome::RunError;
use crate::planning::describe_file;
use mirror_job::failure::chain;
use mirror_job::job::{Job, Part};
use mirror_job::workdir::WorkingDir;

/// How many of the things that are missing are named.
const NAMED: usize = 5;

/// What a plan is held against.
pub(crate) struct Approved<'a> {
    pub(crate) document: &'a Document,
    pub(crate) job: &'a Job,
    /// The mode of this run.
    pub(crate) mode: Mode,
    pub(crate) store: &'a Store,
    /// The archive that is loaded; only in disk to mirror.
    pub(crate) archive: Option<&'a Archive>,
    pub(crate) working_dir: &'a WorkingDir,
}

impl Approved<'_> {
    /// The images of the plan, each pinned to its digest.
    ///
    /// # Errors
    /// When the plan is of another mode, is for reading only, or needs something that this machine does not have. Then
    /// nothing has been asked of a registry, and nothing has been written.
    pub(crate) async fn images(&self) -> Result<Vec<PlannedImage>, RunError> {
        let document = self.document;
        let mode = self.mode;
        if document.mode != mode {
            let text = format!("the plan is a plan for {}, and this run is {mode}", document.mode);
            return Err(RunError::generic(text));
        }
        let unread: Vec<&Image> = document.images.iter().filter(|image| image.error.is_some()).collect();
        if let Some(first) = unread.first() {
            return Err(RunError::generic(format!(
                "the plan is for reading only: {} of its images could not be read, such as {}. `oc-mirror plan` makes a plan \
                 that can be applied",
                unread.len(),
                first.origin
            )));
        }
        if let Some(image) = document.images.iter().find(|image| image.attached.is_none()) {
            return Err(RunError::generic(format!(
                "the plan is for reading only: it does not say which signatures {} has, because a dry run does not ask for \
                 those of an image that is at the destination. `oc-mirror plan` makes a plan that can be applied",
                image.origin
            )));
        }
        let entries = self.job.configuration.mirror.operators.len();
        if let Some(catalog) = document.catalogs.iter().find(|catalog| catalog.entry >= entries) {
            let text = format!("the plan contradicts itself: its configuration has no catalog {}", catalog.entry);
            return Err(RunError::generic(text));
        }
        let images = document.planned_images();
        let images = images.ok_or_else(|| RunError::generic("the plan is for reading only: an image has no digest"))?;
        if mode != Mode::DiskToMirror {
            self.check_local_sources().await?;
        }
        // A worker has images of registries only, and writes nothing.
        if !self.job.options.shard.is_some_and(|shard| matches!(shard.part, Part::Worker(_))) {
            self.check_built()?;
            self.check_files()?;
            self.keep_signatures()?;
        }
        Ok(images)
    }

    /// Sources that are no registries lie on the machine that made the plan.
    async fn check_local_sources(&self) -> Result<(), RunError> {
        for image in &self.document.images {
            if image.built || image.source.transport() == &Transport::Docker {
                continue;
            }
            let found = match ImageSource::open(&self.job.source, &image.source).await {
                Ok((_, manifest)) if Some(manifest.digest()) == image.digest.as_ref() => continue,
                Ok((_, manifest)) => format!("it is {} here", manifest.digest()),
                Err(error) => chain(&error),
            };
            let digest = image.digest.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(RunError::generic(format!(
                "the plan needs `{}` as it was on the machine that made the plan, {digest}: {found}. Apply the plan on that \
                 machine, bring the folder here, or push the image to a registry and make the plan again",
                image.source
            )));
        }
        Ok(())
    }

    /// What this program built for the plan lies in the cache of the machine that made the plan.
    fn check_built(&self) -> Result<(), RunError> {
        let is_here = |digest: &Digest, size: u64| {
            self.store.blob_size(digest) == Some(size)
                || self.archive.is_some_and(|archive| archive.blob(digest).is_some())
        };
        let missing = self.document.built_blobs.iter().filter(|(digest, size)| !is_here(digest, **size)).count();
        if missing == 0 {
            return Ok(());
        }
        Err(RunError::generic(format!(
            "the plan was made on another machine: {missing} of the {} blobs that oc-mirror built for the plan (rebuilt \
             catalogs, the update graph) are not in the cache `{}`. Apply the plan where it was made, or push the plan there \
             with `oc-mirror plan push`, and apply the pushed plan here",
            self.document.built_blobs.len(),
            self.store.root().display()
        )))
    }

    /// The archive carries files of the working directory, as they were when the plan was made.
    fn check_files(&self) -> Result<(), RunError> {
        let differs = self.document.files.iter().filter(|planned| {
            let path = self.working_dir.root().join(&planned.name);
            describe_file(self.working_dir, &planned.name, &path).ok().as_ref() != Some(*planned)
        });
        let differs: Vec<&str> = differs.map(|planned| planned.name.as_str()).collect();
        if differs.is_empty() {
            return Ok(());
        }
        Err(RunError::generic(format!(
            "the plan needs {} files of `{}` as they were when the plan was made, and they are not there any more: {}{}. \
             Make the plan again",
            differs.len(),
            self.working_dir.root().display(),
            differs.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "),
            if differs.len() > NAMED { ", …" } else { "" }
        )))
    }

    /// Release signatures of the plan, where later runs look for them.
    fn keep_signatures(&self) -> Result<(), RunError> {
        for signature in &self.document.signatures {
            let name = signature.name.as_str();
            let is_name = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
            let content = BASE64.decode(&signature.content).ok().filter(|_| is_name);
            let Some(content) = content else {
                let text = format!("the plan contradicts itself: release signature `{name}` is none");
                return Err(RunError::generic(text));
            };
            let path = self.working_dir.signatures().join(name);
            if !self.working_dir.folder().exists(&path) {
                self.working_dir.write(&path, &content)?;
            }
        }
        Ok(())
    }
}
