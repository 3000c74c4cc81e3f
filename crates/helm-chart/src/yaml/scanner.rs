//! Turns YAML 1.1 text into tokens, as libyaml and its Go port do: the same tokens, the same mistakes in the same words.
//!
//! Helm reads every file with `sigs.k8s.io/yaml`, which stands on go-yaml v2, a port of libyaml. YAML 1.2 parsers differ
//! from libyaml in small ways (tabs, indicators in plain scalars, where a line counts); so this scanner follows the
//! state of libyaml's step by step.

use std::collections::{HashMap, VecDeque};

use super::Error;

/// Bytes after the end of the text, so that looking ahead needs no bounds checks.
const PADDING: usize = 8;

/// The most flow collections within each other.
const MAX_DEPTH: usize = 10_000;

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Characters before this place.
    pub(super) index: usize,
    /// Line, counted from 0.
    pub(super) line: usize,
    /// Column in characters, counted from 0.
    pub(super) column: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: Mark,
}

#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token_number: usize,
    mark: Mark,
}

/// The scanner: text in, tokens out.
pub(super) struct Scanner {
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
    /// A scanner of UTF-8 text. A byte order mark at the start is skipped.
    pub(super) fn new(text: &[u8]) -> Scan<Self> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
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
    pub(super) fn peek(&mut self) -> Scan<&Token> {
        if !self.available {
            self.fetch_more()?;
        }
        Ok(self.tokens.front().expect("a token was fetched, and the stream's end is never taken"))
    }

    /// Takes the token that `peek` showed.
    pub(super) fn take(&mut self) -> Token {
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

    // Characters.

    fn at(&self, offset: usize) -> u8 {
        self.buf.get(self.pos + offset).copied().unwrap_or(0)
    }

    fn is_z(&self, offset: usize) -> bool {
        self.at(offset) == 0
    }

    fn is_blank(&self, offset: usize) -> bool {
        matches!(self.at(offset), b' ' | b'\t')
    }

    fn is_break(&self, offset: usize) -> bool {
        match self.at(offset) {
            b'\r' | b'\n' => true,
            0xC2 => self.at(offset + 1) == 0x85,
            0xE2 => self.at(offset + 1) == 0x80 && matches!(self.at(offset + 2), 0xA8 | 0xA9),
            _ => false,
        }
    }

    fn is_breakz(&self, offset: usize) -> bool {
        self.is_z(offset) || self.is_break(offset)
    }

    fn is_blankz(&self, offset: usize) -> bool {
        self.is_blank(offset) || self.is_breakz(offset)
    }

    fn is_alpha(&self) -> bool {
        matches!(self.at(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    fn is_document_indicator(&self) -> bool {
        self.mark.column == 0
            && ((self.at(0) == b'-' && self.at(1) == b'-' && self.at(2) == b'-')
                || (self.at(0) == b'.' && self.at(1) == b'.' && self.at(2) == b'.'))
            && self.is_blankz(3)
    }

    fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
        self.pos += width(self.at(0));
    }

    fn skip_line(&mut self) {
        if self.at(0) == b'\r' && self.at(1) == b'\n' {
            self.mark.index += 2;
            self.pos += 2;
        } else if self.is_break(0) {
            self.mark.index += 1;
            self.pos += width(self.at(0));
        } else {
            return;
        }
        self.mark.column = 0;
        self.mark.line += 1;
    }

    fn read(&mut self, into: &mut Vec<u8>) {
        let width = width(self.at(0));
        into.extend_from_slice(&self.buf[self.pos..self.pos + width]);
        self.pos += width;
        self.mark.index += 1;
        self.mark.column += 1;
    }

    fn read_line(&mut self, into: &mut Vec<u8>) {
        match (self.at(0), self.at(1)) {
            (b'\r', b'\n') => {
                into.push(b'\n');
                self.pos += 2;
                self.mark.index += 1;
            }
            (b'\r' | b'\n', _) => {
                into.push(b'\n');
                self.pos += 1;
            }
            (0xC2, 0x85) => {
                into.push(b'\n');
                self.pos += 2;
            }
            (0xE2, 0x80) if matches!(self.at(2), 0xA8 | 0xA9) => {
                into.extend_from_slice(&self.buf[self.pos..self.pos + 3]);
                self.pos += 3;
            }
            _ => return,
        }
        self.mark.index += 1;
        self.mark.column = 0;
        self.mark.line += 1;
    }

    fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    fn skip_comment(&mut self) {
        if self.at(0) == b'#' {
            while !self.is_breakz(0) {
                self.skip();
            }
        }
    }

    // Tokens.

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
        let key = self.simple_keys[index];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < self.mark.line || key.mark.index + 1024 < self.mark.index {
            if key.required {
                return self.fail(key.mark, "could not find expected ':'");
            }
            self.simple_keys[index].possible = false;
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
            let last = self.simple_keys.len() - 1;
            self.simple_keys[last] = key;
            self.keys_by_token.insert(key.token_number, last);
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scan {
        let last = self.simple_keys.len() - 1;
        let key = self.simple_keys[last];
        if key.possible {
            if key.required {
                return self.fail(key.mark, "could not find expected ':'");
            }
            self.simple_keys[last].possible = false;
            self.keys_by_token.remove(&key.token_number);
        }
        Ok(())
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
        if self.simple_key_is_valid(last)? {
            let key = self.simple_keys[last];
            let token = Token { kind: Kind::Key, start: key.mark };
            self.insert(key.token_number, token);
            self.roll_indent(key.mark.column, Some(key.token_number), Kind::BlockMappingStart, key.mark)?;
            self.simple_keys[last].possible = false;
            self.keys_by_token.remove(&key.token_number);
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

    fn scan_directive(&mut self) -> Scan {
        let start = self.mark;
        self.skip();
        let mut name = Vec::new();
        while self.is_alpha() {
            self.read(&mut name);
        }
        if name.is_empty() {
            return self.fail(start, "could not find expected directive name");
        }
        if !self.is_blankz(0) {
            return self.fail(start, "found unexpected non-alphabetical character");
        }
        let kind = match name.as_slice() {
            b"YAML" => {
                self.skip_blanks();
                let major = self.scan_version_number(start)?;
                if self.at(0) != b'.' {
                    return self.fail(start, "did not find expected digit or '.' character");
                }
                self.skip();
                Kind::VersionDirective(major, self.scan_version_number(start)?)
            }
            b"TAG" => {
                self.skip_blanks();
                let handle = self.scan_tag_handle(true, start)?;
                if !self.is_blank(0) {
                    return self.fail(start, "did not find expected whitespace");
                }
                self.skip_blanks();
                let prefix = self.scan_tag_uri(b"", start)?;
                if !self.is_blankz(0) {
                    return self.fail(start, "did not find expected whitespace or line break");
                }
                Kind::TagDirective(text(handle), text(prefix))
            }
            _ => return self.fail(start, "found unknown directive name"),
        };
        self.push(kind, start);
        self.skip_blanks();
        self.skip_comment();
        if !self.is_breakz(0) {
            return self.fail(start, "did not find expected comment or line break");
        }
        self.skip_line();
        Ok(())
    }

    fn scan_version_number(&mut self, start: Mark) -> Scan<u8> {
        let mut value = 0;
        let mut length = 0;
        while self.at(0).is_ascii_digit() {
            length += 1;
            if length > 2 {
                return self.fail(start, "found extremely long version number");
            }
            value = value * 10 + (self.at(0) - b'0');
            self.skip();
        }
        if length == 0 {
            return self.fail(start, "did not find expected version number");
        }
        Ok(value)
    }

    fn fetch_anchor(&mut self, anchor: bool) -> Scan {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.skip();
        let mut name = Vec::new();
        while self.is_alpha() {
            self.read(&mut name);
        }
        if name.is_empty() || !(self.is_blankz(0) || b"?:,]}%@`".contains(&self.at(0))) {
            return self.fail(start, "did not find expected alphabetic or numeric character");
        }
        let name = text(name);
        self.push(if anchor { Kind::Anchor(name) } else { Kind::Alias(name) }, start);
        Ok(())
    }

    fn scan_tag(&mut self) -> Scan {
        let start = self.mark;
        let (mut handle, mut suffix) = (Vec::new(), Vec::new());
        if self.at(1) == b'<' {
            self.skip();
            self.skip();
            suffix = self.scan_tag_uri(b"", start)?;
            if self.at(0) != b'>' {
                return self.fail(start, "did not find the expected '>'");
            }
            self.skip();
        } else {
            handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with(b"!") {
                suffix = self.scan_tag_uri(b"", start)?;
            } else {
                suffix.extend(self.scan_tag_uri(&handle, start)?);
                handle = b"!".to_vec();
                if suffix.is_empty() {
                    std::mem::swap(&mut handle, &mut suffix);
                }
            }
        }
        if !self.is_blankz(0) {
            return self.fail(start, "did not find expected whitespace or line break");
        }
        self.push(Kind::Tag(text(handle), text(suffix)), start);
        Ok(())
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Scan<Vec<u8>> {
        if self.at(0) != b'!' {
            return self.fail(start, "did not find expected '!'");
        }
        let mut handle = Vec::new();
        self.read(&mut handle);
        while self.is_alpha() {
            self.read(&mut handle);
        }
        if self.at(0) == b'!' {
            self.read(&mut handle);
        } else if directive && handle != b"!" {
            return self.fail(start, "did not find expected '!'");
        }
        Ok(handle)
    }

    fn scan_tag_uri(&mut self, head: &[u8], start: Mark) -> Scan<Vec<u8>> {
        let mut uri = head.get(1..).unwrap_or_default().to_vec();
        let mut found = !head.is_empty();
        while self.is_alpha() || b";/?:@&=+$,.!~*'()[]%".contains(&self.at(0)) {
            if self.at(0) == b'%' {
                self.scan_uri_escapes(start, &mut uri)?;
            } else {
                self.read(&mut uri);
            }
            found = true;
        }
        if !found {
            return self.fail(start, "did not find expected tag URI");
        }
        Ok(uri)
    }

    fn scan_uri_escapes(&mut self, start: Mark, uri: &mut Vec<u8>) -> Scan {
        let mut left = None;
        loop {
            let (high, low) = (hex(self.at(1)), hex(self.at(2)));
            let (b'%', Some(high), Some(low)) = (self.at(0), high, low) else {
                return self.fail(start, "did not find URI escaped octet");
            };
            let octet = u8::try_from(high * 16 + low).expect("two digits");
            let remaining = match left {
                None => match octet {
                    0..=0x7F => 1,
                    0xC0..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF7 => 4,
                    _ => return self.fail(start, "found an incorrect leading UTF-8 octet"),
                },
                Some(remaining) => {
                    if octet & 0xC0 != 0x80 {
                        return self.fail(start, "found an incorrect trailing UTF-8 octet");
                    }
                    remaining
                }
            };
            uri.push(octet);
            self.skip();
            self.skip();
            self.skip();
            if remaining == 1 {
                return Ok(());
            }
            left = Some(remaining - 1);
        }
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Scan {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let start = self.mark;
        self.skip();
        let mut chomping = 0;
        let mut increment = 0;
        let zero = "found an indentation indicator equal to 0";
        for _ in 0..2 {
            match self.at(0) {
                c @ (b'+' | b'-') if chomping == 0 => {
                    chomping = if c == b'+' { 1 } else { -1 };
                    self.skip();
                }
                b'0' if increment == 0 => return self.fail(start, zero),
                c @ b'1'..=b'9' if increment == 0 => {
                    increment = isize::from(c - b'0');
                    self.skip();
                }
                _ => break,
            }
        }
        self.skip_blanks();
        self.skip_comment();
        if !self.is_breakz(0) {
            return self.fail(start, "did not find expected comment or line break");
        }
        self.skip_line();
        let mut indent = if increment > 0 { self.indent.max(0) + increment } else { 0 };
        let (mut value, mut leading, mut trailing) = (Vec::new(), Vec::new(), Vec::new());
        self.scan_block_scalar_breaks(&mut indent, &mut trailing, start)?;
        let mut leading_blank = false;
        while self.mark.column.cast_signed() == indent && !self.is_z(0) {
            let trailing_blank = self.is_blank(0);
            if !literal && !leading_blank && !trailing_blank && leading.first() == Some(&b'\n') {
                if trailing.is_empty() {
                    value.push(b' ');
                }
            } else {
                value.extend_from_slice(&leading);
            }
            leading.clear();
            value.append(&mut trailing);
            leading_blank = self.is_blank(0);
            while !self.is_breakz(0) {
                self.read(&mut value);
            }
            self.read_line(&mut leading);
            self.scan_block_scalar_breaks(&mut indent, &mut trailing, start)?;
        }
        if chomping != -1 {
            value.extend_from_slice(&leading);
        }
        if chomping == 1 {
            value.extend_from_slice(&trailing);
        }
        self.tokens.push_back(Token { kind: Kind::Scalar(text(value), false), start });
        Ok(())
    }

    fn scan_block_scalar_breaks(&mut self, indent: &mut isize, breaks: &mut Vec<u8>, start: Mark) -> Scan {
        let mut most = 0;
        loop {
            while (*indent == 0 || self.mark.column.cast_signed() < *indent) && self.at(0) == b' ' {
                self.skip();
            }
            most = most.max(self.mark.column.cast_signed());
            if (*indent == 0 || self.mark.column.cast_signed() < *indent) && self.at(0) == b'\t' {
                return self.fail(start, "found a tab character where an indentation space is expected");
            }
            if !self.is_break(0) {
                break;
            }
            self.read_line(breaks);
        }
        if *indent == 0 {
            *indent = most.max(self.indent + 1).max(1);
        }
        Ok(())
    }

    fn fetch_flow_scalar(&mut self, single: bool) -> Scan {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let quote = if single { b'\'' } else { b'"' };
        self.skip();
        let (mut value, mut leading, mut trailing, mut blanks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        loop {
            if self.is_document_indicator() {
                return self.fail(start, "found unexpected document indicator");
            }
            if self.is_z(0) {
                return self.fail(start, "found unexpected end of stream");
            }
            let mut leading_blanks = false;
            while !self.is_blankz(0) {
                let c = self.at(0);
                if single && c == b'\'' && self.at(1) == b'\'' {
                    value.push(b'\'');
                    self.skip();
                    self.skip();
                } else if c == quote {
                    break;
                } else if !single && c == b'\\' && self.is_break(1) {
                    self.skip();
                    self.skip_line();
                    leading_blanks = true;
                    break;
                } else if !single && c == b'\\' {
                    self.scan_escape(start, &mut value)?;
                } else {
                    self.read(&mut value);
                }
            }
            if self.at(0) == quote {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_blank(0) {
                    if leading_blanks {
                        self.skip();
                    } else {
                        self.read(&mut blanks);
                    }
                } else if leading_blanks {
                    self.read_line(&mut trailing);
                } else {
                    blanks.clear();
                    self.read_line(&mut leading);
                    leading_blanks = true;
                }
            }
            if leading_blanks {
                fold(&mut value, &mut leading, &mut trailing);
            } else {
                value.append(&mut blanks);
            }
        }
        self.skip();
        self.push(Kind::Scalar(text(value), false), start);
        Ok(())
    }

    fn scan_escape(&mut self, start: Mark, value: &mut Vec<u8>) -> Scan {
        let plain: &[u8] = match self.at(1) {
            b'0' => b"\0",
            b'a' => b"\x07",
            b'b' => b"\x08",
            b't' | b'\t' => b"\t",
            b'n' => b"\n",
            b'v' => b"\x0B",
            b'f' => b"\x0C",
            b'r' => b"\r",
            b'e' => b"\x1B",
            b' ' => b" ",
            b'"' => b"\"",
            b'\'' => b"'",
            b'\\' => b"\\",
            b'N' => b"\xC2\x85",
            b'_' => b"\xC2\xA0",
            b'L' => b"\xE2\x80\xA8",
            b'P' => b"\xE2\x80\xA9",
            b'x' | b'u' | b'U' => b"",
            _ => return self.fail(start, "found unknown escape character"),
        };
        let digits = match self.at(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        value.extend_from_slice(plain);
        self.skip();
        self.skip();
        if digits > 0 {
            let mut code: u64 = 0;
            for offset in 0..digits {
                let Some(digit) = hex(self.at(offset)) else {
                    return self.fail(start, "did not find expected hexdecimal number");
                };
                code = code * 16 + u64::from(digit);
            }
            let Some(character) = u32::try_from(code).ok().and_then(char::from_u32) else {
                return self.fail(start, "found invalid Unicode character escape code");
            };
            value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            for _ in 0..digits {
                self.skip();
            }
        }
        Ok(())
    }

    fn scan_plain_scalar(&mut self) -> Scan {
        let (mut value, mut leading, mut trailing, mut blanks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut leading_blanks = false;
        let indent = self.indent + 1;
        let start = self.mark;
        loop {
            if self.is_document_indicator() || self.at(0) == b'#' {
                break;
            }
            while !self.is_blankz(0) {
                let c = self.at(0);
                if (c == b':' && self.is_blankz(1)) || (self.flow_level > 0 && b",?[]{}".contains(&c)) {
                    break;
                }
                if leading_blanks {
                    fold(&mut value, &mut leading, &mut trailing);
                    leading_blanks = false;
                } else if !blanks.is_empty() {
                    value.append(&mut blanks);
                }
                self.read(&mut value);
            }
            if !(self.is_blank(0) || self.is_break(0)) {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_blank(0) {
                    if leading_blanks && self.mark.column.cast_signed() < indent && self.at(0) == b'\t' {
                        return self.fail(start, "found a tab character that violates indentation");
                    }
                    if leading_blanks {
                        self.skip();
                    } else {
                        self.read(&mut blanks);
                    }
                } else if leading_blanks {
                    self.read_line(&mut trailing);
                } else {
                    blanks.clear();
                    self.read_line(&mut leading);
                    leading_blanks = true;
                }
            }
            if self.flow_level == 0 && self.mark.column.cast_signed() < indent {
                break;
            }
        }
        self.tokens.push_back(Token { kind: Kind::Scalar(text(value), true), start });
        if leading_blanks {
            self.simple_key_allowed = true;
        }
        Ok(())
    }
}

/// Joins the lines of a flow scalar: one line break becomes a space, further ones stay.
fn fold(value: &mut Vec<u8>, leading: &mut Vec<u8>, trailing: &mut Vec<u8>) {
    if leading.first() == Some(&b'\n') {
        if trailing.is_empty() {
            value.push(b' ');
        }
    } else {
        value.extend_from_slice(leading);
    }
    value.append(trailing);
    leading.clear();
}

/// Bytes of the character that begins with this byte.
fn width(byte: u8) -> usize {
    match byte {
        0..=0x7F => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Scalars are cut at character boundaries of checked UTF-8; only escapes in tags can break that.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Refuses what is not UTF-8 and the control characters that YAML 1.1 forbids.
fn check_characters(bytes: &[u8]) -> Scan {
    let (valid, rest) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            (std::str::from_utf8(valid).expect("checked up to here"), rest.first().map(|byte| (*byte, rest)))
        }
    };
    for character in valid.chars() {
        let allowed = matches!(character,
            '\t' | '\n' | '\r' | '\u{20}'..='\u{7E}' | '\u{85}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}')
            || character >= '\u{10000}';
        if !allowed {
            return Err(Error::plain("control characters are not allowed"));
        }
    }
    match rest {
        None => Ok(()),
        Some((byte, rest)) => {
            let width = match byte {
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF7 => 4,
                _ => return Err(Error::plain("invalid leading UTF-8 octet")),
            };
            if rest.len() < width {
                return Err(Error::plain("incomplete UTF-8 octet sequence"));
            }
            if rest[1..width].iter().any(|octet| octet & 0xC0 != 0x80) {
                return Err(Error::plain("invalid trailing UTF-8 octet"));
            }
            Err(Error::plain("invalid length of a UTF-8 sequence"))
        }
    }
}
