//! The answer: accepted by whom, or refused by which rule of which file, and why.

use std::fmt;
use std::path::Path;

use image_ref::{Digest, ImageRef, Transport};
use jiff::Timestamp;
use registries_conf::Policy;
use registries_conf::policy::{
    Fulcio, KeySource, KeyType, Pki, Requirement, SignedBy, SignedIdentity, SigstoreSigned, SigstoreTrust,
};

use super::identity;
use crate::blob::{COSIGN_CERTIFICATE, COSIGN_CHAIN, SignatureBlob, SigstoreSignature};
use crate::certificate::{Authorities, CertificateError, Signer};
use crate::cosign::PublicKey;
use crate::openpgp::{self, Keyring};
use crate::payload::{Payload, PayloadKind};
use crate::rekor;

/// An image that wants to be used: its name, its manifest, its signatures.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The transport it is read through, which chooses the section of the policy.
    pub transport: &'a Transport,
    /// The name that was asked for, before any rewriting by registries.conf.
    pub image: &'a ImageRef,
    /// The digest of the manifest, computed over the bytes at hand.
    pub manifest_digest: &'a Digest,
    /// Every signature found for that manifest.
    pub signatures: &'a [SignatureBlob],
}

/// Why an image may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The place in the policy that decided, such as `default of /etc/containers/policy.json`.
    pub place: String,
    /// Who signed, for each requirement that wanted a signature: a fingerprint, or the key that fitted.
    pub signers: Vec<String>,
}

/// An image must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{image} is rejected by policy: `{requirement}` of {place}: {reason}")]
pub struct Rejection {
    /// The image, with its transport unless that is a registry.
    pub image: String,
    /// The type of the requirement that refused.
    pub requirement: &'static str,
    /// The place of the requirement in the policy file.
    pub place: String,
    /// What is missing.
    pub reason: Reason,
}

/// Why a requirement refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The policy says so.
    Refused,
    /// There is no signature of the kind that is required.
    NoSignature,
    /// There are signatures, and each of them fails for a reason of its own.
    Signatures(Vec<String>),
    /// The trusted keys cannot be used.
    Keys(String),
    /// The requirement is known and cannot be verified here.
    Unsupported(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("images here are refused"),
            Self::NoSignature => f.write_str("a signature was required, but no signature exists"),
            Self::Signatures(whys) => {
                write!(f, "none of the signatures found is accepted")?;
                for (at, why) in whys.iter().enumerate() {
                    write!(f, "{} [{}] {why}", if at == 0 { ":" } else { "," }, at + 1)?;
                }
                Ok(())
            }
            Self::Keys(why) => write!(f, "the trusted keys cannot be used: {why}"),
            Self::Unsupported(what) => write!(f, "{what} is not supported, so nothing can satisfy it"),
        }
    }
}

/// Decides whether `candidate` may be used under `policy` at the time `now`. All requirements of the section that applies
/// must be satisfied, each by one signature that names the manifest, carries an acceptable name, and was made by a trusted key.
///
/// `read` gives the content of the key files the policy names; a file that cannot be read refuses.
///
/// # Errors
/// The first requirement that is not satisfied.
pub fn evaluate(
    policy: &Policy,
    candidate: &Candidate<'_>,
    now: Timestamp,
    read: &dyn Fn(&Path) -> Result<Vec<u8>, String>,
) -> Result<Accepted, Box<Rejection>> {
    let section = policy.requirements_for(candidate.transport, candidate.image);
    let mut signers = Vec::new();
    for (at, requirement) in section.requirements.iter().enumerate() {
        let verdict = match requirement {
            Requirement::InsecureAcceptAnything => Ok(None),
            Requirement::Reject => Err(Reason::Refused),
            Requirement::SignedBaseLayer(_) => Err(Reason::Unsupported("a signature on a base layer")),
            Requirement::SignedBy(signed_by) => openpgp_verdict(signed_by, candidate, now, read).map(Some),
            Requirement::SigstoreSigned(sigstore) => sigstore_verdict(sigstore, candidate, now, read).map(Some),
        };
        match verdict {
            Ok(signer) => signers.extend(signer),
            Err(reason) => {
                let number =
                    if section.requirements.len() > 1 { format!("entry {} in ", at + 1) } else { String::new() };
                return Err(Box::new(Rejection {
                    image: candidate.image.to_string(),
                    requirement: requirement.type_name(),
                    place: format!("{number}{section}"),
                    reason,
                }));
            }
        }
    }
    Ok(Accepted { place: section.to_string(), signers })
}

type Read<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, String>;

fn openpgp_verdict(
    signed_by: &SignedBy,
    candidate: &Candidate<'_>,
    now: Timestamp,
    read: Read<'_>,
) -> Result<String, Reason> {
    if signed_by.key_type != KeyType::GpgKeys {
        return Err(Reason::Unsupported("a keyType other than GPGKeys"));
    }
    let messages: Vec<&[u8]> = candidate
        .signatures
        .iter()
        .filter_map(|signature| match signature {
            SignatureBlob::SimpleSigning(message) => Some(message.as_slice()),
            SignatureBlob::Sigstore(_) => None,
        })
        .collect();
    if messages.is_empty() {
        return Err(Reason::NoSignature);
    }
    let mut keyring = Keyring::default();
    for (name, bytes) in contents(&signed_by.keys, read)? {
        keyring = keyring.and(Keyring::parse(&bytes).map_err(|error| Reason::Keys(format!("{name}: {error}")))?);
    }
    first_accepted(messages.into_iter().map(|message| {
        let verified = openpgp::verify(message, &keyring, now).map_err(|error| error.to_string())?;
        check_payload(&verified.payload, PayloadKind::SimpleSigning, candidate, &signed_by.signed_identity)?;
        Ok(verified.signer)
    }))
}

fn sigstore_verdict(
    required: &SigstoreSigned,
    candidate: &Candidate<'_>,
    now: Timestamp,
    read: Read<'_>,
) -> Result<String, Reason> {
    let signatures: Vec<&SigstoreSignature> = candidate
        .signatures
        .iter()
        .filter_map(|signature| match signature {
            SignatureBlob::Sigstore(signature) if signature.is_signature() => Some(signature),
            SignatureBlob::Sigstore(_) | SignatureBlob::SimpleSigning(_) => None,
        })
        .collect();
    if signatures.is_empty() {
        return Err(Reason::NoSignature);
    }
    let trusted = Trusted::read(&required.trust, read)?;
    let rekor = required.rekor.as_ref().map(|rekor| public_keys(rekor, read)).transpose()?;
    first_accepted(signatures.into_iter().map(|signature| {
        let bytes = signature.signature().ok_or("the signature annotation is missing or not base64")?;
        let logs: Option<Vec<&PublicKey>> = rekor.as_ref().map(|logs| logs.iter().map(|(_, key)| key).collect());
        let signer = match &trusted {
            Trusted::Keys(keys) => {
                let (name, key) = keys
                    .iter()
                    .find(|(_, key)| key.verifies(&signature.payload, &bytes))
                    .ok_or("invalid signature: none of the trusted keys made it")?;
                if let Some(logs) = &logs {
                    rekor::check(signature, rekor::Signer::Key(key), logs).map_err(|error| error.to_string())?;
                }
                name.clone()
            }
            Trusted::Authorities { authorities, identity } => {
                let signer = certified_signer(signature, authorities, logs.as_deref(), now)
                    .and_then(|signer| identity.check(&signer).map(|()| signer).map_err(|error| error.to_string()))?;
                if !signer.key().verifies(&signature.payload, &bytes) {
                    return Err(format!(
                        "invalid signature: the holder of the certificate for {} did not make it",
                        signer.names()
                    ));
                }
                signer.names()
            }
        };
        check_payload(&signature.payload, PayloadKind::Cosign, candidate, &required.signed_identity)?;
        Ok(signer)
    }))
}

/// What a requirement trusts, read.
enum Trusted<'a> {
    Keys(Vec<(String, PublicKey)>),
    Authorities { authorities: Authorities, identity: Identity<'a> },
}

/// Whom a certificate must be for.
enum Identity<'a> {
    Fulcio(&'a Fulcio),
    Pki(&'a Pki),
}

impl<'a> Trusted<'a> {
    fn read(trust: &'a SigstoreTrust, read: Read<'_>) -> Result<Self, Reason> {
        Ok(match trust {
            SigstoreTrust::Keys(keys) => Self::Keys(public_keys(keys, read)?),
            SigstoreTrust::Fulcio(fulcio) => {
                let (name, pem) = one(&fulcio.ca, read)?;
                let authorities = Authorities::new(&pem).map_err(|why| Reason::Keys(format!("{name}: {why}")))?;
                Self::Authorities { authorities, identity: Identity::Fulcio(fulcio) }
            }
            SigstoreTrust::Pki(pki) => {
                let (name, pem) = one(&pki.roots, read)?;
                let mut authorities = Authorities::new(&pem).map_err(|why| Reason::Keys(format!("{name}: {why}")))?;
                if let Some(intermediates) = &pki.intermediates {
                    let (name, pem) = one(intermediates, read)?;
                    authorities =
                        authorities.with_intermediates(&pem).map_err(|why| Reason::Keys(format!("{name}: {why}")))?;
                }
                Self::Authorities { authorities, identity: Identity::Pki(pki) }
            }
        })
    }
}

impl Identity<'_> {
    fn check(&self, signer: &Signer) -> Result<(), CertificateError> {
        match self {
            Self::Fulcio(fulcio) => {
                signer.check_issuer(&fulcio.oidc_issuer)?;
                signer.check_email(&fulcio.subject_email)
            }
            Self::Pki(pki) => {
                if let Some(email) = &pki.subject_email {
                    signer.check_email(email)?;
                }
                pki.subject_hostname.as_ref().map_or(Ok(()), |host| signer.check_host(host))
            }
        }
    }
}

/// The holder of the certificate that a signature brings along, once an authority has vouched for it: at the moment that a
/// log confirms where `logs` are required, since such certificates live for minutes, else `now`.
fn certified_signer(
    signature: &SigstoreSignature,
    authorities: &Authorities,
    logs: Option<&[&PublicKey]>,
    now: Timestamp,
) -> Result<Signer, String> {
    let signer = Signer::parse(signature.annotations.get(COSIGN_CERTIFICATE)).map_err(|error| error.to_string())?;
    let moment = match logs {
        None => now,
        Some(logs) => {
            rekor::check(signature, rekor::Signer::Certificate(&signer), logs).map_err(|error| error.to_string())?
        }
    };
    let chain = signature.annotations.get(COSIGN_CHAIN).map_or("", String::as_str);
    authorities.vouch_for(&signer, chain, moment).map_err(|error| error.to_string())?;
    Ok(signer)
}

/// What the signature says must be about this manifest and under an acceptable name. Called once the signature is verified.
fn check_payload(
    bytes: &[u8],
    kind: PayloadKind,
    candidate: &Candidate<'_>,
    required: &SignedIdentity,
) -> Result<(), String> {
    let payload = Payload::parse(bytes, kind).map_err(|error| error.to_string())?;
    if !identity::matches(required, candidate.image, &payload.docker_reference) {
        return Err(format!("signature for identity `{}` is not accepted", payload.docker_reference.escape_debug()));
    }
    if payload.manifest_digest != *candidate.manifest_digest {
        return Err(format!(
            "signature for the manifest {}, but the manifest is {}",
            payload.manifest_digest, candidate.manifest_digest
        ));
    }
    Ok(())
}

fn first_accepted(attempts: impl Iterator<Item = Result<String, String>>) -> Result<String, Reason> {
    let mut whys = Vec::new();
    for attempt in attempts {
        match attempt {
            Ok(signer) => return Ok(signer),
            Err(why) => whys.push(why),
        }
    }
    Err(Reason::Signatures(whys))
}

fn public_keys(source: &KeySource, read: Read<'_>) -> Result<Vec<(String, PublicKey)>, Reason> {
    contents(source, read)?
        .into_iter()
        .map(|(name, bytes)| {
            let pem = String::from_utf8_lossy(&bytes);
            let key = PublicKey::from_pem(&pem).map_err(|error| Reason::Keys(format!("{name}: {error}")))?;
            Ok((name, key))
        })
        .collect()
}

/// The only content of a source, with its name for messages.
fn one(source: &KeySource, read: Read<'_>) -> Result<(String, Vec<u8>), Reason> {
    contents(source, read)?.into_iter().next().ok_or_else(|| Reason::Keys("there are none".to_owned()))
}

/// The contents of a source of keys, each with a name for messages.
fn contents(source: &KeySource, read: Read<'_>) -> Result<Vec<(String, Vec<u8>)>, Reason> {
    match source {
        KeySource::Data(data) => {
            let named = |(at, bytes): (usize, &Vec<u8>)| (format!("key {} in the policy", at + 1), bytes.clone());
            Ok(data.iter().enumerate().map(named).collect())
        }
        KeySource::Paths(paths) => paths
            .iter()
            .map(|path| {
                let name = path.display().to_string();
                let bytes = read(path).map_err(|error| Reason::Keys(format!("{name}: {error}")))?;
                Ok((name, bytes))
            })
            .collect(),
    }
}
