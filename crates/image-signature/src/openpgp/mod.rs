//! `OpenPGP` as simple signing uses it: one signed message, one signature, a ring of trusted keys.
//!
//! The library below verifies mathematics; what counts as a good signature is decided here: which keys may sign, when they
//! expire, what revokes them, which digests are too weak, how large a message may become. Time is a parameter.

mod keyring;
mod message;

pub use keyring::{Keyring, KeyringError, MAX_KEYRING_SIZE};
pub use message::{MAX_MESSAGE_SIZE, MAX_PAYLOAD_SIZE, MessageError, Verified, verify};
