//! Rendered text as manifests: split into documents, hooks apart, in the order in which Helm installs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::gostring;
use crate::yaml::{self, Json, Struct, Target};

/// The order in which Helm installs kinds of resources; all others follow, by the alphabet.
const INSTALL_ORDER: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The events that a hook can wait for. `test-success` is what Helm 2 called `test`.
const EVENTS: &[(&str, &str)] = &[
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    ("test-success", "test"),
];

/// A document that a chart renders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template's path: `chart/templates/deployment.yaml`.
    pub path: String,
    /// The kind of the resource; empty if the document names none.
    pub kind: String,
    /// The text.
    pub text: String,
}

/// A document that Helm applies at an event only: it carries the annotation `helm.sh/hook`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// The name of the resource.
    pub name: String,
    /// The events: `pre-install`, `test`, ...
    pub events: Vec<&'static str>,
    /// Hooks of one event run in the order of their weights.
    pub weight: i64,
}

/// A document that cannot be read; the message is Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {error}")]
pub struct ManifestError {
    /// The template's path.
    pub path: String,
    /// What is wrong.
    pub error: yaml::Error,
}

static SEPARATOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[\t\n\f\r ]*\n)---[\t\n\f\r ]*").expect("the pattern is fixed"));

static METADATA: Struct = Struct {
    name: "",
    ty: r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#,
    fields: &[("name", Target::String), ("annotations", Target::Map(&Target::String))],
};

static HEAD: Struct = Struct {
    name: "SimpleHead",
    ty: "releaseutil.SimpleHead",
    fields: &[("apiVersion", Target::String), ("kind", Target::String), ("metadata", Target::Pointer(&METADATA))],
};

/// The documents of a text, without the lines `---` between them and without what is empty.
fn split(text: &str) -> impl Iterator<Item = &str> {
    SEPARATOR
        .split(text.trim_matches(gostring::is_space))
        .filter(|document| !document.is_empty())
        .map(|document| document.trim_matches(gostring::is_space))
}

/// Sorts rendered files as `helm install` does: hooks, and manifests in the order of installation.
///
/// # Errors
///
/// When a document is no YAML, or no resource.
pub(crate) fn sort(files: &BTreeMap<String, String>) -> Result<(Vec<Hook>, Vec<Manifest>), ManifestError> {
    let (mut hooks, mut manifests) = (Vec::new(), Vec::new());
    for (path, text) in files {
        let base = path.rsplit('/').next().unwrap_or(path);
        if base.starts_with('_') || text.trim_matches(gostring::is_space).is_empty() {
            continue;
        }
        for document in split(text) {
            let head = yaml::unmarshal(document.as_bytes(), &Target::Struct(&HEAD))
                .map_err(|error| ManifestError { path: path.clone(), error })?;
            let head = Head::read(&head);
            let manifest = Manifest { path: path.clone(), kind: head.kind, text: document.to_owned() };
            let Some(events) = head.annotations.get("helm.sh/hook") else {
                manifests.push(manifest);
                continue;
            };
            let known = |event: &str| {
                let event = event.trim_matches(gostring::is_space).to_lowercase();
                EVENTS.iter().find(|(name, _)| *name == event).map(|(_, event)| *event)
            };
            // A document with an event that Helm does not know is dropped.
            let Some(events) = events.split(',').map(known).collect() else { continue };
            let weight = head.annotations.get("helm.sh/hook-weight").and_then(|text| text.parse().ok()).unwrap_or(0);
            hooks.push(Hook { manifest, name: head.name, events, weight });
        }
    }
    hooks.sort_by(|a, b| rank(&a.manifest.kind).cmp(&rank(&b.manifest.kind)));
    manifests.sort_by(|a: &Manifest, b| rank(&a.kind).cmp(&rank(&b.kind)));
    Ok((hooks, manifests))
}

fn rank(kind: &str) -> (usize, &str) {
    match INSTALL_ORDER.iter().position(|known| *known == kind) {
        Some(position) => (position, ""),
        None => (INSTALL_ORDER.len(), kind),
    }
}

/// What Helm looks at in a document.
#[derive(Debug, Default)]
struct Head {
    kind: String,
    name: String,
    annotations: BTreeMap<String, String>,
}

impl Head {
    fn read(data: &Json) -> Self {
        let mut head = Self::default();
        crate::chart::set_text(&mut head.kind, &HEAD, data, "kind");
        for metadata in HEAD.values(data, "metadata") {
            if *metadata == Json::Null {
                head.name.clear();
                head.annotations.clear();
            }
            crate::chart::set_text(&mut head.name, &METADATA, metadata, "name");
            for annotations in METADATA.values(metadata, "annotations") {
                match annotations {
                    Json::Map(entries) => {
                        head.annotations
                            .extend(entries.iter().map(|(key, value)| (key.clone(), crate::chart::text_of(value))));
                    }
                    _ => head.annotations.clear(),
                }
            }
        }
        head
    }
}
