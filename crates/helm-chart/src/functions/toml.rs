//! TOML: `toToml` as `BurntSushi`'s encoder writes it, and `fromToml`.

use std::fmt::Write as _;

use ::toml::Value as Toml;
use go_template::{Context, Error, List, Map, Value};

use crate::number;

/// How deep data may lie; the encoder itself would run until the stack ends.
const MAX_DEPTH: usize = 500;

/// Writes a map, or anything else, as TOML.
///
/// # Errors
///
/// The encoder's words for what has no TOML.
pub(super) fn write(value: &Value, context: &mut Context) -> Result<String, Error> {
    let mut writer = Writer { out: String::new(), context };
    writer.encode(&[], &plain(value))?;
    Ok(writer.out)
}

/// An object is what it encodes to.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.encode(),
        other => other.clone(),
    }
}

struct Writer<'a> {
    out: String,
    context: &'a mut Context,
}

impl Writer<'_> {
    fn encode(&mut self, key: &[String], value: &Value) -> Result<(), Error> {
        self.context.step(1)?;
        if key.len() > MAX_DEPTH {
            return Err(Error::limit(format!("values nest deeper than {MAX_DEPTH} levels")));
        }
        match value.bare() {
            Value::Map(map) if map.is_nil() => Ok(()),
            Value::Map(map) => {
                if key.len() == 1 {
                    self.line_break();
                }
                if !key.is_empty() {
                    let name = joined(key);
                    self.put(&format!("{}[{name}]", indent(key)))?;
                    self.line_break();
                }
                self.map(key, map)
            }
            Value::List(list) if is_tables(list)? => {
                if key.is_empty() {
                    return Err(Error::new("toml: top-level values must be Go maps or structs"));
                }
                for item in list {
                    let Value::Map(map) = plain(item) else { continue };
                    if map.is_nil() {
                        continue;
                    }
                    self.line_break();
                    let name = joined(key);
                    self.put(&format!("{}[[{name}]]", indent(key)))?;
                    self.line_break();
                    self.map(key, &map)?;
                }
                Ok(())
            }
            Value::Nil => Ok(()),
            Value::Function(_) | Value::Complex(..) => {
                let kind = value.kind().name();
                Err(Error::new(format!("unsupported type for key '{}': {kind}", joined(key))))
            }
            _ => {
                if let Some(name) = key.last() {
                    self.put(&format!("{}{} = ", indent(key), quoted_key(name)))?;
                }
                self.element(value, 0)?;
                if !key.is_empty() {
                    self.line_break();
                }
                Ok(())
            }
        }
    }

    fn map(&mut self, key: &[String], map: &Map) -> Result<(), Error> {
        let mut tables = Vec::new();
        for (name, value) in map.entries() {
            let value = plain(&value);
            let mut key = key.to_vec();
            key.push(name.to_str().into_owned());
            if is_table(&value)? {
                tables.push((key, value));
            } else if !is_nil(&value) {
                self.encode(&key, &value)?;
            }
        }
        for (key, value) in tables {
            self.encode(&key, &value)?;
        }
        Ok(())
    }

    fn element(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.context.step(1)?;
        if depth > MAX_DEPTH {
            return Err(Error::limit(format!("values nest deeper than {MAX_DEPTH} levels")));
        }
        let value = plain(value);
        match value.bare() {
            Value::Bool(truth) => self.put(&truth.to_string()),
            Value::Int(number) | Value::Int64(number) => self.put(&number.to_string()),
            Value::Uint64(number) => self.put(&number.to_string()),
            Value::Float(number) if number.is_nan() => self.put("nan"),
            Value::Float(number) if number.is_infinite() => self.put(if *number > 0.0 { "inf" } else { "-inf" }),
            Value::Float(number) => {
                let text = number::format_g(*number);
                let point = if text.contains(['e', '.']) { "" } else { ".0" };
                self.put(&format!("{text}{point}"))
            }
            Value::String(text) => self.put(&quoted(&text.to_str())),
            Value::Bytes(_) | Value::List(_) => {
                self.put("[")?;
                for (index, item) in value.to_items().unwrap_or_default().iter().enumerate() {
                    if index > 0 {
                        self.put(", ")?;
                    }
                    self.element(item, depth + 1)?;
                }
                self.put("]")
            }
            Value::Map(map) => {
                self.put("{")?;
                let (mut direct, mut tables) = (Vec::new(), Vec::new());
                for (name, value) in map.entries() {
                    let value = plain(&value);
                    if is_table(&value)? { tables.push((name, value)) } else { direct.push((name, value)) }
                }
                // A comma follows what is written, also when only what is not written comes behind.
                let commas = [!tables.is_empty(), false];
                for (entries, more) in [direct, tables].into_iter().zip(commas) {
                    let last = entries.len().saturating_sub(1);
                    for (index, (name, value)) in entries.iter().enumerate() {
                        if is_nil(value) {
                            continue;
                        }
                        self.put(&format!("{} = ", quoted_key(&name.to_str())))?;
                        self.element(value, depth + 1)?;
                        if more || index != last {
                            self.put(", ")?;
                        }
                    }
                }
                self.put("}")
            }
            Value::Nil => Err(Error::new("toml: cannot encode array with nil element")),
            other => Err(Error::new(format!("unexpected type: {}", other.type_name()))),
        }
    }

    fn put(&mut self, text: &str) -> Result<(), Error> {
        self.context.charge(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn line_break(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }
}

fn is_nil(value: &Value) -> bool {
    value.is_nil_of_any_type()
}

fn is_table(value: &Value) -> Result<bool, Error> {
    Ok(match value {
        Value::Map(map) => !map.is_nil(),
        Value::List(list) => is_tables(list)?,
        _ => false,
    })
}

/// Whether a list is written as `[[tables]]`.
fn is_tables(list: &List) -> Result<bool, Error> {
    let mut tables = !list.is_empty();
    for item in list {
        if is_nil(item) {
            return Err(Error::new("toml: cannot encode array with nil element"));
        }
        tables &= matches!(plain(item), Value::Map(_));
    }
    Ok(tables)
}

fn indent(key: &[String]) -> String {
    "  ".repeat(key.len() - 1)
}

fn joined(key: &[String]) -> String {
    key.iter().map(|part| quoted_key(part)).collect::<Vec<_>>().join(".")
}

fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{C}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1F}' | '\u{7F}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Reads TOML into a map. Times are texts here, which Go reads as `time.Time`.
///
/// # Errors
///
/// What is wrong, not in the words of Go's library.
pub(super) fn read(text: &str) -> Result<Map, String> {
    let table: ::toml::Table = text.parse().map_err(|error: ::toml::de::Error| format!("toml: {}", error.message()))?;
    Ok(table.into_iter().map(|(key, value)| (key, value_of(value))).collect())
}

fn value_of(value: Toml) -> Value {
    match value {
        Toml::String(text) => text.into(),
        Toml::Integer(number) => Value::Int64(number),
        Toml::Float(number) => Value::Float(number),
        Toml::Boolean(truth) => truth.into(),
        Toml::Datetime(time) => time.to_string().into(),
        Toml::Array(items) => items.into_iter().map(value_of).collect::<Vec<_>>().into(),
        Toml::Table(table) => Value::Map(table.into_iter().map(|(key, value)| (key, value_of(value))).collect()),
    }
}
