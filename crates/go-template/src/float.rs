//! Numbers with a fraction as text, as `strconv.FormatFloat` writes them.

/// Writes `value` by `verb` (`e E f g G b x X`); `precision` of `None` asks for as many digits as tell the number from
/// its neighbours. `single` says that the number is a `float32`.
pub(crate) fn format(value: f64, verb: char, precision: Option<usize>, single: bool) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    match verb {
        'f' => fixed(value, precision, single),
        'e' | 'E' => exponent(&digits(value, precision.map(|precision| precision + 1), single), precision, verb),
        'g' | 'G' => general(value, precision, single, verb),
        'b' => binary(value, single),
        _ => hexadecimal(value, precision, verb, single),
    }
}

/// Sign, significant digits, and the exponent of the first one.
struct Digits {
    negative: bool,
    significant: String,
    exponent: i32,
}

/// No `float64` has more digits than this, before or behind the point; what is asked for beyond is zeros. (Rust's own
/// formatter takes no precision above 65 535.)
const MOST_DIGITS: usize = 1_100;

fn digits(value: f64, count: Option<usize>, single: bool) -> Digits {
    #[expect(clippy::cast_possible_truncation, reason = "the value came from a float32")]
    let text = match (count, single) {
        (Some(count), _) => format!("{:.*e}", count.clamp(1, MOST_DIGITS) - 1, value),
        (None, true) => format!("{:e}", value as f32),
        (None, false) => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').expect("the exponent form has an exponent");
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.push_str(&"0".repeat(count.unwrap_or(0).saturating_sub(digits.len())));
    Digits {
        negative: mantissa.starts_with('-'),
        significant: digits,
        exponent: exponent.parse().expect("an exponent is a number"),
    }
}

fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "" }
}

#[expect(clippy::cast_possible_truncation, reason = "the value came from a float32")]
fn fixed(value: f64, precision: Option<usize>, single: bool) -> String {
    match (precision, single) {
        (Some(precision), _) => {
            let exact = precision.min(MOST_DIGITS);
            format!("{value:.exact$}{}", "0".repeat(precision - exact))
        }
        (None, true) => format!("{}", value as f32),
        (None, false) => format!("{value}"),
    }
}

fn exponent(number: &Digits, precision: Option<usize>, verb: char) -> String {
    let (first, rest) = number.significant.split_at_checked(1).unwrap_or_default();
    let rest = precision.and_then(|precision| rest.get(..precision)).unwrap_or(rest);
    let mut text = format!("{}{first}", sign(number.negative));
    if !rest.is_empty() {
        text.push('.');
        text.push_str(rest);
    }
    let letter = if verb.is_ascii_uppercase() { 'E' } else { 'e' };
    let exponent_sign = if number.exponent < 0 { '-' } else { '+' };
    format!("{text}{letter}{exponent_sign}{:02}", number.exponent.unsigned_abs())
}

fn general(value: f64, precision: Option<usize>, single: bool, verb: char) -> String {
    let mut number = digits(value, precision.map(|precision| precision.max(1)), single);
    // Zeros at the end are no digits here.
    let kept = number.significant.trim_end_matches('0').len().max(1);
    number.significant.truncate(kept);
    let shown = number.significant.len();
    let point = number.exponent + 1;
    let mut most = i32::try_from(precision.map_or(6, |precision| precision.max(1))).unwrap_or(i32::MAX);
    let shown_number = i32::try_from(shown).unwrap_or(i32::MAX);
    if precision.is_some() && most > shown_number && shown_number >= point {
        most = shown_number;
    }
    let verb = if verb == 'G' { 'E' } else { 'e' };
    if number.exponent < -4 || number.exponent >= most {
        return exponent(&number, None, verb);
    }
    plain(&number, point)
}

/// Digits with the point where it belongs, without exponent.
fn plain(number: &Digits, point: i32) -> String {
    let mut text = String::from(sign(number.negative));
    match usize::try_from(point) {
        Ok(point) if point >= number.significant.len() => {
            text.push_str(&number.significant);
            text.push_str(&"0".repeat(point - number.significant.len()));
        }
        Ok(point) if point > 0 => {
            let (whole, behind) = number.significant.split_at_checked(point).unwrap_or_default();
            text.push_str(whole);
            text.push('.');
            text.push_str(behind);
        }
        _ => {
            text.push_str("0.");
            text.push_str(&"0".repeat(usize::try_from(-point).unwrap_or(0)));
            text.push_str(&number.significant);
        }
    }
    text
}

/// Mantissa and exponent as they lie in memory: `value = mantissa * 2^exponent`.
fn parts(value: f64, single: bool) -> (u64, i32) {
    #[expect(clippy::cast_possible_truncation, reason = "the value came from a float32")]
    let (bits, mantissa_bits, bias) = if single {
        (u64::from((value as f32).to_bits() & 0x7fff_ffff), 23, 127)
    } else {
        (value.to_bits() & (u64::MAX >> 1), 52, 1023)
    };
    let exponent = i32::try_from(bits >> mantissa_bits).expect("an exponent has eleven bits");
    let fraction = bits & ((1 << mantissa_bits) - 1);
    if exponent == 0 {
        (fraction, 1 - bias - mantissa_bits)
    } else {
        (fraction | 1 << mantissa_bits, exponent - bias - mantissa_bits)
    }
}

fn binary(value: f64, single: bool) -> String {
    let (mantissa, exponent) = parts(value, single);
    format!("{}{mantissa}p{exponent:+}", sign(value.is_sign_negative()))
}

fn hexadecimal(value: f64, precision: Option<usize>, verb: char, single: bool) -> String {
    let (mut mantissa, mut exponent) = parts(value, single);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // The leading one goes to bit 60, so that the fraction has fifteen digits.
        let shift = mantissa.leading_zeros().cast_signed() - 3;
        mantissa <<= shift;
        exponent = exponent - shift + 60;
        if let Some(precision) = precision.filter(|&precision| precision < 15) {
            let dropped = 60 - 4 * precision;
            let half = 1_u64 << (dropped - 1);
            let odd = (mantissa >> dropped) & 1;
            mantissa = (mantissa + half - 1 + odd) >> dropped << dropped;
            if mantissa >> 61 != 0 {
                mantissa >>= 1;
                exponent += 1;
            }
        }
    }
    let mut fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
        Some(precision) => {
            fraction.push_str(&"0".repeat(precision.saturating_sub(15)));
            fraction.truncate(precision);
        }
    }
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    let text = format!(
        "{}0x{}{point}{fraction}p{exponent_sign}{:02}",
        sign(value.is_sign_negative()),
        mantissa >> 60,
        exponent.unsigned_abs()
    );
    if verb == 'X' { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_writes_them() {
        let check = |value: f64, verb, precision, expected: &str| {
            assert_eq!(format(value, verb, precision, false), expected, "{value} {verb} {precision:?}");
        };
        check(0.0, 'g', None, "0");
        check(-0.0, 'g', None, "-0");
        check(1.0, 'g', None, "1");
        check(1e20, 'g', None, "1e+20");
        check(1e21, 'g', None, "1e+21");
        check(123_456_789.0, 'g', None, "1.23456789e+08");
        check(1_234_567.0, 'g', None, "1.234567e+06");
        check(100_000.0, 'g', None, "100000");
        check(1e-5, 'g', None, "1e-05");
        check(0.1, 'g', None, "0.1");
        check(123.456, 'g', Some(2), "1.2e+02");
        check(123.456, 'g', Some(4), "123.5");
        check(0.5, 'f', Some(0), "0");
        check(2.5, 'f', Some(0), "2");
        check(1.005, 'f', Some(2), "1.00");
        check(1e6, 'e', Some(2), "1.00e+06");
        check(1e100, 'E', None, "1E+100");
        check(1.0, 'x', None, "0x1p+00");
        check(0.1, 'x', None, "0x1.999999999999ap-04");
        check(1.999, 'x', Some(0), "0x1p+01");
        check(1.0, 'b', None, "4503599627370496p-52");
        assert_eq!(format(f64::from(0.1_f32), 'g', None, true), "0.1");
        assert_eq!(format(f64::NAN, 'g', None, false), "NaN");
        assert_eq!(format(f64::NEG_INFINITY, 'f', Some(2), false), "-Inf");
    }
}
