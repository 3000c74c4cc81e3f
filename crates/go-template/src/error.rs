//! What goes wrong, in Go's words.

/// An error of a template: the text is the whole message, as Go gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// Who raised an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The template's text cannot be parsed.
    Parse,
    /// The template's text is fine; executing it failed.
    Execute,
    /// A function of the registry or a method said so.
    Function,
    /// A bound of [`Limits`](crate::Limits) was reached. No caller may carry on after this one.
    Limit,
}

impl Error {
    /// An error that a function raises. The executor adds where it was called.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Function, message)
    }

    /// A bound that was reached.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Limit, message)
    }

    pub(crate) fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The same error with words in front, as Go's `fmt.Errorf("%s: %w")`: `cannot parse template "x": ...`.
    #[must_use]
    pub fn wrap(mut self, words: &str) -> Self {
        self.message = format!("{words}: {}", self.message);
        self
    }

    /// Who raised it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The whole message.
    pub fn message(&self) -> &str {
        &self.message
    }
}
