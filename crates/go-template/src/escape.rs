//! Escaping for HTML, JavaScript and URLs, as Go's `html`, `js` and `urlquery` do.

use crate::utf8;

/// `template.HTMLEscapeString`
pub(crate) fn html(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            0 => out.extend("\u{fffd}".as_bytes()),
            b'"' => out.extend(b"&#34;"),
            b'\'' => out.extend(b"&#39;"),
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'>' => out.extend(b"&gt;"),
            _ => out.push(byte),
        }
    }
    out
}

/// `template.JSEscapeString`
pub(crate) fn js(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (character, found) in utf8::characters(bytes) {
        match found.first().copied().unwrap_or_default() {
            b'\\' => out.extend(br"\\"),
            b'\'' => out.extend(br"\'"),
            b'"' => out.extend(br#"\""#),
            b'<' => out.extend(br"\u003C"),
            b'>' => out.extend(br"\u003E"),
            b'&' => out.extend(br"\u0026"),
            b'=' => out.extend(br"\u003D"),
            byte @ 0..0x20 => out.extend(format!("\\u00{byte:02X}").into_bytes()),
            byte @ 0x20..0x80 => out.push(byte),
            0x80.. if utf8::is_print(character) => out.extend(found),
            0x80.. => out.extend(format!("\\u{:04X}", u32::from(character)).into_bytes()),
        }
    }
    out
}

/// `url.QueryEscape`
pub(crate) fn query(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            _ => out.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(html(b"<a href=\"x\">'&\0"), "&lt;a href=&#34;x&#34;&gt;&#39;&amp;\u{fffd}".as_bytes());
        assert_eq!(js("'<a=\\\n\u{200b}ä".as_bytes()), r"\'\u003Ca\u003D\\\u000A\u200Bä".as_bytes());
        assert_eq!(query("a b/ä~".as_bytes()), b"a+b%2F%C3%A4~");
    }
}
