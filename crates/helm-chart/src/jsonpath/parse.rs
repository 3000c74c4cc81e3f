//! Reads JSONPath templates: `{.spec.containers[*].image}`.

use std::sync::LazyLock;

use regex::Regex;

/// How deep filters may lie within each other.
const MAX_DEPTH: usize = 50;

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A `{...}`: each part works on what the one before gave.
    List(Vec<Node>),
    Text(String),
    Field(String),
    /// `[from:to:step]`
    Array([Entry; 3]),
    /// `[?(left operator right)]`; the operator `exists` has no right side.
    Filter(Vec<Node>, Vec<Node>, String),
    Int(i64),
    Bool(bool),
    Float(f64),
    Wildcard,
    Recursive,
    Union(Vec<Vec<Node>>),
    /// `range`, `end`, and whatever else is written like a word.
    Identifier(String),
}

/// A bound of `[from:to:step]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) value: i64,
    pub(super) known: bool,
    /// The bound follows from `from`: a single index.
    pub(super) derived: bool,
}

static SLICE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(-?[0-9]*)(:-?[0-9]*)?(:-?[0-9]*)?$").expect("the pattern is fixed"));
static FILTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([^!<>=]+)([!<>=]+)(.+?)$").expect("the pattern is fixed"));

/// Reads a template.
///
/// # Errors
///
/// client-go's words.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    Parser { text, position: 0, start: 0, depth: 0 }.template()
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    /// Where the part begins that is being read.
    start: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.position += character.len_utf8();
        Some(character)
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn consume(&mut self) -> &'a str {
        let part = self.text.get(self.start..self.position).unwrap_or_default();
        self.start = self.position;
        part
    }

    fn before(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position.checked_sub(2)?).copied()
    }

    fn template(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            while let Some(character) = self.peek() {
                if character == '{' {
                    break;
                }
                self.next();
            }
            if self.position > self.start {
                nodes.push(Node::Text(self.consume().to_owned()));
            }
            if self.peek().is_none() {
                return Ok(nodes);
            }
            self.next();
            self.consume();
            nodes.push(Node::List(self.action()?));
        }
    }

    /// What stands between braces, up to and with the closing one.
    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with('}') {
                self.position += 1;
                self.consume();
                return Ok(nodes);
            }
            if rest.starts_with("[?(") {
                let filter = self.filter()?;
                nodes.push(filter);
                continue;
            }
            if rest.starts_with("..") {
                if nodes.last() == Some(&Node::Recursive) {
                    return Err("invalid multiple recursive descent".into());
                }
                self.position += 2;
                self.consume();
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(is_word) {
                    nodes.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\r' | '\n') => return Err("unclosed action".into()),
                Some(' ' | '@' | '$') => {
                    self.consume();
                }
                Some('[') => self.array(&mut nodes)?,
                Some(quote @ ('"' | '\'')) => nodes.push(self.quoted(quote)?),
                Some('.') => nodes.push(self.field()),
                Some(c) if matches!(c, '+' | '-') || c.is_numeric() => {
                    self.position -= c.len_utf8();
                    nodes.push(self.number()?);
                }
                Some(c) if is_word(c) => {
                    self.position -= c.len_utf8();
                    nodes.push(self.identifier());
                }
                Some(c) => {
                    return Err(format!("unrecognized character in action: U+{:04X} '{c}'", u32::from(c)));
                }
            }
        }
    }

    /// Another text in braces of its own.
    fn nested(&self, text: &str) -> Result<Vec<Node>, String> {
        if self.depth >= MAX_DEPTH {
            return Err(format!("the template nests deeper than {MAX_DEPTH} levels"));
        }
        let text = format!("{{{text}}}");
        let nodes = Parser { text: &text, position: 0, start: 0, depth: self.depth + 1 }.template()?;
        match nodes.into_iter().next() {
            Some(Node::List(nodes)) => Ok(nodes),
            _ => Ok(Vec::new()),
        }
    }

    fn identifier(&mut self) -> Node {
        while self.peek().is_some_and(|c| !is_terminator(c)) {
            self.next();
        }
        match self.consume() {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            word => Node::Identifier(word.to_owned()),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        if let Some('+' | '-') = self.peek() {
            self.next();
        }
        while self.peek().is_some_and(|c| c == '.' || c.is_numeric()) {
            self.next();
        }
        let text = self.consume();
        if let Ok(value) = text.parse() {
            return Ok(Node::Int(value));
        }
        match text.parse() {
            Ok(value) if text.contains(|c: char| c.is_ascii_digit()) => Ok(Node::Float(value)),
            _ => Err(format!("cannot parse number {text}")),
        }
    }

    fn array(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".into()),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let text = self.consume();
        let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text
                .split(',')
                .map(|part| self.nested(&format!("[{}]", part.trim_matches(' '))))
                .collect::<Result<_, _>>()?;
            nodes.push(Node::Union(parts));
            return Ok(());
        }
        let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        if let Some(key) = quoted.filter(|key| !key.contains('\'')) {
            nodes.extend(self.nested(&format!(".{key}"))?);
            return Ok(());
        }
        let Some(captures) = SLICE.captures(text) else { return Err(format!("invalid array index {text}")) };
        let mut entries = [Entry::default(); 3];
        let mut from = 0_i64;
        for (index, entry) in entries.iter_mut().enumerate() {
            let text = captures.get(index + 1).map_or("", |group| group.as_str());
            if text.is_empty() {
                if index == 1 {
                    *entry = Entry { value: from.saturating_add(1), known: true, derived: true };
                }
                continue;
            }
            let text = if index > 0 { text.strip_prefix(':').unwrap_or(text) } else { text };
            if text.is_empty() {
                continue;
            }
            let value = text.parse().map_err(|_| format!("array index {text} is not a number"))?;
            *entry = Entry { value, known: true, derived: false };
            if index == 0 {
                from = value;
            }
        }
        nodes.push(Node::Array(entries));
        Ok(())
    }

    fn filter(&mut self) -> Result<Node, String> {
        self.position += "[?(".len();
        self.consume();
        let (mut begun, mut ended) = (false, false);
        let mut pair = '"';
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".into()),
                Some(quote @ ('"' | '\'')) => {
                    if !begun {
                        begun = true;
                        pair = quote;
                    } else if self.before() != Some(b'\\') && quote == pair {
                        ended = true;
                    }
                }
                Some(')') if begun == ended => break,
                Some(_) => {}
            }
        }
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".into());
        }
        let text = self.consume();
        let text = text.strip_suffix(")]").unwrap_or(text);
        match FILTER.captures(text) {
            None => Ok(Node::Filter(self.nested(text)?, Vec::new(), "exists".into())),
            Some(parts) => Ok(Node::Filter(self.nested(&parts[1])?, self.nested(&parts[3])?, parts[2].to_owned())),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Node, String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".into()),
                Some(c) if c == quote && self.before() != Some(b'\\') => break,
                Some(_) => {}
            }
        }
        let text = self.consume();
        match unquote(text) {
            Some(text) => Ok(Node::Text(text)),
            None => Err(format!("unquote string {text} error invalid syntax")),
        }
    }

    fn field(&mut self) -> Node {
        self.consume();
        while let Some(character) = self.peek() {
            if character == '\\' {
                self.next();
                self.next();
            } else if is_terminator(character) {
                break;
            } else {
                self.next();
            }
        }
        match self.consume() {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn is_terminator(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

/// A text in single or double quotes without them, its escapes as Go reads them.
fn unquote(text: &str) -> Option<String> {
    let quote = text.chars().next()?;
    let mut rest = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut out = Vec::new();
    loop {
        let mut characters = rest.chars();
        let Some(first) = characters.next() else { break };
        rest = characters.as_str();
        if first == quote {
            return None;
        }
        if first != '\\' {
            out.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = characters.next()?;
        rest = characters.as_str();
        let (digits, radix) = match escape {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (2, 8),
            _ => (0, 0),
        };
        if radix > 0 {
            let mut code = if radix == 8 { escape.to_digit(8)? } else { 0 };
            for digit in rest.chars().take(digits) {
                code = code.checked_mul(radix)?.checked_add(digit.to_digit(radix)?)?;
            }
            rest = rest.get(digits..)?;
            match escape {
                'u' | 'U' => out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => out.push(u8::try_from(code).ok()?),
            }
            continue;
        }
        out.push(match escape {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            '\'' | '"' if escape == quote => quote as u8,
            _ => return None,
        });
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}
