//! A few of Go's string functions on bytes.

use memchr::memmem;

/// `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_print(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\0'..='\u{A0}' | '\u{AD}' => false,
        // The standard library knows the printable characters only by way of `escape_debug`. After a letter it does not
        // escape marks, so what it still escapes is not printable.
        _ => {
            let mut text = String::from("a");
            text.push(character);
            text.escape_debug().count() == 2
        }
    }
}

/// The position of a part in a text, in time that the lengths bound: to compare at each place would take their product.
pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memmem::find(text, part)
}

/// How often a part that is not empty stands in a text, without overlaps.
pub(crate) fn count(text: &[u8], part: &[u8]) -> usize {
    memmem::find_iter(text, part).count()
}

/// `strings.SplitN(text, separator, most)`; a negative `most` means all.
pub(crate) fn split_n<'a>(text: &'a [u8], separator: &[u8], most: i64) -> Vec<&'a [u8]> {
    if most == 0 {
        return Vec::new();
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if separator.is_empty() {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if parts.len() + 1 == most {
                parts.push(rest);
                break;
            }
            let (head, tail) = rest.split_at(character_length(rest));
            parts.push(head);
            rest = tail;
        }
        return parts;
    }
    let mut parts = Vec::new();
    let mut begin = 0;
    for position in memmem::find_iter(text, separator).take(most - 1) {
        parts.push(text.get(begin..position).unwrap_or_default());
        begin = position + separator.len();
    }
    parts.push(text.get(begin..).unwrap_or_default());
    parts
}

/// Bytes of the first character; a byte that is not UTF-8 counts as one. The text must not be empty.
pub(crate) fn character_length(text: &[u8]) -> usize {
    let head = text.get(..4).unwrap_or(text);
    let chunk = head.utf8_chunks().next().expect("the text is not empty");
    chunk.valid().chars().next().map_or(1, char::len_utf8)
}

/// Whether a character begins here, or the text ends: no place within the bytes of a character.
pub(crate) fn is_boundary(text: &[u8], at: usize) -> bool {
    let before = (1..=3).filter_map(|back| Some((back, text.get(at.checked_sub(back)?..)?)));
    before.filter(|(_, rest)| !rest.is_empty()).all(|(back, rest)| character_length(rest) <= back)
}

/// `strings.ReplaceAll`.
pub(crate) fn replace_all(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    if old.is_empty() {
        out.extend_from_slice(new);
        let mut rest = text;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(character_length(rest));
            out.extend_from_slice(head);
            out.extend_from_slice(new);
            rest = tail;
        }
        return out;
    }
    let mut begin = 0;
    for position in memmem::find_iter(text, old) {
        out.extend_from_slice(text.get(begin..position).unwrap_or_default());
        out.extend_from_slice(new);
        begin = position + old.len();
    }
    out.extend_from_slice(text.get(begin..).unwrap_or_default());
    out
}

/// `unicode.IsSpace`.
pub(crate) fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\u{B}' | '\u{C}' | '\r' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

/// `strings.TrimSpace`.
pub(crate) fn trim_space(text: &[u8]) -> &[u8] {
    trim_end_where(trim_start_where(text, is_space), is_space)
}

/// `strings.TrimLeftFunc`.
pub(crate) fn trim_start_where(mut text: &[u8], drop: impl Fn(char) -> bool) -> &[u8] {
    while !text.is_empty() {
        let Some((head, rest)) = text.split_at_checked(character_length(text)) else { break };
        let character = std::str::from_utf8(head).ok().and_then(|s| s.chars().next());
        if !drop(character.unwrap_or(char::REPLACEMENT_CHARACTER)) {
            break;
        }
        text = rest;
    }
    text
}

/// `strings.TrimRightFunc`.
pub(crate) fn trim_end_where(mut text: &[u8], drop: impl Fn(char) -> bool) -> &[u8] {
    while !text.is_empty() {
        let split = |length: usize| text.len().checked_sub(length).and_then(|at| text.split_at_checked(at));
        let last = (1..=4).filter_map(split).find(|(_, tail)| std::str::from_utf8(tail).is_ok());
        let Some((rest, tail)) = last.or_else(|| split(1)) else { break };
        let character = std::str::from_utf8(tail).ok().and_then(|s| s.chars().next());
        if !drop(character.unwrap_or(char::REPLACEMENT_CHARACTER)) {
            break;
        }
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_and_replaced_as_go_does() {
        let split = |text: &str, separator: &str, most| {
            split_n(text.as_bytes(), separator.as_bytes(), most)
                .into_iter()
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect::<Vec<_>>()
                .join("|")
        };
        assert_eq!(split("a,b,c", ",", -1), "a|b|c");
        assert_eq!(split("a,b,c", ",", 2), "a|b,c");
        assert_eq!(split("", ",", -1), "");
        assert_eq!(split("aéb", "", -1), "a|é|b");
        assert_eq!(split("a,b", ",", 0), "");
        assert_eq!(replace_all(b"aaa", b"aa", b"b"), b"ba");
        assert_eq!(replace_all("é".as_bytes(), b"", b"-"), "-é-".as_bytes());
        assert_eq!(trim_space("\u{a0} x\u{3000}".as_bytes()), b"x");
    }
}
