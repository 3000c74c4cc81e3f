//! The guide: its reference of the configuration is made of the schema, and its command blocks say whether a test runs them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use isc_schema::{Kind, json_schema};
use serde_json::Value;

use crate::links::Documents;
use crate::process::{root, say};

/// The page that is made.
const REFERENCE: &str = "docs/guide/configuration.md";

/// Writes the reference of the configuration.
pub(crate) fn write() -> anyhow::Result<()> {
    std::fs::write(root().join(REFERENCE), reference()).with_context(|| format!("cannot write {REFERENCE}"))?;
    say(&format!("guide: {REFERENCE}"));
    Ok(())
}

/// What is wrong with the guide.
pub(crate) fn check(documents: &Documents) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    if documents.get(Path::new(REFERENCE)).is_none_or(|text| *text != reference()) {
        faults.push(format!("{REFERENCE}: differs from the schema; `cargo xtask guide` writes it"));
    }
    let folder = Path::new("docs/guide");
    let pages: BTreeMap<_, _> = documents
        .iter()
        .filter(|(path, _)| path.parent() == Some(folder))
        .map(|(path, text)| (path.file_name().unwrap_or_default().to_string_lossy(), text))
        .collect();
    let page = |name: &str| pages.get(name).with_context(|| format!("there is no docs/guide/{name}"));
    let contents = [page("SUMMARY.md")?.as_str(), page("README.md")?].concat();
    for (name, text) in pages.iter().filter(|(name, _)| *name != "SUMMARY.md") {
        if name != "README.md" && !contents.contains(&format!("({name})")) {
            faults.push(format!("docs/guide/SUMMARY.md: does not name {name}"));
        }
        faults.extend(unmarked(name, text));
    }
    Ok(faults)
}

/// Command blocks that say neither `run` nor `shown`.
fn unmarked(name: &str, text: &str) -> Vec<String> {
    let fences =
        text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line.strip_prefix("```console")?.trim())));
    let wrong = fences.filter(|(_, mark)| !matches!(*mark, "run" | "shown"));
    wrong.map(|(line, _)| format!("docs/guide/{name}:{line}: mark the commands as `run` or `shown`")).collect()
}

/// The reference, from the schema that editors use.
fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         `cargo xtask guide` makes this page of the schema. `oc-mirror init` prints a configuration to start from, and\n\
         `oc-mirror schema` the same fields as a JSON Schema for editors.\n",
    );
    for kind in [Kind::ImageSet, Kind::Delete] {
        let schema = json_schema(kind);
        section(&mut text, kind.as_str(), &schema);
        for (name, object) in schema["$defs"].as_object().into_iter().flatten() {
            // What both kinds have in common stands with the first.
            if !text.contains(&format!("\n## {name}\n")) {
                section(&mut text, name, object);
            }
        }
    }
    text
}

fn section(text: &mut String, name: &str, object: &Value) {
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = write!(text, "\n## {name}\n\n| field | holds | meaning |\n|---|---|---|\n");
    for (field, about) in object["properties"].as_object().into_iter().flatten() {
        let mut meaning = about["description"].as_str().unwrap_or_default().replace('|', "\\|").replace('\n', " ");
        if required.contains(&field.as_str()) {
            meaning.push_str(" Required.");
        }
        let _ = writeln!(text, "| `{field}` | {} | {meaning} |", holds(about));
    }
}

/// What a field holds, in words; with a link where that is an object.
fn holds(about: &Value) -> String {
    if let Some(name) = about["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if about["items"].is_object() {
        return format!("list of {}", holds(&about["items"]));
    }
    if let Some(options) = about["oneOf"].as_array().or_else(|| about["anyOf"].as_array()) {
        let options = options.iter().filter(|option| option["type"] != "null");
        let mut words: Vec<String> = options.map(holds).collect();
        words.dedup();
        return words.join(" or ");
    }
    // An empty field is one that is not there.
    let mut types = about["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let kind = about["type"].as_str().or_else(|| types.find(|kind| *kind != "null"));
    match (&about["const"], about["enum"].as_array(), kind) {
        (Value::String(only), ..) => format!("`{only}`"),
        (_, Some(values), _) => {
            let words: Vec<String> = values.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        (.., Some("string")) => "text".to_owned(),
        (.., Some("integer")) => "number".to_owned(),
        (.., Some("boolean")) => "true or false".to_owned(),
        (.., Some("object")) => "mapping".to_owned(),
        _ => "any value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_blocks_are_marked() {
        let text = "```console run\n$ a\n```\n```console shown\n```\n```console\n```\n```bash\n```\n";
        assert_eq!(unmarked("x.md", text), ["docs/guide/x.md:6: mark the commands as `run` or `shown`"]);
    }

    #[test]
    fn every_field_of_the_schema_is_in_the_reference() {
        let text = reference();
        for wanted in [
            "## ImageSetConfiguration",
            "| `archiveSize` | number |",
            "](#mirror)",
            "## DeleteImageSetConfiguration",
            "| `minVersion` |",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert_eq!(text.matches("\n## Platform\n").count(), 1, "{text}");
    }
}
