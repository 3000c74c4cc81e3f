//! `oc-mirror jobs`: the text of a Kubernetes Job whose pods fill a registry together. No cluster is asked.

use std::fmt::Write as _;

use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::Jobs;

/// Prints the manifest.
pub(crate) fn run(request: &Jobs, log: &Log) -> ExitStatus {
    let text = manifest(request);
    log.with_stdout(|stdout| stdout.write_all(text.as_bytes()));
    ExitStatus::SUCCESS
}

/// A text as YAML, whatever it says: JSON strings are YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn manifest(request: &Jobs) -> String {
    let Jobs { plan, shards, image, name, .. } = request;
    let indexes = shards + 1;
    // Codes with the bit that says that running again cannot help.
    let codes: Vec<String> = (1..32).map(|bits| (32 | bits).to_string()).collect();
    let mut args = vec!["apply".to_owned(), plan.clone(), "--shard".into(), format!("auto/{shards}")];
    args.extend(["--workspace".into(), "file:///work".into(), "--cache-dir".into(), "/work/cache".into()]);
    if request.archive_claim.is_some() {
        args.extend(["--from".into(), "file:///archive".into()]);
    }
    if request.source_secret.is_some() {
        args.extend(["--src-authfile".into(), "/source-auth/config.json".into()]);
    }
    if request.destination_secret.is_some() {
        args.extend(["--dest-authfile".into(), "/destination-auth/config.json".into()]);
    }
    if request.plan_key_secret.is_some() {
        args.extend(["--plan-key".into(), "/plan-key/plan.pub".into()]);
    }
    args.extend(request.more.iter().cloned());
    let args = args.iter().fold(String::new(), |text, arg| text + "        - " + &quoted(arg) + "\n");
    let mut mounts = "        - name: work\n          mountPath: /work\n".to_owned();
    let mut volumes = "      - name: work\n        emptyDir: {}\n".to_owned();
    let mut secret = |name: &str, of: &Option<String>, key: &str, file: &str| {
        let Some(of) = of else { return };
        let _ = write!(mounts, "        - name: {name}\n          mountPath: /{name}\n          readOnly: true\n");
        let _ = write!(
            volumes,
            "      - name: {name}\n        secret:\n          secretName: {}\n          items:\n          - key: {key}\n            path: {file}\n",
            quoted(of)
        );
    };
    secret("source-auth", &request.source_secret, ".dockerconfigjson", "config.json");
    secret("destination-auth", &request.destination_secret, ".dockerconfigjson", "config.json");
    secret("plan-key", &request.plan_key_secret, "plan.pub", "plan.pub");
    if let Some(claim) = &request.archive_claim {
        mounts.push_str("        - name: archive\n          mountPath: /archive\n          readOnly: true\n");
        let _ = write!(
            volumes,
            "      - name: archive\n        persistentVolumeClaim:\n          claimName: {}\n          readOnly: true\n",
            quoted(claim)
        );
    }
    let user = request.run_as_user.map(|uid| format!("        runAsUser: {uid}\n")).unwrap_or_default();
    let namespace =
        request.namespace.as_ref().map(|name| format!("  namespace: {}\n", quoted(name))).unwrap_or_default();
    format!(
        "\
# {shards} workers fill a registry, and a finisher sends what is missing. Each pod is `oc-mirror apply`.
# Made by `oc-mirror jobs`; needs Kubernetes 1.29 or later.
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
{namespace}spec:
  completionMode: Indexed
  completions: {indexes}
  parallelism: {indexes}
  backoffLimitPerIndex: 5
  maxFailedIndexes: {indexes}
  podFailurePolicy:
    rules:
    # A node that goes away is nobody's failure.
    - action: Ignore
      onPodConditions:
      - type: DisruptionTarget
        status: \"True\"
    # Running again cannot help.
    - action: FailIndex
      onExitCodes:
        containerName: oc-mirror
        operator: In
        values: [{codes}]
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
{user}        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: oc-mirror
        image: {image}
        args:
{args}        env:
        - name: HOME
          value: /work
        - name: TMPDIR
          value: /work
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [\"ALL\"]
        resources:
          requests:
            cpu: 250m
            memory: 128Mi
          limits:
            memory: 1Gi
        volumeMounts:
{mounts}      volumes:
{volumes}",
        name = quoted(name),
        image = quoted(image),
        codes = codes.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Jobs {
        Jobs {
            plan: format!("docker://reg.lan:5000/plans@sha256:{}", "a".repeat(64)),
            shards: 8,
            image: "reg.lan:5000/oc-mirror:1".to_owned(),
            name: "oc-mirror-aaaaaaaaaaaa".to_owned(),
            namespace: None,
            source_secret: None,
            destination_secret: None,
            plan_key_secret: None,
            archive_claim: None,
            run_as_user: None,
            more: Vec::new(),
        }
    }

    fn read(jobs: &Jobs) -> serde_json::Value {
        serde_saphyr::from_str(&manifest(jobs)).expect("the manifest is YAML")
    }

    #[test]
    fn a_job_has_an_index_for_each_worker_and_the_finisher() {
        let job = read(&jobs());
        let spec = &job["spec"];
        assert_eq!((&job["apiVersion"], &job["kind"]), (&"batch/v1".into(), &"Job".into()));
        assert_eq!(
            (&spec["completions"], &spec["parallelism"], &spec["completionMode"]),
            (&9.into(), &9.into(), &"Indexed".into())
        );
        assert!(spec["backoffLimitPerIndex"].is_u64() && spec["maxFailedIndexes"] == 9);
        let codes = spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"].as_array().expect("codes");
        assert!(codes.iter().all(|code| code.as_u64().is_some_and(|code| code & 32 != 0)) && codes.len() == 31);
        let pod = &spec["template"]["spec"];
        assert_eq!((&pod["restartPolicy"], &pod["automountServiceAccountToken"]), (&"Never".into(), &false.into()));
        let container = &pod["containers"][0];
        // What the restricted profile of pod security asks for.
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL");
        let args: Vec<&str> =
            container["args"].as_array().expect("args").iter().filter_map(|arg| arg.as_str()).collect();
        assert_eq!(&args[2..4], ["--shard", "auto/8"]);
    }

    #[test]
    fn secrets_and_the_archive_are_mounted_read_only() {
        let full = Jobs {
            namespace: Some("mirror".to_owned()),
            source_secret: Some("pull".to_owned()),
            destination_secret: Some("push".to_owned()),
            plan_key_secret: Some("key".to_owned()),
            archive_claim: Some("media: \"x\"".to_owned()),
            run_as_user: Some(65532),
            more: vec!["--dest-tls-verify=false".to_owned()],
            ..jobs()
        };
        let job = read(&full);
        let pod = &job["spec"]["template"]["spec"];
        let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("mounts");
        let read_only: Vec<&str> = mounts
            .iter()
            .filter(|mount| mount["readOnly"] == true)
            .filter_map(|mount| mount["name"].as_str())
            .collect();
        assert_eq!(read_only, ["source-auth", "destination-auth", "plan-key", "archive"]);
        assert_eq!(pod["volumes"][4]["persistentVolumeClaim"]["claimName"], "media: \"x\"");
        assert_eq!(pod["volumes"][1]["secret"]["secretName"], "pull");
        assert_eq!(job["metadata"]["namespace"], "mirror");
        assert_eq!(pod["securityContext"]["runAsUser"], 65532);
        let args = pod["containers"][0]["args"].as_array().expect("args");
        assert_eq!(args.last().expect("there are some"), "--dest-tls-verify=false");
    }
}
