//! Operator catalogs: an image with file-based catalog files under `/configs`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{Format, Image, ImageBuilder, IndexBuilder, Layer};

/// Builds a catalog image as `opm` makes them: a layer with the program, one with the files, one with its cache.
#[derive(Debug, Clone)]
pub struct CatalogBuilder {
    format: Format,
    files: BTreeMap<String, Vec<u8>>,
    architectures: Vec<String>,
    configs: String,
    removed: Vec<String>,
    entrypoint: Option<Vec<String>>,
    command: Option<Vec<String>>,
}

/// The label that says where in the image the catalog is.
const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";

impl CatalogBuilder {
    /// A catalog without packages, for one architecture, under `/configs`.
    pub fn new() -> Self {
        Self {
            format: Format::Docker,
            files: BTreeMap::new(),
            architectures: vec!["amd64".to_owned()],
            configs: "/configs".to_owned(),
            removed: Vec::new(),
            entrypoint: Some(vec!["/bin/opm".to_owned()]),
            command: None,
        }
    }

    /// OCI instead of Docker schema 2.
    #[must_use]
    pub fn oci(mut self) -> Self {
        self.format = Format::Oci;
        self
    }

    /// One more file; the path is relative to the catalog's folder, such as `foo/catalog.json`.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), content.into());
        self
    }

    /// More files.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        self.files.extend(files);
        self
    }

    /// A file that a lower layer has and an upper one removes (OCI layer specification, "Whiteouts").
    #[must_use]
    pub fn removed_file(mut self, path: &str) -> Self {
        self.removed.push(path.to_owned());
        self
    }

    /// A list of images, one for each of these architectures, with the same files; one architecture gives one image.
    #[must_use]
    pub fn architectures(mut self, architectures: &[&str]) -> Self {
        self.architectures = architectures.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// The folder of the catalog in the image, for those that are not at `/configs`.
    #[must_use]
    pub fn configs(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.configs);
        self
    }

    /// What the image starts, instead of `opm` with the words that published catalogs have.
    #[must_use]
    pub fn starts(mut self, entrypoint: &[&str], command: &[&str]) -> Self {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        self.entrypoint = (!entrypoint.is_empty()).then(|| words(entrypoint));
        self.command = Some(words(command));
        self
    }

    /// The catalog: an image, or a list when there are several architectures.
    pub fn build(self) -> Image {
        let folder = self.configs.trim_matches('/');
        let files: Vec<(String, &[u8])> =
            self.files.iter().map(|(path, content)| (format!("{folder}/{path}"), content.as_slice())).collect();
        let configs = Layer::tar_gz(files.iter().map(|(path, content)| (path.as_str(), *content)));
        let mut layers = Vec::new();
        if !self.removed.is_empty() {
            let old: Vec<String> = self.removed.iter().map(|path| format!("{folder}/{path}")).collect();
            layers.push(Layer::tar_gz(old.iter().map(|path| (path.as_str(), b"old".as_slice()))));
            let gone: Vec<String> = old.iter().map(|path| whiteout(path)).collect();
            layers.push(Layer::tar_gz(gone.iter().map(|path| (path.as_str(), b"".as_slice()))));
        }
        layers.push(configs);
        layers.push(Layer::tar_gz([("tmp/cache/digest", b"0".as_slice())]));
        let usual = || vec!["serve".to_owned(), self.configs.clone(), "--cache-dir=/tmp/cache".to_owned()];
        let command = self.command.clone().unwrap_or_else(usual);
        let images: Vec<Image> = self
            .architectures
            .iter()
            .map(|architecture| {
                // The program differs between architectures, the files do not.
                let program = Layer::tar_gz([("bin/opm", architecture.as_bytes())]);
                ImageBuilder::new(self.format)
                    .architecture(architecture)
                    .label(CONFIGS_LABEL, &self.configs)
                    .config_field("Entrypoint", json!(self.entrypoint))
                    .config_field("Cmd", json!((!command.is_empty()).then_some(&command)))
                    .layer(program)
                    .layers(layers.clone())
                    .build()
            })
            .collect();
        match <[Image; 1]>::try_from(images) {
            Ok([image]) => image,
            Err(images) => images.into_iter().fold(IndexBuilder::new(self.format), IndexBuilder::child).build(),
        }
    }
}

impl Default for CatalogBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// `a/b` is removed by an entry `a/.wh.b`.
fn whiteout(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.wh.{name}"),
        None => format!(".wh.{path}"),
    }
}
