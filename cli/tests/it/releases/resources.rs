//! Cluster resources of releases, operators and images together (`docs/behaviour/release.md` 4.3, 6): every kind there is.
//! The harness holds each file against its schema.

use serde_json::{Value, json};
use test_support::{
    ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, Release, cosign_signature, cosign_signature_tag,
};

use super::graph_image::write_layout;
use super::*;
use crate::harness::{base64, resources};

const TEMPLATE: &str = r#"apiVersion: operators.coreos.com/v1alpha1
kind: CatalogSource
metadata:
  name: discarded
  namespace: discarded
  labels:
    team: platform
  annotations:
    note: kept
    createdBy: somebody
spec:
  image: discarded
  sourceType: grpc
  displayName: Our operators
  publisher: Platform team
  priority: -100
  icon:
    base64data: aWNvbg==
    mediatype: image/png
  grpcPodConfig:
    securityContextConfig: restricted
    nodeSelector:
      node-role.kubernetes.io/infra: ""
  updateStrategy:
    registryPoll:
      interval: 30m0s
  unknown: dropped
status:
  message: dropped
"#;

#[test]
fn every_kind_of_resource() {
    let Some(outside) = Outside::new() else { return };
    let (first, second) = (Release::new("4.99.9", 2, 1), Release::new("4.99.10", 2, 1));
    outside.channel(&[&first, &second]);
    let host = outside.source.host();
    OperatorWorld::new(host, &[("foo", &["0.1.0", "0.2.0"])]).push_to(&outside.source);
    let app = ImageBuilder::oci().layer(Layer::random(1, 1000)).build();
    outside.source.push("apps/app", "v1", &app);
    let graph = IndexBuilder::docker().architectures(&["amd64", "arm64"], 41, 5000).build();
    write_layout(&outside.home.disk().join("working-dir/graph-preparation"), &[&graph]);
    let configuration = |template: &str| {
        format!(
            "platform:\n  graph: true\n  channels:\n  - name: stable-4.99\n    minVersion: 4.99.9\n\
             operators:\n- catalog: {host}/cat/index:v1\n  targetCatalogSourceTemplate: {template}\n  \
             packages:\n  - name: foo\nadditionalImages:\n- name: {host}/apps/app:v1\n"
        )
    };
    outside.home.configuration(&configuration("template.yaml"));
    outside.home.to_disk(&[]).code(0);

    let inside = enclave(&outside.home);
    carry(&outside.home, &inside);
    inside.write("template.yaml", TEMPLATE);
    let destination = Registry::start_blocking();
    let to = format!("{}/m", destination.host());
    let outcome = inside.to_mirror(&to, &[]);
    let said = outcome.code(0).stdout.lines().filter_map(|line| line.split_once("📄 Generating "));
    let said: Vec<&str> = said.map(|(_, what)| what).collect();
    let files = ["IDMS", "ITMS", "CatalogSource", "ClusterCatalog"].map(|kind| format!("{kind} file..."));
    assert_eq!(said[0], "cluster resources...");
    assert_eq!(said[1..5], files);
    assert_eq!(said[5..], ["Signature Configmap...", "UpdateService file..."]);
    let working_dir = inside.disk().join("working-dir");
    let found = resources::read(&working_dir);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cc-index-v1.yaml",
            "cs-index-v1.yaml",
            "idms-oc-mirror.yaml",
            "itms-oc-mirror.yaml",
            "signature-configmap.json",
            "signature-configmap.yaml",
            "updateService.yaml",
        ]
    );
    let sets = |name: &str| -> Vec<&str> {
        found[name].iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
    };
    assert_eq!(sets("idms-oc-mirror.yaml"), ["idms-release-0", "idms-operator-0"]);
    assert_eq!(sets("itms-oc-mirror.yaml"), ["itms-release-0", "itms-operator-0", "itms-generic-0"]);
    let service = &found["updateService.yaml"][0]["spec"];
    assert_eq!(service["releases"], format!("{to}/openshift/release-images"));
    assert_eq!(service["graphDataImage"], format!("{to}/openshift/graph-image:latest"));
    assert_eq!(found["cc-index-v1.yaml"][0]["spec"]["source"]["image"]["ref"], format!("{to}/cat/index:v1"));

    signatures(
        &found["signature-configmap.json"],
        &found["signature-configmap.yaml"],
        &[&first, &second],
        &working_dir,
    );
    with_template(&found["cs-index-v1.yaml"][0], &to);
    drop(outside);

    // A template that cannot be used is told, and the plain resource is written.
    for (template, text, reason) in [
        ("absent.yaml", None, "No such file"),
        ("kind.yaml", Some(TEMPLATE.replace("kind: CatalogSource", "kind: ClusterCatalog")), "ClusterCatalog"),
        ("type.yaml", Some(TEMPLATE.replace("sourceType: grpc", "sourceType: internal")), "internal"),
    ] {
        if let Some(text) = text {
            inside.write(template, text);
        }
        let configuration = std::fs::read_to_string(inside.path().join("isc.yaml")).unwrap();
        let line = configuration.lines().find(|line| line.contains("targetCatalogSourceTemplate")).unwrap();
        inside.write("isc.yaml", configuration.replace(line, &format!("    targetCatalogSourceTemplate: {template}")));
        let outcome = inside.to_mirror(&to, &[]);
        let complaints = outcome.code(0).complaints();
        assert!(complaints.contains("[ERROR]") && complaints.contains(reason), "{template}: {complaints}");
        let source = &resources::read(&working_dir)["cs-index-v1.yaml"][0];
        assert_eq!(
            source["spec"],
            json!({ "image": format!("{to}/cat/index:v1"), "sourceType": "grpc" }),
            "{template}"
        );
    }
}

/// Paths that are flattened (`docs/behaviour/config-cli.md` 4.7): whatever a resource names is at the destination under
/// that name, and signatures lie beside their images.
#[test]
fn nested_paths_lead_to_what_is_there() {
    let Some(outside) = Outside::new() else { return };
    let release = Release::new("4.99.1", 2, 1);
    outside.channel(&[&release]);
    let host = outside.source.host();
    OperatorWorld::new(host, &[("foo", &["0.1.0"])]).push_to(&outside.source);
    let app = IndexBuilder::oci().architectures(&["amd64", "arm64"], 7, 2000).build();
    outside.source.push("apps/app", "v1", &app);
    for manifest in app.manifests() {
        let signature = cosign_signature(&format!("{host}/apps/app"), manifest);
        outside.source.push("apps/app", cosign_signature_tag(&manifest.digest).as_str(), &signature);
    }
    let graph = IndexBuilder::docker().architectures(&["amd64", "arm64"], 41, 5000).build();
    outside.home.configuration(&format!(
        "platform:\n  graph: true\n  channels:\n  - name: stable-4.99\n\
         operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: {host}/apps/app:v1\n"
    ));
    for folder in [outside.home.disk(), outside.home.workspace()] {
        write_layout(&folder.join("working-dir/graph-preparation"), &[&graph]);
    }
    outside.home.to_disk(&[]).code(0);
    let check = |working_dir: &std::path::Path, destination: &Registry| {
        let repositories = destination.repositories();
        assert!(repositories.iter().all(|name| name.split('/').count() == 2), "{repositories:?}");
        let found = resources::read(working_dir);
        let below = |name: &Value| {
            let name = name.as_str().unwrap().strip_prefix(destination.host()).unwrap_or_else(|| panic!("{name}"));
            name.trim_start_matches('/').to_owned()
        };
        let image = |name: &Value| {
            let name = below(name);
            let (repository, tag) = name.rsplit_once(':').unwrap();
            assert!(destination.manifest(repository, tag).is_some(), "{name} is not there: {repositories:?}");
        };
        let service = &found["updateService.yaml"][0]["spec"];
        assert_eq!(below(&service["releases"]), "a/openshift-release-images");
        assert_eq!(destination.tags("a/openshift-release-images"), [release.tag.as_str()]);
        image(&service["graphDataImage"]);
        image(&found["cs-cat-index-v1.yaml"][0]["spec"]["image"]);
        image(&found["cc-cat-index-v1.yaml"][0]["spec"]["source"]["image"]["ref"]);
        let mut mirrors = 0;
        for (file, key) in [("idms-oc-mirror.yaml", "imageDigestMirrors"), ("itms-oc-mirror.yaml", "imageTagMirrors")] {
            for pair in found[file].iter().flat_map(|object| object["spec"][key].as_array().unwrap()) {
                let mirror = below(&pair["mirrors"][0]);
                assert!(repositories.contains(&mirror), "{mirror} is not there: {repositories:?}");
                mirrors += 1;
            }
        }
        assert!(mirrors > 4, "{mirrors}");
        for manifest in app.manifests() {
            let tag = cosign_signature_tag(&manifest.digest);
            assert!(destination.manifest("a/apps-app", &tag).is_some(), "{tag} is not there");
        }
    };
    let destination = Registry::start_blocking();
    let to = |destination: &Registry| format!("{}/a", destination.host());
    outside.home.to_mirror(&to(&destination), &["--max-nested-paths=2"]).code(0);
    check(&outside.home.disk().join("working-dir"), &destination);
    let destination = Registry::start_blocking();
    outside.home.mirror_to_mirror(&to(&destination), &["--max-nested-paths=2"]).code(0);
    check(&outside.home.workspace().join("working-dir"), &destination);
}

/// Both files say the same: the signature of every release, as it was verified, in the order of versions.
fn signatures(as_json: &[Value], as_yaml: &[Value], releases: &[&Release], working_dir: &std::path::Path) {
    assert_eq!(as_json, as_yaml);
    let [map] = as_json else { panic!("{as_json:#?}") };
    assert_eq!(map["metadata"]["name"], "mirrored-release-signatures");
    let data = map["binaryData"].as_object().unwrap();
    assert_eq!(data.len(), releases.len());
    for (at, release) in releases.iter().enumerate() {
        let hex = release.digest().hex().to_string();
        let file = working_dir.join(format!("signatures/{}-sha256-{hex}", release.tag));
        let kept = std::fs::read(&file).unwrap();
        assert!(!kept.is_empty());
        assert_eq!(data[&format!("sha256-{hex}-{}", at + 1)], base64(&kept), "{}", file.display());
    }
}

/// What the template sets stays; name, namespace, image and our annotations are ours.
fn with_template(source: &Value, to: &str) {
    let mut found = source.clone();
    let annotations = found["metadata"]["annotations"].as_object_mut().unwrap();
    for ours in ["createdAt", "oc-mirror_version"] {
        annotations.remove(ours).unwrap();
    }
    assert_eq!(
        found,
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "CatalogSource",
            "metadata": {
                "name": "cs-index-v1",
                "namespace": "openshift-marketplace",
                "labels": { "team": "platform" },
                "annotations": { "note": "kept", "createdBy": "oc-mirror v2" },
            },
            "spec": {
                "image": format!("{to}/cat/index:v1"),
                "sourceType": "grpc",
                "displayName": "Our operators",
                "publisher": "Platform team",
                "priority": -100,
                "icon": { "base64data": "aWNvbg==", "mediatype": "image/png" },
                "grpcPodConfig": {
                    "securityContextConfig": "restricted",
                    "nodeSelector": { "node-role.kubernetes.io/infra": "" },
                },
                "updateStrategy": { "registryPoll": { "interval": "30m0s" } },
            },
        })
    );
}
