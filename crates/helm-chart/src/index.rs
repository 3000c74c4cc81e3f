//! The index of a chart repository: `index.yaml`, read and searched as Helm does.

use std::collections::BTreeMap;

use crate::chart::{FIELDS, Metadata, set_text, text_of};
use crate::json;
use crate::semver::{Constraint, Version};
use crate::yaml::{self, Json, Struct, Target};

/// The largest index that is worth reading, in bytes. The largest public ones have some 20 MB.
pub const MAX_INDEX: usize = 64 * 1024 * 1024;

/// What a repository offers.
#[derive(Debug, Clone, Default)]
pub struct Index {
    entries: BTreeMap<String, Vec<IndexEntry>>,
    skipped: Vec<String>,
}

/// One version of a chart in an [`Index`].
#[derive(Debug, Clone, PartialEq)]
pub struct IndexEntry {
    /// What the chart's `Chart.yaml` says.
    pub metadata: Metadata,
    /// Where the packaged chart is; relative to the repository unless it is a whole URL. Helm takes the first.
    pub urls: Vec<String>,
    /// The SHA-256 of the packaged chart in hexadecimal digits; often empty.
    pub digest: String,
}

/// Why an index cannot be read, or has no such chart. The words are Helm's where Helm has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum IndexError {
    #[error("empty index.yaml file")]
    Empty,
    #[error("no API version specified")]
    ApiVersion,
    #[error("{0}")]
    Syntax(String),
    #[error("no chart name found")]
    Name,
    #[error("no chart version found")]
    NoVersions,
    #[error("{0}")]
    Constraint(String),
    #[error("no chart version found for {name}-{version}")]
    Version { name: String, version: String },
}

const OWN: [(&str, Target); 8] = [
    ("urls", Target::List(&Target::String)),
    ("created", Target::Time),
    ("removed", Target::Bool),
    ("digest", Target::String),
    ("checksum", Target::String),
    ("engine", Target::String),
    ("tillerVersion", Target::String),
    ("url", Target::String),
];

/// The fields of an entry: those of the metadata, which Go embeds, and its own.
#[expect(
    clippy::indexing_slicing,
    reason = "computed while compiling, where a wrong place is an error of the compiler"
)]
const ENTRY_FIELDS: [(&str, Target); FIELDS.len() + OWN.len()] = {
    let mut all = [("", Target::Any); FIELDS.len() + OWN.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < FIELDS.len() { FIELDS[at] } else { OWN[at - FIELDS.len()] };
        at += 1;
    }
    all
};

static ENTRY: Struct = Struct { name: "ChartVersion", ty: "repo.ChartVersion", fields: &ENTRY_FIELDS };

static INDEX: Struct = Struct {
    name: "IndexFile",
    ty: "repo.IndexFile",
    fields: &[
        ("apiVersion", Target::String),
        ("generated", Target::Time),
        ("entries", Target::Map(&Target::Named("repo.ChartVersions", &Target::List(&Target::Pointer(&ENTRY))))),
        ("publicKeys", Target::List(&Target::String)),
    ],
};

impl Index {
    /// Reads an index. An entry that names no valid chart is left out and told by [`Index::skipped`]; fields that Helm does
    /// not know are ignored.
    ///
    /// # Errors
    ///
    /// When the text is empty, neither JSON nor YAML, of another shape, or without `apiVersion`.
    pub fn read(text: &[u8]) -> Result<Self, IndexError> {
        if text.is_empty() {
            return Err(IndexError::Empty);
        }
        let target = Target::Struct(&INDEX);
        let data = match json::read(text) {
            Ok(data) => yaml::check(&data, &target).map(|()| data).map_err(IndexError::Syntax)?,
            Err(_) => yaml::unmarshal(text, &target).map_err(|error| IndexError::Syntax(error.to_string()))?,
        };
        let mut index = Self::default();
        for entries in INDEX.values(&data, "entries") {
            let Json::Map(entries) = entries else { continue };
            for (name, versions) in entries {
                let versions = if let Json::List(versions) = versions { versions.as_slice() } else { &[] };
                index.add(name, versions);
            }
        }
        let mut version = String::new();
        set_text(&mut version, &INDEX, &data, "apiVersion");
        if version.is_empty() { Err(IndexError::ApiVersion) } else { Ok(index) }
    }

    fn add(&mut self, name: &str, versions: &[Json]) {
        let mut valid = Vec::new();
        for data in versions {
            if *data == Json::Null {
                self.skipped.push(format!("entry of chart {name:?} is invalid: empty entry"));
                continue;
            }
            let mut metadata = Metadata::default();
            metadata.read_as(&ENTRY, data);
            if metadata.api_version.is_empty() {
                "v1".clone_into(&mut metadata.api_version);
            }
            match metadata.validate(&[data]) {
                // Helm takes such an entry, because the chart may be usable.
                Err(problem) if !problem.contains("more than one dependency with name or alias") => {
                    let version = &metadata.version;
                    self.skipped.push(format!("entry of chart {name:?} {version:?} is invalid: {problem}"));
                }
                _ => valid.push(IndexEntry::new(metadata, data)),
            }
        }
        let version = |entry: &IndexEntry| Version::parse(&entry.metadata.version).ok();
        valid.sort_by_cached_key(|entry| std::cmp::Reverse(version(entry)));
        self.entries.insert(name.to_owned(), valid);
    }

    /// Entries that were left out, a sentence each.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Every chart with all its versions, the newest first.
    pub fn charts(&self) -> impl Iterator<Item = (&str, &[IndexEntry])> {
        self.entries.iter().map(|(name, versions)| (name.as_str(), versions.as_slice()))
    }

    /// The version of a chart that Helm would take: the one that is written exactly so, else the newest that the constraint
    /// allows. Without `version` it is the newest that is no pre-release.
    ///
    /// # Errors
    ///
    /// When there is no such chart, `version` is no constraint, or nothing satisfies it.
    pub fn choose(&self, name: &str, version: Option<&str>) -> Result<&IndexEntry, IndexError> {
        let versions = self.entries.get(name).ok_or(IndexError::Name)?;
        if versions.is_empty() {
            return Err(IndexError::NoVersions);
        }
        let at = choose(versions.iter().map(|entry| entry.metadata.version.as_str()), version)
            .map_err(|error| IndexError::Constraint(error.to_string()))?;
        at.and_then(|at| versions.get(at)).ok_or_else(|| IndexError::Version {
            name: name.to_owned(),
            version: version.unwrap_or_default().to_owned(),
        })
    }
}

impl IndexEntry {
    fn new(metadata: Metadata, data: &Json) -> Self {
        let mut entry = Self { metadata, urls: Vec::new(), digest: String::new() };
        set_text(&mut entry.digest, &ENTRY, data, "digest");
        for value in ENTRY.values(data, "urls") {
            entry.urls = if let Json::List(urls) = value { urls.iter().map(text_of).collect() } else { Vec::new() };
        }
        entry
    }
}

/// Which of `versions` Helm would take for `wanted`: the first that is written exactly so, else the newest that the
/// constraint allows. Nothing or an empty text stands for `*`: the newest that is no pre-release. Texts that are no versions
/// can only be met exactly.
///
/// ```
/// use helm_chart::choose;
///
/// let versions = ["1.0.0", "1.4.0", "2.0.0-rc.1"];
/// assert_eq!(choose(versions, Some("^1"))?, Some(1));
/// assert_eq!(choose(versions, Some("2.0.0-rc.1"))?, Some(2));
/// assert_eq!(choose(versions, None)?, Some(1));
/// assert_eq!(choose(versions, Some(">2"))?, None);
/// # Ok::<_, helm_chart::semver::Error>(())
/// ```
///
/// # Errors
///
/// When `wanted` is no constraint.
pub fn choose<'a>(
    versions: impl IntoIterator<Item = &'a str>,
    wanted: Option<&str>,
) -> Result<Option<usize>, crate::semver::Error> {
    let wanted = wanted.filter(|wanted| !wanted.is_empty());
    let constraint = Constraint::parse(wanted.unwrap_or("*"))?;
    let mut best: Option<(usize, Version)> = None;
    for (at, text) in versions.into_iter().enumerate() {
        if wanted == Some(text) {
            return Ok(Some(at));
        }
        let Ok(version) = Version::parse(text) else { continue };
        if constraint.allows(&version) && best.as_ref().is_none_or(|(_, best)| *best < version) {
            best = Some((at, version));
        }
    }
    Ok(best.map(|(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "
apiVersion: v1
generated: 2026-01-02T03:04:05Z
unknown: {a: 1}
entries:
  app:
  - {name: app, version: 1.2.0, urls: [app-1.2.0.tgz], digest: abc, extra: 1}
  - {name: app, version: 1.10.0, urls: [https://cdn.example/app-1.10.0.tgz]}
  - {name: app, version: 2.0.0-rc.1, urls: []}
  - {name: app, version: v1.3.0, apiVersion: v2, type: library}
  - null
  - {name: app, version: nonsense}
  twin:
  - {name: twin, version: 1.0.0, dependencies: [{name: a, version: '1'}, {name: a, version: '1'}]}
  none: []
";

    fn version(index: &Index, name: &str, version: Option<&str>) -> Result<String, String> {
        let found = index.choose(name, version).map_err(|error| error.to_string())?;
        Ok(found.metadata.version.clone())
    }

    #[test]
    fn versions_are_chosen_as_helm_does() {
        let index = Index::read(INDEX.as_bytes()).unwrap();
        let check = |name: &str, wanted: Option<&str>, expected: Result<&str, &str>| {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(version(&index, name, wanted), expected, "{name} {wanted:?}");
        };
        check("app", None, Ok("1.10.0"));
        check("app", Some(""), Ok("1.10.0"));
        check("app", Some("1.2.0"), Ok("1.2.0"));
        check("app", Some("v1.2.0"), Ok("1.2.0"));
        check("app", Some("1.3.0"), Ok("v1.3.0"));
        check("app", Some("~1.2"), Ok("1.2.0"));
        check("app", Some("<1.10"), Ok("v1.3.0"));
        check("app", Some("2.0.0-rc.1"), Ok("2.0.0-rc.1"));
        check("app", Some(">1-0"), Ok("2.0.0-rc.1"));
        check("twin", Some("1"), Ok("1.0.0"));
        check("app", Some("3"), Err("no chart version found for app-3"));
        check("app", Some("1.x.y"), Err("improper constraint: \"1.x.y\""));
        check("none", None, Err("no chart version found"));
        check("other", None, Err("no chart name found"));
    }

    #[test]
    fn entries_are_those_that_helm_keeps() {
        let index = Index::read(INDEX.as_bytes()).unwrap();
        let all: Vec<(&str, Vec<&str>)> = index
            .charts()
            .map(|(name, entries)| (name, entries.iter().map(|entry| entry.metadata.version.as_str()).collect()))
            .collect();
        let app = vec!["2.0.0-rc.1", "1.10.0", "v1.3.0", "1.2.0"];
        assert_eq!(all, [("app", app), ("none", vec![]), ("twin", vec!["1.0.0"])]);
        let app = index.choose("app", Some("1.2.0")).unwrap();
        assert_eq!((app.urls.as_slice(), app.digest.as_str()), (&["app-1.2.0.tgz".to_owned()][..], "abc"));
        assert_eq!(app.metadata.api_version, "v1");
        insta::assert_snapshot!(index.skipped().join("\n"), @r#"
        entry of chart "app" is invalid: empty entry
        entry of chart "app" "nonsense" is invalid: validation: chart.metadata.version "nonsense" is invalid
        "#);
    }

    #[test]
    fn broken_indexes_are_refused_with_helms_words() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Index::read(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        };
        check("", "empty index.yaml file");
        check("entries: {}", "no API version specified");
        check("{\"entries\": {}}", "no API version specified");
        check("null", "no API version specified");
        check(
            "{\"apiVersion\": \"v1\", \"entries\": []}",
            "json: cannot unmarshal array into Go struct field IndexFile.entries of type map[string]repo.ChartVersions",
        );
        check(
            "<html>",
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type repo.IndexFile",
        );
        assert!(Index::read(b"a: [").is_err());
    }

    proptest::proptest! {
        /// Whatever the text, there is an answer; whatever is kept is a version that can be chosen by its own text.
        #[test]
        fn any_text_has_an_answer(text in "[a-z0-9:{}\\[\\]\\-., \n\"]{0,200}") {
            let whole = format!("apiVersion: v1\nentries: {{a: [{{name: a, version: {text}}}]}}");
            for text in [text, whole] {
                let Ok(index) = Index::read(text.as_bytes()) else { continue };
                for (name, entries) in index.charts() {
                    for entry in entries {
                        let version = entry.metadata.version.as_str();
                        if Constraint::parse(version).is_ok() {
                            let found = index.choose(name, Some(version)).unwrap();
                            proptest::prop_assert_eq!(&found.metadata.version, version);
                        }
                    }
                }
            }
        }
    }
}
