//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;

use crate::Span;
use crate::span::lines;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration works; the user should know something.
    Warning,
    /// The configuration cannot be used as it is.
    Error,
}

impl Severity {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// When oc-mirror finds a mistake of this sort, which decides the exit code (`docs/behaviour/config-cli.md` 1.4 and 1.5).
///
/// Here everything is found at once; the stage keeps the exit codes those of oc-mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// While the file is loaded: exit code 1.
    Load,
    /// While releases are collected: bit 2.
    Release,
    /// While operators are collected: bit 4.
    Operators,
    /// While additional images are collected: bit 8.
    AdditionalImages,
    /// While Helm charts are collected: bit 16.
    Helm,
}

impl Stage {
    /// The bit of the exit code that an error of this stage sets. An error of [`Stage::Load`] ends the program before
    /// any other stage begins, so its 1 stands alone.
    pub fn exit_bit(self) -> u8 {
        match self {
            Self::Load => 1,
            Self::Release => 2,
            Self::Operators => 4,
            Self::AdditionalImages => 8,
            Self::Helm => 16,
        }
    }
}

/// The sort of mistake, for programs that read diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text is no YAML, or uses more of YAML than a configuration needs.
    Syntax,
    /// A mapping has the same key twice.
    DuplicateKey,
    /// A field that does not exist at this place.
    UnknownField,
    /// A value of another type than expected.
    WrongType,
    /// `kind` is missing, misspelt or the other one.
    Kind,
    /// `apiVersion` is not one that is known.
    ApiVersion,
    /// `mirror` or `delete` is missing, or stands in the wrong kind.
    Stanza,
    /// A field that must be there is absent or empty.
    MissingField,
    /// Text that does not follow the grammar of its field: reference, version, path, tag, regular expression, URL.
    InvalidValue,
    /// A value that a template, a shell or a reader was to fill in: `${VERSION}`, `<registry>`, `4.16.x`.
    Placeholder,
    /// The same name twice in a list whose names are unique.
    DuplicateEntry,
    /// Fields that exclude each other.
    Conflict,
    /// A minimum above the maximum.
    EmptyRange,
    /// A field that works but is on its way out.
    Deprecated,
    /// Something that is read and has no effect.
    Ignored,
    /// A value that is filled in.
    Assumed,
    /// So many diagnostics that the rest is left out.
    TooMany,
}

impl Code {
    /// A stable name, in kebab case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::DuplicateKey => "duplicate-key",
            Self::UnknownField => "unknown-field",
            Self::WrongType => "wrong-type",
            Self::Kind => "kind",
            Self::ApiVersion => "api-version",
            Self::Stanza => "stanza",
            Self::MissingField => "missing-field",
            Self::InvalidValue => "invalid-value",
            Self::Placeholder => "placeholder",
            Self::DuplicateEntry => "duplicate-entry",
            Self::Conflict => "conflict",
            Self::EmptyRange => "empty-range",
            Self::Deprecated => "deprecated",
            Self::Ignored => "ignored",
            Self::Assumed => "assumed",
            Self::TooMany => "too-many",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The sort of mistake.
    pub code: Code,
    /// When oc-mirror would find it.
    pub stage: Stage,
    /// What is wrong, without the place.
    pub message: String,
    /// The field, like `mirror.operators[0].packages[1].minVersion`; empty for the file as a whole.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters of the line are meant, at least 1.
    pub width: u32,
    /// What would work instead.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, span: Span, path: impl fmt::Display, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            stage: Stage::Load,
            message: printable(message.into()),
            path: printable(path.to_string()),
            line: span.line.max(1),
            column: span.column.max(1),
            width: 1,
            help: None,
        }
    }

    pub(crate) fn warning(code: Code, span: Span, path: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, path, message) }
    }

    pub(crate) fn stage(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    pub(crate) fn width(mut self, width: u32) -> Self {
        self.width = width.max(1);
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(help.into()));
        self
    }

    pub(crate) fn help_opt(mut self, help: Option<String>) -> Self {
        self.help = help.map(printable).or(self.help);
        self
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    fn is_load_error(&self) -> bool {
        self.is_error() && self.stage == Stage::Load
    }

    /// `file:line:column: error: path: message`, and the help on a line of its own.
    pub fn display<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        Rendered { diagnostic: self, file, text: None }
    }

    /// As [`Diagnostic::display`], with the line of `text` (the file's content) and a mark under the place.
    pub fn display_with_source<'a>(&'a self, file: &'a str, text: &'a str) -> impl fmt::Display + 'a {
        Rendered { diagnostic: self, file, text: Some(text) }
    }
}

impl fmt::Display for Diagnostic {
    /// `line:column: error: path: message`, and the help on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Rendered { diagnostic: self, file: "", text: None }, f)
    }
}

/// Texts of the file stand in messages; none of them may move the cursor of a terminal.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// How much of a long line is shown around a place, in characters.
const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 80;

struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    file: &'a str,
    text: Option<&'a str>,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { severity, path, line, column, message, help, .. } = self.diagnostic;
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
        }
        write!(f, "{line}:{column}: {}: ", severity.as_str())?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(message)?;
        if let Some(text) = self.text {
            self.source(f, text)?;
        }
        if let Some(help) = help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl Rendered<'_> {
    fn source(&self, f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
        let number = self.diagnostic.line;
        let Some(line) = lines(text).nth(number as usize - 1) else { return Ok(()) };
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(());
        }
        let column = self.diagnostic.column as usize - 1;
        let skipped = if column > SHOWN_BEFORE + SHOWN_AFTER { column - SHOWN_BEFORE } else { 0 };
        // A tab or a control character takes one column here, or the mark would stand elsewhere.
        let shown: String = line
            .chars()
            .skip(skipped)
            .take(column - skipped + SHOWN_AFTER)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let room = shown.chars().count().saturating_sub(column - skipped).max(1);
        let mark = "^".repeat((self.diagnostic.width as usize).min(room));
        let margin = number.to_string();
        write!(f, "\n  {margin} | {}", shown.trim_end())?;
        write!(f, "\n  {:margin$} | {:indent$}{mark}", "", "", margin = margin.len(), indent = column - skipped)
    }
}

/// All findings of one parse, in the order of the file. About [`Diagnostics::LIMIT`] are kept.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// A file with more mistakes than this is no configuration; the answer stays readable and bounded.
    pub(crate) const LIMIT: usize = 200;

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        // Whether there is an error, and whether one of them ends the program at once, must not depend on the limit.
        let is_first_error = diagnostic.is_error() && !self.has_errors();
        let is_first_load_error = diagnostic.is_load_error() && !self.has_load_errors();
        if self.list.len() < Self::LIMIT || is_first_error || is_first_load_error {
            self.list.push(diagnostic);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    pub(crate) fn has_load_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_load_error)
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        if self.left_out > 0 {
            let last = self.list.last().map_or(Span::new(1, 1), |last| Span::new(last.line, last.column));
            let message = format!("{} more findings are left out", self.left_out);
            self.list.push(Diagnostic::warning(Code::TooMany, last, "", message));
        }
        self.list
    }
}
