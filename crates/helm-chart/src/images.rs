//! Images in what a chart renders.

use crate::jsonpath::{JsonPath, JsonPathError};
use crate::manifest::Manifest;
use crate::render::Rendered;
use crate::yaml;

/// Where oc-mirror looks for images, before it looks where the configuration's `imagePaths` say.
pub const DEFAULT_PATHS: [&str; 4] = [
    "{.spec.template.spec.initContainers[*].image}",
    "{.spec.template.spec.containers[*].image}",
    "{.spec.initContainers[*].image}",
    "{.spec.containers[*].image}",
];

/// A text that stands where an image belongs. Whether it names one is for the caller to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// The text: `quay.io/org/name:v1`.
    pub name: String,
    /// The path of the template, or of the file of resource definitions: `chart/templates/deployment.yaml`.
    pub source: String,
}

/// Why no images can be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// A document is no YAML.
    #[error("{source_path}: {error}")]
    Yaml {
        /// The path of the template, or of the file of resource definitions.
        source_path: String,
        /// What is wrong.
        error: yaml::Error,
    },
    /// A path does not fit what a document has.
    #[error("{source_path}: {path}: {error}")]
    Path {
        /// The path of the template, or of the file of resource definitions.
        source_path: String,
        /// The path as it is written.
        path: String,
        /// What is wrong.
        error: JsonPathError,
    },
}

/// Where to look for images: [`DEFAULT_PATHS`], and more.
#[derive(Debug, Clone)]
pub struct ImagePaths(Vec<(String, JsonPath)>);

impl ImagePaths {
    /// The default paths, and behind them those of `imagePaths`.
    ///
    /// # Errors
    ///
    /// The first of `more` that is no path, and why.
    pub fn new<'a>(more: impl IntoIterator<Item = &'a str>) -> Result<Self, (String, JsonPathError)> {
        let mut paths = Vec::new();
        for path in DEFAULT_PATHS.into_iter().chain(more) {
            let parsed = JsonPath::parse(path).map_err(|error| (path.to_owned(), error))?;
            paths.push((path.to_owned(), parsed));
        }
        Ok(Self(paths))
    }

    fn find(&self, manifest: &Manifest, images: &mut Vec<FoundImage>) -> Result<(), FindError> {
        // oc-mirror writes all documents into one text, each under a line that names its source, and cuts it again.
        let text = format!("# Source: {}\n{}", manifest.path, manifest.text);
        for document in text.split("\n---\n") {
            let source = || manifest.path.clone();
            let data =
                yaml::read(document.as_bytes()).map_err(|error| FindError::Yaml { source_path: source(), error })?;
            for (path, parsed) in &self.0 {
                let found = parsed.print(&data).map_err(|error| FindError::Path {
                    source_path: source(),
                    path: path.clone(),
                    error,
                })?;
                let names = found.split(' ').filter(|name| !name.is_empty());
                images.extend(names.map(|name| FoundImage { name: name.to_owned(), source: source() }));
            }
        }
        Ok(())
    }
}

impl Rendered {
    /// The images of the resource definitions and of the documents, in oc-mirror's order, with repeats.
    ///
    /// # Errors
    ///
    /// When a document is no YAML, or a path does not fit what stands there.
    pub fn images(&self, paths: &ImagePaths) -> Result<Vec<FoundImage>, FindError> {
        let mut images = Vec::new();
        for manifest in self.crds.iter().chain(&self.manifests) {
            paths.find(manifest, &mut images)?;
        }
        Ok(images)
    }

    /// The images of the hooks, in the order of the hooks, with repeats.
    ///
    /// # Errors
    ///
    /// As [`images`](Self::images).
    pub fn hook_images(&self, paths: &ImagePaths) -> Result<Vec<FoundImage>, FindError> {
        let mut images = Vec::new();
        for hook in &self.hooks {
            paths.find(&hook.manifest, &mut images)?;
        }
        Ok(images)
    }
}
