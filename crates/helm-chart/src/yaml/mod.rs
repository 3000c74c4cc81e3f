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

pub use crate::data::Json;

pub(crate) use emit::marshal;
pub(crate) use emit_pretty::marshal_pretty;
pub(crate) use resolve::parse_int;

use go_template::{Context, Error as Failure, Text, Value};
pub(crate) use typed::{Struct, Target};

use crate::json;

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

/// Helm's `toYaml`: nothing for what has no YAML, and no line break at the end.
pub(crate) fn to_yaml(value: &Value, context: &mut Context) -> Result<Text, Failure> {
    json::quiet(marshal(value, context)).map(|text| without_line_break(text).into())
}

/// A text without the line break at its end.
pub(crate) fn without_line_break(mut text: Vec<u8>) -> Vec<u8> {
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    text
}
