//! Hashing of content by the algorithm its digest names.

use image_ref::{Algorithm, Digest};
use sha2::Digest as _;

/// An incremental hash of the algorithm of some digest; the one place where bytes are hashed.
#[derive(Debug, Clone)]
pub struct ContentHasher(State);

#[derive(Debug, Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl ContentHasher {
    /// A fresh hasher.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Adds the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::from_sha256_bytes(&state.finalize().into()),
            State::Sha512(state) => Digest::from_sha512_bytes(&state.finalize().into()),
        }
    }

    /// The digest of `bytes` under `algorithm`.
    pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }
}
