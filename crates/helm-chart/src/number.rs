//! Numbers as Go prints them.

use std::fmt::Write as _;

/// The shortest decimal digits of a finite number and the power of ten of the first digit.
fn shortest(text: &str) -> (bool, Vec<u8>, i32) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (digits, exponent) = text.split_once('e').expect("`{:e}` prints an exponent");
    let exponent = exponent.parse().expect("`{:e}` prints a whole exponent");
    (negative, digits.bytes().filter(u8::is_ascii_digit).collect(), exponent)
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// `strconv.FormatFloat(value, 'g', -1, 64)`
pub(crate) fn format_g(value: f64) -> String {
    if let Some(name) = special(value) {
        return name.into();
    }
    general(&format!("{value:e}"))
}

/// `strconv.FormatFloat(value, 'g', -1, 32)`: the value is rounded to 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "rounding to 32 bits is what Go does here")]
pub(crate) fn format_g32(value: f64) -> String {
    let small = value as f32;
    if let Some(name) = special(f64::from(small)) {
        return name.into();
    }
    general(&format!("{small:e}"))
}

fn general(text: &str) -> String {
    let (negative, digits, exponent) = shortest(text);
    // The shortest form takes the exponent from 1e6 on, and below 1e-4.
    if !(-4..6).contains(&exponent) {
        return scientific(negative, &digits, exponent, 2);
    }
    plain(negative, &digits, exponent)
}

fn scientific(negative: bool, digits: &[u8], exponent: i32, width: usize) -> String {
    let mut out = String::new();
    if negative {
        out.push('-');
    }
    for (index, digit) in digits.iter().enumerate() {
        if index == 1 {
            out.push('.');
        }
        out.push(char::from(*digit));
    }
    out.push('e');
    out.push(if exponent < 0 { '-' } else { '+' });
    let _ = write!(out, "{:0width$}", exponent.abs());
    out
}

fn plain(negative: bool, digits: &[u8], exponent: i32) -> String {
    let mut out = String::new();
    if negative {
        out.push('-');
    }
    let digit = |index: i32| {
        usize::try_from(index).ok().and_then(|index| digits.get(index)).map_or('0', |digit| char::from(*digit))
    };
    if exponent < 0 {
        out.push('0');
    }
    for index in 0..=exponent {
        out.push(digit(index));
    }
    let count = i32::try_from(digits.len()).expect("at most 17 digits");
    let fraction = count - exponent - 1;
    if fraction > 0 && digits != b"0" {
        out.push('.');
        for index in exponent + 1..count {
            out.push(if index < 0 { '0' } else { digit(index) });
        }
    }
    out
}

/// A number as `encoding/json` writes it; the number has to be finite.
pub(crate) fn format_json(value: f64) -> String {
    let (negative, digits, exponent) = shortest(&format!("{value:e}"));
    if value != 0.0 && !(-6..21).contains(&exponent) {
        return scientific(negative, &digits, exponent, 1);
    }
    plain(negative, &digits, exponent)
}

/// A `float32` as `encoding/json` writes it; the number has to be finite.
#[expect(clippy::cast_possible_truncation, reason = "the value came from 32 bits")]
pub(crate) fn format_json32(value: f64) -> String {
    let small = value as f32;
    let (negative, digits, exponent) = shortest(&format!("{small:e}"));
    if value != 0.0 && !(-6..21).contains(&exponent) {
        return scientific(negative, &digits, exponent, 1);
    }
    plain(negative, &digits, exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        // value, %v, json
        for (value, general, json) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (1.5, "1.5", "1.5"),
            (100_000.0, "100000", "100000"),
            (1e6, "1e+06", "1000000"),
            (123_456.0, "123456", "123456"),
            (1_234_567.0, "1.234567e+06", "1234567"),
            (12345.678, "12345.678", "12345.678"),
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (1e20, "1e+20", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1e-6, "1e-06", "0.000001"),
            (1e-7, "1e-07", "1e-7"),
            (-2.5e-9, "-2.5e-09", "-2.5e-9"),
            (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
        ] {
            assert_eq!((format_g(value).as_str(), format_json(value).as_str()), (general, json), "{value}");
        }
        assert_eq!(format_g(f64::NAN), "NaN");
        assert_eq!(format_g32(0.1), "0.1");
    }
}
