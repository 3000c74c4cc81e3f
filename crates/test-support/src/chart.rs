//! Helm charts: packages as `helm package` makes them, and indexes of repositories.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::sha256;

/// A Helm chart, made file by file. The same files give the same package.
#[derive(Debug, Clone)]
pub struct ChartBuilder {
    name: String,
    version: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl ChartBuilder {
    /// A chart that renders nothing.
    pub fn new(name: &str, version: &str) -> Self {
        let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        Self { name: name.to_owned(), version: version.to_owned(), files: BTreeMap::new() }.file("Chart.yaml", chart)
    }

    /// Adds a file, in the place of the one that was there.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), content.into());
        self
    }

    /// Makes it a library, which renders nothing by itself.
    #[must_use]
    pub fn library(self) -> Self {
        let chart = format!("apiVersion: v2\nname: {}\nversion: {}\ntype: library\n", self.name, self.version);
        self.file("Chart.yaml", chart)
    }

    /// Adds a deployment with one container of this image, which may be a template.
    #[must_use]
    pub fn deployment(self, name: &str, image: &str) -> Self {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n      \
             containers:\n      - name: main\n        image: {image}\n"
        );
        self.file(&format!("templates/{name}.yaml"), text)
    }

    /// The name of the package.
    pub fn package_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    /// The package.
    pub fn package(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            let path = format!("{}/{path}", self.name);
            tar.append_data(&mut header, path, content.as_slice()).expect("writing to memory cannot fail");
        }
        tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("writing to memory cannot fail")
    }

    /// The files, by path in the chart.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// The index of a repository with these charts, whose packages lie beside the index.
    pub fn index<'a>(charts: impl IntoIterator<Item = &'a Self>) -> String {
        let mut entries: BTreeMap<&str, String> = BTreeMap::new();
        for chart in charts {
            let library = if chart.files["Chart.yaml"].ends_with(b"type: library\n") { ", type: library" } else { "" };
            let entry = entries.entry(&chart.name).or_default();
            writeln!(
                entry,
                "  - {{apiVersion: v2, name: {}, version: {}, digest: {}, urls: [{}]{library}}}",
                chart.name,
                chart.version,
                sha256(&chart.package()).hex(),
                chart.package_name()
            )
            .expect("writing to a text cannot fail");
        }
        let text = "apiVersion: v1\ngenerated: 2026-01-02T03:04:05Z\nentries:\n".to_owned();
        entries.into_iter().fold(text, |text, (name, entries)| text + "  " + name + ":\n" + &entries)
    }
}
