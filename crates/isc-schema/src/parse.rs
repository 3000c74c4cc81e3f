//! The one entry: text in, configuration and diagnostics out.

use crate::config::{Document, Kind};
use crate::decode;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::yaml;

/// What a text says, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Parsed {
    /// The configuration; `None` when an error of [`Stage::Load`](crate::Stage::Load) was found.
    ///
    /// When only errors of later stages were found, entries that cannot be represented are missing here. That serves the one
    /// command that works best effort, `delete --generate`; everybody else wants [`Parsed::into_result`].
    pub config: Option<Document>,
    /// All findings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// The findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error())
    }

    /// Whether there is an error, of whatever stage.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// The configuration and the warnings about it.
    ///
    /// # Errors
    /// All findings, when one of them is an error.
    pub fn into_result(self) -> Result<(Document, Vec<Diagnostic>), Vec<Diagnostic>> {
        match self.config {
            Some(config) if !self.diagnostics.iter().any(Diagnostic::is_error) => Ok((config, self.diagnostics)),
            _ => Err(self.diagnostics),
        }
    }

    /// All findings as a text for people, with the lines they are about. `file` is the name to show, `text` what was
    /// parsed.
    pub fn render(&self, file: &str, text: &str) -> String {
        let findings: Vec<String> =
            self.diagnostics.iter().map(|finding| finding.display_with_source(file, text).to_string()).collect();
        findings.join("\n")
    }
}

/// Parses a configuration that must be of kind `expected`.
///
/// Never fails and never stops at the first mistake: the answer holds everything that can be said about the text.
pub fn parse(text: &str, expected: Kind) -> Parsed {
    let mut diagnostics = Diagnostics::default();
    let root = yaml::load(text, &mut diagnostics);
    let broken = root.is_none() && diagnostics.has_errors();
    let config = if broken { None } else { decode::document(root.as_ref(), expected, &mut diagnostics) };
    let config = config.filter(|_| !diagnostics.has_load_errors());
    Parsed { config, diagnostics: diagnostics.into_sorted() }
}
