//! Where something stands in the configuration file.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The place of an item in the text it was read from: line and column, both from 1, columns in characters.
///
/// A place is no part of a value: two configurations that say the same in different lines are equal. Therefore all
/// spans are equal to each other and hash to nothing; compare [`Span::line`] where the place itself matters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// The line, from 1; 0 when the item was not read from a text.
    pub line: u32,
    /// The column in characters, from 1; 0 when the item was not read from a text.
    pub column: u32,
}

impl Span {
    /// The place `line`:`column`.
    pub fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl Hash for Span {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Display for Span {
    /// `line:column`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The lines of a text as YAML counts them: they end at a line feed, a carriage return, or both.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\n', '\r']) else { return rest.take() };
        let (line, behind) = text.split_at_checked(at)?;
        rest = behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix(['\n', '\r']));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends() {
        for (text, expected) in [
            ("", vec![""]),
            ("a", vec!["a"]),
            ("a\nb\n", vec!["a", "b", ""]),
            ("a\r\nb", vec!["a", "b"]),
            ("a\rb\r\r\nc", vec!["a", "b", "", "c"]),
        ] {
            assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
