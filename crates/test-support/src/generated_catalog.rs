//! File-based catalogs of a given size with the shape of published ones, for benchmarks and for tests without real data.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Random, sha256};

/// How many packages and bundles, how large, and what fills them.
#[derive(Debug, Clone, Copy)]
pub struct GeneratedCatalog {
    /// How many packages.
    pub packages: usize,
    /// How many bundles each package has.
    pub bundles: usize,
    /// About how many bytes each bundle takes.
    pub bundle_bytes: usize,
    /// What the bytes of a bundle are.
    pub filling: Filling,
    /// The same seed gives the same bytes.
    pub seed: u64,
}

/// What makes a bundle large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filling {
    /// `olm.bundle.object`: a few long lines of base64, as catalogs up to 4.16 have them.
    Objects,
    /// `olm.csv.metadata`: thousands of short lines, as catalogs from 4.17 on have them.
    Metadata,
}

impl GeneratedCatalog {
    /// The shape of `certified-operators` 4.14: 40 packages, 57 MB, bundles carry their objects.
    pub fn with_objects() -> Self {
        Self { packages: 40, bundles: 9, bundle_bytes: 158_000, filling: Filling::Objects, seed: 14 }
    }

    /// The shape of `certified-operators` 4.18: 59 packages, 739 bundles, 20 MB, bundles carry the metadata of their CSV.
    pub fn with_metadata() -> Self {
        Self { packages: 59, bundles: 12, bundle_bytes: 28_000, filling: Filling::Metadata, seed: 18 }
    }

    /// The name of a package.
    pub fn package(number: usize) -> String {
        format!("operator-{number:03}")
    }

    /// The files, one `<package>/catalog.yaml` after the other, as `opm render --output yaml` writes them.
    ///
    /// Each package has a channel `stable`, the default, in which each version replaces the one before, and a channel
    /// `candidate` with the upper half of it, the head of which skips all others. Every bundle relates its own image, two
    /// operands of its own, and one that all versions of the package share, all by digest.
    pub fn files(self) -> impl Iterator<Item = (String, String)> {
        (0..self.packages).map(move |number| {
            let name = Self::package(number);
            (format!("{name}/catalog.yaml"), self.package_yaml(&name, self.seed.wrapping_mul(1_000) + number as u64))
        })
    }

    fn package_yaml(self, package: &str, seed: u64) -> String {
        let mut random = Random::new(seed);
        let mut yaml = String::with_capacity(self.bundles * (self.bundle_bytes + 4_096));
        let icon = STANDARD.encode(random.bytes(6_000));
        add(
            &mut yaml,
            format_args!(
                "---\ndefaultChannel: stable\nicon:\n  base64data: {icon}\n  mediatype: image/png\nname: {package}\n\
                 schema: olm.package\n---\nentries:\n"
            ),
        );
        let version = |number: usize| format!("{}.{}.{}", number / 8 + 1, number % 8, number * 3 % 5);
        for number in 0..self.bundles {
            add(&mut yaml, format_args!("- name: {package}.v{}\n", version(number)));
            if number > 0 {
                add(&mut yaml, format_args!("  replaces: {package}.v{}\n", version(number - 1)));
                add(&mut yaml, format_args!("  skipRange: '>=1.0.0 <{}'\n", version(number)));
            }
        }
        add(&mut yaml, format_args!("name: stable\npackage: {package}\nschema: olm.channel\n---\nentries:\n"));
        let upper = self.bundles / 2;
        for number in upper..self.bundles {
            add(&mut yaml, format_args!("- name: {package}.v{}\n", version(number)));
        }
        if upper + 1 < self.bundles {
            yaml.push_str("  skips:\n");
            for number in upper..self.bundles - 1 {
                add(&mut yaml, format_args!("  - {package}.v{}\n", version(number)));
            }
        }
        add(&mut yaml, format_args!("name: candidate\npackage: {package}\nschema: olm.channel\n"));
        for number in 0..self.bundles {
            self.bundle_yaml(&mut yaml, package, &version(number), &mut random);
        }
        yaml
    }

    fn bundle_yaml(self, yaml: &mut String, package: &str, version: &str, random: &mut Random) {
        let image = |name: &str| format!("registry.example/{package}/{name}@{}", sha256(name.as_bytes()));
        let bundle = image(&format!("{package}-bundle-{version}"));
        add(
            yaml,
            format_args!(
                "---\nimage: {bundle}\nname: {package}.v{version}\npackage: {package}\nproperties:\n\
                 - type: olm.gvk\n  value:\n    group: {package}.example\n    kind: Thing\n    version: v1\n\
                 - type: olm.package\n  value:\n    packageName: {package}\n    version: {version}\n"
            ),
        );
        match self.filling {
            Filling::Objects => {
                // Two resources and one large CSV, which in base64 are a third longer.
                for bytes in [self.bundle_bytes / 16, self.bundle_bytes / 8, self.bundle_bytes * 9 / 16] {
                    let object = STANDARD.encode(random.bytes(bytes));
                    add(yaml, format_args!("- type: olm.bundle.object\n  value:\n    data: {object}\n"));
                }
            }
            Filling::Metadata => metadata_yaml(yaml, version, self.bundle_bytes, random),
        }
        yaml.push_str("relatedImages:\n");
        for (name, reference) in [
            ("", bundle.clone()),
            ("manager", image(&format!("{package}-manager-{version}"))),
            ("operand", image(&format!("{package}-operand-{version}"))),
            ("proxy", image(&format!("{package}-proxy"))),
        ] {
            let name = if name.is_empty() { "\"\"" } else { name };
            add(yaml, format_args!("- image: {reference}\n  name: {name}\n"));
        }
        yaml.push_str("schema: olm.bundle\n");
    }
}

/// The metadata of a CSV: example resources as a block of JSON, a description as a block of prose, lists of small maps.
fn metadata_yaml(yaml: &mut String, version: &str, bytes: usize, random: &mut Random) {
    let end = yaml.len() + bytes;
    add(
        yaml,
        format_args!(
            "- type: olm.csv.metadata\n  value:\n    annotations:\n      alm-examples: |-\n        [\n          {{\n"
        ),
    );
    while yaml.len() < end - bytes / 2 {
        let number = random.below(100_000);
        add(
            yaml,
            format_args!(
                "            \"apiVersion\": \"things.example/v1\",\n            \"kind{number}\": {{\n              \
                 \"replicas\": {},\n              \"name\": \"thing-{number}\"\n            }},\n",
                random.below(9)
            ),
        );
    }
    add(
        yaml,
        format_args!(
            "            \"metadata\": {{}}\n          }}\n        ]\n      capabilities: Full Lifecycle\n      \
             createdAt: \"2026-01-02T03:04:05Z\"\n      features.operators.openshift.io/disconnected: \"true\"\n    \
             crdDescriptions:\n      owned:\n"
        ),
    );
    while yaml.len() < end - bytes / 4 {
        let number = random.below(100_000);
        add(
            yaml,
            format_args!(
                "      - description: A thing of kind {number}, which is of use.\n        displayName: Thing {number}\n        \
                 kind: Thing{number}\n        name: things{number}.example\n        version: v1\n"
            ),
        );
    }
    yaml.push_str("    description: |-\n");
    while yaml.len() < end {
        add(
            yaml,
            format_args!("      ## Chapter {}\n\n      It's *good* to know: `a: b` # all of it.\n", random.below(100)),
        );
    }
    add(
        yaml,
        format_args!(
            "    displayName: The Operator\n    keywords:\n    - generated\n    maturity: stable\n    provider:\n      \
             name: Nobody\n    version: {version}\n"
        ),
    );
}

fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("memory takes it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_asked_and_bytes_depend_on_the_seed_only() {
        for (shape, megabytes) in
            [(GeneratedCatalog::with_objects(), 50..65), (GeneratedCatalog::with_metadata(), 18..24)]
        {
            let bytes: usize = shape.files().map(|(_, text)| text.len()).sum();
            assert!(megabytes.contains(&(bytes / 1_000_000)), "{bytes}");
        }
        let small =
            GeneratedCatalog { packages: 2, bundles: 3, bundle_bytes: 2_000, ..GeneratedCatalog::with_metadata() };
        assert_eq!(small.files().collect::<Vec<_>>(), small.files().collect::<Vec<_>>());
        assert_ne!(small.files().next(), GeneratedCatalog { seed: 1, ..small }.files().next());
    }
}
