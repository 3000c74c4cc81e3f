//! Signers with certificates: an authority as Fulcio or a PKI of one's own is one, and a transparency log.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, SigningKey as _, date_time_ymd,
};
use serde_json::json;

use crate::sha256;

/// The object identifier of Fulcio's note of the identity provider.
const OIDC_ISSUER: [u64; 9] = [1, 3, 6, 1, 4, 1, 57264, 1, 1];
/// The same, in the form that followed.
const OIDC_ISSUER_V2: [u64; 9] = [1, 3, 6, 1, 4, 1, 57264, 1, 8];

/// A date: year, month, day.
pub type Date = (i32, u8, u8);

/// An authority with an intermediate, which issues certificates to those who sign images.
pub struct SigningAuthority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// Whom a certificate is for, and when it is valid: from 2020 to 2040 unless said otherwise.
#[derive(Debug, Clone, Default)]
pub struct Subject<'a> {
    /// Its address.
    pub email: Option<&'a str>,
    /// Its host.
    pub host: Option<&'a str>,
    /// The identity provider, in Fulcio's first form.
    pub oidc_issuer: Option<&'a str>,
    /// The identity provider, in Fulcio's second form.
    pub oidc_issuer_v2: Option<&'a str>,
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub until: Option<Date>,
    /// Only for TLS servers instead of for signing code.
    pub for_servers: bool,
    /// An authority itself.
    pub authority: bool,
}

/// What a signer holds: PEM each.
#[derive(Debug, Clone)]
pub struct SigningCertificate {
    /// The private key, ECDSA P-256 in PKCS #8.
    pub key: String,
    /// The certificate.
    pub certificate: String,
    /// The intermediate and the root, as cosign attaches them.
    pub chain: String,
}

impl SigningAuthority {
    /// Makes the keys; the root is valid until `until`.
    pub fn until(until: Date) -> Self {
        let authority = |name: &str, until: Date| {
            let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(until.0, until.1, until.2);
            params
        };
        let key = || KeyPair::generate().expect("a key can be made");
        let root = CertifiedIssuer::self_signed(authority("signing root", until), key()).expect("a root signs itself");
        let intermediate = CertifiedIssuer::signed_by(authority("signing intermediate", (2040, 1, 1)), key(), &root);
        Self { intermediate: intermediate.expect("the root can sign"), root }
    }

    /// Makes the keys; the root is valid until 2040.
    pub fn new() -> Self {
        Self::until((2040, 1, 1))
    }

    /// The root certificate, PEM.
    pub fn root(&self) -> String {
        self.root.pem()
    }

    /// The intermediate certificate, PEM.
    pub fn intermediate(&self) -> String {
        self.intermediate.pem()
    }

    /// Issues a certificate.
    pub fn issue(&self, subject: &Subject<'_>) -> SigningCertificate {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
        let name = |text: &str| text.try_into().expect("a test names plain ASCII");
        params.subject_alt_names.extend(subject.email.map(|email| SanType::Rfc822Name(name(email))));
        params.subject_alt_names.extend(subject.host.map(|host| SanType::DnsName(name(host))));
        let (from, until) = (subject.from.unwrap_or((2020, 1, 1)), subject.until.unwrap_or((2040, 1, 1)));
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        params.extended_key_usages = vec![if subject.for_servers {
            ExtendedKeyUsagePurpose::ServerAuth
        } else {
            ExtendedKeyUsagePurpose::CodeSigning
        }];
        if subject.authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        if let Some(issuer) = subject.oidc_issuer {
            let content = issuer.as_bytes().to_vec();
            params.custom_extensions.push(CustomExtension::from_oid_content(&OIDC_ISSUER, content));
        }
        if let Some(issuer) = subject.oidc_issuer_v2 {
            let length = u8::try_from(issuer.len()).expect("a test names a short provider");
            let content = [&[0x0c, length], issuer.as_bytes()].concat();
            params.custom_extensions.push(CustomExtension::from_oid_content(&OIDC_ISSUER_V2, content));
        }
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.intermediate).expect("the intermediate can sign");
        SigningCertificate {
            key: key.serialize_pem(),
            certificate: certificate.pem(),
            chain: format!("{}{}", self.intermediate(), self.root()),
        }
    }
}

impl Default for SigningAuthority {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SigningAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningAuthority")
    }
}

/// A transparency log as Rekor is one, as far as its confirmations go.
pub struct TransparencyLog {
    key: KeyPair,
}

impl TransparencyLog {
    /// Makes its key.
    pub fn new() -> Self {
        Self { key: KeyPair::generate().expect("a key can be made") }
    }

    /// Its public key, PEM.
    pub fn public_key(&self) -> String {
        self.key.public_key_pem()
    }

    /// The bundle that cosign attaches: the log has seen `signature` (base64) over `payload` by the holder of `signer` (a
    /// public key or a certificate, PEM) at `seconds` since 1970.
    pub fn bundle(&self, payload: &[u8], signature: &str, signer: &str, seconds: i64) -> String {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": sha256(payload).hex() } },
                "signature": { "content": signature, "publicKey": { "content": STANDARD.encode(signer) } },
            },
        });
        let entry = json!({
            "body": STANDARD.encode(body.to_string()), "integratedTime": seconds, "logID": "c0d2", "logIndex": 3,
        });
        let confirmation = self.key.sign(entry.to_string().as_bytes()).expect("the key can sign");
        json!({ "SignedEntryTimestamp": STANDARD.encode(confirmation), "Payload": entry }).to_string()
    }
}

impl Default for TransparencyLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TransparencyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransparencyLog")
    }
}
