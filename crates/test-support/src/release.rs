//! Releases: a payload image that lists its component images.

use image_ref::Digest;
use serde_json::json;

use crate::{DebianRegistry, Image, ImageBuilder, IndexBuilder, Layer, Registry};

/// The repository of payloads, below any registry.
pub const PAYLOADS: &str = "openshift-release-dev/ocp-release";
/// The repository of components, below any registry.
pub const COMPONENTS: &str = "openshift-release-dev/ocp-v4.0-art-dev";

/// A release whose references name `quay.io`, as those of real releases do.
#[derive(Debug, Clone)]
pub struct Release {
    /// The tag, such as `4.16.2-x86_64`.
    pub tag: String,
    /// The payload.
    pub payload: Image,
    /// Name and image of each component.
    pub components: Vec<(String, Image)>,
    /// Key, such as `x86_64`, and image of each KubeVirt boot image.
    pub boot_images: Vec<(String, Image)>,
    /// The payload of each architecture, and whether a list holds them.
    instances: Vec<ImageBuilder>,
    is_list: bool,
}

/// Where a payload lists its components.
const REFERENCES: &str = "release-manifests/image-references";
/// Where a payload lists its boot images.
const BOOT_IMAGES: &str = "release-manifests/0000_50_installer_coreos-bootimages.yaml";

impl Release {
    /// A release of `count` components with tiny layers. All share a base layer; those before `changed` differ from
    /// version to version, the others are the same in all versions.
    pub fn new(version: &str, count: usize, changed: usize) -> Self {
        Self::make(version, "x86_64", &["amd64"], count, changed)
    }

    /// The release of another architecture, by the ending of its tag, such as `aarch64`, and its name in images.
    pub fn of_architecture(version: &str, ending: &str, architecture: &str, count: usize, changed: usize) -> Self {
        Self::make(version, ending, &[architecture], count, changed)
    }

    /// A release of several architectures: payload and components are lists.
    pub fn multi(version: &str, architectures: &[&str], count: usize, changed: usize) -> Self {
        Self::make(version, "multi", architectures, count, changed)
    }

    fn make(version: &str, ending: &str, architectures: &[&str], count: usize, changed: usize) -> Self {
        let seed = version.bytes().fold(7_u64, |seed, byte| seed * 31 + u64::from(byte));
        let (base, is_list) = (Layer::random(1, 4000), ending == "multi");
        let instance = |architecture: &str| ImageBuilder::docker().architecture(architecture).layer(base.clone());
        let components: Vec<(String, Image)> = (0..count)
            .map(|at| {
                let own = if at < changed { seed * 1000 } else { 0 } + at as u64 + 2;
                let images = architectures.iter().map(|architecture| {
                    // The layers of other architectures are others.
                    let own =
                        own + if *architecture == "amd64" { 0 } else { u64::from(architecture.as_bytes()[0]) << 40 };
                    instance(architecture).layer(Layer::random(own, 3000)).build()
                });
                (format!("component-{at:03}"), together(images, is_list))
            })
            .collect();
        let references = image_references(version, components.iter().map(|(name, image)| (name.as_str(), image)));
        let metadata = json!({ "kind": "cincinnati-metadata-v0", "version": version }).to_string();
        let manifests = Layer::tar_gz([
            (REFERENCES, references.as_slice()),
            ("release-manifests/release-metadata", metadata.as_bytes()),
        ]);
        let instances: Vec<ImageBuilder> =
            architectures.iter().map(|architecture| instance(architecture).layer(manifests.clone())).collect();
        let payload = together(instances.iter().cloned().map(ImageBuilder::build), is_list);
        let tag = format!("{version}-{ending}");
        Self { tag, payload, components, boot_images: Vec::new(), instances, is_list }
    }

    /// The same release with one layer more in each payload.
    #[must_use]
    pub fn layer(mut self, layer: &Layer) -> Self {
        self.instances = self.instances.into_iter().map(|instance| instance.layer(layer.clone())).collect();
        self.payload = together(self.instances.iter().cloned().map(ImageBuilder::build), self.is_list);
        self
    }

    /// The same release with these KubeVirt boot images, each with its key, such as `x86_64`.
    #[must_use]
    pub fn boot_images(mut self, images: impl IntoIterator<Item = (&'static str, Image)>) -> Self {
        self.boot_images = images.into_iter().map(|(key, image)| (key.to_owned(), image)).collect();
        let architectures: serde_json::Map<String, serde_json::Value> = self
            .boot_images
            .iter()
            .map(|(key, image)| {
                let reference = format!("quay.io/{COMPONENTS}@{}", image.digest);
                (key.clone(), json!({ "images": { "kubevirt": { "digest-ref": reference } } }))
            })
            .collect();
        let stream = json!({ "stream": "rhcos", "architectures": architectures }).to_string();
        let map = json!({ "kind": "ConfigMap", "apiVersion": "v1", "data": { "stream": stream } }).to_string();
        self.layer(&Layer::tar_gz([(BOOT_IMAGES, map.as_bytes())]))
    }

    /// The digest of the payload.
    pub fn digest(&self) -> &Digest {
        &self.payload.digest
    }

    /// The payload as an update service names it.
    pub fn by_digest(&self) -> String {
        format!("quay.io/{PAYLOADS}@{}", self.payload.digest)
    }

    /// The payload as its signature names it.
    pub fn by_tag(&self) -> String {
        format!("quay.io/{PAYLOADS}:{}", self.tag)
    }

    /// What is signed: the simple signing payload.
    pub fn identity(&self) -> Vec<u8> {
        json!({
            "critical": {
                "type": "atomic container signature",
                "image": { "docker-manifest-digest": self.payload.digest.to_string() },
                "identity": { "docker-reference": self.by_tag() },
            },
            "optional": { "creator": "test-support" },
        })
        .to_string()
        .into_bytes()
    }

    /// Pushes payload, components and boot images.
    pub fn push_to(&self, registry: &Registry) {
        for (_, image) in self.components.iter().chain(&self.boot_images) {
            registry.push(COMPONENTS, None, image);
        }
        registry.push(PAYLOADS, self.tag.as_str(), &self.payload);
    }

    /// Pushes payload, components and boot images.
    pub fn push_to_debian(&self, registry: &DebianRegistry) {
        for (_, image) in self.components.iter().chain(&self.boot_images) {
            registry.push(COMPONENTS, None, image);
        }
        registry.push(PAYLOADS, self.tag.as_str(), &self.payload);
    }
}

/// The file in which a payload lists its components, by name.
pub fn image_references<'a>(version: &str, components: impl IntoIterator<Item = (&'a str, &'a Image)>) -> Vec<u8> {
    let tags: Vec<_> = components
        .into_iter()
        .map(|(name, image)| {
            let from = json!({ "kind": "DockerImage", "name": format!("quay.io/{COMPONENTS}@{}", image.digest) });
            json!({ "name": name, "from": from })
        })
        .collect();
    let references = json!({
        "kind": "ImageStream",
        "apiVersion": "image.openshift.io/v1",
        "metadata": { "name": version, "creationTimestamp": "2026-01-02T03:04:05Z" },
        "spec": { "lookupPolicy": { "local": false }, "tags": tags },
    });
    serde_json::to_vec_pretty(&references).expect("JSON values can be written")
}

/// A list of these images, or the only one.
fn together(images: impl Iterator<Item = Image>, is_list: bool) -> Image {
    let mut images = images;
    if is_list {
        return images.fold(IndexBuilder::docker(), IndexBuilder::child).build();
    }
    images.next().expect("a release has an architecture")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_share_what_did_not_change() {
        let (first, second) = (Release::new("4.99.1", 10, 3), Release::new("4.99.2", 10, 3));
        let pairs = first.components.iter().zip(&second.components);
        let same: Vec<bool> = pairs.map(|(a, b)| a.1.digest == b.1.digest).collect();
        assert_eq!(same, [false, false, false, true, true, true, true, true, true, true]);
        assert_ne!(first.digest(), second.digest());
        assert_eq!(first.digest(), Release::new("4.99.1", 10, 3).digest());
    }
}
