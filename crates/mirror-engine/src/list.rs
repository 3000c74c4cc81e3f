//! What there is to mirror: releases by tag or update graph, operator catalogs and what they hold
//! (`docs/behaviour/config-cli.md` 2.8 and 2.9).

mod catalog;
mod charts;

use cincinnati_graph::{Endpoints, Graph, GraphKey, list as graph_list};
use image_ref::ImageRef;
use oci_transport::Client;

pub(crate) use self::catalog::forget;
pub use self::catalog::{
    CatalogContents, ChannelContents, Keep, ListCatalogError, PackageContents, catalog as catalog_contents,
};
pub use self::charts::{ChartImage, ChartImages, ChartQuery, Needs, chart_images};
use mirror_job::failure::chain;

/// The repository whose tags are the releases there are.
pub const RELEASE_REPOSITORY: &str = "quay.io/openshift-release-dev/ocp-release";

/// The first OpenShift version without the marketplace catalog.
const WITHOUT_MARKETPLACE: (u64, u64) = (4, 22);

/// Why there is nothing to list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ListError {
    #[error("cannot list the tags of `{repository}`: {reason}")]
    Tags { repository: String, reason: String },
    #[error("channel \"{channel}\": {reason}")]
    Graph { channel: String, reason: String },
    #[error(transparent)]
    Override(#[from] cincinnati_graph::InvalidOverrideError),
}

/// One catalog that may exist for an OpenShift version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogAnswer {
    /// The catalog image.
    pub reference: String,
    /// Whether it is there, or why that could not be learned.
    pub there: Result<bool, String>,
}

/// The minor versions there are, `4.19`, `4.20`, …, ascending.
///
/// # Errors
/// When the tags of [`RELEASE_REPOSITORY`] cannot be listed anywhere that registries.conf names for it.
pub async fn release_minors(client: &Client) -> Result<Vec<String>, ListError> {
    let failed = |reason| ListError::Tags { repository: RELEASE_REPOSITORY.to_owned(), reason };
    let image = ImageRef::parse_name(RELEASE_REPOSITORY).expect("the constant is a reference");
    let mut last = "there is no place to ask".to_owned();
    for place in client.sources(&image).map_err(|error| failed(chain(&error)))? {
        match client.list_tags(&place).await {
            Ok(tags) => {
                let minors = graph_list::minor_versions(tags.iter().map(String::as_str));
                return Ok(minors.into_iter().map(|(major, minor)| format!("{major}.{minor}")).collect());
            }
            Err(error) => last = chain(&error),
        }
    }
    Err(failed(last))
}

/// The channels of an OpenShift version such as `4.20`, sorted.
///
/// # Errors
/// When the update service does not answer with a graph.
pub async fn release_channels(
    client: &Client,
    update_url: Option<&str>,
    version: &str,
) -> Result<Vec<String>, ListError> {
    let graph = graph(client, update_url, &graph_list::stable_channel(version), "").await?;
    Ok(graph.channels().into_iter().map(str::to_owned).collect())
}

/// The versions in a channel for one architecture, ascending.
///
/// # Errors
/// When the update service does not answer with a graph.
pub async fn release_versions(
    client: &Client,
    update_url: Option<&str>,
    channel: &str,
    architecture: &str,
) -> Result<Vec<String>, ListError> {
    let graph = graph(client, update_url, channel, architecture).await?;
    Ok(graph.versions().into_iter().map(ToString::to_string).collect())
}

/// The public catalogs of an OpenShift version such as `4.20`, in their order.
pub async fn catalogs(client: &Client, version: &str) -> Vec<CatalogAnswer> {
    let mut names = vec!["redhat", "certified", "community"];
    if numbers(version).is_none_or(|version| version < WITHOUT_MARKETPLACE) {
        names.push("redhat-marketplace");
    }
    let mut answers = Vec::new();
    for name in names {
        let text = match name {
            "redhat-marketplace" => format!("registry.redhat.io/redhat/redhat-marketplace-index:v{version}"),
            name => format!("registry.redhat.io/redhat/{name}-operator-index:v{version}"),
        };
        let there = match ImageRef::parse(&text) {
            Ok(image) => client.head_manifest(&image).await.map(|found| found.is_some()).map_err(|error| chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        answers.push(CatalogAnswer { reference: text, there });
    }
    answers
}

fn numbers(version: &str) -> Option<(u64, u64)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn graph(
    client: &Client,
    update_url: Option<&str>,
    channel: &str,
    architecture: &str,
) -> Result<Graph, ListError> {
    let failed = |reason| ListError::Graph { channel: channel.to_owned(), reason };
    let endpoints = Endpoints::new(update_url)?;
    let asked = mirror_collect::update_graph(client, &endpoints, GraphKey::ocp(architecture, channel)).await;
    asked.map(|(graph, _)| graph).map_err(|error| failed(chain(&error)))
}
