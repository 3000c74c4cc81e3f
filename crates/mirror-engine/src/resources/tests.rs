//! From a plan and what became of it to files: the worked example of `docs/behaviour/release.md` 6.4, whole and in part.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use archive_format::VersionMetadata;
use mirror_plan::{CacheName, Why};
use oci_transport::{Client, ClientOptions};

use super::*;
use mirror_job::job::Options;
use mirror_job::report::ImageOutcome;

/// Hears everything.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Observer for Ear {
    fn event(&self, event: Event) {
        let line = match event {
            Event::Info(text) => text,
            Event::Resources(text) => text.to_owned(),
            Event::Warning(text) => format!("WARN {text}"),
            Event::Error(text) => format!("ERROR {text}"),
            Event::FileWritten { path, .. } => path.file_name().unwrap().to_string_lossy().into_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn image(kind: ImageKind, origin: &str, path: &str) -> PlannedImage {
    let origin = origin.replace('X', DIGEST);
    let (repository, tag) = path.rsplit_once(':').unwrap();
    let cache = CacheName { repository: repository.into(), tag: tag.into() };
    let destination = Destination::parse("mirror.lab:5000/ns").unwrap();
    let source = ImageRef::parse(&origin).unwrap();
    PlannedImage::new(kind, origin, source, cache, Some(&destination), Why::default()).unwrap()
}

/// The images of the worked example, and the original catalog, which mirror to mirror copies into the cache.
fn example() -> Vec<PlannedImage> {
    let catalog = "docker://registry.redhat.io/redhat/redhat-operator-index:v4.16";
    let index = "redhat/redhat-operator-index:v4.16";
    let cached = image(ImageKind::OperatorCatalog, catalog, index).with_destination(None);
    vec![
        image(
            ImageKind::ReleaseComponent,
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev@X",
            "openshift/release:4.16.2-x86_64-etcd",
        ),
        image(
            ImageKind::ReleasePayload,
            "docker://quay.io/openshift-release-dev/ocp-release:4.16.2-x86_64",
            "openshift/release-images:4.16.2-x86_64",
        ),
        image(
            ImageKind::Graph,
            "docker://localhost:55000/openshift/graph-image:latest",
            "openshift/graph-image:latest",
        ),
        image(ImageKind::OperatorRelated, "nvcr.io/x/y:1@X", "x/y:1"),
        image(ImageKind::Additional, "registry.access.redhat.com/ubi9/ubi:latest", "ubi9/ubi:latest"),
        image(ImageKind::Helm, "ghcr.io/foo/podinfo:5.0.0", "my/renamed:1"),
        image(ImageKind::OperatorBundle, "docker://quay.io/acme/op-bundle@X", "acme/op-bundle:sha256-X1"),
        cached,
        image(ImageKind::OperatorCatalog, catalog, index),
    ]
}

/// What a generation left: events, and the files by name.
struct Left {
    heard: Vec<String>,
    folder: tempfile::TempDir,
}

impl Left {
    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(WorkingDir::below(self.folder.path()).cluster_resources().join(name)).ok()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(WorkingDir::below(self.folder.path()).cluster_resources()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Generates for the example, of which the images at `failed` are not there. `template` is what the catalog's entry
/// asks for.
fn generate(failed: &[usize], graph: bool, template: Option<&str>) -> Left {
    generate_for(&example(), failed, graph, template)
}

fn generate_for(images: &[PlannedImage], failed: &[usize], graph: bool, template: Option<&str>) -> Left {
    let folder = tempfile::tempdir().unwrap();
    let working_dir = WorkingDir::below(folder.path());
    working_dir.create().unwrap();
    let signature = working_dir.signatures().join(format!("4.16.2-x86_64-sha256-{}", &DIGEST[7..]));
    std::fs::write(signature, b"signed").unwrap();
    let mut text = format!(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    graph: {graph}\n    \
         channels:\n    - name: stable-4.16\n  operators:\n  - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.16\n"
    );
    if let Some(template) = template {
        let path = folder.path().join("template.yaml");
        std::fs::write(&path, template).unwrap();
        writeln!(text, "    targetCatalogSourceTemplate: {}", path.display()).unwrap();
    }
    let Some(isc_schema::Document::ImageSet(configuration)) =
        isc_schema::parse(&text, isc_schema::Kind::ImageSet).config
    else {
        panic!("the configuration is not valid:\n{text}");
    };
    let client = || Client::new(ClientOptions::default()).unwrap();
    let destination = Destination::parse("mirror.lab:5000/ns").unwrap();
    let job = Job {
        configuration,
        configuration_text: Vec::new(),
        folders: crate::Folders::default(),
        cache: folder.path().join("cache"),
        source: client(),
        destination: client(),
        options: Options::default(),
        started: "2026-01-02T03:04:05Z".parse().unwrap(),
        log_stamp: String::new(),
        version: VersionMetadata { git_version: "v1.0.0".into(), git_commit: String::new() },
        warnings: Vec::new(),
    };
    let report = |(at, image): (usize, &PlannedImage)| ImageReport {
        kind: image.kind,
        origin: image.origin.clone(),
        source: image.source.with_scheme(),
        destination: String::new(),
        digest: None,
        operators: Vec::new(),
        twins: Vec::new(),
        bytes_moved: 0,
        bytes_saved: 0,
        retries: 0,
        outcome: if failed.contains(&at) { ImageOutcome::Failed } else { ImageOutcome::Copied },
        error: None,
    };
    let reports: Vec<ImageReport> = images.iter().enumerate().map(report).collect();
    let ear = Arc::new(Ear::default());
    let observer: Arc<dyn Observer> = Arc::clone(&ear) as Arc<dyn Observer>;
    let previous = Previous::default();
    let generation =
        Generation { job: &job, working_dir: &working_dir, destination: &destination, previous: &previous };
    generation.after_copying(images, &reports, &observer, &mut Vec::new()).unwrap();
    let heard = std::mem::take(&mut *ear.0.lock().unwrap());
    Left { heard, folder }
}

#[test]
fn the_worked_example() {
    let left = generate(&[], true, None);
    insta::assert_snapshot!(left.heard.join("\n"), @r"
    Generating IDMS file...
    idms-oc-mirror.yaml
    Generating ITMS file...
    itms-oc-mirror.yaml
    Generating CatalogSource file...
    cs-redhat-operator-index-v4-16.yaml
    Generating ClusterCatalog file...
    cc-redhat-operator-index-v4-16.yaml
    Generating Signature Configmap...
    signature-configmap.json
    signature-configmap.yaml
    Generating UpdateService file...
    updateService.yaml
    registries.conf
    ");
    let pairs = |name: &str| -> Vec<String> {
        let text = left.text(name).unwrap();
        text.lines().filter_map(|line| line.trim().strip_prefix("source: ").map(str::to_owned)).collect()
    };
    assert_eq!(
        pairs("idms-oc-mirror.yaml"),
        [
            "quay.io/openshift-release-dev/ocp-release",
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev",
            "nvcr.io/x",
            "quay.io/acme"
        ]
    );
    assert_eq!(
        pairs("itms-oc-mirror.yaml"),
        [
            "quay.io/openshift-release-dev/ocp-release",
            "nvcr.io/x",
            "ghcr.io/foo/podinfo",
            "registry.access.redhat.com/ubi9"
        ]
    );
    let service = left.text("updateService.yaml").unwrap();
    assert!(service.contains("graphDataImage: mirror.lab:5000/ns/openshift/graph-image:latest\n"), "{service}");
    assert!(service.contains("createdAt: \"2026-01-02T03:04:05Z\"\n"), "{service}");
    let signatures = left.text("signature-configmap.yaml").unwrap();
    assert!(signatures.contains("-1: c2lnbmVk\n"), "{signatures}");
}

#[test]
fn explanations_decide_nothing() {
    let silent = |image: PlannedImage| PlannedImage {
        origin: "any".into(),
        why: Why { path: "elsewhere".into(), line: 3, steps: vec!["any".into(), "step".into()] },
        ..image
    };
    let silenced: Vec<PlannedImage> = example().into_iter().map(silent).collect();
    let (told, silent) = (generate(&[], true, None), generate_for(&silenced, &[], true, None));
    assert!(!told.names().is_empty());
    assert_eq!(told.names(), silent.names());
    for name in told.names() {
        assert_eq!(told.text(&name), silent.text(&name), "{name}");
    }
}

#[test]
fn what_failed_is_left_out() {
    /// `failed` are places in the example.
    fn check(failed: &[usize], graph: bool, expected: &[&str]) {
        assert_eq!(generate(failed, graph, None).names(), expected, "{failed:?}");
    }
    let catalog = ["cc-redhat-operator-index-v4-16.yaml", "cs-redhat-operator-index-v4-16.yaml"];
    let sets = ["idms-oc-mirror.yaml", "itms-oc-mirror.yaml", "registries.conf"];
    let signatures = ["signature-configmap.json", "signature-configmap.yaml"];
    let all = |parts: &[&[&'static str]]| parts.concat();
    check(&[], false, &all(&[&catalog, &sets, &signatures]));
    // The graph image is not there: an update service would wait for it for ever.
    check(&[2], true, &all(&[&catalog, &sets, &signatures]));
    check(&[1], true, &all(&[&catalog, &sets, &["updateService.yaml"]]));
    check(&[8], false, &all(&[&sets, &signatures]));
    // The copy in the cache is not the one at the destination.
    check(&[7], false, &all(&[&catalog, &sets, &signatures]));
    check(&[0, 1, 3, 6], false, &all(&[&catalog, &["itms-oc-mirror.yaml", "registries.conf"]]));
    check(&[0, 1, 2, 3, 4, 5, 6, 7, 8], true, &[]);
}

#[test]
fn templates() {
    let valid = "apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec:\n  publisher: me\n";
    let left = generate(&[], false, Some(valid));
    let source = left.text("cs-redhat-operator-index-v4-16.yaml").unwrap();
    assert!(source.contains("publisher: me\n") && source.contains("sourceType: grpc\n"), "{source}");

    // One that cannot be used is an error line and costs nothing else.
    let left = generate(&[], false, Some("kind: Pod\n"));
    let errors: Vec<_> = left.heard.iter().filter(|line| line.starts_with("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{:#?}", left.heard);
    assert!(!left.text("cs-redhat-operator-index-v4-16.yaml").unwrap().contains("publisher"));
}
