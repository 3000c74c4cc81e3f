//! What belongs to deleted images: signatures, attestations and SBOMs beside them, and signatures in folders.

use test_support::{
    Image, ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, artifact, cosign_signature, cosign_signature_tag,
};

use crate::harness::{Home, Outcome};

/// A signed list, a signed image with an attestation and an SBOM, an image that nobody signed, and a signed catalog that
/// travels untouched.
struct Signed {
    home: Home,
    destination: Registry,
    app: Image,
    list: Image,
}

impl Signed {
    fn mirrored() -> Self {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let app = ImageBuilder::oci().layer(Layer::random(1, 20_000)).build();
        let list = IndexBuilder::oci().architectures(&["amd64", "arm64"], 20, 3_000).build();
        let plain = ImageBuilder::oci().layer(Layer::random(2, 9_000)).build();
        let operators = OperatorWorld::new(source.host(), &[("foo", &["0.1.0"])]);
        operators.push_to(&source);
        let sign = |repository: &str, image: &Image| {
            for manifest in image.manifests() {
                let signature = cosign_signature(&format!("{}/{repository}", source.host()), manifest);
                source.push(repository, cosign_signature_tag(&manifest.digest).as_str(), &signature);
            }
        };
        source.push("ns/app", "v1", &app);
        source.push("ns/list", "v2", &list);
        source.push("ns/plain", "v3", &plain);
        sign("ns/app", &app);
        sign("ns/list", &list);
        sign("cat/index", &operators.catalog.image);
        for ending in ["att", "sbom"] {
            let content = artifact("application/spdx+json", "application/spdx+json", ending.as_bytes(), None);
            source.push("ns/app", format!("{}.{ending}", app.digest.as_tag()).as_str(), &content);
        }
        let home = Home::new();
        let host = source.host();
        let images = format!(
            "additionalImages:\n- name: {host}/ns/app:v1\n- name: {host}/ns/list:v2\n- name: {host}/ns/plain:v3\n"
        );
        home.configuration(&format!("operators:\n- catalog: {host}/cat/index:v1\n  full: true\n{images}"));
        home.to_disk(&[]).code(0);
        home.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        let indented = images.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
        // The operators by name, so that their catalog stays.
        home.write(
            "disc.yaml",
            format!(
                "kind: DeleteImageSetConfiguration\ndelete:\n  operators:\n  - catalog: {host}/cat/index:v1\n    \
                 packages:\n    - name: foo\n{indented}"
            ),
        );
        Self { home, destination, app, list }
    }

    fn delete(&self, args: &[&str]) -> Outcome {
        let (workspace, to) =
            (format!("file://{}", self.home.disk().display()), format!("docker://{}/m", self.destination.host()));
        let mut all = vec!["delete", "--workspace", &workspace, &to, "--dest-tls-verify=false", "--retry-times=0"];
        all.extend(args);
        self.home.run(&all)
    }

    /// Both steps.
    fn both(&self, first: &[&str], second: &[&str]) -> Outcome {
        self.delete(&[&["--generate", "-c", "disc.yaml", "--src-tls-verify=false"], first].concat()).code(0);
        let list = self.home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
        self.delete(&[&["--delete-yaml-file", &list], second].concat())
    }

    /// Tags that are left, by repository.
    fn left(&self) -> Vec<String> {
        let repositories = self.destination.repositories().into_iter();
        let mut names: Vec<String> = repositories
            .flat_map(|name| self.destination.tags(&name).into_iter().map(move |tag| format!("{name}:{tag}")))
            .collect();
        names.sort();
        names
    }
}

/// `signatures: kept + deleted` of `docs/behaviour/config-cli.md` 8: only those of catalogs are left.
#[test]
fn go_when_they_are_listed() {
    let world = Signed::mirrored();
    let before = world.left();
    let signatures = before.iter().filter(|name| name.rsplit_once('.').is_some_and(|(_, ending)| ending == "sig"));
    assert_eq!(signatures.count(), 1 + 3 + 3, "{before:#?}");
    let outcome = world.both(&["--delete-signatures"], &["--force-cache-delete"]);
    // Nobody signed one of the images, and none of the three operator images, one of which is a list of two.
    outcome
        .code(0)
        .says("9 / 9 additional images deleted successfully, 1 signature was not there")
        .says("3 / 3 operator images deleted successfully, 5 signatures were not there");
    let left = world.left();
    assert!(left.iter().all(|name| name.starts_with("m/cat/index:")), "{left:#?}");
    assert_eq!(left.len(), 1 + 3);
    let cached = world.home.cache().join("docker/registry/v2/repositories/ns");
    for repository in ["app", "list", "plain"] {
        let tags = cached.join(repository).join("_manifests/tags");
        assert!(std::fs::read_dir(&tags).map_or(0, Iterator::count) == 0, "{}", tags.display());
    }
}

/// `signatures: kept`: without the flag they stay.
#[test]
fn stay_when_they_are_not() {
    let world = Signed::mirrored();
    world.both(&[], &[]).code(0).says("3 / 3 additional images deleted successfully");
    let left = world.left();
    assert!(left.iter().all(|name| name.starts_with("m/cat/index:") || name.contains(":sha256-")), "{left:#?}");
    let (app, list) = (cosign_signature_tag(&world.app.digest), cosign_signature_tag(&world.list.digest));
    assert!(left.contains(&format!("m/ns/app:{app}")) && left.contains(&format!("m/ns/list:{list}")), "{left:#?}");
}

/// A catalog that is deleted as a whole takes its signatures along, those of the list and of each instance; without the flag
/// they stay, and a run that left them behind has none to delete.
#[test]
fn of_a_whole_catalog() {
    let check = |first: &[&str], removed: &[&str], deleted: usize, left_over: usize| {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let operators = OperatorWorld::new(source.host(), &[("foo", &["0.1.0"])]);
        operators.push_to(&source);
        let catalog = &operators.catalog.image;
        let name = format!("{}/cat/index", source.host());
        let manifests = catalog.manifests();
        for manifest in &manifests {
            let signature = cosign_signature(&name, manifest);
            source.push("cat/index", cosign_signature_tag(&manifest.digest).as_str(), &signature);
        }
        assert!(manifests.len() > 1, "the catalog is a list");
        let home = Home::new();
        home.configuration(&format!("operators:\n- catalog: {name}:v1\n  full: true\n"));
        home.to_disk(removed).code(0);
        home.to_mirror(&format!("{}/m", destination.host()), removed).code(0);
        let copied = if removed.is_empty() { manifests.len() } else { 0 };
        assert_eq!(destination.tags("m/cat/index").len(), 1 + copied, "{removed:?}");
        home.write(
            "disc.yaml",
            format!(
                "kind: DeleteImageSetConfiguration\ndelete:\n  operators:\n  - catalog: {name}:v1\n    full: true\n"
            ),
        );
        let world = Signed { home, destination, app: catalog.clone(), list: catalog.clone() };
        world.both(first, &[]).code(0).says(&format!("{deleted} / {deleted} operator images deleted successfully"));
        let left = world.left();
        assert_eq!(left.len(), left_over, "{first:?} {removed:?}: {left:#?}");
        assert!(left.iter().all(|name| name.starts_with("m/cat/index:sha256-") && name.contains(".sig")), "{left:#?}");
    };
    check(&["--delete-signatures"], &[], 4 + 3, 0);
    check(&[], &[], 4, 3);
    check(&["--delete-signatures"], &["--remove-signatures"], 4, 0);
}

/// Folders of registries.d may belong to others too: what lies there for deleted images is named.
#[test]
fn folders_are_named() {
    let world = Signed::mirrored();
    let folder = world.home.path().join("staging");
    let place = |repository: &str, image: &Image| {
        let folder = folder.join(format!("{repository}@{}", image.digest.to_string().replace(':', "=")));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("signature-1"), "signature").unwrap();
        folder
    };
    let (app, _) = (place("m/ns/app", &world.app), place("elsewhere/ns/app", &world.app));
    world.home.write(
        "registries.d/lab.yaml",
        format!("docker:\n  {}:\n    lookaside-staging: file://{}\n", world.destination.host(), folder.display()),
    );
    let outcome = world.both(&[], &["--registries.d=registries.d", "--output=json"]);
    let document: serde_json::Value = serde_json::from_str(&outcome.code(0).stdout).unwrap();
    assert_eq!(document["leftBehind"], serde_json::json!([app]));
    outcome.says("Simple-signing signatures of deleted images stay in their folders");
    assert!(app.join("signature-1").is_file());
}
