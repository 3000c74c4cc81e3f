//! Strings and bytes.

use std::fmt::Write as _;

use super::Printer;
use super::numbers::Sign;
use crate::quote::{can_backquote, quote_with};
use crate::utf8;
use crate::value::Value;
use crate::value::types::Type;

impl Printer {
    pub(super) fn string(&mut self, bytes: &[u8], verb: char, value: Option<&Value>) {
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

    pub(super) fn quoted(&mut self, bytes: &[u8]) {
        let shown = self.flags.precision.map_or(bytes, |most| utf8::truncate(bytes, most));
        if self.flags.sharp && can_backquote(shown) {
            let raw = [b"`", shown, b"`"].concat();
            return self.pad(raw);
        }
        self.pad(quote_with(shown, b'"', self.flags.plus));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8], verb: char, value: &Value, depth: usize) {
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

    pub(super) fn hex_bytes(&mut self, bytes: &[u8], verb: char) {
        let bytes = self.flags.precision.and_then(|most| bytes.get(..most)).unwrap_or(bytes);
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
