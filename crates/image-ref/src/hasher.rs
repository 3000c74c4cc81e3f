//! Digests of content (feature `hash`): the one place where bytes are hashed, for whoever keeps or moves them.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256, Sha512};

use crate::{Algorithm, Digest};

/// A running digest. Cloning it is cheap and keeps the state.
///
/// ```
/// use image_ref::{Algorithm, Hasher};
///
/// let mut hasher = Hasher::new(Algorithm::Sha256);
/// hasher.update(b"a ");
/// hasher.update(b"layer");
/// assert_eq!(hasher.finish(), Hasher::of(Algorithm::Sha256, b"a layer"));
/// ```
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// An empty hasher of the algorithm.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Box::new(Sha512::new())),
        })
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::from_sha256_bytes(&state.finalize().into()),
            State::Sha512(state) => Digest::from_sha512_bytes(&state.finalize().into()),
        }
    }

    /// The digest of everything that `reader` gives, and how many bytes that is.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of_reader(algorithm: Algorithm, reader: &mut impl Read) -> io::Result<(Digest, u64)> {
        let (mut hasher, mut size, mut buffer) = (Self::new(algorithm), 0, vec![0; 256 * 1024]);
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok((hasher.finish(), size)),
                count => {
                    hasher.update(buffer.get(..count).expect("a reader gives no more than the buffer takes"));
                    size += count as u64;
                }
            }
        }
    }

    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Sha256(_) => "Hasher(sha256)",
            State::Sha512(_) => "Hasher(sha512)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests() {
        // FIPS 180-2, appendix B and C.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Hasher::of(Algorithm::Sha256, b"abc").to_string(), format!("sha256:{abc}"));
        let abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                   2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(Hasher::of(Algorithm::Sha512, b"abc").to_string(), format!("sha512:{abc}"));
        let mut pieces = Hasher::new(Algorithm::Sha512);
        for byte in b"abc" {
            pieces.update(&[*byte]);
        }
        assert_eq!(pieces.clone().finish().hex(), abc);
        assert_eq!(format!("{pieces:?}"), "Hasher(sha512)");
        let (digest, size) = Hasher::of_reader(Algorithm::Sha512, &mut &b"abc"[..]).unwrap();
        assert_eq!((digest.hex(), size), (abc, 3));
    }
}
