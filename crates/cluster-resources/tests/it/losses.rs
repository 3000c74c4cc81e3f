//! What a cluster loses from one run to the next.

use cluster_resources::{Kind, Request, SignatureFile, emit, lost};

use crate::{emit_rows, request, row, worked_example};

#[test]
fn what_is_gone_is_named() {
    let signatures = [SignatureFile { name: format!("4.16.2-x86_64-sha256-{}", "1".repeat(64)), content: vec![1] }];
    let whole = Request { signatures: &signatures, update_service: Some("mirror.lab:5000/ns"), ..request() };
    let rows = worked_example("mirror.lab:5000/ns");
    let before = emit(&rows, &whole).documents;
    let previous = || before.iter().map(|document| (document.file_name.as_str(), document.text.as_str()));
    assert_eq!(lost(previous(), &before).unwrap(), []);
    // The same content at another time is the same.
    let later = Request { created_at: "2027-01-01T00:00:00Z", ..whole };
    assert_eq!(lost(previous(), &emit(&rows, &later).documents).unwrap(), []);

    let fewer = emit_rows(&rows[6..]).documents;
    let gone: Vec<_> = lost(previous(), &fewer).unwrap().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(gone.join("\n"), @r"
    ImageDigestMirrorSet: nvcr.io/x -> mirror.lab:5000/ns/x
    ImageDigestMirrorSet: quay.io/acme -> mirror.lab:5000/ns/acme
    ImageDigestMirrorSet: quay.io/openshift-release-dev/ocp-release -> mirror.lab:5000/ns/openshift/release-images
    ImageDigestMirrorSet: quay.io/openshift-release-dev/ocp-v4.0-art-dev -> mirror.lab:5000/ns/openshift/release
    ImageTagMirrorSet: nvcr.io/x -> mirror.lab:5000/ns/x
    ImageTagMirrorSet: quay.io/openshift-release-dev/ocp-release -> mirror.lab:5000/ns/openshift/release-images
    CatalogSource: cs-redhat-operator-index-v4-16
    ClusterCatalog: cc-redhat-operator-index-v4-16
    UpdateService: update-service-oc-mirror
    release signature: sha256-1111111111111111111111111111111111111111111111111111111111111111
    ");
}

#[test]
fn files_of_upstream_can_be_read() {
    // Unsorted keys and several documents without a leading `---`.
    let text = "kind: ImageTagMirrorSet\nspec:\n  imageTagMirrors:\n  - source: a.io/x\n    mirrors: [m.io/x, n.io/x]\n---\nkind: Other\n";
    let new = emit_rows(&[row(Kind::Generic, "a.io/x/y:1", "m.io/x/y:1")]).documents;
    let gone: Vec<_> = lost([("itms-oc-mirror.yaml", text)], &new).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(gone, ["ImageTagMirrorSet: a.io/x -> n.io/x", "Other: "]);
}

#[test]
fn a_broken_file_is_named() {
    let error = lost([("cs-x.yaml", "a: [")], &[]).unwrap_err().to_string();
    assert!(error.starts_with("cannot compare with `cs-x.yaml` of the run before: "), "{error}");
}
