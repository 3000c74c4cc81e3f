//! A small world to mirror from, outside of the gap: a release with its update service and signer, operators, images.

use std::fs;
use std::path::Path;
use std::process::Command;

use test_support::{OperatorWorld, Registry, Release, ReleaseSigner, UpdateService, World, update_graph};

use crate::tool;

/// The operators there are, of which the configuration takes `foo` from 0.2.0 on and the head of `bar`.
pub(crate) const OPERATORS: &[(&str, &[&str])] = &[("foo", &["0.1.0", "0.2.0", "0.3.0"]), ("bar", &["1.0.0", "1.1.0"])];
/// What the configuration takes, as lines of a catalog's entry.
pub(crate) const PACKAGES: &str = "    packages:\n    - name: foo\n      minVersion: 0.2.0\n    - name: bar\n";
/// The bundles that these lines select.
pub(crate) const SELECTED: [(&str, &str); 3] = [("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.1.0")];

/// Everything outside of the gap.
#[derive(Debug)]
pub(crate) struct Outside {
    /// Serves everything.
    pub(crate) source: Registry,
    /// Serves the update graph and the signatures.
    pub(crate) service: UpdateService,
    /// The release, `4.99.1`.
    pub(crate) release: Release,
    /// The catalog and its images.
    pub(crate) operators: OperatorWorld,
    /// The additional images.
    pub(crate) images: World,
}

impl Outside {
    /// A world whose release `signer` has signed.
    pub(crate) fn new(signer: &ReleaseSigner) -> Self {
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        let release = Release::new("4.99.1", 12, 12);
        let operators = OperatorWorld::new(source.host(), OPERATORS);
        let images = World::small(1);
        release.push_to(&source);
        operators.push_to(&source);
        images.push_to(&source);
        service.signature(release.digest(), 1, signer.sign(&release.identity()));
        service.graph("amd64", "stable-4.99", &update_graph([("4.99.1", release.by_digest())], []));
        Self { source, service, release, operators, images }
    }

    /// The configuration: a channel, a selection of operators, and all additional images.
    pub(crate) fn configuration(&self) -> String {
        let images = self.images.references(self.source.host());
        let mut text = tool::configuration(images.iter().map(String::as_str));
        text.push_str("  platform:\n    channels:\n    - name: stable-4.99\n  operators:\n  - catalog: ");
        text.push_str(&self.operators.catalog.reference(self.source.host()));
        text.push('\n');
        text.push_str(PACKAGES);
        text
    }

    /// What is to arrive as it was: repository below the namespace, tag and digest.
    pub(crate) fn expected(&self) -> Vec<(String, String, String)> {
        let mut expected =
            vec![("openshift/release-images".to_owned(), self.release.tag.clone(), self.release.digest().to_string())];
        for (name, image) in &self.release.components {
            let tag = format!("{}-{name}", self.release.tag);
            expected.push(("openshift/release".to_owned(), tag, image.digest.to_string()));
        }
        let selected = SELECTED
            .iter()
            .flat_map(|(package, version)| {
                [OperatorWorld::bundle(package, version), OperatorWorld::operand(package, version)]
            })
            .chain(self.operators.images.last().cloned());
        for image in selected.chain(self.images.images.iter().cloned()) {
            // `docs/behaviour/config-cli.md` 4.3: what has no tag gets one made of its digest.
            let tag = image.tag.clone().unwrap_or_else(|| image.digest().as_tag());
            expected.push((image.repository.clone(), tag, image.digest().to_string()));
        }
        expected
    }

    /// Writes a `registries.conf` below `home` that leads from quay.io, which the references inside a release name, to here.
    pub(crate) fn lead_there(&self, home: &Path) -> anyhow::Result<()> {
        let redirect =
            format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{0}\"\ninsecure = true\n", self.source.host());
        fs::write(home.join("registries.conf"), redirect)?;
        Ok(())
    }

    /// Lets a run ask the services of this world; `key` is the file with the signer's public key.
    pub(crate) fn settle(&self, command: &mut Command, key: &Path) {
        command
            .env("OCP_SIGNATURE_VERIFICATION_PK", key)
            .env("OCP_SIGNATURE_URL", self.service.signature_url())
            .env("UPDATE_URL_OVERRIDE", self.service.graph_url());
    }
}
