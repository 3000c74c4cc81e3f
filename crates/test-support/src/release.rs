//! Releases: a payload image that lists its component images.

use image_ref::Digest;
use serde_json::json;

use crate::{DebianRegistry, Image, ImageBuilder, Layer, Registry};

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
}

impl Release {
    /// A release of `count` components with tiny layers. All share a base layer; those before `changed` differ from
    /// version to version, the others are the same in all versions.
    pub fn new(version: &str, count: usize, changed: usize) -> Self {
        let seed = version.bytes().fold(7_u64, |seed, byte| seed * 31 + u64::from(byte));
        let base = Layer::random(1, 4000);
        let components: Vec<(String, Image)> = (0..count)
            .map(|at| {
                let own = if at < changed { seed * 1000 } else { 0 } + at as u64 + 2;
                let image = ImageBuilder::docker().layer(base.clone()).layer(Layer::random(own, 3000)).build();
                (format!("component-{at:03}"), image)
            })
            .collect();
        let tags: Vec<_> = components
            .iter()
            .map(|(name, image)| {
                json!({
                    "name": name,
                    "from": { "kind": "DockerImage", "name": format!("quay.io/{COMPONENTS}@{}", image.digest) },
                })
            })
            .collect();
        let references = json!({
            "kind": "ImageStream",
            "apiVersion": "image.openshift.io/v1",
            "metadata": { "name": version, "creationTimestamp": "2026-01-02T03:04:05Z" },
            "spec": { "lookupPolicy": { "local": false }, "tags": tags },
        });
        let references = serde_json::to_vec_pretty(&references).expect("JSON values can be written");
        let metadata = json!({ "kind": "cincinnati-metadata-v0", "version": version }).to_string();
        let manifests = Layer::tar_gz([
            ("release-manifests/image-references", references.as_slice()),
            ("release-manifests/release-metadata", metadata.as_bytes()),
        ]);
        let payload = ImageBuilder::docker().layer(base).layer(manifests).build();
        Self { tag: format!("{version}-x86_64"), payload, components }
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

    /// Pushes payload and components.
    pub fn push_to(&self, registry: &Registry) {
        for (_, image) in &self.components {
            registry.push(COMPONENTS, None, image);
        }
        registry.push(PAYLOADS, self.tag.as_str(), &self.payload);
    }

    /// Pushes payload and components.
    pub fn push_to_debian(&self, registry: &DebianRegistry) {
        for (_, image) in &self.components {
            registry.push(COMPONENTS, None, image);
        }
        registry.push(PAYLOADS, self.tag.as_str(), &self.payload);
    }
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
