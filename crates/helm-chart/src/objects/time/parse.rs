//! Reads times by Go's layouts.

use super::civil::{DAYS, MONTHS, days_of, length_of};
use super::layout::{Part, next};
use super::{Time, quoted};

/// Why a text cannot be read.
enum Problem {
    /// The text does not have the form of the part.
    Form,
    /// The number is out of the range of what it counts.
    Range(&'static str),
}

#[derive(Default)]
struct Read {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    after_noon: bool,
    before_noon: bool,
    offset: Option<i64>,
    zone: Option<String>,
}

/// `time.Parse`
pub(super) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let mismatch = |rest: &str, part: &str| {
        Err(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(text),
            quoted(layout),
            quoted(rest),
            quoted(part)
        ))
    };
    let mut read = Read::default();
    let (mut rest_layout, mut rest) = (layout, text);
    loop {
        let (plain, part, tail) = next(rest_layout);
        match skip(rest, plain) {
            Ok(behind) => rest = behind,
            Err(behind) => return mismatch(behind, plain),
        }
        let Some((part, written)) = part else {
            if !rest.is_empty() {
                return Err(format!("parsing time {}: extra text: {}", quoted(text), quoted(rest)));
            }
            break;
        };
        rest_layout = tail;
        match read.part(part, rest, tail) {
            Ok(behind) => rest = behind,
            Err(Problem::Form) => return mismatch(rest, written),
            Err(Problem::Range(what)) => return Err(format!("parsing time {}: {what} out of range", quoted(text))),
        }
    }
    read.finish().map_err(|what| format!("parsing time {}: {what}", quoted(text)))
}

/// What follows plain text of a layout. Blanks in a row count as one.
fn skip<'a>(text: &'a str, plain: &str) -> Result<&'a str, &'a str> {
    let mut rest = text;
    let mut plain = plain;
    loop {
        let mut characters = plain.chars();
        let Some(first) = characters.next() else { break };
        if first == ' ' {
            if !rest.is_empty() && !rest.starts_with(' ') {
                return Err(rest);
            }
            plain = plain.trim_start_matches(' ');
            rest = rest.trim_start_matches(' ');
            continue;
        }
        let Some(behind) = rest.strip_prefix(first) else { return Err(rest) };
        rest = behind;
        plain = characters.as_str();
    }
    Ok(rest)
}

/// One or two digits; two when `fixed`.
fn number(text: &str, fixed: bool) -> Result<(i64, &str), Problem> {
    let digit =
        |at: usize| text.as_bytes().get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
    match (digit(0), digit(1)) {
        (Some(tens), Some(ones)) => Ok((tens * 10 + ones, text.get(2..).unwrap_or_default())),
        (Some(one), None) if !fixed => Ok((one, text.get(1..).unwrap_or_default())),
        _ => Err(Problem::Form),
    }
}

/// So many digits.
fn digits(text: &str, count: usize) -> Result<(i64, &str), Problem> {
    let (head, rest) = text.split_at_checked(count).ok_or(Problem::Form)?;
    if !head.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::Form);
    }
    Ok((head.parse().map_err(|_| Problem::Form)?, rest))
}

/// The place in a list of names, which any case and the first three letters match.
fn named<'a>(text: &'a str, names: &[&str], length: Option<usize>) -> Result<(i64, &'a str), Problem> {
    for (index, name) in (0..).zip(names) {
        let name = length.and_then(|length| name.get(..length)).unwrap_or(name);
        if let Some((head, rest)) = text.split_at_checked(name.len())
            && head.eq_ignore_ascii_case(name)
        {
            return Ok((index, rest));
        }
    }
    Err(Problem::Form)
}

fn within(value: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Result<i64, Problem> {
    if range.contains(&value) { Ok(value) } else { Err(Problem::Range(what)) }
}

impl Read {
    fn part<'a>(&mut self, part: Part, text: &'a str, layout_rest: &str) -> Result<&'a str, Problem> {
        let blank = text.strip_prefix(' ').unwrap_or(text);
        Ok(match part {
            Part::Year => {
                let (year, rest) = digits(text, 4)?;
                self.year = year;
                rest
            }
            Part::ShortYear => {
                let (year, rest) = digits(text, 2)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
                rest
            }
            Part::LongMonth | Part::ShortMonth => {
                let (month, rest) = named(text, MONTHS, (part == Part::ShortMonth).then_some(3))?;
                self.month = Some(month + 1);
                rest
            }
            Part::Month | Part::PaddedMonth => {
                let (month, rest) = number(text, part == Part::PaddedMonth)?;
                self.month = Some(within(month, 1..=12, "month")?);
                rest
            }
            Part::LongWeekday => named(text, DAYS, None)?.1,
            Part::ShortWeekday => named(text, DAYS, Some(3))?.1,
            Part::Day | Part::BlankDay | Part::PaddedDay => {
                let text = if part == Part::BlankDay { blank } else { text };
                let (day, rest) = number(text, part == Part::PaddedDay)?;
                self.day = Some(day);
                rest
            }
            Part::BlankDayOfYear | Part::PaddedDayOfYear => {
                let text = if part == Part::BlankDayOfYear { text.trim_start_matches(' ') } else { text };
                let count = if part == Part::PaddedDayOfYear {
                    3
                } else {
                    text.bytes().take(3).take_while(u8::is_ascii_digit).count().max(1)
                };
                let (day, rest) = digits(text, count)?;
                self.day_of_year = Some(day);
                rest
            }
            Part::Hour24 => {
                let (hour, rest) = number(text, false)?;
                self.hour = within(hour, 0..=23, "hour")?;
                rest
            }
            Part::Hour12 | Part::PaddedHour12 => {
                let (hour, rest) = number(text, part == Part::PaddedHour12)?;
                self.hour = within(hour, 0..=12, "hour")?;
                rest
            }
            Part::Minute | Part::PaddedMinute => {
                let (minute, rest) = number(text, part == Part::PaddedMinute)?;
                self.minute = within(minute, 0..=59, "minute")?;
                rest
            }
            Part::Second | Part::PaddedSecond => {
                let (second, rest) = number(text, part == Part::PaddedSecond)?;
                self.second = within(second, 0..=59, "second")?;
                // A fraction may follow that the layout does not name.
                let fraction = rest.starts_with(['.', ',']) && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
                if fraction && !matches!(next(layout_rest).1, Some((Part::Fraction { .. }, _))) {
                    let end = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count() + 1;
                    self.nanos = nanos(rest.get(1..end).unwrap_or_default());
                    rest.get(end..).unwrap_or_default()
                } else {
                    rest
                }
            }
            Part::UpperNoon | Part::LowerNoon => {
                let (after, before) = if part == Part::UpperNoon { ("PM", "AM") } else { ("pm", "am") };
                if let Some(rest) = text.strip_prefix(after) {
                    self.after_noon = true;
                    rest
                } else {
                    self.before_noon = true;
                    text.strip_prefix(before).ok_or(Problem::Form)?
                }
            }
            Part::ZoneName => {
                let length = text.bytes().take(5).take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&length) {
                    return Err(Problem::Form);
                }
                let (zone, rest) = text.split_at_checked(length).ok_or(Problem::Form)?;
                self.zone = Some(zone.to_owned());
                rest
            }
            Part::Offset { z: true, .. } if text.starts_with('Z') => {
                self.offset = Some(0);
                text.strip_prefix('Z').unwrap_or(text)
            }
            Part::Offset { colon, numbers, .. } => {
                let negative = text.starts_with('-');
                let mut rest = text.strip_prefix(['-', '+']).ok_or(Problem::Form)?;
                let mut offset = 0;
                for index in 0..numbers {
                    if index > 0 && colon {
                        rest = rest.strip_prefix(':').ok_or(Problem::Form)?;
                    }
                    let (value, behind) = digits(rest, 2)?;
                    let (unit, most, what) = match index {
                        0 => (3_600, 24, "time zone offset hour"),
                        1 => (60, 60, "time zone offset minute"),
                        _ => (1, 60, "time zone offset second"),
                    };
                    offset += within(value, 0..=most, what)? * unit;
                    rest = behind;
                }
                self.offset = Some(if negative { -offset } else { offset });
                rest
            }
            Part::Fraction { digits: count, trailing, .. } => {
                if !text.starts_with(['.', ',']) {
                    if trailing {
                        return Err(Problem::Form);
                    }
                    return Ok(text);
                }
                let found = text.bytes().skip(1).take_while(u8::is_ascii_digit).count();
                let taken = if trailing { count } else { found.min(9) };
                if found < taken || (!trailing && found == 0) {
                    return if trailing { Err(Problem::Form) } else { Ok(text) };
                }
                self.nanos = nanos(text.get(1..=taken).unwrap_or_default());
                text.get(taken + 1..).unwrap_or_default()
            }
        })
    }

    fn finish(mut self) -> Result<Time, String> {
        if self.after_noon && self.hour < 12 {
            self.hour += 12;
        } else if self.before_noon && self.hour == 12 {
            self.hour = 0;
        }
        let (mut month, mut day) = (self.month, self.day);
        if let Some(day_of_year) = self.day_of_year {
            let days = days_of(self.year + 1, 1) - days_of(self.year, 1);
            if !(1..=days).contains(&day_of_year) {
                return Err("day-of-year out of range".into());
            }
            let civil = super::Civil::of((days_of(self.year, 1) + day_of_year - 1) * 86_400);
            if month.is_some_and(|month| month != civil.month) {
                return Err("day-of-year does not match month".into());
            }
            if day.is_some_and(|day| day != civil.day) {
                return Err("day-of-year does not match day".into());
            }
            (month, day) = (Some(civil.month), Some(civil.day));
        }
        let (month, day) = (month.unwrap_or(1), day.unwrap_or(1));
        if !(1..=length_of(self.year, month)).contains(&day) {
            return Err("day out of range".into());
        }
        let zone = match (self.offset, self.zone) {
            (Some(0), _) | (None, None) => "UTC".to_owned(),
            (Some(_), zone) => zone.unwrap_or_default(),
            (None, Some(zone)) => zone,
        };
        let like = Time { seconds: 0, nanos: self.nanos, offset: self.offset.unwrap_or(0), zone };
        let seconds = self.hour * 3_600 + self.minute * 60 + self.second;
        Ok(Time::of_civil((self.year, month, day), seconds, &like))
    }
}

/// Nanoseconds of the digits of a fraction; those behind the ninth do not count.
fn nanos(digits: &str) -> i64 {
    let kept = digits.get(..9).unwrap_or(digits);
    format!("{kept:0<9}").parse().unwrap_or(0)
}
