//! Scalars: block, quoted and plain.

use super::characters::{hex, text};
use super::{Kind, Mark, Scan, Scanner, Token};

impl Scanner {
    pub(super) fn fetch_block_scalar(&mut self, literal: bool) -> Scan {
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

    pub(super) fn scan_block_scalar_breaks(&mut self, indent: &mut isize, breaks: &mut Vec<u8>, start: Mark) -> Scan {
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

    pub(super) fn fetch_flow_scalar(&mut self, single: bool) -> Scan {
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

    pub(super) fn scan_escape(&mut self, start: Mark, value: &mut Vec<u8>) -> Scan {
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

    pub(super) fn scan_plain_scalar(&mut self) -> Scan {
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
