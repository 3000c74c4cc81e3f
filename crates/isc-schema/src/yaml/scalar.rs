//! What a plain scalar means in YAML 1.1, as the YAML library of oc-mirror resolves it.

/// A scalar: the text after escapes, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) resolved: Resolved,
    /// Without quotes and without a tag that makes it text.
    pub(crate) is_plain: bool,
}

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    String,
}

impl Scalar {
    pub(crate) fn string(text: String) -> Self {
        Self { text, resolved: Resolved::String, is_plain: false }
    }

    pub(crate) fn plain(text: String) -> Self {
        let resolved = resolve(&text);
        Self { text, resolved, is_plain: true }
    }

    pub(crate) fn describe(&self) -> String {
        match self.resolved {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(_) => format!("the boolean `{}`", self.text),
            Resolved::Integer(_) | Resolved::Float(_) => format!("the number `{}`", self.text),
            Resolved::String => {
                let short: String = self.text.chars().take(60).flat_map(char::escape_debug).collect();
                format!("the text `{short}`")
            }
        }
    }
}

/// Whether `text` without quotes is text, and not a number, boolean, null or merge key.
pub(crate) fn is_plain_text(text: &str) -> bool {
    resolve(text) == Resolved::String && text != "<<"
}

/// Resolves a plain scalar. Timestamps stay text, as they do in oc-mirror.
fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Resolved::String;
    }
    let plain = text.replace('_', "");
    if let Some(integer) = integer(&plain) {
        return Resolved::Integer(integer);
    }
    if is_float(&plain) {
        // A long row of digits is no `i64`; like any float it has lost its exact text.
        return plain.parse().map_or(Resolved::String, Resolved::Float);
    }
    Resolved::String
}

/// Decimal, `0x`, `0o`, `0b`, and YAML 1.1 octal with a leading zero.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, radix) = match digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        None => (digits, 10),
        Some(rest) => [(['x', 'X'], 16), (['o', 'O'], 8), (['b', 'B'], 2)]
            .into_iter()
            .find_map(|(letters, radix)| Some((rest.strip_prefix(letters)?, radix)))
            .unwrap_or((rest, 8)),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa && exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        use Resolved::{Bool, Float, Integer, Null, String};
        for (text, expected) in [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("nUll", String),
            ("yes", Bool(true)),
            ("ON", Bool(true)),
            ("y", Bool(true)),
            ("off", Bool(false)),
            ("n", Bool(false)),
            ("False", Bool(false)),
            ("tRue", String),
            ("4", Integer(4)),
            ("-4", Integer(-4)),
            ("+4", Integer(4)),
            ("1_000", Integer(1000)),
            ("0x1F", Integer(31)),
            ("0b101", Integer(5)),
            ("0o17", Integer(15)),
            ("017", Integer(15)),
            ("0", Integer(0)),
            ("08", Float(8.0)),
            ("4.18", Float(4.18)),
            ("4.", Float(4.0)),
            (".5", Float(0.5)),
            ("1e3", Float(1000.0)),
            ("4.0", Float(4.0)),
            ("99999999999999999999", Float(1e20)),
            (".", String),
            ("-", String),
            ("1e", String),
            ("4.18.1", String),
            ("v4.18", String),
            ("4.18-rc", String),
            ("2024-01-01", String),
            ("--1", String),
            ("0x", String),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }
}
