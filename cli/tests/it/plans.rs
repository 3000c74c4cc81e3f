//! `oc-mirror plan` and `oc-mirror apply`: what was approved is what arrives.

mod approval;
mod drift;
mod equal;
mod page;
mod pushed;
mod refused;
mod releases;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use test_support::{Image, ImageBuilder, Kind, Layer, OperatorWorld, Registry, World};

use crate::harness::{Home, Outcome, resources};

/// Flags of every run here: plain HTTP, and no long pauses.
const PLAIN: [&str; 3] = ["--src-tls-verify=false", "--dest-tls-verify=false", "--retry-delay=10ms"];

impl Home {
    fn with_flags(&self, args: &[&str]) -> Outcome {
        self.run(&[args, &PLAIN[..]].concat())
    }

    /// Plans mirror to mirror into `name`.
    fn plan_to_mirror(&self, destination: &str, name: &str, more: &[&str]) -> Outcome {
        let (workspace, to) = (format!("file://{}", self.workspace().display()), format!("docker://{destination}"));
        let args = ["plan", "-c", "isc.yaml", "--workspace", &workspace, &to, "--out", name];
        self.with_flags(&[&args[..], more].concat())
    }

    /// Applies a plan of mirror to mirror. Resources that are there afterwards are checked.
    fn apply_to_mirror(&self, name: &str, more: &[&str]) -> Outcome {
        let workspace = format!("file://{}", self.workspace().display());
        let args = ["apply", name, "--workspace", &workspace];
        let outcome = self.with_flags(&[&args[..], more].concat());
        resources::read(&self.workspace().join("working-dir"));
        outcome
    }

    fn plan_to_disk(&self, name: &str, more: &[&str]) -> Outcome {
        let disk = format!("file://{}", self.disk().display());
        self.with_flags(&[&["plan", "-c", "isc.yaml", &disk, "--out", name][..], more].concat())
    }

    fn document(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path().join(name)).unwrap()).unwrap()
    }
}

/// A source, a destination, and a machine that has made a plan with a rebuilt catalog.
fn site() -> (Registry, Registry, Home) {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    World::small(61).push_to(&source);
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"])]).push_to(&source);
    let home = Home::new();
    let host = source.host();
    home.configuration(&format!(
        "operators:\n- catalog: {host}/cat/index:v1\n  packages:\n  - name: foo\n    maxVersion: 0.1.0\n    minVersion: 0.1.0\n\
         additionalImages:\n- name: {host}/apps/single:v1\n- name: {host}/apps/multi:v1\n"
    ));
    home.plan_to_mirror(&format!("{}/m", destination.host()), "plan.json", &[]).code(0);
    (source, destination, home)
}

/// The cluster resources of a working directory, by file name, without what names this run's registry and moment.
fn resources_of(folder: &Path, destination: &str) -> BTreeMap<String, String> {
    let folder = folder.join("working-dir/cluster-resources");
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    files
        .map(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap().replace(destination, "THERE");
            let lines = text.lines().filter(|line| !line.contains("createdAt"));
            (file.file_name().into_string().unwrap(), lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// An image that nobody approved.
fn evil() -> Image {
    ImageBuilder::oci().layer(Layer::random(666, 700)).build()
}

/// Lets every tag of a registry name another image.
fn move_every_tag(source: &Registry) -> usize {
    let mut moved = 0;
    for repository in source.repositories() {
        for tag in source.tags(&repository) {
            source.push(&repository, tag.as_str(), &evil());
            moved += 1;
        }
    }
    moved
}

/// The questions that were answered by a tag, or by a list of tags or referrers.
fn asked_for_names(registry: &Registry) -> Vec<String> {
    let by_name = |kind: Kind, reference: &str| match kind {
        Kind::Manifest => !reference.starts_with("sha256:"),
        Kind::Blob | Kind::Cdn | Kind::Token | Kind::Upload => false,
        _ => !reference.is_empty(),
    };
    let requests = registry.requests().into_iter().filter(|request| by_name(request.kind, &request.reference));
    requests.map(|request| format!("{} {}", request.method, request.path)).collect()
}

fn path_of(home: &Home, name: &str) -> PathBuf {
    home.path().join(name)
}
