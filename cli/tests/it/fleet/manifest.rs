//! The manifest that `oc-mirror jobs` prints.

use serde_json::Value;

use crate::harness::Home;

#[test]
fn a_job_can_be_read_as_yaml_and_names_the_plan() {
    let home = Home::new();
    let plan = format!("docker://reg.lan:5000/plans@sha256:{}", "a".repeat(64));
    let shown =
        home.run(&["jobs", &plan, "--shards", "8", "--image", "reg.lan:5000/oc-mirror:1", "--source-secret", "pull"]);
    // Nothing but the manifest: the answer goes on to `oc apply -f -`.
    let text = shown.code(0).stdout.as_str();
    assert!(text.starts_with("# 8 workers"), "{text}");
    let job: Value = serde_saphyr::from_str(text).unwrap();
    assert_eq!((&job["kind"], &job["spec"]["completions"]), (&"Job".into(), &9.into()));
    assert!(text.contains(&plan));
    home.run(&["jobs", "plan.json", "--shards", "8", "--image", "x"]).code(1).says("a pushed plan by digest");
    home.run(&["jobs", "docker://reg.lan/plans:tag", "--shards", "8", "--image", "x"])
        .code(1)
        .says("a pushed plan by digest");
    home.run(&["jobs", &plan, "--shards", "0", "--image", "x"]).code(1).says("--shards");
}
