//! A mistake with its place in the configuration, for programs that show it beside the line.

use std::fmt;

use isc_schema::{Mirror, Place};
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
    /// What would work instead, one way a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at a place of the configuration.
    pub fn at(mirror: &Mirror, place: impl Into<Place>, message: impl Into<String>) -> Self {
        let place = place.into();
        let span = mirror.span_of(place).unwrap_or_default();
        Self { line: span.line, column: span.column, path: place.to_string(), message: message.into(), help: None }
    }

    /// A mistake of the item whose path a plan has written down. Without a line when the configuration has no such item.
    pub fn at_path(mirror: &Mirror, path: &str, message: impl Into<String>) -> Self {
        match path.parse::<Place>() {
            Ok(place) => Self::at(mirror, place, message),
            Err(_) => Self { line: 0, column: 0, path: path.to_owned(), message: message.into(), help: None },
        }
    }

    /// The same with what would work instead.
    #[must_use]
    pub fn with_help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }

    /// `line 7 of the configuration (mirror.operators[0])`; none without a line.
    pub fn place(&self) -> Option<String> {
        (self.line > 0).then(|| format!("line {} of the configuration ({})", self.line, self.path))
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
    /// The message, with the place behind it unless the message names the line, and what would work instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(place) = self.place().filter(|_| !self.message.contains(&format!("line {}", self.line))) {
            let between = if self.message.contains('\n') { "\n" } else { ", " };
            write!(f, "{between}{place}")?;
        }
        // Some messages give the same advice.
        for help in self.help.iter().flat_map(|help| help.lines()).filter(|help| !self.message.contains(*help)) {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}
