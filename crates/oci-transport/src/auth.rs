//! Authorization: which header a request carries, and how its token was got.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use registries_conf::{Credentials, Secret};
use serde::Deserialize;

use crate::challenge::Challenge;
use crate::error::Error;
use crate::redact::Redactor;
use crate::scope::Scope;

/// What a registry told about itself, and the tokens it was given. One per registry.
#[derive(Default)]
pub(crate) struct Authenticator {
    challenges: Mutex<Vec<Challenge>>,
    tokens: Mutex<HashMap<TokenKey, Arc<TokenSlot>>>,
}

/// Tokens are kept apart by credentials, too: two repositories of one registry may have different ones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) realm: String,
    pub(crate) service: String,
    pub(crate) scope: Scope,
    /// The repository whose credentials are used.
    pub(crate) account: String,
}

/// The place of one token. Its lock is held while the token is fetched, so that everyone else waits for that one request.
pub(crate) struct TokenSlot {
    pub(crate) state: tokio::sync::Mutex<SlotState>,
    /// Counts failures; who began to wait before the last one shares it instead of asking again.
    pub(crate) failures: std::sync::atomic::AtomicU64,
}

#[derive(Default)]
pub(crate) struct SlotState {
    pub(crate) token: Option<Token>,
    pub(crate) failure: Option<Error>,
}

#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    pub(crate) expires: Instant,
}

impl Token {
    /// Whether the token may be used for another request: it must live for some seconds more, so that it does not die
    /// on the way.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        now + MARGIN < self.expires
    }
}

/// How long before its end a token is replaced.
const MARGIN: Duration = Duration::from_secs(10);

/// The shortest lifetime a token is believed to have (`docs/behaviour/release.md` 7.4).
const MINIMUM_LIFETIME: Duration = Duration::from_secs(60);

impl Authenticator {
    /// Remembers the challenges of a 401 answer. Those of an answer without any are not remembered.
    pub(crate) fn learn(&self, challenges: Vec<Challenge>) {
        if !challenges.is_empty() {
            *self.challenges.lock().unwrap_or_else(PoisonError::into_inner) = challenges;
        }
    }

    /// The challenges known so far, in the order of the registry.
    pub(crate) fn challenges(&self) -> Vec<Challenge> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn slot(&self, key: &TokenKey) -> Arc<TokenSlot> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = tokens.entry(key.clone()).or_insert_with(|| {
            Arc::new(TokenSlot { state: tokio::sync::Mutex::default(), failures: std::sync::atomic::AtomicU64::new(0) })
        });
        Arc::clone(slot)
    }
}

/// The challenge to answer with these credentials: the first that is understood, in the order of the registry.
pub(crate) fn choose<'a>(challenges: &'a [Challenge], credentials: Option<&Credentials>) -> Option<&'a Challenge> {
    let bearer =
        || challenges.iter().find(|challenge| challenge.scheme == "bearer" && challenge.param("realm").is_some());
    match credentials {
        Some(Credentials::Basic { .. }) => challenges.iter().find(|challenge| match challenge.scheme.as_str() {
            "basic" => true,
            "bearer" => challenge.param("realm").is_some(),
            _ => false,
        }),
        // Without a password only a token server can help; with one, `Basic` beside it would fail.
        _ => bearer(),
    }
}

/// The header value of basic authentication.
pub(crate) fn basic_header(username: &Secret, password: &Secret) -> Option<HeaderValue> {
    let text = STANDARD.encode(format!("{}:{}", username.reveal(), password.reveal()));
    sensitive(&format!("Basic {text}"))
}

/// The header value of a bearer token.
pub(crate) fn bearer_header(token: &str) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {token}"))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The answer of a token server, either protocol.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

impl TokenAnswer {
    /// The token, with its end counted from `asked`, on our clock: the server's may be off.
    /// From here on nobody says it.
    pub(crate) fn into_token(self, asked: Instant, redactor: &Redactor) -> Option<Token> {
        let text = self.token.filter(|t| !t.is_empty()).or(self.access_token).filter(|t| !t.is_empty())?;
        redactor.hide_token(&text);
        let lifetime = self.expires_in.filter(|s| s.is_finite() && *s > 0.0).unwrap_or(60.0).min(86_400.0 * 365.0);
        let lifetime = Duration::from_secs_f64(lifetime).max(MINIMUM_LIFETIME);
        Some(Token { header: bearer_header(&text)?, expires: asked + lifetime })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge;

    #[test]
    fn tokens_are_replaced_before_their_end() {
        let asked = Instant::now();
        let check = |answer: &str, header: &str, fresh_for: u64| {
            let answer: TokenAnswer = serde_json::from_str(answer).unwrap();
            let token = answer.into_token(asked, &Redactor::default()).unwrap();
            assert_eq!(token.header, header);
            assert!(token.is_fresh(asked + Duration::from_secs(fresh_for - 1)), "{fresh_for}");
            assert!(!token.is_fresh(asked + Duration::from_secs(fresh_for)), "{fresh_for}");
        };
        // Ten seconds less than what it says, of which a minute is the least that is believed.
        check(r#"{"token": "t", "expires_in": 300}"#, "Bearer t", 290);
        check(r#"{"access_token": "a", "expires_in": 300}"#, "Bearer a", 290);
        check(r#"{"token": "t", "access_token": "a"}"#, "Bearer t", 50);
        check(r#"{"token": "", "access_token": "a", "expires_in": null}"#, "Bearer a", 50);
        check(r#"{"token": "t", "expires_in": 5}"#, "Bearer t", 50);
        check(r#"{"token": "t", "expires_in": -1}"#, "Bearer t", 50);
        // When it was issued is a matter of the server's clock.
        check(r#"{"token": "t", "expires_in": 300, "issued_at": "2001-01-01T00:00:00Z"}"#, "Bearer t", 290);
        for none in ["{}", r#"{"token": ""}"#, r#"{"token": "a\nb"}"#] {
            let answer: TokenAnswer = serde_json::from_str(none).unwrap();
            assert!(answer.into_token(asked, &Redactor::default()).is_none(), "{none}");
        }
    }

    #[test]
    fn the_challenge_that_is_answered() {
        let check = |headers: &str, credentials: Option<&Credentials>, expected: Option<&str>| {
            let challenges = challenge::parse(headers);
            let found = choose(&challenges, credentials).map(|challenge| challenge.scheme.as_str());
            assert_eq!(found, expected, "{headers} {credentials:?}");
        };
        let (password, refresh) = (Credentials::basic("u", "p"), Credentials::IdentityToken(Secret::new("t")));
        let both = r#"Basic realm="x", Bearer realm="https://auth.io/token""#;
        check(both, Some(&password), Some("basic"));
        check(both, None, Some("bearer"));
        check(both, Some(&refresh), Some("bearer"));
        let turned = r#"Bearer realm="https://auth.io/token", Basic realm="x""#;
        check(turned, Some(&password), Some("bearer"));
        check(turned, None, Some("bearer"));
        check("Negotiate, Digest realm=\"x\"", Some(&password), None);
        check("Negotiate, Basic realm=\"x\"", Some(&password), Some("basic"));
        // A token server without an address is none.
        check("Bearer service=\"x\", Basic realm=\"x\"", Some(&password), Some("basic"));
        check("Basic realm=\"x\"", None, None);
        check("", Some(&password), None);
    }
}
