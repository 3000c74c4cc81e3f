//! The JSON of an image that gets a layer more: whoever wrote it decides what stands in it, so every step into it is checked.

use serde_json::{Map, Value};

/// The members of a JSON object.
pub type Fields = Map<String, Value>;

/// Why the JSON of an image cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum BrokenJson {
    /// The text is no JSON.
    #[error("it is no JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// The text is JSON, but no object.
    #[error("it must be a JSON object, found {0}")]
    NotAnObject(&'static str),
    /// A field holds another kind of value than the image specification says.
    #[error("its `{field}` must be {expected}, found {found}")]
    Kind {
        /// The field.
        field: &'static str,
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        found: &'static str,
    },
    /// A field without which no image can be made.
    #[error("it has no `{0}`")]
    Missing(&'static str),
}

/// The object that a text holds.
///
/// # Errors
/// When the text is no JSON, or JSON of another kind.
pub fn parse(text: &[u8]) -> Result<Fields, BrokenJson> {
    match serde_json::from_slice(text)? {
        Value::Object(fields) => Ok(fields),
        other => Err(BrokenJson::NotAnObject(kind(&other))),
    }
}

/// The object in a field; none when the field is absent or `null`.
///
/// # Errors
/// When the field holds something else.
pub fn object<'f>(fields: &'f mut Fields, field: &'static str) -> Result<Option<&'f mut Fields>, BrokenJson> {
    match fields.get_mut(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(other) => Err(BrokenJson::Kind { field, expected: "an object", found: kind(other) }),
    }
}

/// The list in a field; none when the field is absent or `null`.
///
/// # Errors
/// When the field holds something else.
pub fn list<'f>(fields: &'f mut Fields, field: &'static str) -> Result<Option<&'f mut Vec<Value>>, BrokenJson> {
    match fields.get_mut(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(BrokenJson::Kind { field, expected: "a list", found: kind(other) }),
    }
}

/// Makes an absent or `null` field an empty object.
///
/// # Errors
/// When the field holds something else.
pub fn object_or_new<'f>(fields: &'f mut Fields, field: &'static str) -> Result<&'f mut Fields, BrokenJson> {
    if object(fields, field)?.is_none() {
        fields.insert(field.to_owned(), Value::Object(Fields::new()));
    }
    object(fields, field)?.ok_or(BrokenJson::Missing(field))
}

/// Adds to the list in a field; makes the list where there is none.
///
/// # Errors
/// When the field holds something else.
pub fn push(fields: &mut Fields, field: &'static str, item: Value) -> Result<(), BrokenJson> {
    match list(fields, field)? {
        Some(items) => items.push(item),
        None => {
            fields.insert(field.to_owned(), Value::Array(vec![item]));
        }
    }
    Ok(())
}

/// What a value is called in a message.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_that_hold_no_object() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        };
        check("[{}]", "it must be a JSON object, found a list");
        check("null", "it must be a JSON object, found null");
        check("true", "it must be a JSON object, found a boolean");
        check("7", "it must be a JSON object, found a number");
        check("\"{}\"", "it must be a JSON object, found a text");
        check("", "it is no JSON: EOF while parsing a value at line 1 column 0");
        check("{}{}", "it is no JSON: trailing characters at line 1 column 3");
        assert!(parse(b"{}").unwrap().is_empty());
    }

    #[test]
    fn fields_are_what_they_must_be_or_absent() {
        let check = |value: Value, as_object: Result<bool, &str>, as_list: Result<bool, &str>| {
            let mut fields = Fields::new();
            if value != "absent" {
                fields.insert("x".to_owned(), value.clone());
            }
            let found = object(&mut fields, "x").map(|inner| inner.is_some()).map_err(|error| error.to_string());
            assert_eq!(found, as_object.map_err(str::to_owned), "{value}");
            let found = list(&mut fields, "x").map(|items| items.is_some()).map_err(|error| error.to_string());
            assert_eq!(found, as_list.map_err(str::to_owned), "{value}");
            let (mut objects, mut lists) = (fields.clone(), fields);
            assert_eq!(object_or_new(&mut objects, "x").is_ok(), as_object.is_ok(), "{value}");
            assert_eq!(push(&mut lists, "x", json!(1)).is_ok(), as_list.is_ok(), "{value}");
            if as_list.is_ok() {
                assert_eq!(lists["x"].as_array().unwrap().last(), Some(&json!(1)));
            }
        };
        check(json!("absent"), Ok(false), Ok(false));
        check(Value::Null, Ok(false), Ok(false));
        check(json!({}), Ok(true), Err("its `x` must be a list, found an object"));
        check(json!([0]), Err("its `x` must be an object, found a list"), Ok(true));
        for (value, found) in [(json!("y"), "a text"), (json!(5), "a number"), (json!(true), "a boolean")] {
            let (as_object, as_list) =
                (format!("its `x` must be an object, found {found}"), format!("its `x` must be a list, found {found}"));
            check(value, Err(as_object.as_str()), Err(as_list.as_str()));
        }
    }
}
