//! The crate from outside: golden files, the cases of the pages, and the schemas of the resources.

mod cases;
mod golden;
mod losses;
mod registries;
mod schema;
mod templates;

use std::path::PathBuf;

use cluster_resources::{Emitted, Kind, Mirrored, Request, emit};
use image_ref::ImageRef;

pub(crate) const D: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// The project's fixtures for this crate.
pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/cluster-resources"))
}

/// A row; `@D` stands for a digest.
pub(crate) fn row(kind: Kind, origin: &str, destination: &str) -> Mirrored {
    let image = |text: &str| ImageRef::parse(&text.replace("@D", &format!("@{D}"))).expect("a reference");
    Mirrored { kind, origin: image(origin), destination: image(destination) }
}

pub(crate) fn request() -> Request<'static> {
    Request {
        created_at: "2026-01-02T03:04:05Z",
        tool_version: "v0.0.0-unknown",
        cache_host: "localhost:55000",
        ..Request::default()
    }
}

pub(crate) fn names(emitted: &Emitted) -> Vec<&str> {
    emitted.documents.iter().map(|document| document.file_name.as_str()).collect()
}

/// The rows of the page's worked example (`docs/behaviour/release.md` 6.4), destinations below `prefix`.
pub(crate) fn worked_example(prefix: &str) -> Vec<Mirrored> {
    [
        (
            Kind::ReleaseContent,
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev@D",
            "openshift/release:4.16.2-x86_64-etcd",
        ),
        (
            Kind::Release,
            "docker://quay.io/openshift-release-dev/ocp-release:4.16.2-x86_64",
            "openshift/release-images:4.16.2-x86_64",
        ),
        (Kind::Graph, "docker://localhost:55000/openshift/graph-image:latest", "openshift/graph-image:latest"),
        (
            Kind::Catalog,
            "docker://registry.redhat.io/redhat/redhat-operator-index:v4.16",
            "redhat/redhat-operator-index:v4.16",
        ),
        (Kind::Operator, "docker://quay.io/acme/op-bundle@D", "acme/op-bundle:sha256-1111"),
        (Kind::Operator, "nvcr.io/x/y:1@D", "x/y:1"),
        (Kind::Generic, "registry.access.redhat.com/ubi9/ubi:latest", "ubi9/ubi:latest"),
        (Kind::Generic, "ghcr.io/foo/podinfo:5.0.0", "my/renamed:1"),
    ]
    .into_iter()
    .map(|(kind, origin, path)| row(kind, origin, &format!("docker://{prefix}/{path}")))
    .collect()
}

pub(crate) fn emit_rows(rows: &[Mirrored]) -> Emitted {
    emit(rows, &request())
}
