//! Takes credentials out of a message before it is printed.
//!
//! Types that hold credentials redact themselves; this is the second fence, for texts that come from elsewhere: URLs
//! with user information in a proxy variable, a header quoted by an HTTP library, a registry that echoes its input.

/// What stands where a credential stood.
const REDACTED: &str = "[redacted]";

/// Words in front of a credential: everything up to the next blank, quote or comma after them is one.
const BEFORE_CREDENTIALS: [&str; 2] = ["Bearer ", "Basic "];

/// Query parameters whose value is a credential, as signed URLs of storage back-ends carry them.
const SECRET_PARAMETERS: [&str; 7] = [
    "X-Amz-Signature=",
    "X-Amz-Credential=",
    "X-Amz-Security-Token=",
    "Signature=",
    "access_token=",
    "token=",
    "password=",
];

/// Secrets shorter than this are not searched for: they would blank out ordinary text.
const SHORTEST_SECRET: usize = 4;

/// Knows the secrets of this run and the shapes of others.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.secrets.len()).finish()
    }
}

impl Redactor {
    /// Adds a secret that must not be printed.
    pub fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET && !self.secrets.iter().any(|known| known == secret) {
            self.secrets.push(secret.to_owned());
            // The longest first: a secret may contain another one.
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// The message without credentials. Doing it twice changes nothing more.
    pub fn clean(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), REDACTED);
        }
        text = without_user_information(&text);
        for word in BEFORE_CREDENTIALS {
            // `Bearer realm=…` and `Basic realm=…` are challenges: they tell where to ask, and are no secret.
            text = without_value_after(&text, word, |value| !value.starts_with("realm="));
        }
        for parameter in SECRET_PARAMETERS {
            text = without_value_after(&text, parameter, |_| true);
        }
        text
    }
}

/// Replaces `user:password` in `scheme://user:password@host`.
fn without_user_information(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '?' || c.is_whitespace() || c == '"').unwrap_or(after.len());
        match after[..end].rfind('@') {
            // A digest after a name without slash, `docker://app@sha256:…`, is no user information.
            Some(sign) if !after[sign + 1..end].starts_with("sha256:") => {
                clean.push_str(REDACTED);
                rest = &after[sign..];
            }
            _ => rest = after,
        }
    }
    clean + rest
}

fn without_value_after(text: &str, word: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = rest.split_at(at + word.len());
        clean.push_str(before);
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '&' | ')')).unwrap_or(after.len());
        if end > 0 && is_secret(after) {
            clean.push_str(REDACTED);
            rest = &after[end..];
        } else {
            rest = after;
        }
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let mut redactor = Redactor::default();
        for secret in ["s3cret", "s3cret-long", "abc"] {
            redactor.hide(secret);
        }
        let rows = [
            ("nothing to hide", "nothing to hide"),
            ("a s3cret b s3cret-long", "a [redacted] b [redacted]"),
            ("abc is too short to hide", "abc is too short to hide"),
            ("https://u:p@h/x http://h2/y", "https://[redacted]@h/x http://h2/y"),
            ("https://token@h", "https://[redacted]@h"),
            ("https://u:p@@h/", "https://[redacted]@h/"),
            ("docker://quay.io/a@sha256:11", "docker://quay.io/a@sha256:11"),
            ("docker://app@sha256:11", "docker://app@sha256:11"),
            ("https://h/path@x", "https://h/path@x"),
            ("Authorization: Bearer eyJ.x.y", "Authorization: Bearer [redacted]"),
            ("authorization=\"Basic dTpw\", x", "authorization=\"Basic [redacted]\", x"),
            ("Bearer realm=\"https://auth\"", "Bearer realm=\"https://auth\""),
            ("https://s3/x?X-Amz-Signature=ab&X-Amz-Date=1", "https://s3/x?X-Amz-Signature=[redacted]&X-Amz-Date=1"),
            ("ends with Bearer ", "ends with Bearer "),
            ("", ""),
        ];
        for (message, clean) in rows {
            assert_eq!(redactor.clean(message), clean);
            assert_eq!(redactor.clean(clean), clean, "twice");
        }
        assert_eq!(format!("{redactor:?}"), "Redactor { secrets: 2 }");
    }

    proptest::proptest! {
        #[test]
        fn a_secret_never_passes(before in ".{0,20}", secret in "[A-Za-z0-9+/=]{8,40}", after in ".{0,20}") {
            let mut redactor = Redactor::default();
            redactor.hide(&secret);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            proptest::prop_assert!(!clean.contains(&secret));
        }
    }
}
