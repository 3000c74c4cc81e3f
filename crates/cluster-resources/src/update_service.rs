//! `UpdateService`: where a cluster's update service finds graph and releases (`docs/behaviour/release.md` 5.4).

use serde_json::json;

use crate::document::{Document, Section, metadata, single};
use crate::nested::flatten;
use crate::request::Request;

/// The document, when the update graph was mirrored.
pub(crate) fn document(request: &Request<'_>) -> Option<Document> {
    let destination = request.update_service?;
    let at = |path: &str| flatten(&format!("{destination}/{path}"), request.max_nested_paths);
    let object = json!({
        "apiVersion": "updateservice.operator.openshift.io/v1",
        "kind": "UpdateService",
        "metadata": metadata(request, "update-service-oc-mirror", "openshift-update-service"),
        "spec": {
            "graphDataImage": format!("{}:latest", at("openshift/graph-image")),
            "releases": at("openshift/release-images"),
            "replicas": 2,
        },
    });
    Some(single(Section::UpdateService, "updateService.yaml".into(), &object))
}
