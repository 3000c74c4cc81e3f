//! Charts that are artifacts of a registry.

use helm_chart::choose;
use helm_chart::semver::Version;
use image_ref::ImageRef;
use oci_transport::{Client, ImageSource, ManifestView};

use super::{ChartError, MAX_PACKAGE};
use mirror_job::failure::chain;

/// Media types of the layer that is the packaged chart: today's, and that of Helm before 3.7.
const LAYERS: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// Pulls a chart: its version and its bytes. `name` is `host/path/chart`; `wanted` is a version, a constraint, or empty for
/// the newest.
///
/// # Errors
/// When there is no such version, the registry does not give it, or the artifact is no chart.
pub async fn pull(client: &Client, name: &str, wanted: &str) -> Result<(String, Vec<u8>), ChartError> {
    let image = ImageRef::parse_name(name)?;
    let version = version(client, &image, wanted).await?;
    let image = image.with_tag(&tag_of(&version));
    let (source, manifest) = ImageSource::open(client, &image).await?;
    let no_chart = || ChartError::NoChart { image: image.to_string(), layer: LAYERS[0] };
    let ImageSource::Registry(client, endpoint) = source else { return Err(no_chart()) };
    let ManifestView::Image(found) = manifest.view()? else { return Err(no_chart()) };
    let layer = LAYERS.iter().find_map(|of| found.layers.iter().find(|layer| layer.media_type == *of));
    let layer = layer.ok_or_else(no_chart)?;
    if layer.size > MAX_PACKAGE as u64 {
        return Err(ChartError::LargeArtifact { image: image.to_string(), size: layer.size });
    }
    let mut bytes = Vec::new();
    client.pull_blob(&endpoint, layer, &mut bytes, &|_| ()).await?;
    Ok((version, bytes))
}

/// Takes `host/path/chart:tag` apart. A port is no tag.
pub fn split(artifact: &str) -> (&str, Option<&str>) {
    match artifact.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((name, tag)) => (name, Some(tag)),
        None => (artifact, None),
    }
}

/// A version as a tag: `+` cannot stand in a tag.
fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

/// The version to pull: the one that is named, or the one that Helm would choose among the tags.
async fn version(client: &Client, image: &ImageRef, wanted: &str) -> Result<String, ChartError> {
    // A whole version needs no list, which some registries do not give.
    let whole = wanted.matches('.').count() >= 2 && Version::parse(wanted).is_ok();
    if whole {
        let there = client.head_manifest(&image.with_tag(&tag_of(wanted))).await;
        if !matches!(there, Ok(None)) {
            return Ok(there.map(|_| wanted.to_owned())?);
        }
    }
    let mut last = "there is no place to ask".to_owned();
    for place in client.sources(image)? {
        let tags = match client.list_tags(&place).await {
            Ok(tags) => tags,
            Err(error) => {
                last = chain(&error);
                continue;
            }
        };
        let versions: Vec<String> =
            tags.iter().map(|tag| tag.replace('_', "+")).filter(|tag| Version::parse(tag).is_ok()).collect();
        let found = choose(versions.iter().map(String::as_str), Some(wanted))
            .map_err(|error| ChartError::Version { wanted: wanted.to_owned(), error })?;
        return found.and_then(|at| versions.get(at).cloned()).ok_or_else(|| {
            let wanted = if wanted.is_empty() { "*" } else { wanted }.to_owned();
            ChartError::NoVersion { image: image.to_string(), wanted }
        });
    }
    Err(ChartError::NoVersions { image: image.to_string(), last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        let check = |artifact: &str, name: &str, tag: Option<&str>| assert_eq!(split(artifact), (name, tag));
        check("registry.example.com/charts/app", "registry.example.com/charts/app", None);
        check("registry.example.com/charts/app:1.0.0", "registry.example.com/charts/app", Some("1.0.0"));
        check("localhost:5000/app", "localhost:5000/app", None);
        check("localhost:5000/app:1.0.0_build.1", "localhost:5000/app", Some("1.0.0_build.1"));
        check("app:", "app", Some(""));
    }
}
