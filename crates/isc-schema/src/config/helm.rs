//! `helm`: charts whose images are wanted.

use image_ref::Platform;

use crate::Span;

/// `helm`: chart repositories and charts on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Helm {
    /// `repositories`.
    pub repositories: Vec<HelmRepository>,
    /// `local`: charts on disk.
    pub local: Vec<HelmChart>,
}

/// An entry of `helm.repositories`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelmRepository {
    /// `name`.
    pub name: String,
    /// `url` of the repository; its index is fetched from there.
    pub url: String,
    /// `charts`: the charts to take; `None` (absent) means every version of every chart of the index, an empty list
    /// means none.
    pub charts: Option<Vec<HelmChart>>,
    /// Where the entry stands.
    pub span: Span,
}

/// An entry of `helm.repositories[].charts` or `helm.local`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelmChart {
    /// `name`.
    pub name: String,
    /// `version`; the newest when absent.
    pub version: Option<String>,
    /// `path` of a chart on disk.
    pub path: Option<String>,
    /// `imagePaths`: JSONPath expressions that find images in the rendered manifests, besides the built-in ones.
    pub image_paths: Vec<String>,
    /// `platforms`: the instances to take from multi-architecture images.
    pub platforms: Vec<Platform>,
    /// `values`: values that override those of the chart and of `valuesFiles`; keys with null take the chart's value
    /// away. `None` when absent.
    pub values: Option<serde_json::Map<String, serde_json::Value>>,
    /// `valuesFiles`: paths of files with values, as written; a relative path begins at the folder of the configuration.
    /// Later files override earlier ones.
    pub values_files: Vec<String>,
    /// `hooks`: whether images of manifests with a Helm hook are wanted, too.
    pub hooks: bool,
    /// Where the entry stands.
    pub span: Span,
}
