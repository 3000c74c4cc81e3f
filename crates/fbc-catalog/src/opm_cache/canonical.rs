//! JSON as `opm` writes it after reading it: fields sorted, no blanks, numbers as floating point.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::fields::{Fields, beginning, same_name};
use crate::yaml::push_string;

/// A value that `opm` does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} has the unexpected value `{value}`, expected {expected}")]
pub struct BrokenValue {
    /// Where.
    pub place: String,
    /// The beginning of the value.
    pub value: String,
    /// What would be accepted.
    pub expected: &'static str,
}

impl BrokenValue {
    pub(super) fn new(place: impl Into<String>, value: &str, expected: &'static str) -> Self {
        Self { place: place.into(), value: beginning(value, 60), expected }
    }

    /// The same, seen from further above.
    pub(super) fn within(self, place: &str) -> Self {
        Self { place: format!("{place}.{}", self.place), ..self }
    }
}

/// How deep a document may nest: as deep as any other that this program parses.
const DEEPEST: usize = 127;

/// Parses a document.
pub(super) fn parse(text: &str) -> Result<Value, BrokenValue> {
    value(text.trim(), DEEPEST).ok_or_else(|| BrokenValue::new("it", text, "JSON that nests 127 levels at most"))
}

/// The value of a text. Numbers are floating point, read to the last bit, which the JSON library does not promise.
fn value(text: &str, depth: usize) -> Option<Value> {
    let below = || depth.checked_sub(1);
    Some(match text.as_bytes().first()? {
        b'{' => {
            let Fields(fields) = serde_json::from_str(text).ok()?;
            let below = below()?;
            let fields = fields.into_iter().map(|(key, raw)| Some((key.into_owned(), value(raw.get(), below)?)));
            Value::Object(fields.collect::<Option<Map<String, Value>>>()?)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let below = below()?;
            Value::Array(items.into_iter().map(|raw| value(raw.get(), below)).collect::<Option<Vec<Value>>>()?)
        }
        b'-' | b'0'..=b'9' => {
            let _: &RawValue = serde_json::from_str(text).ok()?;
            Value::Number(serde_json::Number::from_f64(text.parse().ok()?)?)
        }
        _ => serde_json::from_str(text).ok()?,
    })
}

/// The value of a field. Names fold as OLM's decoder folds them; of several spellings the last one in the order of bytes
/// counts.
pub(super) fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = fields.iter().filter(|(key, _)| same_name(key, name)).max_by(|(left, _), (right, _)| left.cmp(right));
    found.map(|(_, value)| value)
}

/// The text of a value.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    push(&mut out, value);
    out
}

fn push(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => push_number(out, number),
        Value::String(value) => push_text(out, value),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_text(out, key);
                out.push(':');
                push(out, value);
            }
            out.push('}');
        }
    }
}

/// Go escapes two more characters than JSON asks for.
fn push_text(out: &mut String, text: &str) {
    if !text.contains(['\u{2028}', '\u{2029}']) {
        push_string(out, text);
        return;
    }
    let mut whole = String::new();
    push_string(&mut whole, text);
    out.push_str(&whole.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"));
}

/// Whatever is no fraction loses its point, and what is very large or very small gets an exponent with a sign.
fn push_number(out: &mut String, number: &serde_json::Number) {
    let Some(value) = number.as_f64() else {
        let _ = write!(out, "{number}");
        return;
    };
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                let _ = write!(out, "{digits}e+{exponent}");
            }
            _ => out.push_str(&text),
        }
    } else {
        let _ = write!(out, "{value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_go_writes_them() {
        let check = |json: &str, expected: &str| assert_eq!(text(&parse(json).unwrap()), expected, "{json}");
        check(r#"{"b": [1, 2.0, -0.50], "a": {"z": null, "y": true}}"#, r#"{"a":{"y":true,"z":null},"b":[1,2,-0.5]}"#);
        check("9007199254740993", "9007199254740992");
        check("18446744073709551615", "18446744073709552000");
        check("1e20", "100000000000000000000");
        check("1e21", "1e+21");
        check("1.25e300", "1.25e+300");
        check("0.000001", "0.000001");
        check("0.0000001", "1e-7");
        check("0", "0");
        check(r#""<&>\u2028\u0001\b/""#, r#""<&>\u2028\u0001\b/""#);
        check(r#"{"é":1,"z":2}"#, r#"{"z":2,"é":1}"#);
        assert!(parse(&"[".repeat(200)).is_err());
    }

    #[test]
    fn fields_fold() {
        let check = |json: &str, expected: Option<&str>| {
            let value = parse(json).unwrap();
            assert_eq!(field(value.as_object().unwrap(), "name").map(text).as_deref(), expected, "{json}");
        };
        check(r#"{"Name":1}"#, Some("1"));
        check(r#"{"name":2,"NAME":1}"#, Some("2"));
        check(r#"{"names":2}"#, None);
    }
}
