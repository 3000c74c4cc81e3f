//! Renders a chart: values, templates, manifests.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use go_template::{
    Context, Error, Function, Functions, Limits, MAP, Map, MissingKey, RenderError as TplError, Templates, Text, Type,
    Value, on_large_stack, quote,
};

use crate::args::{arg, text};
use crate::chart::Chart;
use crate::functions;
use crate::manifest::{self, Hook, Manifest, ManifestError};
use crate::objects::{self, VALUES};
use crate::path::{base, clean};
use crate::schema;
use crate::tree::Tree;
use crate::values::{self, Charts as _};
use crate::yaml::Json;

/// How often a template may be included while it is included; Helm's bound.
const MAX_NESTED: usize = 1_000;

/// The limits of a chart, ten times what the largest charts known take. A chart that reaches one has taken some seconds and
/// at most about a gigabyte of memory.
pub(crate) const LIMITS: Limits = Limits { steps: 10_000_000, bytes: 1 << 28, depth: 1_200 };

/// What Helm puts around the words of `fail` and `required`.
const WARN_START: &str = "HELM_ERR_START";
const WARN_END: &str = "HELM_ERR_END";

/// What a chart renders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The resource definitions under `crds/`, as they are: Helm installs them first and does not render them. One may
    /// hold many documents.
    pub crds: Vec<Manifest>,
    /// The documents, in the order in which Helm installs them.
    pub manifests: Vec<Manifest>,
    /// The documents that Helm applies at an event only.
    pub hooks: Vec<Hook>,
}

/// Why a chart cannot be rendered. The words are Helm's, but for bounds that Helm does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The values of a subchart are no table.
    #[error("{0}")]
    Dependencies(String),
    /// The values do not fit the chart, or do not meet its schema.
    #[error("{0}")]
    Values(String),
    /// A template cannot be parsed, or fails.
    #[error("{0}")]
    Template(String),
    /// A document that a template wrote is no YAML, or no resource.
    #[error(transparent)]
    Manifest(ManifestError),
    /// The system gave no thread.
    #[error("cannot start a thread to render the chart: {0}")]
    Thread(String),
}

impl Chart {
    /// Renders the chart as `helm template` does without a cluster: all templates with the chart's values and, above
    /// them, `values` (a mapping, or [`Json::Null`]). The release has no name and no namespace, as in oc-mirror.
    ///
    /// The same chart and the same values give the same text on every machine: random texts, dates and certificates are
    /// fixed placeholders.
    ///
    /// # Errors
    ///
    /// Helm's words for what is wrong. Endless recursion and output without end are stopped.
    pub fn render(&self, values: &Json) -> Result<Rendered, RenderError> {
        self.render_within(values, LIMITS)
    }

    /// As [`render`](Self::render), within other limits.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render).
    pub fn render_within(&self, values: &Json, limits: Limits) -> Result<Rendered, RenderError> {
        on_large_stack(|| render(self, values, limits)).map_err(|error| RenderError::Thread(error.to_string()))?
    }
}

fn render(chart: &Chart, values: &Json, limits: Limits) -> Result<Rendered, RenderError> {
    let (tree, files) = files(chart, values, limits)?;
    let (hooks, manifests) = manifest::sort(&files).map_err(RenderError::Manifest)?;
    let mut crds = Vec::new();
    for chart in tree.all_below(0) {
        for file in tree.node(chart).chart.own_crds() {
            let text = String::from_utf8_lossy(&file.data).into_owned();
            crds.push(Manifest { path: file.name.clone(), kind: String::new(), text });
        }
    }
    Ok(Rendered { crds, manifests, hooks })
}

/// The charts that are rendered, and the text of each template by its path. Notes are left out.
pub(crate) fn files<'a>(
    chart: &'a Chart,
    values: &Json,
    limits: Limits,
) -> Result<(Tree<'a>, BTreeMap<String, String>), RenderError> {
    let values = match values.to_value() {
        Value::Map(map) => map,
        Value::Nil => Map::new(),
        _ => return Err(RenderError::Values("the values are not a mapping".into())),
    };
    let tree = Tree::new(chart, &values).map_err(RenderError::Dependencies)?;
    let values = values::coalesce(&tree, 0, &values).map_err(RenderError::Values)?;
    schema::check(&tree, &values).map_err(|problems| {
        RenderError::Values(format!(
            "values don't meet the specifications of the schema(s) in the following chart(s):\n{problems}"
        ))
    })?;
    let mut files = templates(&tree, &values, limits)?;
    // Helm looks at the end of the name as it is written: `NOTES.TXT` is a manifest.
    files.retain(|path, _| !path.as_bytes().ends_with(b".txt"));
    Ok((tree, files))
}

/// A template of a chart, and what it works on.
struct Template<'a> {
    text: &'a [u8],
    scope: Map,
    base_path: String,
}

/// The text of all files, by their paths.
fn templates(tree: &Tree, values: &Map, limits: Limits) -> Result<BTreeMap<String, String>, RenderError> {
    let release = Map::from_iter([
        ("Name", Value::from("")),
        ("Namespace", "".into()),
        ("IsUpgrade", false.into()),
        ("IsInstall", false.into()),
        ("Revision", Value::Int(0)),
        ("Service", "Helm".into()),
    ]);
    let mut all = BTreeMap::new();
    let root = values.with_type(Type::Named(&VALUES)).into();
    collect(tree, 0, root, &release.into(), &objects::capabilities(), &mut all);

    // Those that lie deeper come first, and in each depth the last ones.
    let mut files: Vec<_> = all.iter().collect();
    files.sort_by(|(a, _), (b, _)| (b.matches('/').count(), b).cmp(&(a.matches('/').count(), a)));

    let mut engine = Templates::new("gotpl", all_functions()).missing_key(MissingKey::Zero);
    for (path, template) in &files {
        engine.add(path, template.text).map_err(|error| RenderError::Template(parse_words(path, &error)))?;
    }
    let mut context = Context::new(limits);
    let mut rendered = BTreeMap::new();
    for (path, template) in files {
        if base(path).starts_with('_') {
            continue;
        }
        let place = Map::typed(Type::Named(&VALUES));
        place.insert("Name", path.as_str());
        place.insert("BasePath", template.base_path.as_str());
        template.scope.insert("Template", place);
        let text = engine
            .execute(path, &template.scope.with_type(Type::Named(&VALUES)).into(), &mut context)
            .map_err(|error| RenderError::Template(execution_words(path, &error)))?;
        rendered.insert(path.clone(), without_no_value(&text).to_str().into_owned());
    }
    Ok(rendered)
}

/// Collects the templates of a chart and of those below, each with its part of the values. Returns what the templates of
/// the chart work on.
fn collect<'a>(
    tree: &Tree<'a>,
    chart: usize,
    values: Value,
    release: &Value,
    capabilities: &Value,
    all: &mut BTreeMap<String, Template<'a>>,
) -> Map {
    let node = tree.node(chart);
    let metadata = &node.chart.metadata;
    let subcharts = Map::new();
    let dependencies = tree.dependencies(chart);
    let scope = Map::from_iter([
        ("Chart", objects::chart(metadata, &node.name, dependencies.as_deref(), chart == 0)),
        ("Files", objects::files(&node.chart.files)),
        ("Release", release.clone()),
        ("Capabilities", capabilities.clone()),
        ("Values", values),
        ("Subcharts", subcharts.clone().into()),
    ]);
    for child in tree.children(chart) {
        let name = tree.name(*child);
        let values = values::table(&scope, &format!("Values.{name}")).unwrap_or_else(|_| Map::typed(MAP));
        let values = values.with_type(Type::Named(&VALUES)).into();
        subcharts.insert(name, collect(tree, *child, values, release, capabilities, all));
    }
    let path = tree.path(chart);
    let is_library = metadata.kind.eq_ignore_ascii_case("library");
    for file in &node.chart.templates {
        if is_library && !base(&file.name).starts_with('_') {
            continue;
        }
        let template =
            Template { text: &file.data, scope: scope.clone(), base_path: clean(&format!("{path}/templates")) };
        all.insert(clean(&format!("{path}/{}", file.name)), template);
    }
    scope
}

/// sprig's functions, Helm's, and those that run templates.
fn all_functions() -> Functions {
    let mut functions = functions::all();
    let nested: Rc<RefCell<HashMap<Text, usize>>> = Rc::default();
    functions.add(
        "include",
        Function::new(&[Type::String, Type::Any], move |context, args| {
            let name = text(args, 0);
            {
                let mut nested = nested.borrow_mut();
                let count = nested.entry(name.clone()).or_insert(0);
                if *count > MAX_NESTED {
                    return Err(Error::new(format!(
                        "rendering template has a nested reference name: {name}: unable to execute template"
                    )));
                }
                *count += 1;
            }
            let result = context.execute(name.as_bytes(), arg(args, 1));
            if let Some(count) = nested.borrow_mut().get_mut(&name) {
                *count -= 1;
            }
            result.map(Value::from)
        }),
    );
    functions.add(
        "tpl",
        Function::new(&[Type::String, Type::Any], |context, args| {
            let text = text(args, 0);
            let quoted = || quote(text.as_bytes());
            match context.render("gotpl", text.as_bytes(), arg(args, 1)) {
                Ok(text) => Ok(without_no_value(&text).into()),
                Err(TplError::Parse(error)) => Err(error.wrap(&format!("cannot parse template {}", quoted()))),
                Err(TplError::Execute(error)) => {
                    Err(error.wrap(&format!("error during tpl function execution for {}", quoted())))
                }
            }
        }),
    );
    let warn = |words: &Text| Error::new(format!("{WARN_START}{words}{WARN_END}"));
    functions.add(
        "required",
        Function::new(&[Type::String, Type::Any], move |_, args| {
            let missing = arg(args, 1).is_nil() || matches!(arg(args, 1), Value::String(text) if text.is_empty());
            if missing {
                return Err(warn(&text(args, 0)));
            }
            Ok(arg(args, 1).clone())
        }),
    );
    functions.add("fail", Function::new(&[Type::String], move |_, args| Err(warn(&text(args, 0)))));
    // Without a cluster nothing is found.
    functions.add(
        "lookup",
        Function::new(&[Type::String, Type::String, Type::String, Type::String], |_, _| Ok(Map::new().into())),
    );
    functions
}

/// Go writes `<no value>` for what is not there; Helm takes it out again, wherever it comes from.
fn without_no_value(text: &Text) -> Text {
    const NO_VALUE: &[u8] = b"<no value>";
    if crate::gostring::find(text.as_bytes(), NO_VALUE).is_none() {
        return text.clone();
    }
    crate::gostring::replace_all(text.as_bytes(), NO_VALUE, b"").into()
}

/// Helm's words for a template that cannot be parsed.
fn parse_words(path: &str, error: &Error) -> String {
    let message = error.message();
    let parts: Vec<&str> = message.split(": ").collect();
    match parts.as_slice() {
        [_, place, .., problem] => format!("parse error at ({place}): {problem}"),
        [_, place] => format!("parse error at ({place}): {place}"),
        _ => format!("parse error in ({path}): {message}"),
    }
}

/// Helm's words for a template that fails: those of `fail` and `required` alone, or the whole way to them.
fn execution_words(path: &str, error: &Error) -> String {
    let message = error.message();
    let mut parts = message.splitn(3, ": ");
    let (Some(_), Some(place), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return format!("execution error in ({path}): {message}");
    };
    let words = rest.split_once(WARN_START).and_then(|(_, words)| words.rsplit_once(WARN_END));
    match words {
        Some((words, _)) => format!("execution error at ({place}): {words}"),
        None => message.to_owned(),
    }
}
