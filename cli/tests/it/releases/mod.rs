//! Releases: an update service, a signature server and a source registry on loopback, then nothing but the disk.

mod architectures;
mod crossing;
mod enclave;
mod fresh_machine;
mod graph_image;
mod mirror_to_mirror;
mod names;
mod payloads;
mod resources;
mod selection;
mod signatures;

use test_support::{Gpg, Registry, Release, UpdateService, update_graph};

use crate::harness::Home;

/// Everything that mirror to disk asks, and a home that is told where it is.
pub(crate) struct Outside {
    pub(crate) source: Registry,
    pub(crate) service: UpdateService,
    gpg: Gpg,
    pub(crate) home: Home,
}

const USER: &str = "release@test";

/// Points the names of `quay.io` to a registry on loopback.
fn registries_conf(home: &Home, host: &str) -> std::path::PathBuf {
    let text = format!(
        "[[registry]]\nprefix = \"quay.io/openshift-release-dev\"\nlocation = \"{host}/openshift-release-dev\"\n"
    );
    home.write("registries.conf", text)
}

fn home(service: &UpdateService, host: &str, key: &[u8]) -> Home {
    home_without_override(service, host, key).variable("UPDATE_URL_OVERRIDE", service.graph_url())
}

fn home_without_override(service: &UpdateService, host: &str, key: &[u8]) -> Home {
    let home = Home::new();
    let (conf, key) = (registries_conf(&home, host), home.write("key.asc", key));
    home.variable("CONTAINERS_REGISTRIES_CONF", conf)
        .variable("OCP_SIGNATURE_VERIFICATION_PK", key)
        .variable("OCP_SIGNATURE_URL", service.signature_url())
        .variable("OC_MIRROR_GRAPH_DATA_URL", service.graph_data_url())
        .variable("OC_MIRROR_GRAPH_BASE_IMAGE", format!("{host}/ubi9/ubi:latest"))
}

impl Outside {
    /// `None` when there is no gpg.
    pub(crate) fn new() -> Option<Self> {
        let gpg = Gpg::find()?;
        let key = gpg.signing_key(USER);
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        let home = home(&service, source.host(), &key);
        Some(Self { source, service, gpg, home })
    }

    /// Publishes a release with a good signature.
    pub(crate) fn publish(&self, release: &Release) {
        release.push_to(&self.source);
        self.service.signature(release.digest(), 1, self.gpg.sign(USER, &release.identity(), &[]));
    }

    /// Publishes releases as [`Outside::channel`] does, and configures no more than that channel.
    pub(crate) fn mirrors(&self, releases: &[&Release]) {
        self.channel(releases);
        self.home.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    }

    /// Publishes releases, each an update of the one before, as channel `stable-4.99`.
    pub(crate) fn channel(&self, releases: &[&Release]) {
        for release in releases {
            self.publish(release);
        }
        self.service.graph("amd64", "stable-4.99", &graph(releases));
    }
}

pub(crate) fn graph(releases: &[&Release]) -> serde_json::Value {
    let version = |release: &Release| release.tag.rsplit_once('-').unwrap().0.to_owned();
    let versions: Vec<String> = releases.iter().map(|release| version(release)).collect();
    let nodes = versions.iter().zip(releases).map(|(version, release)| (version.as_str(), release.by_digest()));
    update_graph(nodes, versions.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())))
}

/// Carries the archive into another home, and nothing else.
pub(crate) fn carry(from: &Home, to: &Home) {
    std::fs::create_dir_all(to.disk()).unwrap();
    for name in from.archives() {
        std::fs::copy(from.disk().join(&name), to.disk().join(&name)).unwrap();
    }
    std::fs::copy(from.path().join("isc.yaml"), to.path().join("isc.yaml")).unwrap();
}

/// A home inside the gap: it knows the key, and servers that are not there.
pub(crate) fn enclave(key_of: &Home) -> Home {
    let home = Home::new();
    let key = home.write("key.asc", std::fs::read(key_of.path().join("key.asc")).unwrap());
    home.variable("OCP_SIGNATURE_VERIFICATION_PK", key)
        .variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/")
        .variable("HTTP_PROXY", "http://127.0.0.1:1")
        .variable("HTTPS_PROXY", "http://127.0.0.1:1")
}

#[track_caller]
pub(crate) fn assert_arrived(release: &Release, destination: &Registry, namespace: &str) {
    let payload = destination.manifest(&format!("{namespace}openshift/release-images"), &release.tag);
    assert_eq!(payload.expect("the payload is there").digest, *release.digest());
    for (name, image) in &release.components {
        let tag = format!("{}-{name}", release.tag);
        let found = destination.manifest(&format!("{namespace}openshift/release"), &tag);
        assert_eq!(found.unwrap_or_else(|| panic!("{tag} is missing")).digest, image.digest);
    }
}
