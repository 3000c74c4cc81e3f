//! Helm charts: load them, render them as Helm does, and find their images.
//!
//! [`yaml`] reads YAML 1.1 as Helm does.
#![allow(dead_code)]

mod chart;
mod glob;
mod gostring;
mod ignore;
mod json;
mod jsonpath;
mod load;
mod manifest;
mod number;
mod objects;
#[cfg(test)]
mod rows;
pub mod semver;
pub mod yaml;

pub use chart::{Chart, Dependency, File, Maintainer, Metadata};
pub use jsonpath::{JsonPath, JsonPathError};
pub use load::{Folder, FolderEntry, FolderKind, LoadError};
pub use manifest::{Hook, Manifest, ManifestError};
