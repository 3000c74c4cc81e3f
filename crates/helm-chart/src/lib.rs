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
//! The crate touches no files, no clock, no network and no environment. The judge of all details is Helm 3.21.4, the
//! version that oc-mirror uses; `tests/rows` holds what it answered.
//!
//! ## Deviation
//!
//! - `now` is the start of the year 2000, and zones with a name count as UTC. Random texts, passwords, identifiers,
//!   keys and certificates are fixed placeholders of the right length and form. So mirroring to disk and from disk see
//!   the same images. Certificates hold no data: a chart that looks into one does not find what Helm would put there.
//! - `keys` and `values` give the order of the keys. Helm gives another order in every run.
//! - A `$ref` of `values.schema.json` to another machine is not fetched and allows everything; a schema that
//!   points into such a one is not checked.
//! - `fromToml` reports errors in other words, and reads times as texts. `toYamlPretty` may differ for objects.
//! - Bounds that Helm does not have: [`Limits`] of steps, bytes and depth for one chart, and three million tokens in its
//!   templates (real charts stay below a ninth of the bounds); 256 MiB and 50 000 files for a package with the packages inside of it; 20 levels of charts
//!   within charts.
//! - What was damaged in a gzip is told without its place.
//! - An index with fields that Helm does not know, with numbers in place of texts, or with a key twice is read.
//! - A package with a link that leaves the chart, with a device or with a pipe is refused.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod args;
mod chart;
mod data;
mod functions;
mod glob;
mod goregex;
mod gostring;
mod ignore;
mod images;
mod index;
mod json;
mod jsonpath;
mod load;
mod manifest;
mod number;
mod objects;
mod path;
mod render;
#[cfg(test)]
mod rows;
mod schema;
pub mod semver;
mod shape;
mod tree;
mod values;
pub mod yaml;

pub use chart::{Chart, Dependency, File, Maintainer, Metadata};
pub use go_template::Limits;
pub use images::{DEFAULT_PATHS, FindError, FoundImage, ImagePaths};
pub use index::{Index, IndexEntry, IndexError, MAX_INDEX, choose};
pub use jsonpath::{JsonPath, JsonPathError};
pub use load::{Folder, FolderEntry, FolderKind, LoadError};
pub use manifest::{Hook, Manifest, ManifestError};
pub use render::{RenderError, Rendered};
pub use values::{merge_values, read_values};
