//! What resources are made of beside the rows, and what is worth telling about them.

use std::fmt;

use image_ref::ImageRef;

use crate::template::{CatalogTemplate, TemplateError};

/// The facts that resources need beside the rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// When the run was, UTC, RFC 3339, whole seconds: `2026-01-02T03:04:05Z`.
    pub created_at: &'a str,
    /// The tool's version, such as `v1.0.0`.
    pub tool_version: &'a str,
    /// Name of the cache, `localhost:55000`; catalogs that were copied there are left out. Empty when there is none.
    pub cache_host: &'a str,
    /// `--max-nested-paths`; destinations of rows are already flattened.
    pub max_nested_paths: Option<u32>,
    /// Templates for catalogs, in the order of the configuration.
    pub templates: &'a [CatalogTemplate],
    /// The files of the workspace's `signatures` directory.
    pub signatures: &'a [SignatureFile],
    /// The file `signature-configmap.yaml` of the run before, whose signatures stay.
    pub earlier_signatures: Option<&'a str>,
    /// The destination registry with its namespace, `mirror.lab:5000/ns`, when the update graph was mirrored.
    pub update_service: Option<&'a str>,
    /// Whether the destination was reached without checking its certificate, or in plain HTTP: the next hop reads from it the
    /// same way.
    pub insecure: bool,
}

/// A file of the workspace's `signatures` directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFile {
    /// The file's name, `<tag>-sha256-<hex>`.
    pub name: String,
    /// The signature, as it was downloaded and verified.
    pub content: Vec<u8>,
}

/// Something that could not be done as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A template could not be used; the plain resource is written. Worth an error line, not an exit code.
    TemplateRejected {
        /// The catalog, as configured.
        catalog: String,
        /// Why.
        error: TemplateError,
    },
    /// A name that Kubernetes would refuse was repaired.
    NameRepaired {
        /// Where the catalog is.
        catalog: ImageRef,
        /// The name that would have been.
        wanted: String,
        /// The name that is.
        name: String,
    },
    /// Two catalogs would have had one name.
    NameShared {
        /// Where the catalog is.
        catalog: ImageRef,
        /// The catalog that has the name.
        other: ImageRef,
        /// The name that this catalog got.
        name: String,
    },
    /// A file among the signatures has no name of the form `<tag>-sha256-<hex>`.
    OddSignatureName(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TemplateRejected { catalog, error } => {
                write!(f, "the CatalogSource template of `{catalog}` is not used: {error}; the default is written")
            }
            Self::NameRepaired { catalog, wanted, name } => {
                write!(f, "`{wanted}` is no name for a resource: the catalog `{catalog}` is named `{name}`")
            }
            Self::NameShared { catalog, other, name } => {
                write!(f, "the catalogs `{other}` and `{catalog}` would share a name: the second is named `{name}`")
            }
            Self::OddSignatureName(name) => {
                write!(f, "the signature file `{name}` is left out: expected a name like `4.20.1-x86_64-sha256-<hex>`")
            }
        }
    }
}
