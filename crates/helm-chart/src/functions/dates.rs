//! Dates: `now`, `date`, `duration` and the like.
//!
//! `now` is a fixed time, and every zone with a name counts as UTC: neither the clock nor the machine's list of time
//! zones may change what a chart renders.

use go_template::{Error, Function, Functions, Type, Value};

use crate::args::{arg, text};
use crate::objects::{TIME, Time, parse_duration, show_duration};

const TIME_TYPE: Type = Type::Named(&TIME);

pub(super) fn add(functions: &mut Functions) {
    const A: &[Type] = &[Type::Any];
    let mut add = |name: &str, function| functions.add(name, function);
    add("now", Function::new(&[], |_, _| Ok(Value::object(Time::now()))));
    add("date", Function::new(&[Type::String, Type::Any], |_, args| Ok(shown(&text(args, 0).to_str(), arg(args, 1)))));
    for name in ["dateInZone", "date_in_zone"] {
        add(
            name,
            Function::new(&[Type::String, Type::Any, Type::String], |_, args| {
                Ok(shown(&text(args, 0).to_str(), arg(args, 1)))
            }),
        );
    }
    add("htmlDate", Function::new(A, |_, args| Ok(shown("2006-01-02", arg(args, 0)))));
    add("htmlDateInZone", Function::new(&[Type::Any, Type::String], |_, args| Ok(shown("2006-01-02", arg(args, 0)))));
    for name in ["dateModify", "date_modify"] {
        add(
            name,
            Function::new(&[Type::String, TIME_TYPE], |_, args| {
                let time = time(arg(args, 1))?;
                let nanos = parse_duration(&text(args, 0).to_str()).unwrap_or(0);
                Ok(Value::object(time.plus(nanos)))
            }),
        );
    }
    for name in ["mustDateModify", "must_date_modify"] {
        add(
            name,
            Function::new(&[Type::String, TIME_TYPE], |_, args| {
                let nanos = parse_duration(&text(args, 0).to_str()).map_err(Error::new)?;
                Ok(Value::object(time(arg(args, 1))?.plus(nanos)))
            }),
        );
    }
    add(
        "ago",
        Function::new(A, |_, args| {
            const SECOND: i64 = 1_000_000_000;
            let nanos = Time::now().since(&time_of(arg(args, 0)));
            // Half a second rounds away from zero.
            let rest = nanos % SECOND;
            let whole = nanos - rest;
            let nanos = if rest.abs() * 2 >= SECOND { whole.saturating_add(SECOND * rest.signum()) } else { whole };
            Ok(show_duration(nanos).into())
        }),
    );
    add(
        "duration",
        Function::new(A, |_, args| {
            let seconds = match arg(args, 0) {
                Value::String(text) => seconds_in(&text.to_str()),
                Value::Int64(number) => *number,
                _ => 0,
            };
            Ok(show_duration(seconds.wrapping_mul(1_000_000_000)).into())
        }),
    );
    add(
        "durationRound",
        Function::new(A, |_, args| {
            let nanos = match arg(args, 0) {
                Value::String(text) => parse_duration(&text.to_str()).unwrap_or(0),
                Value::Int64(number) => *number,
                other => other.as_object::<Time>().map_or(0, |time| Time::now().since(time)),
            };
            Ok(rounded(nanos).into())
        }),
    );
    add(
        "toDate",
        Function::new(&[Type::String, Type::String], |_, args| {
            let time = Time::parse(&text(args, 0).to_str(), &text(args, 1).to_str());
            Ok(Value::object(time.unwrap_or_else(|_| Time::zero())))
        }),
    );
    add(
        "mustToDate",
        Function::new(&[Type::String, Type::String], |_, args| {
            Time::parse(&text(args, 0).to_str(), &text(args, 1).to_str()).map(Value::object).map_err(Error::new)
        }),
    );
    add("unixEpoch", Function::new(&[TIME_TYPE], |_, args| Ok(time(arg(args, 0))?.seconds().to_string().into())));
}

fn time(value: &Value) -> Result<&Time, Error> {
    value.as_object::<Time>().ok_or_else(|| Error::new(super::NIL_POINTER))
}

/// A time, or seconds since 1970; everything else is now.
fn time_of(value: &Value) -> Time {
    match value {
        Value::Int(seconds) | Value::Int64(seconds) => Time::unix(*seconds),
        other if other.ty() == Some(Type::Int32) => Time::unix(other.as_int().unwrap_or_default()),
        other => other.as_object::<Time>().cloned().unwrap_or_else(Time::now),
    }
}

fn shown(layout: &str, value: &Value) -> Value {
    time_of(value).in_utc().format(layout).into()
}

/// `strconv.ParseInt(text, 10, 64)` without its error: the nearest number for what is too large.
fn seconds_in(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

fn rounded(nanos: i64) -> String {
    const HOUR: u64 = 3_600_000_000_000;
    let all = nanos.unsigned_abs();
    for (unit, letter) in [
        (HOUR * 24 * 365, "y"),
        (HOUR * 24 * 30, "mo"),
        (HOUR * 24, "d"),
        (HOUR, "h"),
        (HOUR / 60, "m"),
        (HOUR / 3_600, "s"),
    ] {
        if all > unit {
            return format!("{}{letter}", all / unit);
        }
    }
    "0s".into()
}
