//! Go's regular expressions, translated to those of the `regex` crate.
//!
//! Both are RE2's in spirit. They differ in details that count: Go's `\d`, `\w` and `\s` know ASCII only, a `{` that begins
//! no repetition stands for itself, `\Q...\E` quotes, and mistakes have words of their own.

mod size;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;

use regex::bytes::{Regex, RegexBuilder};

use size::Size;

/// How deep groups may lie; Go's bound.
const MAX_DEPTH: usize = 1_000;

/// Larger counts of a repetition are refused; Go's bound.
const MAX_REPEAT: u32 = 1_000;

/// How many compiled expressions are kept.
const CACHE: usize = 256;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Why an expression is not compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CompileError<E> {
    /// Go's words: ``error parsing regexp: missing closing ): `(a` ``.
    Go(String),
    /// The caller does not pay for an expression of this size.
    Refused(E),
}

/// Compiles one of Go's expressions. `pay` is told about how many states it takes, unless it is compiled already.
///
/// # Errors
///
/// When it is no expression, or `pay` refuses.
pub(crate) fn compile<E>(pattern: &str, pay: impl FnOnce(u64) -> Result<(), E>) -> Result<Regex, CompileError<E>> {
    if let Some(known) = COMPILED.with_borrow(|compiled| compiled.get(pattern).cloned()) {
        return Ok(known);
    }
    let fail = |code: &str, part: &str| Err(CompileError::Go(format!("error parsing regexp: {code}: `{part}`")));
    let (translated, states) = match translate(pattern) {
        Ok(translated) => translated,
        Err((code, part)) => return fail(code, &part),
    };
    pay(states).map_err(CompileError::Refused)?;
    let Ok(regex) = RegexBuilder::new(&translated).build() else {
        return fail("expression too large", pattern);
    };
    COMPILED.with_borrow_mut(|compiled| {
        if compiled.len() >= CACHE {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), regex.clone());
    });
    Ok(regex)
}

/// Go's words for what is wrong with an expression, if anything is.
pub(crate) fn mistake(pattern: &str) -> Option<String> {
    match compile(pattern, |_| Ok::<_, std::convert::Infallible>(())) {
        Err(CompileError::Go(words)) => Some(words),
        _ => None,
    }
}

type Mistake = (&'static str, String);

/// The expression as the `regex` crate writes it, and about how many states it takes.
fn translate(pattern: &str) -> Result<(String, u64), Mistake> {
    let mut translator = Translator { whole: pattern, rest: pattern, out: String::new(), size: Size::default() };
    translator.run()?;
    Ok((translator.out, translator.size.states()))
}

/// About how many states a class takes: UTF-8 needs several for most of them.
const OF_CLASS: u64 = 30;

struct Translator<'a> {
    whole: &'a str,
    rest: &'a str,
    out: String,
    size: Size,
}

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\f\r\x20";

/// The members of `\d`, `\w` and `\s`, and whether the letter stands for all others.
fn perl_class(letter: char) -> Option<(&'static str, bool)> {
    let members = match letter.to_ascii_lowercase() {
        'd' => DIGITS,
        'w' => WORD,
        's' => SPACE,
        _ => return None,
    };
    Some((members, letter.is_ascii_uppercase()))
}

impl<'a> Translator<'a> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        Some(character)
    }

    fn eat(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What lies between two places of the expression.
    fn between(&self, from: &'a str) -> String {
        from.strip_suffix(self.rest).unwrap_or(from).to_owned()
    }

    fn literal(&mut self, character: char) {
        if character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii() {
            self.out.push(character);
        } else {
            let _ = write!(self.out, "\\x{:02x}", u32::from(character));
        }
    }

    fn run(&mut self) -> Result<(), Mistake> {
        // Of each open group: nothing. What counts is how many there are.
        let mut depth = 0;
        // Whether something stands before that can be repeated, and where the last repetition began.
        let mut operand = false;
        let mut repeated: Option<&'a str> = None;
        while let Some(character) = self.rest.chars().next() {
            let start = self.rest;
            let before = repeated.take();
            match character {
                '(' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(("expression nests too deeply", self.whole.to_owned()));
                    }
                    let flags_only = self.group()?;
                    if flags_only {
                        depth -= 1;
                    } else {
                        self.size.open();
                        operand = false;
                    }
                }
                ')' => {
                    if depth == 0 {
                        return Err(("unexpected )", self.whole.to_owned()));
                    }
                    depth -= 1;
                    self.next();
                    self.out.push(')');
                    self.size.close();
                    operand = true;
                }
                '|' => {
                    self.next();
                    self.out.push('|');
                    operand = false;
                }
                '^' | '$' | '.' => {
                    self.next();
                    self.out.push(character);
                    self.size.operand(OF_CLASS);
                    operand = true;
                }
                '[' => {
                    self.class()?;
                    self.size.operand(OF_CLASS);
                    operand = true;
                }
                '*' | '+' | '?' => {
                    self.next();
                    self.out.push(character);
                    repeated = Some(self.repetition(start, before, operand)?);
                }
                '{' => {
                    if let Some((rest, low, high)) = count(start) {
                        self.rest = rest;
                        if low > MAX_REPEAT || high.is_some_and(|high| high > MAX_REPEAT || high < low) {
                            return Err(("invalid repeat count", self.between(start)));
                        }
                        self.out.push_str(&self.between(start));
                        repeated = Some(self.repetition(start, before, operand)?);
                        if !self.size.repeat(low, high) {
                            return Err(("invalid repeat count", self.between(start)));
                        }
                    } else {
                        self.next();
                        self.literal('{');
                        self.size.operand(1);
                        operand = true;
                    }
                }
                '\\' => {
                    self.escape()?;
                    self.size.operand(OF_CLASS);
                    operand = true;
                }
                _ => {
                    self.next();
                    self.literal(character);
                    self.size.operand(1);
                    operand = true;
                }
            }
        }
        if depth > 0 {
            return Err(("missing closing )", self.whole.to_owned()));
        }
        Ok(())
    }

    /// What follows `*`, `+`, `?` or a count. Gives the beginning of the repetition.
    fn repetition(&mut self, start: &'a str, before: Option<&'a str>, operand: bool) -> Result<&'a str, Mistake> {
        if !operand {
            return Err(("missing argument to repetition operator", self.between(start)));
        }
        if self.eat("?") {
            self.out.push('?');
        }
        if let Some(before) = before {
            return Err(("invalid nested repetition operator", self.between(before)));
        }
        Ok(start)
    }

    /// The beginning of a group; says whether it only sets flags.
    fn group(&mut self) -> Result<bool, Mistake> {
        let start = self.rest;
        self.next();
        if !self.rest.starts_with('?') {
            self.out.push('(');
            return Ok(false);
        }
        let named = start.strip_prefix("(?P<").or_else(|| start.strip_prefix("(?<"));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let Some((name, rest)) = named.split_once('>') else {
                return Err(("invalid named capture", start.to_owned()));
            };
            self.rest = rest;
            let fine = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !fine {
                return Err(("invalid named capture", self.between(start)));
            }
            // Names of the `regex` crate begin with a letter.
            self.out.push_str("(?P<");
            self.out.push_str(if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" });
            self.out.push_str(name);
            self.out.push('>');
            return Ok(false);
        }
        self.next();
        self.out.push_str("(?");
        let (mut negative, mut sign_needs_flag) = (false, false);
        loop {
            match self.next() {
                Some(flag @ ('i' | 'm' | 's' | 'U')) => {
                    sign_needs_flag = false;
                    self.out.push(flag);
                }
                Some('-') if !negative => {
                    negative = true;
                    sign_needs_flag = true;
                    self.out.push('-');
                }
                Some(end @ (':' | ')')) if !sign_needs_flag => {
                    // The `regex` crate refuses flags that are none.
                    if self.out.ends_with("(?") && end == ')' {
                        self.out.truncate(self.out.len() - 2);
                    } else {
                        self.out.push(end);
                    }
                    return Ok(end == ')');
                }
                _ => return Err(("invalid or unsupported Perl syntax", self.between(start))),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Mistake> {
        let mut characters = self.rest.chars();
        characters.next();
        match characters.next() {
            Some('A') => self.out.push_str("\\A"),
            Some('b') => self.out.push_str("(?-u:\\b)"),
            Some('B') => self.out.push_str("(?-u:\\B)"),
            Some('z') => self.out.push_str("\\z"),
            Some('Q') => {
                let quoted = characters.as_str();
                let (quoted, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                for character in quoted.chars() {
                    self.literal(character);
                }
                self.rest = rest;
                return Ok(());
            }
            Some(letter) if perl_class(letter).is_some() => {
                let (members, negated) = perl_class(letter).expect("just looked at");
                let _ = write!(self.out, "[{}{members}]", if negated { "^" } else { "" });
            }
            Some('p' | 'P') => {
                let class = self.unicode_class()?;
                self.out.push_str(&class);
                return Ok(());
            }
            _ => {
                let character = self.escaped_character()?;
                self.literal(character);
                return Ok(());
            }
        }
        self.rest = characters.as_str();
        Ok(())
    }

    /// `\pL`, `\p{Greek}`, `\P{^Greek}`
    fn unicode_class(&mut self) -> Result<String, Mistake> {
        let start = self.rest;
        self.next();
        let mut negated = self.next() == Some('P');
        let range = "invalid character class range";
        let letters = self.rest;
        let name = match self.next() {
            Some('{') => {
                let Some((name, rest)) = self.rest.split_once('}') else {
                    return Err((range, start.to_owned()));
                };
                self.rest = rest;
                name
            }
            Some(letter) => letters.get(..letter.len_utf8()).unwrap_or_default(),
            None => return Err((range, start.to_owned())),
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        if name == "Any" {
            return Ok(if negated { "[^\\x{0}-\\x{10FFFF}]" } else { "[\\x{0}-\\x{10FFFF}]" }.into());
        }
        let class = format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
        let known = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && regex::Regex::new(&class).is_ok();
        if known { Ok(class) } else { Err((range, self.between(start))) }
    }

    /// The character that an escape stands for.
    fn escaped_character(&mut self) -> Result<char, Mistake> {
        let start = self.rest;
        self.next();
        let Some(letter) = self.next() else {
            return Err(("trailing backslash at end of expression", String::new()));
        };
        let octal = |rest: &str| rest.starts_with(|c: char| ('0'..='7').contains(&c));
        let character = match letter {
            '1'..='7' if !octal(self.rest) => None,
            '0'..='7' => {
                let mut code = letter.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    if !octal(self.rest) {
                        break;
                    }
                    code = code * 8 + self.next().and_then(|digit| digit.to_digit(8)).unwrap_or_default();
                }
                char::from_u32(code)
            }
            'x' => self.hexadecimal(),
            'a' => Some('\u{7}'),
            'f' => Some('\u{C}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{B}'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        };
        character.ok_or_else(|| ("invalid escape sequence", self.between(start)))
    }

    fn hexadecimal(&mut self) -> Option<char> {
        if self.eat("{") {
            let mut code = 0_u32;
            let mut digits = 0;
            loop {
                match self.next()? {
                    '}' if digits > 0 => return char::from_u32(code),
                    digit => {
                        code = code.checked_mul(16)?.checked_add(digit.to_digit(16)?)?;
                        digits += 1;
                        if code > 0x0010_FFFF {
                            return None;
                        }
                    }
                }
            }
        }
        let first = self.next()?.to_digit(16)?;
        let second = self.next()?.to_digit(16)?;
        char::from_u32(first * 16 + second)
    }

    fn class(&mut self) -> Result<(), Mistake> {
        let start = self.rest;
        self.next();
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let place = self.rest;
            match place.chars().next() {
                None => return Err(("missing closing ]", start.to_owned())),
                Some(']') if !first => {
                    self.next();
                    self.out.push(']');
                    return Ok(());
                }
                _ => {}
            }
            first = false;
            if let Some((name, rest)) = place.strip_prefix("[:").and_then(|class| class.split_once(":]")) {
                self.rest = rest;
                let class = self.between(place);
                if !POSIX_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return Err(("invalid character class range", class));
                }
                self.out.push_str(&class);
                continue;
            }
            if place.starts_with("\\p") || place.starts_with("\\P") {
                let class = self.unicode_class()?;
                self.out.push_str(&class);
                continue;
            }
            if let Some((members, negated)) = place.strip_prefix('\\').and_then(|rest| perl_class(rest.chars().next()?))
            {
                self.next();
                self.next();
                if negated {
                    let _ = write!(self.out, "[^{members}]");
                } else {
                    self.out.push_str(members);
                }
                continue;
            }
            let low = self.class_character(start)?;
            let mut high = low;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                high = self.class_character(start)?;
                if high < low {
                    return Err(("invalid character class range", self.between(place)));
                }
            }
            let _ = write!(self.out, "\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high));
        }
    }

    fn class_character(&mut self, class: &str) -> Result<char, Mistake> {
        if self.rest.starts_with('\\') {
            return self.escaped_character();
        }
        self.next().ok_or_else(|| ("missing closing ]", class.to_owned()))
    }
}

/// The names in `[[:alpha:]]`.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// `{2}`, `{2,}` or `{2,3}`: what follows, and the counts. Anything else is no repetition.
fn count(text: &str) -> Option<(&str, u32, Option<u32>)> {
    let (low, rest) = whole(text.strip_prefix('{')?)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((rest, low, Some(low)));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((rest, low, None));
    }
    let (high, rest) = whole(rest)?;
    Some((rest.strip_prefix('}')?, low, Some(high)))
}

fn whole(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if digits == 0 || (digits > 1 && number.starts_with('0')) {
        return None;
    }
    Some((number.parse().unwrap_or(u32::MAX), rest))
}

#[cfg(test)]
mod tests {
    use super::CompileError;
    use regex::bytes::Regex;

    fn compile(pattern: &str) -> Result<Regex, String> {
        super::compile(pattern, |_| Ok(())).map_err(|error: CompileError<()>| match error {
            CompileError::Go(words) => words,
            CompileError::Refused(()) => unreachable!("everything is paid for"),
        })
    }

    #[test]
    fn mistakes_have_gos_words() {
        for (pattern, expected) in [
            ("(a", "missing closing ): `(a`"),
            ("a)", "unexpected ): `a)`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("[a", "missing closing ]: `[a`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("\\q", "invalid escape sequence: `\\q`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("(a{100}){11}", "invalid repeat count: `{11}`"),
            ("((a{10}){10}b{2}){20}?", "invalid repeat count: `{20}?`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("\\pX", "invalid character class range: `\\pX`"),
        ] {
            assert_eq!(compile(pattern).unwrap_err(), format!("error parsing regexp: {expected}"), "{pattern}");
        }
    }

    #[test]
    fn repetitions_are_paid_for_before_they_are_written_out() {
        for (pattern, expected) in
            [("abc", 3), ("a{20}b", 22), ("(a{10}){3}", 34), ("((x|yz)?)*", 3), ("[a-z]{2,10}", 301)]
        {
            let mut states = 0;
            super::compile(pattern, |paid| {
                states = paid;
                Err(())
            })
            .unwrap_err();
            assert_eq!(states, expected, "{pattern}");
        }
    }

    #[test]
    fn classes_are_ascii_and_braces_are_literal() {
        for (pattern, text, expected) in [
            (r"^\d+$", "٣", false),
            (r"^\w+$", "é", false),
            (r"^\S+$", "é", true),
            ("^{a}$", "{a}", true),
            ("^a{,2}$", "a{,2}", true),
            ("^[a&&b]$", "&", true),
            ("^[[]$", "[", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b", "axb", false),
            (r"^[\d\-x]+$", "1-x", true),
            (r"^[^\D]$", "1", true),
            (r"\<", "<", true),
            ("^(?i)AB(?-i)c$", "abc", true),
            (r"^\101\x{42}$", "AB", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text.as_bytes()), expected, "{pattern}");
        }
    }
}
