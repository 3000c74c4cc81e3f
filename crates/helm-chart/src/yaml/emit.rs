//! Writes YAML as `sigs.k8s.io/yaml` does: through JSON, and by the emitter of go-yaml v2.

use go_template::{Context, Value};

use super::resolve::{Scalar, is_base60, plain};
use super::sort::natural_sort;
use super::{Json, read};
use crate::json;
use crate::number;

/// Lines break at the first blank after this column.
const WIDTH: usize = 80;

/// How deep data may lie; Go's JSON encoder gives up on maps that contain themselves.
const MAX_DEPTH: usize = 1_000;

/// `yaml.Marshal`.
///
/// # Errors
///
/// Where Go's JSON or YAML refuses the value, and when the run has made too much.
pub(crate) fn marshal(value: &Value, context: &mut Context) -> Result<Vec<u8>, json::Error> {
    let tree = tree(value, context, 0)?;
    let mut emitter = Emitter::new(Style::V2);
    emitter.document(&tree);
    Ok(emitter.out)
}

/// What is left to write once JSON was there and back: text, mappings in go-yaml's order, sequences.
#[derive(Debug)]
pub(super) enum Tree {
    /// A null, truth or number, as it is written.
    Bare(String),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

fn tree(value: &Value, context: &mut Context, depth: usize) -> Result<Tree, json::Error> {
    if depth > MAX_DEPTH {
        return Err(json::Error::new("json: unsupported value: encountered a cycle"));
    }
    context.step(1)?;
    Ok(match value.bare() {
        Value::Nil => Tree::Bare("null".into()),
        Value::Bool(value) => Tree::Bare(value.to_string()),
        Value::Int(value) | Value::Int64(value) => Tree::Bare(value.to_string()),
        Value::Uint64(value) => Tree::Bare(value.to_string()),
        Value::Float(value) if value.is_finite() => Tree::Bare(reread_number(*value)),
        Value::String(text) => {
            context.charge(text.len())?;
            Tree::Text(reread_text(&text.to_str())?)
        }
        Value::Bytes(_) => {
            let text = json::marshal(value, json::Style::PLAIN, context)?;
            Tree::Text(String::from_utf8_lossy(&text).trim_matches('"').to_owned())
        }
        Value::List(list) if list.is_nil() => Tree::Bare("null".into()),
        Value::List(list) => {
            let mut items = Vec::with_capacity(list.len());
            for item in list {
                items.push(tree(item, context, depth + 1)?);
            }
            Tree::List(items)
        }
        Value::Map(map) if map.is_nil() => Tree::Bare("null".into()),
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map.entries() {
                let key = key.to_str().into_owned();
                // A key that is too long for a simple key breaks the JSON that is read back as YAML.
                if json::quoted_length(&key) > 1024 {
                    return Err(json::Error::new("yaml: did not find expected ',' or '}'"));
                }
                entries.push((reread_text(&key)?, tree(&value, context, depth + 1)?));
            }
            natural_sort(&mut entries);
            Tree::Map(entries)
        }
        Value::Object(object) => tree(&object.encode(), context, depth + 1)?,
        other => return Err(json::unsupported(other)),
    })
}

/// A number after the way through JSON: whole numbers lose the exponent, others take Go's shortest form.
fn reread_number(value: f64) -> String {
    let text = number::format_json(value);
    match plain(&text) {
        Scalar::Float(value) => number::format_g(value),
        Scalar::Int(value) => value.to_string(),
        Scalar::Uint(value) => value.to_string(),
        _ => text,
    }
}

/// A text after the way through JSON, which is read as YAML: some control characters are refused there, and a "next
/// line" counts as a line break of a quoted scalar.
fn reread_text(text: &str) -> Result<String, json::Error> {
    let refused = |c: char| matches!(c, '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}');
    if text.is_ascii() && !text.contains('\u{7F}') {
        return Ok(text.to_owned());
    }
    if text.contains(refused) {
        return Err(json::Error::new("yaml: control characters are not allowed"));
    }
    if text.contains('\u{85}') {
        let quoted = json::quote(text.as_bytes(), true);
        return match read(quoted.as_bytes()) {
            Ok(Json::Str(text)) => Ok(text),
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(json::Error::new(error.to_string())),
        };
    }
    Ok(text.to_owned())
}

/// Which emitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// go-yaml v2: sequences in mappings are not indented, lines are folded.
    V2,
    /// go-yaml v3 with an indent of 2: sequences are indented, lines are not folded.
    V3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScalarStyle {
    Plain,
    Single,
    Double,
    Literal,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    mapping: bool,
    sequence: bool,
    simple_key: bool,
}

/// libyaml's emitter, as far as data without tags, anchors and flow collections needs it.
pub(super) struct Emitter {
    pub(super) out: Vec<u8>,
    style: Style,
    column: usize,
    whitespace: bool,
    indention: bool,
    indent: isize,
}

impl Emitter {
    pub(super) fn new(style: Style) -> Self {
        Self { out: Vec::new(), style, column: 0, whitespace: true, indention: true, indent: -1 }
    }

    pub(super) fn document(&mut self, tree: &Tree) {
        self.node(tree, Place::default());
        self.write_indent();
    }

    fn put(&mut self, byte: u8) {
        self.out.push(byte);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push(b'\n');
        self.column = 0;
        if self.style == Style::V3 {
            self.indention = true;
        }
    }

    fn write(&mut self, character: char) {
        self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.column += 1;
    }

    fn write_break(&mut self, character: char) {
        if character == '\n' {
            self.put_break();
        } else {
            self.write(character);
            self.column = 0;
            if self.style == Style::V3 {
                self.indention = true;
            }
        }
    }

    fn indent_column(&self) -> usize {
        usize::try_from(self.indent).unwrap_or(0)
    }

    fn write_indent(&mut self) {
        let indent = self.indent_column();
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(b' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn write_indicator(&mut self, indicator: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(b' ');
        }
        self.out.extend_from_slice(indicator.as_bytes());
        self.column += indicator.len();
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    /// Goes one level in, and returns the indent to come back to.
    fn increase_indent(&mut self, flow: bool, indentless: bool, in_sequence: bool) -> isize {
        let before = self.indent;
        if self.indent < 0 {
            self.indent = if flow { 2 } else { 0 };
        } else if !indentless {
            self.indent = match self.style {
                Style::V2 => self.indent + 2,
                Style::V3 if in_sequence => self.indent + 2,
                Style::V3 => 2 * isize::midpoint(self.indent, 2),
            };
        }
        before
    }

    fn node(&mut self, tree: &Tree, place: Place) {
        match tree {
            Tree::Bare(text) => self.scalar(text, ScalarStyle::Plain, place),
            Tree::Text(text) => self.scalar(text, self.wanted_style(text), place),
            Tree::List(items) if items.is_empty() => self.write_empty("[", "]"),
            Tree::Map(entries) if entries.is_empty() => self.write_empty("{", "}"),
            Tree::List(items) => {
                let indentless = self.style == Style::V2 && place.mapping && !self.indention;
                let before = self.increase_indent(false, indentless, place.sequence);
                for item in items {
                    self.write_indent();
                    self.write_indicator("-", true, false, true);
                    self.node(item, Place { sequence: true, ..Place::default() });
                }
                self.indent = before;
            }
            Tree::Map(entries) => {
                let before = self.increase_indent(false, false, place.sequence);
                for (key, value) in entries {
                    self.entry(key, value);
                }
                self.indent = before;
            }
        }
    }

    fn write_empty(&mut self, open: &str, close: &str) {
        self.write_indicator(open, true, true, false);
        self.write_indicator(close, false, false, false);
    }

    fn entry(&mut self, key: &str, value: &Tree) {
        self.write_indent();
        let style = self.wanted_style(key);
        let place = Place { mapping: true, ..Place::default() };
        if !has_break(key) && key.len() <= 128 {
            self.scalar(key, style, Place { simple_key: true, ..place });
            self.write_indicator(":", false, false, false);
        } else {
            self.write_indicator("?", true, false, true);
            self.scalar(key, style, place);
            self.write_indent();
            self.write_indicator(":", true, false, true);
        }
        self.node(value, place);
    }

    /// The style that go-yaml's encoder asks for.
    fn wanted_style(&self, text: &str) -> ScalarStyle {
        let meaning = plain(text);
        let old_bool = matches!(meaning, Scalar::Bool(_));
        let plain = match self.style {
            Style::V2 => meaning == Scalar::Str && !is_base60(text),
            // Version 3 does not read `yes` and `on` as truths, and quotes them all the same.
            Style::V3 => meaning == Scalar::Str && !is_base60(text) && !old_bool,
        };
        if text.contains('\n') {
            ScalarStyle::Literal
        } else if plain {
            ScalarStyle::Plain
        } else {
            ScalarStyle::Double
        }
    }

    fn scalar(&mut self, text: &str, wanted: ScalarStyle, place: Place) {
        let shape = Shape::of(text);
        let mut style = wanted;
        if place.simple_key && shape.multiline {
            style = ScalarStyle::Double;
        }
        if style == ScalarStyle::Plain && (!shape.plain || (text.is_empty() && place.simple_key)) {
            style = ScalarStyle::Single;
        }
        if style == ScalarStyle::Single && !shape.single {
            style = ScalarStyle::Double;
        }
        if style == ScalarStyle::Literal && (!shape.block || place.simple_key) {
            style = ScalarStyle::Double;
        }
        let before = self.increase_indent(true, false, place.sequence);
        let breaks = !place.simple_key;
        match style {
            ScalarStyle::Plain => self.write_plain(text, breaks),
            ScalarStyle::Single => self.write_single(text, breaks),
            ScalarStyle::Double => self.write_double(text, breaks),
            ScalarStyle::Literal => self.write_literal(text),
        }
        self.indent = before;
    }

    fn folds(&self, allowed: bool) -> bool {
        allowed && self.style == Style::V2 && self.column > WIDTH
    }

    fn write_plain(&mut self, text: &str, allow_breaks: bool) {
        if !(self.whitespace || self.style == Style::V3 && text.is_empty()) {
            self.put(b' ');
        }
        let mut spaces = false;
        let mut characters = text.chars().peekable();
        // Text with line breaks is never plain, so only blanks can fold.
        while let Some(character) = characters.next() {
            if character == ' ' {
                if self.folds(allow_breaks) && !spaces && characters.peek() != Some(&' ') {
                    self.write_indent();
                } else {
                    self.write(character);
                }
                spaces = true;
            } else {
                self.write(character);
                self.indention = false;
                spaces = false;
            }
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn write_single(&mut self, text: &str, allow_breaks: bool) {
        self.write_indicator("'", true, false, false);
        let (mut spaces, mut breaks) = (false, false);
        let last = text.len().saturating_sub(1);
        let mut characters = text.char_indices().peekable();
        while let Some((index, character)) = characters.next() {
            if character == ' ' {
                let next_is_space = matches!(characters.peek(), Some((_, ' ')));
                if self.folds(allow_breaks) && !spaces && index > 0 && index < last && !next_is_space {
                    self.write_indent();
                } else {
                    self.write(character);
                }
                spaces = true;
            } else if is_break(character) {
                if !breaks && character == '\n' {
                    self.put_break();
                }
                self.write_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if character == '\'' {
                    self.put(b'\'');
                }
                self.write(character);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
        self.write_indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_double(&mut self, text: &str, allow_breaks: bool) {
        self.write_indicator("\"", true, false, false);
        let mut spaces = false;
        let last = text.len().saturating_sub(1);
        let mut characters = text.char_indices().peekable();
        while let Some((index, character)) = characters.next() {
            if !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                let escape = match character {
                    '\0' => "\\0".into(),
                    '\u{7}' => "\\a".into(),
                    '\u{8}' => "\\b".into(),
                    '\t' => "\\t".into(),
                    '\n' => "\\n".into(),
                    '\u{B}' => "\\v".into(),
                    '\u{C}' => "\\f".into(),
                    '\r' => "\\r".into(),
                    '\u{1B}' => "\\e".into(),
                    '"' => "\\\"".into(),
                    '\\' => "\\\\".into(),
                    '\u{85}' => "\\N".into(),
                    '\u{A0}' => "\\_".into(),
                    '\u{2028}' => "\\L".into(),
                    '\u{2029}' => "\\P".into(),
                    c if u32::from(c) <= 0xFF => format!("\\x{:02X}", u32::from(c)),
                    c if u32::from(c) <= 0xFFFF => format!("\\u{:04X}", u32::from(c)),
                    c => format!("\\U{:08X}", u32::from(c)),
                };
                self.out.extend_from_slice(escape.as_bytes());
                self.column += escape.len();
                spaces = false;
            } else if character == ' ' {
                if self.folds(allow_breaks) && !spaces && index > 0 && index < last {
                    self.write_indent();
                    if matches!(characters.peek(), Some((_, ' '))) {
                        self.put(b'\\');
                    }
                } else {
                    self.write(character);
                }
                spaces = true;
            } else {
                self.write(character);
                spaces = false;
            }
        }
        self.write_indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_literal(&mut self, text: &str) {
        self.write_indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.write_indicator("2", false, false, false);
        }
        let mut ends = text.chars().rev();
        let chomp = match (ends.next(), ends.next()) {
            (Some(last), _) if !is_break(last) => "-",
            (Some(_), None) => "+",
            (Some(_), Some(before)) if is_break(before) => "+",
            _ => "",
        };
        if !chomp.is_empty() {
            self.write_indicator(chomp, false, false, false);
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for character in text.chars() {
            if is_break(character) {
                self.write_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.write(character);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

/// What libyaml's emitter finds in a scalar.
struct Shape {
    multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { multiline: false, plain: true, single: true, block: false };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut breaks, mut special) = (false, false);
        let (mut edge, mut trailing_space, mut break_space, mut space_break) = (false, false, false, false);
        let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
        let mut characters = text.chars().peekable();
        let mut first = true;
        while let Some(character) = characters.next() {
            let last = characters.peek().is_none();
            let before_blank = characters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= match character {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if first =>
                {
                    true
                }
                '?' | '-' if first => before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !is_printable(character);
            if character == ' ' {
                edge |= first || last;
                trailing_space |= last;
                break_space |= previous_break;
                previous_space = true;
                previous_break = false;
            } else if is_break(character) {
                breaks = true;
                edge |= first || last;
                space_break |= previous_space;
                previous_space = false;
                previous_break = true;
            } else {
                previous_space = false;
                previous_break = false;
            }
            after_blank = matches!(character, ' ' | '\t' | '\0') || is_break(character);
            first = false;
        }
        Self {
            multiline: breaks,
            plain: !(edge || break_space || space_break || special || breaks || indicators),
            single: !(break_space || space_break || special),
            block: !(trailing_space || space_break || special),
        }
    }
}

fn has_break(text: &str) -> bool {
    text.contains(is_break)
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml writes as it is. Characters outside the first plane are not among them.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}') && character != '\u{FEFF}'
}
