//! Credentials that cannot be printed.

use std::fmt;

/// A text that never shows itself: `Debug` and `Display` say `hidden`. Reading it takes a visible call,
/// [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// How to prove who one is to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password, for basic authentication or the token server.
    Basic {
        /// The user name. Hidden in output as well: with robot accounts it says much.
        username: Secret,
        /// The password.
        password: Secret,
    },
    /// An `OAuth2` refresh token, to be exchanged at the token server (`identitytoken`).
    IdentityToken(Secret),
    /// A token to be sent to the registry as it is (`registrytoken`).
    Bearer(Secret),
}

impl Credentials {
    /// Basic credentials from plain texts.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: Secret::new(username), password: Secret::new(password) }
    }

    /// What kind this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "user name and password",
            Self::IdentityToken(_) => "identity token",
            Self::Bearer(_) => "registry token",
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (hidden)", self.kind())
    }
}
