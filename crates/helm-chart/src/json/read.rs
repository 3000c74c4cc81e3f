//! Reads JSON with the words of Go's `encoding/json` for what is wrong.

use std::collections::BTreeMap;

use crate::data::Json;

/// Go gives up on deeper text.
const MAX_DEPTH: usize = 10_000;

/// How deep this reader goes: it recurses, and data beyond this has no use.
const OWN_DEPTH: usize = 1_000;

/// Reads a text that is one JSON value.
///
/// # Errors
///
/// Go's words: `invalid character '}' looking for beginning of value`.
pub(crate) fn read(text: &[u8]) -> Result<Json, String> {
    let mut reader = Reader { text, position: 0, depth: 0 };
    reader.blanks();
    let value = reader.value()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(value),
        Some(byte) => Err(invalid(byte, "after top-level value")),
    }
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
    depth: usize,
}

const END: &str = "unexpected end of JSON input";

fn invalid(byte: u8, place: &str) -> String {
    let name = match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        // Go looks at the byte as a character of its own.
        byte => {
            let quoted = go_template::quote(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
            let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            format!("'{}'", inside.unwrap_or(&quoted))
        }
    };
    format!("invalid character {name} {place}")
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn need(&self) -> Result<u8, String> {
        self.peek().ok_or_else(|| END.to_owned())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.position += 1;
        }
    }

    fn value(&mut self) -> Result<Json, String> {
        match self.need()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => Ok(Json::Str(self.string()?)),
            b't' => self.literal("true", Json::Bool(true)),
            b'f' => self.literal("false", Json::Bool(false)),
            b'n' => self.literal("null", Json::Null),
            b'-' | b'0'..=b'9' => self.number(),
            byte => Err(invalid(byte, "looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, String>) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > OWN_DEPTH.min(MAX_DEPTH) {
            return Err("exceeded max depth".into());
        }
        self.position += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut entries = BTreeMap::new();
        self.blanks();
        if self.need()? == b'}' {
            self.position += 1;
            return Ok(Json::Map(entries));
        }
        loop {
            self.blanks();
            match self.need()? {
                b'"' => {}
                byte => return Err(invalid(byte, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            self.blanks();
            match self.need()? {
                b':' => self.position += 1,
                byte => return Err(invalid(byte, "after object key")),
            }
            self.blanks();
            let value = self.value()?;
            entries.insert(key, value);
            self.blanks();
            match self.need()? {
                b',' => self.position += 1,
                b'}' => {
                    self.position += 1;
                    return Ok(Json::Map(entries));
                }
                byte => return Err(invalid(byte, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        self.blanks();
        if self.need()? == b']' {
            self.position += 1;
            return Ok(Json::List(items));
        }
        loop {
            self.blanks();
            items.push(self.value()?);
            self.blanks();
            match self.need()? {
                b',' => self.position += 1,
                b']' => {
                    self.position += 1;
                    return Ok(Json::List(items));
                }
                byte => return Err(invalid(byte, "after array element")),
            }
        }
    }

    fn literal(&mut self, word: &str, value: Json) -> Result<Json, String> {
        for expected in word.bytes() {
            let byte = self.need()?;
            if byte != expected {
                return Err(invalid(byte, &format!("in literal {word} (expecting '{}')", char::from(expected))));
            }
            self.position += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, place: &str) -> Result<(), String> {
        match self.need()? {
            b'0'..=b'9' => {}
            byte => return Err(invalid(byte, place)),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.position;
        let mut whole = true;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.need()? == b'0' {
            self.position += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            whole = false;
            self.position += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            whole = false;
            self.position += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.position += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = self.text.get(start..self.position).unwrap_or_default();
        let text = std::str::from_utf8(text).expect("digits are ASCII");
        if whole && let Ok(value) = text.parse::<i64>() {
            // A negative zero is a number with a fraction.
            if value != 0 || !text.starts_with('-') {
                return Ok(Json::Int(value));
            }
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Json::Float(value)),
            _ => Err(format!("json: cannot unmarshal number {text} into Go value of type float64")),
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.position += 1;
        let mut out = Vec::new();
        loop {
            match self.need()? {
                b'"' => {
                    self.position += 1;
                    return Ok(String::from_utf8_lossy(&out).into_owned());
                }
                b'\\' => {
                    self.position += 1;
                    self.escape(&mut out)?;
                }
                byte if byte < 0x20 => return Err(invalid(byte, "in string literal")),
                byte => {
                    out.push(byte);
                    self.position += 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let byte = self.need()?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.position += 1;
                let character = self.unicode()?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            byte => return Err(invalid(byte, "in string escape code")),
        };
        self.position += 1;
        out.push(plain);
        Ok(())
    }

    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hexadecimal()?;
        let more = self.text.get(self.position..).is_some_and(|rest| rest.starts_with(b"\\u"));
        if more && (0xD800..0xDC00).contains(&first) {
            let before = self.position;
            self.position += 2;
            let second = self.hexadecimal()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).expect("two halves make a character"));
            }
            // Not the second half: it is read again as a character of its own.
            self.position = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hexadecimal(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.need()?;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(invalid(byte, "in \\u hexadecimal character escape"));
            };
            code = code * 16 + digit;
            self.position += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_gos_words() {
        for (text, expected) in [
            ("", END),
            ("{", END),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1", "invalid character '1' after object key"),
            ("{\"a\":1 2", "invalid character '2' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("1 x", "invalid character 'x' after top-level value"),
            ("tru3", "invalid character '3' in literal true (expecting 'e')"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u00x\"", "invalid character 'x' in \\u hexadecimal character escape"),
            ("'", "invalid character '\\'' looking for beginning of value"),
            ("1e999", "json: cannot unmarshal number 1e999 into Go value of type float64"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn values_are_read() {
        let value = read(br#" {"a":[1,-2.5,true,null,"\ud83d\ude00\ud800"],"a ":{}} "#).unwrap();
        let list =
            vec![Json::Int(1), Json::Float(-2.5), Json::Bool(true), Json::Null, Json::Str("\u{1F600}\u{FFFD}".into())];
        let expected = BTreeMap::from([("a".into(), Json::List(list)), ("a ".into(), Json::Map(BTreeMap::new()))]);
        assert_eq!(value, Json::Map(expected));
    }
}
