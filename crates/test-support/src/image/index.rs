//! Lists of images: OCI index and Docker manifest list.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::builder::pretty;
use super::{Format, Image, ImageBuilder, Layer};
use crate::media_type;

/// Builds a list of manifests.
#[derive(Debug, Clone)]
pub struct IndexBuilder {
    format: Format,
    children: Vec<Image>,
    annotations: BTreeMap<String, String>,
    subject: Option<Value>,
}

impl IndexBuilder {
    /// An OCI index.
    pub fn oci() -> Self {
        Self::new(Format::Oci)
    }

    /// A Docker manifest list.
    pub fn docker() -> Self {
        Self::new(Format::Docker)
    }

    /// A list of this family.
    pub fn new(format: Format) -> Self {
        Self { format, children: Vec::new(), annotations: BTreeMap::new(), subject: None }
    }

    /// One more instance: an image, or a list inside the list.
    #[must_use]
    pub fn child(mut self, child: Image) -> Self {
        self.children.push(child);
        self
    }

    /// One small image, of one layer of `size` bytes, for each of these architectures.
    #[must_use]
    pub fn architectures(mut self, architectures: &[&str], seed: u64, size: usize) -> Self {
        for (number, architecture) in (0_u64..).zip(architectures) {
            let layer = Layer::random(seed.wrapping_mul(1000).wrapping_add(number), size);
            self.children.push(ImageBuilder::new(self.format).architecture(architecture).layer(layer).build());
        }
        self
    }

    /// An annotation of the list (OCI only).
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The manifest that this one refers to (OCI only).
    #[must_use]
    pub fn subject(mut self, subject: &Image) -> Self {
        self.subject = Some(subject.descriptor());
        self
    }

    /// The list.
    pub fn build(self) -> Image {
        let manifests: Vec<Value> = self
            .children
            .iter()
            .map(|child| {
                let mut descriptor = child.descriptor();
                if let Some(platform) = &child.platform {
                    descriptor["platform"] = json!(platform);
                }
                if !child.about.is_empty() {
                    descriptor["annotations"] = json!(child.about);
                }
                descriptor
            })
            .collect();
        let media_type = match self.format {
            Format::Oci => media_type::OCI_INDEX,
            Format::Docker => media_type::DOCKER_LIST,
        };
        let mut list = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        if self.format == Format::Oci {
            if let Some(subject) = self.subject {
                list["subject"] = subject;
            }
            if !self.annotations.is_empty() {
                list["annotations"] = json!(self.annotations);
            }
        }
        let mut image = Image::new(pretty(&list), media_type);
        image.children = self.children;
        image
    }
}
