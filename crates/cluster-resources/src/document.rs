//! The files, and the parts of a Kubernetes object that all of them share.

use serde_json::{Map, Value, json};

use crate::request::Request;
use crate::yaml;

/// A file to be written into `cluster-resources/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file's name, without directory.
    pub file_name: String,
    /// The whole content.
    pub text: String,
    /// The part of the generation it belongs to.
    pub section: Section,
}

/// The parts of the generation, in order. Each is announced by its title, or by why it was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `ImageDigestMirrorSet`.
    Idms,
    /// `ImageTagMirrorSet`.
    Itms,
    /// `CatalogSource`.
    CatalogSource,
    /// `ClusterCatalog`.
    ClusterCatalog,
    /// Signature `ConfigMap`.
    Signatures,
    /// `UpdateService`.
    UpdateService,
}

impl Section {
    /// All parts, in the order they are generated.
    pub const ALL: [Self; 6] =
        [Self::Idms, Self::Itms, Self::CatalogSource, Self::ClusterCatalog, Self::Signatures, Self::UpdateService];

    /// What is logged when the part has documents (`docs/behaviour/release.md` 6.1).
    pub fn title(self) -> &'static str {
        match self {
            Self::Idms => "Generating IDMS file...",
            Self::Itms => "Generating ITMS file...",
            Self::CatalogSource => "Generating CatalogSource file...",
            Self::ClusterCatalog => "Generating ClusterCatalog file...",
            Self::Signatures => "Generating Signature Configmap...",
            Self::UpdateService => "Generating UpdateService file...",
        }
    }

    /// What is logged when something was mirrored and the part has no document; none when that is not worth a line.
    pub fn skipped(self) -> Option<&'static str> {
        match self {
            Self::Idms => Some("No images by digests were mirrored. Skipping IDMS generation."),
            Self::Itms => Some("No images by tag were mirrored. Skipping ITMS generation."),
            Self::CatalogSource => Some("No catalogs mirrored. Skipping CatalogSource file generation."),
            Self::ClusterCatalog => Some("No catalogs mirrored. Skipping ClusterCatalog file generation."),
            Self::Signatures | Self::UpdateService => None,
        }
    }

    /// What is logged instead of everything about IDMS and ITMS when nothing was mirrored at all.
    pub const NOTHING_MIRRORED: &'static str = "Nothing mirrored. Skipping IDMS and ITMS files generation.";
}

/// The annotations on every object.
pub(crate) fn annotations(request: &Request<'_>) -> Map<String, Value> {
    let pairs =
        [("createdAt", request.created_at), ("createdBy", "oc-mirror v2"), ("oc-mirror_version", request.tool_version)];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// `metadata` with annotations, name, and namespace unless it is empty.
pub(crate) fn metadata(request: &Request<'_>, name: &str, namespace: &str) -> Value {
    let annotations = annotations(request);
    match namespace {
        "" => json!({ "annotations": annotations, "name": name }),
        namespace => json!({ "annotations": annotations, "name": name, "namespace": namespace }),
    }
}

/// A file of one object.
pub(crate) fn single(section: Section, file_name: String, object: &Value) -> Document {
    Document { file_name, text: yaml::write(object), section }
}
