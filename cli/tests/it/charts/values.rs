//! What decides which images a chart names: `values`, `valuesFiles`, `hooks`, `imagePaths`.

use test_support::ChartBuilder;

use super::Charts;

/// Files with values travel: the second side renders what the first rendered, without them.
#[test]
fn values_decide_on_both_sides() {
    let world = Charts::new(&["ns/web:v1", "ns/web:v2", "ns/web:v3", "ns/hook:v1", "ns/job:v1"]);
    let chart = ChartBuilder::new("app", "1.0.0")
        .file("values.yaml", "host: ''\ntag: v1\njobs: {enabled: true}\n")
        .deployment("web", "{{ required \"host is required\" .Values.host }}/ns/web:{{ .Values.tag }}")
        .file(
            "templates/hook.yaml",
            format!(
                "kind: Job\nmetadata:\n  annotations: {{helm.sh/hook: pre-install}}\nspec:\n  template:\n    spec:\n      \
                 containers:\n      - image: {}\n",
                world.image("ns/hook:v1")
            ),
        )
        .file(
            "templates/cron.yaml",
            format!(
                "{{{{ if (.Values.jobs).enabled }}}}\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        \
                 spec:\n          containers:\n          - image: {}\n{{{{ end }}}}\n",
                world.image("ns/job:v1")
            ),
        );
    world.publish(&[&chart]);
    world.home.write("v/base.yaml", format!("host: {}\ntag: v2\n", world.source.host()));
    world.home.write("v/top.yaml", "tag: v3\n");
    let check = |fields: &str, expected: &[&str]| {
        world.home.configuration(&world.repository(&format!("charts:\n- name: app\n{}", super::indented(fields, 2))));
        world.home.to_disk(&[]).code(0);
        let (_, found) = world.elsewhere(&[]);
        found.code(0).says(&format!("{0} / {0} helm images", expected.len()));
        assert_eq!(world.mirrored(), expected, "{fields}");
        for name in world.mirrored() {
            let (path, tag) = name.split_once(':').unwrap();
            world.destination.remove(&format!("m/{path}"), tag);
        }
    };
    check("valuesFiles: [v/base.yaml]\n", &["ns/web:v2"]);
    check("valuesFiles: [v/base.yaml, v/top.yaml]\n", &["ns/web:v3"]);
    check("valuesFiles: [v/base.yaml, v/top.yaml]\nvalues: {tag: v1}\n", &["ns/web:v1"]);
    check(&format!("values: {{host: '{}'}}\nhooks: true\n", world.source.host()), &["ns/hook:v1", "ns/web:v1"]);
    let path = "{.spec.jobTemplate.spec.template.spec.containers[*].image}";
    check(&format!("valuesFiles: [v/base.yaml]\nimagePaths: ['{path}']\n"), &["ns/job:v1", "ns/web:v2"]);
    check(&format!("valuesFiles: [v/base.yaml]\nimagePaths: ['{path}']\nvalues: {{jobs: null}}\n"), &["ns/web:v2"]);

    let fails = |fields: &str, text: &str| {
        world.home.configuration(&world.repository(&format!("charts:\n- name: app\n{}", super::indented(fields, 2))));
        world.home.to_disk(&[]).code(16).says(text);
    };
    fails("", "host is required");
    fails("valuesFiles: [v/none.yaml]\n", "values file `v/none.yaml`: ");
    world.home.write("v/list.yaml", "- a\n");
    fails("valuesFiles: [v/list.yaml]\n", "values file `v/list.yaml`: ");
    fails("valuesFiles: [v/base.yaml]\nimagePaths: ['{.a[']\n", "imagePaths: `{.a[`: ");
}
