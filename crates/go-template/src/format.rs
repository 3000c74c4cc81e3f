//! Go's `fmt`: `print`, `println`, `printf` and their verbs, as `fmt/print.go` and `fmt/format.go` write them.

use std::fmt::Write as _;

use crate::error::Error;
use crate::float;
use crate::quote::{can_backquote, quote_with};
use crate::text::Text;
use crate::types::{Kind, Type};
use crate::utf8;
use crate::value::Value;

/// How deep values may nest to be printed. Go's own printer overflows its stack on a map that holds itself.
const DEEPEST: usize = 2_000;

/// An address: Go prints where a value lies in memory. Here it is the same on each run.
const ADDRESS: u64 = 0xc0_0000_0000;

/// `fmt.Sprint(args...)`. No more than about `most` bytes are made.
pub(crate) fn print(args: &[Value], most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    let mut previous_is_string = false;
    for (at, arg) in args.iter().enumerate() {
        let is_string = arg.kind() == Kind::String;
        if at > 0 && !is_string && !previous_is_string {
            printer.write(" ");
        }
        printer.arg(arg, 'v');
        previous_is_string = is_string;
    }
    printer.finish()
}

/// `fmt.Sprintln(args...)`.
pub(crate) fn println(args: &[Value], most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            printer.write(" ");
        }
        printer.arg(arg, 'v');
    }
    printer.write("\n");
    printer.finish()
}

/// One value by one verb, as `printf` prints a `reflect.Value`.
pub(crate) fn verb(value: &Value, verb: char, most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    if !printer.methods(value, verb) {
        printer.value(value, false, verb, 0);
    }
    printer.finish()
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    plus_v: bool,
    sharp_v: bool,
}

struct Printer {
    out: Vec<u8>,
    flags: Flags,
    /// While a wrong verb is told of, methods are not called.
    erroring: bool,
    most: usize,
    /// More was to be written than may be, or deeper.
    stopped: Option<Error>,
}

/// `fmt.Sprintf(format, args...)`.
pub(crate) fn printf(format: &[u8], args: &[Value], most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    let mut reordered = false;
    let mut number = 0;
    let mut at = 0;
    while at < format.len() {
        let Some(percent) = format[at..].iter().position(|&byte| byte == b'%') else {
            printer.write(&format[at..]);
            break;
        };
        printer.write(&format[at..at + percent]);
        at += percent + 1;
        let mut item = Directive { format, args, at, number, good_number: true, reordered };
        item.print(&mut printer);
        (at, number, reordered) = (item.at, item.number, item.reordered);
    }
    if !reordered && number < args.len() {
        printer.flags = Flags::default();
        printer.write("%!(EXTRA ");
        for (at, arg) in args[number..].iter().enumerate() {
            if at > 0 {
                printer.write(", ");
            }
            if arg.is_nil() {
                printer.write("<nil>");
            } else {
                printer.write(arg.type_name());
                printer.write("=");
                printer.arg(arg, 'v');
            }
        }
        printer.write(")");
    }
    printer.finish()
}

/// One directive of a format, from behind its `%`.
struct Directive<'a> {
    format: &'a [u8],
    args: &'a [Value],
    at: usize,
    number: usize,
    good_number: bool,
    reordered: bool,
}

impl Directive<'_> {
    fn byte(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn print(&mut self, printer: &mut Printer) {
        let mut flags = Flags::default();
        while let Some(byte) = self.byte() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        let mut after_index = self.arg_number();
        if self.byte() == Some(b'*') {
            self.at += 1;
            match self.int_from_arg() {
                Some(width) => {
                    if width < 0 {
                        flags.minus = true;
                        flags.zero = false;
                    }
                    flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => printer.write("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.parse_number();
            if after_index && flags.width.is_some() {
                self.good_number = false;
            }
        }
        if self.at + 1 < self.format.len() && self.byte() == Some(b'.') {
            self.at += 1;
            if after_index {
                self.good_number = false;
            }
            after_index = self.arg_number();
            if self.byte() == Some(b'*') {
                self.at += 1;
                flags.precision = self.int_from_arg().and_then(|precision| usize::try_from(precision).ok());
                if flags.precision.is_none() {
                    printer.write("%!(BADPREC)");
                }
                after_index = false;
            } else {
                flags.precision = Some(self.parse_number().unwrap_or(0));
            }
        }
        if !after_index {
            self.arg_number();
        }
        if self.at >= self.format.len() {
            printer.write("%!(NOVERB)");
            return;
        }
        let (verb, length) = utf8::decode(&self.format[self.at..]);
        self.at += length;
        if verb == '%' {
            printer.write("%");
        } else if !self.good_number {
            printer.write(format!("%!{verb}(BADINDEX)"));
        } else if let Some(arg) = self.args.get(self.number) {
            if matches!(verb, 'v' | 'w') {
                flags.sharp_v = flags.sharp;
                flags.sharp = false;
                flags.plus_v = flags.plus;
                flags.plus = false;
            }
            printer.flags = flags;
            printer.arg(arg, verb);
            self.number += 1;
        } else {
            printer.write(format!("%!{verb}(MISSING)"));
        }
    }

    /// `[3]`: the number of the argument that comes next. Says whether there was one.
    fn arg_number(&mut self) -> bool {
        if self.byte() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(close) = rest.iter().position(|&byte| byte == b']').filter(|_| rest.len() >= 3) else {
            self.good_number = false;
            self.at += 1;
            return false;
        };
        let index = std::str::from_utf8(&rest[1..close])
            .ok()
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|digits| digits.parse::<usize>().ok())
            .filter(|&index| index <= 10_000_009);
        self.at += close + 1;
        match index {
            Some(index) if index >= 1 && index <= self.args.len() => {
                self.number = index - 1;
                true
            }
            Some(_) => {
                self.good_number = false;
                true
            }
            None => {
                self.good_number = false;
                false
            }
        }
    }

    fn int_from_arg(&mut self) -> Option<i64> {
        let arg = self.args.get(self.number)?;
        self.number += 1;
        let int = arg.as_int().or_else(|| arg.as_uint().and_then(|uint| i64::try_from(uint).ok()))?;
        (-1_000_000..=1_000_000).contains(&int).then_some(int)
    }

    fn parse_number(&mut self) -> Option<usize> {
        let mut number: Option<usize> = None;
        while let Some(digit) = self.byte().filter(u8::is_ascii_digit) {
            if number.is_some_and(|number| number > 1_000_000) {
                self.at = self.format.len();
                return None;
            }
            number = Some(number.unwrap_or(0) * 10 + usize::from(digit - b'0'));
            self.at += 1;
        }
        number
    }
}

impl Printer {
    fn new(most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { out: Vec::new(), flags: Flags::default(), erroring: false, most, stopped: None }
    }

    fn finish(self) -> Result<Vec<u8>, Error> {
        self.stopped.map_or(Ok(self.out), Err)
    }

    fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if self.out.len().saturating_add(bytes.len()) > self.most {
            self.stop("the templates make too much text");
        }
        if self.stopped.is_none() {
            self.out.extend_from_slice(bytes);
        }
    }

    fn stop(&mut self, words: &str) {
        self.stopped.get_or_insert_with(|| Error::limit(words));
    }

    fn padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        // A width is a million at most.
        self.write(vec![byte; count]);
    }

    fn pad(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let missing = self.flags.width.unwrap_or(0).saturating_sub(utf8::count(bytes));
        if missing > 0 && !self.flags.minus {
            self.padding(missing);
        }
        self.write(bytes);
        if missing > 0 && self.flags.minus {
            self.padding(missing);
        }
    }

    fn pad_without_zeros(&mut self, bytes: impl AsRef<[u8]>) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(bytes);
        self.flags.zero = zero;
    }

    /// `printArg`
    fn arg(&mut self, arg: &Value, verb: char) {
        if arg.is_nil() {
            if matches!(verb, 'T' | 'v') {
                self.pad("<nil>");
            } else {
                self.bad_verb(None, verb);
            }
            return;
        }
        match verb {
            'T' => self.string(arg.type_name().as_bytes(), 's', None),
            'p' => self.pointer(arg, 'p'),
            // Bytes are printed before Go looks for methods.
            _ if !matches!(arg, Value::Bytes(_)) && self.methods(arg, verb) => {}
            _ => self.value(arg, false, verb, 0),
        }
    }

    /// `handleMethods`: `String()` and `Error()` of a type. Says whether the value is printed by it.
    fn methods(&mut self, arg: &Value, verb: char) -> bool {
        if self.erroring {
            return false;
        }
        if verb == 'w' {
            self.bad_verb(Some(arg), verb);
            return true;
        }
        if self.flags.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let Some(string) = arg.ty().and_then(|ty| ty.stringer()) else { return false };
        if arg.is_nil_of_any_type() {
            self.write("<nil>");
            return true;
        }
        let text = string(arg);
        self.string(text.as_bytes(), verb, Some(arg));
        true
    }

    /// `printValue`; `inside` says that the value lies in an `interface {}`.
    fn value(&mut self, value: &Value, inside: bool, verb: char, depth: usize) {
        if self.stopped.is_some() {
            return;
        }
        if depth > DEEPEST {
            return self.stop("a value is nested too deep to be printed; does a map hold itself?");
        }
        if depth > 0 && !value.is_nil() && self.methods(value, verb) {
            return;
        }
        match value.bare() {
            Value::Nil if value.kind() == Kind::Pointer => self.pointer(value, verb),
            Value::Nil if inside && self.flags.sharp_v => self.write("interface {}(nil)"),
            Value::Nil if inside => self.write("<nil>"),
            Value::Nil if depth == 0 => self.write("<invalid reflect.Value>"),
            Value::Nil if verb == 'v' => self.write("<nil>"),
            Value::Nil => self.bad_verb(None, verb),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { "true" } else { "false" }),
                _ => self.bad_verb(Some(value), verb),
            },
            Value::Int(number) | Value::Int64(number) => {
                self.integer(number.unsigned_abs(), Sign::of(*number), verb, value);
            }
            Value::Uint64(number) => self.integer(*number, Sign::Unsigned, verb, value),
            Value::Float(number) => self.float(*number, verb, value.kind() == Kind::Float32, Some(value)),
            Value::Complex(real, imaginary) => self.complex(*real, *imaginary, verb, value),
            Value::String(text) => self.string(text.as_bytes(), verb, Some(value)),
            Value::Bytes(bytes) => self.bytes(bytes, verb, value, depth),
            Value::List(list) => {
                let element = list.ty().element().unwrap_or(Type::Any);
                self.sequence(
                    value,
                    list.is_nil(),
                    ("[", "]"),
                    list.iter().map(|item| (None, item.clone())),
                    element,
                    (verb, depth),
                );
            }
            Value::Map(map) => {
                let element = map.ty().element().unwrap_or(Type::Any);
                let entries = map.entries();
                self.sequence(
                    value,
                    map.is_nil(),
                    ("map[", "]"),
                    entries.into_iter().map(|(key, item)| (Some(key), item)),
                    element,
                    (verb, depth),
                );
            }
            Value::Object(object) => {
                let ty = object.ty();
                if ty.kind() == Kind::Pointer {
                    if depth > 0 {
                        return self.pointer(value, verb);
                    }
                    self.write("&");
                }
                self.structure(value, verb, depth);
            }
            Value::Function(_) => self.pointer(value, verb),
            Value::Typed(_) => unreachable!("a bare value is not typed"),
        }
    }

    fn sequence(
        &mut self,
        value: &Value,
        is_nil: bool,
        (open, close): (&str, &str),
        items: impl Iterator<Item = (Option<Text>, Value)>,
        element: Type,
        (verb, depth): (char, usize),
    ) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(value.type_name());
            if is_nil {
                return self.write("(nil)");
            }
            self.write("{");
        } else {
            self.write(open);
        }
        let inside = matches!(element, Type::Any);
        // An interface takes a level of its own.
        let deeper = depth + 1 + usize::from(inside);
        for (at, (key, item)) in items.enumerate() {
            if at > 0 {
                self.write(if sharp { ", " } else { " " });
            }
            if let Some(key) = key {
                self.string(key.as_bytes(), verb, Some(&Value::String(key.clone())));
                self.write(":");
            }
            self.value(&item, inside, verb, deeper);
            if self.stopped.is_some() {
                return;
            }
        }
        self.write(if sharp { "}" } else { close });
    }

    fn structure(&mut self, value: &Value, verb: char, depth: usize) {
        let Value::Object(object) = value else { return };
        let sharp = self.flags.sharp_v;
        if sharp {
            let name = value.type_name();
            self.write(name.trim_start_matches('*'));
        }
        self.write("{");
        for (at, (name, field)) in object.fields().into_iter().enumerate() {
            if at > 0 {
                self.write(if sharp { ", " } else { " " });
            }
            if sharp || self.flags.plus_v {
                self.write(name);
                self.write(":");
            }
            self.value(&field, true, verb, depth + 1);
        }
        self.write("}");
    }

    fn bad_verb(&mut self, value: Option<&Value>, verb: char) {
        self.erroring = true;
        self.write(format!("%!{verb}("));
        if let Some(value) = value {
            self.write(value.type_name());
            self.write("=");
            self.value(value, false, 'v', 0);
        } else {
            self.write("<nil>");
        }
        self.write(")");
        self.erroring = false;
    }

    fn pointer(&mut self, value: &Value, verb: char) {
        let is_pointer = matches!(value.kind(), Kind::Func | Kind::Map | Kind::Pointer | Kind::Slice);
        let address = if value.is_nil_of_any_type() { 0 } else { ADDRESS };
        match verb {
            _ if !is_pointer => self.bad_verb(Some(value), verb),
            'v' if self.flags.sharp_v => {
                self.write(format!("({})(", value.type_name()));
                if address == 0 {
                    self.write("nil");
                } else {
                    self.hex(address, true);
                }
                self.write(")");
            }
            'v' if address == 0 => self.pad("<nil>"),
            'v' | 'p' => self.hex(address, !self.flags.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => self.integer(address, Sign::Unsigned, verb, value),
            _ => self.bad_verb(Some(value), verb),
        }
    }

    fn hex(&mut self, number: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, prefix);
        self.whole(number, Sign::Unsigned, 16, 'v');
        self.flags.sharp = sharp;
    }

    fn integer(&mut self, number: u64, sign: Sign, verb: char, value: &Value) {
        // What Go converts to a character is the number as it lies in memory.
        let code = if sign == Sign::Negative { number.wrapping_neg() } else { number };
        let character = || u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        match verb {
            'v' if self.flags.sharp_v && sign == Sign::Unsigned => self.hex(number, true),
            'v' | 'd' => self.whole(number, sign, 10, verb),
            'b' => self.whole(number, sign, 2, verb),
            'o' | 'O' => self.whole(number, sign, 8, verb),
            'x' | 'X' => self.whole(number, sign, 16, verb),
            'c' => self.pad(character().to_string()),
            'q' => {
                let quoted = quote_with(character().to_string().as_bytes(), b'\'', self.flags.plus);
                self.pad(quoted);
            }
            'U' => {
                let digits = self.flags.precision.unwrap_or(4).max(4);
                let hex = format!("{code:X}");
                let mut text = format!("U+{}{hex}", "0".repeat(digits.saturating_sub(hex.len())));
                if let Some(character) = u32::try_from(code).ok().and_then(char::from_u32)
                    && self.flags.sharp
                    && utf8::is_print(character)
                {
                    text.extend([' ', '\'', character, '\'']);
                }
                self.pad_without_zeros(text);
            }
            _ => self.bad_verb(Some(value), verb),
        }
    }

    fn whole(&mut self, number: u64, sign: Sign, base: u32, verb: char) {
        let negative = sign == Sign::Negative;
        let mut digits = 0;
        if let Some(precision) = self.flags.precision {
            digits = precision;
            if precision == 0 && number == 0 {
                let zero = std::mem::replace(&mut self.flags.zero, false);
                self.padding(self.flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
        } else if let Some(width) = self.flags.width
            && self.flags.zero
            && !self.flags.minus
        {
            digits = width;
            if negative || self.flags.plus || self.flags.space {
                digits = digits.saturating_sub(1);
            }
        }
        let plain = match base {
            2 => format!("{number:b}"),
            8 => format!("{number:o}"),
            16 if verb == 'X' => format!("{number:X}"),
            16 => format!("{number:x}"),
            _ => number.to_string(),
        };
        let mut text = String::new();
        if negative {
            text.push('-');
        } else if self.flags.plus {
            text.push('+');
        } else if self.flags.space {
            text.push(' ');
        }
        if verb == 'O' {
            text.push_str("0o");
        }
        let zeros = digits.saturating_sub(plain.len());
        if self.flags.sharp {
            match base {
                2 => text.push_str("0b"),
                8 if zeros == 0 && !plain.starts_with('0') => text.push('0'),
                16 => text.push_str(if verb == 'X' { "0X" } else { "0x" }),
                _ => {}
            }
        }
        text.push_str(&"0".repeat(zeros));
        text.push_str(&plain);
        self.pad_without_zeros(text);
    }

    fn float(&mut self, number: f64, verb: char, single: bool, value: Option<&Value>) {
        let (form, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(precision);
        let mut text = float::format(number, form, precision, single);
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && text.starts_with('+') && !self.flags.plus {
            text.replace_range(..1, " ");
        }
        if text[1..].starts_with(['I', 'N']) {
            if text[1..].starts_with('N') && !self.flags.space && !self.flags.plus {
                text.remove(0);
            }
            return self.pad_without_zeros(text);
        }
        if self.flags.sharp && verb != 'b' {
            text = with_point(&text, form, precision);
        }
        if self.flags.plus || !text.starts_with('+') {
            let width = self.flags.width.unwrap_or(0);
            if self.flags.zero && !self.flags.minus && width > text.len() {
                self.write(&text[..1]);
                self.padding(width - text.len());
                return self.write(&text[1..]);
            }
            return self.pad(text);
        }
        self.pad(&text[1..]);
    }

    fn complex(&mut self, real: f64, imaginary: f64, verb: char, value: &Value) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(Some(value), verb);
        }
        self.write("(");
        self.float(real, verb, false, None);
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(imaginary, verb, false, None);
        self.write("i)");
        self.flags.plus = plus;
    }

    fn string(&mut self, bytes: &[u8], verb: char, value: Option<&Value>) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(bytes),
            'v' | 's' => {
                let shown = self.flags.precision.map_or(bytes, |most| utf8::truncate(bytes, most));
                self.pad(shown);
            }
            'x' | 'X' => self.hex_bytes(bytes, verb),
            'q' => self.quoted(bytes),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, bytes: &[u8]) {
        let shown = self.flags.precision.map_or(bytes, |most| utf8::truncate(bytes, most));
        if self.flags.sharp && can_backquote(shown) {
            let raw = [b"`", shown, b"`"].concat();
            return self.pad(raw);
        }
        self.pad(quote_with(shown, b'"', self.flags.plus));
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, value: &Value, depth: usize) {
        match verb {
            'v' | 'd' => {
                let sharp = self.flags.sharp_v;
                self.write(if sharp { "[]byte{" } else { "[" });
                for (at, &byte) in bytes.iter().enumerate() {
                    if at > 0 {
                        self.write(if sharp { ", " } else { " " });
                    }
                    if sharp {
                        self.hex(byte.into(), true);
                    } else {
                        self.whole(byte.into(), Sign::Unsigned, 10, verb);
                    }
                }
                self.write(if sharp { "}" } else { "]" });
            }
            's' | 'x' | 'X' | 'q' => self.string(bytes, verb, Some(value)),
            _ => {
                let items = bytes.iter().map(|&byte| (None, Value::byte(byte)));
                self.sequence(value, false, ("[", "]"), items, Type::Uint8, (verb, depth));
            }
        }
    }

    fn hex_bytes(&mut self, bytes: &[u8], verb: char) {
        let bytes = &bytes[..self.flags.precision.unwrap_or(bytes.len()).min(bytes.len())];
        let upper = verb == 'X';
        let prefix = if upper { "0X" } else { "0x" };
        let mut text = String::new();
        for (at, byte) in bytes.iter().enumerate() {
            if self.flags.space && at > 0 {
                text.push(' ');
            }
            if self.flags.sharp && (at == 0 || self.flags.space) {
                text.push_str(prefix);
            }
            let _ = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
        }
        self.pad(text);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Unsigned,
    Positive,
    Negative,
}

impl Sign {
    fn of(number: i64) -> Self {
        if number < 0 { Self::Negative } else { Self::Positive }
    }
}

/// The flag `#` of a number: a decimal point always, and the zeros at the end that `%g` cuts.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut digits = match verb {
        'g' | 'G' | 'x' => i64::try_from(precision.unwrap_or(6)).unwrap_or(i64::MAX),
        _ => 0,
    };
    let tail_at = text
        .find(|character: char| {
            matches!(character, 'p' | 'P') || (matches!(character, 'e' | 'E') && !matches!(verb, 'x' | 'X'))
        })
        .unwrap_or(text.len());
    let (number, tail) = text.split_at(tail_at);
    let mut number = number.to_owned();
    let mut seen = false;
    for character in number.chars().skip(1).filter(|&character| character != '.') {
        seen |= character != '0';
        digits -= i64::from(seen);
    }
    if !number.contains('.') {
        if number.len() == 2 && number.ends_with('0') {
            digits -= 1;
        }
        number.push('.');
    }
    number.push_str(&"0".repeat(usize::try_from(digits).unwrap_or(0)));
    number + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{List, Map};

    fn check(format: &str, args: &[Value], expected: &str) {
        let text = printf(format.as_bytes(), args, 1 << 20).unwrap();
        assert_eq!(String::from_utf8_lossy(&text), expected, "{format} {args:?}");
    }

    #[test]
    fn verbs_of_strings_and_numbers() {
        check(
            "%s|%q|%v|%x|% X",
            &["a\"b".into(), "a\"b".into(), "x".into(), "hi".into(), "hi".into()],
            "a\"b|\"a\\\"b\"|x|6869|68 69",
        );
        check(
            "%5s|%-5s|%.2s|%05d|%+d|%x|%#x|%o|%b",
            &["ab".into(), "ab".into(), "äöü".into(), 42.into(), 42.into(), 255.into(), 255.into(), 8.into(), 5.into()],
            "   ab|ab   |äö|00042|+42|ff|0xff|10|101",
        );
        check("%v|%d|%s", &[1.5.into(), 1.5.into(), 1.into()], "1.5|%!d(float64=1.5)|%!s(int=1)");
        check(
            "%.2f|%6.1f|%e|%g|%v",
            &[1.005.into(), 2.25.into(), 1e6.into(), 1e6.into(), 1e6.into()],
            "1.00|   2.2|1.000000e+06|1e+06|1e+06",
        );
        check(
            "%t|%v|%c|%q|%U",
            &[true.into(), false.into(), 65.into(), 65.into(), 0x1f600.into()],
            "true|false|A|'A'|U+1F600",
        );
        check("%T|%T|%T", &[1.into(), 1.0.into(), Value::Nil], "int|float64|<nil>");
    }

    #[test]
    fn mistakes_are_told_in_the_text() {
        check("%d", &[], "%!d(MISSING)");
        check("%z %!", &[1.into()], "%!z(int=1) %!!(NOVERB)".replace("%!!(NOVERB)", "%!!(MISSING)").as_str());
        check("a", &[1.into(), "x".into(), Value::Nil], "a%!(EXTRA int=1, string=x, <nil>)");
        check("%", &[], "%!(NOVERB)");
        check("%[2]d %[1]d", &[1.into(), 2.into()], "2 1");
        check("%[5]d", &[1.into()], "%!d(BADINDEX)");
        check("%*d|%.*f", &[5.into(), 1.into(), 1.into(), 2.0.into()], "    1|2.0");
        check("%s", &[Value::Nil], "%!s(<nil>)");
    }

    #[test]
    fn lists_and_maps() {
        let list = Value::from(vec![1.into(), "a".into(), Value::Nil]);
        let map = Value::from(Map::from_iter([("b", list.clone()), ("a", Value::from(1.5))]));
        check("%v", std::slice::from_ref(&map), "map[a:1.5 b:[1 a <nil>]]");
        check("%#v", &[map], r#"map[string]interface {}{"a":1.5, "b":[]interface {}{1, "a", interface {}(nil)}}"#);
        check(
            "%s %d %q",
            &[list.clone(), list, Value::List(List::strings(["a", "b"]))],
            r#"[%!s(int=1) a <nil>] [1 %!d(string=a) <nil>] ["a" "b"]"#,
        );
        check("%s %v", &[Value::Bytes(b"ab"[..].into()), Value::Bytes(b"ab"[..].into())], "ab [97 98]");
    }

    #[test]
    fn endless_values_and_endless_widths_stop() {
        let map = Map::new();
        map.insert("a", map.clone());
        assert!(print(&[map.clone().into()], 1 << 20).is_err());
        map.remove("a");
        assert!(printf("%999999d".repeat(50).as_bytes(), &vec![1.into(); 50], 1 << 20).is_err());
    }
}
