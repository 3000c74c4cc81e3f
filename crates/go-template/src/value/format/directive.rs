//! One directive of a format: flags, width, precision, and the verb.

use super::{Flags, Printer};
use crate::utf8;
use crate::value::Value;

/// One directive of a format, from behind its `%`.
pub(super) struct Directive<'a> {
    pub(super) format: &'a [u8],
    pub(super) args: &'a [Value],
    pub(super) at: usize,
    pub(super) number: usize,
    pub(super) good_number: bool,
    pub(super) reordered: bool,
}

impl<'f> Directive<'f> {
    fn byte(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn rest(&self) -> &'f [u8] {
        self.format.get(self.at..).unwrap_or_default()
    }

    pub(super) fn print(&mut self, printer: &mut Printer) {
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
        let (verb, length) = utf8::decode(self.rest());
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
        let rest = self.rest();
        let close = rest.iter().position(|&byte| byte == b']').filter(|_| rest.len() >= 3);
        let Some((close, digits)) = close.and_then(|close| Some((close, rest.get(1..close)?))) else {
            self.good_number = false;
            self.at += 1;
            return false;
        };
        let index = std::str::from_utf8(digits)
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
