//! Turns tokens into nodes, by the grammar of libyaml's parser and in its words.

use std::collections::HashMap;

use super::Error;
use super::scanner::{Kind, Mark, Scanner, Token};

/// Collections within each other that are still read. Deeper text is hostile: nothing in a chart comes near.
const MAX_DEPTH: usize = 500;

/// Which node, in the arena of a document.
pub(super) type NodeId = usize;

/// A node of a document, before its scalars mean anything.
#[derive(Debug)]
pub(super) enum Node {
    Scalar {
        value: String,
        /// The tag in its long form, empty if none stood there.
        tag: String,
        /// Whether the scalar's meaning follows from its text: plain, or with the tag `!`.
        implicit: bool,
    },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias {
        name: String,
        to: NodeId,
    },
}

/// The first document of a text.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

const LONG_TAG: &str = "tag:yaml.org,2002:";

/// Reads the first document. An empty stream has none.
pub(super) fn compose(text: &[u8]) -> Result<Option<Document>, Error> {
    let mut composer = Composer {
        scanner: Scanner::new(text)?,
        nodes: Vec::new(),
        anchors: HashMap::new(),
        directives: Vec::new(),
        depth: 0,
    };
    composer.scanner.peek()?;
    composer.scanner.take();
    composer.document()
}

struct Composer {
    scanner: Scanner,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    directives: Vec<(String, String)>,
    depth: usize,
}

type Compose<T> = Result<T, Error>;

/// What is allowed where a node is expected.
#[derive(Clone, Copy)]
struct Context {
    block: bool,
    indentless: bool,
}

const BLOCK: Context = Context { block: true, indentless: false };
const BLOCK_OR_INDENTLESS: Context = Context { block: true, indentless: true };
const FLOW: Context = Context { block: false, indentless: false };

/// A parser's mistake: go-yaml names the line as counted from zero, and falls back to the context's line.
fn fail<T>(context: Option<Mark>, problem: &str, at: Mark) -> Compose<T> {
    let line = if at.line != 0 { at.line } else { context.map_or(0, |mark| mark.line) };
    Err(Error::at(line, problem))
}

impl Composer {
    fn peek(&mut self) -> Compose<&Token> {
        self.scanner.peek()
    }

    fn next(&mut self) -> Compose<Token> {
        self.scanner.peek()?;
        Ok(self.scanner.take())
    }

    fn peek_start(&mut self) -> Compose<Mark> {
        Ok(self.peek()?.start)
    }

    fn is(&mut self, kind: &Kind) -> Compose<bool> {
        Ok(self.peek()?.kind == *kind)
    }

    fn document(&mut self) -> Compose<Option<Document>> {
        let token = self.peek()?.clone();
        let explicit = match token.kind {
            Kind::StreamEnd => return Ok(None),
            Kind::VersionDirective(..) | Kind::TagDirective(..) | Kind::DocumentStart => {
                self.directives()?;
                let token = self.peek()?.clone();
                if token.kind != Kind::DocumentStart {
                    return fail(None, "did not find expected <document start>", token.start);
                }
                self.next()?;
                true
            }
            _ => {
                self.directives()?;
                false
            }
        };
        let start = self.peek()?.clone();
        let root = match start.kind {
            Kind::VersionDirective(..)
            | Kind::TagDirective(..)
            | Kind::DocumentStart
            | Kind::DocumentEnd
            | Kind::StreamEnd
                if explicit =>
            {
                self.empty()
            }
            _ => self.node(BLOCK)?,
        };
        // The end of the document is looked at, so a mistake in the next token counts.
        self.peek()?;
        Ok(Some(Document { nodes: std::mem::take(&mut self.nodes), root }))
    }

    fn directives(&mut self) -> Compose<()> {
        let mut version = false;
        loop {
            let token = self.peek()?.clone();
            match token.kind {
                Kind::VersionDirective(major, minor) => {
                    if version {
                        return fail(None, "found duplicate %YAML directive", token.start);
                    }
                    if (major, minor) != (1, 1) {
                        return fail(None, "found incompatible YAML document", token.start);
                    }
                    version = true;
                }
                Kind::TagDirective(handle, prefix) => {
                    if self.directives.iter().any(|(known, _)| *known == handle) {
                        return fail(None, "found duplicate %TAG directive", token.start);
                    }
                    self.directives.push((handle, prefix));
                }
                _ => break,
            }
            self.next()?;
        }
        for (handle, prefix) in [("!", "!"), ("!!", LONG_TAG)] {
            if !self.directives.iter().any(|(known, _)| known == handle) {
                self.directives.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn empty(&mut self) -> NodeId {
        self.add(Node::Scalar { value: String::new(), tag: String::new(), implicit: true })
    }

    fn node(&mut self, context: Context) -> Compose<NodeId> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::plain("exceeded max depth of 500"));
        }
        let node = self.node_within(context);
        self.depth -= 1;
        node
    }

    fn node_within(&mut self, context: Context) -> Compose<NodeId> {
        let first = self.peek()?.clone();
        if let Kind::Alias(name) = first.kind {
            let Some(&to) = self.anchors.get(&name) else {
                return Err(Error::plain(&format!("unknown anchor '{name}' referenced")));
            };
            self.next()?;
            return Ok(self.add(Node::Alias { name, to }));
        }
        let start = first.start;
        let mut anchor = None;
        let mut tag = None;
        // One anchor and one tag, in either order.
        for _ in 0..2 {
            let token = self.peek()?.clone();
            match token.kind {
                Kind::Anchor(name) if anchor.is_none() => anchor = Some(name),
                Kind::Tag(handle, suffix) if tag.is_none() => tag = Some((handle, suffix, token.start)),
                _ => break,
            }
            self.next()?;
        }
        let tag = match tag {
            None => String::new(),
            Some((handle, suffix, _)) if handle.is_empty() => suffix,
            Some((handle, suffix, mark)) => {
                match self.directives.iter().find(|(known, prefix)| *known == handle && !prefix.is_empty()) {
                    Some((_, prefix)) => format!("{prefix}{suffix}"),
                    None => return fail(Some(start), "found undefined tag handle", mark),
                }
            }
        };
        let token = self.peek()?.clone();
        match token.kind {
            Kind::BlockEntry if context.indentless => {
                let id = self.open(Node::Sequence(Vec::new()), anchor);
                self.indentless_sequence(id)?;
                Ok(id)
            }
            Kind::Scalar(value, plain) => {
                self.next()?;
                let implicit = (tag.is_empty() && plain) || tag == "!";
                Ok(self.open(Node::Scalar { value, tag, implicit }, anchor))
            }
            Kind::FlowSequenceStart => {
                let id = self.open(Node::Sequence(Vec::new()), anchor);
                self.flow_sequence(id)?;
                Ok(id)
            }
            Kind::FlowMappingStart => {
                let id = self.open(Node::Mapping(Vec::new()), anchor);
                self.flow_mapping(id)?;
                Ok(id)
            }
            Kind::BlockSequenceStart if context.block => {
                let id = self.open(Node::Sequence(Vec::new()), anchor);
                self.block_sequence(id)?;
                Ok(id)
            }
            Kind::BlockMappingStart if context.block => {
                let id = self.open(Node::Mapping(Vec::new()), anchor);
                self.block_mapping(id)?;
                Ok(id)
            }
            _ if anchor.is_some() || !tag.is_empty() => {
                let implicit = tag.is_empty();
                Ok(self.open(Node::Scalar { value: String::new(), tag, implicit }, anchor))
            }
            _ => fail(Some(start), "did not find expected node content", token.start),
        }
    }

    /// Adds a node and lets its anchor name it before its children are read.
    fn open(&mut self, node: Node, anchor: Option<String>) -> NodeId {
        let id = self.add(node);
        if let Some(name) = anchor {
            self.anchors.insert(name, id);
        }
        id
    }

    fn append(&mut self, sequence: NodeId, child: NodeId) {
        if let Some(Node::Sequence(children)) = self.nodes.get_mut(sequence) {
            children.push(child);
        }
    }

    fn insert(&mut self, mapping: NodeId, key: NodeId, value: NodeId) {
        if let Some(Node::Mapping(children)) = self.nodes.get_mut(mapping) {
            children.push((key, value));
        }
    }

    fn block_sequence(&mut self, id: NodeId) -> Compose<()> {
        let opened = self.next()?.start;
        loop {
            let token = self.peek()?.clone();
            match token.kind {
                Kind::BlockEntry => {
                    self.next()?;
                    let child = match self.peek()?.kind {
                        Kind::BlockEntry | Kind::BlockEnd => self.empty(),
                        _ => self.node(BLOCK)?,
                    };
                    self.append(id, child);
                }
                Kind::BlockEnd => {
                    self.next()?;
                    return Ok(());
                }
                _ => return fail(Some(opened), "did not find expected '-' indicator", token.start),
            }
        }
    }

    fn indentless_sequence(&mut self, id: NodeId) -> Compose<()> {
        while self.is(&Kind::BlockEntry)? {
            self.next()?;
            let child = match self.peek()?.kind {
                Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => self.empty(),
                _ => self.node(BLOCK)?,
            };
            self.append(id, child);
        }
        Ok(())
    }

    fn block_mapping(&mut self, id: NodeId) -> Compose<()> {
        let opened = self.next()?.start;
        loop {
            let token = self.peek()?.clone();
            match token.kind {
                Kind::Key => {
                    self.next()?;
                    let key = self.block_mapping_node()?;
                    let value = if self.is(&Kind::Value)? {
                        self.next()?;
                        self.block_mapping_node()?
                    } else {
                        self.empty()
                    };
                    self.insert(id, key, value);
                }
                Kind::BlockEnd => {
                    self.next()?;
                    return Ok(());
                }
                _ => return fail(Some(opened), "did not find expected key", token.start),
            }
        }
    }

    fn block_mapping_node(&mut self) -> Compose<NodeId> {
        match self.peek()?.kind {
            Kind::Key | Kind::Value | Kind::BlockEnd => Ok(self.empty()),
            _ => self.node(BLOCK_OR_INDENTLESS),
        }
    }

    fn flow_sequence(&mut self, id: NodeId) -> Compose<()> {
        let opened = self.next()?.start;
        let mut first = true;
        loop {
            if self.is(&Kind::FlowSequenceEnd)? {
                break;
            }
            if !first {
                if !self.is(&Kind::FlowEntry)? {
                    let start = self.peek_start()?;
                    return fail(Some(opened), "did not find expected ',' or ']'", start);
                }
                self.next()?;
            }
            first = false;
            match self.peek()?.kind {
                Kind::Key => {
                    self.next()?;
                    let child = self.flow_pair()?;
                    self.append(id, child);
                }
                Kind::FlowSequenceEnd => break,
                _ => {
                    let child = self.node(FLOW)?;
                    self.append(id, child);
                }
            }
        }
        self.next()?;
        Ok(())
    }

    /// A single pair that stands in a flow sequence: `[a: b]`.
    fn flow_pair(&mut self) -> Compose<NodeId> {
        let pair = self.add(Node::Mapping(Vec::new()));
        let key = match self.peek()?.kind {
            Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                // libyaml takes the token it saw; the value is then read from what follows.
                self.next()?;
                self.empty()
            }
            _ => self.node(FLOW)?,
        };
        let value = if self.is(&Kind::Value)? {
            self.next()?;
            match self.peek()?.kind {
                Kind::FlowEntry | Kind::FlowSequenceEnd => self.empty(),
                _ => self.node(FLOW)?,
            }
        } else {
            self.empty()
        };
        self.insert(pair, key, value);
        Ok(pair)
    }

    fn flow_mapping(&mut self, id: NodeId) -> Compose<()> {
        let opened = self.next()?.start;
        let mut first = true;
        loop {
            if self.is(&Kind::FlowMappingEnd)? {
                break;
            }
            if !first {
                if !self.is(&Kind::FlowEntry)? {
                    let start = self.peek_start()?;
                    return fail(Some(opened), "did not find expected ',' or '}'", start);
                }
                self.next()?;
            }
            first = false;
            match self.peek()?.kind {
                Kind::Key => {
                    self.next()?;
                    let key = match self.peek()?.kind {
                        Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => self.empty(),
                        _ => self.node(FLOW)?,
                    };
                    let value = if self.is(&Kind::Value)? {
                        self.next()?;
                        match self.peek()?.kind {
                            Kind::FlowEntry | Kind::FlowMappingEnd => self.empty(),
                            _ => self.node(FLOW)?,
                        }
                    } else {
                        self.empty()
                    };
                    self.insert(id, key, value);
                }
                Kind::FlowMappingEnd => break,
                _ => {
                    let key = self.node(FLOW)?;
                    let value = self.empty();
                    self.insert(id, key, value);
                }
            }
        }
        self.next()?;
        Ok(())
    }
}
