//! A small YAML tree in which every node knows its place, loaded from the first document of a text.
//!
//! The dialect is that of oc-mirror (`docs/behaviour/config-cli.md` 1.1): YAML 1.1 booleans, duplicate keys are mistakes,
//! anchors, aliases and merge keys (`<<`) work. The tree is bounded in depth and in nodes, aliases counted expanded.

mod load;
mod merge;
mod scalar;
mod syntax;

pub(crate) use load::load;
pub(crate) use scalar::{Resolved, Scalar, is_plain_text};

use crate::Span;

/// How deep collections may nest. A configuration nests 8 deep.
const MAX_DEPTH: usize = 64;
/// How many nodes a document may have, each alias counted as what it stands for.
const MAX_NODES: usize = 500_000;
/// How many keys a mapping may have.
const MAX_KEYS: usize = 1000;
/// A scalar counts as one more node for each piece of this many bytes, so that aliases cannot multiply long texts.
const BYTES_PER_NODE: usize = 64;

/// A node and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    /// Characters of the first line that the node covers.
    pub(crate) width: u32,
    /// The last line that the node covers.
    pub(crate) end_line: u32,
    /// Whether it is a collection in brackets: `[…]`, `{…}`. It may share its lines with its neighbours.
    pub(crate) is_flow: bool,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Node,
}

/// The entry whose key is `name` but for its case, for advice.
pub(crate) fn in_other_case<'n>(entries: &'n [Entry], name: &str) -> Option<&'n Entry> {
    entries.iter().find(|entry| entry.key.text.eq_ignore_ascii_case(name))
}

/// A key of a mapping; always text here, as written.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    /// What the text means: `on` is a boolean.
    pub(crate) resolved: Resolved,
    pub(crate) span: Span,
    pub(crate) width: u32,
    /// Plain `<<`, which takes over the entries of its value.
    is_merge: bool,
}

impl Key {
    /// The key as JSON has it: `on` is `true` and `0x10` is `16`, as oc-mirror's YAML library converts them.
    pub(crate) fn as_json(&self) -> String {
        match self.resolved {
            Resolved::Bool(truth) => truth.to_string(),
            Resolved::Integer(number) => number.to_string(),
            Resolved::Null | Resolved::Float(_) | Resolved::String => self.text.clone(),
        }
    }
}

/// `remove line 4`, `remove lines 4 to 7`.
pub(crate) fn lines_to_remove(first: u32, last: u32) -> String {
    if last > first { format!("remove lines {first} to {last}") } else { format!("remove line {first}") }
}

impl Node {
    /// Whether this is null: nothing, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { resolved: Resolved::Null, .. }))
    }

    /// The text, if this is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Scalar { text, resolved: Resolved::String, .. }) => Some(text),
            _ => None,
        }
    }

    /// Whether both say the same, wherever they stand.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(one), Value::Scalar(two)) => one == two,
            (Value::Sequence(one), Value::Sequence(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.says_the_same_as(two))
            }
            (Value::Mapping(one), Value::Mapping(two)) => {
                one.len() == two.len()
                    && one.iter().all(|entry| {
                        two.iter()
                            .any(|other| other.key.text == entry.key.text && other.value.says_the_same_as(&entry.value))
                    })
            }
            _ => false,
        }
    }

    /// What this is, for a message: "the number `4.18`", "a list".
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
        }
    }

    /// Nodes below this one, itself included, and levels of collections.
    fn size_and_height(&self) -> (usize, usize) {
        let mut size = 1;
        let mut height = 0;
        let mut add = |node: &Self| {
            let (below, levels) = node.size_and_height();
            size += below;
            height = height.max(levels);
        };
        match &self.value {
            Value::Scalar(scalar) => return (1 + scalar.text.len() / BYTES_PER_NODE, 0),
            Value::Sequence(items) => items.iter().for_each(&mut add),
            Value::Mapping(entries) => entries.iter().for_each(|entry| add(&entry.value)),
        }
        (size, height + 1)
    }
}
