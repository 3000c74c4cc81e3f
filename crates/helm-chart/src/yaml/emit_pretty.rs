//! Writes YAML as go-yaml v3 with an indent of 2: Helm's `toYamlPretty`.

use go_template::{Context, Value};

use super::emit::{Emitter, Style, Tree};
use super::sort::natural_sort_v3;
use crate::json;
use crate::number;

/// How deep data may lie; go-yaml itself would run until the stack ends.
const MAX_DEPTH: usize = 1_000;

/// `yaml.NewEncoder(w)` with `SetIndent(2)`: no way through JSON, so numbers stay as they are.
///
/// # Errors
///
/// Where go-yaml refuses the value, and when the run has made too much.
pub(crate) fn marshal_pretty(value: &Value, context: &mut Context) -> Result<Vec<u8>, json::Error> {
    let tree = tree(value, context, 0)?;
    let mut emitter = Emitter::new(Style::V3);
    emitter.document(&tree);
    Ok(emitter.out)
}

fn tree(value: &Value, context: &mut Context, depth: usize) -> Result<Tree, json::Error> {
    if depth > MAX_DEPTH {
        return Err(json::Error::new("yaml: exceeded max depth"));
    }
    context.step(1)?;
    Ok(match value.bare() {
        Value::Nil => Tree::Bare("null".into()),
        Value::Bool(value) => Tree::Bare(value.to_string()),
        Value::Int(value) | Value::Int64(value) => Tree::Bare(value.to_string()),
        Value::Uint64(value) => Tree::Bare(value.to_string()),
        Value::Float(value) => Tree::Bare(match number::format_g(*value).as_str() {
            "+Inf" => ".inf".into(),
            "-Inf" => "-.inf".into(),
            "NaN" => ".nan".into(),
            text => text.to_owned(),
        }),
        Value::String(text) => {
            context.charge(text.len())?;
            Tree::Text(text.to_str().into_owned())
        }
        Value::Bytes(bytes) => Tree::List(bytes.iter().map(|byte| Tree::Bare(byte.to_string())).collect()),
        // Version 3 writes a nil slice and a nil map as empty ones.
        Value::List(list) => {
            let mut items = Vec::with_capacity(list.len());
            for item in list {
                items.push(tree(item, context, depth + 1)?);
            }
            Tree::List(items)
        }
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map.entries() {
                entries.push((key.to_str().into_owned(), tree(&value, context, depth + 1)?));
            }
            natural_sort_v3(&mut entries);
            Tree::Map(entries)
        }
        Value::Object(object) => tree(&object.encode(), context, depth + 1)?,
        other => return Err(json::unsupported(other)),
    })
}
