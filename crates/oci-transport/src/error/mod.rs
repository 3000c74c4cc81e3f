//! What can go wrong, asked for its condition: whether to try again, what to report, what to do next.

mod certificate;
mod condition;
mod failure;
mod hint;
mod place;
mod words;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::failure::{Failure, classify, find_source};
use self::words::Words;
use crate::redact::Redactor;

pub use self::condition::Condition;
pub use self::hint::{Hint, Side};
pub(crate) use self::place::Place;

/// Why a transfer failed. The message says what was done, to which registry, what was answered, how often it was tried
/// and what can be done about it. It never carries a credential or the query of a URL.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    condition: Condition,
    action: String,
    registry: String,
    message: String,
    status: Option<u16>,
    codes: Vec<String>,
    retry_after: Option<Duration>,
    attempts: u32,
    hint: Option<Hint>,
    first_contact: bool,
    unknown_name: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error in the middle of `action`, such as ``pulling manifest of `quay.io/ns/app:1` ``.
    pub(crate) fn new(condition: Condition, action: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            condition,
            action: action.into(),
            registry: String::new(),
            message: message.into(),
            status: None,
            codes: Vec::new(),
            retry_after: None,
            attempts: 1,
            hint: None,
            first_contact: false,
            unknown_name: false,
            source: None,
        }))
    }

    /// A failure of the local side: sink, source, or a file.
    pub(crate) fn local(action: impl Into<String>, error: io::Error) -> Self {
        // A blob source that reads from a registry wraps our own error; its condition must survive.
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return inner.clone();
        }
        let mut this = Self::new(Condition::Local, action, error.to_string());
        this.0.source = Some(Arc::new(error));
        this
    }

    /// An answer with an unexpected status; `body` is what the registry said about it, which may be what it was told.
    pub(crate) fn status(
        action: impl Into<String>,
        status: http::StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
        redactor: &Redactor,
    ) -> Self {
        let words = Words::read(body, redactor);
        let code = status.as_u16();
        let mut message = format!("{code} {}", status.canonical_reason().unwrap_or("unknown status"));
        if !words.text.is_empty() {
            message.push_str(": ");
            message.push_str(&words.text);
        }
        let mut this = Self::new(Condition::of_status(code), action, message);
        this.0.status = Some(code);
        this.0.codes = words.codes;
        this.0.retry_after = retry_after;
        this.0.hint = (code == 429).then_some(Hint::SlowDown);
        this
    }

    /// A request that got no answer, or whose body broke off.
    pub(crate) fn transport(action: impl Into<String>, error: reqwest::Error, place: &Place) -> Self {
        let error = error.without_url();
        if let Some(own) = find_source::<Self>(&error) {
            return own.clone();
        }
        if let Some(local) = find_source::<LocalFailure>(&error) {
            return Self::new(local.condition, action, local.to_string()).with_registry(&place.registry);
        }
        if let Some(misled) = find_source::<crate::reserved::Misled>(&error) {
            let message = format!("refused: the registry sends the request to `{place}` at {misled}");
            return Self::new(Condition::Redirect, action, message).with_registry(&place.registry);
        }
        let Failure { condition, message, unknown_name, certificate } = classify(&error, place);
        let mut this = Self::new(condition, action, message).with_registry(&place.registry);
        this.0.first_contact = place.is_fresh;
        this.0.unknown_name = unknown_name;
        this.0.hint = match condition {
            Condition::Certificate => certificate,
            Condition::PlainHttp => Some(Hint::AllowPlainHttp { side: place.side }),
            // Servers say either to a client without a certificate.
            Condition::Tls
                if ["CertificateRequired", "BadCertificate"].iter().any(|alert| this.0.message.contains(alert)) =>
            {
                Some(Hint::ShowCertificate { registry: place.host.clone() })
            }
            _ if !condition.is_unreachable() && condition != Condition::Proxy => None,
            _ if place.proxy.is_some() => place.proxy.as_ref().map(|(_, variable)| Hint::CheckProxy { variable }),
            Condition::Dns => Some(Hint::CheckName),
            Condition::Refused => Some(Hint::CheckServer),
            _ => Some(Hint::CheckRoute),
        };
        this
    }

    /// The same without the secrets that a text from outside may have brought into it.
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Self {
        self.0.action = redactor.clean(&self.0.action);
        self.0.message = redactor.clean(&self.0.message);
        self
    }

    pub(crate) fn with_hint(mut self, hint: Hint) -> Self {
        self.0.hint = Some(hint);
        self
    }

    pub(crate) fn with_registry(mut self, registry: &str) -> Self {
        registry.clone_into(&mut self.0.registry);
        self
    }

    pub(crate) fn with_action(mut self, action: &str) -> Self {
        action.clone_into(&mut self.0.action);
        self
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    pub(crate) fn with_condition(mut self, condition: Condition) -> Self {
        self.0.condition = condition;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The condition behind the error.
    pub fn condition(&self) -> Condition {
        self.0.condition
    }

    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        self.0.condition.is_retryable()
    }

    /// Whether the registry has answered that it does not do what was asked (4xx or 501), and would answer so again.
    pub fn is_refusal(&self) -> bool {
        matches!(self.0.status, Some(400..=499 | 501)) && !self.asks_to_wait()
    }

    /// Whether the answer has a status of those that time alone may mend (408, 425, 429).
    pub(crate) fn asks_to_wait(&self) -> bool {
        matches!(self.0.status, Some(408 | 425 | 429))
    }

    /// Whether nothing that was asked had ever answered.
    pub(crate) fn is_at_first_contact(&self) -> bool {
        self.0.first_contact
    }

    /// Whether the resolver says that the name does not exist.
    pub(crate) fn is_unknown_name(&self) -> bool {
        self.0.unknown_name
    }

    /// Takes a place among others that failed: what another attempt is worth depends on all of them.
    pub(crate) fn beside<'a>(mut self, others: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        self.0.first_contact &= others.clone().all(|other| other.0.first_contact);
        self.0.unknown_name &= others.clone().all(|other| other.0.unknown_name);
        self
    }

    /// Whether the registry says that what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.0.condition == Condition::NotFound
    }

    /// Whether the registry or the way to it is overloaded, so that less concurrency would help.
    pub fn is_congestion(&self) -> bool {
        self.0.condition.is_congestion() || self.0.status == Some(503)
    }

    /// The HTTP status, if there was an answer.
    pub fn status_code(&self) -> Option<u16> {
        self.0.status
    }

    /// The registry's own error codes, such as `MANIFEST_UNKNOWN` (distribution specification, "Error codes").
    pub fn codes(&self) -> &[String] {
        &self.0.codes
    }

    /// Whether `code` is among the registry's own error codes.
    pub fn has_code(&self, code: &str) -> bool {
        self.0.codes.iter().any(|found| found == code)
    }

    /// `host[:port]` of the registry; empty when the error has to do with none.
    pub fn registry(&self) -> &str {
        &self.0.registry
    }

    /// What was being done, such as ``pulling manifest `quay.io/ns/app:1` ``.
    pub fn action(&self) -> &str {
        &self.0.action
    }

    /// How often it was tried.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the registry asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the user can do. It is part of the message already.
    pub fn hint(&self) -> Option<&Hint> {
        self.0.hint.as_ref()
    }

    /// The message alone, without action, attempts and hint.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.action, self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, " (after {} attempts)", self.0.attempts)?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.condition)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The source's text is part of the message already; a chain would print it twice.
        None
    }
}

/// A failure of the side that feeds an upload, on its way through the HTTP client. Trying again would not help.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct LocalFailure {
    /// [`Condition::Local`], or [`Condition::Digest`] when the content is wrong.
    pub(crate) condition: Condition,
    pub(crate) message: String,
}

impl LocalFailure {
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}
