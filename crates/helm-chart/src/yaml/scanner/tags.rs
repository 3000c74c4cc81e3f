//! Directives, anchors and tags.

use super::characters::{hex, text};
use super::{Kind, Mark, Scan, Scanner};

impl Scanner {
    pub(super) fn scan_directive(&mut self) -> Scan {
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

    pub(super) fn scan_version_number(&mut self, start: Mark) -> Scan<u8> {
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

    pub(super) fn fetch_anchor(&mut self, anchor: bool) -> Scan {
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

    pub(super) fn scan_tag(&mut self) -> Scan {
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

    pub(super) fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Scan<Vec<u8>> {
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

    pub(super) fn scan_tag_uri(&mut self, head: &[u8], start: Mark) -> Scan<Vec<u8>> {
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

    pub(super) fn scan_uri_escapes(&mut self, start: Mark, uri: &mut Vec<u8>) -> Scan {
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
}
