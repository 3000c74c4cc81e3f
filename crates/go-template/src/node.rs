//! Trees of parsed templates, and how errors show a node.

use std::fmt::{self, Write as _};
use std::rc::Rc;

use crate::lex::newlines;
use crate::number::Number;
use crate::quote::quote;
use crate::text::Text;

/// The text that trees were parsed from: nodes point into it.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name given when the text was parsed, which positions in errors show.
    pub(crate) name: String,
    pub(crate) text: Text,
}

impl Source {
    /// `name:line:column`, as Go counts them: lines from 1, columns in bytes from 0.
    pub(crate) fn location(&self, pos: usize) -> String {
        let text = self.text.as_bytes();
        let before = text.get(..pos).unwrap_or(text);
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        let line = 1 + newlines(before);
        format!("{}:{line}:{column}", self.name)
    }
}

/// A template: a name and what it does.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Text,
    pub(crate) source: Rc<Source>,
    pub(crate) root: List,
}

/// Nodes one after the other.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) pos: usize,
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    If,
    With,
    Range,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) control: Control,
    pub(crate) pipe: Pipe,
    pub(crate) list: List,
    pub(crate) otherwise: Option<List>,
}

#[derive(Debug)]
pub(crate) enum Node {
    Text { pos: usize, text: Text },
    Action { pos: usize, pipe: Pipe },
    Branch(Box<Branch>),
    Template { pos: usize, name: Text, pipe: Option<Pipe> },
    Break { pos: usize },
    Continue { pos: usize },
}

/// `$a, $b := command | command`
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: usize,
    pub(crate) is_assign: bool,
    pub(crate) variables: Vec<String>,
    pub(crate) commands: Vec<Command>,
}

/// A function, method, field or value with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: usize,
    pub(crate) args: Vec<Arg>,
}

/// An operand.
#[derive(Debug)]
pub(crate) struct Arg {
    pub(crate) pos: usize,
    pub(crate) kind: ArgKind,
}

#[derive(Debug)]
pub(crate) enum ArgKind {
    Bool(bool),
    Dot,
    Nil,
    /// `.A.B`
    Field(Vec<String>),
    /// `$a.B`: the variable with its `$`, then fields.
    Variable(Vec<String>),
    /// The name of a function.
    Identifier(String),
    Number {
        text: String,
        number: Number,
    },
    String {
        quoted: Text,
        text: Text,
    },
    /// `(pipeline).A`
    Chain {
        of: Box<Arg>,
        fields: Vec<String>,
    },
    Pipe(Pipe),
}

impl Node {
    pub(crate) fn pos(&self) -> usize {
        match self {
            Self::Text { pos, .. }
            | Self::Action { pos, .. }
            | Self::Template { pos, .. }
            | Self::Break { pos }
            | Self::Continue { pos } => *pos,
            Self::Branch(branch) => branch.pipe.pos,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text { text, .. } => {
                // `bytes.TrimSpace` trims what `unicode.IsSpace` names.
                text.to_str().chars().all(|character| character.is_whitespace() && character != '\u{feff}')
            }
            _ => false,
        }
    }
}

impl List {
    /// Whether there is nothing but space, so that the list does not replace a template of the same name.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.iter().all(Node::is_empty)
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| node.fmt(f))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text, .. } => text.fmt(f),
            Self::Action { pipe, .. } => write!(f, "{{{{{pipe}}}}}"),
            Self::Branch(branch) => {
                let name = match branch.control {
                    Control::If => "if",
                    Control::With => "with",
                    Control::Range => "range",
                };
                write!(f, "{{{{{name} {}}}}}{}", branch.pipe, branch.list)?;
                if let Some(otherwise) = &branch.otherwise {
                    write!(f, "{{{{else}}}}{otherwise}")?;
                }
                f.write_str("{{end}}")
            }
            Self::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", quote(name.as_bytes()))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            Self::Break { .. } => f.write_str("{{break}}"),
            Self::Continue { .. } => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.is_assign { "=" } else { ":=" })?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, arg) in self.args.iter().enumerate() {
            if at > 0 {
                f.write_char(' ')?;
            }
            arg.in_parentheses(f)?;
        }
        Ok(())
    }
}

impl Arg {
    fn in_parentheses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ArgKind::Pipe(pipe) = &self.kind { write!(f, "({pipe})") } else { fmt::Display::fmt(self, f) }
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ArgKind::Bool(truth) => truth.fmt(f),
            ArgKind::Dot => f.write_char('.'),
            ArgKind::Nil => f.write_str("nil"),
            ArgKind::Field(fields) => fields.iter().try_for_each(|field| write!(f, ".{field}")),
            ArgKind::Variable(names) => f.write_str(&names.join(".")),
            ArgKind::Identifier(name) => f.write_str(name),
            ArgKind::Number { text, .. } => f.write_str(text),
            ArgKind::String { quoted, .. } => quoted.fmt(f),
            ArgKind::Chain { of, fields } => {
                of.in_parentheses(f)?;
                fields.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            ArgKind::Pipe(pipe) => pipe.fmt(f),
        }
    }
}
