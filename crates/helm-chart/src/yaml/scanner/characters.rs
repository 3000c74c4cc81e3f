//! The characters of the text: looked at, skipped, read.

use super::{Error, Scan, Scanner};

impl Scanner {
    pub(super) fn at(&self, offset: usize) -> u8 {
        self.buf.get(self.pos + offset).copied().unwrap_or(0)
    }

    pub(super) fn is_z(&self, offset: usize) -> bool {
        self.at(offset) == 0
    }

    pub(super) fn is_blank(&self, offset: usize) -> bool {
        matches!(self.at(offset), b' ' | b'\t')
    }

    pub(super) fn is_break(&self, offset: usize) -> bool {
        match self.at(offset) {
            b'\r' | b'\n' => true,
            0xC2 => self.at(offset + 1) == 0x85,
            0xE2 => self.at(offset + 1) == 0x80 && matches!(self.at(offset + 2), 0xA8 | 0xA9),
            _ => false,
        }
    }

    pub(super) fn is_breakz(&self, offset: usize) -> bool {
        self.is_z(offset) || self.is_break(offset)
    }

    pub(super) fn is_blankz(&self, offset: usize) -> bool {
        self.is_blank(offset) || self.is_breakz(offset)
    }

    pub(super) fn is_alpha(&self) -> bool {
        matches!(self.at(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    pub(super) fn is_document_indicator(&self) -> bool {
        self.mark.column == 0
            && ((self.at(0) == b'-' && self.at(1) == b'-' && self.at(2) == b'-')
                || (self.at(0) == b'.' && self.at(1) == b'.' && self.at(2) == b'.'))
            && self.is_blankz(3)
    }

    pub(super) fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
        self.pos += width(self.at(0));
    }

    pub(super) fn skip_line(&mut self) {
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

    pub(super) fn read(&mut self, into: &mut Vec<u8>) {
        let width = width(self.at(0));
        into.extend_from_slice(self.buf.get(self.pos..self.pos + width).unwrap_or_default());
        self.pos += width;
        self.mark.index += 1;
        self.mark.column += 1;
    }

    pub(super) fn read_line(&mut self, into: &mut Vec<u8>) {
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
                into.extend_from_slice(self.buf.get(self.pos..self.pos + 3).unwrap_or_default());
                self.pos += 3;
            }
            _ => return,
        }
        self.mark.index += 1;
        self.mark.column = 0;
        self.mark.line += 1;
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.at(0) == b'#' {
            while !self.is_breakz(0) {
                self.skip();
            }
        }
    }
}

/// Bytes of the character that begins with this byte.
pub(super) fn width(byte: u8) -> usize {
    match byte {
        0..=0x7F => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

pub(super) fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Scalars are cut at character boundaries of checked UTF-8; only escapes in tags can break that.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The text that UTF-16 holds, without its byte order mark.
pub(super) fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Scan<String> {
    let mut text = String::with_capacity(bytes.len() / 2);
    let mut units = bytes.chunks(2);
    while let Some(pair) = units.next() {
        let part = |pair: &[u8], problem: &str| <[u8; 2]>::try_from(pair).map(unit).map_err(|_| Error::plain(problem));
        let first = part(pair, "incomplete UTF-16 character")?;
        if !(0xD800..=0xDFFF).contains(&first) {
            text.extend(char::from_u32(first.into()));
            continue;
        }
        if first >= 0xDC00 {
            return Err(Error::plain("unexpected low surrogate area"));
        }
        let second = part(units.next().unwrap_or_default(), "incomplete UTF-16 surrogate pair")?;
        match char::decode_utf16([first, second]).next() {
            Some(Ok(character)) => text.push(character),
            _ => return Err(Error::plain("expected low surrogate area")),
        }
    }
    Ok(text)
}

/// Refuses what is not UTF-8 and the control characters that YAML 1.1 forbids.
pub(super) fn check_characters(bytes: &[u8]) -> Scan {
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
            if rest.iter().take(width).skip(1).any(|octet| octet & 0xC0 != 0x80) {
                return Err(Error::plain("invalid trailing UTF-8 octet"));
            }
            Err(Error::plain("invalid length of a UTF-8 sequence"))
        }
    }
}
