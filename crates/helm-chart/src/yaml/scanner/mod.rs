//! Turns YAML 1.1 text into tokens, as libyaml and its Go port do: the same tokens, the same mistakes in the same words.
//!
//! Helm reads every file with `sigs.k8s.io/yaml`, which stands on go-yaml v2, a port of libyaml. YAML 1.2 parsers differ
//! from libyaml in small ways (tabs, indicators in plain scalars, where a line counts); so this scanner follows the
//! state of libyaml's step by step.

mod characters;
mod scalars;
mod tags;

use std::collections::{HashMap, VecDeque};

use self::characters::{check_characters, from_utf16};
use super::Error;

/// Bytes after the end of the text, so that looking ahead needs no bounds checks.
const PADDING: usize = 8;

/// The most flow collections within each other.
const MAX_DEPTH: usize = 10_000;

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::yaml) struct Mark {
    /// Characters before this place.
    pub(in crate::yaml) index: usize,
    /// Line, counted from 0.
    pub(in crate::yaml) line: usize,
    /// Column in characters, counted from 0.
    pub(in crate::yaml) column: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::yaml) enum Kind {
    StreamStart,
    StreamEnd,
    VersionDirective(u8, u8),
    TagDirective(String, String),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag(String, String),
    /// The text, and whether the scalar stood there plain.
    Scalar(String, bool),
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(in crate::yaml) struct Token {
    pub(in crate::yaml) kind: Kind,
    pub(in crate::yaml) start: Mark,
}

#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token_number: usize,
    mark: Mark,
}

/// The scanner: text in, tokens out.
pub(in crate::yaml) struct Scanner {
    buf: Vec<u8>,
    pos: usize,
    mark: Mark,
    stream_start: bool,
    stream_end: bool,
    tokens: VecDeque<Token>,
    parsed: usize,
    available: bool,
    indent: isize,
    indents: Vec<isize>,
    simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    keys_by_token: HashMap<usize, usize>,
    flow_level: usize,
}

type Scan<T = ()> = Result<T, Error>;

impl Scanner {
    /// A scanner of UTF-8, or of UTF-16 with a byte order mark. A mark at the start is skipped.
    pub(in crate::yaml) fn new(text: &[u8]) -> Scan<Self> {
        let decoded = match text {
            [0xFF, 0xFE, rest @ ..] => Some(from_utf16(rest, u16::from_le_bytes)?),
            [0xFE, 0xFF, rest @ ..] => Some(from_utf16(rest, u16::from_be_bytes)?),
            _ => None,
        };
        let text = match &decoded {
            Some(text) => text.as_bytes(),
            None => text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text),
        };
        check_characters(text)?;
        let mut buf = Vec::with_capacity(text.len() + PADDING + 1);
        buf.extend_from_slice(text);
        if buf.is_empty() {
            buf.push(b'\n');
        }
        buf.extend_from_slice(&[0; PADDING]);
        Ok(Self {
            buf,
            pos: 0,
            mark: Mark::default(),
            stream_start: false,
            stream_end: false,
            tokens: VecDeque::new(),
            parsed: 0,
            available: false,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: false,
            simple_keys: Vec::new(),
            keys_by_token: HashMap::new(),
            flow_level: 0,
        })
    }

    /// The next token, without taking it.
    pub(in crate::yaml) fn peek(&mut self) -> Scan<&Token> {
        if !self.available {
            self.fetch_more()?;
        }
        Ok(self.tokens.front().expect("a token was fetched, and the stream's end is never taken"))
    }

    /// Takes the token that `peek` showed.
    pub(in crate::yaml) fn take(&mut self) -> Token {
        self.available = false;
        self.parsed += 1;
        let token = self.tokens.pop_front().expect("`peek` came before");
        if token.kind == Kind::StreamEnd {
            self.stream_end = true;
            // The end stays visible for whoever looks again.
            self.tokens.push_front(token.clone());
            self.available = true;
        }
        token
    }

    fn fail<T>(&self, context: Mark, problem: &str) -> Scan<T> {
        // go-yaml counts a scanner's line from one, and falls back to the line of the context.
        let line = if self.mark.line != 0 { self.mark.line + 1 } else { context.line };
        Err(Error::at(line, problem))
    }

    fn push(&mut self, kind: Kind, start: Mark) {
        self.tokens.push_back(Token { kind, start });
    }

    fn push_indicator(&mut self, kind: Kind) {
        let start = self.mark;
        self.skip();
        self.push(kind, start);
    }

    /// Puts a token at the place of the token with that number; a token that was taken already has no place any more.
    fn insert(&mut self, number: usize, token: Token) {
        match number.checked_sub(self.parsed) {
            Some(place) => self.tokens.insert(place, token),
            None => self.tokens.push_back(token),
        }
    }

    fn fetch_more(&mut self) -> Scan {
        loop {
            if !self.tokens.is_empty() {
                let Some(&key) = self.keys_by_token.get(&self.parsed) else { break };
                if !self.simple_key_is_valid(key)? {
                    break;
                }
            }
            self.fetch_next()?;
        }
        self.available = true;
        Ok(())
    }

    fn fetch_next(&mut self) -> Scan {
        if !self.stream_start {
            self.indent = -1;
            self.simple_keys.push(SimpleKey::default());
            self.simple_key_allowed = true;
            self.stream_start = true;
            self.push(Kind::StreamStart, self.mark);
            return Ok(());
        }
        self.scan_to_next_token();
        self.unroll_indent(self.mark.column.cast_signed());
        let c = self.at(0);
        if self.is_z(0) {
            return self.fetch_stream_end();
        }
        if self.mark.column == 0 && c == b'%' {
            self.unroll_indent(-1);
            self.remove_simple_key()?;
            self.simple_key_allowed = false;
            return self.scan_directive();
        }
        if self.is_document_indicator() {
            let kind = if c == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd };
            self.unroll_indent(-1);
            self.remove_simple_key()?;
            self.simple_key_allowed = false;
            let start = self.mark;
            self.skip();
            self.skip();
            self.skip();
            self.push(kind, start);
            return Ok(());
        }
        match c {
            b'[' => return self.fetch_flow_start(Kind::FlowSequenceStart),
            b'{' => return self.fetch_flow_start(Kind::FlowMappingStart),
            b']' => return self.fetch_flow_end(Kind::FlowSequenceEnd),
            b'}' => return self.fetch_flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(Kind::FlowEntry);
                return Ok(());
            }
            b'-' if self.is_blankz(1) => return self.fetch_block_entry(),
            b'?' if self.flow_level > 0 || self.is_blankz(1) => return self.fetch_key(),
            b':' if self.flow_level > 0 || self.is_blankz(1) => return self.fetch_value(),
            b'*' => return self.fetch_anchor(false),
            b'&' => return self.fetch_anchor(true),
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                return self.scan_tag();
            }
            b'|' if self.flow_level == 0 => return self.fetch_block_scalar(true),
            b'>' if self.flow_level == 0 => return self.fetch_block_scalar(false),
            b'\'' => return self.fetch_flow_scalar(true),
            b'"' => return self.fetch_flow_scalar(false),
            _ => {}
        }
        let starts_plain = !(self.is_blankz(0) || b"-?:,[]{}#&*!|>'\"%@`".contains(&c))
            || (c == b'-' && !self.is_blank(1))
            || (self.flow_level == 0 && matches!(c, b'?' | b':') && !self.is_blankz(1));
        if starts_plain {
            self.save_simple_key()?;
            self.simple_key_allowed = false;
            return self.scan_plain_scalar();
        }
        self.fail(self.mark, "found character that cannot start any token")
    }

    fn simple_key_is_valid(&mut self, index: usize) -> Scan<bool> {
        let Some(key) = self.simple_keys.get(index).copied().filter(|key| key.possible) else { return Ok(false) };
        if key.mark.line < self.mark.line || key.mark.index + 1024 < self.mark.index {
            if key.required {
                return self.fail(key.mark, "could not find expected ':'");
            }
            if let Some(key) = self.simple_keys.get_mut(index) {
                key.possible = false;
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn next_token_number(&self) -> usize {
        self.parsed + self.tokens.len()
    }

    fn save_simple_key(&mut self) -> Scan {
        let required = self.flow_level == 0 && self.indent == self.mark.column.cast_signed();
        if self.simple_key_allowed {
            let key = SimpleKey { possible: true, required, token_number: self.next_token_number(), mark: self.mark };
            self.remove_simple_key()?;
            self.keys_by_token.insert(key.token_number, self.simple_keys.len() - 1);
            if let Some(last) = self.simple_keys.last_mut() {
                *last = key;
            }
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scan {
        if let Some(key) = self.simple_keys.last().copied().filter(|key| key.possible) {
            if key.required {
                return self.fail(key.mark, "could not find expected ':'");
            }
            self.drop_last_simple_key(key);
        }
        Ok(())
    }

    fn drop_last_simple_key(&mut self, key: SimpleKey) {
        if let Some(last) = self.simple_keys.last_mut() {
            last.possible = false;
        }
        self.keys_by_token.remove(&key.token_number);
    }

    fn roll_indent(&mut self, column: usize, number: Option<usize>, kind: Kind, mark: Mark) -> Scan {
        if self.flow_level > 0 || self.indent >= column.cast_signed() {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column.cast_signed();
        if self.indents.len() > MAX_DEPTH {
            return self.fail(self.mark, "exceeded max depth of 10000");
        }
        let token = Token { kind, start: mark };
        match number {
            Some(number) => self.insert(number, token),
            None => self.tokens.push_back(token),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Kind::BlockEnd, self.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Scan {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Kind::StreamEnd, self.mark);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind) -> Scan {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey {
            possible: false,
            required: false,
            token_number: self.next_token_number(),
            mark: self.mark,
        });
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return self.fail(self.mark, "exceeded max depth of 10000");
        }
        self.simple_key_allowed = true;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind) -> Scan {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            if let Some(key) = self.simple_keys.pop() {
                self.keys_by_token.remove(&key.token_number);
            }
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.fail(self.mark, "block sequence entries are not allowed in this context");
            }
            self.roll_indent(self.mark.column, None, Kind::BlockSequenceStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(Kind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.fail(self.mark, "mapping keys are not allowed in this context");
            }
            self.roll_indent(self.mark.column, None, Kind::BlockMappingStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(Kind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan {
        let last = self.simple_keys.len() - 1;
        let valid = self.simple_key_is_valid(last)?;
        if let Some(key) = self.simple_keys.last().copied().filter(|_| valid) {
            let token = Token { kind: Kind::Key, start: key.mark };
            self.insert(key.token_number, token);
            self.roll_indent(key.mark.column, Some(key.token_number), Kind::BlockMappingStart, key.mark)?;
            self.drop_last_simple_key(key);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.fail(self.mark, "mapping values are not allowed in this context");
                }
                self.roll_indent(self.mark.column, None, Kind::BlockMappingStart, self.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Kind::Value);
        Ok(())
    }

    fn scan_to_next_token(&mut self) {
        loop {
            if self.mark.column == 0 && self.buf.starts_with(b"\xEF\xBB\xBF") {
                self.skip();
            }
            while self.at(0) == b' ' || ((self.flow_level > 0 || !self.simple_key_allowed) && self.at(0) == b'\t') {
                self.skip();
            }
            self.skip_comment();
            if !self.is_break(0) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }
}
