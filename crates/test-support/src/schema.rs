//! Values against a schema: the keywords of JSON schema that fixtures of ours use.

use serde_json::Value;

/// Whether a value follows a schema of these keywords: `type` (`any` allows everything), `required`, `properties` (closed
/// unless `additionalProperties` says what else), `items`, `minItems`, `enum`.
///
/// # Errors
/// The first place that does not, and why. `place` is how the value is called.
pub fn follows(value: &Value, schema: &Value, place: &str) -> Result<(), String> {
    let kind = schema["type"].as_str().unwrap_or("any");
    let right = match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        _ => true,
    };
    if !right {
        return Err(format!("{place}: {value} is no {kind}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{place}: {value} is none of {allowed:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(required).is_none() {
            return Err(format!("{place}: {required} is missing"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{key}");
        let known = &schema["properties"][key];
        let other = &schema["additionalProperties"];
        if kind != "any" && known.is_null() && other.is_null() {
            return Err(format!("{place} is unknown"));
        }
        follows(inner, if known.is_null() { other } else { known }, &place)?;
    }
    let items: &[Value] = value.as_array().map_or(&[], Vec::as_slice);
    let minimum = schema["minItems"].as_u64().unwrap_or(0);
    if (items.len() as u64) < minimum {
        return Err(format!("{place}: fewer than {minimum} items"));
    }
    items.iter().enumerate().try_for_each(|(i, item)| follows(item, &schema["items"], &format!("{place}[{i}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found() {
        let schema = serde_json::json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": {"type": "string", "enum": ["x"]},
                "b": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
                "c": {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            },
        });
        for (object, mistake) in [
            (r#"{"a": "x"}"#, ""),
            (r#"{"a": "x", "b": [1]}"#, ""),
            (r#"{"a": "x", "c": {"y": ""}}"#, ""),
            (r#"{"b": [1]}"#, "object: a is missing"),
            (r#"{"a": "y"}"#, "object.a: \"y\" is none of"),
            (r#"{"a": 1}"#, "object.a: 1 is no string"),
            (r#"{"a": "x", "b": []}"#, "object.b: fewer than 1 items"),
            (r#"{"a": "x", "b": [1, "1"]}"#, "object.b[1]: \"1\" is no integer"),
            (r#"{"a": "x", "c": {"y": 1}}"#, "object.c.y: 1 is no string"),
            (r#"{"a": "x", "d": 1}"#, "object.d is unknown"),
        ] {
            let value: Value = serde_json::from_str(object).expect("JSON");
            let found = follows(&value, &schema, "object").err().unwrap_or_default();
            assert!(found.starts_with(mistake) && found.is_empty() == mistake.is_empty(), "{object}: {found}");
        }
    }
}
