//! A YAML emitter for plain trees: block style, list items in the column of their key, quotes only where needed.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::yaml::is_plain_text;

/// A tree to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Emit {
    Null,
    Boolean(bool),
    Integer(u64),
    Text(String),
    Sequence(Vec<Emit>),
    /// A number, as JSON writes it.
    Number(String),
    Mapping(Vec<(Cow<'static, str>, Emit)>),
}

impl Emit {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A tree of JSON.
    pub(crate) fn json(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean(*value),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::text(text),
            Value::Array(items) => Self::Sequence(items.iter().map(Self::json).collect()),
            Value::Object(entries) => Self::object(entries),
        }
    }

    /// A mapping of JSON.
    pub(crate) fn object(entries: &Map<String, Value>) -> Self {
        Self::Mapping(entries.iter().map(|(key, value)| (Cow::Owned(key.clone()), Self::json(value))).collect())
    }

    /// The tree as a document, with a final line break.
    pub(crate) fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.block(&mut out, 0, false);
        out
    }

    /// Writes a node whose first line is already indented when `begun`.
    fn block(&self, out: &mut String, indent: usize, begun: bool) {
        match self {
            Self::Mapping(entries) if !entries.is_empty() => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 || !begun {
                        out.extend(std::iter::repeat_n(' ', indent));
                    }
                    scalar(key, out);
                    out.push(':');
                    match value {
                        Self::Mapping(entries) if !entries.is_empty() => {
                            out.push('\n');
                            value.block(out, indent + 2, false);
                        }
                        Self::Sequence(items) if !items.is_empty() => {
                            out.push('\n');
                            value.block(out, indent, false);
                        }
                        _ => {
                            out.push(' ');
                            value.block(out, indent, true);
                        }
                    }
                }
            }
            Self::Sequence(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 || !begun {
                        out.extend(std::iter::repeat_n(' ', indent));
                    }
                    out.push_str("- ");
                    item.block(out, indent + 2, true);
                }
            }
            Self::Mapping(_) => out.push_str("{}\n"),
            Self::Sequence(_) => out.push_str("[]\n"),
            Self::Null => out.push_str("null\n"),
            Self::Boolean(value) => {
                let _ = writeln!(out, "{value}");
            }
            Self::Integer(value) => {
                let _ = writeln!(out, "{value}");
            }
            Self::Number(number) => {
                out.push_str(number);
                out.push('\n');
            }
            Self::Text(text) => {
                scalar(text, out);
                out.push('\n');
            }
        }
    }
}

/// Plain when it stays the same text, else in single quotes, else (line breaks, control characters) in double quotes.
fn scalar(text: &str, out: &mut String) {
    if stays_plain(text) {
        out.push_str(text);
    } else if text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                c if is_printable(c) => out.push(c),
                c => {
                    let _ = write!(out, "\\U{:08X}", u32::from(c));
                }
            }
        }
        out.push('"');
    }
}

/// A narrower set than YAML allows: letters, digits and the punctuation of references, paths and versions.
fn stays_plain(text: &str) -> bool {
    let inside = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | '@' | ':' | '+' | '^' | '$' | '(' | ')')
    };
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_'))
        && text.chars().all(inside)
        && !text.ends_with(':')
        && !text.starts_with("...")
        && is_plain_text(text)
}

/// Printable on one line of YAML.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars() {
        for (text, expected) in [
            ("quay.io/ns/app:1@sha256:0", "quay.io/ns/app:1@sha256:0"),
            ("4.18.1", "4.18.1"),
            ("4.18", "'4.18'"),
            ("yes", "'yes'"),
            ("", "''"),
            ("null", "'null'"),
            ("a: b", "'a: b'"),
            ("a:", "'a:'"),
            ("it's", "'it''s'"),
            ("{.spec.image}", "'{.spec.image}'"),
            ("- x", "'- x'"),
            (".*", "'.*'"),
            ("a\nb", "\"a\\nb\""),
            ("a\u{7}\"", "\"a\\U00000007\\\"\""),
            ("ü", "'ü'"),
        ] {
            let mut out = String::new();
            scalar(text, &mut out);
            assert_eq!(out, expected, "{text:?}");
        }
    }
}
