//! What the working directory keeps of charts: names of files, and the record of what was chosen.
//!
//! Upstream keeps charts and indexes. What disk to mirror needs beyond these is the record, which answers ranges and empty
//! versions without a network, the files with values, and the local charts.

use image_ref::{Algorithm, Hasher};
use serde::{Deserialize, Serialize};

/// The folder of packaged charts in the working directory.
pub const CHARTS: &str = "helm/charts";

/// The folder of indexes in the working directory.
pub const INDEXES: &str = "helm/indexes";

/// The folder of files with values in the working directory.
pub const VALUES: &str = "helm/values";

/// The folder of local charts, packed, in the working directory.
pub const LOCAL: &str = "helm/local";

/// A name or version that cannot be part of a file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} cannot be part of a file's name")]
pub struct NameError {
    what: &'static str,
    text: String,
}

/// The name of a packaged chart: `<name>-<version>.tgz`, as `helm package` calls it.
///
/// # Errors
/// When name or version would lead out of the folder.
pub fn chart_file(name: &str, version: &str) -> Result<String, NameError> {
    for (what, text) in [("chart name", name), ("chart version", version)] {
        let bad = |c: char| c == '/' || c == '\\' || c.is_control();
        if text.is_empty() || text.contains(bad) || matches!(text, "." | "..") {
            return Err(NameError { what, text: text.to_owned() });
        }
    }
    Ok(format!("{name}-{version}.tgz"))
}

/// The names that a chart of exactly this version may have: without a leading `v`, and with one.
///
/// # Errors
/// As [`chart_file`].
pub fn candidates(name: &str, version: &str) -> Result<[String; 2], NameError> {
    let bare = version.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let bare = bare.unwrap_or(version);
    Ok([chart_file(name, bare)?, chart_file(name, &format!("v{bare}"))?])
}

/// The version in the name of a packaged chart: `<name>-<version>.tgz`.
///
/// ```
/// use mirror_plan::helm::version_in;
///
/// assert_eq!(version_in("app", "app-1.2.3.tgz"), Some("1.2.3"));
/// assert_eq!(version_in("app", "app-store-1.2.3.tgz"), Some("store-1.2.3"));
/// assert_eq!(version_in("app", "other-1.2.3.tgz"), None);
/// ```
pub fn version_in<'a>(name: &str, file: &'a str) -> Option<&'a str> {
    file.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".tgz")
}

/// The name of a file with values below [`VALUES`], for the path that a configuration has for it.
pub fn values_file(path: &str) -> String {
    keyed(path, "")
}

/// The name of a local chart below [`LOCAL`], for the path that a configuration has for it.
pub fn local_file(path: &str) -> String {
    keyed(path, ".tgz")
}

/// The name of a folder below [`CHARTS`] for the charts of one repository, by its address.
pub fn repository_folder(url: &str) -> String {
    keyed(url, "")
}

/// A name that no other path has, and that a person recognises.
fn keyed(path: &str, ending: &str) -> String {
    let digest = Hasher::of(Algorithm::Sha256, path.as_bytes());
    let key = digest.hex().get(..16).unwrap_or(digest.hex());
    let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let base: String = base.chars().map(plain).take(100).collect();
    let base = base.strip_suffix(ending).filter(|_| !ending.is_empty()).unwrap_or(&base);
    format!("{key}-{base}{ending}")
}

/// Which chart was taken for which entry of a configuration: `helm/charts.json` in the working directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCharts {
    format: u32,
    #[serde(default)]
    charts: Vec<KeptChart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptChart {
    /// The address of the repository, without user information.
    repository: String,
    /// The name of the chart.
    name: String,
    /// The version as the configuration has it; empty for the newest.
    wanted: String,
    /// The file in the folder of charts.
    file: String,
}

/// Why a text is no record of charts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeptChartsError(String);

impl Default for KeptCharts {
    fn default() -> Self {
        Self { format: 1, charts: Vec::new() }
    }
}

impl KeptCharts {
    /// The record in the working directory.
    pub const FILE: &str = "helm/charts.json";

    /// Reads a record.
    ///
    /// # Errors
    /// When the text is no record, or one of a later version of this program.
    pub fn parse(text: &[u8]) -> Result<Self, KeptChartsError> {
        let kept: Self = serde_json::from_slice(text).map_err(|error| KeptChartsError(error.to_string()))?;
        if kept.format == 1 {
            return Ok(kept);
        }
        Err(KeptChartsError(format!("format {} is of a later version of this program", kept.format)))
    }

    /// The text of the record.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("the record has only texts") + "\n"
    }

    /// The file that was taken for `wanted` of a chart; none when no run has asked so.
    pub fn file(&self, repository: &str, name: &str, wanted: &str) -> Option<&str> {
        let same = |kept: &&KeptChart| (kept.repository == repository) && kept.name == name && kept.wanted == wanted;
        self.charts.iter().find(same).map(|kept| kept.file.as_str())
    }

    /// Notes what was taken, in the place of what an earlier run took.
    pub fn note(&mut self, repository: &str, name: &str, wanted: &str, file: &str) {
        let [repository, name, wanted, file] = [repository, name, wanted, file].map(str::to_owned);
        let new = KeptChart { repository, name, wanted, file };
        let key = |kept: &KeptChart| (kept.repository.clone(), kept.name.clone(), kept.wanted.clone());
        match self.charts.binary_search_by_key(&key(&new), key) {
            Ok(at) => {
                if let Some(kept) = self.charts.get_mut(at) {
                    *kept = new;
                }
            }
            Err(at) => self.charts.insert(at, new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_their_folder() {
        let check = |name: &str, version: &str, expected: Result<&str, &str>| {
            let found = chart_file(name, version).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        };
        check("app", "1.0.0+b", Ok("app-1.0.0+b.tgz"));
        check("..", "1", Err("chart name \"..\" cannot be part of a file's name"));
        check("../app", "1", Err("chart name \"../app\" cannot be part of a file's name"));
        check("app", "../../1", Err("chart version \"../../1\" cannot be part of a file's name"));
        check("app", "1\n", Err("chart version \"1\\n\" cannot be part of a file's name"));
        check("", "1", Err("chart name \"\" cannot be part of a file's name"));
        assert_eq!(candidates("app", "v1.2").unwrap(), ["app-1.2.tgz", "app-v1.2.tgz"]);
        assert_eq!(candidates("app", "1.2").unwrap(), ["app-1.2.tgz", "app-v1.2.tgz"]);
        assert_eq!(candidates("app", "vague").unwrap(), ["app-vague.tgz", "app-vvague.tgz"]);
    }

    #[test]
    fn names_of_values_and_local_charts_differ_by_path() {
        assert_eq!(values_file("prod/values.yaml"), "9cc35bc8cc44deb0-values.yaml");
        assert_eq!(local_file("./charts/app-1.0.0.tgz"), "b49b985da11024f0-app-1.0.0.tgz");
        assert_eq!(local_file("./charts/app/"), "65e599ddc169949a-app.tgz");
        assert_ne!(values_file("a/values.yaml"), values_file("b/values.yaml"));
        assert!(values_file("../..").ends_with("-.."));
        assert!(!values_file("a\\b/c d").contains(['/', '\\', ' ']));
    }

    #[test]
    fn the_record_is_read_back_and_says_the_last_choice() {
        let mut kept = KeptCharts::default();
        kept.note("https://c.io/a", "app", "^1", "app-1.1.0.tgz");
        kept.note("https://c.io/a", "app", "", "app-2.0.0.tgz");
        kept.note("https://c.io/a", "app", "^1", "app-1.2.0.tgz");
        let kept = KeptCharts::parse(kept.to_json().as_bytes()).unwrap();
        assert_eq!(kept.file("https://c.io/a", "app", "^1"), Some("app-1.2.0.tgz"));
        assert_eq!(kept.file("https://c.io/a", "app", ""), Some("app-2.0.0.tgz"));
        assert_eq!(kept.file("https://c.io/b", "app", ""), None);
        insta::assert_snapshot!(kept.to_json(), @r#"
        {
          "format": 1,
          "charts": [
            {
              "repository": "https://c.io/a",
              "name": "app",
              "wanted": "",
              "file": "app-2.0.0.tgz"
            },
            {
              "repository": "https://c.io/a",
              "name": "app",
              "wanted": "^1",
              "file": "app-1.2.0.tgz"
            }
          ]
        }
        "#);
        assert!(KeptCharts::parse(b"{").is_err());
        let later = KeptCharts::parse(b"{\"format\": 2}").unwrap_err();
        assert_eq!(later.to_string(), "format 2 is of a later version of this program");
    }
}
