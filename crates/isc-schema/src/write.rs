//! The configuration as YAML: keys sorted, the same bytes for the same content (`docs/behaviour/config-cli.md` 5.1).

use std::borrow::Cow;

use image_ref::{ImageRef, Platform};

use crate::VersionBound;
use crate::config::{
    API_VERSION, AdditionalImage, DeleteImageSetConfiguration, Document, Helm, HelmChart, HelmRepository,
    ImageSetConfiguration, Kind, Mirror, OperatorCatalog, Package, PackageChannel, PlatformConfig, ReleaseChannel,
};
use crate::emit::Emit;

impl Document {
    /// This configuration as YAML; see [`ImageSetConfiguration::to_yaml`].
    pub fn to_yaml(&self) -> String {
        match self {
            Self::ImageSet(configuration) => configuration.to_yaml(),
            Self::Delete(configuration) => configuration.to_yaml(),
        }
    }
}

impl ImageSetConfiguration {
    /// The whole configuration as YAML: keys sorted, what is absent or false left out, except that each catalog has a
    /// `packages` key and each release channel a `type` (the form of `isc_pinned_*.yaml`). Parsing it gives an equal
    /// configuration.
    pub fn to_yaml(&self) -> String {
        let archive_size = self.archive_size_gib.map(Emit::Integer);
        Map::default()
            .set("kind", Emit::text(Kind::ImageSet.as_str()))
            .set("apiVersion", Emit::text(API_VERSION))
            .set_opt("archiveSize", archive_size)
            .set("mirror", content(&self.mirror))
            .done()
            .to_yaml()
    }
}

impl DeleteImageSetConfiguration {
    /// The whole configuration as YAML; see [`ImageSetConfiguration::to_yaml`].
    pub fn to_yaml(&self) -> String {
        Map::default()
            .set("kind", Emit::text(Kind::Delete.as_str()))
            .set("apiVersion", Emit::text(API_VERSION))
            .set("delete", content(&self.delete))
            .done()
            .to_yaml()
    }
}

/// Collects the entries of a mapping.
#[derive(Default)]
struct Map(Vec<(Cow<'static, str>, Emit)>);

impl Map {
    fn set(mut self, key: &'static str, value: Emit) -> Self {
        self.0.push((key.into(), value));
        self
    }

    fn set_opt(self, key: &'static str, value: Option<Emit>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    fn set_text(self, key: &'static str, text: Option<&str>) -> Self {
        self.set_opt(key, text.filter(|text| !text.is_empty()).map(Emit::text))
    }

    fn set_true(self, key: &'static str, value: bool) -> Self {
        if value { self.set(key, Emit::Boolean(true)) } else { self }
    }

    fn set_bound(self, key: &'static str, bound: Option<&VersionBound>) -> Self {
        self.set_text(key, bound.map(VersionBound::as_str))
    }

    /// Left out when empty.
    fn set_list<T>(self, key: &'static str, items: &[T], emit: impl Fn(&T) -> Emit) -> Self {
        if items.is_empty() { self } else { self.set(key, list(items, emit)) }
    }

    /// Left out when empty.
    fn set_map(self, key: &'static str, map: Self) -> Self {
        if map.0.is_empty() { self } else { self.set(key, map.done()) }
    }

    fn done(mut self) -> Emit {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        Emit::Mapping(self.0)
    }
}

fn list<T>(items: &[T], emit: impl Fn(&T) -> Emit) -> Emit {
    Emit::Sequence(items.iter().map(emit).collect())
}

fn content(mirror: &Mirror) -> Emit {
    Map::default()
        .set_map("platform", platform(&mirror.platform))
        .set_list("operators", &mirror.operators, operator)
        .set_list("additionalImages", &mirror.additional_images, additional_image)
        .set_map("helm", helm(&mirror.helm))
        .set_list("blockedImages", &mirror.blocked_images, |blocked| {
            Map::default().set("name", Emit::text(blocked.as_str())).done()
        })
        .set_list("samples", &mirror.samples, |sample| Map::default().set("name", Emit::text(&sample.name)).done())
        .done()
}

fn platform(platform: &PlatformConfig) -> Map {
    Map::default()
        .set_true("graph", platform.graph)
        .set_list("channels", &platform.channels, release_channel)
        .set_list("architectures", &platform.architectures, |name| Emit::text(name))
        .set_list("platforms", &platform.platforms, platform_entry)
        .set_text("release", platform.release.as_ref().map(ImageRef::as_written))
        .set_true("kubeVirtContainer", platform.kube_virt_container)
}

fn release_channel(channel: &ReleaseChannel) -> Emit {
    Map::default()
        .set("name", Emit::text(&channel.name))
        .set("type", Emit::text(channel.release_type.as_str()))
        .set_bound("minVersion", channel.min_version.as_ref())
        .set_bound("maxVersion", channel.max_version.as_ref())
        .set_true("shortestPath", channel.shortest_path)
        .set_true("full", channel.full)
        .done()
}

fn platform_entry(platform: &Platform) -> Emit {
    Map::default().set("os", Emit::text(&platform.os)).set("architecture", Emit::text(&platform.architecture)).done()
}

fn operator(operator: &OperatorCatalog) -> Emit {
    let packages = operator.packages.as_ref().map_or(Emit::Null, |packages| list(packages, package));
    Map::default()
        .set("catalog", Emit::text(operator.catalog.as_written()))
        .set("packages", packages)
        .set_text("targetCatalog", operator.target_catalog.as_deref())
        .set_text("targetTag", operator.target_tag.as_deref())
        .set_true("full", operator.full)
        .set_true("skipDependencies", operator.skip_dependencies)
        .set_text("targetCatalogSourceTemplate", operator.target_catalog_source_template.as_deref())
        .set_list("platforms", &operator.platforms, platform_entry)
        .done()
}

fn package(package: &Package) -> Emit {
    Map::default()
        .set("name", Emit::text(&package.name))
        .set_list("channels", &package.channels, package_channel)
        .set_text("defaultChannel", package.default_channel.as_deref())
        .set_bound("minVersion", package.min_version.as_ref())
        .set_bound("maxVersion", package.max_version.as_ref())
        .set_list("bundles", &package.bundles, |bundle| Map::default().set("name", Emit::text(&bundle.name)).done())
        .done()
}

fn package_channel(channel: &PackageChannel) -> Emit {
    Map::default()
        .set("name", Emit::text(&channel.name))
        .set_bound("minVersion", channel.min_version.as_ref())
        .set_bound("maxVersion", channel.max_version.as_ref())
        .done()
}

fn additional_image(image: &AdditionalImage) -> Emit {
    Map::default()
        .set("name", Emit::text(image.name.as_written()))
        .set_text("targetRepo", image.target_repo.as_deref())
        .set_text("targetTag", image.target_tag.as_deref())
        .set_list("platforms", &image.platforms, platform_entry)
        .done()
}

fn helm(helm: &Helm) -> Map {
    Map::default().set_list("repositories", &helm.repositories, repository).set_list("local", &helm.local, chart)
}

fn repository(repository: &HelmRepository) -> Emit {
    Map::default()
        .set("name", Emit::text(&repository.name))
        .set("url", Emit::text(&repository.url))
        .set_opt("charts", repository.charts.as_ref().map(|charts| list(charts, chart)))
        .done()
}

fn chart(chart: &HelmChart) -> Emit {
    Map::default()
        .set_text("name", Some(&chart.name))
        .set_text("version", chart.version.as_deref())
        .set_text("path", chart.path.as_deref())
        .set_list("imagePaths", &chart.image_paths, |path| Emit::text(path))
        .set_list("platforms", &chart.platforms, platform_entry)
        .set_opt("values", chart.values.as_ref().map(Emit::object))
        .set_list("valuesFiles", &chart.values_files, |path| Emit::text(path))
        .set_true("hooks", chart.hooks)
        .done()
}
