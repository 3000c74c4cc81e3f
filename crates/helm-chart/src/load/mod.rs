//! Loads charts: packaged ones (`.tgz`), and folders.
//!
//! Nothing is written and no path is opened: the bytes of an archive come from the caller, and so does the content of a
//! folder (see [`Folder`]). Archives are unpacked in memory, within bounds.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod folder;
mod package;
mod tar;

use std::collections::BTreeMap;

pub use folder::{Folder, FolderEntry, FolderKind};

use crate::chart::{Chart, File, LOCK, METADATA, Metadata};
use crate::path::extension;
use crate::yaml::{self, Json, Target};

/// The largest file of a chart, in bytes; Helm's bound.
pub(crate) const MAX_FILE: u64 = 5 * 1024 * 1024;

/// The most bytes that one packaged chart may unpack to; Helm's bound.
pub(crate) const MAX_CHART: u64 = 100 * 1024 * 1024;

/// The most bytes of a chart with all packages inside of it. Helm has no such bound.
const MAX_ALL: u64 = 256 * 1024 * 1024;

/// The most files of a chart with all packages inside of it. Helm has no such bound.
const MAX_FILES: usize = 50_000;

/// How deep charts may lie within charts. Helm has no such bound.
const MAX_DEPTH: usize = 20;

/// Why a chart cannot be loaded: Helm's words, or ours where Helm has no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    message: String,
}

impl LoadError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    fn wrap(self, words: &str) -> Self {
        Self { message: format!("{words}: {}", self.message) }
    }
}

/// What is left of the bounds; a chart shares them with the charts inside of it.
#[derive(Debug)]
struct Budget {
    bytes: u64,
    files: usize,
    depth: usize,
}

impl Budget {
    fn new() -> Self {
        Self { bytes: MAX_ALL, files: MAX_FILES, depth: 0 }
    }

    fn unpack(&mut self, bytes: u64) -> Result<(), LoadError> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| {
            LoadError::new(format!("the chart and the charts inside of it unpack to more than {MAX_ALL} bytes"))
        })?;
        Ok(())
    }

    fn file(&mut self) -> Result<(), LoadError> {
        self.files = self
            .files
            .checked_sub(1)
            .ok_or_else(|| LoadError::new(format!("the chart has more than {MAX_FILES} files")))?;
        Ok(())
    }
}

impl Chart {
    /// Loads a packaged chart. `name` is how messages call the file.
    ///
    /// # Errors
    ///
    /// Helm's words: no gzip, no tar, paths that leave the chart, too much data, no `Chart.yaml`, and whatever is wrong
    /// in the files.
    pub fn from_package(name: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        package::check_format(name, bytes)?;
        let files = package::unpack(bytes, &mut Budget::new()).map_err(|error| match error.message.as_str() {
            "gzip: invalid header" => {
                let message = format!("file '{name}' does not appear to be a valid chart file (details: {error})");
                LoadError { message }
            }
            _ => error,
        })?;
        Self::assemble(files, &mut Budget::new())
    }

    /// Loads a chart from a folder; `.helmignore` says what does not belong to the chart.
    ///
    /// # Errors
    ///
    /// Helm's words, and what the folder says when it cannot be read.
    pub fn from_folder(folder: &dyn Folder) -> Result<Self, LoadError> {
        let mut budget = Budget::new();
        let files = folder::collect(folder, &mut budget)?;
        Self::assemble(files, &mut Budget::new())
    }

    /// Loads a chart from its files: paths with `/`, and bytes.
    ///
    /// # Errors
    ///
    /// Helm's words for what is missing or wrong in the files.
    pub fn from_files(files: Vec<File>) -> Result<Self, LoadError> {
        Self::assemble(files, &mut Budget::new())
    }

    fn assemble(files: Vec<File>, budget: &mut Budget) -> Result<Self, LoadError> {
        budget.depth += 1;
        if budget.depth > MAX_DEPTH {
            return Err(LoadError::new(format!("charts lie more than {MAX_DEPTH} levels deep within each other")));
        }
        let mut chart = Self::default();
        let mut metadata: Option<Metadata> = None;
        let mut sources: Vec<Json> = Vec::new();
        for file in files.iter().filter(|file| file.name == "Chart.yaml") {
            let data = read(file, &Target::Struct(&METADATA))?;
            let metadata = metadata.get_or_insert_default();
            metadata.read(&data);
            sources.push(data);
            if metadata.api_version.is_empty() {
                "v1".clone_into(&mut metadata.api_version);
            }
        }
        let mut packed: BTreeMap<String, Vec<File>> = BTreeMap::new();
        for file in files {
            match file.name.as_str() {
                "Chart.yaml" => {}
                "Chart.lock" => {
                    read(&file, &Target::Pointer(&LOCK))?;
                }
                "values.yaml" => {
                    chart.values = match read(&file, &Target::Map(&Target::Any))? {
                        Json::Map(values) => Some(values),
                        _ => None,
                    };
                }
                "values.schema.json" => chart.schema = Some(file.data),
                "requirements.yaml" => {
                    let data = read(&file, &Target::Struct(&METADATA))?;
                    let metadata = metadata.get_or_insert_default();
                    metadata.read(&data);
                    sources.push(data);
                    if metadata.api_version == "v1" {
                        chart.files.push(file);
                    }
                }
                "requirements.lock" => {
                    read(&file, &Target::Pointer(&LOCK))?;
                    if metadata.get_or_insert_default().api_version == "v1" {
                        chart.files.push(file);
                    }
                }
                name if name.starts_with("templates/") => chart.templates.push(file),
                name => match name.strip_prefix("charts/") {
                    Some(inner) if extension(name) != "prov" => {
                        let first = inner.split('/').next().unwrap_or_default().to_owned();
                        let name = inner.to_owned();
                        packed.entry(first).or_default().push(File { name, data: file.data });
                    }
                    _ => chart.files.push(file),
                },
            }
        }
        let Some(mut metadata) = metadata else { return Err(LoadError::new("Chart.yaml file is missing")) };
        metadata.validate(&sources.iter().collect::<Vec<_>>()).map_err(LoadError::new)?;
        chart.metadata = metadata;
        for (name, files) in packed {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let inner = Self::inner(&chart.metadata.name, &name, files, budget).map_err(|(error, wrapped)| {
                if wrapped {
                    error
                } else {
                    error.wrap(&format!("error unpacking subchart {name} in {}", chart.metadata.name))
                }
            })?;
            chart.dependencies.push(inner);
        }
        budget.depth -= 1;
        Ok(chart)
    }

    /// A chart under `charts/`; an error says whether it already names the chart.
    fn inner(parent: &str, name: &str, files: Vec<File>, budget: &mut Budget) -> Result<Self, (LoadError, bool)> {
        let plain = |error| (error, false);
        if extension(name) != "tgz" {
            let files = files
                .into_iter()
                .filter_map(|file| {
                    let (_, rest) = file.name.split_once('/')?;
                    Some(File { name: rest.to_owned(), data: file.data })
                })
                .collect();
            return Self::assemble(files, budget).map_err(plain);
        }
        let Some(file) = files.first() else { return Err(plain(LoadError::new("EOF"))) };
        if file.name != name {
            let got = &file.name;
            let message = format!("error unpacking subchart tar in {parent}: expected {name}, got {got}");
            return Err((LoadError::new(message), true));
        }
        let files = package::unpack(&file.data, budget).map_err(plain)?;
        Self::assemble(files, budget).map_err(plain)
    }
}

fn read(file: &File, target: &Target) -> Result<Json, LoadError> {
    yaml::unmarshal(&file.data, target)
        .map_err(|error| LoadError::new(error.to_string()).wrap(&format!("cannot load {}", file.name)))
}

/// The files of a packaged chart as they lie in the package.
#[cfg(test)]
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<File>, LoadError> {
    package::unpack(bytes, &mut Budget::new())
}

/// Go's `%q`.
fn quoted(text: &str) -> String {
    go_template::quote(text.as_bytes())
}
