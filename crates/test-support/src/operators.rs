//! A catalog together with every image that it names.

use std::fmt::Write as _;

use serde_json::json;

use crate::{CatalogBuilder, DebianRegistry, Image, ImageBuilder, IndexBuilder, Layer, Registry, WorldImage};

/// Operators in a catalog: bundles, operands, and one image that all of them share.
#[derive(Debug, Clone)]
pub struct OperatorWorld {
    /// The catalog, at `cat/index:v1`.
    pub catalog: WorldImage,
    /// What the catalog names, in the order of packages and versions; the shared image last.
    pub images: Vec<WorldImage>,
}

impl OperatorWorld {
    /// Packages with their versions, ascending: each replaces the one before in channel `stable`. `host` is the
    /// registry that the catalog's references name. The bundle of `foo` 0.1.0 is `foo.v0.1.0`, its image
    /// `ns/foo-bundle:0.1.0`, its operand `ns/foo` by digest; all share `ns/shared` by digest.
    pub fn new(host: &str, packages: &[(&str, &[&str])]) -> Self {
        let (builder, images) = Self::parts(host, packages);
        Self { catalog: world_image("cat/index", Some("v1"), builder.build()), images }
    }

    /// The catalog before it is built, and the images that it names.
    pub fn parts(host: &str, packages: &[(&str, &[&str])]) -> (CatalogBuilder, Vec<WorldImage>) {
        let shared = IndexBuilder::oci().architectures(&["amd64", "arm64"], 500, 5000).build();
        let mut builder = CatalogBuilder::new().oci().architectures(&["amd64", "arm64"]);
        let mut images = Vec::new();
        for (package, versions) in packages {
            let mut text = String::new();
            let mut add = |value: serde_json::Value| writeln!(text, "{value}").expect("a String takes text");
            add(json!({ "schema": "olm.package", "name": package, "defaultChannel": "stable" }));
            let name = |version: &str| format!("{package}.v{version}");
            let entry = |at: usize| match at.checked_sub(1) {
                None => json!({ "name": name(versions[at]) }),
                Some(before) => json!({ "name": name(versions[at]), "replaces": name(versions[before]) }),
            };
            let entries: Vec<_> = (0..versions.len()).map(entry).collect();
            add(json!({ "schema": "olm.channel", "name": "stable", "package": package, "entries": entries }));
            for version in *versions {
                let bundle = Self::bundle(package, version);
                let operand = Self::operand(package, version);
                let image = format!("{host}/ns/{package}-bundle:{version}");
                let related = [image.clone(), operand.reference(host), format!("{host}/ns/shared@{}", shared.digest)];
                let related: Vec<_> = related.iter().map(|image| json!({ "name": "", "image": image })).collect();
                add(json!({
                    "schema": "olm.bundle",
                    "name": name(version),
                    "package": package,
                    "image": image,
                    "properties": [
                        { "type": "olm.package", "value": { "packageName": package, "version": version } },
                    ],
                    "relatedImages": related,
                }));
                images.extend([bundle, operand]);
            }
            builder = builder.file(&format!("{package}/catalog.json"), text);
        }
        images.push(world_image("ns/shared", None, shared));
        (builder, images)
    }

    /// The bundle image of a version.
    pub fn bundle(package: &str, version: &str) -> WorldImage {
        let image = ImageBuilder::docker().layer(Layer::random(seed(package, version), 3000)).build();
        world_image(&format!("ns/{package}-bundle"), Some(version), image)
    }

    /// The image that a version of the operator runs.
    pub fn operand(package: &str, version: &str) -> WorldImage {
        let image = ImageBuilder::oci().layer(Layer::random(seed(package, version).wrapping_add(1), 9000)).build();
        world_image(&format!("ns/{package}"), None, image)
    }

    /// Puts everything into an in-process registry.
    pub fn push_to(&self, registry: &Registry) {
        for found in self.images.iter().chain([&self.catalog]) {
            registry.push(&found.repository, found.tag.as_deref(), &found.image);
        }
    }

    /// Puts everything into a `docker-registry`.
    pub fn push_to_debian(&self, registry: &DebianRegistry) {
        for found in self.images.iter().chain([&self.catalog]) {
            registry.push(&found.repository, found.tag.as_deref(), &found.image);
        }
    }
}

/// What has no tag is named by digest.
fn world_image(repository: &str, tag: Option<&str>, image: Image) -> WorldImage {
    WorldImage { repository: repository.to_owned(), tag: tag.map(str::to_owned), pinned: tag.is_none(), image }
}

fn seed(package: &str, version: &str) -> u64 {
    package.bytes().chain(version.bytes()).fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_the_catalog_names_is_there() {
        let world = OperatorWorld::new("reg.test", &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]);
        let names: Vec<String> = world.images.iter().map(|image| image.reference("reg.test")).collect();
        assert_eq!(names.len(), 7);
        let files: Vec<String> = world
            .catalog
            .image
            .all_blobs()
            .iter()
            .filter_map(|blob| {
                let mut text = String::new();
                let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&blob.bytes[..]));
                for entry in archive.entries().ok()? {
                    std::io::Read::read_to_string(&mut entry.ok()?, &mut text).ok()?;
                }
                Some(text)
            })
            .collect();
        let text = files.concat();
        for name in names {
            assert!(text.contains(&name), "{name} is not in the catalog");
        }
        assert!(text.contains(r#""name":"foo.v0.2.0","replaces":"foo.v0.1.0""#));
    }
}
