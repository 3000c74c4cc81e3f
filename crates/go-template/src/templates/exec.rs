//! Walking a template: the control structures, as Go's `exec.go` walks them.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::node::{Arg, Branch, Command, Control, List, Node, Pipe, Tree};
use crate::quote::quote;
use crate::templates::Templates;
use crate::value::Value;
use crate::value::context::Context;
use crate::value::format;
use crate::value::slot::Slot;
use crate::value::types::{Kind, Type};

/// Executes a template with `dot`; its text goes to `out`.
pub(crate) fn execute(
    templates: &Templates,
    tree: &Tree,
    dot: &Slot,
    context: &mut Context,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut state =
        State { templates, tree, context, out, at: At::List(&tree.root), variables: vec![("$", dot.clone())] };
    state.list(dot, &tree.root)?;
    Ok(())
}

/// The node that an error would be at.
#[derive(Clone, Copy)]
pub(crate) enum At<'t> {
    Node(&'t Node),
    List(&'t List),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Arg(&'t Arg),
}

impl At<'_> {
    fn pos(self) -> usize {
        match self {
            Self::Node(node) => node.pos(),
            Self::List(list) => list.pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Arg(arg) => arg.pos,
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::List(list) => list.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Arg(arg) => arg.fmt(f),
        }
    }
}

/// What comes after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// A template at work.
pub(crate) struct State<'t, 'c> {
    pub(crate) templates: &'t Templates,
    pub(crate) tree: &'t Tree,
    pub(crate) context: &'c mut Context,
    pub(crate) out: &'c mut Vec<u8>,
    pub(crate) at: At<'t>,
    pub(crate) variables: Vec<(&'t str, Slot)>,
}

impl<'t> State<'t, '_> {
    /// An error at the present node, in Go's frame of words.
    pub(crate) fn error(&self, words: impl fmt::Display) -> Error {
        self.error_of(ErrorKind::Execute, words)
    }

    pub(crate) fn error_of(&self, kind: ErrorKind, words: impl fmt::Display) -> Error {
        let location = self.tree.source.location(self.at.pos());
        let name = quote(self.tree.name.as_bytes());
        Error::of(kind, format!("template: {location}: executing {name} at <{}>: {words}", self.at))
    }

    fn list(&mut self, dot: &Slot, list: &'t List) -> Result<Flow, Error> {
        self.at = At::List(list);
        for node in &list.nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, dot: &Slot, node: &'t Node) -> Result<Flow, Error> {
        self.context.step(1)?;
        self.at = At::Node(node);
        match node {
            Node::Text { text, .. } => {
                self.context.charge(text.len())?;
                self.out.extend_from_slice(text.as_bytes());
            }
            Node::Action { pipe, .. } => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.print(node, &value)?;
                }
            }
            Node::Branch(branch) => {
                self.context.enter()?;
                let flow = match branch.control {
                    Control::If | Control::With => self.if_or_with(dot, branch)?,
                    Control::Range => self.range(dot, node, branch)?,
                };
                self.context.levels -= 1;
                return Ok(flow);
            }
            Node::Template { name, pipe, .. } => self.template(dot, name.as_bytes(), pipe.as_ref())?,
            Node::Break { .. } => return Ok(Flow::Break),
            Node::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn if_or_with(&mut self, dot: &Slot, branch: &'t Branch) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.truth() {
            let dot = if branch.control == Control::With { &value } else { dot };
            self.list(dot, &branch.list)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)?
        } else {
            Flow::On
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Slot, node: &'t Node, branch: &'t Branch) -> Result<Flow, Error> {
        self.at = At::Node(node);
        let outer = self.variables.len();
        let (value, _) = self.pipeline(dot, &branch.pipe)?.indirect();
        let mark = self.variables.len();
        let ran = match &value {
            Slot::Invalid | Slot::Missing | Slot::Inside(_) => false,
            Slot::Direct(value) => self.range_over(value, branch)?,
        };
        self.variables.truncate(mark);
        let mut flow = Flow::On;
        if !ran && let Some(otherwise) = &branch.otherwise {
            flow = self.list(dot, otherwise)?;
            // Go's `range` recovers from a `break` of its `else`, too; `continue` belongs to the loop around.
            if flow == Flow::Break {
                flow = Flow::On;
            }
        }
        self.variables.truncate(outer);
        Ok(flow)
    }

    /// Runs the body for each element; says whether there was one.
    fn range_over(&mut self, value: &Value, branch: &'t Branch) -> Result<bool, Error> {
        let ty = value.ty().unwrap_or(Type::Any);
        let element = ty.element().unwrap_or(Type::Any);
        match value.bare() {
            Value::Int(_) | Value::Int64(_) | Value::Uint64(_) => self.range_over_number(value, &ty, branch),
            Value::Bytes(bytes) => {
                for (index, &byte) in bytes.iter().enumerate() {
                    let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    if self.turn(branch, Slot::of(index), &Slot::of(Value::byte(byte)))? == Flow::Break {
                        break;
                    }
                }
                Ok(!bytes.is_empty())
            }
            Value::List(list) => {
                for (index, item) in list.iter().enumerate() {
                    let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    if self.turn(branch, Slot::of(index), &Slot::element(item.clone(), &element))? == Flow::Break {
                        break;
                    }
                }
                Ok(!list.is_empty())
            }
            Value::Map(map) => {
                self.context.look_at([value])?;
                let entries = map.entries();
                let ran = !entries.is_empty();
                for (key, item) in entries {
                    let item = Slot::element(item, &element);
                    if self.turn(branch, Slot::of(Value::String(key)), &item)? == Flow::Break {
                        break;
                    }
                }
                Ok(ran)
            }
            // A nil pointer.
            Value::Nil if value.kind() != Kind::Pointer => Ok(false),
            _ => {
                // Go has looked behind the pointer already.
                let shown = self.show(value, 'v')?;
                let shown = shown.strip_prefix('&').filter(|_| value.kind() == Kind::Pointer).unwrap_or(&shown);
                Err(self.error(format!("range can't iterate over {shown}")))
            }
        }
    }

    fn range_over_number(&mut self, value: &Value, ty: &Type, branch: &'t Branch) -> Result<bool, Error> {
        if branch.pipe.variables.len() > 1 {
            let shown = self.show(value, 'v')?;
            return Err(self.error(format!("can't use {shown} to iterate over more than one variable")));
        }
        let most = value.as_int().map_or_else(|| value.as_uint().unwrap_or(0), |most| u64::try_from(most).unwrap_or(0));
        for turn in 0..most {
            let number =
                value.as_int().map_or(Value::Uint64(turn), |_| Value::Int(i64::try_from(turn).unwrap_or(i64::MAX)));
            let number = crate::templates::eval::number_of_type(ty, number);
            if self.turn(branch, Slot::Invalid, &Slot::of(number))? == Flow::Break {
                break;
            }
        }
        Ok(most > 0)
    }

    /// One turn of a loop.
    fn turn(&mut self, branch: &'t Branch, index: Slot, item: &Slot) -> Result<Flow, Error> {
        self.context.step(1)?;
        let names = &branch.pipe.variables;
        let mark = self.variables.len();
        match names.as_slice() {
            [] => {}
            [name] if branch.pipe.is_assign => self.set_variable(name, item.clone())?,
            [first, second, ..] if branch.pipe.is_assign => {
                self.set_variable(first, index)?;
                self.set_variable(second, item.clone())?;
            }
            // The pipeline has put its variables on top of the stack.
            one_or_two => {
                let values = [item.clone(), index];
                for ((_, variable), value) in self.variables.iter_mut().rev().zip(values).take(one_or_two.len()) {
                    *variable = value;
                }
            }
        }
        let flow = self.list(item, &branch.list)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn template(&mut self, dot: &Slot, name: &[u8], pipe: Option<&'t Pipe>) -> Result<(), Error> {
        let Some(tree) = self.templates.lookup(name) else {
            return Err(self.error(format!("template {} not defined", quote(name))));
        };
        let most = self.context.most_depth();
        if self.context.depth >= most {
            return Err(self.error_of(ErrorKind::Limit, format!("exceeded maximum template depth ({most})")));
        }
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Slot::Invalid,
        };
        self.context.depth += 1;
        self.context.enter()?;
        let templates = self.templates;
        execute(templates, &tree, &dot, self.context, self.out)?;
        self.context.levels -= 1;
        self.context.depth -= 1;
        Ok(())
    }

    pub(crate) fn set_variable(&mut self, name: &str, value: Slot) -> Result<(), Error> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, variable)) => {
                *variable = value;
                Ok(())
            }
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    /// A value as an error shows it.
    pub(crate) fn show(&self, value: &Value, verb: char) -> Result<String, Error> {
        let text = format::verb(value, verb, self.context.bytes_left())?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn print(&mut self, node: &'t Node, value: &Slot) -> Result<(), Error> {
        self.at = At::Node(node);
        let text = match value {
            Slot::Direct(Value::String(text)) => {
                self.context.charge(text.len())?;
                self.out.extend_from_slice(text.as_bytes());
                return Ok(());
            }
            Slot::Direct(value) if value.kind() == Kind::Func => {
                return Err(self.error(format!("can't print {node} of type {}", value.type_name())));
            }
            Slot::Direct(Value::Object(object)) => match object.shown_by_pointer() {
                Some(text) => text.as_bytes().to_vec(),
                None => printable(value, self.context.bytes_left())?,
            },
            other => printable(other, self.context.bytes_left())?,
        };
        self.context.charge(text.len())?;
        self.out.extend_from_slice(&text);
        Ok(())
    }
}

/// The text of a value as a template writes it: nothing is `<no value>`, a pointer is what it points to.
pub(crate) fn printable(value: &Slot, most: u64) -> Result<Vec<u8>, Error> {
    let value = match value {
        Slot::Invalid | Slot::Missing => return Ok(b"<no value>".to_vec()),
        // `Interface()` of a nil interface is nil, and `Fprint` writes it so.
        Slot::Direct(value) | Slot::Inside(value) => value,
    };
    let mut text = format::print(std::slice::from_ref(value), most)?;
    if value.kind() == Kind::Pointer && matches!(value, Value::Object(_)) && text.starts_with(b"&{") {
        text.remove(0);
    }
    Ok(text)
}
