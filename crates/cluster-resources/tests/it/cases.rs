//! The cases that the page lists under its worked example (`docs/behaviour/release.md` 6.4, "Tests"), 4.3 and 5.4.

use cluster_resources::{Kind, Request, Section, SignatureFile, emit};

use crate::{D, emit_rows, names, request, row, worked_example};

#[test]
fn digests_only_make_no_itms() {
    let rows = [row(Kind::Generic, "quay.io/a/b@D", "m.io/a/b:x")];
    assert_eq!(names(&emit_rows(&rows)), ["idms-oc-mirror.yaml"]);
}

#[test]
fn tags_only_make_no_idms() {
    let rows = [row(Kind::Generic, "quay.io/a/b:1", "m.io/a/b:1"), row(Kind::Generic, "quay.io/c/d:1", "m.io/c/d:1")];
    assert_eq!(names(&emit_rows(&rows)), ["itms-oc-mirror.yaml"]);
}

#[test]
fn tag_and_digest_make_both() {
    let rows = [row(Kind::Generic, "quay.io/a/b:1@D", "m.io/a/b:1")];
    assert_eq!(names(&emit_rows(&rows)), ["idms-oc-mirror.yaml", "itms-oc-mirror.yaml"]);
}

#[test]
fn nothing_makes_nothing() {
    assert!(emit_rows(&[]).documents.is_empty());
}

#[test]
fn a_destination_with_release_in_its_path() {
    let rows = worked_example("mirror.lab:5000/release");
    let idms = &emit_rows(&rows).documents[0].text;
    assert!(idms.contains("    - mirror.lab:5000/release/openshift/release\n"), "{idms}");
    assert!(idms.contains("    - mirror.lab:5000/release/acme\n    source: quay.io/acme\n"), "{idms}");
}

#[test]
fn catalogs_in_the_cache_make_no_catalog_resources() {
    let rows = [row(Kind::Catalog, "quay.io/a/idx:v1", "docker://localhost:55000/a/idx:v1")];
    assert!(emit_rows(&rows).documents.is_empty());
    // Another port is another registry.
    let rows = [row(Kind::Catalog, "quay.io/a/idx:v1", "docker://localhost:5000/a/idx:v1")];
    assert_eq!(names(&emit_rows(&rows)), ["cs-idx-v1.yaml", "cc-idx-v1.yaml"]);
}

#[test]
fn a_failed_catalog_is_absent_and_the_other_present() {
    let rows = [
        row(Kind::Catalog, "quay.io/a/one:v1", "m.io/a/one:v1"),
        row(Kind::Catalog, "quay.io/a/two:v1", "m.io/a/two:v1"),
    ];
    assert_eq!(names(&emit_rows(&rows)), ["cs-one-v1.yaml", "cs-two-v1.yaml", "cc-one-v1.yaml", "cc-two-v1.yaml"]);
    assert_eq!(names(&emit_rows(&rows[1..])), ["cs-two-v1.yaml", "cc-two-v1.yaml"]);
}

#[test]
fn no_file_has_empty_fields_status_or_creation_timestamp() {
    let signatures = [SignatureFile { name: format!("4.16.2-x86_64-{}", D.replace(':', "-")), content: vec![1] }];
    let whole = Request { signatures: &signatures, update_service: Some("mirror.lab:5000/ns"), ..request() };
    for document in emit(&worked_example("mirror.lab:5000/ns"), &whole).documents {
        for absent in ["status:", "creationTimestamp", "{}", "[]", "null"] {
            assert!(!document.text.contains(absent), "{}: {absent}", document.file_name);
        }
        assert_eq!(document.text.ends_with('\n'), document.file_name != "signature-configmap.json");
    }
}

#[test]
fn catalogs_that_would_share_a_file_get_two() {
    let rows = [
        row(Kind::Catalog, "quay.io/a/idx:v1", "m.io/a/idx:v1"),
        row(Kind::Catalog, "quay.io/b/idx:v1", "m.io/b/idx:v1"),
        row(Kind::Catalog, "quay.io/c/my_idx:v1", "m.io/c/my_idx:v1"),
    ];
    let emitted = emit_rows(&rows);
    let notices: Vec<_> = emitted.notices.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(format!("{}\n{}", names(&emitted).join("\n"), notices.join("\n")), @r"
    cs-idx-v1.yaml
    cs-idx-v1-499c3a46.yaml
    cs-my-idx-v1.yaml
    cc-idx-v1.yaml
    cc-idx-v1-499c3a46.yaml
    cc-my-idx-v1.yaml
    the catalogs `m.io/a/idx:v1` and `m.io/b/idx:v1` would share a name: the second is named `idx-v1-499c3a46`
    `my_idx-v1` is no name for a resource: the catalog `m.io/c/my_idx:v1` is named `my-idx-v1`
    ");
}

#[test]
fn same_source_in_several_sets() {
    let rows = [
        row(Kind::Generic, "quay.io/a/x@D", "m.io/a/x:1"),
        row(Kind::Operator, "quay.io/a/y@D", "m.io/a/y:1"),
        row(Kind::Generic, "quay.io/a/x@D", "other.io/ns/a/x:1"),
    ];
    let emitted = emit_rows(&rows);
    insta::assert_snapshot!(emitted.documents[0].text, @r#"
    ---
    apiVersion: config.openshift.io/v1
    kind: ImageDigestMirrorSet
    metadata:
      annotations:
        createdAt: "2026-01-02T03:04:05Z"
        createdBy: oc-mirror v2
        oc-mirror_version: v0.0.0-unknown
      name: idms-operator-0
    spec:
      imageDigestMirrors:
      - mirrors:
        - m.io/a
        source: quay.io/a
    ---
    apiVersion: config.openshift.io/v1
    kind: ImageDigestMirrorSet
    metadata:
      annotations:
        createdAt: "2026-01-02T03:04:05Z"
        createdBy: oc-mirror v2
        oc-mirror_version: v0.0.0-unknown
      name: idms-generic-0
    spec:
      imageDigestMirrors:
      - mirrors:
        - m.io/a
        - other.io/ns/a
        source: quay.io/a
    "#);
}

/// Mirrored releases, files in the workspace, and the keys of the `ConfigMap` with their values.
#[test]
fn signatures() {
    let check = |tags: &[&str], files: &[&str]| -> String {
        let rows: Vec<_> = tags
            .iter()
            .map(|tag| {
                row(
                    Kind::Release,
                    &format!("quay.io/r/ocp-release:{tag}"),
                    &format!("m.io/openshift/release-images:{tag}"),
                )
            })
            .collect();
        let signatures: Vec<_> = files
            .iter()
            .map(|name| SignatureFile { name: (*name).into(), content: name.as_bytes().to_vec() })
            .collect();
        let emitted = emit(&rows, &Request { signatures: &signatures, ..request() });
        let maps: Vec<_> =
            emitted.documents.iter().filter(|document| document.section == Section::Signatures).collect();
        let notices: Vec<_> = emitted.notices.iter().map(ToString::to_string).collect();
        let keys = maps.first().map_or("no file".into(), |json| {
            let value: serde_json::Value = serde_json::from_str(&json.text).unwrap();
            let yaml: serde_json::Value = serde_saphyr::from_str(&maps[1].text).unwrap();
            assert_eq!(value, yaml);
            value["binaryData"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
        });
        format!("{keys} {}", notices.join("; "))
    };
    let rows: [(&[&str], &[&str], &str); 8] = [
        (&["4.16.2-x86_64"], &["4.16.2-x86_64-sha256-aa"], "sha256-aa-1 "),
        (&["4.16.2-x86_64"], &["4.16.3-x86_64-sha256-aa"], "no file "),
        (&["4.16.2-x86_64"], &[], "no file "),
        (&[], &["4.16.2-x86_64-sha256-aa"], "no file "),
        // Numbered by version, not by name.
        (
            &["4.16.10-x86_64", "4.16.9-x86_64"],
            &["4.16.10-x86_64-sha256-aa", "4.16.9-x86_64-sha256-bb"],
            "sha256-aa-2 sha256-bb-1 ",
        ),
        // The last file of a tag wins; a digest appears once.
        (&["4.16.2-x86_64"], &["4.16.2-x86_64-sha256-bb", "4.16.2-x86_64-sha256-aa"], "sha256-bb-1 "),
        (&["4.16.2-x86_64", "4.16.3-x86_64"], &["4.16.2-x86_64-sha256-aa", "4.16.3-x86_64-sha256-aa"], "sha256-aa-1 "),
        (
            &["4.16.2-x86_64"],
            &["odd", "4.16.2-x86_64-sha256-aa"],
            "sha256-aa-1 the signature file `odd` is left out: expected a name like `4.20.1-x86_64-sha256-<hex>`",
        ),
    ];
    for (tags, files, expected) in rows {
        assert_eq!(check(tags, files), expected, "{tags:?} {files:?}");
    }
}

/// The `ConfigMap` of the run before, mirrored releases, and the keys with their values: it grows, whatever is mirrored.
#[test]
fn signatures_of_earlier_runs_stay() {
    let files = ["4.16.9-x86_64-sha256-aa", "4.16.10-x86_64-sha256-bb"]
        .map(|name| SignatureFile { name: name.into(), content: name.as_bytes()[..7].to_vec() });
    let data = |tags: &[&str], earlier: Option<&str>| -> Option<String> {
        let name = |of: &str, tag: &str| format!("{of}:{tag}");
        let rows: Vec<_> = tags
            .iter()
            .map(|tag| {
                row(Kind::Release, &name("quay.io/r/ocp-release", tag), &name("m.io/openshift/release-images", tag))
            })
            .collect();
        let request = Request { signatures: &files, earlier_signatures: earlier, ..request() };
        let found = emit(&rows, &request).documents.into_iter().find(|one| one.file_name.ends_with("configmap.yaml"));
        found.map(|document| document.text)
    };
    let check = |tags: &[&str], earlier: Option<&str>, expected: &str| {
        let text = data(tags, earlier).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  sha256-")).collect();
        assert_eq!(lines.join(", "), expected, "{tags:?} {earlier:?}");
        text
    };
    let (nine, ten) = ("4.16.9-x86_64", "4.16.10-x86_64");
    let (nine_says, ten_says) = ("NC4xNi45LQ==", "NC4xNi4xMA==");
    let both = format!("aa-1: {nine_says}, bb-2: {ten_says}");
    let first = check(&[ten], None, &format!("bb-1: {ten_says}"));
    let second = check(&[nine], Some(&first), &both);
    // The same as in one run, and again; also when nothing of it is mirrored now, or no release at all.
    assert_eq!(check(&[nine, ten], None, &both), second);
    check(&[nine, ten], Some(&second), &both);
    check(&[ten], Some(&second), &both);
    check(&[], Some(&second), &both);
    // A signature that was replaced, and that of a release of which nothing else is known.
    let other = "binaryData: {sha256-aa-3: b2xk, sha256-00-1: b2xk, sha256-zz-2: bmV3}";
    check(&[nine], Some(other), &format!("00-2: b2xk, aa-1: {nine_says}, zz-3: bmV3"));
    // What is no signature does not stay, and a file that is none of ours has none.
    for odd in
        ["binaryData: {sha256-cc-1: '%', sha256-cc: YQ==, dd-1: YQ==, sha256-ee-1: ''}", "[", "", "a", "binaryData: []"]
    {
        check(&[nine], Some(odd), &format!("aa-1: {nine_says}"));
        check(&[], Some(odd), "");
    }
}

#[test]
fn the_json_of_signatures_keeps_its_key_order() {
    let signatures = [SignatureFile { name: "4.16.2-x86_64-sha256-aa".into(), content: b"signature".to_vec() }];
    let rows =
        [row(Kind::Release, "quay.io/r/ocp-release:4.16.2-x86_64", "m.io/openshift/release-images:4.16.2-x86_64")];
    let emitted = emit(&rows, &Request { signatures: &signatures, ..request() });
    let json = emitted.documents.iter().find(|document| document.file_name == "signature-configmap.json").unwrap();
    insta::assert_snapshot!(json.text, @r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"mirrored-release-signatures","namespace":"openshift-config-managed","labels":{"release.openshift.io/verification-signatures":""},"annotations":{"createdAt":"2026-01-02T03:04:05Z","createdBy":"oc-mirror v2","oc-mirror_version":"v0.0.0-unknown"}},"binaryData":{"sha256-aa-1":"c2lnbmF0dXJl"}}"#);
}
