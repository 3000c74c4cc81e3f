//! Durations as Go reads and writes them: `10m`, `1h30m`, `1.5s`, `0` (Go `time.ParseDuration`, `Duration.String`).

use std::time::Duration;

/// Units with their length in nanoseconds. Longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// More digits than an hour has nanoseconds, and few enough for 64 bits.
const MOST_FRACTION_DIGITS: usize = 18;

/// Reads a duration: numbers with units, one after the other; a bare `0` needs no unit.
///
/// # Errors
/// When a number or its unit is missing, the unit is unknown, the duration is negative, or above some 292 years.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let error = |kind: fn(String) -> ParseDurationError| kind(text.to_owned());
    if text.starts_with('-') && text != "-0" {
        return Err(error(ParseDurationError::Negative));
    }
    let mut rest = text.trim_start_matches(['-', '+']);
    if text.len() - rest.len() > 1 {
        return Err(error(ParseDurationError::Number));
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(error(ParseDurationError::Number));
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        if unit.is_empty() && !number.is_empty() {
            return Err(error(ParseDurationError::MissingUnit));
        }
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(ParseDurationError::Unit { text: text.into(), unit: unit.into() });
        };
        nanos = scaled(number, u128::from(*scale))
            .and_then(|part| nanos.checked_add(part))
            .ok_or_else(|| error(ParseDurationError::Number))?;
        rest = tail;
    }
    match i64::try_from(nanos) {
        Ok(nanos) => Ok(Duration::from_nanos(nanos.unsigned_abs())),
        Err(_) => Err(error(ParseDurationError::TooLong)),
    }
}

/// `number * scale` in whole nanoseconds, digits beyond them cut off; none when `number` is no decimal number.
fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    // Digits below a nanosecond of the largest unit are of no account.
    let fraction = &fraction[..fraction.len().min(MOST_FRACTION_DIGITS)];
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? };
    let places = u32::try_from(fraction.len()).ok()?;
    Some(u128::from(whole) * scale + u128::from(part) * scale / 10_u128.pow(places))
}

/// Writes a duration as Go does: `1h2m3.5s`, `9.641091076s`, `1.5ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000 {
        return format!("{nanos}ns");
    }
    if nanos < 1_000_000 {
        return format!("{}µs", decimal(nanos, 1_000));
    }
    if nanos < 1_000_000_000 {
        return format!("{}ms", decimal(nanos, 1_000_000));
    }
    let (minutes, nanos) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
    let seconds = format!("{}s", decimal(nanos, 1_000_000_000));
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// `value / unit` as a decimal fraction without trailing zeros.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ParseDurationError {
    #[error("invalid duration `{0}`: expected numbers with units, like `10m` or `1h30m`")]
    Number(String),
    #[error("missing unit in duration `{0}`: expected `ns`, `us`, `ms`, `s`, `m` or `h`, like `{0}s`")]
    MissingUnit(String),
    #[error("unknown unit `{unit}` in duration `{text}`: expected `ns`, `us`, `ms`, `s`, `m` or `h`")]
    Unit { text: String, unit: String },
    #[error("invalid duration `{0}`: it must not be negative")]
    Negative(String),
    #[error("invalid duration `{0}`: too long")]
    TooLong(String),
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let rows: &[(&str, u64)] = &[
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("10m", 600_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1h15m30.918s", 4_530_918_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("100ms", 100_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("3μs", 3_000),
            ("7ns", 7),
            ("2m1h", 3_720_000_000_000),
            ("0.3333333333333333333h", 1_199_999_999_999),
        ];
        for (text, nanos) in rows {
            assert_eq!(parse(text), Ok(Duration::from_nanos(*nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        let mut answers = String::new();
        for text in
            ["", "3", "-1m", "s", ".", ".s", "1x", "1h 2m", "--5s", "1..5s", "300000000h", "99999999999999999999s"]
        {
            let _ = writeln!(answers, "{text:?}: {}", parse(text).unwrap_err());
        }
        insta::assert_snapshot!(answers, @r#"
        "": invalid duration ``: expected numbers with units, like `10m` or `1h30m`
        "3": missing unit in duration `3`: expected `ns`, `us`, `ms`, `s`, `m` or `h`, like `3s`
        "-1m": invalid duration `-1m`: it must not be negative
        "s": invalid duration `s`: expected numbers with units, like `10m` or `1h30m`
        ".": missing unit in duration `.`: expected `ns`, `us`, `ms`, `s`, `m` or `h`, like `.s`
        ".s": invalid duration `.s`: expected numbers with units, like `10m` or `1h30m`
        "1x": unknown unit `x` in duration `1x`: expected `ns`, `us`, `ms`, `s`, `m` or `h`
        "1h 2m": unknown unit `h ` in duration `1h 2m`: expected `ns`, `us`, `ms`, `s`, `m` or `h`
        "--5s": invalid duration `--5s`: it must not be negative
        "1..5s": invalid duration `1..5s`: expected numbers with units, like `10m` or `1h30m`
        "300000000h": invalid duration `300000000h`: too long
        "99999999999999999999s": invalid duration `99999999999999999999s`: expected numbers with units, like `10m` or `1h30m`
        "#);
    }

    #[test]
    fn writes_what_go_writes() {
        let rows: &[(u64, &str)] = &[
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (9_641_091_076, "9.641091076s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"),
            (3_600_000_000_000, "1h0m0s"),
        ];
        for (nanos, text) in rows {
            assert_eq!(format(Duration::from_nanos(*nanos)), *text);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in 0..i64::MAX) {
            let duration = Duration::from_nanos(nanos.unsigned_abs());
            proptest::prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text in ".{0,24}") {
            let _ = parse(&text);
        }
    }
}
