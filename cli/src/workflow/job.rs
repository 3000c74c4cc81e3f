//! What commands settle alike for a job of the engine.

use std::path::Path;

use mirror_engine::{Folders, Options, RuleSet, VersionMetadata};

use crate::access;
use crate::log::Log;
use crate::settings::{Common, OperatorSelection, Selection};
use crate::version;

/// Where relative paths of a configuration begin.
pub(super) fn folders(common: &Common, configuration: &Path) -> Folders {
    let beside = configuration.parent().unwrap_or(Path::new("/"));
    Folders { current: common.env.absolute(""), configuration: beside.to_owned() }
}

/// This program, as archives record it.
pub(super) fn program() -> VersionMetadata {
    VersionMetadata { git_version: version::GIT_VERSION.to_owned(), git_commit: version::GIT_COMMIT.to_owned() }
}

/// The options of commands that collect and do not copy.
pub(super) fn options(common: &Common, selection: &Selection, log: &Log) -> Options {
    Options {
        parallel_images: common.parallel_images as usize,
        parallel_layers: common.parallel_layers as usize,
        operator_selection: match selection.operators {
            OperatorSelection::VersionRange => RuleSet::VersionRange,
            OperatorSelection::UpgradeGraph => RuleSet::UpgradeGraph,
        },
        strict_selection: selection.strict,
        add_intermediate_releases: selection.add_intermediate_releases,
        update_url: common.env.update_url.clone(),
        signature_url: common.env.signature_url.clone(),
        signature_key: access::release_keys(common, log),
        graph_data_url: common.env.graph_data_url.clone(),
        graph_base_image: common.env.graph_base_image.clone(),
        version_filter: common.env.version_filter.clone(),
        cache_host: common.cache_host(),
        ..Options::default()
    }
}
