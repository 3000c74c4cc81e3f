//! `oc-mirror list helm-images`.

use test_support::{ChartBuilder, artifact};

use super::Charts;

/// What mirroring finds, what it would find with other fields, and which fields these are.
#[test]
fn helm_images_of_a_chart_and_what_they_need() {
    let world = Charts::new(&[]);
    let hook = "kind: Job\nmetadata: {annotations: {helm.sh/hook: test}}\nspec: {template: {spec: {containers: [{image: \
                q.io/a/hook:v1}]}}}\n";
    let custom = "kind: Custom\nspec:\n  image: q.io/a/custom:{{ .Values.tag }}\n  args: [--image=q.io/a/args:v1]\n";
    let chart = ChartBuilder::new("app", "1.0.0")
        .file("values.yaml", "tag: v1\n")
        .deployment("web", "q.io/a/web:v1")
        .deployment("untagged", "q.io/a/untagged")
        .file("templates/custom.yaml", custom)
        .file("templates/hook.yaml", hook);
    world.write("app", &chart);
    let found = world.home.run(&["list", "helm-images", "app"]);
    found.code(0);
    insta::assert_snapshot!(found.stdout, @r"
    Chart app 1.0.0

    Images that mirroring finds:
    q.io/a/web:v1  app/templates/web.yaml

    Images that mirroring does not find yet, and what each of them needs:
    q.io/a/untagged   app/templates/untagged.yaml  it has neither tag nor digest; set a tag in the chart's `values`, or add the image to `additionalImages`
    q.io/a/hook:v1    app/templates/hook.yaml      hooks: true
    q.io/a/args:v1    app/templates/custom.yaml    a line of additionalImages
    q.io/a/custom:v1  app/templates/custom.yaml    imagePaths

    To mirror them, add to the chart in the configuration:
        imagePaths:
        - '{.spec.image}'
        hooks: true
    ");

    // The proposed fields find the images.
    world.home.write("values.yaml", "tag: v2\n");
    let found = world.home.run(&["list", "helm-images", "app", "-f", "values.yaml", "--output=json"]);
    found.code(0);
    let document: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(document["images"][4]["image"], "q.io/a/custom:v2", "{document:#}");
    assert_eq!(document["imagePaths"], serde_json::json!(["{.spec.image}"]));

    // The same chart from a web server and from a registry.
    world.web.file("/app-1.0.0.tgz", chart.package());
    let layer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    world.source.push("charts/app", "1.0.0", &artifact("a/b", layer, &chart.package(), None));
    let text = |args: &[&str]| {
        let mut all = vec!["list", "helm-images", "--src-tls-verify=false", "--retry-times=0"];
        all.extend(args);
        world.home.run(&all)
    };
    let local = world.home.run(&["list", "helm-images", "app"]).stdout;
    let artifact = format!("oci://{}/charts/app", world.source.host());
    assert_eq!(text(&[&format!("{}/app-1.0.0.tgz", world.web.url())]).stdout, local);
    assert_eq!(text(&[&artifact]).stdout, local);
    assert_eq!(text(&[&format!("{artifact}:1.0.0")]).stdout, local);
    assert_eq!(text(&[&artifact, "--version=^1"]).stdout, local);

    text(&[&artifact, "--version=^2"]).code(1).says("could not locate a version matching");
    text(&[&format!("{}/none.tgz", world.web.url())]).code(1).says("none.tgz : status 404");
    text(&["none"]).code(1).says("no such file or directory");
}

/// What is no chart, or too much of one, is refused at once: nothing waits for a pipe, and nothing reads without bound.
#[test]
fn helm_images_reads_no_more_than_a_run_does() {
    let world = Charts::new(&[]);
    world.write("app", &ChartBuilder::new("app", "1.0.0"));
    let large = |name: &str, bytes: u64| {
        let file = std::fs::File::create(world.home.path().join(name)).unwrap();
        file.set_len(bytes).unwrap();
    };
    large("large.tgz", (64 << 20) + 1);
    large("large.yaml", (16 << 20) + 1);
    let status = std::process::Command::new("mkfifo").arg(world.home.path().join("pipe")).status().unwrap();
    assert!(status.success());
    let check = |args: &[&str], text: &str| {
        let mut all = vec!["list", "helm-images"];
        all.extend(args);
        world.home.run(&all).code(1).says(text);
    };
    check(&["large.tgz"], "large.tgz is larger than the 67108864 bytes that are read");
    check(&["pipe"], "named pipe");
    check(&["app", "-f", "large.yaml"], "large.yaml`: it is larger than the 16777216 bytes that are read");
    check(&["app", "-f", "pipe"], "named pipe");
    check(&["app", "-f", "none.yaml"], "none.yaml`: No such file or directory");
}
