//! Helm charts: load them, render them as Helm does, and find their images.
//!
//! [`Chart::from_package`] and [`Chart::from_folder`] load a chart, [`Chart::render`] renders it, and
//! [`Rendered::images`] finds the images.
//!
//! ```no_run
//! use helm_chart::{Chart, ImagePaths, merge_values, read_values};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = std::fs::read("podinfo-6.14.1.tgz")?;
//! let chart = Chart::from_package("podinfo-6.14.1.tgz", &bytes)?;
//!
//! // The chart's own values need not be given. What is given lies above them, the last file on top.
//! let mut values = read_values(b"replicaCount: 2")?;
//! merge_values(&mut values, read_values(b"image: {tag: v1}")?);
//!
//! let rendered = chart.render(&values)?;
//! let paths = ImagePaths::new(["{.spec.jobTemplate.spec.template.spec.containers[*].image}"])
//!     .map_err(|(path, error)| format!("{path}: {error}"))?;
//! for image in rendered.images(&paths)? {
//!     println!("{} (in {})", image.name, image.source);
//! }
//! // Hooks are apart: oc-mirror does not look at them unless it is asked to.
//! let _ = rendered.hook_images(&paths)?;
//! # Ok(())
//! # }
//! ```
//!
//! [`yaml`] reads YAML 1.1 as Helm does, [`semver`] versions and constraints.
//!
//! The crate touches no files, no clock, no network and no environment.

mod chart;
mod functions;
mod glob;
mod goregex;
mod gostring;
mod ignore;
mod images;
mod json;
mod jsonpath;
mod load;
mod manifest;
mod number;
mod objects;
mod render;
#[cfg(test)]
mod rows;
pub mod semver;
mod tree;
mod values;
pub mod yaml;

pub use chart::{Chart, Dependency, File, Maintainer, Metadata};
pub use images::{DEFAULT_PATHS, FindError, FoundImage, ImagePaths};
pub use jsonpath::{JsonPath, JsonPathError};
pub use load::{Folder, FolderEntry, FolderKind, LoadError};
pub use manifest::{Hook, Manifest, ManifestError};
pub use render::{RenderError, Rendered};
pub use values::{merge_values, read_values};
