//! A small world of images: one of each kind that a mirror meets.

use image_ref::Digest;

use crate::{
    DebianRegistry, Image, ImageBuilder, IndexBuilder, Layer, Registry, artifact, cosign_signature,
    cosign_signature_tag, schema1, schema1_signed,
};

/// An image with its name in the world.
#[derive(Debug, Clone)]
pub struct WorldImage {
    /// The repository, such as `apps/single`.
    pub repository: String,
    /// The tag, when it has one.
    pub tag: Option<String>,
    /// Whether a configuration names it by digest.
    pub pinned: bool,
    /// What it is.
    pub image: Image,
}

impl WorldImage {
    fn new(repository: &str, tag: Option<&str>, pinned: bool, image: Image) -> Self {
        Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), pinned, image }
    }

    /// How a configuration names it: `HOST/REPOSITORY[:TAG][@DIGEST]`.
    pub fn reference(&self, host: &str) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = if self.pinned { format!("@{}", self.image.digest) } else { String::new() };
        format!("{host}/{}{tag}{digest}", self.repository)
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> &Digest {
        &self.image.digest
    }
}

/// Images with their names.
#[derive(Debug, Clone)]
pub struct World {
    /// The images, in a fixed order.
    pub images: Vec<WorldImage>,
}

impl World {
    /// Nine ordinary images of a few hundred KiB in all: single and multi-arch, OCI and Docker, gzip and zstd, with
    /// tag, digest, and both; several share their base layers.
    pub fn small(seed: u64) -> Self {
        let layer = |number: u64, size: usize| Layer::random(seed.wrapping_mul(100).wrapping_add(number), size);
        let base = [layer(0, 60_000), layer(1, 20_000)];
        let on_base = |builder: ImageBuilder| builder.layers(base.clone());
        let files = [("etc/motd", b"hello\n".as_slice())];
        let multi = IndexBuilder::oci().architectures(&["amd64", "arm64", "s390x"], seed.wrapping_add(1), 20_000);
        let list = IndexBuilder::docker().architectures(&["amd64", "ppc64le"], seed.wrapping_add(2), 20_000);
        let pinned_list = IndexBuilder::oci().architectures(&["amd64", "arm64"], seed.wrapping_add(3), 10_000);
        let images = vec![
            WorldImage::new(
                "apps/single",
                Some("v1"),
                false,
                on_base(ImageBuilder::oci()).layer(layer(2, 30_000)).build(),
            ),
            WorldImage::new(
                "apps/docker",
                Some("1.0"),
                false,
                on_base(ImageBuilder::docker()).layer(layer(3, 40_000)).build(),
            ),
            WorldImage::new("apps/multi", Some("v1"), false, multi.build()),
            WorldImage::new("apps/list", Some("latest"), false, list.build()),
            WorldImage::new("apps/pinned", None, true, on_base(ImageBuilder::docker()).layer(layer(4, 5_000)).build()),
            WorldImage::new("apps/pinned-list", None, true, pinned_list.build()),
            WorldImage::new("apps/both", Some("stable"), true, on_base(ImageBuilder::oci()).label("a", "b").build()),
            WorldImage::new("apps/zstd", Some("v1"), false, ImageBuilder::oci().layer(Layer::zstd(files)).build()),
            WorldImage::new(
                "deep/down/below/app",
                Some("v1.2.3-rc.1"),
                false,
                ImageBuilder::oci().layer(layer(5, 3_000)).build(),
            ),
        ];
        Self { images }
    }

    /// What old registries and new tools also hold: schema 1 manifests, a list in a list, an artifact, a signed image
    /// with its cosign signature and a referrer.
    pub fn odd(seed: u64) -> Self {
        let layers = [Layer::random(seed, 4_000), Layer::random(seed.wrapping_add(1), 3_000)];
        let inner = IndexBuilder::oci().architectures(&["arm64"], seed.wrapping_add(2), 4_000).build();
        let nested = IndexBuilder::oci().architectures(&["amd64"], seed.wrapping_add(3), 4_000).child(inner).build();
        let signed = ImageBuilder::oci().layers(layers.clone()).label("signed", "yes").build();
        let signature = cosign_signature("odd/signed", &signed);
        let referrer = artifact("application/spdx+json", "application/spdx+json", b"{}", Some(&signed));
        let chart = artifact("application/vnd.cncf.helm.config.v1+json", "text/plain", b"chart", None);
        let signature_tag = cosign_signature_tag(&signed.digest);
        let images = vec![
            WorldImage::new("odd/schema1", Some("v1"), false, schema1("odd/schema1", "v1", &layers)),
            WorldImage::new(
                "odd/schema1-signed",
                Some("v1"),
                false,
                schema1_signed("odd/schema1-signed", "v1", &layers),
            ),
            WorldImage::new("odd/nested", Some("v1"), false, nested),
            WorldImage::new("odd/artifact", Some("v1"), false, chart),
            WorldImage::new("odd/signed", Some("v1"), false, signed),
            WorldImage::new("odd/signed", Some(&signature_tag), false, signature),
            WorldImage::new("odd/signed", None, true, referrer),
        ];
        Self { images }
    }

    /// Puts all images into an in-process registry.
    pub fn push_to(&self, registry: &Registry) {
        for found in &self.images {
            registry.push(&found.repository, found.tag.as_deref(), &found.image);
        }
    }

    /// Puts all images into a `docker-registry`.
    pub fn push_to_debian(&self, registry: &DebianRegistry) {
        for found in &self.images {
            registry.push(&found.repository, found.tag.as_deref(), &found.image);
        }
    }

    /// How a configuration names each of them.
    pub fn references(&self, host: &str) -> Vec<String> {
        self.images.iter().map(|image| image.reference(host)).collect()
    }

    /// The bytes of all blobs, each counted once.
    pub fn size(&self) -> u64 {
        let mut seen = std::collections::HashSet::new();
        let blobs = self.images.iter().flat_map(|found| found.image.all_blobs());
        blobs.filter(|blob| seen.insert(&blob.digest)).map(|blob| blob.bytes.len() as u64).sum()
    }
}
