//! From the configuration to the images it asks for: the planner decides, this module brings it the facts.

mod operators;
mod releases;

use std::sync::Arc;

use archive_format::{Archive, Store};
use mirror_plan::{Destination, Family, Mode, Plan, PlannedImage, additional};

use crate::event::{Event, Observer};
use crate::workdir::WorkingDir;
use crate::workflow::Job;

pub(crate) use operators::{LOADING, forget as forget_catalogs, needed_by_others, registry_catalog};

/// Errors of collecting, by family. Any of them ends the run before copying (contract `config-cli.md` 3).
#[derive(Debug, Default)]
pub(crate) struct CollectErrors {
    /// Bits of the exit code, and what to say.
    errors: Vec<(u8, String)>,
}

impl CollectErrors {
    /// Notes an error.
    pub(crate) fn push(&mut self, family: Family, message: impl Into<String>) {
        self.errors.push((family.exit_bit(), message.into()));
    }

    /// Notes an error that is nobody's fault in particular, such as a full disk.
    pub(crate) fn push_generic(&mut self, message: impl Into<String>) {
        self.errors.push((1, message.into()));
    }

    /// Whether nothing went wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The bits of every family that failed.
    pub(crate) fn exit_code(&self) -> u8 {
        self.errors.iter().fold(0, |code, (bits, _)| code | bits)
    }

    /// `collection error: ` and all messages, one a line.
    pub(crate) fn message(&self) -> String {
        let lines: Vec<&str> = self.errors.iter().map(|(_, message)| message.as_str()).collect();
        format!("collection error: {}", lines.join("\n"))
    }
}

/// What collecting has at hand.
pub(crate) struct Collecting<'a> {
    pub(crate) mode: Mode,
    pub(crate) job: &'a Job,
    pub(crate) working_dir: &'a WorkingDir,
    pub(crate) store: &'a Store,
    /// The archive that is being loaded; only in disk to mirror, where nothing else may be asked.
    pub(crate) archive: Option<&'a Arc<Archive>>,
    /// Where images go; none in mirror to disk.
    pub(crate) destination: Option<&'a Destination>,
    pub(crate) observer: &'a Arc<dyn Observer>,
}

impl Collecting<'_> {
    /// Whether this is for a list of images to delete: there is no archive, and nothing of the images has to be here.
    pub(crate) fn is_for_deletion(&self) -> bool {
        self.mode == Mode::DiskToMirror && self.archive.is_none()
    }

    /// Tells the observer.
    pub(crate) fn tell(&self, event: Event) {
        self.observer.event(event);
    }
}

/// Collects everything that the configuration asks for into a plan.
///
/// A release error ends collecting at once; the other families are all attempted (contract `config-cli.md` 3).
///
/// # Errors
/// All collection errors of all families together.
pub(crate) async fn collect(at: &Collecting<'_>) -> Result<Plan, CollectErrors> {
    let (plan, errors) = gather(at, true).await;
    if errors.is_empty() { Ok(plan) } else { Err(errors) }
}

/// Collects what can be had: no family keeps the others out. For deleting and explaining (contract `config-cli.md` 7.2).
pub(crate) async fn collect_what_there_is(at: &Collecting<'_>) -> (Plan, CollectErrors) {
    gather(at, false).await
}

async fn gather(at: &Collecting<'_>, releases_are_vital: bool) -> (Plan, CollectErrors) {
    let mirror = &at.job.configuration.mirror;
    let mut images = Vec::new();
    let mut errors = CollectErrors::default();
    images.extend(releases::collect(at, &mut errors).await);
    if releases_are_vital && !errors.is_empty() {
        return (Plan::assemble(at.mode, Vec::new(), &[]), errors);
    }
    let operators = operators::collect(at, &mut errors).await;
    images.extend(offset(images.len(), operators.images));
    images.extend(additional_images(at, &mut errors));
    if !mirror.helm.repositories.is_empty() || !mirror.helm.local.is_empty() {
        errors.push(
            Family::Helm,
            "helm: this version cannot mirror Helm charts, nor list their images for deleting; name the images of the \
             charts in `additionalImages` instead, and take `helm` out of the configuration",
        );
    }
    let mut plan = Plan::assemble(at.mode, images, &mirror.blocked_images);
    plan.catalogs = operators.catalogs;
    (plan, errors)
}

/// Turns indexes into the images of one family into indexes into all, of which `before` come first.
fn offset(before: usize, mut images: Vec<PlannedImage>) -> Vec<PlannedImage> {
    images.iter_mut().flat_map(|image| &mut image.needs).for_each(|need| *need += before);
    images
}

fn additional_images(at: &Collecting<'_>, errors: &mut CollectErrors) -> Vec<PlannedImage> {
    let configured = &at.job.configuration.mirror.additional_images;
    if configured.is_empty() {
        return Vec::new();
    }
    at.tell(Event::Collecting(Family::Additional));
    match additional::plan(configured, at.destination) {
        Ok(collected) => {
            for warning in collected.warnings {
                at.tell(Event::Warning(warning));
            }
            collected.images
        }
        Err(all) => {
            for error in all {
                errors.push(Family::Additional, error.to_string());
            }
            Vec::new()
        }
    }
}
