//! Numbers as templates write them, with all the types that a number can stand for.

use crate::quote::{quote, unquote_char};

/// A number of a template, as each type that can hold it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

/// The token that a number came as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberToken {
    Character,
    Complex,
    Plain,
}

#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "the rules are Go's: exact or not at all")]
fn whole(float: f64) -> (Option<i64>, Option<u64>) {
    let int = float as i64;
    // Go's conversion of a negative number to `uint64` wraps around, and so does not compare equal.
    #[expect(clippy::cast_sign_loss, reason = "negative numbers are left out")]
    let uint = (float >= 0.0).then_some(float as u64);
    ((int as f64 == float).then_some(int), uint.filter(|&uint| uint as f64 == float))
}

impl Number {
    fn imaginary(real: f64, imaginary: f64) -> Self {
        let mut number = Self { complex: Some((real, imaginary)), ..Self::default() };
        if imaginary == 0.0 {
            number.float = Some(real);
            (number.int, number.uint) = whole(real);
        }
        number
    }

    /// Reads a number; the error is in Go's words.
    pub(crate) fn parse(text: &str, token: NumberToken) -> Result<Self, String> {
        match token {
            NumberToken::Character => {
                let inside = text.as_bytes().get(1..).unwrap_or_default();
                let (code, _, tail) = unquote_char(inside, b'\'').ok_or("invalid syntax")?;
                if tail != b"'" {
                    return Err(format!("malformed character constant: {text}"));
                }
                return Ok(Self {
                    int: Some(code.into()),
                    uint: Some(code.into()),
                    float: Some(code.into()),
                    complex: None,
                });
            }
            NumberToken::Complex => {
                // The sign of the second number ends the first one; a sign after an exponent does not.
                let (real, imaginary) = text
                    .match_indices(['+', '-'])
                    .filter_map(|(at, _)| text.split_at_checked(at))
                    .find(|(real, _)| !real.is_empty() && !real.ends_with(['e', 'E', 'p', 'P']))
                    .ok_or("syntax error scanning complex number")?;
                let float = |text: &str| {
                    parse_float(text)
                        .map_err(|reason| format!("strconv.ParseFloat: parsing {}: {reason}", quote(text.as_bytes())))
                };
                return Ok(Self::imaginary(float(real)?, float(imaginary.trim_end_matches('i'))?));
            }
            NumberToken::Plain => {}
        }
        if let Some(imaginary) = text.strip_suffix('i').and_then(|text| parse_float(text).ok()) {
            return Ok(Self::imaginary(0.0, imaginary));
        }
        let mut number = Self { uint: parse_uint(text), int: parse_int(text), ..Self::default() };
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        number.float = match (number.int, number.uint) {
            (Some(int), _) => Some(int as f64),
            (None, Some(uint)) => Some(uint as f64),
            (None, None) => {
                let float = parse_float(text).ok();
                if let Some(float) = float {
                    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                        return Err(format!("integer overflow: {}", quote(text.as_bytes())));
                    }
                    (number.int, number.uint) = whole(float);
                }
                float
            }
        };
        if number == Self::default() {
            return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
        }
        Ok(number)
    }
}

/// Whether underscores stand between digits only (`strconv.underscoreOK`).
fn underscores_are_fine(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    let (digits, hex, mut seen) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (digits, true, b'0'),
        [b'0', b'b' | b'B' | b'o' | b'O', digits @ ..] => (digits, false, b'0'),
        _ => (text, false, b'^'),
    };
    for &byte in digits {
        seen = match byte {
            b'0'..=b'9' => b'0',
            _ if hex && byte.is_ascii_hexdigit() => b'0',
            b'_' if seen == b'0' => b'_',
            b'_' => return false,
            _ if seen == b'_' => return false,
            _ => b'!',
        };
    }
    seen != b'_'
}

/// `strconv.ParseUint(text, 0, 64)`.
fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let after = |prefix| lower.strip_prefix(prefix).filter(|digits| !digits.is_empty());
    let (digits, base) = after("0b")
        .map(|digits| (digits, 2))
        .or_else(|| after("0o").map(|digits| (digits, 8)))
        .or_else(|| after("0x").map(|digits| (digits, 16)))
        .or_else(|| after("0").map(|digits| (digits, 8)))
        .unwrap_or((&lower, 10));
    if digits.starts_with(['+', '-']) || (digits.contains('_') && !underscores_are_fine(text)) {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), base).ok()
}

/// `strconv.ParseInt(text, 0, 64)`.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = parse_uint(digits)?;
    if negative { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
}

/// `strconv.ParseFloat(text, 64)`; the error is Go's reason.
fn parse_float(text: &str) -> Result<f64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    if text.contains('_') && !underscores_are_fine(text) {
        return Err(SYNTAX);
    }
    let plain = text.replace('_', "").to_ascii_lowercase();
    let (sign, size) = match plain.strip_prefix('-') {
        Some(size) => (-1.0, size),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let float = if let Some(hex) = size.strip_prefix("0x") {
        parse_hex_float(hex).ok_or(SYNTAX)?
    } else if size.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        size.parse().map_err(|_| SYNTAX)?
    } else {
        return Err(SYNTAX);
    };
    if float.is_infinite() { Err("value out of range") } else { Ok(sign * float) }
}

/// A hexadecimal number with a binary exponent, without sign and `0x`.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once('p')?;
    if !exponent.trim_start_matches(['+', '-']).starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent.parse::<i32>().ok()?.clamp(-10_000, 10_000);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa: u64 = 0;
    let mut scale = exponent;
    for (at, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = digit.to_digit(16)?;
        if mantissa >> 59 == 0 {
            mantissa = mantissa * 16 + u64::from(digit);
            scale -= if at >= whole.len() { 4 } else { 0 };
        } else {
            // A digit that is lost still decides which way to round.
            mantissa |= u64::from(digit != 0);
            scale += if at < whole.len() { 4 } else { 0 };
        }
    }
    // Halves first, so that no step but the last one rounds.
    let mut float = mantissa as f64;
    while scale > 0 && float != 0.0 && float.is_finite() {
        let step = scale.min(1000);
        float *= 2_f64.powi(step);
        scale -= step;
    }
    while scale < 0 && float != 0.0 {
        let step = (-scale).min(1000);
        float /= 2_f64.powi(step);
        scale += step;
    }
    Some(float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, int: Option<i64>, uint: Option<u64>, float: Option<f64>) {
        let token = if text.starts_with('\'') { NumberToken::Character } else { NumberToken::Plain };
        assert_eq!(Number::parse(text, token), Ok(Number { int, uint, float, complex: None }), "{text}");
    }

    #[test]
    fn numbers() {
        check("0", Some(0), Some(0), Some(0.0));
        check("-0", Some(0), Some(0), Some(0.0));
        check("73", Some(73), Some(73), Some(73.0));
        check("+73", Some(73), None, Some(73.0));
        check("-73", Some(-73), None, Some(-73.0));
        check("1_000", Some(1000), Some(1000), Some(1000.0));
        check("0x1F", Some(31), Some(31), Some(31.0));
        check("0b101", Some(5), Some(5), Some(5.0));
        check("0o17", Some(15), Some(15), Some(15.0));
        check("017", Some(15), Some(15), Some(15.0));
        check("18446744073709551615", None, Some(u64::MAX), Some(18_446_744_073_709_551_615.0));
        check("1e3", Some(1000), Some(1000), Some(1000.0));
        check("1.5", None, None, Some(1.5));
        check("-1.5e-2", None, None, Some(-0.015));
        check("1e19", None, Some(10_000_000_000_000_000_000), Some(1e19));
        check("0x1.8p1", Some(3), Some(3), Some(3.0));
        check("0x.1p4", Some(1), Some(1), Some(1.0));
        check("'a'", Some(97), Some(97), Some(97.0));
        check("'\\n'", Some(10), Some(10), Some(10.0));
        check("'€'", Some(8364), Some(8364), Some(8364.0));
    }

    #[test]
    fn imaginary_numbers() {
        let check = |text, token, complex, int| {
            let number = Number::parse(text, token).unwrap();
            assert_eq!((number.complex, number.int), (Some(complex), int), "{text}");
        };
        check("1i", NumberToken::Plain, (0.0, 1.0), None);
        check("0i", NumberToken::Plain, (0.0, 0.0), Some(0));
        check("1+2i", NumberToken::Complex, (1.0, 2.0), None);
        check("1e+3-2.5i", NumberToken::Complex, (1000.0, -2.5), None);
    }

    #[test]
    fn what_is_no_number() {
        let check = |text, token, error: &str| assert_eq!(Number::parse(text, token).unwrap_err(), error);
        check("08", NumberToken::Plain, "integer overflow: \"08\"");
        check("1__0", NumberToken::Plain, "illegal number syntax: \"1__0\"");
        check("0x", NumberToken::Plain, "illegal number syntax: \"0x\"");
        check("1e", NumberToken::Plain, "illegal number syntax: \"1e\"");
        check("99999999999999999999", NumberToken::Plain, "integer overflow: \"99999999999999999999\"");
        check("'ab'", NumberToken::Character, "malformed character constant: 'ab'");
        check("''", NumberToken::Character, "invalid syntax");
    }
}
