//! Catalog images: where the catalog lies in the layers, and the image that holds a selection instead.
//!
//! [`ConfigsReader`] reads the files below a folder out of a stack of layers, from the top down, with whiteouts applied and
//! with bounds; [`rebuild`] puts other files in their place. Both work on bytes that somebody else brings.

mod layers;
mod read;
mod rebuild;

pub(crate) use layers::layers_to_read;
pub(crate) use read::{ConfigsReader, Limits};
pub(crate) use rebuild::{Instance, RebuildError, Rebuilt, rebuild};

/// The label that says where in the image the catalog is (contract `operators-archive.md` 1.1).
pub(crate) const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";

/// The folder of the catalog, without slashes around it, as the image's configuration says.
pub(crate) fn configs_folder(config: &serde_json::Value) -> Option<&str> {
    let folder = config["config"]["Labels"][CONFIGS_LABEL].as_str()?.trim_matches('/');
    (!folder.is_empty()).then_some(folder)
}
