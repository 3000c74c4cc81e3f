//! The lexer: template text into tokens, as Go's `parse/lex.go` does.

use crate::quote::quote;
use crate::utf8;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    // The keywords.
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }

    fn of_keyword(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"." => Self::Dot,
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"range" => Self::Range,
            b"nil" => Self::Nil,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }
}

/// A token.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    /// Where it begins, in bytes from the begin of the text.
    pub(crate) pos: usize,
    /// Its text, or the words of an error.
    pub(crate) text: Vec<u8>,
    /// The line it begins on, from 1.
    pub(crate) line: usize,
}

impl Item {
    /// The text as UTF-8, with replacements.
    pub(crate) fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// The token as errors show it.
    pub(crate) fn show(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".into(),
            Kind::Error => self.lossy(),
            kind if kind.is_keyword() => format!("<{}>", self.lossy()),
            _ if self.text.len() > 10 => format!("{}...", quote(utf8::truncate(&self.text, 10))),
            _ => quote(&self.text),
        }
    }
}

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";
const TRIM_LENGTH: usize = 2;

/// Reads tokens off a template's text.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    input: &'t [u8],
    pos: usize,
    start: usize,
    at_eof: bool,
    paren_depth: i32,
    line: usize,
    start_line: usize,
    inside_action: bool,
    /// Whether `break` is the keyword: it is not where a function has that name.
    pub(crate) break_ok: bool,
    pub(crate) continue_ok: bool,
}

/// What a state of the lexer leads to.
enum Next {
    State(State),
    Item(Item),
}

#[derive(Clone, Copy)]
enum State {
    Text,
    LeftDelim,
    Comment,
    RightDelim,
    InsideAction,
    Space,
    Identifier,
    Field,
    Variable,
    Char,
    Number,
    Quote,
    RawQuote,
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_space_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || utf8::is_letter(character) || utf8::is_digit(character)
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space_byte(*space))
}

fn at_trimming_right_delim(text: &[u8]) -> bool {
    matches!(text, [space, b'-', rest @ ..] if is_space_byte(*space) && rest.starts_with(RIGHT))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// How many line feeds there are.
pub(crate) fn newlines(text: &[u8]) -> usize {
    text.split(|&byte| byte == b'\n').count() - 1
}

/// `%#U`: the code of a character, and the character where it can be printed.
fn unicode(character: Option<char>) -> String {
    match character {
        None => "U+FFFFFFFFFFFFFFFF".into(),
        Some(character) if utf8::is_print(character) => format!("U+{:04X} '{character}'", u32::from(character)),
        Some(character) => format!("U+{:04X}", u32::from(character)),
    }
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(input: &'t [u8]) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            at_eof: false,
            paren_depth: 0,
            line: 1,
            start_line: 1,
            inside_action: false,
            break_ok: true,
            continue_ok: true,
        }
    }

    /// The next token. After an error or the end, there are only ends.
    pub(crate) fn next_item(&mut self) -> Item {
        let mut state = if self.inside_action { State::InsideAction } else { State::Text };
        loop {
            match self.run(state) {
                Next::State(next) => state = next,
                Next::Item(item) => return item,
            }
        }
    }

    fn run(&mut self, state: State) -> Next {
        match state {
            State::Text => self.text(),
            State::LeftDelim => self.left_delim(),
            State::Comment => self.comment(),
            State::RightDelim => self.right_delim(),
            State::InsideAction => self.inside_action(),
            State::Space => self.space(),
            State::Identifier => self.identifier(),
            State::Field => self.field_or_variable(Kind::Field),
            State::Variable if self.at_terminator() => self.emit(Kind::Variable),
            State::Variable => self.field_or_variable(Kind::Variable),
            State::Char => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            State::Number => self.number(),
            State::Quote => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            State::RawQuote => self.raw_quote(),
        }
    }

    fn next(&mut self) -> Option<char> {
        if self.pos >= self.input.len() {
            self.at_eof = true;
            return None;
        }
        let (character, length) = utf8::decode(self.rest());
        self.pos += length;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    fn peek(&mut self) -> Option<char> {
        let character = self.next();
        self.backup();
        character
    }

    fn backup(&mut self) {
        if !self.at_eof && self.pos > 0 {
            let (character, length) = utf8::decode_last(self.input.get(..self.pos).unwrap_or_default());
            self.pos -= length;
            if character == '\n' {
                self.line -= 1;
            }
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    /// What was read since the last token.
    fn taken(&self) -> &'t [u8] {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    fn this_item(&mut self, kind: Kind) -> Item {
        let item = Item { kind, pos: self.start, text: self.taken().to_vec(), line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    fn emit(&mut self, kind: Kind) -> Next {
        Next::Item(self.this_item(kind))
    }

    fn ignore(&mut self) {
        self.line += newlines(self.taken());
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn accept(&mut self, valid: &str) -> bool {
        if self.next().is_some_and(|character| valid.contains(character)) {
            return true;
        }
        self.backup();
        false
    }

    fn accept_run(&mut self, valid: &str) {
        while self.next().is_some_and(|character| valid.contains(character)) {}
        self.backup();
    }

    fn error(&mut self, words: impl Into<String>) -> Next {
        let item = Item { kind: Kind::Error, pos: self.start, text: words.into().into_bytes(), line: self.start_line };
        self.start = 0;
        self.pos = 0;
        self.input = &[];
        Next::Item(item)
    }

    fn text(&mut self) -> Next {
        if let Some(found) = find(self.rest(), LEFT) {
            if found > 0 {
                self.pos += found;
                let trim = if self.rest().strip_prefix(LEFT).is_some_and(has_left_trim_marker) {
                    self.taken().iter().rev().take_while(|&&byte| is_space_byte(byte)).count()
                } else {
                    0
                };
                self.pos -= trim;
                self.line += newlines(self.taken());
                let item = self.this_item(Kind::Text);
                self.pos += trim;
                self.ignore();
                if !item.text.is_empty() {
                    return Next::Item(item);
                }
            }
            return Next::State(State::LeftDelim);
        }
        self.pos = self.input.len();
        if self.pos > self.start {
            self.line += newlines(self.taken());
            return self.emit(Kind::Text);
        }
        let mut item = self.this_item(Kind::Eof);
        item.text = b"EOF".to_vec();
        Next::Item(item)
    }

    /// Whether a right delimiter is here, and whether it trims.
    fn at_right_delim(&self) -> (bool, bool) {
        if at_trimming_right_delim(self.rest()) {
            return (true, true);
        }
        (self.rest().starts_with(RIGHT), false)
    }

    fn left_trim_length(&self) -> usize {
        self.rest().iter().take_while(|&&byte| is_space_byte(byte)).count()
    }

    fn left_delim(&mut self) -> Next {
        self.pos += LEFT.len();
        let after_marker = if has_left_trim_marker(self.rest()) { TRIM_LENGTH } else { 0 };
        if self.rest().get(after_marker..).is_some_and(|rest| rest.starts_with(b"/*")) {
            self.pos += after_marker;
            self.ignore();
            return Next::State(State::Comment);
        }
        let item = self.this_item(Kind::LeftDelim);
        self.inside_action = true;
        self.pos += after_marker;
        self.ignore();
        self.paren_depth = 0;
        Next::Item(item)
    }

    fn comment(&mut self) -> Next {
        self.pos += 2;
        let Some(found) = find(self.rest(), b"*/") else { return self.error("unclosed comment") };
        self.pos += found + 2;
        let (delim, trims) = self.at_right_delim();
        if !delim {
            return self.error("comment ends before closing delimiter");
        }
        self.line += newlines(self.taken());
        self.this_item(Kind::Text);
        if trims {
            self.pos += TRIM_LENGTH;
        }
        self.pos += RIGHT.len();
        if trims {
            self.pos += self.left_trim_length();
        }
        self.ignore();
        Next::State(State::Text)
    }

    fn right_delim(&mut self) -> Next {
        let (_, trims) = self.at_right_delim();
        if trims {
            self.pos += TRIM_LENGTH;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let item = self.this_item(Kind::RightDelim);
        if trims {
            self.pos += self.left_trim_length();
            self.ignore();
        }
        self.inside_action = false;
        Next::Item(item)
    }

    fn inside_action(&mut self) -> Next {
        if self.at_right_delim().0 {
            if self.paren_depth == 0 {
                return Next::State(State::RightDelim);
            }
            return self.error("unclosed left paren");
        }
        let Some(character) = self.next() else { return self.error("unclosed action") };
        match character {
            ' ' | '\t' | '\r' | '\n' => {
                self.backup();
                Next::State(State::Space)
            }
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => Next::State(State::Quote),
            '`' => Next::State(State::RawQuote),
            '$' => Next::State(State::Variable),
            '\'' => Next::State(State::Char),
            '.' if self.rest().first().is_some_and(|byte| !byte.is_ascii_digit()) => Next::State(State::Field),
            '.' | '+' | '-' | '0'..='9' => {
                self.backup();
                Next::State(State::Number)
            }
            character if is_alphanumeric(character) => {
                self.backup();
                Next::State(State::Identifier)
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => {
                self.paren_depth -= 1;
                if self.paren_depth < 0 {
                    return self.error("unexpected right paren");
                }
                self.emit(Kind::RightParen)
            }
            ' '..='~' => self.emit(Kind::Char),
            other => self.error(format!("unrecognized character in action: {}", unicode(Some(other)))),
        }
    }

    fn space(&mut self) -> Next {
        let mut spaces = 0;
        while self.peek().is_some_and(is_space) {
            self.next();
            spaces += 1;
        }
        // A trimming right delimiter begins with a space, which belongs to it.
        let before = self.pos.checked_sub(1).and_then(|at| self.input.get(at..)).unwrap_or_default();
        if at_trimming_right_delim(before) {
            self.backup();
            if spaces == 1 {
                return Next::State(State::RightDelim);
            }
        }
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Next {
        let bad = loop {
            let character = self.next();
            if !character.is_some_and(is_alphanumeric) {
                self.backup();
                break character;
            }
        };
        let word = self.taken();
        if !self.at_terminator() {
            return self.error(format!("bad character {}", unicode(bad)));
        }
        match Kind::of_keyword(word) {
            Some(Kind::Break) if !self.break_ok => self.emit(Kind::Identifier),
            Some(Kind::Continue) if !self.continue_ok => self.emit(Kind::Identifier),
            Some(keyword) => self.emit(keyword),
            None if word == b"true" || word == b"false" => self.emit(Kind::Bool),
            None => self.emit(Kind::Identifier),
        }
    }

    fn field_or_variable(&mut self, kind: Kind) -> Next {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        let bad = loop {
            let character = self.next();
            if !character.is_some_and(is_alphanumeric) {
                self.backup();
                break character;
            }
        };
        if !self.at_terminator() {
            return self.error(format!("bad character {}", unicode(bad)));
        }
        self.emit(kind)
    }

    fn at_terminator(&mut self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, mark: u8, kind: Kind, unterminated: &str) -> Next {
        loop {
            match self.next() {
                Some('\\') => {
                    if self.next().is_none_or(|character| character == '\n') {
                        return self.error(unterminated);
                    }
                }
                None | Some('\n') => return self.error(unterminated),
                Some(character) if character == char::from(mark) => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_quote(&mut self) -> Next {
        loop {
            match self.next() {
                None => return self.error("unterminated raw quoted string"),
                Some('`') => return self.emit(Kind::RawString),
                Some(_) => {}
            }
        }
    }

    fn bad_number(&mut self) -> Next {
        let words = format!("bad number syntax: {}", quote(self.taken()));
        self.error(words)
    }

    fn number(&mut self) -> Next {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.taken().ends_with(b"i") {
                return self.bad_number();
            }
            return self.emit(Kind::Complex);
        }
        self.emit(Kind::Number)
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEX: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEX;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if digits == DECIMAL && self.accept("eE") {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        if digits == HEX && self.accept("pP") {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}
