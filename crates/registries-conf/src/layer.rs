//! One configuration text and the name people know it by, and positions inside such a text.

use std::fmt;

/// A configuration file as its reader found it. The name is only for messages: a path, usually.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What messages call this text, such as `/etc/containers/registries.conf`.
    pub name: String,
    /// The text itself.
    pub text: String,
}

impl Layer {
    /// A layer from its name and its text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A place in a text: line and column, both counted from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
}

impl Position {
    /// The position of byte `offset` in `text`; the end of the text when it lies beyond.
    pub(crate) fn of_byte(text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A file name with a position behind it when one is known: `registries.conf:3:1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The [`Layer::name`] of the text.
    pub layer: String,
    /// Where in the text, when the parser can say.
    pub position: Option<Position>,
}

impl Origin {
    pub(crate) fn new(layer: &str, position: Option<Position>) -> Self {
        Self { layer: layer.to_owned(), position }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.layer)?;
        match self.position {
            Some(position) => write!(f, ":{position}"),
            None => Ok(()),
        }
    }
}
