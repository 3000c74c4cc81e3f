//! How values become numbers: spf13's cast.

use go_template::{Kind, Type, Value};

/// `cast.ToInt64`, and `cast.ToInt`, which is the same on machines with 64 bits.
pub(super) fn to_int(value: &Value) -> i64 {
    if !is_basic(value) {
        return 0;
    }
    match value.bare() {
        Value::Bool(truth) => i64::from(*truth),
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => number.cast_signed(),
        Value::Float(number) => truncated(*number),
        Value::String(text) => parse_int(trim_zero_decimal(&text.to_str())).unwrap_or(0),
        _ => 0,
    }
}

/// `cast.ToFloat64`
pub(super) fn to_float(value: &Value) -> f64 {
    if !is_basic(value) {
        return 0.0;
    }
    match value.bare() {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Uint64(number) => *number as f64,
        Value::Float(number) => *number,
        Value::String(text) => parse_float(&text.to_str()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Types with names of their own are no numbers to cast, but for months and days of the week.
fn is_basic(value: &Value) -> bool {
    match value.ty() {
        Some(Type::Named(named)) => matches!(named.name, "time.Month" | "time.Weekday"),
        _ => value.kind() != Kind::Pointer,
    }
}

/// `int64(f)` on amd64: what does not fit is the smallest number.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked, and Go truncates")]
pub(super) fn truncated(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

/// `8.00` counts as `8`.
fn trim_zero_decimal(text: &str) -> &str {
    let mut found_zero = false;
    for (index, byte) in text.bytes().enumerate().rev() {
        match byte {
            b'.' if found_zero => return text.get(..index).unwrap_or(text),
            b'.' => {}
            b'0' => found_zero = true,
            _ => return text,
        }
    }
    text
}

/// `strconv.ParseInt(text, 0, 64)`: prefixes choose the base, and underscores may stand between digits.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    if text.contains('_') && !underscores_are_fine(text) {
        return None;
    }
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    crate::yaml::parse_int(&plain)
}

/// Underscores stand between digits, or between the prefix of a base and a digit.
fn underscores_are_fine(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, hexadecimal, mut previous) = match text.as_bytes() {
        [b'0', b'x' | b'X', digits @ ..] => (digits, true, '0'),
        [b'0', b'b' | b'B' | b'o' | b'O', digits @ ..] => (digits, false, '0'),
        digits => (digits, false, '^'),
    };
    for byte in digits {
        let kind = match byte {
            b'0'..=b'9' => '0',
            b'a'..=b'f' | b'A'..=b'F' if hexadecimal => '0',
            b'_' if previous != '0' => return false,
            b'_' => '_',
            _ if previous == '_' => return false,
            _ => '!',
        };
        previous = kind;
    }
    // Without a prefix, only a leading zero makes the base visible; then too Go takes underscores.
    previous != '_'
}

/// `strconv.ParseFloat(text, 64)`; what overflows is an error, which cast takes for 0.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') {
        return if underscores_are_fine(text) { parse_float(&text.replace('_', "")) } else { None };
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned.as_bytes(), [b'0', b'x' | b'X', ..]) {
        return parse_hexadecimal(text);
    }
    let special = ["inf", "infinity", "nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    if special {
        // Rust reads the same words; Go takes no sign before "nan".
        if unsigned.eq_ignore_ascii_case("nan") && unsigned.len() != text.len() {
            return None;
        }
        return text.parse().ok();
    }
    let plain = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let number: f64 = text.parse().ok().filter(|_| plain && unsigned.bytes().any(|byte| byte.is_ascii_digit()))?;
    number.is_finite().then_some(number)
}

/// `0x1.8p3`; the exponent has to be there.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_are_fine(text) {
        return None;
    }
    let text: String = text.chars().filter(|character| *character != '_').collect();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mantissa, exponent) = text.get(2..)?.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    let value = value * 2_f64.powi(shift);
    value.is_finite().then_some(if negative { -value } else { value })
}
