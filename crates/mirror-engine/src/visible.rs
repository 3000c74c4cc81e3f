//! Text from outside, made fit for a terminal, a log and a list of errors.
//!
//! Names in archives, catalogs, registries, charts and lock files are chosen by others. A control character in one of them
//! could steer the terminal of an operator, and a line break could forge a line of the log. Everything that is printed for a
//! person passes here. JSON documents do not: JSON has escapes of its own.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Most characters of one name, such as a cell of a table.
const LONGEST_WORD: usize = 1000;

/// Most characters of one message. Longest are the list of errors of a collection and a configuration in debug lines.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// What begins a line of results: our own colours.
const OWN_COLOURS: &[&str] = &["\u{1b}[1;32m ✓ \u{1b}[0m", "\u{1b}[1;31m ✗ \u{1b}[0m"];

/// The names of levels in lines of the log.
const LEVELS: &[&str] = &["[ERROR]", "[WARN]", "[INFO]", "[DEBUG]", "[TRACE]"];

/// A name or another text of one line: all control characters and line breaks are escaped as in Rust (`\n`, `\u{1b}`), and
/// a very long text is cut.
///
/// ```
/// use mirror_engine::visible::word;
///
/// assert_eq!(word("amd64"), "amd64");
/// assert_eq!(word("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
/// ```
pub fn word(text: &str) -> Cow<'_, str> {
    shown(text, LONGEST_WORD, |_, c| steers(c))
}

/// A message, which may have several lines. Control characters are escaped; so are line breaks between two backticks, where
/// messages quote a name, and line breaks before what would look like another line of the log. A very long message is cut.
///
/// ```
/// use mirror_engine::visible::message;
///
/// assert_eq!(message("two\nlines"), "two\nlines");
/// assert_eq!(message("ignored entry `a\nb`"), "ignored entry `a\\nb`");
/// assert_eq!(message("x\n2026/01/01 12:00:00  [INFO]  : all is well"), "x\\n2026/01/01 12:00:00  [INFO]  : all is well");
/// ```
pub fn message(text: &str) -> Cow<'_, str> {
    for colour in OWN_COLOURS {
        if let Some(rest) = text.strip_prefix(colour) {
            return match message(rest) {
                Cow::Borrowed(_) => Cow::Borrowed(text),
                Cow::Owned(rest) => Cow::Owned(format!("{colour}{rest}")),
            };
        }
    }
    if !text.contains('\n') {
        return shown(text, LONGEST_MESSAGE, |_, c| c != '\t' && steers(c));
    }
    let broken = false_breaks(text);
    shown(text, LONGEST_MESSAGE, |at, c| match c {
        '\n' => broken.binary_search(&at).is_ok(),
        c => c != '\t' && steers(c),
    })
}

/// An answer of several lines, such as a table, whose names passed [`word`] before. Line breaks stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    shown(text, usize::MAX, |_, c| !matches!(c, '\n' | '\t') && steers(c))
}

/// Where the line breaks are that are not ours, as bytes from the start.
fn false_breaks(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut quoted = false;
    let mut last_backtick = text.rfind('`').unwrap_or(0);
    if text.matches('`').count() % 2 == 1 {
        // Without a partner, the last one quotes nothing.
        last_backtick = text.get(..last_backtick).and_then(|text| text.rfind('`')).unwrap_or(0);
    }
    for (at, c) in text.char_indices() {
        match c {
            '`' if at <= last_backtick => quoted = !quoted,
            '\n' if quoted => found.push(at),
            '\n' => {
                let line = text.get(at + 1..).and_then(|rest| rest.lines().next()).unwrap_or_default();
                if looks_like_a_log_line(line) {
                    found.push(at);
                }
            }
            _ => {}
        }
    }
    found
}

fn looks_like_a_log_line(line: &str) -> bool {
    let is_dated = line
        .trim_start()
        .split_once('/')
        .is_some_and(|(year, _)| year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit()));
    is_dated || LEVELS.iter().any(|level| line.contains(level))
}

/// Whether a character changes what others look like, instead of being seen.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Marks that turn the direction of text, line and paragraph separators, characters without width.
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn shown(text: &str, longest: usize, is_escaped: impl Fn(usize, char) -> bool) -> Cow<'_, str> {
    let is_short = text.len() <= longest || text.chars().count() <= longest;
    if is_short && !text.char_indices().any(|(at, c)| is_escaped(at, c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(longest) + 64);
    for (count, (at, c)) in text.char_indices().enumerate() {
        if count == longest {
            let _ = write!(out, "… ({} bytes more)", text.len() - at);
            break;
        }
        if is_escaped(at, c) {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_seen_instead() {
        let rows = [
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\rb", "a\\rb"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{7f}", "\\u{7f}"),
            ("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("a\u{2028}b", "a\\u{2028}b"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("größe 💾 ⚠️ 日本", "größe 💾 ⚠️ 日本"),
        ];
        for (text, expected) in rows {
            assert_eq!(word(text), expected, "{text:?}");
            assert_eq!(message(text), expected, "{text:?}");
        }
        assert_eq!(word("a\tb\nc"), "a\\tb\\nc");
        assert_eq!(message("a\tb\nc"), "a\tb\nc");
    }

    #[test]
    fn line_breaks_of_others_are_escaped() {
        let rows = [
            ("cannot read `a`:\n* `b`\n* `c`", "cannot read `a`:\n* `b`\n* `c`"),
            ("chunk 1: `a\nb\nc` x\ny", "chunk 1: `a\\nb\\nc` x\ny"),
            ("no partner: ` x\ny", "no partner: ` x\ny"),
            ("`a\nb` no partner: ` x\ny", "`a\\nb` no partner: ` x\ny"),
            ("a\n[INFO] b", "a\\n[INFO] b"),
            ("a\n 2026/08/01 12:00:05  [INFO]  : b\nc", "a\\n 2026/08/01 12:00:05  [INFO]  : b\nc"),
            ("`a`\n2026/08/01 b", "`a`\\n2026/08/01 b"),
        ];
        for (text, expected) in rows {
            assert_eq!(message(text), expected, "{text:?}");
        }
    }

    #[test]
    fn own_colours_stay_at_the_start_only() {
        let line = "\u{1b}[1;32m ✓ \u{1b}[0m 1 / 1 images";
        assert_eq!(message(line), line);
        assert!(!message(&format!("x{line}")).contains('\u{1b}'));
        assert!(message(&format!("{line}\u{7}")).ends_with("images\\u{7}"));
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "é".repeat(LONGEST_WORD + 5);
        assert_eq!(word(&long), format!("{}… (10 bytes more)", "é".repeat(LONGEST_WORD)));
        assert_eq!(word(&"é".repeat(LONGEST_WORD)), "é".repeat(LONGEST_WORD));
        let huge = message(&"x".repeat(1 << 20)).into_owned();
        assert!(huge.len() < LONGEST_MESSAGE + 64 && huge.ends_with("bytes more)"));
    }
}
