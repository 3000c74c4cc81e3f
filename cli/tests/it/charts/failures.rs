//! Charts that cannot be mirrored: the run says why, ends with bit 16, and copies nothing.

use test_support::{ChartBuilder, Kind, Nowhere, When};

use super::Charts;
use crate::harness::Home;

/// `exit_codes` of upstream's black-box tests: an absent chart, a file that is no package, and two families at once.
#[test]
fn what_upstream_says_of_broken_charts() {
    let catalog = "operators:\n- catalog: registry.invalid.example.com/ns/index:v1\n";
    let check = |stanza: &str, code: i32, texts: &[&str]| {
        let home = Home::new();
        home.write("charts/text.tgz", "no package");
        home.write("charts/values.yaml", "a: 1\n");
        home.write("charts/zip.tgz", b"PK\x03\x04");
        home.write("charts/empty/values.yaml", "a: 1\n");
        home.configuration(stanza);
        let found = home.to_disk(&["--retry-times=0"]);
        found.code(code).says("collection error: ");
        for text in texts {
            found.says(text);
        }
        assert!(home.archives().is_empty(), "an archive of a failed run");
    };
    let local = |path: &str| format!("helm:\n  local:\n  - name: chart\n    path: {path}\n");
    check(&local("./charts/none"), 16, &["[Helm] chart ./charts/none: stat ./charts/none: no such file or directory"]);
    check(&local("./none.tgz"), 16, &["no such file or directory"]);
    check(
        &local("./charts/text.tgz"),
        16,
        &["file './charts/text.tgz' does not appear to be a gzipped archive; got 'application/octet-stream'"],
    );
    check(&local("charts/zip.tgz"), 16, &["does not appear to be a gzipped archive; got 'application/zip'"]);
    check(&local("charts/values.yaml"), 16, &["seems to be a YAML file, but expected a gzipped archive"]);
    check(&local("charts/empty"), 16, &["Chart.yaml file is missing"]);
    let both = format!("{catalog}{}", local("./charts/none"));
    check(&both, 4 | 16, &["registry.invalid.example.com", "no such file or directory"]);
}

/// Every chart is tried, and every error is told; nothing is copied.
#[test]
fn every_error_is_told_and_nothing_is_copied() {
    let world = Charts::new(&["ns/web:v1"]);
    let broken = ChartBuilder::new("broken", "1.0.0").file("templates/a.yaml", "{{ fail \"no way\" }}");
    let no_yaml = ChartBuilder::new("yaml", "1.0.0").file("templates/a.yaml", "a: [");
    world.publish(&[&world.app("1.0.0", "ns/web:v1"), &broken, &no_yaml]);
    world.web.remove("/demo/yaml-1.0.0.tgz");
    let nowhere = Nowhere::hold();
    let charts = "charts:\n- name: app\n- name: broken\n- name: yaml\n- name: none\n- name: app\n  version: '9'\n- name: app\n  \
                  version: 1.x.y\n";
    let stanza = format!("{}  - name: gone\n    url: http://{}/c\n", world.repository(charts), nowhere.host());
    let images = format!("additionalImages:\n- name: {}\n", world.image("ns/web:v1"));
    world.home.configuration(&(stanza + &images));
    let found = world.home.to_disk(&["--retry-times=0"]);
    found.code(16);
    insta::assert_snapshot!(found.complaints(), @r#"
    [ERROR]  : [Executor] collection error: [Helm] invalid chart repository "http://127.0.0.1:PORT/c": getting `http://127.0.0.1:PORT/c/index.yaml`: cannot connect to `http://127.0.0.1:PORT`: connection refused (os error 111); check that a server listens there, and that no firewall refuses the connection, line 17 of the configuration (mirror.helm.repositories[1])
    [Helm] chart broken of http://127.0.0.1:PORT/demo: execution error at (broken/templates/a.yaml:1:3): no way, line 10 of the configuration (mirror.helm.repositories[0].charts[1])
    [Helm] chart yaml of http://127.0.0.1:PORT/demo: failed to fetch http://127.0.0.1:PORT/demo/yaml-1.0.0.tgz : status 404, line 11 of the configuration (mirror.helm.repositories[0].charts[2])
    [Helm] chart none of http://127.0.0.1:PORT/demo: not found in demo index: no chart name found, line 12 of the configuration (mirror.helm.repositories[0].charts[3])
    [Helm] chart app 9 of http://127.0.0.1:PORT/demo: not found in demo index: no chart version found for app-9, line 13 of the configuration (mirror.helm.repositories[0].charts[4])
    [Helm] chart app 1.x.y of http://127.0.0.1:PORT/demo: not found in demo index: improper constraint: "1.x.y", line 15 of the configuration (mirror.helm.repositories[0].charts[5])
    "#);
    assert!(world.home.archives().is_empty());
    assert!(world.source.requests_matching(&When::kind(Kind::Blob)).is_empty());
}

/// Servers that give something else than an index, and indexes that lead astray.
#[test]
fn broken_repositories() {
    let world = Charts::new(&["ns/web:v1"]);
    let check = |index: &str, texts: &[&str]| {
        world.web.file("/demo/index.yaml", index.to_owned());
        world.home.configuration(&world.repository("charts:\n- name: app\n"));
        let found = world.home.to_disk(&["--retry-times=0"]);
        found.code(16);
        for text in texts {
            found.says(text);
        }
    };
    let entry =
        |fields: &str| format!("apiVersion: v1\nentries:\n  app:\n  - {{name: app, version: 1.0.0, {fields}}}\n");
    check("", &["invalid chart repository \"http", "empty index.yaml file"]);
    check("<html></html>", &["invalid chart repository \"http", "cannot unmarshal string"]);
    check("entries: {}", &["no API version specified"]);
    check(&entry("urls: []"), &["chart \"app\" has no downloadable URLs"]);
    check(&entry("urls: ['file:///etc/passwd']"), &["charts are not fetched by `file`"]);
    check(&entry("urls: [none.tgz]"), &["failed to fetch", "/demo/none.tgz : status 404"]);
    world.web.file("/demo/page.tgz", "<!DOCTYPE html>");
    check(&entry("urls: [page.tgz]"), &["does not appear to be a gzipped archive; got 'text/html; charset=utf-8'"]);
    assert!(!world.kept("charts/app-1.0.0.tgz").exists(), "what is no chart is not kept");
    // A name that leads out of the folder of charts.
    let astray = "apiVersion: v1\nentries:\n  ../../app:\n  - {name: app, version: 1.0.0, urls: [a.tgz]}\n";
    world.web.file("/demo/index.yaml", astray);
    world.home.configuration(&world.repository(""));
    world.home.to_disk(&[]).code(16).says("chart name \"../../app\" cannot be part of a file's name");

    // A digest that does not fit is a warning: some repositories have such indexes, and Helm does not look.
    let chart = world.app("1.0.0", "ns/web:v1");
    world.publish(&[&chart]);
    world.web.file("/demo/app-1.0.0.tgz", world.app("1.0.0", "ns/web:v1").file("README.md", "other").package());
    world.home.configuration(&world.repository("charts:\n- name: app\n"));
    world.home.to_disk(&[]).code(0).says("ask the publisher which of them is right");
}

/// Charts of somebody who means harm are refused with a sentence; nothing outside of them is read or written.
#[test]
fn hostile_charts_are_refused() {
    let world = Charts::new(&[]);
    world.home.write("secret", "s3cret-word");
    let app = || ChartBuilder::new("app", "1.0.0");
    let check = |chart: ChartBuilder, text: &str| {
        world.home.write("app.tgz", chart.package());
        world.home.configuration("helm:\n  local:\n  - path: app.tgz\n");
        let found = world.home.to_disk(&[]);
        found.code(16).says(text);
        assert!(!found.stdout.contains("s3cret") && !found.stderr.contains("s3cret"));
    };
    let endless = "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}";
    check(app().file("templates/a.yaml", endless), "app/templates/a.yaml");
    let large = "{{ range until 100000 }}{{ range until 100000 }}{{ repeat 1000 \"x\" }}{{ end }}{{ end }}";
    check(app().file("templates/a.yaml", large), "app/templates/a.yaml");
    check(app().file("zeros", vec![0; 6 << 20]), "larger than the maximum file size");
    // `.Files` shows what is in the chart, and nothing else.
    let read = "kind: Pod\nspec:\n  containers:\n  - image: x.io/y:{{ .Files.Get \"../../secret\" }}z\n";
    world.home.write("app.tgz", app().file("templates/a.yaml", read).package());
    world.home.configuration("helm:\n  local:\n  - path: app.tgz\n");
    let found = world.home.to_disk(&["--dry-run", "--retry-times=0"]);
    assert!(!found.stdout.contains("s3cret") && !found.stderr.contains("s3cret"));
    // A link out of a chart's folder.
    world.write("app", &app());
    std::fs::create_dir_all(world.home.path().join("app/templates")).unwrap();
    std::os::unix::fs::symlink("../../secret", world.home.path().join("app/templates/a.yaml")).unwrap();
    world.home.configuration("helm:\n  local:\n  - path: app\n");
    world.home.to_disk(&[]).code(16).says("`templates/a.yaml` is a link to").says("which is not in the chart's folder");
}

/// The second side without the chart: what was tried, and what to do.
#[test]
fn charts_that_are_not_in_the_archive() {
    let world = Charts::new(&["ns/web:v1"]);
    world.publish(&[&world.app("1.0.0", "ns/web:v1")]);
    world.home.configuration(&world.repository("charts:\n- name: app\n"));
    world.home.to_disk(&[]).code(0);
    let check = |stanza: &str, text: &str| {
        world.home.configuration(stanza);
        world.elsewhere(&["--retry-times=0"]).1.code(16).says(text);
    };
    check(
        &world.repository("charts:\n- name: app\n  version: v2.0.0\n"),
        "chart file not found for app version v2.0.0: tried app-2.0.0.tgz and app-v2.0.0.tgz",
    );
    check(
        &world.repository("charts:\n- name: none\n"),
        "chart file not found for none version : no file in helm/charts",
    );
    check(&world.repository("charts:\n- name: app\n  version: '>1'\n"), "no file in helm/charts satisfies the version");
    check(&world.repository("charts:\n- name: ../app\n  version: 1.0.0\n"), "cannot be part of a file's name");
    check(&world.repository(""), "is not at hand: helm/indexes/");
    check("helm:\n  local:\n  - path: ./none\n", "stat ./none: no such file or directory");
}
