//! A loaded chart: what stands in its files, before anything is rendered.

use std::collections::BTreeMap;

use crate::gostring;
use crate::path::extension;
use crate::semver::Version;
use crate::yaml::{Json, Struct, Target};

/// A chart and its subcharts.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What `Chart.yaml` says.
    pub metadata: Metadata,
    /// The files under `templates/`.
    pub templates: Vec<File>,
    /// The data of `values.yaml`; `None` when there is none, or it is empty.
    pub values: Option<BTreeMap<String, Json>>,
    /// The text of `values.schema.json`.
    pub schema: Option<Vec<u8>>,
    /// All other files: what `.Files` shows, and the resource definitions under `crds/`.
    pub files: Vec<File>,
    /// The charts under `charts/`, in the order of their names.
    pub dependencies: Vec<Chart>,
}

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path in the chart, with `/`.
    pub name: String,
    /// The bytes, without a byte order mark.
    pub data: Vec<u8>,
}

/// What `Chart.yaml` says. Field names are Helm's.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields are Chart.yaml's")]
pub struct Metadata {
    pub name: String,
    pub home: String,
    pub sources: Vec<String>,
    pub version: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub maintainers: Vec<Maintainer>,
    pub icon: String,
    pub api_version: String,
    pub condition: String,
    pub tags: String,
    pub app_version: String,
    pub deprecated: bool,
    pub annotations: Option<BTreeMap<String, String>>,
    pub kube_version: String,
    /// `None` when `Chart.yaml` names no dependencies: then all charts under `charts/` are taken as they are.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application` or `library`; a library renders nothing.
    pub kind: String,
}

/// Who maintains a chart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are Chart.yaml's")]
pub struct Maintainer {
    pub name: String,
    pub email: String,
    pub url: String,
}

/// A dependency as `Chart.yaml` names it.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields are Chart.yaml's")]
pub struct Dependency {
    pub name: String,
    /// A constraint.
    pub version: String,
    pub repository: String,
    /// Paths in the values, with commas between them: the first that is a truth decides whether the chart is taken.
    pub condition: String,
    pub tags: Vec<String>,
    pub enabled: bool,
    /// Texts, or maps with `child` and `parent`.
    pub import_values: Vec<Json>,
    pub alias: String,
}

impl Chart {
    /// The resource definitions under `crds/`, without those of subcharts. Helm does not render them.
    pub(crate) fn own_crds(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.name.starts_with("crds/") && is_manifest(&file.name))
    }
}

fn is_manifest(name: &str) -> bool {
    let extension = extension(name);
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

static DEPENDENCY: Struct = Struct {
    name: "Dependency",
    ty: "chart.Dependency",
    fields: &[
        ("name", Target::String),
        ("version", Target::String),
        ("repository", Target::String),
        ("condition", Target::String),
        ("tags", Target::List(&Target::String)),
        ("enabled", Target::Bool),
        ("import-values", Target::List(&Target::Any)),
        ("alias", Target::String),
    ],
};

static MAINTAINER: Struct = Struct {
    name: "Maintainer",
    ty: "chart.Maintainer",
    fields: &[("name", Target::String), ("email", Target::String), ("url", Target::String)],
};

/// The fields of `chart.Metadata`, which index files have too.
pub(crate) const FIELDS: &[(&str, Target)] = &[
    ("name", Target::String),
    ("home", Target::String),
    ("sources", Target::List(&Target::String)),
    ("version", Target::String),
    ("description", Target::String),
    ("keywords", Target::List(&Target::String)),
    ("maintainers", Target::List(&Target::Pointer(&MAINTAINER))),
    ("icon", Target::String),
    ("apiVersion", Target::String),
    ("condition", Target::String),
    ("tags", Target::String),
    ("appVersion", Target::String),
    ("deprecated", Target::Bool),
    ("annotations", Target::Map(&Target::String)),
    ("kubeVersion", Target::String),
    ("dependencies", Target::List(&Target::Pointer(&DEPENDENCY))),
    ("type", Target::String),
];

pub(crate) static METADATA: Struct = Struct { name: "Metadata", ty: "chart.Metadata", fields: FIELDS };

pub(crate) static LOCK: Struct = Struct {
    name: "Lock",
    ty: "chart.Lock",
    fields: &[
        ("generated", Target::Time),
        ("digest", Target::String),
        ("dependencies", Target::List(&Target::Pointer(&DEPENDENCY))),
    ],
};

/// Sets `into` to the text of a field, if there is one.
pub(crate) fn set_text(into: &mut String, of: &'static Struct, data: &Json, name: &str) {
    for value in of.values(data, name) {
        if let Json::Str(text) = value {
            into.clone_from(text);
        }
    }
}

fn set_bool(into: &mut bool, of: &'static Struct, data: &Json, name: &str) {
    for value in of.values(data, name) {
        if let Json::Bool(truth) = value {
            *into = *truth;
        }
    }
}

/// The items of a field; `null` empties it.
fn set_list<T>(into: &mut Vec<T>, of: &'static Struct, data: &Json, name: &str, item: impl Fn(&Json) -> T) {
    for value in of.values(data, name) {
        *into = match value {
            Json::List(items) => items.iter().map(&item).collect(),
            _ => Vec::new(),
        };
    }
}

pub(crate) fn text_of(data: &Json) -> String {
    if let Json::Str(text) = data { text.clone() } else { String::new() }
}

impl Metadata {
    /// Reads into what is there already, as Go decodes into a struct: what the data does not name stays.
    pub(crate) fn read(&mut self, data: &Json) {
        self.read_as(&METADATA, data);
    }

    /// Reads the fields of a struct that has those of the metadata among its own.
    pub(crate) fn read_as(&mut self, of: &'static Struct, data: &Json) {
        for (into, name) in [
            (&mut self.name, "name"),
            (&mut self.home, "home"),
            (&mut self.version, "version"),
            (&mut self.description, "description"),
            (&mut self.icon, "icon"),
            (&mut self.api_version, "apiVersion"),
            (&mut self.condition, "condition"),
            (&mut self.tags, "tags"),
            (&mut self.app_version, "appVersion"),
            (&mut self.kube_version, "kubeVersion"),
            (&mut self.kind, "type"),
        ] {
            set_text(into, of, data, name);
        }
        set_bool(&mut self.deprecated, of, data, "deprecated");
        set_list(&mut self.sources, of, data, "sources", text_of);
        set_list(&mut self.keywords, of, data, "keywords", text_of);
        set_list(&mut self.maintainers, of, data, "maintainers", Maintainer::read);
        for value in of.values(data, "annotations") {
            match value {
                Json::Map(entries) => {
                    let all = self.annotations.get_or_insert_default();
                    all.extend(entries.iter().map(|(key, value)| (key.clone(), text_of(value))));
                }
                _ => self.annotations = None,
            }
        }
        for value in of.values(data, "dependencies") {
            self.dependencies = match value {
                Json::List(items) => Some(items.iter().map(Dependency::read).collect()),
                _ => None,
            };
        }
    }

    /// Checks what Helm checks, and cleans the texts as Helm does.
    ///
    /// # Errors
    ///
    /// `validation: chart.metadata.name is required` and the like.
    pub(crate) fn validate(&mut self, data: &[&Json]) -> Result<(), String> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            clean(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(clean);
        let fail = |message: String| Err(format!("validation: {message}"));
        let quoted = |text: &str| go_template::quote(text.as_bytes());
        if self.api_version.is_empty() {
            return fail("chart.metadata.apiVersion is required".into());
        }
        if self.name.is_empty() {
            return fail("chart.metadata.name is required".into());
        }
        if matches!(self.name.as_str(), "." | "..") {
            return fail(format!("chart.metadata.name {} is not allowed", quoted(&self.name)));
        }
        if self.name.contains('/') {
            return fail(format!("chart.metadata.name {} is invalid", quoted(&self.name)));
        }
        if self.version.is_empty() {
            return fail("chart.metadata.version is required".into());
        }
        if Version::parse(&self.version).is_err() {
            return fail(format!("chart.metadata.version {} is invalid", quoted(&self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return fail("chart.metadata.type must be application or library".into());
        }
        let has_null = |name: &str| {
            let last = data.iter().flat_map(|data| METADATA.values(data, name)).last();
            matches!(last, Some(Json::List(items)) if items.contains(&Json::Null))
        };
        if has_null("maintainers") {
            return fail("maintainers must not contain empty or null nodes".into());
        }
        for maintainer in &mut self.maintainers {
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                clean(text);
            }
        }
        // Go meets an empty node before it has looked at what follows; what stands before it is looked at.
        let dependencies = self.dependencies.as_deref_mut().unwrap_or_default();
        let nulls = has_null("dependencies");
        let mut names = Vec::new();
        for dependency in dependencies {
            if nulls && *dependency == Dependency::default() {
                return fail("dependencies must not contain empty or null nodes".into());
            }
            for text in
                [&mut dependency.name, &mut dependency.version, &mut dependency.repository, &mut dependency.condition]
            {
                clean(text);
            }
            dependency.tags.iter_mut().for_each(clean);
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if !dependency.alias.bytes().all(allowed) {
                return fail(format!("dependency {} has disallowed characters in the alias", quoted(&dependency.name)));
            }
            let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if names.contains(key) {
                return fail(format!("more than one dependency with name or alias {}", quoted(key)));
            }
            names.push(key.clone());
        }
        Ok(())
    }
}

impl Maintainer {
    fn read(data: &Json) -> Self {
        let mut maintainer = Self::default();
        set_text(&mut maintainer.name, &MAINTAINER, data, "name");
        set_text(&mut maintainer.email, &MAINTAINER, data, "email");
        set_text(&mut maintainer.url, &MAINTAINER, data, "url");
        maintainer
    }
}

impl Dependency {
    fn read(data: &Json) -> Self {
        let mut dependency = Self::default();
        for (into, name) in [
            (&mut dependency.name, "name"),
            (&mut dependency.version, "version"),
            (&mut dependency.repository, "repository"),
            (&mut dependency.condition, "condition"),
            (&mut dependency.alias, "alias"),
        ] {
            set_text(into, &DEPENDENCY, data, name);
        }
        set_bool(&mut dependency.enabled, &DEPENDENCY, data, "enabled");
        set_list(&mut dependency.tags, &DEPENDENCY, data, "tags", text_of);
        set_list(&mut dependency.import_values, &DEPENDENCY, data, "import-values", Json::clone);
        dependency
    }
}

/// Makes every white space a blank, and drops what cannot be printed.
fn clean(text: &mut String) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return;
    }
    *text = text
        .chars()
        .filter_map(|character| match character {
            c if gostring::is_space(c) => Some(' '),
            c => gostring::is_print(c).then_some(c),
        })
        .collect();
}
