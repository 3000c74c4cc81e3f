//! JSON as Go's `encoding/json` reads and writes it.

mod read;

use base64::Engine as _;
use go_template::{Context, Value};

use crate::number;
use crate::shape;

pub(crate) use read::read;

/// How deep data may lie; Go's encoder looks for maps that contain themselves from this depth on.
const MAX_DEPTH: usize = 1_000;

/// Why a value has no JSON or YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// Go's words.
    #[error("{0}")]
    Go(String),
    /// A bound of the run; nobody may swallow this one.
    #[error(transparent)]
    Limit(#[from] go_template::Error),
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Go(message.into())
    }
}

/// How JSON is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Whether `<`, `>` and `&` are escaped.
    html: bool,
    /// Whether each entry has a line of its own, indented by two blanks a level.
    pretty: bool,
}

impl Style {
    /// `json.Marshal`
    pub(crate) const PLAIN: Self = Self { html: true, pretty: false };
    /// `json.MarshalIndent` with two blanks.
    pub(crate) const PRETTY: Self = Self { html: true, pretty: true };
    /// An encoder with `SetEscapeHTML(false)`.
    pub(crate) const RAW: Self = Self { html: false, pretty: false };
}

/// The JSON of a value.
///
/// # Errors
///
/// Where Go refuses the value, and when the run has made too much.
pub(crate) fn marshal(value: &Value, style: Style, context: &mut Context) -> Result<Vec<u8>, Error> {
    let mut writer = Writer { out: Vec::new(), style, charged: 0 };
    writer.value(value, context, 0)?;
    Ok(writer.out)
}

/// Nothing, where Helm swallows an error. A bound that was reached is never swallowed.
pub(crate) fn quiet(result: Result<Vec<u8>, Error>) -> Result<Vec<u8>, go_template::Error> {
    match result {
        Err(Error::Limit(error)) => Err(error),
        Err(Error::Go(_)) => Ok(Vec::new()),
        Ok(text) => Ok(text),
    }
}

/// What Go says of a value that JSON has no form for.
pub(crate) fn unsupported(value: &Value) -> Error {
    match value.bare() {
        Value::Float(value) => Error::new(format!("json: unsupported value: {}", number::format_g(*value))),
        _ => Error::new(format!("json: unsupported type: {}", value.type_name())),
    }
}

struct Writer {
    out: Vec<u8>,
    style: Style,
    charged: usize,
}

impl Writer {
    fn value(&mut self, value: &Value, context: &mut Context, depth: usize) -> Result<(), Error> {
        context.step(1)?;
        // Long output is announced while it grows: shared maps can make it far larger than what they hold.
        if self.out.len() - self.charged > 4096 {
            context.charge(self.out.len() - self.charged)?;
            self.charged = self.out.len();
        }
        if depth > MAX_DEPTH {
            let ty = value.type_name();
            return Err(Error::new(format!("json: unsupported value: encountered a cycle via {ty}")));
        }
        match value.bare() {
            Value::Nil => self.text("null"),
            Value::Bool(value) => self.text(if *value { "true" } else { "false" }),
            Value::Int(value) | Value::Int64(value) => self.text(&value.to_string()),
            Value::Uint64(value) => self.text(&value.to_string()),
            Value::Float(float) if float.is_finite() => {
                if matches!(value.ty(), Some(go_template::Type::Float32)) {
                    self.text(&number::format_json32(*float));
                } else {
                    self.text(&number::format_json(*float));
                }
            }
            Value::String(text) => quote_into(&mut self.out, text.as_bytes(), self.style.html),
            Value::Bytes(bytes) => {
                self.out.push(b'"');
                let text = base64::engine::general_purpose::STANDARD.encode(bytes);
                self.text(&text);
                self.out.push(b'"');
            }
            Value::List(list) if list.is_nil() => self.text("null"),
            Value::List(list) => {
                self.out.push(b'[');
                for (index, item) in list.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.line(depth + 1);
                    self.value(item, context, depth + 1)?;
                }
                if !list.is_empty() {
                    self.line(depth);
                }
                self.out.push(b']');
            }
            Value::Map(map) if map.is_nil() => self.text("null"),
            Value::Map(map) => {
                let entries = map.entries();
                self.entries(entries.iter().map(|(key, value)| (key.as_bytes(), value)), context, depth)?;
            }
            Value::Object(object) => match shape::json_fields(object.as_ref()) {
                Some(fields) => {
                    self.entries(fields.iter().map(|(key, value)| (key.as_bytes(), value)), context, depth)?;
                }
                None => self.value(&object.encode(), context, depth + 1)?,
            },
            other => return Err(unsupported(other)),
        }
        Ok(())
    }

    fn entries<'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a [u8], &'a Value)>,
        context: &mut Context,
        depth: usize,
    ) -> Result<(), Error> {
        self.out.push(b'{');
        let mut any = false;
        for (key, value) in entries {
            if any {
                self.out.push(b',');
            }
            any = true;
            self.line(depth + 1);
            quote_into(&mut self.out, key, self.style.html);
            self.out.push(b':');
            if self.style.pretty {
                self.out.push(b' ');
            }
            self.value(value, context, depth + 1)?;
        }
        if any {
            self.line(depth);
        }
        self.out.push(b'}');
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn line(&mut self, depth: usize) {
        if self.style.pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * depth, b' ');
        }
    }
}

/// A string of JSON, in its quotes.
pub(crate) fn quote(bytes: &[u8], html: bool) -> String {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    quote_into(&mut out, bytes, html);
    String::from_utf8(out).expect("only escapes and whole characters are written")
}

/// How many bytes a string takes in JSON, without its quotes.
pub(crate) fn quoted_length(text: &str) -> usize {
    if text.len() < 100 {
        // No escape takes more than six bytes a byte.
        return text.len();
    }
    quote(text.as_bytes(), true).len() - 2
}

fn quote_into(out: &mut Vec<u8>, bytes: &[u8], html: bool) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{C}' => out.extend_from_slice(b"\\f"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '<' | '>' | '&' if html => escape(out, character),
                '\u{2028}' | '\u{2029}' | '\0'..='\u{1F}' => escape(out, character),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
}

#[cfg(test)]
mod tests {
    use go_template::{Limits, Map};

    use super::*;

    fn check(value: &Value, style: Style, expected: &str) {
        let json = marshal(value, style, &mut Context::new(Limits::default()));
        let json = match json {
            Ok(json) => String::from_utf8(json).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(json, expected);
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        let entries =
            Map::from_iter([("b", Value::from(vec![1.into(), Value::Nil])), ("a<", "x\u{2028}&\u{7f}".into())]);
        let value = Value::from(entries);
        check(&value, Style::PLAIN, "{\"a\\u003c\":\"x\\u2028\\u0026\u{7f}\",\"b\":[1,null]}");
        check(&value, Style::RAW, "{\"a<\":\"x\\u2028&\u{7f}\",\"b\":[1,null]}");
        check(
            &value,
            Style::PRETTY,
            "{\n  \"a\\u003c\": \"x\\u2028\\u0026\u{7f}\",\n  \"b\": [\n    1,\n    null\n  ]\n}",
        );
        check(&Value::from(Vec::<Value>::new()), Style::PRETTY, "[]");
        check(&Value::from(Map::new()), Style::PRETTY, "{}");
        check(&Value::String(vec![0xFF, b'a'].into()), Style::PLAIN, "\"\\ufffda\"");
        check(&Value::Bytes(b"ab".as_slice().into()), Style::PLAIN, "\"YWI=\"");
        check(&Value::Float(f64::NAN), Style::PLAIN, "json: unsupported value: NaN");
        check(&Value::Complex(0.0, 1.0), Style::PLAIN, "json: unsupported type: complex128");
    }

    #[test]
    fn a_map_that_holds_itself_is_an_error() {
        let map = Map::new();
        map.insert("me", map.clone());
        check(
            &Value::from(map.clone()),
            Style::PLAIN,
            "json: unsupported value: encountered a cycle via map[string]interface {}",
        );
        map.remove("me");
    }
}
