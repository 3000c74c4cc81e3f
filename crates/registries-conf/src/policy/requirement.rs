//! What one entry of a policy demands.

use std::path::PathBuf;

use super::SignedIdentity;

/// One requirement. All requirements of a section must be satisfied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// Satisfied by everything (`insecureAcceptAnything`).
    InsecureAcceptAnything,
    /// Satisfied by nothing (`reject`).
    Reject,
    /// A simple-signing signature by one of the keys (`signedBy`).
    SignedBy(SignedBy),
    /// A signature on a base layer (`signedBaseLayer`). Upstream parses it and never accepts it.
    SignedBaseLayer(SignedIdentity),
    /// A sigstore signature (`sigstoreSigned`).
    SigstoreSigned(SigstoreSigned),
}

impl Requirement {
    /// The `type` as policy.json writes it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::InsecureAcceptAnything => "insecureAcceptAnything",
            Self::Reject => "reject",
            Self::SignedBy(_) => "signedBy",
            Self::SignedBaseLayer(_) => "signedBaseLayer",
            Self::SigstoreSigned(_) => "sigstoreSigned",
        }
    }
}

/// Where keys or certificates come from. With several, one match is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Files, to be read by the caller. Never empty.
    Paths(Vec<PathBuf>),
    /// The contents themselves, decoded from base64. Never empty.
    Data(Vec<Vec<u8>>),
}

/// `signedBy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// The kind of key. Only [`KeyType::GpgKeys`] has a meaning.
    pub key_type: KeyType,
    /// The key rings.
    pub keys: KeySource,
    /// What name must have been signed.
    pub signed_identity: SignedIdentity,
}

/// `keyType` of [`SignedBy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Keys of `OpenPGP` key rings (`GPGKeys`).
    GpgKeys,
    /// Reserved (`signedByGPGKeys`): known to the format, never accepted.
    SignedByGpgKeys,
    /// Reserved (`X509Certificates`): known to the format, never accepted.
    X509Certificates,
    /// Reserved (`signedByX509CAs`): known to the format, never accepted.
    SignedByX509Cas,
}

/// `sigstoreSigned`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreSigned {
    /// What makes a signing key trusted.
    pub trust: SigstoreTrust,
    /// Keys of a Rekor transparency log, one of which must have signed an entry about the signature.
    pub rekor: Option<KeySource>,
    /// What name must have been signed.
    pub signed_identity: SignedIdentity,
}

/// What makes the key of a sigstore signature trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigstoreTrust {
    /// It is one of these public keys, in PEM.
    Keys(KeySource),
    /// A short-lived certificate of a Fulcio authority.
    Fulcio(Fulcio),
    /// A certificate of one's own authority.
    Pki(Pki),
}

/// `fulcio` of [`SigstoreTrust`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulcio {
    /// The certificates of the authority, in PEM.
    pub ca: KeySource,
    /// The identity provider the certificate must name.
    pub oidc_issuer: String,
    /// The subject's address the certificate must name.
    pub subject_email: String,
}

/// `pki` of [`SigstoreTrust`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    /// The root certificates, in PEM.
    pub roots: KeySource,
    /// The intermediate certificates, in PEM.
    pub intermediates: Option<KeySource>,
    /// The host the certificate must name. This or the address is set, or both.
    pub subject_hostname: Option<String>,
    /// The address the certificate must name.
    pub subject_email: Option<String>,
}
