//! Media that other versions left behind (`fixtures/media`): archives, caches and working directories of oc-mirror v2 and of
//! this project's past are loaded, and the destination gets the same digests under the names of today.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use image_ref::Digest;
use mirror_plan::attachment;
use test_support::{Registry, UpdateService};

use crate::harness::{Home, Outcome, walk};

const VERSIONS: [&str; 4] = ["4.17", "4.20", "main", "dfb7c8d"];

/// The payload of the release, and its name.
const PAYLOAD: &str = "6ce20ff760ae890665637ad8d74f4f3889a7a049d09b424a94e81caa77991338";
const RELEASE: &str = "4.16.4-x86_64";

/// What one version left behind.
struct Media {
    home: Home,
    /// The folder of that version.
    left: PathBuf,
}

/// How much of it is carried.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Carried {
    /// The archive and nothing else.
    Archive,
    /// The archive, the working directory and the cache.
    All,
}

impl Media {
    /// None where the clock of this machine stands before the release was signed: the signature cannot be valid yet.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    fn of(version: &str) -> Option<Self> {
        let made: jiff::Timestamp = "2026-11-29T02:54:00Z".parse().unwrap();
        if jiff::Timestamp::now() < made {
            println!("skipped: the clock of this machine is before {made}, when the media were made");
            return None;
        }
        let home = Home::new();
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/media/media.tar.zst");
        let mut packed = tar::Archive::new(zstd::Decoder::new(fs::File::open(packed).unwrap()).unwrap());
        for entry in packed.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.path().unwrap().starts_with(version) {
                entry.unpack_in(home.path()).unwrap();
            }
        }
        let left = home.path().join(version);
        fs::copy(left.join("isc.yaml"), home.path().join("isc.yaml")).unwrap();
        let key = left.join("release-key.asc");
        let home =
            home.variable("OCP_SIGNATURE_VERIFICATION_PK", key).variable("OCP_SIGNATURE_URL", "http://127.0.0.1:1/");
        Some(Self { home, left })
    }

    /// Puts the medium where a run of this home looks for it.
    fn carry(&self, carried: Carried) {
        match carried {
            Carried::Archive => {
                fs::create_dir_all(self.home.disk()).unwrap();
                let archive = "mirror_000001.tar";
                fs::copy(self.left.join("disk").join(archive), self.home.disk().join(archive)).unwrap();
            }
            Carried::All => {
                fs::rename(self.left.join("disk"), self.home.disk()).unwrap();
                fs::rename(self.left.join("cache-root"), self.home.path().join(".oc-mirror")).unwrap();
            }
        }
    }

    /// What the version's own disk to mirror gave to each tag at the destination.
    fn destination(&self) -> BTreeMap<String, BTreeMap<String, Digest>> {
        let text = fs::read(self.left.join("destination.json")).unwrap();
        let read: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(&text).unwrap();
        let parsed = |tags: BTreeMap<String, String>| {
            tags.into_iter().map(|(tag, digest)| (tag, digest.parse().unwrap())).collect()
        };
        read.into_iter().map(|(repository, tags)| (repository, parsed(tags))).collect()
    }

    /// Runs `delete`, both steps, for everything that the configuration names.
    fn delete(&self, destination: &Registry, more: &[&str]) -> (Outcome, Outcome) {
        let text = fs::read_to_string(self.home.path().join("isc.yaml")).unwrap();
        let text = text.replace("ImageSetConfiguration", "DeleteImageSetConfiguration").replace("mirror:", "delete:");
        self.home.write("disc.yaml", text);
        let workspace = format!("file://{}", self.home.disk().display());
        let to = format!("docker://{}", destination.host());
        let delete = |more: &[&str]| self.home.run(&[&["delete", "--workspace", &workspace, &to], more].concat());
        let first = delete(&["--generate", "-c", "disc.yaml"]);
        let list = self.home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
        let second =
            delete(&[&["--delete-yaml-file", &list, "--dest-tls-verify=false", "--retry-times=0"], more].concat());
        (first, second)
    }
}

/// Serves the images of a cache, as a registry that the version itself filled has them.
fn serve(registry: &Registry, cache: &Path) {
    let root = cache.join("docker/registry/v2");
    let blob = |digest: &str| {
        let hex = digest.strip_prefix("sha256:").unwrap();
        fs::read(root.join(format!("blobs/sha256/{}/{hex}/data", &hex[..2]))).unwrap()
    };
    for link in walk(&root.join("repositories")) {
        let name = link.strip_prefix(root.join("repositories")).unwrap().to_str().unwrap().to_owned();
        let digest = fs::read_to_string(&link).unwrap();
        if let Some((repository, _)) = name.split_once("/_layers/") {
            registry.put_blob(repository, blob(&digest));
        } else if let Some((repository, _)) = name.split_once("/_manifests/revisions/") {
            let bytes = blob(&digest);
            let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let guess = if manifest["manifests"].is_array() { "index" } else { "manifest" };
            let guess = format!("application/vnd.oci.image.{guess}.v1+json");
            registry.put_manifest(repository, manifest["mediaType"].as_str().unwrap_or(&guess), bytes);
        } else if let Some((repository, tag)) = name.split_once("/_manifests/tags/")
            && let Some(tag) = tag.strip_suffix("/current/link")
        {
            registry.tag(repository, tag, &digest.parse().unwrap());
        }
    }
}

/// Today's repository of an image, and its tag where that is known.
fn today<'a>(version: &str, repository: &'a str, tag: &str) -> (&'a str, Option<String>) {
    match (version, repository) {
        ("4.17", "openshift-release-dev/ocp-release") => ("openshift/release-images", Some(tag.to_owned())),
        ("4.17", "openshift-release-dev/ocp-v4.0-art-dev") => ("openshift/release", None),
        ("4.17", _) if tag.len() == 64 => (repository, Some(format!("sha256-{tag}"))),
        _ => (repository, Some(tag.to_owned())),
    }
}

#[test]
fn archives_of_every_version_are_loaded() {
    let archives = VERSIONS.map(|version| (version, Carried::Archive));
    for (version, carried) in archives.into_iter().chain([("4.17", Carried::All), ("main", Carried::All)]) {
        let Some(media) = Media::of(version) else { return };
        media.carry(carried);
        let destination = Registry::start_blocking();
        let outcome = media.home.to_mirror(destination.host(), &[]);
        outcome.code(0).says("13 / 13 release images").says("6 / 6 additional images");
        assert!(!outcome.stderr.contains("is left out"), "{version}: {}", outcome.stderr);
        for (repository, tags) in media.destination() {
            for (tag, digest) in tags {
                let (place, name) = today(version, &repository, &tag);
                let there = match &name {
                    Some(tag) => vec![tag.clone()],
                    None => destination.tags(place),
                };
                let found: Vec<Digest> =
                    there.iter().filter_map(|tag| Some(destination.manifest(place, tag)?.digest)).collect();
                // Version 4.17 put the catalog there as it was; today's has what was selected.
                let is_made_anew = version == "4.17" && tag == "v4.16";
                let arrived = if is_made_anew { found.len() == 1 } else { found.contains(&digest) };
                assert!(arrived, "{version} {carried:?}: {repository}:{tag} is not at {place}: {found:?}");
            }
        }
        assert!(destination.repositories().iter().all(|name| !name.contains("openshift-release-dev")), "{version}");

        // Clusters get the signature, under the name that upstream gives it today.
        let working_dir = media.home.disk().join("working-dir");
        assert!(working_dir.join(format!("signatures/{RELEASE}-sha256-{PAYLOAD}")).is_file(), "{version} {carried:?}");
        let resources = working_dir.join("cluster-resources/signature-configmap.yaml");
        let resources = fs::read_to_string(resources).unwrap();
        assert!(resources.contains(&format!("sha256-{PAYLOAD}-1")), "{version} {carried:?}: {resources}");

        // Again: everything is there.
        let uploads = |destination: &Registry| destination.requests().iter().filter(|r| r.method == "PUT").count();
        let before = uploads(&destination);
        media.home.to_mirror(destination.host(), &[]).code(0);
        assert_eq!(uploads(&destination), before, "{version} {carried:?}");

        // `delete` finds what was loaded, release, operators and all.
        let (first, second) = media.delete(&destination, &[]);
        first.code(0);
        second.code(0);
        for (place, tags) in
            ["openshift/release", "openshift/release-images", "alpha-operator/alpha-agent", "library/multi"]
                .map(|place| (place, destination.tags(place)))
        {
            // Signatures stay unless `--delete-signatures` is given.
            let images = tags.iter().filter(|tag| attachment::subject(tag).is_none());
            let left = images.filter(|tag| destination.manifest(place, tag).is_some());
            assert_eq!(left.count(), 0, "{version} {carried:?}: {place} has {tags:?}");
        }
    }
}

#[test]
fn a_rehearsal_and_a_check_of_an_older_archive() {
    let Some(media) = Media::of("4.17") else { return };
    media.carry(Carried::Archive);
    let destination = Registry::start_blocking();
    media.home.to_mirror(destination.host(), &["--dry-run"]).code(0).says("26 images, 127 unique blobs");
    assert!(destination.repositories().is_empty());
    let disk = media.home.disk().display().to_string();
    media.home.run(&["archive", "verify", &disk]).code(0).says("OK: 124 blobs");
}

/// What lies at a destination that version 4.17 filled has that version's names. `delete` finds it there.
#[test]
fn a_destination_that_an_older_version_filled_is_cleared() {
    let Some(media) = Media::of("4.17") else { return };
    media.carry(Carried::All);
    let destination = Registry::start_blocking();
    serve(&destination, &media.home.cache());
    assert!(destination.manifest("openshift-release-dev/ocp-release", RELEASE).is_some());

    // Another release is there, which may have the same components: they stay.
    let other = destination.manifest("openshift-release-dev/ocp-release", RELEASE).unwrap();
    let unlike = [other.bytes.as_ref(), b"\n"].concat();
    let digest = destination.put_manifest("openshift-release-dev/ocp-release", &other.media_type, unlike);
    destination.tag("openshift-release-dev/ocp-release", "4.16.5-x86_64", &digest);
    let (first, second) = media.delete(&destination, &[]);
    first.code(0);
    second.code(0).says("is also used by").says("openshift-release-dev/ocp-release:4.16.5-x86_64");
    let components = "openshift-release-dev/ocp-v4.0-art-dev";
    let left = |place: &str| {
        destination.tags(place).into_iter().filter(|tag| destination.manifest(place, tag).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(left(components).len(), 12);
    assert_eq!(left("openshift-release-dev/ocp-release"), ["4.16.5-x86_64"]);
    for place in ["alpha-operator/alpha-agent", "delta-operator/delta-operator-bundle", "harness/multi"] {
        assert_eq!(left(place), [""; 0], "{place}");
    }
}

/// Nothing else is there that needs the components: all of it goes, out of the cache too.
#[test]
fn nothing_is_left_of_an_older_version() {
    let Some(media) = Media::of("4.17") else { return };
    media.carry(Carried::All);
    let destination = Registry::start_blocking();
    serve(&destination, &media.home.cache());
    let (first, second) = media.delete(&destination, &["--force-cache-delete"]);
    first.code(0);
    second.code(0).says("garbage collect");
    for repository in destination.repositories() {
        let tags = destination.tags(&repository);
        let left: Vec<_> = tags.iter().filter(|tag| destination.manifest(&repository, tag).is_some()).collect();
        // A catalog is not listed where packages of it are named.
        assert!(left.is_empty() || repository == "redhat/redhat-operator-index", "{repository}: {left:?}");
    }
    let blobs = walk(&media.home.cache().join("docker/registry/v2/blobs"));
    assert!(blobs.len() < 20, "{} blobs are left", blobs.len());
}

/// Version 4.17 kept a copy of each catalog, which nothing compares with a digest. Whatever stands there, what is loaded and what is
/// listed for deletion is the same: the catalog is read from archive and cache.
#[test]
fn copies_of_catalogs_that_an_older_version_kept_are_not_read() {
    let mut outcomes = Vec::new();
    for planted in [false, true] {
        let Some(media) = Media::of("4.17") else { return };
        media.carry(Carried::All);
        let working_dir = media.home.disk().join("working-dir");
        let copies: Vec<PathBuf> =
            ["hold-operator", "operator-images"].iter().flat_map(|name| walk(&working_dir.join(name))).collect();
        assert!(copies.len() > 10, "{copies:?}");
        if planted {
            for copy in copies {
                fs::write(copy, "another catalog").unwrap();
            }
        }
        let destination = Registry::start_blocking();
        media.home.to_mirror(destination.host(), &[]).code(0).says("6 / 6 additional images");
        let arrived: Vec<(String, Vec<String>)> =
            destination.repositories().into_iter().map(|name| (name.clone(), destination.tags(&name))).collect();
        media.delete(&destination, &[]).0.code(0);
        let list = fs::read_to_string(working_dir.join("delete/delete-images.yaml")).unwrap();
        outcomes.push((arrived, list.replace(destination.host(), "DESTINATION")));
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

/// The connected side goes on with what the older version left: nothing that its cache has is fetched again, nothing that
/// its archives brought is packed again, and the release signature is not asked for.
#[test]
fn mirror_to_disk_goes_on_in_an_older_workspace_with_an_older_cache() {
    for version in VERSIONS {
        let Some(Media { home, left }) = Media::of(version) else { return };
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        serve(&source, &left.join("cache-root/.cache"));
        // Where releases come from, whatever the version called them.
        if version != "4.17" {
            serve_releases(&source);
        }
        let graph = fs::read(left.join("disk/working-dir/hold-release/cincinnati-graph-data/amd64-stable-4.16.json"));
        service.graph("amd64", "stable-4.16", &serde_json::from_slice(&graph.unwrap()).unwrap());
        let place = |name: &str| {
            format!("[[registry]]\nprefix = \"{name}\"\nlocation = \"{}\"\ninsecure = true\n", source.host())
        };
        let conf = ["quay.io", "ghcr.io", "docker.io", "registry.redhat.io"].map(place).concat();
        let conf = home.write("registries.conf", conf);
        let home =
            home.variable("CONTAINERS_REGISTRIES_CONF", conf).variable("UPDATE_URL_OVERRIDE", service.graph_url());
        let media = Media { home, left };
        media.carry(Carried::All);
        let first = entries(&media.home);
        media.home.to_disk(&[]).code(0).says("13 / 13 release images").says("6 / 6 additional images");
        let fetched: Vec<_> =
            source.requests().into_iter().filter(|r| r.path.contains("/blobs/") && r.method == "GET").collect();
        assert!(fetched.is_empty(), "{version}: {fetched:#?}");
        assert!(service.requests().iter().all(|request| !request.contains("signatures")), "{:?}", service.requests());
        let second = entries(&media.home);
        let again: Vec<_> = second
            .iter()
            .filter(|entry| entry.starts_with("docker/registry/v2/blobs/") && first.contains(entry))
            .collect();
        assert!(again.is_empty(), "{version}: {again:#?}");

        // Both archives, one after the other, fill a destination of today.
        let destination = Registry::start_blocking();
        media.home.to_mirror(destination.host(), &[]).code(0).says("13 / 13 release images");
        assert!(destination.manifest("openshift/release-images", RELEASE).is_some(), "{version}");
    }
}

fn entries(home: &Home) -> Vec<String> {
    home.entries("mirror_000001.tar")
}

/// Puts the release images of the registry where releases come from.
fn serve_releases(source: &Registry) {
    for (from, to) in [
        ("openshift/release-images", "openshift-release-dev/ocp-release"),
        ("openshift/release", "openshift-release-dev/ocp-v4.0-art-dev"),
    ] {
        for tag in source.tags(from) {
            let Some(manifest) = source.manifest(from, &tag) else { continue };
            let digest = source.put_manifest(to, &manifest.media_type, manifest.bytes.clone());
            source.tag(to, &tag, &digest);
        }
    }
}
