//! Durations: nanoseconds.

use go_template::{Method, Named, Type, Value};

/// A method without arguments.
macro_rules! get {
    ($name:literal, $run:expr) => {
        Method {
            name: $name,
            params: &[],
            variadic: false,
            run: |_, duration, _| Ok($run(duration.as_int().unwrap_or_default())),
        }
    };
}

/// `time.Duration`
pub(crate) static DURATION: Named = Named {
    name: "time.Duration",
    underlying: Type::Int64,
    methods: &[
        get!("Nanoseconds", Value::Int64),
        get!("Microseconds", |nanos: i64| Value::Int64(nanos / 1_000)),
        get!("Milliseconds", |nanos: i64| Value::Int64(nanos / 1_000_000)),
        get!("Seconds", |nanos: i64| Value::Float(nanos as f64 / 1e9)),
        get!("Minutes", |nanos: i64| Value::Float(nanos as f64 / 6e10)),
        get!("Hours", |nanos: i64| Value::Float(nanos as f64 / 3.6e12)),
        get!("String", |nanos: i64| Value::from(show(nanos))),
    ],
    string: Some(|value| show(value.as_int().unwrap_or_default()).into()),
};

/// `1h30m0s`
pub(crate) fn show(nanos: i64) -> String {
    let all = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = |unit: u64| {
        let (whole, rest) = (all / unit, all % unit);
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() || unit == 1 { whole.to_string() } else { format!("{whole}.{digits}") }
    };
    match all {
        0 => "0s".into(),
        1..1_000 => format!("{sign}{all}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(1_000_000)),
        _ => {
            let minutes = all / 60_000_000_000;
            let rest = all % 60_000_000_000;
            let (seconds, nanos) = (rest / 1_000_000_000, format!("{:09}", rest % 1_000_000_000));
            let digits = nanos.trim_end_matches('0');
            let point = if digits.is_empty() { "" } else { "." };
            let seconds = format!("{seconds}{point}{digits}s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// `time.ParseDuration`
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let quoted = super::quoted(text);
    let invalid = || Err(format!("time: invalid duration {quoted}"));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return invalid();
    }
    let mut all: u64 = 0;
    while !rest.is_empty() {
        let whole_length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(whole_length);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(tail) => tail.split_at(tail.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return invalid();
        }
        let unit_length = behind.bytes().take_while(|byte| *byte != b'.' && !byte.is_ascii_digit()).count();
        let (unit, behind) = behind.split_at(unit_length);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {quoted}"));
        }
        let scale: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => return Err(format!("time: unknown unit {} in duration {quoted}", super::quoted(other))),
        };
        let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
        let whole = whole.and_then(|whole| whole.checked_mul(scale));
        let part = fraction_of(fraction, scale);
        let Some(sum) = whole.and_then(|whole| whole.checked_add(part)).and_then(|part| all.checked_add(part)) else {
            return invalid();
        };
        if sum > 1 << 63 {
            return invalid();
        }
        all = sum;
        rest = behind;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(all));
    }
    match i64::try_from(all) {
        Ok(all) => Ok(all),
        Err(_) => invalid(),
    }
}

/// A fraction of a unit in nanoseconds, rounded down.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the fraction is below the unit, as in Go")]
fn fraction_of(digits: &str, scale: u64) -> u64 {
    // Go stops at the digit that its number has no room for.
    let mut value: u64 = 0;
    let mut divisor = 1.0_f64;
    for digit in digits.bytes() {
        let Some(next) =
            value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))).filter(|v| *v <= 1 << 63)
        else {
            break;
        };
        value = next;
        divisor *= 10.0;
    }
    (value as f64 * (scale as f64 / divisor)) as u64
}
