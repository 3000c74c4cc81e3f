//! From parser events to the tree.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};

use super::{Entry, Key, MAX_DEPTH, MAX_KEYS, MAX_NODES, Node, Resolved, Scalar, Value, lines_to_remove, merge};
use crate::Span;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::span::lines;

/// The tree of the first document of `text`; `None` when the text has no document or cannot be read, which is said in
/// `diagnostics`. Duplicate keys are said there too, and the first of them stays.
pub(crate) fn load(text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    match Loader::new().run(text, diagnostics) {
        Ok(node) => node,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            None
        }
    }
}

/// A collection whose end has not been seen.
struct Open {
    anchor: usize,
    node: Node,
    key: Option<Key>,
}

struct Loader {
    stack: Vec<Open>,
    /// Finished anchored nodes, their size in nodes and their height.
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Loader {
    fn new() -> Self {
        Self { stack: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None }
    }

    fn run(mut self, text: &str, diagnostics: &mut Diagnostics) -> Result<Option<Node>, Diagnostic> {
        let mut options = granit_parser::options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
        options.set_emit_comments(false);
        let mut parser = Parser::new_from_str_with_options(text, options);
        while let Some(next) = parser.next_event() {
            let (event, place) = next.map_err(|error| super::syntax::explain(&error, text))?;
            let span = span_of(place.start);
            match event {
                Event::Scalar(value, style, anchor, tag) => {
                    let width = width_of(&place);
                    let value = Value::Scalar(scalar(value.into_owned(), style, tag.as_deref(), span)?);
                    let end_line = last_line_of(&place);
                    self.finish(Node { span, width, end_line, is_flow: false, value }, anchor, diagnostics)?;
                }
                Event::SequenceStart(style, anchor, tag) => {
                    check_tag(tag.as_deref(), "seq", span)?;
                    self.open(span, Value::Sequence(Vec::new()), style, anchor)?;
                }
                Event::MappingStart(style, anchor, tag) => {
                    check_tag(tag.as_deref(), "map", span)?;
                    self.open(span, Value::Mapping(Vec::new()), style, anchor)?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(Open { anchor, mut node, .. }) = self.stack.pop() {
                        if node.is_flow {
                            node.end_line = node.end_line.max(last_line_of(&place));
                        }
                        if let Some(text) = placeholder_of(&node) {
                            node.value = Value::Scalar(Scalar::string(text));
                        }
                        if let Value::Mapping(entries) = &mut node.value {
                            *entries = merge::apply(std::mem::take(entries))?;
                        }
                        self.finish(node, anchor, diagnostics)?;
                    }
                }
                Event::Alias(id) => {
                    let node = self.alias(id, span)?;
                    self.finish(node, 0, diagnostics)?;
                }
                Event::DocumentEnd => {
                    warn_of_more(&mut parser, text, diagnostics);
                    break;
                }
                _ => {}
            }
        }
        Ok(self.root)
    }

    fn open(&mut self, span: Span, value: Value, style: StructureStyle, anchor: usize) -> Result<(), Diagnostic> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let node = Node { span, width: 1, end_line: span.line, is_flow: style == StructureStyle::Flow, value };
        self.stack.push(Open { anchor, node, key: None });
        Ok(())
    }

    /// A copy of what an alias stands for.
    fn alias(&mut self, id: usize, span: Span) -> Result<Node, Diagnostic> {
        let Some((node, size, height)) = self.anchors.get(&id) else {
            return Err(Diagnostic::error(Code::Syntax, span, "", "this alias stands inside of what it refers to"));
        };
        if self.nodes + size > MAX_NODES {
            return Err(too_many(span));
        }
        if self.stack.len() + height > MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.nodes += size;
        Ok(node.clone())
    }

    /// Puts a complete node where it belongs: into the open collection, as a key, or at the root.
    fn finish(&mut self, node: Node, anchor: usize, diagnostics: &mut Diagnostics) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(too_many(node.span));
        }
        if anchor != 0 {
            let (size, height) = node.size_and_height();
            // The copy that is kept for aliases counts as well: anchors nest.
            self.nodes += size;
            if self.nodes > MAX_NODES {
                return Err(too_many(node.span));
            }
            self.anchors.insert(anchor, (node.clone(), size, height));
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.node.end_line = open.node.end_line.max(node.end_line);
        match (&mut open.node.value, open.key.take()) {
            (Value::Sequence(items), _) => items.push(node),
            (Value::Mapping(entries), Some(_)) if entries.len() >= MAX_KEYS => {
                let message = format!("a mapping with more than {MAX_KEYS} keys");
                return Err(Diagnostic::error(Code::Syntax, node.span, "", message));
            }
            (Value::Mapping(entries), Some(key)) => add_entry(entries, open.node.is_flow, key, node, diagnostics),
            (Value::Mapping(_), None) => open.key = Some(key_of(node)?),
            (Value::Scalar(_), _) => {}
        }
        Ok(())
    }
}

fn add_entry(entries: &mut Vec<Entry>, is_flow: bool, key: Key, value: Node, diagnostics: &mut Diagnostics) {
    let first = entries.iter().find(|entry| entry.key.text == key.text && !key.is_merge);
    let Some(first) = first else {
        entries.push(Entry { key, value });
        return;
    };
    let message = format!("key \"{}\" already set in map", key.text);
    let help = duplicate_help(is_flow, &key, first, &value);
    diagnostics.push(Diagnostic::error(Code::DuplicateKey, key.span, "", message).width(key.width).help(help));
}

/// What to do with the second of two equal keys.
fn duplicate_help(is_flow: bool, key: &Key, first: &Entry, second: &Node) -> String {
    let line = first.key.span.line;
    if is_flow {
        return format!("it is set before in line {line}; keep one of the two");
    }
    let lines = lines_to_remove(key.span.line, second.end_line);
    if first.value.says_the_same_as(second) {
        return format!("{lines}: line {line} says the same");
    }
    match (&first.value.value, &second.value) {
        (Value::Sequence(_), Value::Sequence(_)) => {
            format!(
                "append the second list to the first, which begins in line {line}, and remove the second `{}:`",
                key.text
            )
        }
        (Value::Mapping(_), Value::Mapping(_)) => {
            format!(
                "move the fields of the second `{0}` into the first, in line {line}, and remove the second `{0}:`",
                key.text
            )
        }
        (Value::Scalar(one), _) if one.resolved == Resolved::Null => {
            format!("remove line {line}, which sets it to nothing, or move this value there")
        }
        _ => format!("it is set before in line {line}; keep one of the two"),
    }
}

/// The text of `{{ x }}` where YAML reads a mapping in a mapping: a template that nothing has filled in. It stays what was
/// written, so that the field in which it stands can say so.
fn placeholder_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Mapping(entries) => match &entries[..] {
            [entry] if entry.value.is_null() && entry.key.text.starts_with("{ ") => {
                Some(format!("{{{}}}", entry.key.text))
            }
            _ => None,
        },
        _ => None,
    }
}

fn key_of(node: Node) -> Result<Key, Diagnostic> {
    if let Value::Mapping(entries) = &node.value
        && let [entry] = &entries[..]
        && entry.value.is_null()
    {
        let text = format!("{{ {} }}", entry.key.text);
        return Ok(Key { text, resolved: Resolved::String, span: node.span, width: node.width, is_merge: false });
    }
    match node.value {
        Value::Scalar(scalar) => {
            let is_merge = scalar.is_plain && scalar.text == "<<";
            Ok(Key { text: scalar.text, resolved: scalar.resolved, span: node.span, width: node.width, is_merge })
        }
        _ => Err(Diagnostic::error(
            Code::Syntax,
            node.span,
            "",
            format!("a key must be text, found {}", node.describe()),
        )
        .help("quote the text when it begins with `[`, `{`, `*` or `&`")),
    }
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Scalar, Diagnostic> {
    match tag.map(|tag| (tag.core_suffix(), tag)) {
        None if style == ScalarStyle::Plain => Ok(Scalar::plain(text)),
        None | Some((Some("str"), _)) => Ok(Scalar::string(text)),
        Some((Some("bool" | "int" | "float" | "null"), _)) => Ok(Scalar::plain(text)),
        Some((_, tag)) => Err(unknown_tag(tag, span)),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str, span: Span) -> Result<(), Diagnostic> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) => Err(unknown_tag(tag, span)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Diagnostic {
    Diagnostic::error(Code::Syntax, span, "", format!("the tag `{}` means nothing here", tag.original()))
        .help("remove it, or quote the value when it is meant to begin with `!`")
}

/// Says so when the text goes on after the first document.
fn warn_of_more<'t>(parser: &mut Parser<'t, granit_parser::StrInput<'t>>, text: &str, diagnostics: &mut Diagnostics) {
    let place = match parser.next_event() {
        Some(Ok((Event::DocumentStart(..), place))) => span_of(place.start),
        Some(Err(error)) => span_of(*error.marker()),
        _ => return,
    };
    let message = "only the first YAML document is read, what follows is ignored";
    // Published excerpts write `...` for lines that they leave out; to YAML it is the end of a document.
    let ellipsis = lines(text).take(place.line as usize).collect::<Vec<_>>();
    let ellipsis = ellipsis.iter().rposition(|line| line.trim_end() == "...");
    let help = match ellipsis {
        Some(at) => format!("remove line {}: `...` ends a YAML document", at + 1),
        None => "put the other document into a file of its own".to_owned(),
    };
    diagnostics.push(Diagnostic::warning(Code::Ignored, place, "", message).help(help));
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Syntax, span, "", format!("nested deeper than {MAX_DEPTH} levels"))
}

fn too_many(span: Span) -> Diagnostic {
    let message = format!("more than {MAX_NODES} values, counting each alias as what it stands for");
    Diagnostic::error(Code::Syntax, span, "", message)
}

pub(super) fn span_of(marker: granit_parser::Marker) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span::new(number(marker.line().max(1)), number(marker.col()).saturating_add(1))
}

fn width_of(place: &granit_parser::Span) -> u32 {
    let same_line = place.start.line() == place.end.line();
    let width = if same_line { place.end.col().saturating_sub(place.start.col()) } else { 1 };
    u32::try_from(width.max(1)).unwrap_or(u32::MAX)
}

/// The last line of an event that has content; a block scalar ends where the next line begins.
fn last_line_of(place: &granit_parser::Span) -> u32 {
    let (start, end) = (place.start.line(), place.end.line());
    let line = if end > start && place.end.col() == 0 { end - 1 } else { end };
    u32::try_from(line.max(1)).unwrap_or(u32::MAX)
}
