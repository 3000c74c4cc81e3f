//! Requests to the update service.

use cincinnati_graph::{Endpoints, GraphKey, Query, Service, query_id};

fn check(over: Option<&str>, service: Service, arch: &str, version: Option<&str>, expected: &str) {
    let key = GraphKey { service, arch: arch.into(), channel: "stable-4.16".into() };
    let query = Query { key, id: "I".into(), version: version.map(str::to_owned) };
    assert_eq!(query.url(&Endpoints::new(over).unwrap()).as_str(), expected);
}

#[test]
fn urls() {
    let ocp = "https://api.openshift.com/api/upgrades_info/v1/graph";
    let okd = "https://origin-release.ci.openshift.org/graph";
    check(None, Service::Ocp, "amd64", None, &format!("{ocp}?arch=amd64&channel=stable-4.16&id=I"));
    check(Some(""), Service::Ocp, "", None, &format!("{ocp}?channel=stable-4.16&id=I"));
    check(
        None,
        Service::Ocp,
        "multi",
        Some("4.16.0-rc.1+x"),
        &format!("{ocp}?arch=multi&channel=stable-4.16&id=I&version=4.16.0-rc.1%2Bx"),
    );
    check(None, Service::Okd, "amd64", None, &format!("{okd}?arch=amd64&channel=stable-4.16&id=I"));
    check(
        Some("http://osus.lan:8080/graph?z=1&b=2"),
        Service::Ocp,
        "amd64",
        None,
        "http://osus.lan:8080/graph?arch=amd64&b=2&channel=stable-4.16&id=I&z=1",
    );
    // OKD has no override.
    check(
        Some("http://osus.lan/graph"),
        Service::Okd,
        "amd64",
        None,
        &format!("{okd}?arch=amd64&channel=stable-4.16&id=I"),
    );
    insta::assert_snapshot!(
        Endpoints::new(Some("osus.lan/graph")).unwrap_err(),
        @"`osus.lan/graph` is no URL of an update service: relative URL without a base; expected an absolute URL like `https://host/graph`"
    );
}

#[test]
fn ids_are_uuids() {
    assert_eq!(query_id([0; 16]), "00000000-0000-4000-8000-000000000000");
    assert_eq!(query_id([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}
