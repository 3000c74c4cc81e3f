//! The example of the contract parses.

use isc_schema::{Kind, parse};

const EXAMPLE: &str = r#"
apiVersion: mirror.openshift.io/v2alpha1
kind: ImageSetConfiguration
archiveSize: 8
mirror:
  platform:
    graph: true
    platforms: [{os: linux, architecture: amd64}]
    channels: [{name: stable-4.20, minVersion: 4.20.3, maxVersion: 4.20.5, shortestPath: true}]
  operators:
  - catalog: cat.example/ops/index:v9
    targetCatalog: mirror/idx
    targetTag: prod
    packages:
    - name: widget
      defaultChannel: fast
      channels: [{name: fast, minVersion: 1.2.0}]
  additionalImages:
  - {name: "img.example/tools/cli:1", targetRepo: team/cli, targetTag: "1"}
  helm:
    repositories:
    - {name: demo, url: "https://charts.example/demo/", charts: [{name: app, version: 1.0.0, imagePaths: ["{.spec.custom.image}"]}]}
    local: [{name: l, path: ./charts/l}]
  blockedImages: [{name: "debug-.*"}]
"#;

#[test]
fn example_of_the_contract() {
    let parsed = parse(EXAMPLE, Kind::ImageSet);
    assert_eq!(parsed.diagnostics, []);
    let (document, _) = parsed.into_result().unwrap();
    let operator = &document.content().operators[0];
    assert_eq!(operator.effective_name(), "cat.example/mirror/idx:prod");
    assert_eq!((operator.span.line, operator.span.column), (11, 5));
    assert_eq!(operator.packages()[0].channels[0].min_version.as_ref().unwrap().span.line, 17);
}
