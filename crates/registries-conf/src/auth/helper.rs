//! Credential helper programs: which to run with what, and what their answer means. Running them is someone else's job.
//!
//! The protocol is docker's: `docker-credential-NAME get` reads the server's name from standard input and writes a JSON
//! object to standard output; a failure is a text there and exit code 1.

use serde::Deserialize;

use super::{Credentials, Secret};
use crate::object::Object;

/// A helper program that knows credentials for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// The name behind `docker-credential-`. Letters, digits, `.`, `_` and `-`, never a path.
    pub name: String,
    /// What to write to the program's standard input.
    pub server: String,
}

/// Why a helper gave no usable answer. Never carries what the program wrote, since that may be the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum HelperError {
    #[error("credential helper `docker-credential-{0}` failed")]
    Failed(String),
    #[error(
        "credential helper `docker-credential-{helper}` answered with something else than a JSON object of strings (line {line}, column {column})"
    )]
    Answer { helper: String, line: usize, column: usize },
    #[error("credential helper `docker-credential-{0}` answered without user name")]
    NoUsername(String),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Helper {
    /// A helper, unless `name` could name anything else than a program on the search path.
    pub fn new(name: &str, server: impl Into<String>) -> Option<Self> {
        let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        (!name.is_empty() && name.len() <= 128 && name.bytes().all(safe))
            .then(|| Self { name: name.into(), server: server.into() })
    }

    /// The program to run, with the single argument `get`.
    pub fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    /// What the program's standard output means, given whether it ended well. `None` is the honest answer "I know
    /// nothing about this server".
    ///
    /// # Errors
    /// See [`HelperError`].
    pub fn answer(&self, success: bool, stdout: &[u8]) -> Result<Option<Credentials>, HelperError> {
        if !success {
            let text = String::from_utf8_lossy(stdout);
            // The two texts docker's own helpers agree on.
            return match text.trim() {
                "credentials not found in native keychain" | "no credentials server URL" => Ok(None),
                _ => Err(HelperError::Failed(self.name.clone())),
            };
        }
        let Object(answer): Object<Answer> = serde_json::from_slice(stdout).map_err(|error| HelperError::Answer {
            helper: self.name.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        match (answer.username.as_str(), answer.secret) {
            ("", secret) if secret.is_empty() => Ok(None),
            ("", _) => Err(HelperError::NoUsername(self.name.clone())),
            ("<token>", secret) => Ok(Some(Credentials::IdentityToken(Secret::new(secret)))),
            (username, secret) => Ok(Some(Credentials::basic(username, secret))),
        }
    }
}
