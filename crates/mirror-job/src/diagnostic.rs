//! A mistake with its place in the configuration, for programs that show it beside the line.

use std::fmt;

use isc_schema::Mirror;
use serde::Serialize;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The line of the configuration, from 1; 0 when unknown.
    pub line: u32,
    /// The column in characters, from 1; 0 when unknown.
    pub column: u32,
    /// The item, such as `mirror.operators[0].packages[1]`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, without the place.
    pub message: String,
    /// What would work instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake of the item at `path`, or of an item inside of it that the message names.
    pub fn at(mirror: &Mirror, path: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let path = mirror.item_named_by(path, &message);
        let span = mirror.span_of(&path).unwrap_or_default();
        Self { line: span.line, column: span.column, path, message, help: None }
    }
}

impl From<&isc_schema::Diagnostic> for Diagnostic {
    fn from(found: &isc_schema::Diagnostic) -> Self {
        Self {
            line: found.line,
            column: found.column,
            path: found.path.clone(),
            message: found.message.clone(),
            help: found.help.clone(),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// The message, with the place behind it unless the message names the line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.line == 0 || self.message.contains(&format!("line {}", self.line)) {
            return Ok(());
        }
        let between = if self.message.contains('\n') { "\n" } else { ", " };
        write!(f, "{between}line {} of the configuration ({})", self.line, self.path)
    }
}
