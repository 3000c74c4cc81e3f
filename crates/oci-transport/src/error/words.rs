//! What a registry says about its refusal.

use serde::Deserialize;

use crate::redact::Redactor;

/// What a registry says in the body of an error answer.
pub(super) struct Words {
    /// The error codes of the distribution specification.
    pub(super) codes: Vec<String>,
    /// One line, without control characters.
    pub(super) text: String,
}

impl Words {
    /// Reads the JSON of the distribution specification, that of `OAuth2` token servers, or the first line of a text.
    ///
    /// Secrets are blotted out before the text is cut: what is left of a secret that was cut would not be recognised.
    pub(super) fn read(body: &[u8], redactor: &Redactor) -> Self {
        if let Ok(parsed) = serde_json::from_slice::<ErrorBody>(body) {
            let mut codes = Vec::new();
            let mut texts: Vec<String> = Vec::new();
            for error in parsed.errors.into_iter().take(4) {
                let code = error.code.unwrap_or_default();
                let detail = match error.detail {
                    Some(serde_json::Value::String(detail)) if !detail.is_empty() => format!(" ({detail})"),
                    _ => String::new(),
                };
                let message = error.message.unwrap_or_default();
                texts.push(match (message.is_empty(), code.is_empty()) {
                    (false, false) => format!("{message}{detail} [{code}]"),
                    (false, true) => format!("{message}{detail}"),
                    _ => format!("{code}{detail}"),
                });
                codes.push(code);
            }
            texts.extend(parsed.error_description.or(parsed.error).or(parsed.details).or(parsed.message));
            if !texts.is_empty() {
                return Self { codes, text: shorten(&redactor.clean(&texts.join(", "))) };
            }
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start();
        // The page of a proxy or a load balancer says nothing that its status does not.
        let text = if text.starts_with('<') || text.starts_with('{') { "" } else { text.lines().next().unwrap_or("") };
        Self { codes: Vec::new(), text: shorten(&redactor.clean(text)) }
    }
}

fn shorten(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    clean.trim().to_owned()
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
    error: Option<String>,
    error_description: Option<String>,
    details: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<String>,
    message: Option<String>,
    detail: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use crate::error::Error;

    #[test]
    fn the_words_of_registries() {
        fn check(body: &str, expected: &str) {
            let error = Error::status(
                "testing",
                http::StatusCode::FORBIDDEN,
                None,
                body.as_bytes(),
                &crate::Redactor::default(),
            );
            assert_eq!(error.to_string(), format!("testing: 403 Forbidden{expected}"), "{body}");
        }
        check("", "");
        check("denied by policy\nmore", ": denied by policy");
        check("<html><body>403</body></html>", "");
        check(r#"{"errors":[{"code":"DENIED","message":"no"}]}"#, ": no [DENIED]");
        check(r#"{"errors":[{"code":"DENIED","message":"no","detail":"quota"}]}"#, ": no (quota) [DENIED]");
        check(r#"{"errors":[{"code":"DENIED","detail":{"a":1}}]}"#, ": DENIED");
        check(r#"{"errors":[{"message":"one"},{"message":"two"}]}"#, ": one, two");
        check(r#"{"error":"invalid_grant","error_description":"expired"}"#, ": expired");
        check(r#"{"details":"incorrect username or password"}"#, ": incorrect username or password");
        check(r#"{"errors":[]}"#, "");
        check("a\u{7}b", ": a b");
    }
}
