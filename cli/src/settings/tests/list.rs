//! `oc-mirror list`.

use std::fmt::Write as _;

use super::*;

#[test]
fn list_checks_in_their_order() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "list",
            "list operators",
            "list operators --version 4.20",
            "list operators --catalogs",
            "list operators --catalogs --version 4.20",
            "list operators --catalogs --version 4.20 --catalog reg.lan/c:1",
            "list operators --catalog reg.lan/ns/c:v1",
            "list operators --catalog c:v1",
            "list operators --catalog docker.io/c:v1",
            "list operators --catalog reg.lan/C:v1",
            "list operators --catalog reg.lan/ns/c",
            "list operators --package p",
            "list operators --catalog reg.lan/ns/c:v1 --package p",
            "list operators --catalog reg.lan/ns/c:v1 --channel x",
            "list operators --catalog reg.lan/ns/c:v1 --package p --channel x",
            "list releases",
            "list releases --version 4.20",
            "list releases --channel fast-4.20 --filter-by-archs amd64,arm64",
            "list releases --channel fast-4.20 --filter-by-archs x86",
            "list releases --channels",
            "list releases --channels --version 4.20",
            "list helm-images",
            "list helm-images charts/app -f v.yaml",
            "list helm-images app --version 1.0.0",
            "list helm-images oci://reg.lan/charts/app --version ^1",
            "list nothing",
        ],
    );
    insta::assert_snapshot!(text, @r#"
    $ oc-mirror list
        ok: help []
    $ oc-mirror list operators
        one of --catalog and --catalogs is needed, and not both
    $ oc-mirror list operators --version 4.20
        --catalogs and --version must be used together
    $ oc-mirror list operators --catalogs
        --catalogs and --version must be used together
    $ oc-mirror list operators --catalogs --version 4.20
        ok: list operators []
    $ oc-mirror list operators --catalogs --version 4.20 --catalog reg.lan/c:1
        one of --catalog and --catalogs is needed, and not both
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1
        ok: list operators []
    $ oc-mirror list operators --catalog c:v1
        "c:v1": repository name must be canonical, like `registry.redhat.io/redhat/redhat-operator-index:v4.20`
    $ oc-mirror list operators --catalog docker.io/c:v1
        "docker.io/c:v1": repository name must be canonical, like `registry.redhat.io/redhat/redhat-operator-index:v4.20`
    $ oc-mirror list operators --catalog reg.lan/C:v1
        "reg.lan/C:v1": invalid reference format: invalid repository path `C`: expected lower-case components separated by `/`, like `openshift/cli`
    $ oc-mirror list operators --catalog reg.lan/ns/c
        failed to load catalog "reg.lan/ns/c": the reference has neither tag nor digest, append `:v4.20` or `@sha256:…`
    $ oc-mirror list operators --package p
        one of --catalog and --catalogs is needed, and not both
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1 --package p
        ok: list operators []
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1 --channel x
        --channel needs --package
    $ oc-mirror list operators --catalog reg.lan/ns/c:v1 --package p --channel x
        ok: list operators []
    $ oc-mirror list releases
        ok: list releases []
    $ oc-mirror list releases --version 4.20
        ok: list releases []
    $ oc-mirror list releases --channel fast-4.20 --filter-by-archs amd64,arm64
        ok: list releases []
    $ oc-mirror list releases --channel fast-4.20 --filter-by-archs x86
        unknown architecture "x86": expected amd64, arm64, multi, ppc64le or s390x
    $ oc-mirror list releases --channels
        --channels needs --version
    $ oc-mirror list releases --channels --version 4.20
        ok: list releases []
    $ oc-mirror list helm-images
        missing argument: <CHART>
    $ oc-mirror list helm-images charts/app -f v.yaml
        ok: list helm-images []
    $ oc-mirror list helm-images app --version 1.0.0
        --version chooses among the charts of a registry (oci://); a folder or package has one version
    $ oc-mirror list helm-images oci://reg.lan/charts/app --version ^1
        ok: list helm-images []
    $ oc-mirror list nothing
        unknown command "nothing"
    "#);
}

#[test]
fn lists_settled() {
    let mut text = String::new();
    for row in [
        "list operators --catalog reg.lan/ns/c:v1 --package p --channel x",
        "list releases --version 4.20",
        "list releases --channel fast-4.20 --filter-by-archs amd64,arm64 --filter-by-archs s390x",
    ] {
        let (settings, _) = settled(row, &Snapshot::for_test(WORLD)).unwrap();
        let _ = writeln!(text, "{row}\n    {:?}", settings.command);
    }
    insta::assert_snapshot!(text, @r#"
    list operators --catalog reg.lan/ns/c:v1 --package p --channel x
        ListOperators(Catalog { catalog: ImageRef(reg.lan/ns/c:v1), query: Versions { package: "p", channel: "x" } })
    list releases --version 4.20
        ListReleases(Versions { channel: "stable-4.20", version: Some("4.20"), architectures: ["amd64"] })
    list releases --channel fast-4.20 --filter-by-archs amd64,arm64 --filter-by-archs s390x
        ListReleases(Versions { channel: "fast-4.20", version: None, architectures: ["amd64", "arm64", "s390x"] })
    "#);
}
