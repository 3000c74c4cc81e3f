//! From the configuration to the images it asks for: the planner decides, this crate brings it the facts.
//!
//! [`collect`] makes a plan of what a configuration asks for, and [`Facts`] say who may be asked on the way. All families are
//! tried before a run ends with what is wrong:
//!
//! ```
//! use isc_schema::{Item, Mirror};
//! use mirror_collect::CollectErrors;
//! use mirror_job::Diagnostic;
//! use mirror_plan::Family;
//!
//! let (configuration, mut errors) = (Mirror::default(), CollectErrors::default());
//! let about = |item, message| Diagnostic::at(&configuration, item, message);
//! errors.push(Family::Operator, about(Item::Catalog(0), "the catalog cannot be read"));
//! errors.push(Family::Additional, about(Item::AdditionalImage(2), "the name is no image"));
//! assert_eq!(errors.exit_code(), Family::Operator.exit_bit() | Family::Additional.exit_bit());
//! assert!(errors.message().starts_with("collection error: the catalog cannot be read"));
//! ```

#![expect(missing_debug_implementations, reason = "most types hold clients and observers, which print nothing useful")]
// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod charts;
mod fault;
mod names;
mod operators;
mod regular_file;
mod releases;

use std::sync::Arc;

use archive_format::{Archive, Store};
use mirror_plan::{
    Blocked, Collision, Destination, Draft, Family, Mode, PinnedCatalog, Plan, PlannedImage, additional,
};

use isc_schema::{Item, Mirror};
use mirror_job::Diagnostic;
use mirror_job::event::{Event, Observer};
use mirror_job::job::Job;
use mirror_job::workdir::WorkingDir;

pub use operators::{
    UnreadableCatalog, folder_catalog, forget as forget_catalogs, made_of, needed_by_others, registry_catalog,
};
pub use releases::update_graph;

/// Errors of collecting, by family. Any of them ends the run before copying (`docs/behaviour/config-cli.md` 3).
#[derive(Debug, Default)]
pub struct CollectErrors {
    errors: Vec<CollectError>,
}

#[derive(Debug)]
struct CollectError {
    /// Bits of the exit code.
    bits: u8,
    /// What to say.
    message: String,
    /// What is wrong, at each place.
    diagnostics: Vec<Diagnostic>,
}

impl CollectErrors {
    /// Notes an error of an item of the configuration.
    pub fn push(&mut self, family: Family, error: Diagnostic) {
        self.add(family.exit_bit(), error);
    }

    /// Notes an error that is nobody's fault in particular, such as a full disk, while an item was looked at.
    fn push_generic(&mut self, error: Diagnostic) {
        self.add(1, error);
    }

    fn add(&mut self, bits: u8, error: Diagnostic) {
        self.errors.push(CollectError { bits, message: error.to_string(), diagnostics: vec![error] });
    }

    /// Notes one reason that several items may share.
    fn push_fault(&mut self, bits: u8, at: &Mirror, fault: fault::Fault, of: Item) {
        let (message, diagnostics) = fault.into_diagnostics(at, of);
        self.errors.push(CollectError { bits, message, diagnostics });
    }

    /// Whether nothing went wrong.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The bits of every family that failed.
    pub fn exit_code(&self) -> u8 {
        self.errors.iter().fold(0, |code, error| code | error.bits)
    }

    /// `collection error: ` and all messages with their places, one a line.
    pub fn message(&self) -> String {
        let lines: Vec<&str> = self.errors.iter().map(|error| error.message.as_str()).collect();
        format!("collection error: {}", lines.join("\n"))
    }

    /// The errors that the configuration has a place for.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.errors.into_iter().flat_map(|error| error.diagnostics).filter(|found| found.line > 0).collect()
    }

    /// Lines that give two images one name.
    fn of_collisions(collisions: Vec<Collision>, at: &Mirror) -> Self {
        let mut errors = Self::default();
        for collision in collisions {
            let error = Diagnostic::at_path(at, &collision.loser.path, collision.to_string());
            errors.push_generic(error.with_help(Some(collision.advice())));
        }
        errors
    }
}

/// Where the planner's facts come from: graphs, payloads, catalogs, charts, and the digests of names.
#[derive(Clone, Copy)]
pub enum Facts<'a> {
    /// From the sources on the network, and from the cache.
    Online,
    /// From the archive that is being loaded, from the cache, and from the destination. No source is asked.
    Archive(&'a Arc<Archive>),
    /// From what earlier runs mirrored, as cache and working directory know it. Nobody is asked. For lists of images to
    /// delete.
    Mirrored,
}

/// What collecting has at hand.
pub struct Collecting<'a> {
    /// What the run is given.
    pub job: &'a Job,
    /// The working directory of the run.
    pub working_dir: &'a WorkingDir,
    /// The cache.
    pub store: &'a Store,
    /// Where facts come from.
    pub facts: Facts<'a>,
    /// Where images go; none in mirror to disk.
    pub destination: Option<&'a Destination>,
    /// Hears what happens.
    pub observer: &'a Arc<dyn Observer>,
}

impl<'a> Collecting<'a> {
    /// Whether sources on the network may be asked.
    pub fn asks_sources(&self) -> bool {
        matches!(self.facts, Facts::Online)
    }

    /// Whether only what earlier runs mirrored counts: no image has to be here, and nothing is made.
    pub fn asks_nobody(&self) -> bool {
        matches!(self.facts, Facts::Mirrored)
    }

    /// The archive that is being loaded.
    pub fn archive(&self) -> Option<&'a Arc<Archive>> {
        match self.facts {
            Facts::Archive(archive) => Some(archive),
            Facts::Online | Facts::Mirrored => None,
        }
    }

    /// The mode whose names images get.
    pub(crate) fn mode(&self) -> Mode {
        match (self.facts, self.destination) {
            (Facts::Online, None) => Mode::MirrorToDisk,
            (Facts::Online, Some(_)) => Mode::MirrorToMirror,
            (Facts::Archive(_) | Facts::Mirrored, _) => Mode::DiskToMirror,
        }
    }

    /// Tells the observer.
    pub fn tell(&self, event: Event) {
        self.observer.event(event);
    }
}

/// Collects everything that the configuration asks for into a plan.
///
/// A release error ends collecting at once; the other families are all attempted (`docs/behaviour/config-cli.md` 3).
///
/// # Errors
/// All collection errors of all families together; lines of the configuration that give two images one name, before
/// anything else is asked for.
pub async fn collect(at: &Collecting<'_>) -> Result<Plan, CollectErrors> {
    let mirror = &at.job.configuration.mirror;
    let colliding = |collisions| CollectErrors::of_collisions(collisions, mirror);
    names::check_configuration(at).await.map_err(colliding)?;
    let gathered = gather(at, true).await;
    if !gathered.errors.is_empty() {
        return Err(gathered.errors);
    }
    let mut plan = names::settle(at, draft(at, gathered.images, gathered.blocked)).await.map_err(colliding)?;
    plan.catalogs = gathered.catalogs;
    Ok(plan)
}

/// Collects what can be had: no family keeps the others out, and names may be claimed twice. For deleting and explaining
/// (`docs/behaviour/config-cli.md` 7.2).
pub async fn collect_what_there_is(at: &Collecting<'_>) -> (Plan, CollectErrors) {
    let gathered = gather(at, false).await;
    let mut plan = draft(at, gathered.images, gathered.blocked).into_plan();
    plan.catalogs = gathered.catalogs;
    (plan, gathered.errors)
}

/// What all families come to.
#[derive(Default)]
struct Gathered {
    images: Vec<PlannedImage>,
    blocked: Vec<Blocked>,
    catalogs: Vec<PinnedCatalog>,
    errors: CollectErrors,
}

fn draft(at: &Collecting<'_>, images: Vec<PlannedImage>, blocked: Vec<Blocked>) -> Draft {
    let mut draft = Draft::new(at.mode(), images, &at.job.configuration.mirror.blocked_images, at.destination);
    draft.add_blocked(blocked);
    draft
}

async fn gather(at: &Collecting<'_>, releases_are_vital: bool) -> Gathered {
    let mut gathered = Gathered::default();
    let Gathered { images, blocked, catalogs, errors } = &mut gathered;
    images.extend(releases::collect(at, errors).await);
    if releases_are_vital && !errors.is_empty() {
        return gathered;
    }
    let operators = operators::collect(at, errors).await;
    images.extend(operators.images);
    *catalogs = operators.catalogs;
    *blocked = operators.blocked;
    images.extend(additional_images(at, errors));
    images.extend(charts::collect(at, errors).await);
    gathered
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
            for (index, error) in all {
                let item = Item::AdditionalImage(index);
                errors.push(Family::Additional, Diagnostic::at(&at.job.configuration.mirror, item, error.to_string()));
            }
            Vec::new()
        }
    }
}
