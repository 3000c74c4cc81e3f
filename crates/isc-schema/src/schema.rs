//! JSON Schema of both kinds, for editors (yaml-language-server and others read it).

// Writes only into objects that `json!` or `object` has made a few lines before.
#![allow(clippy::indexing_slicing)]

use serde_json::{Map, Value, json};

use crate::config::{API_VERSION, Kind};
use crate::fields::{self, Field, Format, Object, Shape};

/// The JSON Schema (draft 2020-12) of a kind of file.
///
/// It is made from the same table as the decoder, so it knows the same fields. Rules between fields (duplicates,
/// conflicts, ranges) are beyond it: those are what [`parse`](crate::parse) says.
pub fn json_schema(kind: Kind) -> Value {
    let root = match kind {
        Kind::ImageSet => &fields::IMAGE_SET,
        Kind::Delete => &fields::DELETE,
    };
    let mut definitions = Map::new();
    for field in root.fields {
        define(&field.shape, &mut definitions);
    }
    let mut schema = object(root);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(kind.as_str());
    schema["properties"]["kind"] = json!({
        "const": kind.as_str(),
        "description": format!("Always `{kind}`."),
    });
    schema["properties"]["apiVersion"]["default"] = json!(API_VERSION);
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// Adds the definitions that a shape refers to.
fn define(shape: &Shape, definitions: &mut Map<String, Value>) {
    let Some(nested) = shape.object() else { return };
    if definitions.contains_key(nested.name) {
        return;
    }
    definitions.insert(nested.name.to_owned(), object(nested));
    for field in nested.fields {
        define(&field.shape, definitions);
    }
}

fn object(object: &'static Object) -> Value {
    let properties: Map<String, Value> =
        object.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> = object.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    schema["description"] = json!(field.description);
    schema
}

fn shape(shape_of: &Shape) -> Value {
    match shape_of {
        Shape::Text(format) => text(*format),
        Shape::Boolean => json!({"type": "boolean", "default": false}),
        Shape::Integer => json!({"type": "integer", "minimum": 0}),
        // An empty section is null in YAML, and means the same as an absent one.
        Shape::Object(object) => json!({"anyOf": [{"$ref": reference(object)}, {"type": "null"}]}),
        Shape::List(item) => {
            let items = match item {
                Shape::Object(object) => json!({"$ref": reference(object)}),
                item => shape(item),
            };
            json!({"type": ["array", "null"], "items": items})
        }
        Shape::Values => json!({"type": ["object", "null"]}),
        Shape::TextOrNamed(format) => {
            let mut named = object(&fields::BLOCKED_IMAGE);
            named["title"] = json!(fields::BLOCKED_IMAGE.name);
            json!({"anyOf": [text(*format), named]})
        }
    }
}

fn reference(object: &Object) -> String {
    format!("#/$defs/{}", object.name)
}

fn text(format: Format) -> Value {
    match format {
        Format::Any => json!({"type": "string"}),
        Format::Name | Format::Image => json!({"type": "string", "minLength": 1}),
        Format::OperatorVersion => json!({
            "type": "string",
            "pattern": r"^(v?[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)?$",
            "examples": ["1.2.3", "5.2.3-31"],
        }),
        Format::ReleaseVersion => json!({
            "type": "string",
            "pattern": r"^([0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)?$",
            "examples": ["4.18.1"],
        }),
        Format::Path => json!({
            "type": "string",
            "pattern": "^([a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*)?$",
            "examples": ["team/app"],
        }),
        Format::Tag => json!({"type": "string", "pattern": "^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$"}),
        Format::Regex => json!({"type": "string", "format": "regex"}),
        Format::Url => json!({"type": "string", "format": "uri"}),
        Format::ReleaseType => json!({"type": "string", "enum": ["ocp", "okd"], "default": "ocp"}),
        Format::Architecture => json!({
            "type": "string",
            "examples": ["amd64", "arm64", "ppc64le", "s390x", "multi"],
        }),
    }
}
