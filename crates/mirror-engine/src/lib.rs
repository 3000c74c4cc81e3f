//! Runs a plan: the workflows as a library.
//!
//! [`run`] takes a [`Job`] (everything settled: paths absolute, clients built, configuration parsed) and an
//! [`Observer`], and gives a [`RunReport`]. It reads no environment and draws nothing; the command line program turns
//! the [`Event`]s into progress bars, log lines and JSON.
//!
//! A list of what a catalog in a folder offers, as a library:
//!
//! ```no_run
//! # async fn list(client: oci_transport::Client) -> Result<(), mirror_engine::list::ListCatalogError> {
//! use mirror_engine::list::{Keep, catalog_contents};
//!
//! let started = "2026-08-01T10:20:30Z".to_owned();
//! let keep = Keep { cache: "/var/cache/mirror".into(), temporary: "/tmp".into(), started };
//! let image = "oci:///srv/catalog".parse().expect("the name is well formed");
//! let observer = std::sync::Arc::new(mirror_engine::NoObserver) as std::sync::Arc<dyn mirror_engine::Observer>;
//! let contents = catalog_contents(&client, &image, &keep, &observer).await?;
//! println!("{}", contents.digest);
//! # Ok(())
//! # }
//! ```
//!
//! How the rooms hang together, from the top down:
//!
//! - `workflow`: one page per workflow that joins the others; [`delete`], [`why`], [`inspect`], [`list`] beside them;
//! - `resources`: what the cluster is told of a run afterwards; `dry_run`: what a run would do;
//! - [`mirror_collect`]: configuration -> [`mirror_plan::Plan`], bringing the planner its facts;
//! - [`mirror_copy`]: one coordinator for all images of a run, and the ways of moving them;
//! - [`mirror_trust`]: signatures travel with their image, policies decide whether an image may;
//! - [`mirror_content`]: manifests and blobs by digest; [`mirror_job`]: what a run is given and tells.
//!
//! ## Deviations
//!
//! - An archive names the images of its own plan; upstream puts the links of everything in the cache into it
//!   (`docs/behaviour/operators-archive.md` quirk 20).
//! - Earlier archives are removed when the new one is complete, not at start-up.
//! - `--image-timeout` bounds each transfer of an image, attempts included; stalls are noticed much earlier.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod approved;
mod brought;
pub mod delete;
pub mod dry_run;
mod holders;
pub mod inspect;
pub mod list;
mod outcome;
mod planning;
pub mod pushed;
mod resources;
mod room;
mod scratch;
mod shard;
pub mod visible;
mod warnings;
pub mod why;
mod workflow;

pub use archive_format::{VersionMetadata, free_bytes};
pub use fbc_catalog::RuleSet;
pub use mirror_job::event::{Event, NoObserver, Observer, Totals};
pub use mirror_job::job::{DryRun, Folders, Job, Options, Part, Shard, Workflow};
pub use mirror_job::report::RunReport;
pub use mirror_job::workdir::WorkingDir;
pub use mirror_job::{event, report, size, workdir};
pub use workflow::{expect_archive, run};
