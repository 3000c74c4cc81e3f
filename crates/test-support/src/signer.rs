//! A signer of releases: an `OpenPGP` key made on the spot, without `gpg`.

use std::fmt;

use pgp::composed::{ArmorOptions, KeyType, MessageBuilder, SecretKeyParamsBuilder, SignedPublicKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::types::Password;

/// A fresh Ed25519 key that signs as the keys of releases do: one signed message around the payload.
pub struct ReleaseSigner {
    key: SignedSecretKey,
}

impl ReleaseSigner {
    /// Makes a key for `user`, such as `release@test`.
    pub fn new(user: &str) -> Self {
        let mut parameters = SecretKeyParamsBuilder::default();
        parameters.key_type(KeyType::Ed25519Legacy).can_sign(true).primary_user_id(user.to_owned());
        let parameters = parameters.build().expect("the parameters are complete");
        Self { key: parameters.generate(rand::thread_rng()).expect("a key can be made") }
    }

    /// The public key, armored.
    pub fn public_key(&self) -> String {
        let public = SignedPublicKey::from(self.key.clone());
        public.to_armored_string(ArmorOptions::default()).expect("a key can be written")
    }

    /// The signed message.
    pub fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let mut message = MessageBuilder::from_bytes("", payload.to_vec());
        message.sign(&self.key.primary_key, Password::empty(), HashAlgorithm::Sha256);
        message.to_vec(rand::thread_rng()).expect("a message can be signed")
    }
}

impl fmt::Debug for ReleaseSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReleaseSigner")
    }
}
