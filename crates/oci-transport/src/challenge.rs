//! `WWW-Authenticate` challenges (RFC 9110, section 11.6.1): a small, tolerant parser.
//!
//! A header may carry several challenges, a response several headers, and a parameter value may hold commas and
//! schemes, so splitting at commas is not enough. What cannot be understood is skipped, not fatal: a registry that
//! offers `Negotiate` beside `Bearer` is still usable.

use std::fmt;

/// One challenge: a scheme and its parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case: `bearer`, `basic`, ….
    pub scheme: String,
    /// Parameters in order; names in lower case, values unquoted.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// The first parameter of this name (lower case).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Challenge {
    /// The challenge in the form of a header value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        for (at, (key, value)) in self.params.iter().enumerate() {
            f.write_str(if at == 0 { " " } else { ", " })?;
            write!(f, "{key}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
        }
        Ok(())
    }
}

/// The challenges of one header value, in order.
///
/// ```
/// let found = oci_transport::challenge::parse(r#"Negotiate, Bearer realm="https://auth.io/token",service="reg.io""#);
/// assert_eq!(found[1].scheme, "bearer");
/// assert_eq!(found[1].param("service"), Some("reg.io"));
/// ```
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return challenges;
        }
        let (token, after) = split_token(rest);
        if token.is_empty() {
            if rest.starts_with('"') {
                rest = split_value(rest).1;
                continue;
            }
            // Not a token: skip one character, so that the parser always moves on.
            let mut chars = rest.chars();
            chars.next();
            rest = chars.as_str();
            continue;
        }
        let spaced = after.trim_start_matches([' ', '\t']);
        if let Some(value) = spaced.strip_prefix('=')
            && let Some(challenge) = challenges.last_mut()
            && !is_token68(value)
        {
            let (value, after) = split_value(value.trim_start_matches([' ', '\t']));
            challenge.params.push((token.to_ascii_lowercase(), value));
            rest = after;
        } else if after.starts_with([' ', '\t', ',']) || after.is_empty() {
            challenges.push(Challenge { scheme: token.to_ascii_lowercase(), params: Vec::new() });
            rest = skip_token68(spaced);
        } else {
            rest = after;
        }
    }
}

/// Whether the text behind a token and `=` is only the padding of a token68, such as `Negotiate YII==`.
fn is_token68(value: &str) -> bool {
    value.is_empty() || value.starts_with(',') || value.starts_with('=')
}

/// Skips a token68 that stands directly behind a scheme: a token that is not followed by `=` and a value.
fn skip_token68(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/')))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let after = rest.trim_start_matches('=');
    let padded = after.len() < text.len() - end;
    let ends = after.is_empty() || after.trim_start().starts_with(',');
    if end > 0 && ends && (padded || after.is_empty() || word.contains(['/', '+'])) { after } else { text }
}

fn split_token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits a quoted string or a bare value off the front.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return (value, chars.as_str()),
            '\\' => value.extend(chars.next()),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows() {
        fn check(header: &str, expected: &[&str]) {
            let found: Vec<String> = parse(header).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{header}");
        }
        check("", &[]);
        check(" , ,", &[]);
        check("Basic", &["basic"]);
        check("Basic realm=simple", &["basic realm=\"simple\""]);
        check("Basic realm=\"a, b\"", &["basic realm=\"a, b\""]);
        check("Basic realm=\"a \\\"b\\\"\"", &["basic realm=\"a \\\"b\\\"\""]);
        check(
            "Bearer realm=\"https://auth.io/token\",service=\"reg.io\",scope=\"repository:a/b:pull,push\"",
            &["bearer realm=\"https://auth.io/token\", service=\"reg.io\", scope=\"repository:a/b:pull,push\""],
        );
        check("Bearer realm = \"x\" , service = \"y\"", &["bearer realm=\"x\", service=\"y\""]);
        check("Bearer REALM=x", &["bearer realm=\"x\""]);
        check(
            "Negotiate, Basic realm=\"x\", Bearer realm=\"y\"",
            &["negotiate", "basic realm=\"x\"", "bearer realm=\"y\""],
        );
        check("Negotiate YII==, Basic realm=\"x\"", &["negotiate", "basic realm=\"x\""]);
        check("NTLM TlRMTVNTUAAC/a+b, Basic realm=\"x\"", &["ntlm", "basic realm=\"x\""]);
        check(
            "Digest realm=\"r\", nonce=\"n\", Bearer realm=\"y\"",
            &["digest realm=\"r\", nonce=\"n\"", "bearer realm=\"y\""],
        );
        check("realm=\"no scheme\"", &[]);
        check("Bearer realm=\"never closed", &["bearer realm=\"never closed\""]);
    }

    proptest! {
        /// Nothing makes it panic, and what it understood it understands again.
        #[test]
        fn round_trip(header in "[ -~]{0,80}") {
            let first = parse(&header);
            let text = first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(parse(&text), first);
        }
    }
}
