//! Rates as `curl --limit-rate` reads them: `20M` is 20 MiB in a second.

/// The lowest rate, in bytes per second: 64 KiB. With less, pieces of twenty transfers wait for minutes, and registries close
/// their connections.
pub const LOWEST: u64 = 64 * 1024;

/// Reads a rate; the bytes per second. `K`, `M`, `G` and `T` count by 1024; `iB`, `B` and `/s` may follow.
///
/// # Errors
/// When the text is no number with one of these units, and when the rate is below [`LOWEST`].
pub fn parse(text: &str) -> Result<u64, ParseRateError> {
    let error = || ParseRateError::Shape(text.to_owned());
    let word = text.strip_suffix("/s").unwrap_or(text).trim();
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = (&word[..end], word[end..].trim().to_ascii_lowercase());
    let scale: u64 = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return Err(error()),
    };
    if number.is_empty() || unit == "ib" {
        return Err(error());
    }
    let rate = number.parse::<f64>().map_err(|_| error())? * scale as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive, and `as` saturates"
    )]
    let rate = rate as u64;
    if rate < LOWEST { Err(ParseRateError::TooLow(text.to_owned())) } else { Ok(rate) }
}

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ParseRateError {
    #[error("`{0}` is no rate; write bytes per second, such as 20M, 512K or 1.5G")]
    Shape(String),
    #[error("`{0}` is too low: the lowest rate is 64K, in bytes per second; 20M is 20 MiB per second")]
    TooLow(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates() {
        for (text, expected) in [
            ("20M", Some(20 << 20)),
            ("20m", Some(20 << 20)),
            ("512K", Some(512 << 10)),
            ("1.5G", Some(3 << 29)),
            ("65536", Some(65_536)),
            ("2MiB/s", Some(2 << 20)),
            ("2 MB/s", Some(2 << 20)),
            ("100000B", Some(100_000)),
            ("1T", Some(1 << 40)),
            ("", None),
            ("M", None),
            ("20", None),
            ("0", None),
            ("1.2.3M", None),
            ("-5M", None),
            ("20Mbit", None),
            ("20iB", None),
            ("fast", None),
            ("1e9", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        assert!(parse("20").unwrap_err().to_string().contains("the lowest rate is 64K"));
    }

    proptest! {
        #[test]
        fn no_text_is_a_defect(text in ".{0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn whole_rates_are_exact(rate in LOWEST..1 << 50) {
            prop_assert_eq!(parse(&rate.to_string()), Ok(rate));
        }
    }
}
