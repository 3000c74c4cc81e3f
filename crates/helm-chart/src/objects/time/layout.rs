//! Go's layouts: the parts of `Mon Jan 2 15:04:05 MST 2006`.

use std::fmt::Write as _;

use super::Time;
use super::civil::{Civil, DAYS, MONTHS};

/// A part of a layout that stands for a part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    ShortMonth,
    Month,
    PaddedMonth,
    LongWeekday,
    ShortWeekday,
    Day,
    BlankDay,
    PaddedDay,
    BlankDayOfYear,
    PaddedDayOfYear,
    Hour24,
    Hour12,
    PaddedHour12,
    Minute,
    PaddedMinute,
    Second,
    PaddedSecond,
    Year,
    ShortYear,
    UpperNoon,
    LowerNoon,
    ZoneName,
    /// A difference to UTC: whether `Z` stands for none, whether there is a colon, and how many numbers there are.
    Offset {
        z: bool,
        colon: bool,
        numbers: u8,
    },
    /// A fraction with its separator: how many digits, and whether zeros at the end count.
    Fraction {
        separator: u8,
        digits: usize,
        trailing: bool,
    },
}

/// The text before the first part, the part, and what follows.
pub(super) fn next(layout: &str) -> (&str, Option<(Part, &str)>, &str) {
    for at in 0..layout.len() {
        let Some((part, skip, length)) = layout.as_bytes().get(at..).and_then(part_at) else { continue };
        let Some((plain, rest)) = layout.split_at_checked(at + skip) else { continue };
        let Some((written, behind)) = rest.split_at_checked(length) else { continue };
        return (plain, Some((part, written)), behind);
    }
    (layout, None, "")
}

/// The part that starts here, how many bytes of plain text stand before it, and its length.
fn part_at(rest: &[u8]) -> Option<(Part, usize, usize)> {
    let starts = |text: &str| rest.starts_with(text.as_bytes());
    let lower_follows = |at: usize| rest.get(at).is_some_and(u8::is_ascii_lowercase);
    let table: &[(&str, Part)] = match *rest.first()? {
        b'J' if starts("January") => &[("January", Part::LongMonth)],
        b'J' if starts("Jan") && !lower_follows(3) => &[("Jan", Part::ShortMonth)],
        b'M' if starts("Monday") => &[("Monday", Part::LongWeekday)],
        b'M' if starts("Mon") && !lower_follows(3) => &[("Mon", Part::ShortWeekday)],
        b'M' => &[("MST", Part::ZoneName)],
        b'0' => &[
            ("002", Part::PaddedDayOfYear),
            ("01", Part::PaddedMonth),
            ("02", Part::PaddedDay),
            ("03", Part::PaddedHour12),
            ("04", Part::PaddedMinute),
            ("05", Part::PaddedSecond),
            ("06", Part::ShortYear),
        ],
        b'1' => &[("15", Part::Hour24), ("1", Part::Month)],
        b'2' => &[("2006", Part::Year), ("2", Part::Day)],
        b'_' if starts("_2006") => return Some((Part::Year, 1, 4)),
        b'_' => &[("__2", Part::BlankDayOfYear), ("_2", Part::BlankDay)],
        b'3' => &[("3", Part::Hour12)],
        b'4' => &[("4", Part::Minute)],
        b'5' => &[("5", Part::Second)],
        b'P' => &[("PM", Part::UpperNoon)],
        b'p' => &[("pm", Part::LowerNoon)],
        b'-' => &[
            ("-070000", Part::Offset { z: false, colon: false, numbers: 3 }),
            ("-07:00:00", Part::Offset { z: false, colon: true, numbers: 3 }),
            ("-0700", Part::Offset { z: false, colon: false, numbers: 2 }),
            ("-07:00", Part::Offset { z: false, colon: true, numbers: 2 }),
            ("-07", Part::Offset { z: false, colon: false, numbers: 1 }),
        ],
        b'Z' => &[
            ("Z070000", Part::Offset { z: true, colon: false, numbers: 3 }),
            ("Z07:00:00", Part::Offset { z: true, colon: true, numbers: 3 }),
            ("Z0700", Part::Offset { z: true, colon: false, numbers: 2 }),
            ("Z07:00", Part::Offset { z: true, colon: true, numbers: 2 }),
            ("Z07", Part::Offset { z: true, colon: false, numbers: 1 }),
        ],
        separator @ (b'.' | b',') => {
            let digit = *rest.get(1)?;
            if !matches!(digit, b'0' | b'9') {
                return None;
            }
            let digits = rest.iter().skip(1).take_while(|byte| **byte == digit).count();
            // More digits behind make it no fraction.
            if rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            return Some((Part::Fraction { separator, digits, trailing: digit == b'0' }, 0, digits + 1));
        }
        _ => return None,
    };
    table.iter().find(|(text, _)| starts(text)).map(|(text, part)| (*part, 0, text.len()))
}

pub(super) fn format(time: &Time, layout: &str) -> String {
    let civil = time.civil();
    let mut out = String::new();
    let mut rest = layout;
    loop {
        let (plain, part, tail) = next(rest);
        out.push_str(plain);
        let Some((part, _)) = part else { return out };
        write(&mut out, time, &civil, part);
        rest = tail;
    }
}

fn write(out: &mut String, time: &Time, civil: &Civil, part: Part) {
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let hour12 = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let noon = if civil.hour >= 12 { "PM" } else { "AM" };
    // Writing to a string cannot fail.
    let _ = match part {
        Part::LongMonth => write!(out, "{}", name(MONTHS, civil.month - 1)),
        Part::ShortMonth => write!(out, "{}", short(name(MONTHS, civil.month - 1))),
        Part::Month => write!(out, "{}", civil.month),
        Part::PaddedMonth => write!(out, "{:02}", civil.month),
        Part::LongWeekday => write!(out, "{}", name(DAYS, civil.weekday)),
        Part::ShortWeekday => write!(out, "{}", short(name(DAYS, civil.weekday))),
        Part::Day => write!(out, "{}", civil.day),
        Part::BlankDay => write!(out, "{:2}", civil.day),
        Part::PaddedDay => write!(out, "{:02}", civil.day),
        Part::BlankDayOfYear => write!(out, "{:3}", civil.day_of_year),
        Part::PaddedDayOfYear => write!(out, "{:03}", civil.day_of_year),
        Part::Hour24 => write!(out, "{:02}", civil.hour),
        Part::Hour12 => write!(out, "{hour12}"),
        Part::PaddedHour12 => write!(out, "{hour12:02}"),
        Part::Minute => write!(out, "{}", civil.minute),
        Part::PaddedMinute => write!(out, "{:02}", civil.minute),
        Part::Second => write!(out, "{}", civil.second),
        Part::PaddedSecond => write!(out, "{:02}", civil.second),
        Part::Year if civil.year < 0 => write!(out, "-{:04}", civil.year.unsigned_abs()),
        Part::Year => write!(out, "{:04}", civil.year),
        Part::ShortYear => write!(out, "{:02}", civil.year.unsigned_abs() % 100),
        Part::UpperNoon => write!(out, "{noon}"),
        Part::LowerNoon => write!(out, "{}", noon.to_lowercase()),
        Part::ZoneName if !time.zone.is_empty() => write!(out, "{}", time.zone),
        // A zone without a name is shown by its difference to UTC.
        Part::ZoneName => {
            let minutes = time.offset / 60;
            write!(out, "{}{:02}{:02}", sign(minutes), minutes.abs() / 60, minutes.abs() % 60)
        }
        Part::Offset { z: true, .. } if time.offset == 0 => write!(out, "Z"),
        Part::Offset { colon, numbers, .. } => {
            let minutes = time.offset / 60;
            let colon = if colon { ":" } else { "" };
            let mut text = format!("{}{:02}", sign(minutes), minutes.abs() / 60);
            if numbers > 1 {
                let _ = write!(text, "{colon}{:02}", minutes.abs() % 60);
            }
            if numbers > 2 {
                let _ = write!(text, "{colon}{:02}", time.offset.abs() % 60);
            }
            write!(out, "{text}")
        }
        Part::Fraction { separator, digits, trailing } => {
            let all = format!("{:09}", time.nanos);
            let kept = all.get(..digits).unwrap_or(&all);
            let kept = if trailing { kept } else { kept.trim_end_matches('0') };
            if kept.is_empty() { Ok(()) } else { write!(out, "{}{kept}", char::from(separator)) }
        }
    };
}

/// The first three letters.
fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

fn sign(minutes: i64) -> char {
    if minutes < 0 { '-' } else { '+' }
}
