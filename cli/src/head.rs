//! What a log file begins with: which program this was, how it was called, and with which configuration.
//!
//! The log takes out every secret that it knows ([`oci_transport::Redactor`]). Here go those that only their place gives
//! away: values of flags for passwords, and values of keys that are named like one.

use std::ffi::OsString;
use std::path::Path;

use oci_transport::REDACTED;

use crate::version;

/// What the name of a flag or of a key ends with when its value is a secret. Without `-` and `_`, in lower case.
const SECRET_NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "creds",
    "credentials",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "auth",
    "pullsecret",
];

/// Flags whose name ends like that of a secret, and whose value is none.
const HARMLESS: [&str; 2] = ["src-no-creds", "dest-no-creds"];

/// The lines for the program and its command line.
pub(crate) fn of_command(argv: &[OsString]) -> Vec<String> {
    let mut words = Vec::with_capacity(argv.len());
    let mut is_secret = false;
    for word in argv {
        let word = word.to_string_lossy();
        let flag = word.strip_prefix("--").filter(|name| !HARMLESS.contains(name));
        words.push(match flag.and_then(|flag| flag.split_once('=')) {
            _ if std::mem::take(&mut is_secret) => REDACTED.to_owned(),
            Some((name, _)) if names_a_secret(name) => format!("--{name}={REDACTED}"),
            _ => quoted(&word),
        });
        is_secret = flag.is_some_and(|flag| !flag.contains('=') && names_a_secret(flag));
    }
    vec![version::line(), format!("command line: {}", words.join(" "))]
}

/// The lines for a configuration.
pub(crate) fn of_configuration(path: &Path, text: &str) -> Vec<String> {
    let mut lines = vec![format!("configuration `{}`:", path.display())];
    // A secret of several lines ends where a line is indented no deeper than its key.
    let mut below: Option<usize> = None;
    for line in text.lines() {
        let depth = line.len() - line.trim_start_matches([' ', '-']).len();
        if let Some(key) = below {
            if line.trim().is_empty() || depth > key {
                continue;
            }
            below = None;
        }
        let (shown, is_secret) = without_secrets(line);
        lines.push(format!("  {shown}"));
        if is_secret {
            below = Some(depth);
        }
    }
    lines
}

/// A line of YAML without the values of keys that are named like secrets, and whether the last of them was one.
fn without_secrets(line: &str) -> (String, bool) {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(colon) = rest.find(':') {
        let (before, after) = (&rest[..colon], &rest[colon + 1..]);
        let ends_before = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.');
        let name = before.trim_end_matches(['"', '\'', ' ']).rsplit(ends_before).next().unwrap_or_default();
        shown.push_str(before);
        shown.push(':');
        // `key:value` is one word in YAML, unless the key is quoted; an address is one.
        let ends_key = after.is_empty() || after.starts_with([' ', '"', '\'', '\t']) || before.ends_with(['"', '\'']);
        if ends_key && names_a_secret(name) {
            // The rest of the line, even of `{password: a, b: c}`: where the value ends only a parser knows.
            shown.push(' ');
            shown.push_str(REDACTED);
            return (shown, true);
        }
        rest = after;
    }
    shown.push_str(rest);
    (shown, false)
}

fn names_a_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    SECRET_NAMES.iter().any(|ending| plain.ends_with(ending))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/.:_-=,@%+~".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_without_secrets() {
        for (typed, shown) in [
            ("oc-mirror|-c|isc.yaml|file:///a b", "oc-mirror -c isc.yaml 'file:///a b'"),
            ("oc-mirror|--src-creds|u:p|--v2", "oc-mirror --src-creds [redacted] --v2"),
            ("oc-mirror|--dest-password=p|--dest-username=u", "oc-mirror --dest-password=[redacted] --dest-username=u"),
            ("oc-mirror|--src-registry-token|t|x", "oc-mirror --src-registry-token [redacted] x"),
            ("oc-mirror|--src-no-creds|x", "oc-mirror --src-no-creds x"),
            ("oc-mirror|--screds|u:p|--dcreds|u:p", "oc-mirror --screds [redacted] --dcreds [redacted]"),
            ("oc-mirror|it's|", r"oc-mirror 'it'\''s' ''"),
        ] {
            let argv: Vec<OsString> = typed.split('|').map(OsString::from).collect();
            assert_eq!(of_command(&argv)[1], format!("command line: {shown}"));
        }
    }

    #[test]
    fn configurations_without_secrets() {
        let text = "mirror:\n  helm:\n    values: {adminPassword: hunter2, x: 1}\n    token: |\n      line one\n\n      line two\n    \
                    \"api_key\":abc\n    name: quay.io/ns/app:v1\n    secretName: shown\n    - password:\n      - a\n    end: here\n";
        insta::assert_snapshot!(of_configuration(Path::new("/isc.yaml"), text).join("\n"), @r#"
        configuration `/isc.yaml`:
          mirror:
            helm:
              values: {adminPassword: [redacted]
              token: [redacted]
              "api_key": [redacted]
              name: quay.io/ns/app:v1
              secretName: shown
              - password: [redacted]
              end: here
        "#);
    }
}
