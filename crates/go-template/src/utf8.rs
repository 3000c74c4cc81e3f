//! Characters as Go sees them: decoding that never fails, and the classes of `unicode` and `strconv`.

use std::sync::LazyLock;

use regex::Regex;

/// The first character and its length in bytes. What is not UTF-8 is U+FFFD of length 1; nothing has length 0.
pub(crate) fn decode(bytes: &[u8]) -> (char, usize) {
    let Some(&first) = bytes.first() else { return (char::REPLACEMENT_CHARACTER, 0) };
    let wanted = match first {
        0..0x80 => return (char::from(first), 1),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    bytes
        .get(..wanted)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next())
        .map_or((char::REPLACEMENT_CHARACTER, 1), |character| (character, wanted))
}

/// The last character and its length in bytes, in the same way.
pub(crate) fn decode_last(bytes: &[u8]) -> (char, usize) {
    for length in 1..=bytes.len().min(4) {
        let Some(tail) = bytes.len().checked_sub(length).and_then(|at| bytes.get(at..)) else { break };
        let (character, found) = decode(tail);
        if found == length && (length > 1 || character != char::REPLACEMENT_CHARACTER) {
            return (character, length);
        }
    }
    (char::REPLACEMENT_CHARACTER, usize::from(!bytes.is_empty()))
}

/// The characters one after another, each with its bytes.
pub(crate) fn characters(bytes: &[u8]) -> impl Iterator<Item = (char, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (character, length) = decode(rest);
        let (found, tail) = rest.split_at_checked(length).filter(|(found, _)| !found.is_empty())?;
        rest = tail;
        Some((character, found))
    })
}

/// How many characters there are, as `utf8.RuneCount` counts.
pub(crate) fn count(bytes: &[u8]) -> usize {
    characters(bytes).count()
}

/// The bytes of the first `most` characters.
pub(crate) fn truncate(bytes: &[u8], most: usize) -> &[u8] {
    let length = characters(bytes).take(most).map(|(_, found)| found.len()).sum();
    bytes.get(..length).unwrap_or(bytes)
}

fn is_of(class: &Regex, character: char) -> bool {
    class.is_match(character.encode_utf8(&mut [0; 4]))
}

/// `unicode.IsLetter`.
pub(crate) fn is_letter(character: char) -> bool {
    static LETTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{L}$").expect("a fixed pattern"));
    if character.is_ascii() { character.is_ascii_alphabetic() } else { is_of(&LETTER, character) }
}

/// `unicode.IsDigit`.
pub(crate) fn is_digit(character: char) -> bool {
    static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").expect("a fixed pattern"));
    if character.is_ascii() { character.is_ascii_digit() } else { is_of(&DIGIT, character) }
}

/// `unicode.IsPrint` and `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and the ASCII space.
pub(crate) fn is_print(character: char) -> bool {
    static PRINT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").expect("a fixed pattern"));
    if character.is_ascii() { matches!(character, ' '..='~') } else { is_of(&PRINT, character) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_from_both_ends() {
        let check = |bytes: &[u8], first: (char, usize), last: (char, usize)| {
            assert_eq!((decode(bytes), decode_last(bytes)), (first, last), "{bytes:?}");
        };
        check(b"", ('\u{FFFD}', 0), ('\u{FFFD}', 0));
        check("aä€".as_bytes(), ('a', 1), ('€', 3));
        check("😀".as_bytes(), ('😀', 4), ('😀', 4));
        check("\u{FFFD}".as_bytes(), ('\u{FFFD}', 3), ('\u{FFFD}', 3));
        check(b"\xff", ('\u{FFFD}', 1), ('\u{FFFD}', 1));
        check(b"\xe2\x82", ('\u{FFFD}', 1), ('\u{FFFD}', 1));
        assert_eq!((count(b"a\xffb"), count("äö".as_bytes())), (3, 2));
        assert_eq!(truncate("äö".as_bytes(), 1), "ä".as_bytes());
    }

    #[test]
    fn classes() {
        assert!(is_letter('é') && is_letter('ß') && !is_letter('1') && !is_letter('_') && !is_letter('Ⅷ'));
        assert!(is_digit('٣') && !is_digit('½'));
        assert!(
            is_print('€') && is_print('\u{301}') && !is_print('\u{a0}') && !is_print('\u{200b}') && !is_print('\n')
        );
    }
}
