//! The result document (`docs/formats/result.md`): what is in it is what happened, printed and saved alike.

use serde_json::Value;
use test_support::{Effect, Fault, ImageBuilder, Kind, Layer, Nowhere, Registry, When};

use crate::harness::{Home, Outcome, plain};

/// The document on standard output, after comparing it with the one that was saved in `logs`.
#[track_caller]
fn document(outcome: &Outcome, code: i32, logs: &std::path::Path) -> Value {
    let printed: Value = serde_json::from_str(&outcome.code(code).stdout).unwrap();
    let mut saved: Vec<_> = std::fs::read_dir(logs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("result_"))
        .collect();
    saved.sort();
    let saved: Value = serde_json::from_slice(&std::fs::read(saved.last().unwrap()).unwrap()).unwrap();
    assert_eq!(saved, printed);
    assert_eq!((&printed["format"], &printed["exitCode"]), (&1.into(), &code.into()));
    // What people read and what scripts read are the same warnings.
    let warned = plain(&outcome.stderr).lines().filter(|line| line.contains("[WARN]")).count();
    assert_eq!(printed["warnings"].as_array().unwrap().len(), warned, "{}\n{printed:#}", outcome.stderr);
    printed
}

#[derive(Clone, Copy)]
enum Way {
    ToDisk,
    ToMirror,
    MirrorToMirror,
}

/// `first` and `second` share a layer, `third` has its own.
struct Site {
    home: Home,
    source: Registry,
    destination: Registry,
    shared: Layer,
    own: Layer,
}

impl Site {
    fn new() -> Self {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let (shared, own) = (Layer::random(1, 50_000), Layer::random(2, 60_000));
        for (name, seed, layer) in [("first", 3, &shared), ("second", 4, &shared), ("third", 5, &own)] {
            let image = ImageBuilder::oci().layer(layer.clone()).layer(Layer::random(seed, 700)).build();
            source.push(&format!("ns/{name}"), "v1", &image);
        }
        let home = Home::new();
        home.additional_images(["first", "second", "third"].map(|name| format!("{}/ns/{name}:v1", source.host())));
        Self { home, source, destination, shared, own }
    }

    /// One run with a registry that fails the requests of `when` with 503.
    #[track_caller]
    fn run(&self, way: Way, at_source: bool, when: When, code: i32) -> Value {
        let (home, to) = (&self.home, format!("{}/m", self.destination.host()));
        if let Way::ToMirror = way {
            home.to_disk(&[]).code(0);
        }
        let registry = if at_source { &self.source } else { &self.destination };
        let fault = registry.fault(Fault::new(when, Effect::status(503)));
        let args = ["--output=json", "--retry-times=3"];
        let (outcome, folder) = match way {
            Way::ToDisk => (home.to_disk(&args), home.disk()),
            Way::ToMirror => (home.to_mirror(&to, &args), home.disk()),
            Way::MirrorToMirror => (home.mirror_to_mirror(&to, &args), home.workspace()),
        };
        let found = document(&outcome, code, &folder.join("working-dir/logs"));
        assert!(fault.hits() > 0, "nothing failed");
        found
    }
}

/// The retries of the three images.
fn retries(document: &Value) -> [u64; 3] {
    [0, 1, 2].map(|at| document["images"][at]["retries"].as_u64().unwrap())
}

/// Two answers of 503 for one blob of one image, or one for its manifest, its name, its mount.
#[test]
fn what_was_tried_again_counts_for_its_image() {
    #[track_caller]
    fn check(way: Way, at_source: bool, when: impl FnOnce(&Site) -> When, expected: [u64; 3]) {
        let site = Site::new();
        let found = site.run(way, at_source, when(&site), 0);
        assert_eq!(retries(&found), expected, "{found:#}");
    }
    let blob = |method: &'static str| {
        move |site: &Site| {
            let kind = if method == "PUT" { Kind::Upload } else { Kind::Blob };
            When::kind(kind).method(method).digest(&site.own.digest()).times(2)
        }
    };
    let manifest = |method: &'static str, repository: &'static str| {
        move |_: &Site| When::kind(Kind::Manifest).method(method).repository(repository).once()
    };
    check(Way::ToDisk, true, blob("GET"), [0, 0, 2]);
    check(Way::ToDisk, true, manifest("GET", "ns/second"), [0, 1, 0]);
    check(Way::ToMirror, false, blob("PUT"), [0, 0, 2]);
    check(Way::ToMirror, false, blob("HEAD"), [0, 0, 2]);
    check(Way::ToMirror, false, manifest("HEAD", "m/ns/first"), [1, 0, 0]);
    check(Way::ToMirror, false, manifest("PUT", "m/ns/first"), [1, 0, 0]);
    check(Way::MirrorToMirror, true, blob("GET"), [0, 0, 2]);
    check(Way::MirrorToMirror, false, blob("PUT"), [0, 0, 2]);
    check(Way::MirrorToMirror, true, manifest("GET", "ns/third"), [0, 0, 1]);
    check(Way::MirrorToMirror, false, manifest("PUT", "m/ns/second"), [0, 1, 0]);
}

/// The image that moves a blob counts, and no other; the one that mounts it counts its mount.
#[test]
fn a_shared_blob_counts_once() {
    #[track_caller]
    fn check(way: Way, at_source: bool, when: impl FnOnce(&Site) -> When, retries_of: u64, moves: bool) {
        let site = Site::new();
        let found = site.run(way, at_source, when(&site), 0);
        let [first, second, third] = retries(&found);
        assert_eq!((first.min(second), first.max(second), third), (0, retries_of, 0), "{found:#}");
        let counting = usize::from(second == retries_of);
        let moved = found["images"][counting]["bytesMoved"].as_u64().unwrap();
        assert_eq!(moved >= 50_000, moves, "{found:#}");
    }
    let read = |site: &Site| When::kind(Kind::Blob).method("GET").digest(&site.shared.digest()).times(2);
    let written = |site: &Site| When::kind(Kind::Upload).method("PUT").digest(&site.shared.digest()).times(2);
    let mounted = |site: &Site| When::kind(Kind::Upload).method("POST").digest(&site.shared.digest()).once();
    check(Way::ToDisk, true, read, 2, true);
    check(Way::ToMirror, false, written, 2, true);
    check(Way::ToMirror, false, mounted, 1, false);
    check(Way::MirrorToMirror, true, read, 2, true);
    check(Way::MirrorToMirror, false, written, 2, true);
    check(Way::MirrorToMirror, false, mounted, 1, false);
}

/// A failed image tells how often it was tried again as well; a refusal is not tried again.
#[test]
fn what_fails_for_good_counts_too() {
    let site = Site::new();
    let always = When::kind(Kind::Blob).method("GET").digest(&site.own.digest());
    let found = site.run(Way::ToDisk, true, always, 8);
    assert_eq!((retries(&found), &found["images"][2]["outcome"]), ([0, 0, 3], &"failed".into()), "{found:#}");
    assert!(found["images"][2]["error"]["message"].as_str().unwrap().contains("(after 4 attempts)"), "{found:#}");

    let site = Site::new();
    site.source.remove("ns/third", "v1");
    let outcome = site.home.to_disk(&["--output=json"]);
    let found = document(&outcome, 8, &site.home.disk().join("working-dir/logs"));
    assert_eq!(retries(&found), [0, 0, 0]);
}

/// What is warned of before the engine has the word, by it, and by the clients: [`document`] counts.
#[test]
fn every_warning_is_in_the_document() {
    let site = Site::new();
    let down = Nowhere::hold();
    let (home, source) = (site.home, site.source.host());
    let conf = home.write(
        "registries.conf",
        format!("[[registry]]\nlocation = \"{source}\"\n[[registry.mirror]]\nlocation = \"{down}\"\n"),
    );
    let auth = home.write("auth.json", "{\"auths\": {\"reg.example\": {\"auth\": \"!\"}}}");
    let home = home.variable("CONTAINERS_REGISTRIES_CONF", conf);
    home.additional_images([format!("{source}/ns/first")]);
    site.source.push("ns/first", "latest", &ImageBuilder::oci().layer(Layer::random(9, 100)).build());
    let args = ["--output=json", "--retry-times=0", "--image-timeout=0", "--authfile", auth.to_str().unwrap()];
    let found = document(&home.to_disk(&args), 0, &home.disk().join("working-dir/logs"));
    let all = found["warnings"].to_string();
    for warning in [
        "--image-timeout 0",
        "auth.json: the entry `reg.example` is ignored",
        "has no tag and no digest",
        &format!("mirror `{down}` is passed over after 1 attempt:"),
    ] {
        assert!(all.contains(warning), "{warning}: {found:#}");
    }
}

/// Documents of all commands name files by one rule: from the working directory, or in full where there is none.
#[test]
fn files_are_named_from_the_working_directory() {
    let site = Site::new();
    let (home, destination) = (&site.home, format!("docker://{}/m", site.destination.host()));
    let logs = home.disk().join("working-dir/logs");
    let names = |found: &Value| -> Vec<String> {
        found["files"].as_array().unwrap().iter().map(|name| home.steady(name.as_str().unwrap())).collect()
    };
    let found = document(&home.to_disk(&["--output=json"]), 0, &logs);
    let found = names(&found);
    assert!(found[0].starts_with("isc_pinned_") && found[1].starts_with("disc_pinned_"), "{found:?}");
    assert_eq!(found.len(), 2);
    let found = document(&home.to_disk(&["--output=json", "--dry-run"]), 0, &logs);
    assert_eq!(names(&found), ["dry-run/mapping.txt", "dry-run/plan.json", "dry-run/sizes.json"]);
    home.to_disk(&["--since=2020-01-01"]).code(0);
    let to = destination.strip_prefix("docker://").unwrap();
    let found = document(&home.to_mirror(to, &["--output=json"]), 0, &logs);
    assert_eq!(names(&found), ["cluster-resources/itms-oc-mirror.yaml", "cluster-resources/registries.conf"]);

    let name = format!("{}/ns/first:v1", site.source.host());
    let list = format!("kind: DeleteImageSetConfiguration\ndelete:\n  additionalImages:\n  - name: {name}\n");
    home.write("disc.yaml", list);
    let workspace = format!("file://{}", home.disk().display());
    let delete = |more: &[&str]| {
        let mut args = vec!["delete", &destination, "--dest-tls-verify=false", "--output=json", "--retry-delay=10ms"];
        args.extend(more);
        home.run(&args)
    };
    let first = delete(&["--generate", "-c", "disc.yaml", "--workspace", &workspace]);
    assert_eq!(names(&document(&first, 0, &logs)), ["delete/delete-images.yaml", "delete/delete-imageset-config.yaml"]);
    let file = home.disk().join("working-dir/delete/delete-images.yaml").display().to_string();
    site.destination.fault(Fault::new(When::any().method("DELETE").times(2), Effect::status(503)));
    let failed = delete(&["--delete-yaml-file", &file, "--workspace", &workspace, "--retry-times=1"]);
    let failed = document(&failed, 1, &logs);
    assert_eq!(names(&failed), ["logs/mirroring_errors_TIME.txt"]);
    assert_eq!(failed["items"][0]["retries"], 1);

    // Without a workspace the files lie where the program was called.
    site.destination.fault(Fault::new(When::any().method("DELETE").times(1), Effect::status(503)));
    let failed = delete(&["--delete-yaml-file", &file, "--retry-times=0"]);
    let failed = document(&failed, 1, &home.path().join("logs"));
    assert_eq!(names(&failed), ["HOME/logs/mirroring_errors_TIME.txt"]);
    let found = delete(&["--delete-yaml-file", &file, "--retry-times=0"]);
    assert_eq!(names(&document(&found, 0, &home.path().join("logs"))), Vec::<String>::new());

    // The list of errors of mirroring is a file like the others.
    home.additional_images([format!("{}/ns/none:v1", site.source.host())]);
    let found = document(&home.to_disk(&["--output=json"]), 8, &logs);
    assert_eq!(names(&found), ["logs/mirroring_errors_TIME.txt"]);
}

/// A run that ends before the engine has the word has a document as well, beside its log.
#[test]
fn what_cannot_begin_is_told_too() {
    let home = Home::new();
    let conf = home.write("registries.conf", "[[registry]\n");
    let home = home.variable("CONTAINERS_REGISTRIES_CONF", conf);
    home.additional_images(["reg.example/ns/app"]);
    home.write("disc.yaml", "kind: DeleteImageSetConfiguration\ndelete: {}\n");
    home.write("list.yaml", "kind: DeleteImageList\nitems: []\n");
    let logs = home.disk().join("working-dir/logs");
    let workspace = format!("file://{}", home.disk().display());
    let to = "docker://127.0.0.1:1/m";
    let check = |outcome: Outcome, logs: &std::path::Path, warnings: usize| {
        let found = document(&outcome, 1, logs);
        assert!(found["error"].as_str().unwrap().contains("registries configuration"), "{found:#}");
        assert_eq!(found["warnings"].as_array().unwrap().len(), warnings, "{found:#}");
        std::fs::remove_dir_all(logs).unwrap();
    };
    check(home.to_disk(&["--output=json"]), &logs, 1);
    let first = ["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, to, "--output=json"];
    check(home.run(&first), &logs, 0);
    check(home.run(&["delete", "--delete-yaml-file", "list.yaml", to, "--output=json"]), &home.path().join("logs"), 0);
    // Without a log there is nothing to lie beside.
    home.write("isc.yaml", "kind: Nothing\n");
    home.to_disk(&["--output=json"]).code(1);
    assert!(!logs.exists());
}
