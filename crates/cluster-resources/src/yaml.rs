//! Writes YAML the way Kubernetes tools do: keys sorted, two blanks, list dashes not indented, quotes only where needed.
//!
//! Serialisers of the YAML crates differ from that in indentation and quoting. Files that people compare with those of
//! the run before, and with those of oc-mirror v2, should not differ in anything but content.

use std::fmt::Write as _;

use serde_json::Value;

/// A value as one YAML document, with a line feed at the end and without `---`.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(_) | Value::Array(_) => write_block(&mut text, value, 0),
        scalar => write_scalar(&mut text, scalar, 0),
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes a mapping or list whose lines start `indent` blanks in. The cursor is at the start of a line, or behind the
/// dash of a list where the first line belongs.
fn write_block(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if map.is_empty() => text.push_str("{}\n"),
        Value::Array(list) if list.is_empty() => text.push_str("[]\n"),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 || text.ends_with('\n') || text.is_empty() {
                    blanks(text, indent);
                }
                text.push_str(&scalar_text(key));
                text.push(':');
                // A list stands as deep as the key it belongs to.
                write_value(text, value, indent + 2, indent);
            }
        }
        Value::Array(list) => {
            for (i, item) in list.iter().enumerate() {
                if i > 0 || text.ends_with('\n') || text.is_empty() {
                    blanks(text, indent);
                }
                text.push('-');
                match item {
                    Value::Object(map) if !map.is_empty() => {
                        text.push(' ');
                        write_block(text, item, indent + 2);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        text.push(' ');
                        write_block(text, item, indent + 2);
                    }
                    _ => write_value(text, item, indent + 2, indent + 2),
                }
            }
        }
        scalar => write_scalar(text, scalar, indent),
    }
}

/// Writes what follows a colon or a dash: a scalar on the same line, a collection on the next ones.
fn write_value(text: &mut String, value: &Value, map_indent: usize, list_indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            write_block(text, value, map_indent);
        }
        Value::Array(list) if !list.is_empty() => {
            text.push('\n');
            write_block(text, value, list_indent);
        }
        _ => {
            text.push(' ');
            write_scalar(text, value, map_indent);
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
    }
}

fn write_scalar(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(string) if is_literal_block(string) => write_literal(text, string, indent),
        Value::String(string) => text.push_str(&scalar_text(string)),
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

fn blanks(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
}

/// Whether a string of several lines can stand as a literal block without changing.
fn is_literal_block(string: &str) -> bool {
    string.contains('\n')
        && !string.starts_with([' ', '\n'])
        && string.lines().all(|line| !line.ends_with([' ', '\t']))
        && string.chars().all(|c| c == '\n' || (!c.is_control() && !is_special(c)))
}

fn write_literal(text: &mut String, string: &str, indent: usize) {
    let body = string.trim_end_matches('\n');
    text.push_str(match string.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    text.push('\n');
    for line in string.strip_suffix('\n').unwrap_or(string).split('\n') {
        if !line.is_empty() {
            blanks(text, indent.max(2));
            text.push_str(line);
        }
        text.push('\n');
    }
}

/// A string as plain, single-quoted or double-quoted scalar: the first that reads back as the same string.
pub fn scalar_text(string: &str) -> String {
    if string.chars().any(|c| c.is_control() || is_special(c)) || string.is_empty() || is_other_type(string) {
        return double_quoted(string);
    }
    if is_plain(string) { string.to_owned() } else { format!("'{}'", string.replace('\'', "''")) }
}

fn double_quoted(string: &str) -> String {
    let mut quoted = String::with_capacity(string.len() + 2);
    quoted.push('"');
    for c in string.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || is_special(c) => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(quoted, "\\x{code:02x}"),
                    0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that YAML counts as line breaks or byte order marks, or does not allow unescaped.
fn is_special(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn is_plain(string: &str) -> bool {
    let indicator = |c: char| "-?:,[]{}#&*!|>'\"%@`=<~.".contains(c);
    let mut chars = string.chars();
    let first = chars.next().unwrap_or(' ');
    let second = chars.next();
    // `-x` and `.x` are plain, `- x` and `-` are not; other indicators never begin a plain scalar here.
    let begins = match first {
        '-' | '.' => second.is_some_and(|c| !c.is_whitespace() && !indicator(c)),
        first => !first.is_whitespace() && !indicator(first),
    };
    begins
        && !string.ends_with([' ', ':'])
        && !string.contains(": ")
        && !string.contains(" #")
        && !string.contains(['\t', '{', '}', '[', ']', ',', '`'])
}

/// Whether a reader of YAML 1.1 or 1.2 would take the plain text for a number, a boolean, null or a date.
fn is_other_type(string: &str) -> bool {
    const WORDS: [&str; 14] =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "<<", "=", "nan", "inf"];
    let lower = string.to_ascii_lowercase();
    let unsigned = lower.trim_start_matches(['-', '+', '.']);
    if WORDS.contains(&lower.as_str()) || WORDS.contains(&unsigned) {
        return true;
    }
    // Numbers of every base, with underscores, exponents and sexagesimal colons; dates and times.
    let digit = unsigned.starts_with(|c: char| c.is_ascii_digit());
    let tail = |allowed: &str| unsigned.chars().all(|c| c.is_ascii_digit() || allowed.contains(c));
    let radix =
        unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0o")).or_else(|| unsigned.strip_prefix("0b"));
    digit && (tail("._e+-:tz ") || radix.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit() || c == '_')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shapes() {
        let value = json!({
            "b": [1, "two", {"y": 1, "x": [true]}, [], {}, ["nested", ["deeper"]]],
            "a": {"empty": {}, "none": null, "text": "one\ntwo\n", "tail": "one\n\ntwo"},
            "2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z",
        });
        insta::assert_snapshot!(write(&value), @r#"
        "2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z"
        a:
          empty: {}
          none: null
          tail: |-
            one

            two
          text: |
            one
            two
        b:
        - 1
        - two
        - x:
          - true
          "y": 1
        - []
        - {}
        - - nested
          - - deeper
        "#);
    }

    #[test]
    fn scalars() {
        let rows = [
            "plain",
            "",
            "v1.0.0",
            "1.0",
            "1",
            "0x1f",
            "1e3",
            "1_000",
            "12:30",
            "2026-01-02",
            "2026-01-02T03:04:05Z",
            "yes",
            "No",
            "null",
            "~",
            "-",
            "-x",
            "- x",
            "a: b",
            "a:b",
            "a #b",
            "a#b",
            "*x",
            "&x",
            "it's",
            "\"q\"",
            "{a}",
            "[a]",
            "a, b",
            " a",
            "a ",
            "a:",
            "mirror.lab:5000/ns/idx:v4.16",
            "sha256:1111",
            "é",
            "a\tb",
            "\u{1}",
            "\u{feff}",
            "@x",
            ".5",
            ".x",
            "<<",
            "4.16.2-x86_64",
        ];
        let text: Vec<_> = rows.iter().map(|row| scalar_text(row)).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        plain
        ""
        v1.0.0
        "1.0"
        "1"
        "0x1f"
        "1e3"
        "1_000"
        "12:30"
        "2026-01-02"
        "2026-01-02T03:04:05Z"
        "yes"
        "No"
        "null"
        "~"
        '-'
        -x
        '- x'
        'a: b'
        a:b
        'a #b'
        a#b
        '*x'
        '&x'
        it's
        '"q"'
        '{a}'
        '[a]'
        'a, b'
        ' a'
        'a '
        'a:'
        mirror.lab:5000/ns/idx:v4.16
        sha256:1111
        é
        "a\tb"
        "\x01"
        "\ufeff"
        '@x'
        ".5"
        .x
        "<<"
        4.16.2-x86_64
        "#);
    }

    fn any_value() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let text = prop_oneof!["[ -~]{0,8}", "[a-c \n#:'\"-]{0,10}", "\\PC{0,6}", "[0-9._:eExX+-]{0,8}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let text = write(&value);
            let back: Value = serde_saphyr::from_str(&text).map_err(|error| proptest::test_runner::TestCaseError::fail(format!("{error}\n{text}")))?;
            proptest::prop_assert_eq!(back, value, "{}", text);
        }
    }
}
