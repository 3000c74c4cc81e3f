//! Runs a plan: the workflows as a library.
//!
//! [`run`] takes a [`Job`] (everything settled: paths absolute, clients built, configuration parsed) and an
//! [`Observer`], and gives a [`RunReport`]. It reads no environment and draws nothing; the command line program turns
//! the [`Event`]s into progress bars, log lines and JSON.
//!
//! How the rooms hang together:
//!
//! - `collect`: configuration -> [`mirror_plan::Plan`], bringing the planner its facts;
//! - `copy`: one coordinator for all images of a run, the global blob plan;
//! - `carrier`: what "moving an image" means in each workflow;
//! - `resources`: what the cluster is told of it afterwards;
//! - `archive_builder`: the archive, written while images still arrive;
//! - `trust`: signatures travel with their image, policies decide whether an image may;
//! - `workflow`: one page per workflow that joins these.
//!
//! Beneath them lie `job` (what a run is given), `event` and `report` (what it tells), `failure` (why a step did not
//! work), and `stored` (content of the cache and of archives). Modules use only modules below them.
//!
//! ## Deviations
//!
//! - An archive names the images of its own plan; upstream puts the links of everything in the cache into it
//!   (`docs/behaviour/operators-archive.md` quirk 20).
//! - Earlier archives are removed when the new one is complete, not at start-up.
//! - `--image-timeout` bounds each transfer of an image, attempts included; stalls are noticed much earlier.

mod advance;
mod archive_builder;
mod bounded_tar;
mod brought;
mod carrier;
mod catalog_image;
mod collect;
mod copy;
pub mod delete;
pub mod dry_run;
pub mod event;
mod failure;
mod guard;
mod heard;
mod holders;
mod image_json;
pub mod inspect;
mod job;
pub mod list;
mod outcome;
pub mod report;
mod resources;
mod room;
mod root;
mod scratch;
mod slots;
mod stored;
mod trust;
pub mod visible;
pub mod why;
pub mod workdir;
mod workflow;

pub use archive_format::VersionMetadata;
pub use event::{Event, NoObserver, Observer, Totals};
pub use fbc_catalog::RuleSet;
pub use job::{DryRun, Folders, Job, Options, Workflow};
pub use report::RunReport;
pub use workdir::WorkingDir;
pub use workflow::{expect_archive, run};
