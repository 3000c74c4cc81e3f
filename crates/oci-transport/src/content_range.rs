//! `Content-Range` of downloads (RFC 9110, section 14.4) and `Range` of upload sessions (distribution specification).

/// A range of bytes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The size of the whole, if it is told.
    pub total: Option<u64>,
}

/// Reads `bytes 0-99/200` or `bytes 0-99/*`.
pub fn parse(header: &str) -> Option<ContentRange> {
    let rest = header.trim();
    let rest = rest.get(..5).filter(|unit| unit.eq_ignore_ascii_case("bytes")).and_then(|_| rest.get(5..))?;
    let (range, total) = rest.trim_start_matches([' ', '=']).split_once('/')?;
    let (first, last) = ends(range)?;
    let total = match total.trim() {
        "*" => None,
        total => Some(number(total)?),
    };
    (total.is_none_or(|total| last < total)).then_some(ContentRange { first, last, total })
}

/// Reads the `Range` header of an upload session, `0-99` or `bytes=0-99`: how many bytes the registry holds. The
/// form for "none yet" differs: absent, `0-0`, or `0--1`.
pub fn parse_upload(header: &str) -> Option<u64> {
    let rest = header.trim();
    let rest = rest.strip_prefix("bytes").map_or(rest, |rest| rest.trim_start_matches([' ', '=']));
    if rest == "0--1" {
        return Some(0);
    }
    match ends(rest)? {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}

fn ends(range: &str) -> Option<(u64, u64)> {
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// Digits only: `u64::from_str` would take a leading `+`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn downloads() {
        fn check(header: &str, expected: Option<(u64, u64, Option<u64>)>) {
            let found = parse(header).map(|range| (range.first, range.last, range.total));
            assert_eq!(found, expected, "{header}");
        }
        check("bytes 0-99/200", Some((0, 99, Some(200))));
        check("bytes 100-199/200", Some((100, 199, Some(200))));
        check("Bytes 5-5/*", Some((5, 5, None)));
        check("bytes=0-99/200", Some((0, 99, Some(200))));
        check("bytes 0-200/200", None);
        check("bytes 9-5/20", None);
        check("bytes */200", None);
        check("bytes +1-5/20", None);
        check("items 0-5/20", None);
        check("bytes 0-99", None);
        check("bytes 0-18446744073709551616/*", None);
        check("", None);
    }

    #[test]
    fn uploads() {
        fn check(header: &str, expected: Option<u64>) {
            assert_eq!(parse_upload(header), expected, "{header}");
        }
        check("0-99", Some(100));
        check("bytes=0-99", Some(100));
        check("bytes 0-99", Some(100));
        check("0-0", Some(0));
        check("0--1", Some(0));
        check("5-99", None);
        check("x", None);
        check("0-18446744073709551615", None);
    }

    proptest! {
        #[test]
        fn a_range_lies_inside_its_total(header in "bytes [0-9]{1,3}-[0-9]{1,3}/([0-9]{1,3}|\\*)") {
            if let Some(range) = parse(&header) {
                prop_assert!(range.first <= range.last && range.total.is_none_or(|total| range.last < total));
            }
        }
    }
}
