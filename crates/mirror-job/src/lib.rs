//! What one run is given, and what it tells: values that every other part of mirroring uses.
//!
//! - [`job`]: from where to where, the configuration, clients and options;
//! - [`event`]: what happens while a run works; [`report`]: what it did;
//! - [`lacking`]: what an incomplete archive lacks;
//! - [`failure`]: why a step for an image failed; [`guard`]: a panic is such a reason, too;
//! - [`workdir`]: the layout of the working directory.
//!
//! Nothing here knows how a run is done: no workflow, no copying, no collecting.
//!
//! ```
//! use mirror_job::{Condition, CopyError, Workflow};
//!
//! let failed = CopyError::permanent(Condition::NOT_FOUND, "the registry does not have the image");
//! assert_eq!((failed.condition.as_str(), failed.retry_can_help), ("not-found", false));
//!
//! let workflow = Workflow::MirrorToDisk { folder: "/srv/mirror".into() };
//! assert_eq!(workflow.working_dir().root().to_str(), Some("/srv/mirror/working-dir"));
//! ```

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod diagnostic;
pub mod event;
pub mod failure;
pub mod guard;
pub mod job;
pub mod lacking;
mod listed;
pub mod report;
mod size;
pub mod workdir;

pub use diagnostic::Diagnostic;
pub use event::{Event, NoObserver, Observer, Totals};
pub use failure::{Condition, CopyError};
pub use job::{DryRun, Folders, Job, Options, Workflow};
pub use listed::listed;
pub use report::RunReport;
pub use size::size;
pub use workdir::WorkingDir;
