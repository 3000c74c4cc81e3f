//! Numbers: whole, floating and complex.

use super::Printer;
use crate::float;
use crate::quote::quote_with;
use crate::utf8;
use crate::value::Value;

impl Printer {
    pub(super) fn hex(&mut self, number: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, prefix);
        self.whole(number, Sign::Unsigned, 16, 'v');
        self.flags.sharp = sharp;
    }

    pub(super) fn integer(&mut self, number: u64, sign: Sign, verb: char, value: &Value) {
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

    pub(super) fn whole(&mut self, number: u64, sign: Sign, base: u32, verb: char) {
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

    pub(super) fn float(&mut self, number: f64, verb: char, single: bool, value: Option<&Value>) {
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
        let size = text.get(1..).unwrap_or_default();
        if size.starts_with(['I', 'N']) {
            if size.starts_with('N') && !self.flags.space && !self.flags.plus {
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
                let (sign, size) = text.split_at_checked(1).unwrap_or_default();
                self.write(sign);
                self.padding(width - text.len());
                return self.write(size);
            }
            return self.pad(text);
        }
        self.pad(text.get(1..).unwrap_or_default());
    }

    pub(super) fn complex(&mut self, real: f64, imaginary: f64, verb: char, value: &Value) {
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Unsigned,
    Positive,
    Negative,
}

impl Sign {
    pub(super) fn of(number: i64) -> Self {
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
