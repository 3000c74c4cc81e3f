//! Patterns of `.Files.Glob`, as gobwas' glob reads them with `/` as the separator.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// How deep alternatives may lie.
const MAX_DEPTH: usize = 50;

/// A compiled pattern: `*` stays within a folder, `**` does not; `{a,b}` are alternatives.
#[derive(Debug)]
pub(crate) struct Glob {
    regex: Regex,
}

impl Glob {
    /// Compiles a pattern; `None` when it is malformed.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let mut writer = Writer { text: pattern.chars().peekable(), out: String::from("^(?s:"), depth: 0 };
        writer.pattern()?;
        writer.out.push_str(")$");
        Some(Self { regex: Regex::new(&writer.out).ok()? })
    }

    /// Whether the whole name fits.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }
}

struct Writer<'a> {
    text: Peekable<Chars<'a>>,
    out: String,
    depth: usize,
}

impl Writer<'_> {
    fn pattern(&mut self) -> Option<()> {
        while let Some(character) = self.text.next() {
            match character {
                '*' => {
                    if self.text.next_if_eq(&'*').is_some() {
                        self.out.push_str(".*");
                    } else {
                        self.out.push_str("[^/]*");
                    }
                }
                '?' => self.out.push_str("[^/]"),
                '{' => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return None;
                    }
                    self.out.push_str("(?:");
                }
                ',' if self.depth > 0 => self.out.push('|'),
                '}' if self.depth > 0 => {
                    self.depth -= 1;
                    self.out.push(')');
                }
                '[' => self.class()?,
                '\\' => {
                    // A backslash at the end stands for nothing.
                    if let Some(character) = self.text.next() {
                        self.literal(character);
                    }
                }
                character => self.literal(character),
            }
        }
        // gobwas closes what stays open.
        for _ in 0..self.depth {
            self.out.push(')');
        }
        Some(())
    }

    fn literal(&mut self, character: char) {
        self.out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    /// `[abc]`, `[!abc]`, `[a-z]` or `[!a-z]`, and nothing in between.
    fn class(&mut self) -> Option<()> {
        let not = self.text.next_if_eq(&'!').is_some();
        let first = self.text.next()?;
        self.out.push_str(if not { "[^" } else { "[" });
        if self.text.next_if_eq(&'-').is_some() {
            let last = self.text.next()?;
            if last < first || self.text.next()? != ']' {
                return None;
            }
            self.member(first);
            self.out.push('-');
            self.member(last);
        } else {
            let mut next = Some(first);
            let mut any = false;
            loop {
                match next? {
                    ']' => break,
                    '\\' => {
                        let character = self.text.next()?;
                        self.member(character);
                    }
                    character => self.member(character),
                }
                any = true;
                next = self.text.next();
            }
            if !any {
                return None;
            }
        }
        self.out.push(']');
        Some(())
    }

    fn member(&mut self, character: char) {
        if character.is_ascii_punctuation() {
            self.out.push('\\');
        }
        self.out.push(character);
    }
}
