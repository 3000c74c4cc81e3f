//! Go's string literals: `strconv.Quote` and `strconv.Unquote`.

use std::fmt::Write as _;

use crate::utf8;

/// The text as a double-quoted literal, as `%q` prints it.
pub fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, b'"', false)
}

/// The text as a literal in `mark`s; `ascii` also escapes what is not ASCII, as `%+q` does.
pub(crate) fn quote_with(bytes: &[u8], mark: u8, ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push(char::from(mark));
    for (character, found) in utf8::characters(bytes) {
        match found {
            [byte] if character == char::REPLACEMENT_CHARACTER => {
                let _ = write!(out, "\\x{byte:02x}");
            }
            _ => escape(&mut out, character, mark, ascii),
        }
    }
    out.push(char::from(mark));
    out
}

fn escape(out: &mut String, character: char, mark: u8, ascii: bool) {
    if character == char::from(mark) || character == '\\' {
        out.push('\\');
        out.push(character);
        return;
    }
    if utf8::is_print(character) && (!ascii || character.is_ascii()) {
        out.push(character);
        return;
    }
    let _ = match character {
        '\u{7}' => write!(out, "\\a"),
        '\u{8}' => write!(out, "\\b"),
        '\u{c}' => write!(out, "\\f"),
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        '\u{b}' => write!(out, "\\v"),
        other => match u32::from(other) {
            code @ (0..0x20 | 0x7f) => write!(out, "\\x{code:02x}"),
            code @ 0..0x10000 => write!(out, "\\u{code:04x}"),
            code => write!(out, "\\U{code:08x}"),
        },
    };
}

/// Whether the text can stand between backquotes unchanged (`strconv.CanBackquote`).
pub(crate) fn can_backquote(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        text.chars().all(|character| {
            character == '\t' || (character >= ' ' && !matches!(character, '`' | '\u{7f}' | '\u{feff}'))
        })
    })
}

/// The text of a literal in double quotes or backquotes; `None` stands for Go's `invalid syntax`.
pub(crate) fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let (&mark, rest) = literal.split_first()?;
    if mark == b'`' {
        // Nothing may follow, and carriage returns do not count.
        let text = rest.strip_suffix(b"`").filter(|text| !text.contains(&b'`'))?;
        return Some(text.iter().copied().filter(|&byte| byte != b'\r').collect());
    }
    let mut out = Vec::with_capacity(rest.len());
    let mut rest = rest;
    while *rest.first()? != mark {
        if rest.starts_with(b"\n") {
            return None;
        }
        let (code, is_character, tail) = unquote_char(rest, mark)?;
        if is_character && code >= 0x80 {
            out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.push(u8::try_from(code).ok()?);
        }
        rest = tail;
    }
    (rest.len() == 1).then_some(out)
}

/// The first character or byte of a literal, whether it is a character, and the rest (`strconv.UnquoteChar`).
pub(crate) fn unquote_char(text: &[u8], mark: u8) -> Option<(u32, bool, &[u8])> {
    let (&first, behind) = text.split_first()?;
    if first == mark && matches!(mark, b'\'' | b'"') {
        return None;
    }
    if first >= 0x80 {
        let (character, length) = utf8::decode(text);
        return Some((character.into(), true, text.get(length..)?));
    }
    if first != b'\\' {
        return Some((first.into(), false, behind));
    }
    let (&kind, rest) = behind.split_first()?;
    let simple = |code: u8| Some((u32::from(code), false, rest));
    match kind {
        b'a' => simple(7),
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        b'v' => simple(11),
        b'x' | b'u' | b'U' => {
            let length = match kind {
                b'x' => 2,
                b'u' => 4,
                _ => 8,
            };
            let (digits, rest) = rest.split_at_checked(length)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            if kind != b'x' && char::from_u32(code).is_none() {
                return None;
            }
            Some((code, kind != b'x', rest))
        }
        b'0'..=b'7' => {
            let (digits, rest) = behind.split_at_checked(3)?;
            if !digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
                return None;
            }
            let code = digits.iter().fold(0, |code, digit| code * 8 + u32::from(digit - b'0'));
            (code <= 255).then_some((code, false, rest))
        }
        b'\\' => simple(b'\\'),
        b'\'' | b'"' if kind == mark => simple(mark),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let check = |bytes: &[u8], literal: &str| {
            assert_eq!(quote(bytes), literal);
            assert_eq!(unquote(literal.as_bytes()).as_deref(), Some(bytes), "{literal}");
        };
        check(b"", r#""""#);
        check(b"a\"b\\c\n\t\x07\x00\x7f", r#""a\"b\\c\n\t\a\x00\x7f""#);
        check("ä€😀\u{200b}".as_bytes(), "\"ä€😀\\u200b\"");
        check(b"\xff\xfe", r#""\xff\xfe""#);
        check(b"a\"b\\", r#""a\"b\\""#);
        check(b"\x00\x07\x1b\x7f\n", r#""\x00\a\x1b\x7f\n""#);
        check("é\u{301}\u{AD}\u{200B}\u{A0}😀".as_bytes(), "\"é\u{301}\\u00ad\\u200b\\u00a0😀\"");
        check(b"\xff", r#""\xff""#);
        assert_eq!(quote_with("ä😀".as_bytes(), b'"', true), r#""\u00e4\U0001f600""#);
        assert_eq!(unquote(b"`a\\n\rb`"), Some(b"a\\nb".to_vec()));
        assert_eq!(unquote(br#""\101\x41\u0041\U00000041""#), Some(b"AAAA".to_vec()));
        for bad in
            [&br#"""#[..], br#""a"#, br#""\'""#, br#""\400""#, br#""\ud800""#, br#""\q""#, b"`a", b"`a`b", b"\"a\nb\""]
        {
            assert_eq!(unquote(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
