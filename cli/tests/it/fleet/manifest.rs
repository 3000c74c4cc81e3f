//! The manifest that `oc-mirror jobs` prints.

use boon::{Compiler, Schemas};
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

/// The schemas of a Job as Kubernetes publishes them (`fixtures/kubernetes`).
const PUBLISHED: [(&str, &str); 2] = [
    ("1.29", include_str!("../../../../fixtures/kubernetes/job-1.29.json")),
    ("1.37", include_str!("../../../../fixtures/kubernetes/job-1.37.json")),
];

/// Whatever flags are given, Kubernetes knows every member of the manifest.
#[test]
fn a_job_is_one_that_kubernetes_knows() {
    let home = Home::new();
    let plan = format!("docker://reg.lan:5000/plans@sha256:{}", "a".repeat(64));
    let rows: [&[&str]; 5] = [
        &[],
        &["--source-secret", "pull", "--destination-secret", "push", "--plan-key-secret", "key"],
        &["--namespace", "mirror", "--name", "fill", "--run-as-user", "65532"],
        &["--archive-claim", "media: \"x\" # no comment", "--", "--dest-tls-verify=false", "it's \\ odd"],
        &["--source-secret", "yes", "--archive-claim", "1e3", "--", "--parallel-images=4"],
    ];
    for (version, schema) in PUBLISHED {
        let mut compiler = Compiler::new();
        compiler.add_resource("job.json", serde_json::from_str(schema).unwrap()).unwrap();
        let mut schemas = Schemas::new();
        let index = compiler.compile("job.json", &mut schemas).unwrap();
        let check = |text: &str| {
            let job: Value = serde_saphyr::from_str(text).unwrap();
            schemas.validate(&job, index).map_err(|error| error.to_string())
        };
        for row in rows {
            let args = [&["jobs", &plan, "--shards", "3", "--image", "reg.lan:5000/oc-mirror:1"], row].concat();
            let shown = home.run(&args);
            let text = shown.code(0).stdout.as_str();
            assert_eq!(check(text), Ok(()), "{version} {row:?}:\n{text}");
            // The schema sees a member that Kubernetes would drop, and a number where Kubernetes wants a text.
            assert!(check(&text.replace("completionMode", "completionmode")).is_err());
            assert!(check(&text.replace("mountPath: /work", "mountPath: 7")).is_err());
        }
    }
}
