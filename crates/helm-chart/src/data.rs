//! The data that YAML and JSON texts hold.

use std::collections::BTreeMap;

use go_template::{List, Map, Value};

/// Data as it lies between YAML and Go: JSON, with whole numbers kept whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above the range of `i64`.
    Uint(u64),
    /// Any other number; never infinite, never "not a number".
    Float(f64),
    /// Text.
    Str(String),
    /// A sequence.
    List(Vec<Json>),
    /// A mapping.
    Map(BTreeMap<String, Json>),
}

impl Json {
    /// The value as `encoding/json` decodes it into `interface{}`: every number is a `float64`.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Float(*value as f64),
            Self::Uint(value) => Value::Float(*value as f64),
            Self::Float(value) => Value::Float(*value),
            Self::Str(value) => Value::from(value.as_str()),
            Self::List(items) => Value::List(items.iter().map(Self::to_value).collect::<List>()),
            Self::Map(entries) => {
                Value::Map(entries.iter().map(|(key, value)| (key.as_str(), value.to_value())).collect::<Map>())
            }
        }
    }

    /// What `encoding/json` calls this kind of value in its errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Uint(_) | Self::Float(_) => "number",
            Self::Str(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }

    /// The entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Json> {
        if let Self::Map(entries) = self { entries.get(key) } else { None }
    }
}
