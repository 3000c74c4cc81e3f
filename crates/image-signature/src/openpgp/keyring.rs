//! A ring of trusted keys, and what its own signatures say about each.

use jiff::Timestamp;
use pgp::composed::{Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, Tag, VerifyingKey};

use super::message::{MIN_RSA_BITS, MessageError};

/// The most a key ring may measure, in bytes: 16 MiB.
pub const MAX_KEYRING_SIZE: usize = 16 << 20;

/// Trusted `OpenPGP` keys. Everything in a ring is trusted equally; who may sign what is a matter of policy.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

/// A text or file is no key ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum KeyringError {
    #[error("no public key found: expected `OpenPGP` public keys, binary or ASCII-armored")]
    NoKeys,
    #[error("the key ring measures {0} bytes, more than the {MAX_KEYRING_SIZE} that are read")]
    TooLarge(usize),
}

/// A key or subkey of the ring, ready to verify with, and the period in which it may sign.
pub(super) struct Signer<'a> {
    pub(super) key: &'a dyn VerifyingKey,
    pub(super) primary: &'a SignedPublicKey,
    subkey: Option<&'a SignedPublicSubKey>,
}

impl Keyring {
    /// Parses one or several keys: binary, or ASCII-armored in one or several blocks. Keys the library cannot read are left
    /// out, since rings collect old keys; nothing signed by them is ever accepted.
    ///
    /// # Errors
    /// When there is no readable public key at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.len() > MAX_KEYRING_SIZE {
            return Err(KeyringError::TooLarge(bytes.len()));
        }
        let mut keys = Vec::new();
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN ") {
            for block in armored_blocks(bytes) {
                if let Ok((found, _)) = SignedPublicKey::from_armor_many_buf(block) {
                    keys.extend(found.take_while_readable());
                }
            }
        } else if let Ok(found) = SignedPublicKey::from_bytes_many(&*without_trust_packets(bytes)) {
            keys.extend(found.take_while_readable());
        }
        if keys.is_empty() { Err(KeyringError::NoKeys) } else { Ok(Self { keys }) }
    }

    /// All keys of this ring and of the other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self
    }

    /// The fingerprints of the primary keys, upper-case hex.
    pub fn fingerprints(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| format!("{:X}", key.fingerprint()))
    }

    /// Every primary key and subkey that `wanted` is true for.
    pub(super) fn signers(&self, wanted: impl Fn(&dyn KeyDetails) -> bool) -> Vec<Signer<'_>> {
        let mut signers = Vec::new();
        for primary in &self.keys {
            if wanted(&primary.primary_key) {
                signers.push(Signer { key: &primary.primary_key, primary, subkey: None });
            }
            for subkey in primary.public_subkeys.iter().filter(|subkey| wanted(&subkey.key)) {
                signers.push(Signer { key: &subkey.key, primary, subkey: Some(subkey) });
            }
        }
        signers
    }
}

/// gpg's own ring files put trust packets between a user id and its signatures, where the parser would lose the signatures.
/// They concern that gpg only. Bytes that are no complete packets stay as they are, for the parser to judge.
fn without_trust_packets(bytes: &[u8]) -> Vec<u8> {
    const TRUST: u8 = 12;
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((tag, len)) = first_packet(rest) {
        let (packet, behind) = rest.split_at(len);
        if tag != TRUST {
            kept.extend_from_slice(packet);
        }
        rest = behind;
    }
    kept.extend_from_slice(rest);
    kept
}

/// Tag and whole length of the first packet (RFC 9580, 4.2), when it is complete and of a fixed length.
fn first_packet(bytes: &[u8]) -> Option<(u8, usize)> {
    let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    let first = *bytes.first()?;
    let (tag, header, body) = match first >> 6 {
        0b10 => {
            let octets = [1, 2, 4].get(usize::from(first & 3)).copied()?;
            (first >> 2 & 15, 1 + octets, number(bytes.get(1..=octets)?))
        }
        0b11 => match *bytes.get(1)? {
            short @ 0..192 => (first & 63, 2, usize::from(short)),
            long @ 192..224 => (first & 63, 3, (usize::from(long - 192) << 8) + usize::from(*bytes.get(2)?) + 192),
            255 => (first & 63, 6, number(bytes.get(2..6)?)),
            _ => return None,
        },
        _ => return None,
    };
    let len = header.checked_add(body)?;
    (len <= bytes.len()).then_some((tag, len))
}

/// The pieces of a text that begin with an armor header line.
fn armored_blocks(bytes: &[u8]) -> Vec<&[u8]> {
    const HEADER: &[u8] = b"-----BEGIN ";
    let starts: Vec<usize> =
        bytes.windows(HEADER.len()).enumerate().filter(|(_, window)| *window == HEADER).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| bytes.get(*start..end).unwrap_or_default()).collect()
}

/// The readable keys of a parser's answer, at most as many as a ring of its size can hold.
trait Readable: Iterator<Item = pgp::errors::Result<SignedPublicKey>> + Sized {
    fn take_while_readable(self) -> impl Iterator<Item = SignedPublicKey> {
        // Each key takes far more than 16 bytes, so the bound only stops a parser that does not advance.
        self.take(MAX_KEYRING_SIZE / 16).filter_map(Result::ok)
    }
}

impl<I: Iterator<Item = pgp::errors::Result<SignedPublicKey>>> Readable for I {}

impl Signer<'_> {
    /// The fingerprint of the key that signs, upper-case hex.
    pub(super) fn fingerprint(&self) -> String {
        format!("{:X}", self.key.fingerprint())
    }

    /// Whether the key, as it stands in the ring, may sign data at `now`.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), MessageError> {
        let primary = &self.primary.primary_key;
        let details = &self.primary.details;
        let fingerprint = || self.fingerprint();

        check_strength(primary)?;
        check_strength(self.key)?;
        let revoked =
            details.revocation_signatures.iter().any(|sig| acceptable(sig) && sig.verify_key(primary).is_ok());
        if revoked {
            return Err(MessageError::KeyRevoked(format!("{:X}", primary.fingerprint())));
        }

        // What the owner says about the key: the newest certification of a user id, or of the key itself.
        let certifications = details.users.iter().flat_map(|user| {
            user.signatures
                .iter()
                .filter(|sig| acceptable(sig) && sig.verify_certification(primary, Tag::UserId, &user.id).is_ok())
        });
        let direct = details
            .direct_signatures
            .iter()
            .filter(|sig| sig.typ() == Some(SignatureType::Key) && acceptable(sig) && sig.verify_key(primary).is_ok());
        let own = newest(certifications.chain(direct), now).ok_or_else(|| MessageError::KeyUnbound(fingerprint()))?;
        check_expiry(&format!("{:X}", primary.fingerprint()), primary.created_at().as_secs(), own, now)?;

        let Some(subkey) = self.subkey else {
            return if may_sign(own).unwrap_or(true) { Ok(()) } else { Err(MessageError::KeyUsage(fingerprint())) };
        };
        let bound = |sig: &&Signature| acceptable(sig) && sig.verify_subkey_binding(primary, &subkey.key).is_ok();
        let of_type = |typ| subkey.signatures.iter().filter(move |sig| sig.typ() == Some(typ)).filter(bound);
        if of_type(SignatureType::SubkeyRevocation).next().is_some() {
            return Err(MessageError::KeyRevoked(fingerprint()));
        }
        let binding = newest(of_type(SignatureType::SubkeyBinding), now)
            .ok_or_else(|| MessageError::KeyUnbound(fingerprint()))?;
        check_expiry(&fingerprint(), subkey.key.created_at().as_secs(), binding, now)?;
        if may_sign(binding) != Some(true) {
            return Err(MessageError::KeyUsage(fingerprint()));
        }
        // A signing subkey must have agreed to belong to the primary, or anyone could adopt it.
        let agreed = binding
            .embedded_signature()
            .is_some_and(|sig| acceptable(sig) && sig.verify_primary_key_binding(&subkey.key, primary).is_ok());
        if agreed { Ok(()) } else { Err(MessageError::KeyUnbound(fingerprint())) }
    }
}

/// Refuses RSA keys that are too short. The modulus is the first of the key's numbers, with its length in bits before it
/// (RFC 9580, 3.2).
fn check_strength<K: KeyDetails + ?Sized>(key: &K) -> Result<(), MessageError> {
    let PublicParams::RSA(rsa) = key.public_params() else { return Ok(()) };
    let encoded = rsa.to_bytes().unwrap_or_default();
    let bits = encoded.first_chunk().map_or(0, |length| u32::from(u16::from_be_bytes(*length)));
    if bits < MIN_RSA_BITS {
        return Err(MessageError::WeakKey { key: format!("{:X}", key.fingerprint()), bits });
    }
    Ok(())
}

/// Signatures inside keys may use SHA-1, as many long-lived keys do: their content is not an attacker's to choose.
fn acceptable(signature: &Signature) -> bool {
    !matches!(signature.hash_alg(), None | Some(HashAlgorithm::None | HashAlgorithm::Md5))
}

/// The newest signature that is already made and not expired.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, now: Timestamp) -> Option<&'a Signature> {
    signatures
        .filter(|sig| {
            let created = sig.created().map_or(0, pgp::types::Timestamp::as_secs);
            let ends = sig.signature_expiration_time().map_or(0, pgp::types::Duration::as_secs);
            ends == 0 || i64::from(created) + i64::from(ends) > now.as_second()
        })
        .max_by_key(|sig| sig.created().map_or(0, pgp::types::Timestamp::as_secs))
}

fn check_expiry(key: &str, created: u32, says: &Signature, now: Timestamp) -> Result<(), MessageError> {
    match says.key_expiration_time().map(pgp::types::Duration::as_secs) {
        Some(seconds @ 1..) if i64::from(created) + i64::from(seconds) <= now.as_second() => {
            Err(MessageError::KeyExpired { key: key.to_owned(), at: at(i64::from(created) + i64::from(seconds)) })
        }
        _ => Ok(()),
    }
}

/// What the key flags say about signing data; `None` when there are none.
fn may_sign(signature: &Signature) -> Option<bool> {
    let config = signature.config()?;
    config.hashed_subpackets().find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags.sign()),
        _ => None,
    })
}

/// Seconds since 1970 as a point in time; the format's 32 bits always fit.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
