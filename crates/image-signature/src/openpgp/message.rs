//! One signed message: what it says, and whether a trusted key said it.

use std::io::{self, Cursor, Read as _};

use jiff::Timestamp;
use pgp::armor::Dearmor;
use pgp::composed::Message;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Decompressor, PacketParser, Signature, SignatureType, SignatureVersionSpecific};
use pgp::types::{KeyDetails, Tag, VerifyingKey};

use super::keyring::{Keyring, at};

/// The most a signature may measure, in bytes: 4 MiB. Real ones measure less than one KiB.
pub const MAX_MESSAGE_SIZE: usize = 4 << 20;

/// The most a message, and so its payload, may measure once decompressed, in bytes: 4 MiB.
pub const MAX_PAYLOAD_SIZE: u64 = 4 << 20;

/// How deep compression may be nested; gpg writes one layer.
const MAX_LAYERS: usize = 4;

/// The shortest RSA key that is believed, in bits.
pub(super) const MIN_RSA_BITS: u32 = 2048;

/// How far a signature may be ahead of this machine's clock, in seconds: 24 hours.
const MAX_AHEAD: i64 = 24 * 3600;

/// How many packets a message may have. One signature and its payload are three.
const MAX_PACKETS: usize = 16;

/// A payload that a trusted key has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What was signed.
    pub payload: Vec<u8>,
    /// The fingerprint of the key or subkey that signed, upper-case hex.
    pub signer: String,
    /// The fingerprint of the primary key it belongs to, upper-case hex.
    pub primary: String,
    /// When the signature says it was made.
    pub created: Option<Timestamp>,
}

/// Why a message proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum MessageError {
    #[error("not an `OpenPGP` signed message: {0}")]
    Malformed(String),
    #[error("the message is not signed")]
    NotSigned,
    #[error("the message is larger than the {0} bytes that are read")]
    TooLarge(u64),
    #[error("expected exactly one signature, found {0}")]
    SignatureCount(usize),
    #[error("signed by the key {0}, which is not in the key ring")]
    UnknownKey(String),
    #[error("invalid signature: what key {0} signed is not this message")]
    BadSignature(String),
    #[error("a signature of type {0} does not sign data")]
    SignatureType(String),
    #[error("the signature uses the digest {0}, which is too weak")]
    WeakDigest(String),
    #[error("the signature by key {key} expired at {at}")]
    SignatureExpired { key: String, at: Timestamp },
    #[error("the signature by key {key} was made at {at}, before the key was")]
    SignatureBeforeKey { key: String, at: Timestamp },
    #[error(
        "the signature by key {key} was made at {at}, more than 24 hours after the time of this machine, {now}; check \
         the clock of this machine"
    )]
    SignatureInFuture { key: String, at: Timestamp, now: Timestamp },
    #[error("the key {key} is an RSA key of {bits} bits; keys below {MIN_RSA_BITS} bits can be broken")]
    WeakKey { key: String, bits: u32 },
    #[error("the key {key} expired at {at}")]
    KeyExpired { key: String, at: Timestamp },
    #[error("the key {0} is revoked")]
    KeyRevoked(String),
    #[error("the key {0} carries no valid signature of its owner")]
    KeyUnbound(String),
    #[error("the key {0} is not meant for signing data")]
    KeyUsage(String),
}

/// Verifies a message as `gpg --sign` writes it: one signature around its payload, compressed or not, binary or armored.
///
/// # Errors
/// When the message is malformed, too large, not signed, signed more than once, by a key that is not in the ring, or by one
/// that may not sign at `now`; when its digest is weak; when the signature has expired or does not fit. See
/// [`MessageError`]. Nothing of the payload is handed out in these cases.
pub fn verify(message: &[u8], keyring: &Keyring, now: Timestamp) -> Result<Verified, MessageError> {
    if message.len() > MAX_MESSAGE_SIZE {
        return Err(MessageError::TooLarge(MAX_MESSAGE_SIZE as u64));
    }
    let (parsed, payload) = read(message)?;
    let Message::Signed { reader, .. } = &parsed else { return Err(MessageError::NotSigned) };
    let count = reader.num_signatures();
    if count != 1 {
        return Err(MessageError::SignatureCount(count));
    }
    let signature =
        reader.signature(0).ok_or_else(|| MessageError::Malformed("the signature is missing".to_owned()))?;
    check_kind(signature)?;

    let issued_by = |key: &dyn KeyDetails| {
        let (fingerprint, id) = (key.fingerprint(), key.legacy_key_id());
        signature.issuer_fingerprint().contains(&&fingerprint) || signature.issuer_key_id().contains(&&id)
    };
    let signers = keyring.signers(issued_by);
    if signers.is_empty() {
        return Err(MessageError::UnknownKey(issuer(signature)));
    }
    // Several keys may share a short id; the signature fits one of them.
    let Some(signer) = signers.iter().find(|signer| fits(&parsed, signature, &payload, signer.key)) else {
        return Err(MessageError::BadSignature(issuer(signature)));
    };
    signer.check(now)?;
    check_time(signature, signer.key.created_at().as_secs(), &signer.fingerprint(), now)?;
    Ok(Verified {
        signer: signer.fingerprint(),
        primary: format!("{:X}", signer.primary.fingerprint()),
        created: signature.created().map(|created| at(created.as_secs().into())),
        payload,
    })
}

/// Reads a message to its end.
///
/// The library keeps every packet in front of the payload, with a hash of the payload for each, before anyone asks whether
/// it is of use; out of compressed data that may be any number. So compression is undone here, within bounds, and the
/// packets are counted first.
fn read(bytes: &[u8]) -> Result<(Message<'static>, Vec<u8>), MessageError> {
    let plain = unpacked(bytes)?;
    check_outline(&plain)?;
    let mut message = Message::from_bytes(Cursor::new(plain)).map_err(|error| malformed(&error))?;
    if !message.is_signed() {
        return Err(MessageError::NotSigned);
    }
    let mut payload = Vec::new();
    message.read_to_end(&mut payload).map_err(|error| malformed(&error))?;
    Ok((message, payload))
}

/// The packets of a message without armor and compression around them.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, MessageError> {
    let mut plain = Vec::new();
    let armored = bytes.trim_ascii_start();
    if armored.starts_with(b"-----BEGIN PGP MESSAGE-----") {
        let mut reader = Dearmor::new(armored);
        reader.read_header().map_err(|error| malformed(&error))?;
        reader.read_to_end(&mut plain).map_err(|error| malformed(&error))?;
    } else {
        plain.extend_from_slice(bytes);
    }
    for _ in 0..MAX_LAYERS {
        let Some(inner) = decompressed(&plain)? else { break };
        plain = inner;
    }
    Ok(plain)
}

/// The content of a message that is one compressed packet; `None` for any other.
fn decompressed(bytes: &[u8]) -> Result<Option<Vec<u8>>, MessageError> {
    let mut packets = PacketParser::new(bytes);
    let Some(packet) = packets.next_ref() else { return Ok(None) };
    let packet = packet.map_err(|error| malformed(&error))?;
    if packet.packet_header().tag() != Tag::CompressedData {
        return Ok(None);
    }
    let mut reader = Decompressor::from_reader(packet).map_err(|error| malformed(&error))?;
    let mut plain = Vec::new();
    (&mut reader).take(MAX_PAYLOAD_SIZE + 1).read_to_end(&mut plain).map_err(|error| malformed(&error))?;
    if plain.len() as u64 > MAX_PAYLOAD_SIZE {
        return Err(MessageError::TooLarge(MAX_PAYLOAD_SIZE));
    }
    io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(|error| malformed(&error))?;
    match packets.next_ref() {
        None => Ok(Some(plain)),
        Some(_) => Err(MessageError::Malformed("something follows the compressed data".to_owned())),
    }
}

/// Counts the packets of a message without keeping any. None of them may be compressed: what a signature covers would be
/// read by the library alone.
fn check_outline(bytes: &[u8]) -> Result<(), MessageError> {
    let mut packets = PacketParser::new(bytes);
    let mut count = 0;
    while let Some(packet) = packets.next_ref() {
        let mut packet = packet.map_err(|error| malformed(&error))?;
        count += 1;
        if count > MAX_PACKETS {
            return Err(MessageError::Malformed(format!("it has more than {MAX_PACKETS} packets")));
        }
        if packet.packet_header().tag() == Tag::CompressedData {
            return Err(MessageError::Malformed("compressed data stand between other packets".to_owned()));
        }
        io::copy(&mut packet, &mut io::sink()).map_err(|error| malformed(&error))?;
    }
    Ok(())
}

fn malformed(error: &dyn std::fmt::Display) -> MessageError {
    MessageError::Malformed(one_line(&error.to_string()))
}

/// Whether `key` made the signature of the message.
///
/// Signatures of version 3, which much release tooling still writes, are hashed here: behind a one-pass packet the library
/// gets them wrong. Their hash covers the payload, the type and the time (RFC 4880, 5.2.4).
fn fits(message: &Message<'_>, signature: &Signature, payload: &[u8], key: &dyn VerifyingKey) -> bool {
    let Some(config) = signature.config() else { return false };
    let SignatureVersionSpecific::V3 { created, .. } = config.version_specific else {
        return message.verify_nested_explicit(0, key).is_ok();
    };
    let Some(bytes) = signature.signature() else { return false };
    let hashed = [payload, &[u8::from(config.typ)], &created.as_secs().to_be_bytes()].concat();
    config.hash_alg.digest(&hashed).is_ok_and(|digest| key.verify(config.hash_alg, &digest, bytes).is_ok())
}

fn check_kind(signature: &Signature) -> Result<(), MessageError> {
    match signature.typ() {
        // Text signatures cover a normalised form of the payload, so two payloads could share one; nobody makes them.
        Some(SignatureType::Binary) => {}
        other => return Err(MessageError::SignatureType(format!("{other:?}"))),
    }
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => Ok(()),
        Some(weak) => Err(MessageError::WeakDigest(weak.to_string())),
        None => Err(MessageError::WeakDigest("of an unknown signature version".to_owned())),
    }
}

fn check_time(signature: &Signature, key_created: u32, key: &str, now: Timestamp) -> Result<(), MessageError> {
    let key = key.to_owned();
    let created = signature.created().map_or(0, pgp::types::Timestamp::as_secs);
    if created < key_created {
        return Err(MessageError::SignatureBeforeKey { key, at: at(created.into()) });
    }
    if i64::from(created) > now.as_second().saturating_add(MAX_AHEAD) {
        return Err(MessageError::SignatureInFuture { key, at: at(created.into()), now });
    }
    match signature.signature_expiration_time().map(pgp::types::Duration::as_secs) {
        Some(seconds @ 1..) if i64::from(created) + i64::from(seconds) <= now.as_second() => {
            Err(MessageError::SignatureExpired { key, at: at(i64::from(created) + i64::from(seconds)) })
        }
        _ => Ok(()),
    }
}

/// The key the signature names, for messages; it proves nothing.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:X}"));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    fingerprint.or_else(id).unwrap_or_else(|| "it does not name".to_owned())
}

/// Library messages may quote bytes of the file; they are kept short and on one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
