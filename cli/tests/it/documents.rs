//! `--output json`: every command that prints an answer prints one document, and nothing else on standard output.

use serde_json::Value;
use test_support::{ImageBuilder, Layer, OperatorWorld, Registry, UpdateService, update_graph};

use crate::harness::Home;

/// Runs with `--output json` and all the log lines there are; the answer is one document with these members.
#[track_caller]
fn check(home: &Home, line: &str, code: i32, members: &[&str]) -> Value {
    let mut args: Vec<&str> = line.split_whitespace().collect();
    args.extend(["--output=json", "--log-level=trace", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    let found = home.run(&args);
    let document: Value = serde_json::from_str(&found.code(code).stdout)
        .unwrap_or_else(|error| panic!("{line}: {error}: {}", found.stdout));
    for member in members.iter().chain(&["format"]) {
        assert!(!document[member].is_null(), "{line}: no {member} in {document:#}");
    }
    // `why` prints its answer, and nothing else.
    let greets = !line.starts_with("why");
    assert_eq!(found.stderr.contains("Hello, welcome to oc-mirror"), greets, "{line}: log lines are on standard error");
    in_camel_case(line, &document);
    document
}

/// Names of members are written in one way, at every depth.
#[track_caller]
fn in_camel_case(place: &str, value: &Value) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let right =
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(right, "{place}: {name}");
        in_camel_case(&format!("{place}.{name}"), inner);
    }
    value.as_array().into_iter().flatten().for_each(|item| in_camel_case(place, item));
}

/// A command that cannot answer says why in a document.
#[track_caller]
fn fails(home: &Home, line: &str, text: &str) {
    let document = check(home, &format!("{line} --retry-times=0"), 1, &["error", "exitCode"]);
    assert_eq!(document["exitCode"], 1, "{line}");
    let error = document["error"].as_str().unwrap();
    assert!(error.contains(text), "{line}: {error}");
}

#[test]
fn of_lists() {
    let (registry, service) = (Registry::start_blocking(), UpdateService::start_blocking());
    let host = registry.host();
    OperatorWorld::new(host, &[("foo", &["0.1.0", "0.2.0"])]).push_to(&registry);
    let image = ImageBuilder::oci().layer(Layer::random(1, 100)).build();
    registry.push("openshift-release-dev/ocp-release", "4.20.3-x86_64", &image);
    registry.push("redhat/redhat-operator-index", "v4.20", &image);
    service.graph("amd64", "stable-4.20", &update_graph([("4.20.1", "q.io/r@sha256:1".to_owned())], []));
    let home = Home::new();
    let redirect = |prefix: &str| format!("[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{host}\"\n");
    let conf = home.write("registries.conf", redirect("quay.io") + &redirect("registry.redhat.io"));
    let home = home.variable("CONTAINERS_REGISTRIES_CONF", conf).variable("UPDATE_URL_OVERRIDE", service.graph_url());

    let found = check(&home, "list releases", 0, &[]);
    assert_eq!(found["versions"], serde_json::json!(["4.20"]));
    let found = check(&home, "list releases --version=4.20", 0, &["channel", "errors"]);
    assert_eq!(found["architectures"][0]["versions"], serde_json::json!(["4.20.1"]));
    check(&home, "list releases --channel=stable-4.20", 0, &["channel", "architectures", "errors"]);
    // What one architecture does not answer is told beside what the others do.
    let both = "list releases --channel=stable-4.20 --filter-by-archs=amd64,arm64 --retry-times=0";
    let found = check(&home, both, 1, &["architectures"]);
    assert_eq!((found["architectures"].as_array().unwrap().len(), found["errors"].as_array().unwrap().len()), (1, 1));
    let found = check(&home, "list operators --catalogs --version=4.20", 0, &["version", "errors"]);
    assert_eq!(found["catalogs"], serde_json::json!(["registry.redhat.io/redhat/redhat-operator-index:v4.20"]));
    let catalog = format!("list operators --catalog={host}/cat/index:v1");
    check(&home, &catalog, 0, &["catalog", "digest", "packages"]);
    check(&home, &format!("{catalog} --package=foo"), 0, &["catalog", "digest", "package"]);
    check(
        &home,
        &format!("{catalog} --package=foo --channel=stable"),
        0,
        &["catalog", "package", "channel", "versions"],
    );

    fails(&home, &format!("{catalog} --package=bar"), "operator \"bar\" not found");
    fails(&home, &format!("list operators --catalog={host}/cat/none:v1"), "failed to load catalog");
    let away = Home::new().variable("UPDATE_URL_OVERRIDE", "http://127.0.0.1:1/graph");
    fails(&away, "list releases --channels --version=4.20", "127.0.0.1:1");
}

#[test]
fn of_archives_and_reasons() {
    let source = Registry::start_blocking();
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2000)).build());
    let (home, name) = (Home::new(), format!("{}/ns/app:v1", source.host()));
    home.additional_images([&name]);
    home.to_disk(&[]).code(0);
    check(&home, "archive list disk", 0, &["images", "files", "damage"]);
    check(&home, "archive verify disk", 0, &["good", "problems", "affectedImages"]);
    check(&home, "describe disk", 0, &["directory", "files", "configuration"]);
    check(&home, &format!("why {name} -c isc.yaml"), 0, &["reasons"]);
    check(&home, &format!("why {name} -c isc.yaml --from disk"), 0, &["reasons"]);
    let found = check(&home, &format!("why {}/ns/apple:v1 -c isc.yaml", source.host()), 1, &["similar"]);
    assert_eq!(found["reasons"], serde_json::json!([]));

    std::fs::create_dir(home.path().join("empty")).unwrap();
    fails(&home, "archive list empty", "no tar archives");
    fails(&home, "archive verify empty", "no tar archives");
    fails(&home, "describe nowhere", "nowhere");
    fails(&home, "why x.io/a:1 -c none.yaml", "could not parse config");
}

#[test]
fn of_mirroring() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let (host, to) = (source.host(), format!("docker://{}", destination.host()));
    OperatorWorld::new(host, &[("foo", &["0.1.0", "0.2.0"])]).push_to(&source);
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2000)).build());
    let home = Home::new();
    let body = |app: &str| {
        format!(
            "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: {host}/ns/{app}\n\
             blockedImages:\n- name: nothing-like-this\n"
        )
    };
    home.configuration(&body("app:v1"));
    let run = ["mode", "images", "families", "bytesMoved", "bytesSaved", "requests", "files", "warnings", "exitCode"];
    let with = |more: &[&'static str]| [run.as_slice(), more].concat();
    let disk = "-c isc.yaml file://disk";
    let found = check(&home, &format!("{disk} --dry-run"), 0, &with(&["sizes"]));
    for need in found["sizes"]["disk"].as_array().unwrap() {
        assert!(need["neededTogether"].as_u64() >= need["needed"].as_u64(), "{need}");
    }
    let dry_run = home.disk().join("working-dir/dry-run");
    let read = |name: &str| serde_json::from_slice(&std::fs::read(dry_run.join(name)).unwrap()).unwrap();
    in_camel_case("sizes.json", &read("sizes.json"));
    let mut plan: Value = read("plan.json");
    for digests in ["blobs", "builtBlobs"] {
        plan[digests] = Value::Null;
    }
    in_camel_case("plan.json", &plan);
    let found = check(&home, disk, 0, &with(&["archive"]));
    assert_eq!(found["archive"]["blobsLeftOut"], 0);
    let found = check(&home, disk, 0, &with(&["archive"]));
    assert_eq!(found["archive"]["blobs"], 0);
    check(&home, &format!("-c isc.yaml --from file://disk {to}"), 0, &run);
    check(&home, &format!("-c isc.yaml --workspace file://work {to}/m"), 0, &run);

    // What fails is told in the document too, at every stage.
    home.configuration(&body("none:v1"));
    let found = check(&home, &format!("{disk} --retry-times=0"), 8, &with(&["error"]));
    let failed = found["images"].as_array().unwrap().iter().find(|image| image["outcome"] == "failed").unwrap();
    assert_eq!((&failed["error"]["condition"], &failed["error"]["retryCanHelp"]), (&"not-found".into(), &false.into()));
    let saved = std::fs::read_dir(home.disk().join("working-dir/logs")).unwrap().map(|entry| entry.unwrap().path());
    let saved: Vec<_> = saved.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    assert!(!saved.is_empty());
    for path in saved {
        in_camel_case("saved", &serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
    }
    // What was warned about before the run began is in its document.
    home.configuration("platform:\n  architectures: [amd64]\noperators:\n- catalog: 127.0.0.1:1/cat/index:v1\n");
    let found = check(&home, &format!("{disk} --retry-times=0"), 4, &with(&["error"]));
    assert!(found["error"].as_str().unwrap().starts_with("collection error"), "{found:#}");
    assert!(found["warnings"][0].as_str().unwrap().contains("platform.architectures is deprecated"), "{found:#}");
    fails(&home, "-c none.yaml file://disk", "could not parse config");
    fails(&home, &format!("-c isc.yaml --from file://nowhere {to}"), "no tar archives");
}

#[test]
fn of_both_steps_of_delete() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 2000)).build());
    let (home, name) = (Home::new(), format!("{}/ns/app:v1", source.host()));
    home.additional_images([&name]);
    home.to_disk(&[]).code(0);
    home.to_mirror(destination.host(), &[]).code(0);
    home.write(
        "disc.yaml",
        format!("kind: DeleteImageSetConfiguration\ndelete:\n  additionalImages:\n  - name: {name}\n"),
    );
    let to = format!("docker://{}", destination.host());
    let first = format!("delete --generate -c disc.yaml --workspace file://disk {to}");
    let found = check(&home, &first, 0, &["items"]);
    assert_eq!((&found["items"][0]["outcome"], &found["exitCode"]), (&"listed".into(), &0.into()));
    let second =
        format!("delete --delete-yaml-file disk/working-dir/delete/delete-images.yaml --workspace file://disk {to}");
    assert_eq!(check(&home, &second, 0, &["items"])["items"][0]["outcome"], "deleted");
    let found = check(&home, &second, 0, &["items"]);
    assert_eq!((&found["items"][0]["outcome"], &found["exitCode"]), (&"absent".into(), &0.into()));

    fails(&home, &format!("delete --delete-yaml-file none.yaml {to}"), "file not found");
    home.write("disc.yaml", "kind: DeleteImageSetConfiguration\ndelete: {}\nmirror: {}\n");
    fails(&home, &first, "could not parse config");
}

/// What was typed wrongly is told with the usage, on standard error; there is nothing to answer.
#[test]
fn of_nothing() {
    let home = Home::new();
    for line in ["list operators --output json", "why --output json", "describe x --output yaml"] {
        let found = home.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(found.code(1).stdout, "", "{line}");
        assert!(found.stderr.contains("[ERROR]"), "{line}");
    }
}
