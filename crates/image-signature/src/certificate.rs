//! Certificates of signers: whether an authority that is trusted vouches for one, at the moment that counts, and for whom.
//!
//! The path from the signer's certificate to a trusted root is `webpki`'s to find (names, signatures, constraints, validity,
//! usage); the cryptography below it is the same that checks signatures. Nothing is looked up: revocation lists and
//! certificate transparency play no part, as in containers/image.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
    alg_id,
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::cosign::{self, PublicKey};

/// How many certificates a chain may have, and a file of authorities.
const MAX_CERTIFICATES: usize = 64;

/// How much PEM of a signature is read, in bytes.
const MAX_PEM: usize = 256 << 10;

/// id-kp-codeSigning (RFC 5280, 4.2.1.12), the content of its object identifier.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];

/// Where Fulcio writes the identity provider: as plain text, and in its successor as a `UTF8String`.
const ISSUER: &str = "1.3.6.1.4.1.57264.1.1";
const ISSUER_V2: &str = "1.3.6.1.4.1.57264.1.8";

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("the signature carries no certificate")]
    Missing,
    #[error("the {0} cannot be read")]
    Malformed(&'static str),
    #[error("the signature carries {0} certificates of a signer, expected one")]
    Count(usize),
    #[error("no trusted authority vouches for the certificate of {who}: {why}")]
    Untrusted { who: String, why: String },
    #[error("the certificate is for {found}, required is {required}")]
    Identity { found: String, required: String },
}

/// Certificates that are trusted to vouch for others.
pub(crate) struct Authorities {
    roots: Vec<CertificateDer<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Reads roots in PEM; certificates that cannot be read are left out, as bundles collect odd ones.
    ///
    /// # Errors
    /// When no certificate is left.
    pub(crate) fn new(roots: &[u8]) -> Result<Self, &'static str> {
        let roots: Vec<_> = certificates(roots).flatten().filter(|der| anchor_from_trusted_cert(der).is_ok()).collect();
        if roots.is_empty() {
            return Err("no certificate found: expected PEM `CERTIFICATE`");
        }
        Ok(Self { roots, intermediates: Vec::new() })
    }

    /// Adds intermediates in PEM. They are trusted no more than those that signatures bring along.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) fn with_intermediates(mut self, pem: &[u8]) -> Result<Self, &'static str> {
        for der in certificates(pem) {
            self.intermediates.push(der.map_err(|()| "not a certificate: expected PEM `CERTIFICATE`")?);
        }
        Ok(self)
    }

    /// Finds a path from `signer` to a root that holds at `moment`.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn vouch_for(&self, signer: &Signer, chain: &str, moment: Timestamp) -> Result<(), CertificateError> {
        let untrusted = |why: String| CertificateError::Untrusted { who: signer.names(), why };
        if chain.len() > MAX_PEM {
            return Err(CertificateError::Malformed("certificate chain"));
        }
        let mut intermediates = self.intermediates.clone();
        for der in certificates(chain.as_bytes()) {
            intermediates.push(der.map_err(|()| CertificateError::Malformed("certificate chain"))?);
        }
        // webpki takes a root's word for ever; a root has an end as well.
        let roots: Vec<TrustAnchor<'_>> = self
            .roots
            .iter()
            .filter(|der| is_valid_at(der, moment))
            .filter_map(|der| anchor_from_trusted_cert(der).ok())
            .collect();
        if roots.is_empty() {
            return Err(untrusted(format!("no root is valid at {moment}")));
        }
        let since =
            u64::try_from(moment.as_second()).map_err(|_| untrusted(format!("it was not valid at {moment}")))?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(since));
        let certificate =
            EndEntityCert::try_from(&signer.der).map_err(|_| CertificateError::Malformed("certificate"))?;
        let usage = KeyUsage::required_if_present(CODE_SIGNING);
        certificate
            .verify_for_usage(ALGORITHMS, &roots, &intermediates, time, usage, None, None)
            .map(|_| ())
            .map_err(|error| untrusted(why(&error, moment)))
    }
}

/// The certificate of a signer. What it says counts once an authority has vouched for it.
pub(crate) struct Signer {
    der: CertificateDer<'static>,
    key: PublicKey,
    emails: Vec<String>,
    hosts: Vec<String>,
    issuer: Option<String>,
}

impl Signer {
    /// Reads the certificate of a signature.
    ///
    /// # Errors
    /// When there is not exactly one, it cannot be read, or its key is of a kind that is not supported.
    pub(crate) fn parse(pem: Option<&String>) -> Result<Self, CertificateError> {
        let pem = pem.ok_or(CertificateError::Missing)?;
        let malformed = || CertificateError::Malformed("certificate");
        if pem.len() > MAX_PEM {
            return Err(malformed());
        }
        let mut found: Vec<_> = certificates(pem.as_bytes()).collect::<Result<_, ()>>().map_err(|()| malformed())?;
        let (Some(der), true) = (found.pop(), found.is_empty()) else {
            return Err(CertificateError::Count(found.len() + usize::from(!found.is_empty())));
        };
        let parsed = parse(&der).ok_or_else(malformed)?;
        let key = PublicKey::from_spki(parsed.public_key().raw)
            .map_err(|_| CertificateError::Malformed("kind of key in the certificate"))?;
        let (mut emails, mut hosts) = (Vec::new(), Vec::new());
        if let Some(names) = parsed.subject_alternative_name().map_err(|_| malformed())? {
            for name in &names.value.general_names {
                match name {
                    GeneralName::RFC822Name(email) => emails.push((*email).to_owned()),
                    GeneralName::DNSName(host) => hosts.push((*host).to_owned()),
                    _ => {}
                }
            }
        }
        let issuer = issuer(&parsed)?;
        drop(parsed);
        Ok(Self { der, key, emails, hosts, issuer })
    }

    /// The key that signs.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether `pem` is this very certificate.
    pub(crate) fn is(&self, pem: &[u8]) -> bool {
        let mut found = certificates(pem);
        found.next() == Some(Ok(self.der.clone())) && found.next().is_none()
    }

    /// Whether the certificate names this address, letter by letter.
    ///
    /// # Errors
    /// With the names that are there.
    pub(crate) fn check_email(&self, required: &str) -> Result<(), CertificateError> {
        if self.emails.iter().any(|email| email == required) { Ok(()) } else { Err(self.refuse(required)) }
    }

    /// Whether the certificate is for this host (RFC 6125: a wildcard stands for one label).
    ///
    /// # Errors
    /// With the names that are there.
    pub(crate) fn check_host(&self, required: &str) -> Result<(), CertificateError> {
        let certificate = EndEntityCert::try_from(&self.der).map_err(|_| CertificateError::Malformed("certificate"))?;
        let fits = rustls_pki_types::ServerName::try_from(required)
            .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok());
        if fits { Ok(()) } else { Err(self.refuse(required)) }
    }

    /// Whether Fulcio wrote this identity provider into the certificate.
    ///
    /// # Errors
    /// With the one that is there.
    pub(crate) fn check_issuer(&self, required: &str) -> Result<(), CertificateError> {
        match &self.issuer {
            Some(issuer) if issuer == required => Ok(()),
            Some(issuer) => Err(CertificateError::Identity {
                found: format!("an identity of `{}`", issuer.escape_debug()),
                required: format!("one of `{required}`"),
            }),
            None => Err(CertificateError::Identity {
                found: "an identity of no provider".to_owned(),
                required: format!("one of `{required}`"),
            }),
        }
    }

    /// Whom the certificate is for, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> =
            self.emails.iter().chain(&self.hosts).take(8).map(|name| format!("`{}`", name.escape_debug())).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    }

    fn refuse(&self, required: &str) -> CertificateError {
        CertificateError::Identity { found: self.names(), required: format!("`{required}`") }
    }
}

/// The identity provider that Fulcio wrote down. Where it stands twice, both have to say the same.
fn issuer(certificate: &X509Certificate<'_>) -> Result<Option<String>, CertificateError> {
    let malformed = || CertificateError::Malformed("identity provider in the certificate");
    let (mut plain, mut wrapped) = (None, None);
    for extension in certificate.extensions() {
        let value = extension.value;
        let doubled = match extension.oid.to_id_string().as_str() {
            ISSUER => plain.replace(text(value).ok_or_else(malformed)?).is_some(),
            ISSUER_V2 => wrapped.replace(utf8_string(value).ok_or_else(malformed)?).is_some(),
            _ => false,
        };
        if doubled {
            return Err(malformed());
        }
    }
    match (plain, wrapped) {
        (Some(plain), Some(wrapped)) if plain != wrapped => Err(malformed()),
        (plain, wrapped) => Ok(plain.or(wrapped)),
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// The content of a DER `UTF8String` that fills `bytes`.
fn utf8_string(bytes: &[u8]) -> Option<String> {
    let (length, content) = match bytes {
        [0x0c, length @ 0..=0x7f, content @ ..] | [0x0c, 0x81, length @ 0x80..=0xff, content @ ..] => {
            (usize::from(*length), content)
        }
        _ => return None,
    };
    (content.len() == length).then(|| text(content)).flatten()
}

/// The certificates in a text; `Err` stands for one that cannot be read.
fn certificates(pem: &[u8]) -> impl Iterator<Item = Result<CertificateDer<'static>, ()>> {
    CertificateDer::pem_slice_iter(pem).take(MAX_CERTIFICATES).map(|found| {
        let der = found.map_err(|_| ())?;
        if parse(&der).is_some() { Ok(der) } else { Err(()) }
    })
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

fn is_valid_at(der: &CertificateDer<'_>, moment: Timestamp) -> bool {
    let Ok(moment) = ASN1Time::from_timestamp(moment.as_second()) else { return false };
    parse(der).is_some_and(|certificate| certificate.validity().is_valid_at(moment))
}

fn why(error: &webpki::Error, moment: Timestamp) -> String {
    match error {
        webpki::Error::CertExpired { .. } => format!("a certificate of the chain had expired at {moment}"),
        webpki::Error::CertNotValidYet { .. } => format!("a certificate of the chain was not yet valid at {moment}"),
        webpki::Error::UnknownIssuer => "no chain leads to a trusted root".to_owned(),
        webpki::Error::CaUsedAsEndEntity => "it is the certificate of an authority".to_owned(),
        webpki::Error::RequiredEkuNotFoundContext(_) => "it is not meant for signing code".to_owned(),
        other => other.to_string(),
    }
}

/// An algorithm by which certificates are signed.
#[derive(Debug)]
struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verifies: fn(&[u8], &[u8], &[u8]) -> bool,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        if (self.verifies)(key, message, signature) { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

const fn algorithm(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verifies: fn(&[u8], &[u8], &[u8]) -> bool,
) -> Algorithm {
    Algorithm { key, signature, verifies }
}

/// SHA-1 and keys of fewer than 2048 bits are not among them.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    &algorithm(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, cosign::raw::p256_sha256),
    &algorithm(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, cosign::raw::p256_sha384),
    &algorithm(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, cosign::raw::p384_sha256),
    &algorithm(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, cosign::raw::p384_sha384),
    &algorithm(alg_id::ED25519, alg_id::ED25519, cosign::raw::ed25519),
    &algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256, cosign::raw::rsa_sha256),
    &algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384, cosign::raw::rsa_sha384),
    &algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512, cosign::raw::rsa_sha512),
];
