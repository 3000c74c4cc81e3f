//! YAML 1.1 as Helm reads and writes it: `sigs.k8s.io/yaml` over go-yaml v2.
//!
//! [`read`] is `yaml.Unmarshal`: it reads the first document into [`Json`], the data that Go's `encoding/json` then
//! decodes. `yes`, `on` and `0777` mean what YAML 1.1 says; errors have go-yaml's words.

mod compose;
mod decode;
mod emit;
mod emit_pretty;
mod resolve;
mod scanner;
mod sort;
mod typed;

use std::collections::BTreeMap;

pub(crate) use emit::marshal;
pub(crate) use emit_pretty::marshal_pretty;
pub(crate) use resolve::parse_int;

use go_template::{List, Map, Value};
pub(crate) use typed::{Struct, Target};

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

/// Why YAML could not be read, in go-yaml's words: `yaml: line 3: did not find expected key`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
}

impl Error {
    fn at(line: usize, problem: &str) -> Self {
        let place = if line == 0 { String::new() } else { format!("line {line}: ") };
        Self { message: format!("yaml: {place}{problem}") }
    }

    fn plain(problem: &str) -> Self {
        Self::at(0, problem)
    }

    fn whole(message: String) -> Self {
        Self { message }
    }
}

/// Reads the first document of a text. No document, or an empty one, is [`Json::Null`].
///
/// # Errors
///
/// `error converting YAML to JSON: ` and go-yaml's message.
pub fn read(text: &[u8]) -> Result<Json, Error> {
    read_for(text, &Target::Any)
}

/// Reads the first document for a Go type: `yaml.Unmarshal` into a value of that type.
///
/// # Errors
///
/// As [`read`], and where a value does not fit the type.
pub(crate) fn unmarshal(text: &[u8], target: &Target) -> Result<Json, Error> {
    let data = read_for(text, target)?;
    typed::check(&data, target)
        .map_err(|problem| Error::whole(format!("error unmarshaling JSON: while decoding JSON: {problem}")))?;
    Ok(data)
}

/// Checks data that is there already for a Go type: the second half of [`unmarshal`].
pub(crate) fn check(data: &Json, target: &Target) -> Result<(), String> {
    typed::check(data, target)
}

fn read_for(text: &[u8], target: &Target) -> Result<Json, Error> {
    let read = || match compose::compose(text)? {
        Some(document) => decode::decode(&document, target),
        None => Ok(Json::Null),
    };
    read().map_err(|error| Error::whole(format!("error converting YAML to JSON: {}", error.message)))
}
