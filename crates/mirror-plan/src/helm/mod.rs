//! `mirror.helm` (`docs/behaviour/operators-archive.md` 8.2): which texts of a rendered chart are images, and how the
//! images are named; where charts, indexes and values lie in the working directory.

mod kept;
mod repository;

use std::collections::BTreeSet;

use image_ref::{ImageRef, Transport};
use isc_schema::HelmChart;

use crate::additional::{Collected, cache_name, source, tag_and_digest_warning};
use crate::{Destination, DestinationError, ImageKind, PlannedImage, Why};

pub use kept::{
    CHARTS, INDEXES, KeptCharts, KeptChartsError, LOCAL, NameError, VALUES, candidates, chart_file, local_file,
    repository_folder, values_file, version_in,
};
pub use repository::{RepositoryUrl, UrlError};

/// A text that a rendered chart has where images are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundText {
    /// The text.
    pub text: String,
    /// The template that it comes from: `app/templates/deployment.yaml`.
    pub template: String,
}

/// Plans the images of one chart. `why` says which entry of the configuration asks for the chart, and which chart it is.
/// Texts that cannot name an image are left out; warnings name the ones that somebody meant to be an image.
///
/// # Errors
/// When an image cannot have its name at the destination.
pub fn images(
    chart: &HelmChart,
    why: &Why,
    found: &[FoundText],
    destination: Option<&Destination>,
) -> Result<Collected, DestinationError> {
    let mut collected = Collected::default();
    let mut seen = BTreeSet::new();
    for FoundText { text, template } in found {
        if !seen.insert(text.as_str()) {
            continue;
        }
        let image = match image_of(text) {
            Ok(image) => image,
            Err(reason) => {
                collected.warnings.push(format!("`{}` in {template} is left out: {reason}", text.escape_debug()));
                continue;
            }
        };
        collected.warnings.extend(tag_and_digest_warning(&image));
        let cache = cache_name(&image, None, None);
        let mut why = why.clone();
        why.steps.push(format!("template {template}"));
        let planned = PlannedImage::new(ImageKind::Helm, image.with_scheme(), source(&image), cache, destination, why)?;
        collected.images.push(PlannedImage { platforms: chart.platforms.clone(), ..planned });
    }
    Ok(collected)
}

/// The image that a text of a chart names.
///
/// # Errors
/// Why it names none that can be mirrored, and what to do.
pub fn image_of(text: &str) -> Result<ImageRef, String> {
    let no_image = || "it names no image, expected `host/path:tag` or `host/path@digest`".to_owned();
    let image = ImageRef::parse_name(text).map_err(|_| no_image())?;
    if image.transport() != &Transport::Docker {
        return Err("it names no image of a registry".to_owned());
    }
    if !image.name().contains('/') && is_address(image.name()) {
        return Err("it is the address of a server, not an image".to_owned());
    }
    if image.tag().is_none() && image.digest().is_none() {
        return Err("it has neither tag nor digest; set a tag in the chart's `values`, or add the image to \
                    `additionalImages`"
            .to_owned());
    }
    image.repository().map_err(|error| format!("no registry has such an image ({error})"))?;
    Ok(image)
}

/// Whether a name is a host and cannot be a repository: an IPv4 address, or this machine.
fn is_address(name: &str) -> bool {
    name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    fn plan(texts: &[&str], destination: Option<&str>) -> Collected {
        let destination = destination.map(|text| Destination::parse(text).unwrap());
        let template = "app/templates/a.yaml".to_owned();
        let found: Vec<FoundText> =
            texts.iter().map(|text| FoundText { text: (*text).to_owned(), template: template.clone() }).collect();
        let why = Why { path: "mirror.helm.local[0]".into(), line: 3, steps: vec!["chart app 1.0.0".into()] };
        let chart = HelmChart { platforms: vec![image_ref::Platform::new("linux", "amd64")], ..HelmChart::default() };
        images(&chart, &why, &found, destination.as_ref()).unwrap()
    }

    /// The column "helm" of `docs/behaviour/config-cli.md` 4.3, and what cannot be mirrored.
    #[test]
    fn texts_become_images_or_warnings() {
        let hex = "1".repeat(64);
        let long = "2".repeat(128);
        let check = |text: &str, source: &str, cache: &str| {
            let collected = plan(&[text], None);
            let image = &collected.images[0];
            assert_eq!((image.source.to_string().as_str(), image.cache.to_string().as_str()), (source, cache));
            assert_eq!(image.origin, format!("docker://{text}"));
            assert_eq!(image.kind, ImageKind::Helm);
        };
        check("d.io/a/p:t", "d.io/a/p:t", "a/p:t");
        check(&format!("d.io/p@sha256:{hex}"), &format!("d.io/p@sha256:{hex}"), &format!("p:sha256-{hex}"));
        check(&format!("d.io/p:t@sha256:{hex}"), &format!("d.io/p@sha256:{hex}"), "p:t");
        check("kong:3.9", "kong:3.9", "kong:3.9");
        check(
            &format!("d.io/p@sha512:{long}"),
            &format!("d.io/p@sha512:{long}"),
            &format!("p:{}", &format!("sha512-{long}")[..127]),
        );

        let refused = |text: &str| {
            let collected = plan(&[text], None);
            assert!(collected.images.is_empty(), "{text}");
            collected.warnings.join("\n")
        };
        let all: Vec<String> =
            ["", "d.io/a/p", "0.0.0.0:8080", ":8080", "localhost:80", "oci:///a/b", "d.io/A/B:1", "a b"]
                .into_iter()
                .map(refused)
                .collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        `` in app/templates/a.yaml is left out: it names no image, expected `host/path:tag` or `host/path@digest`
        `d.io/a/p` in app/templates/a.yaml is left out: it has neither tag nor digest; set a tag in the chart's `values`, or add the image to `additionalImages`
        `0.0.0.0:8080` in app/templates/a.yaml is left out: it is the address of a server, not an image
        `:8080` in app/templates/a.yaml is left out: it names no image, expected `host/path:tag` or `host/path@digest`
        `localhost:80` in app/templates/a.yaml is left out: it is the address of a server, not an image
        `oci:///a/b` in app/templates/a.yaml is left out: it names no image of a registry
        `d.io/A/B:1` in app/templates/a.yaml is left out: no registry has such an image (invalid repository path `A/B`: expected lower-case components separated by `/`, like `openshift/cli`)
        `a b` in app/templates/a.yaml is left out: it names no image, expected `host/path:tag` or `host/path@digest`
        ");
    }

    #[test]
    fn an_image_is_planned_once_with_its_reason_and_platforms() {
        let collected = plan(&["d.io/a/p:t", "d.io/a/q:t", "d.io/a/p:t"], Some("reg.lan:5000/m"));
        let names: Vec<String> =
            collected.images.iter().map(|image| image.destination.as_ref().unwrap().to_string()).collect();
        assert_eq!(names, ["reg.lan:5000/m/a/p:t", "reg.lan:5000/m/a/q:t"]);
        let image = &collected.images[0];
        assert_eq!(image.why.steps, ["chart app 1.0.0", "template app/templates/a.yaml"]);
        assert_eq!(image.platforms.len(), 1);
        let plan = crate::Draft::new(Mode::MirrorToMirror, collected.images, &[], None);
        assert!(plan.undecided().is_empty());
    }
}
