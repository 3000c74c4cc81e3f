//! Times and durations, as Go's package `time` has them, in UTC and in zones that differ from it by a fixed time.

mod civil;
mod duration;
mod layout;
mod parse;

use std::any::Any;
use std::fmt::Write as _;

use go_template::{Error, Method, Named, Object, Type, Value};

use civil::{Civil, days_of};
use duration::DURATION;

use crate::args::{self, arg};
pub(crate) use duration::{parse as parse_duration, show as show_duration};

/// The time that `now` gives: the start of the year 2000. The clock of the machine must not change what a chart renders.
const NOW: i64 = 946_684_800;

/// Seconds from the start of the year 1, Go's zero time, to the start of 1970.
const ZERO: i64 = -62_135_596_800;

const NANOS: i64 = 1_000_000_000;

/// A time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time {
    /// Seconds since 1970.
    seconds: i64,
    /// Nanoseconds in the second.
    nanos: i64,
    /// By how many seconds the zone is ahead of UTC.
    offset: i64,
    /// The name of the zone; empty when it has none.
    zone: String,
}

impl Time {
    /// The time that counts as now.
    pub(crate) fn now() -> Self {
        Self::unix(NOW)
    }

    /// Seconds since 1970.
    pub(crate) fn unix(seconds: i64) -> Self {
        Self { seconds, nanos: 0, offset: 0, zone: "UTC".into() }
    }

    /// Go's zero time.
    pub(crate) fn zero() -> Self {
        Self::unix(ZERO)
    }

    /// The time by a clock in UTC.
    pub(crate) fn in_utc(&self) -> Self {
        Self { offset: 0, zone: "UTC".into(), ..self.clone() }
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The time after a duration in nanoseconds.
    pub(crate) fn plus(&self, nanos: i64) -> Self {
        let all = self.nanos + nanos % NANOS;
        let seconds = self.seconds.wrapping_add(nanos / NANOS).wrapping_add(all.div_euclid(NANOS));
        Self { seconds, nanos: all.rem_euclid(NANOS), ..self.clone() }
    }

    /// The duration since another time, in nanoseconds; what does not fit is the longest duration.
    pub(crate) fn since(&self, other: &Self) -> i64 {
        let nanos = i128::from(self.seconds.wrapping_sub(other.seconds)) * i128::from(NANOS)
            + i128::from(self.nanos - other.nanos);
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// The text by one of Go's layouts: `2006-01-02`.
    pub(crate) fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }

    /// Reads a text by one of Go's layouts.
    pub(crate) fn parse(layout: &str, text: &str) -> Result<Self, String> {
        parse::parse(layout, text)
    }

    fn civil(&self) -> Civil {
        Civil::of(self.seconds.wrapping_add(self.offset))
    }

    /// The time that a calendar and a clock show in a zone. Months and days may overflow.
    fn of_civil(date: (i64, i64, i64), second_of_day: i64, like: &Self) -> Self {
        let (year, month, day) = date;
        let months = year.wrapping_mul(12).wrapping_add(month - 1);
        let days = days_of(months.div_euclid(12), months.rem_euclid(12) + 1).wrapping_add(day - 1);
        let seconds = days.wrapping_mul(86_400).wrapping_add(second_of_day).wrapping_sub(like.offset);
        Self { seconds, ..like.clone() }
    }
}

/// `time.Month`
static MONTH: Named = Named {
    name: "time.Month",
    underlying: Type::Int,
    methods: &[Method {
        name: "String",
        params: &[],
        variadic: false,
        run: |_, month, _| Ok(name(month, civil::MONTHS, 1).into()),
    }],
    string: Some(|month| name(month, civil::MONTHS, 1).into()),
};

/// `time.Weekday`
static WEEKDAY: Named = Named {
    name: "time.Weekday",
    underlying: Type::Int,
    methods: &[Method {
        name: "String",
        params: &[],
        variadic: false,
        run: |_, day, _| Ok(name(day, civil::DAYS, 0).into()),
    }],
    string: Some(|day| name(day, civil::DAYS, 0).into()),
};

fn name(value: &Value, names: &[&str], first: i64) -> String {
    let index = value.as_int().and_then(|number| usize::try_from(number - first).ok());
    index.and_then(|index| names.get(index)).copied().unwrap_or_default().into()
}

/// A method without arguments.
macro_rules! get {
    ($name:literal, $run:expr) => {
        Method { name: $name, params: &[], variadic: false, run: |_, time, _| Ok($run(of(time)?)) }
    };
}

/// A method with arguments.
macro_rules! with {
    ($name:literal, $params:expr, $run:expr) => {
        Method { name: $name, params: $params, variadic: false, run: |_, time, args| $run(of(time)?, args) }
    };
}

/// `time.Time`
pub(crate) static TIME: Named = Named {
    name: "time.Time",
    underlying: Type::Struct,
    methods: &[
        get!("Unix", |time: &Time| Value::Int64(time.seconds)),
        get!("UnixMilli", |time: &Time| Value::Int64(
            time.seconds.wrapping_mul(1_000).wrapping_add(time.nanos / 1_000_000)
        )),
        get!("UnixMicro", |time: &Time| Value::Int64(
            time.seconds.wrapping_mul(1_000_000).wrapping_add(time.nanos / 1_000)
        )),
        get!("UnixNano", |time: &Time| Value::Int64(time.seconds.wrapping_mul(NANOS).wrapping_add(time.nanos))),
        get!("Year", |time: &Time| Value::Int(time.civil().year)),
        get!("Month", |time: &Time| Value::typed(Type::Named(&MONTH), time.civil().month)),
        get!("Day", |time: &Time| Value::Int(time.civil().day)),
        get!("Hour", |time: &Time| Value::Int(time.civil().hour)),
        get!("Minute", |time: &Time| Value::Int(time.civil().minute)),
        get!("Second", |time: &Time| Value::Int(time.civil().second)),
        get!("Nanosecond", |time: &Time| Value::Int(time.nanos)),
        get!("Weekday", |time: &Time| Value::typed(Type::Named(&WEEKDAY), time.civil().weekday)),
        get!("YearDay", |time: &Time| Value::Int(time.civil().day_of_year)),
        get!("IsZero", |time: &Time| Value::Bool(time.seconds == ZERO && time.nanos == 0)),
        get!("UTC", |time: &Time| Value::object(time.in_utc())),
        get!("Local", |time: &Time| Value::object(time.in_utc())),
        get!("String", |time: &Time| Value::from(shown(time))),
        with!("Format", &[Type::String], |time: &Time, args: &[Value]| Ok(time.format(&text(args)).into())),
        with!("Add", &[Type::Named(&DURATION)], |time: &Time, args: &[Value]| Ok(Value::object(
            time.plus(nanos(args))
        ))),
        with!("AddDate", &[Type::Int, Type::Int, Type::Int], |time: &Time, args: &[Value]| {
            let number = |index: usize| arg(args, index).as_int().unwrap_or_default();
            let Civil { year, month, day, hour, minute, second, .. } = time.civil();
            let date = (year.wrapping_add(number(0)), month.wrapping_add(number(1)), day.wrapping_add(number(2)));
            Ok(Value::object(Time::of_civil(date, hour * 3600 + minute * 60 + second, time)))
        }),
        with!("Sub", &[Type::Named(&TIME)], |time: &Time, args: &[Value]| {
            Ok(Value::typed(Type::Named(&DURATION), time.since(of(arg(args, 0))?)))
        }),
        with!("After", &[Type::Named(&TIME)], |time: &Time, args: &[Value]| Ok((time.instant()
            > of(arg(args, 0))?.instant())
        .into())),
        with!("Before", &[Type::Named(&TIME)], |time: &Time, args: &[Value]| Ok((time.instant()
            < of(arg(args, 0))?.instant())
        .into())),
        with!("Equal", &[Type::Named(&TIME)], |time: &Time, args: &[Value]| Ok((time.instant()
            == of(arg(args, 0))?.instant())
        .into())),
        with!("Compare", &[Type::Named(&TIME)], |time: &Time, args: &[Value]| {
            Ok(Value::Int(time.instant().cmp(&of(arg(args, 0))?.instant()) as i64))
        }),
        with!("Truncate", &[Type::Named(&DURATION)], |time: &Time, args: &[Value]| {
            let rest = time.beyond(nanos(args));
            Ok(Value::object(time.plus(-rest)))
        }),
        with!("Round", &[Type::Named(&DURATION)], |time: &Time, args: &[Value]| {
            let (unit, rest) = (nanos(args), time.beyond(nanos(args)));
            Ok(Value::object(if rest.saturating_mul(2) < unit { time.plus(-rest) } else { time.plus(unit - rest) }))
        }),
    ],
    string: Some(|value| of(value).map(shown).unwrap_or_default().into()),
};

impl Time {
    fn instant(&self) -> (i64, i64) {
        (self.seconds, self.nanos)
    }

    /// How many nanoseconds the time is beyond a multiple of a duration, counted from Go's zero time.
    fn beyond(&self, unit: i64) -> i64 {
        if unit <= 0 {
            return 0;
        }
        let all = i128::from(self.seconds.wrapping_sub(ZERO)) * i128::from(NANOS) + i128::from(self.nanos);
        i64::try_from(all.rem_euclid(i128::from(unit))).unwrap_or_default()
    }
}

/// A text in quotes as the package `time` writes it in its errors: what is not plain ASCII is shown by its bytes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=0x7F => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

fn of(value: &Value) -> Result<&Time, Error> {
    value.as_object::<Time>().ok_or_else(|| Error::new(super::NIL_POINTER))
}

fn text(args: &[Value]) -> String {
    args::text(args, 0).to_str().into_owned()
}

fn nanos(args: &[Value]) -> i64 {
    arg(args, 0).as_int().expect("the parameter is a duration")
}

fn shown(time: &Time) -> String {
    time.format("2006-01-02 15:04:05.999999999 -0700 MST")
}

impl Object for Time {
    fn ty(&self) -> Type {
        Type::Named(&TIME)
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn encode(&self) -> Value {
        self.format("2006-01-02T15:04:05.999999999Z07:00").into()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: i64, layout: &str, expected: &str) {
        let time = Time::unix(seconds);
        assert_eq!(time.format(layout), expected);
    }

    #[test]
    fn times_are_written_by_their_layout() {
        check(0, "2006-01-02T15:04:05Z07:00", "1970-01-01T00:00:00Z");
        check(
            951_782_400,
            "Mon Jan _2 2006, day 002, Monday January 06",
            "Tue Feb 29 2000, day 060, Tuesday February 00",
        );
        check(
            NOW + 47_045,
            "3:04:05PM 03 pm 15h .000 -0700 MST -07:00 Z0700",
            "1:04:05PM 01 pm 13h .000 +0000 UTC +00:00 Z",
        );
        check(ZERO, "2006-01-02 15:04:05.999 -0700 MST", "0001-01-01 00:00:00 +0000 UTC");
        check(-1, "20060102150405", "19691231235959");
    }

    #[test]
    fn a_month_that_overflows_carries_into_the_year() {
        let start = Time::parse("2006-01-02", "2023-01-31").unwrap();
        let Civil { year, month, day, .. } = start.civil();
        let later = Time::of_civil((year, month + 13, day), 0, &start);
        assert_eq!(later.format("2006-01-02"), "2024-03-02");
    }

    #[test]
    fn texts_are_read_by_their_layout() {
        for (layout, text, expected) in [
            ("2006-01-02", "2024-02-29", Ok("2024-02-29 00:00:00 +0000 UTC")),
            ("2006-01-02T15:04:05Z07:00", "2024-02-29T01:02:03.5+02:00", Ok("2024-02-29 01:02:03.5 +0200 +0200")),
            ("Jan _2 2006 3:04PM", "Mar  5 2001 1:07PM", Ok("2001-03-05 13:07:00 +0000 UTC")),
            ("2006-01-02", "2023-02-29", Err("parsing time \"2023-02-29\": day out of range")),
            ("2006-01-02", "x", Err("parsing time \"x\" as \"2006-01-02\": cannot parse \"x\" as \"2006\"")),
            ("2006-01-02", "2024-13-01", Err("parsing time \"2024-13-01\": month out of range")),
            (
                "0x1F",
                "a\nbé",
                Err("parsing time \"a\\x0ab\\xc3\\xa9\" as \"0x1F\": cannot parse \"a\\x0ab\\xc3\\xa9\" as \"0x\""),
            ),
            ("2006", "2024x", Err("parsing time \"2024x\": extra text: \"x\"")),
            (
                "2006-01-02",
                "2024/01/02",
                Err("parsing time \"2024/01/02\" as \"2006-01-02\": cannot parse \"/01/02\" as \"-\""),
            ),
        ] {
            let read = Time::parse(layout, text).map(|time| shown(&time));
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, expected) in [
            ("1h30m", Some("1h30m0s")),
            ("-1.5s", Some("-1.5s")),
            ("100ms", Some("100ms")),
            ("2us", Some("2µs")),
            ("3ns", Some("3ns")),
            ("0", Some("0s")),
            ("1d", None),
            ("", None),
            ("1", None),
        ] {
            assert_eq!(parse_duration(text).ok().map(show_duration).as_deref(), expected, "{text}");
        }
        assert_eq!(parse_duration("1x").unwrap_err(), "time: unknown unit \"x\" in duration \"1x\"");
    }
}
