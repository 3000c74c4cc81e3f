//! What a scalar means in YAML 1.1, as go-yaml v2 decides.

use super::Error;

/// What a scalar resolved to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or time; it stays text when it is read, and asks for quotes when it is written.
    Timestamp,
    Merge,
    Str,
    /// `!!binary`: the text is base64.
    Binary,
}

impl Scalar {
    fn short_tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Merge => "!!merge",
            Self::Str => "!!str",
            Self::Binary => "!!binary",
        }
    }
}

const PREFIX: &str = "tag:yaml.org,2002:";

/// Resolves a scalar under its tag (long form, or empty).
pub(super) fn resolve(tag: &str, text: &str) -> Result<Scalar, Error> {
    let short = tag.strip_prefix(PREFIX);
    match short {
        Some("binary") => return Ok(Scalar::Binary),
        Some("bool" | "int" | "float" | "null" | "timestamp") => {}
        None if tag.is_empty() => {}
        // A tag that go-yaml does not know leaves the text alone.
        _ => return Ok(Scalar::Str),
    }
    let found = plain(text);
    let Some(short) = short else { return Ok(found) };
    if short == "float" {
        match found {
            Scalar::Int(value) => return Ok(Scalar::Float(value as f64)),
            Scalar::Float(_) => return Ok(found),
            _ => {}
        }
    } else if found.short_tag().strip_prefix("!!") == Some(short) {
        return Ok(found);
    } else if short != "timestamp" && found == Scalar::Timestamp {
        // Dates are looked for only where no tag says otherwise.
        return Err(cannot(&Scalar::Str, text, short));
    }
    Err(cannot(&found, text, short))
}

fn cannot(found: &Scalar, text: &str, wanted: &str) -> Error {
    Error::plain(&format!("cannot decode {} `{text}` as a !!{wanted}", found.short_tag()))
}

/// Resolves an untagged plain scalar.
pub(super) fn plain(text: &str) -> Scalar {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text).unwrap_or(Scalar::Str),
        b'.' => word(text).or_else(|| finite(text).map(Scalar::Float)).unwrap_or(Scalar::Str),
        b'+' | b'-' | b'0'..=b'9' => word(text).unwrap_or_else(|| number(text)),
        b'<' if text == "<<" => Scalar::Merge,
        _ => Scalar::Str,
    }
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Scalar {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(value) = parse_int(&plain) {
        return Scalar::Int(value);
    }
    if let Some(value) = parse_uint(&plain) {
        return Scalar::Uint(value);
    }
    // go-yaml takes the sign of a binary number also behind the prefix.
    if let Some(value) = plain.strip_prefix("0b-").and_then(|digits| parse_int(&format!("-0b{digits}"))) {
        return Scalar::Int(value);
    }
    if is_float(&plain)
        && let Some(value) = finite(&plain)
    {
        return Scalar::Float(value);
    }
    Scalar::Str
}

/// `strconv.ParseFloat` of text without hexadecimal forms: what overflows is no number.
fn finite(text: &str) -> Option<f64> {
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse::<f64>().ok().filter(|value| digits && plain && value.is_finite())
}

/// `strconv.ParseInt(text, 0, 64)` of text without underscores.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// `strconv.ParseUint(text, 0, 64)` of text without underscores: `0x`, `0o`, `0b` and a leading zero choose the base.
fn parse_uint(text: &str) -> Option<u64> {
    let (base, digits) = match text.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        None => (10, text),
        Some(rest) => [(16, ['x', 'X']), (2, ['b', 'B']), (8, ['o', 'O'])]
            .into_iter()
            .find_map(|(base, letters)| Some((base, rest.strip_prefix(letters)?)))
            .unwrap_or((8, rest)),
    };
    if !digits.bytes().all(|byte| char::from(byte).is_digit(base)) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    fn digits(bytes: &[u8]) -> usize {
        bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }
    let mut rest = text.as_bytes();
    if let [b'-' | b'+', tail @ ..] = rest {
        rest = tail;
    }
    if let [b'.', tail @ ..] = rest {
        let count = digits(tail);
        if count == 0 {
            return false;
        }
        rest = tail.get(count..).unwrap_or_default();
    } else {
        let count = digits(rest);
        if count == 0 {
            return false;
        }
        rest = rest.get(count..).unwrap_or_default();
        if let [b'.', tail @ ..] = rest {
            rest = tail.get(digits(tail)..).unwrap_or_default();
        }
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        let tail = if let [b'-' | b'+', tail @ ..] = tail { tail } else { tail };
        let count = digits(tail);
        return count > 0 && count == tail.len();
    }
    rest.is_empty()
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`: a number to the base of 60, which YAML 1.1 knew.
pub(super) fn is_base60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let head = parts.next().unwrap_or_default();
    if !head.starts_with(|c: char| c.is_ascii_digit()) || !head.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return false;
    }
    while let Some(part) = parts.next() {
        let part = if parts.peek().is_none() {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, ""));
            if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
                return false;
            }
            whole
        } else {
            part
        };
        let fits = match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, digit] => matches!(tens, b'0'..=b'5') && digit.is_ascii_digit(),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Whether go-yaml reads this as a date or a time.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut clock = Clock { rest: text };
    clock.timestamp().is_some()
}

struct Clock<'a> {
    rest: &'a str,
}

impl Clock<'_> {
    fn timestamp(&mut self) -> Option<()> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 4 {
            return None;
        }
        let (year, rest) = self.rest.split_at_checked(digits)?;
        let year: u32 = year.parse().ok()?;
        self.rest = rest;
        self.literal('-')?;
        let month = self.number()?;
        self.literal('-')?;
        let day = self.number()?;
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let most = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if day < 1 || day > most {
            return None;
        }
        let mut characters = self.rest.chars();
        let separator = match characters.next() {
            None => return Some(()),
            Some(c @ ('T' | 't' | ' ')) => c,
            Some(_) => return None,
        };
        self.rest = characters.as_str();
        if separator == ' ' {
            // Go's layouts swallow further blanks where the layout has one.
            self.rest = self.rest.trim_start_matches(' ');
        }
        let hour = self.number()?;
        self.literal(':')?;
        let minute = self.number()?;
        self.literal(':')?;
        let second = self.number()?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        if let Some(tail) = self.rest.strip_prefix(['.', ',']) {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                self.rest = tail.get(digits..).unwrap_or_default();
            }
        }
        if separator == ' ' {
            return self.rest.is_empty().then_some(());
        }
        if self.rest == "Z" {
            return Some(());
        }
        let zone = self.rest.as_bytes();
        match zone {
            [b'+' | b'-', h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
                let hours = (h1 - b'0') * 10 + (h2 - b'0');
                let minutes = (m1 - b'0') * 10 + (m2 - b'0');
                (hours <= 24 && minutes <= 60).then_some(())
            }
            _ => None,
        }
    }

    fn literal(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    /// One or two digits.
    fn number(&mut self) -> Option<u32> {
        let digits = self.rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        let value = digits.parse().ok()?;
        self.rest = rest;
        Some(value)
    }
}
