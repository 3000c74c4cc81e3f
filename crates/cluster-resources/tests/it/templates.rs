//! Templates of `CatalogSource`: what is taken over, what is refused, and which catalog they belong to.

use std::fmt::Write as _;

use cluster_resources::{CatalogTemplate, Kind, Request, emit};

use crate::{request, row};

const HEAD: &str = "apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\n";

fn with_template(catalog: &str, origin: &str, text: Result<&str, &str>) -> (String, Vec<String>) {
    let templates = [CatalogTemplate { catalog: catalog.into(), text: text.map(str::to_owned).map_err(str::to_owned) }];
    let rows = [row(Kind::Catalog, origin, "m.io/ns/idx:v1")];
    let emitted = emit(&rows, &Request { templates: &templates, ..request() });
    (emitted.documents[0].text.clone(), emitted.notices.iter().map(ToString::to_string).collect())
}

#[test]
fn refused_templates_leave_the_default() {
    let plain = with_template("x.io/other:v1", "q.io/idx:v1", Ok("")).0;
    let rows: [Result<&str, &str>; 12] = [
        Err("no such file or directory"),
        Ok("a: ["),
        Ok("- a"),
        Ok(""),
        Ok("apiVersion: v1\nkind: CatalogSource"),
        Ok("kind: CatalogSource"),
        Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: Subscription"),
        Ok("apiVersion: operators.coreos.com/v1alpha1"),
        Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: {sourceType: internal}"),
        Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: {configMap: x}"),
        Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: 5"),
        Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nmetadata: {labels: [a]}"),
    ];
    let mut answers = String::new();
    for text in rows {
        let (document, notices) = with_template("q.io/idx:v1", "q.io/idx:v1", text);
        assert_eq!(document, plain, "{text:?}");
        let _ = writeln!(answers, "{text:?}\n    {}", notices.join("; "));
    }
    insta::assert_snapshot!(answers, @r#"
    Err("no such file or directory")
        the CatalogSource template of `q.io/idx:v1` is not used: cannot read it: no such file or directory; the default is written
    Ok("a: [")
        the CatalogSource template of `q.io/idx:v1` is not used: not valid YAML: error: line 1 column 4: unclosed bracket '['; the default is written
    Ok("- a")
        the CatalogSource template of `q.io/idx:v1` is not used: no mapping: expected a CatalogSource; the default is written
    Ok("")
        the CatalogSource template of `q.io/idx:v1` is not used: no mapping: expected a CatalogSource; the default is written
    Ok("apiVersion: v1\nkind: CatalogSource")
        the CatalogSource template of `q.io/idx:v1` is not used: apiVersion is `v1`, expected `operators.coreos.com/v1alpha1`; the default is written
    Ok("kind: CatalogSource")
        the CatalogSource template of `q.io/idx:v1` is not used: apiVersion is ``, expected `operators.coreos.com/v1alpha1`; the default is written
    Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: Subscription")
        the CatalogSource template of `q.io/idx:v1` is not used: kind is `Subscription`, expected `CatalogSource`; the default is written
    Ok("apiVersion: operators.coreos.com/v1alpha1")
        the CatalogSource template of `q.io/idx:v1` is not used: kind is ``, expected `CatalogSource`; the default is written
    Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: {sourceType: internal}")
        the CatalogSource template of `q.io/idx:v1` is not used: spec.sourceType is `internal`, expected `grpc` or nothing; the default is written
    Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: {configMap: x}")
        the CatalogSource template of `q.io/idx:v1` is not used: spec.configMap is set, but the catalog is an image: remove it; the default is written
    Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: 5")
        the CatalogSource template of `q.io/idx:v1` is not used: spec is no mapping; the default is written
    Ok("apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nmetadata: {labels: [a]}")
        the CatalogSource template of `q.io/idx:v1` is not used: metadata.labels is no mapping; the default is written
    "#);
}

#[test]
fn what_is_taken_over() {
    let text = format!(
        "{HEAD}metadata:\n  name: mine\n  namespace: elsewhere\n  generateName: x\n  labels: {{team: a}}\n  annotations: {{createdBy: me, mine: kept}}\n\
         spec:\n  sourceType: grpc\n  image: other\n  icon: {{base64data: eA==, mediatype: image/png}}\n  unknown: 1\n  address: ''\n  secrets: [pull]\n  \
         priority: -200\n  updateStrategy: {{}}\nstatus: {{x: 1}}\n"
    );
    let (document, notices) = with_template("q.io/idx:v1", "q.io/idx:v1", Ok(&text));
    assert_eq!(notices, [""; 0]);
    insta::assert_snapshot!(document, @r#"
    apiVersion: operators.coreos.com/v1alpha1
    kind: CatalogSource
    metadata:
      annotations:
        createdAt: "2026-01-02T03:04:05Z"
        createdBy: oc-mirror v2
        mine: kept
        oc-mirror_version: v0.0.0-unknown
      labels:
        team: a
      name: cs-idx-v1
      namespace: openshift-marketplace
    spec:
      icon:
        base64data: eA==
        mediatype: image/png
      image: m.io/ns/idx:v1
      priority: -200
      secrets:
      - pull
      sourceType: grpc
    "#);
}

#[test]
fn an_interval_is_written_as_it_is() {
    let text = format!("{HEAD}spec: {{updateStrategy: {{registryPoll: {{interval: often}}}}}}");
    let (document, _) = with_template("q.io/idx:v1", "q.io/idx:v1", Ok(&text));
    assert!(document.contains("  updateStrategy:\n    registryPoll:\n      interval: often\n"), "{document}");
}

/// Filtered catalogs bring the cache of their content, so OLM may take it out of the image.
#[test]
fn a_cache_in_the_image_is_nothing_to_warn_about() {
    let text = |extract: &str| format!("{HEAD}spec: {{grpcPodConfig: {{extractContent: {extract}}}}}");
    for extract in ["{cacheDir: /tmp/cache, catalogDir: /configs}", "{catalogDir: /configs}", "null"] {
        let (document, notices) = with_template("q.io/idx:v1", "q.io/idx:v1", Ok(&text(extract)));
        assert_eq!(notices, [""; 0], "{extract}");
        assert_eq!(document.contains("      cacheDir: /tmp/cache\n"), extract.contains("cacheDir"), "{document}");
    }
}

/// A template belongs to the catalog it was configured for.
#[test]
fn matching() {
    let text = format!("{HEAD}spec: {{displayName: mine}}");
    let rows = [
        ("q.io/idx:v4.1", "q.io/idx:v4.1", true),
        ("q.io/idx:v4.1", "docker://q.io/idx:v4.1", true),
        ("q.io/idx:v4.1", "q.io/idx:v4.10", false),
        ("q.io/idx:v4.1", "q.io/idx@D", true),
        ("q.io/idx@sha256:1111111111111111111111111111111111111111111111111111111111111111", "q.io/idx@D", true),
        ("q.io/idx@sha256:2111111111111111111111111111111111111111111111111111111111111111", "q.io/idx@D", false),
        ("q.io/idx:v1", "q.io/other/idx:v1", false),
        ("oci://./srv/idx", "oci:///home/u/srv/idx", true),
        ("oci:///srv/idx", "oci:///srv/idx", true),
        ("oci://rv/idx", "oci:///srv/idx", false),
        ("oci:///srv/idx", "q.io/idx:v1", false),
    ];
    for (catalog, origin, matches) in rows {
        let (document, _) = with_template(catalog, origin, Ok(&text));
        assert_eq!(document.contains("displayName: mine"), matches, "{catalog} {origin}");
    }
}
