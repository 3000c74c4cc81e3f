//! Catalog images: where the catalog lies in the layers, and the image that holds a selection instead.
//!
//! [`ConfigsReader`] reads the files below a folder out of a stack of layers, from the top down, with whiteouts applied and
//! with bounds; [`rebuild`] puts other files in their place. Both work on bytes that somebody else brings.
//!
//! ```
//! use catalog_image::{CONFIGS_LABEL, ConfigsFolder, configs_folder};
//! use serde_json::json;
//!
//! let config = json!({"config": {"Labels": {CONFIGS_LABEL: "/configs/"}}});
//! assert_eq!(configs_folder(&config), ConfigsFolder::At("configs".to_owned()));
//! assert_eq!(configs_folder(&json!({})), ConfigsFolder::Unlabelled);
//! ```

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod command;
mod layers;
mod read;
mod rebuild;

pub use layers::layers_to_read;
pub use read::{ConfigsReader, Limits};
pub use rebuild::{Instance, MODES, RebuildError, Rebuilt, rebuild};

/// The label that says where in the image the catalog is (`docs/behaviour/operators-archive.md` 1.1).
pub const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";

/// Where a configuration says that the catalog lies.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigsFolder<'a> {
    /// In this folder; no slashes around it.
    At(String),
    /// The label is there, but names no folder of the image.
    Nowhere(&'a str),
    /// There is no label.
    Unlabelled,
}

/// The folder of the catalog, as the image's configuration says.
pub fn configs_folder(config: &serde_json::Value) -> ConfigsFolder<'_> {
    let label = config.get("config").and_then(|settings| settings.get("Labels")?.get(CONFIGS_LABEL)?.as_str());
    match label {
        None | Some("") => ConfigsFolder::Unlabelled,
        Some(label) => read::clean(label.as_bytes()).map_or(ConfigsFolder::Nowhere(label), ConfigsFolder::At),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn folders_that_labels_name() {
        let check = |label: &str, folder: &str| {
            let config = json!({"config": {"Labels": {CONFIGS_LABEL: label}}});
            assert_eq!(configs_folder(&config), ConfigsFolder::At(folder.to_owned()), "{label}");
        };
        check("/configs", "configs");
        check("configs/", "configs");
        check("/var//lib/./catalog/", "var/lib/catalog");
        for label in ["/", "/../etc", "/configs/../../etc", "."] {
            let config = json!({"config": {"Labels": {CONFIGS_LABEL: label}}});
            assert_eq!(configs_folder(&config), ConfigsFolder::Nowhere(label));
        }
        let configs = [
            json!({"config": {"Labels": {CONFIGS_LABEL: ""}}}),
            json!({"config": {"Labels": null}}),
            json!({}),
            json!(7),
        ];
        for config in configs {
            assert_eq!(configs_folder(&config), ConfigsFolder::Unlabelled, "{config}");
        }
    }
}
