//! Single images: OCI and Docker schema 2.

use std::collections::BTreeMap;

use image_ref::Platform;
use serde_json::{Map, Value, json};

use super::{Blob, Format, Image, Layer, LayerCompression};
use crate::media_type;

/// Builds a single image: a configuration and layers.
#[derive(Debug, Clone)]
pub struct ImageBuilder {
    format: Format,
    platform: Platform,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    env: Vec<String>,
    layers: Vec<Layer>,
    created_by: Vec<String>,
    about: BTreeMap<String, String>,
    subject: Option<Value>,
    config: Map<String, Value>,
}

impl ImageBuilder {
    /// An OCI image for `linux/amd64`.
    pub fn oci() -> Self {
        Self::new(Format::Oci)
    }

    /// A Docker schema 2 image for `linux/amd64`.
    pub fn docker() -> Self {
        Self::new(Format::Docker)
    }

    /// An image of this family for `linux/amd64`.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            platform: Platform::new("linux", "amd64"),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            env: vec!["PATH=/usr/bin:/bin".to_owned()],
            layers: Vec::new(),
            created_by: Vec::new(),
            about: BTreeMap::new(),
            subject: None,
            config: Map::new(),
        }
    }

    /// The platform.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// `linux` and this architecture.
    #[must_use]
    pub fn architecture(self, architecture: &str) -> Self {
        self.platform(Platform::new("linux", architecture))
    }

    /// A label of the configuration.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An annotation of the manifest (OCI only).
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An environment variable of the configuration, `NAME=value`.
    #[must_use]
    pub fn env(mut self, variable: &str) -> Self {
        self.env.push(variable.to_owned());
        self
    }

    /// Any other field of the configuration's `config`, such as `Entrypoint`.
    #[must_use]
    pub fn config_field(mut self, name: &str, value: Value) -> Self {
        self.config.insert(name.to_owned(), value);
        self
    }

    /// One more layer on top.
    #[must_use]
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// More layers on top.
    #[must_use]
    pub fn layers(mut self, layers: impl IntoIterator<Item = Layer>) -> Self {
        self.layers.extend(layers);
        self
    }

    /// Annotations that an index which lists the image gives its descriptor.
    #[must_use]
    pub fn about(mut self, annotations: &[(&str, &str)]) -> Self {
        self.about = annotations.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        self
    }

    /// What the history says of the layers, from the bottom up; of those without a text, that this crate made them.
    #[must_use]
    pub fn created_by(mut self, texts: &[&str]) -> Self {
        self.created_by = texts.iter().map(|&text| text.to_owned()).collect();
        self
    }

    /// The manifest that this one refers to (OCI only; "subject").
    #[must_use]
    pub fn subject(mut self, subject: &Image) -> Self {
        self.subject = Some(subject.descriptor());
        self
    }

    /// The image.
    pub fn build(self) -> Image {
        let oci = self.format == Format::Oci;
        let diff_ids: Vec<String> = self.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let created_by = self.created_by.iter().map(String::as_str).chain(std::iter::repeat("test-support"));
        let history: Vec<Value> =
            diff_ids.iter().zip(created_by).map(|(_, by)| json!({ "created": CREATED, "created_by": by })).collect();
        let mut config = json!({
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "created": CREATED,
            "config": { "Env": self.env, "Labels": self.labels },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        });
        for (name, value) in self.config {
            config["config"][name] = value;
        }
        if let Some(variant) = &self.platform.variant {
            config["variant"] = variant.as_str().into();
        }
        let config = Blob::new(config.to_string());
        let descriptor = |media_type: &str, blob: &Blob| json!({ "mediaType": media_type, "size": blob.bytes.len(), "digest": blob.digest });
        let layers: Vec<(Blob, Value)> = self
            .layers
            .iter()
            .map(|layer| {
                let blob = Blob::new(layer.bytes.clone());
                let descriptor = descriptor(layer_type(self.format, layer.compression), &blob);
                (blob, descriptor)
            })
            .collect();
        let (manifest_type, config_type) = match self.format {
            Format::Oci => (media_type::OCI_MANIFEST, media_type::OCI_CONFIG),
            Format::Docker => (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG),
        };
        let mut manifest = Map::new();
        manifest.insert("schemaVersion".to_owned(), 2.into());
        manifest.insert("mediaType".to_owned(), manifest_type.into());
        manifest.insert("config".to_owned(), descriptor(config_type, &config));
        manifest.insert("layers".to_owned(), layers.iter().map(|(_, value)| value.clone()).collect());
        if let Some(subject) = self.subject.filter(|_| oci) {
            manifest.insert("subject".to_owned(), subject);
        }
        if oci && !self.annotations.is_empty() {
            manifest.insert("annotations".to_owned(), json!(self.annotations));
        }
        let mut image = Image::new(pretty(&Value::Object(manifest)), manifest_type);
        image.platform = Some(self.platform);
        image.about = self.about;
        image.blobs = std::iter::once(config).chain(layers.into_iter().map(|(blob, _)| blob)).collect();
        image
    }
}

/// A fixed moment: images carry no clock.
const CREATED: &str = "2024-01-01T00:00:00Z";

/// Manifests are indented, as `docker` and `podman` write them: whoever parses and writes them again changes bytes.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON values can be written")
}

fn layer_type(format: Format, compression: LayerCompression) -> &'static str {
    match (format, compression) {
        (Format::Oci, LayerCompression::None) => media_type::OCI_LAYER,
        (Format::Oci, LayerCompression::Gzip) => media_type::OCI_LAYER_GZIP,
        // Docker schema 2 has no name of its own for zstd.
        (_, LayerCompression::Zstd) => media_type::OCI_LAYER_ZSTD,
        (Format::Docker, LayerCompression::None) => media_type::DOCKER_LAYER,
        (Format::Docker, LayerCompression::Gzip) => media_type::DOCKER_LAYER_GZIP,
    }
}
