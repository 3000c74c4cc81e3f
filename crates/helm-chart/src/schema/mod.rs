//! `values.schema.json`: whether values are what a chart wants.

mod words;

use std::fmt::Write as _;

use boon::{CompileError, Compiler, Schemas, UrlLoader};
use go_template::{Map, Value, quote};
use serde_json::Value as Json;

use crate::json;
use crate::tree::Tree;
use crate::values::Charts as _;

/// The address under which Helm compiles a schema. Relative addresses in the schema are relative to it.
const LOCATION: &str = "file:///values.schema.json";

/// Checks the values of a chart and of its subcharts.
///
/// # Errors
///
/// The charts, and what is wrong with their values.
pub(crate) fn check(tree: &Tree, values: &Map) -> Result<(), String> {
    let mut problems = String::new();
    check_chart(tree, 0, values, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check_chart(tree: &Tree, chart: usize, values: &Map, problems: &mut String) {
    let node = tree.node(chart);
    if let Some(schema) = &node.chart.schema
        && let Err(words) = check_one(values, schema)
    {
        let _ = write!(problems, "{}:\n{words}", node.name);
    }
    for child in tree.children(chart) {
        let name = tree.name(*child);
        match values.get(name) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(values)) => check_chart(tree, *child, &values, problems),
            Some(other) => {
                let ty = other.type_name();
                let _ = writeln!(problems, "{name}:\ninvalid type for values: expected object (map), got {ty}");
            }
        }
    }
}

/// Checks values against one schema, as `ValidateAgainstSingleSchema` does.
///
/// # Errors
///
/// What is wrong with the schema, or with the values.
pub(crate) fn check_one(values: &Map, schema: &[u8]) -> Result<(), String> {
    json::read(schema)?;
    let schema: Json = serde_json::from_slice(schema).map_err(|error| error.to_string())?;
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.use_loader(Box::new(Offline));
    compiler.add_resource(LOCATION, schema).map_err(|error| words_of(&error))?;
    let schema = match compiler.compile(LOCATION, &mut schemas) {
        Ok(schema) => schema,
        // What lies inside of a schema on another machine is not known, so the whole schema is not.
        Err(CompileError::JsonPointerNotFound(place) | CompileError::AnchorNotFound { url: place, .. })
            if is_elsewhere(&place) =>
        {
            return Ok(());
        }
        Err(error) => return Err(words_of(&error)),
    };
    let values = to_json(&Value::Map(values.clone()));
    schemas.validate(&values, schema).map_err(|error| {
        let words = words::of(&error);
        let prefix = format!("jsonschema validation failed with '{LOCATION}#'\n");
        format!("{}\n", words.strip_prefix(&prefix).unwrap_or(&words))
    })
}

/// Whether an address is that of another machine, or a name that nobody resolves.
fn is_elsewhere(url: &str) -> bool {
    matches!(url.split_once(':'), Some(("http" | "https" | "urn", _)))
}

/// Loads nothing. A schema on another machine allows everything: a mirror must not depend on servers that the chart
/// names, and behind the gap they are not there. A file beside the chart is no file here.
struct Offline;

impl UrlLoader for Offline {
    fn load(&self, url: &str) -> Result<Json, Box<dyn std::error::Error>> {
        match url.split_once(':') {
            _ if is_elsewhere(url) => Ok(Json::Bool(true)),
            Some(("file", path)) => {
                Err(format!("open {}: no such file or directory", path.trim_start_matches("//")).into())
            }
            _ => Err(format!("no URLLoader registered for {}", quote(url.as_bytes())).into()),
        }
    }
}

/// Go's library's words for a schema that cannot be used.
fn words_of(error: &CompileError) -> String {
    let q = |text: &str| quote(text.as_bytes());
    match error {
        CompileError::ParseUrlError { url, src } => format!("error in parsing {}: {src}", q(url)),
        CompileError::LoadUrlError { url, src } => format!("failing loading {}: {src}", q(url)),
        CompileError::UnsupportedUrlScheme { url } => format!("no URLLoader registered for {}", q(url)),
        CompileError::InvalidMetaSchemaUrl { url, src } => format!("invalid $schema in {}: {src}", q(url)),
        CompileError::UnsupportedDraft { url } => format!("draft {} is not supported", q(url)),
        CompileError::MetaSchemaCycle { url } => format!("cycle in resolving $schema in {}", q(url)),
        CompileError::ValidationError { url, src } => {
            format!("{} is not valid against metaschema: {}", q(url), words::of(src))
        }
        CompileError::ParseIdError { loc } => format!("error in parsing id at {}", q(loc)),
        CompileError::ParseAnchorError { loc } => format!("error in parsing anchor at {}", q(loc)),
        CompileError::DuplicateId { url, id, ptr1, ptr2 } => {
            format!("duplicate id {} in {} at {} and {}", q(id), q(url), q(ptr1), q(ptr2))
        }
        CompileError::DuplicateAnchor { anchor, url, ptr1, ptr2 } => {
            format!("duplicate anchor {} in {} at {} and {}", q(anchor), q(url), q(ptr1), q(ptr2))
        }
        CompileError::InvalidJsonPointer(place) => format!("invalid json-pointer {}", q(place)),
        CompileError::JsonPointerNotFound(place) => format!("json-pointer in {} not found", q(place)),
        CompileError::AnchorNotFound { url, reference } => {
            format!("anchor in {} not found in schema {}", q(reference), q(url))
        }
        CompileError::UnsupportedVocabulary { url, vocabulary } => {
            format!("unsupported vocabulary {} in {}", q(vocabulary), q(url))
        }
        CompileError::InvalidRegex { url, regex, src } => {
            // The words of the engine are Go's where Go's engine refuses the pattern too.
            let reason = crate::goregex::mistake(regex).unwrap_or_else(|| src.to_string());
            format!("invalid regex {} at {}: {reason}", q(regex), q(url))
        }
        CompileError::Bug(error) => error.to_string(),
    }
}

/// Values as the validator takes them. Whole numbers are whole: in Go `5.0` is an integer too.
fn to_json(value: &Value) -> Json {
    match value.bare() {
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) | Value::Int64(number) => Json::from(*number),
        Value::Uint64(number) => Json::from(*number),
        Value::Float(number) => whole(*number).map_or_else(|| Json::from(*number), Json::from),
        Value::String(text) => Json::String(text.to_str().into_owned()),
        Value::List(list) => Json::Array(list.iter().map(to_json).collect()),
        Value::Map(map) => {
            Json::Object(map.entries().iter().map(|(key, value)| (key.to_str().into_owned(), to_json(value))).collect())
        }
        _ => Json::Null,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_elsewhere_are_not_fetched() {
        let values = Map::from_iter([("a", 1)]);
        for (schema, expected) in [
            (r#"{"$ref": "https://127.0.0.1:1/x.json#/definitions/y"}"#, None),
            (r#"{"properties": {"a": {"$ref": "http://127.0.0.1:1/x.json"}}}"#, None),
            (r#"{"properties": {"a": {"$ref": "urn:x:y"}}}"#, None),
            (
                r#"{"$ref": "/etc/hosts"}"#,
                Some("failing loading \"file:///etc/hosts\": open /etc/hosts: no such file or directory"),
            ),
            (
                r#"{"$ref": "other.json"}"#,
                Some("failing loading \"file:///other.json\": open /other.json: no such file or directory"),
            ),
            (r#"{"type": "string"}"#, Some("- at '': got object, want string\n")),
        ] {
            assert_eq!(check_one(&values, schema.as_bytes()).err().as_deref(), expected, "{schema}");
        }
    }
}
