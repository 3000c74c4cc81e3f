//! Who one is to which registry: auth files, credential helpers, and the order in which they are asked
//! (containers-auth.json(5), `docs/behaviour/release.md` 7.4).

mod chain;
mod credentials;
mod file;
mod helper;

pub use chain::CredentialChain;
pub use credentials::{Credentials, Secret};
pub use file::{AuthFile, AuthFileError, Lookup};
pub use helper::{Helper, HelperError};
