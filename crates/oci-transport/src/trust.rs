//! Whom a TLS handshake may be with: the authorities of the system and of `certs.d`, and certificates that are trusted
//! themselves.
//!
//! `webpki` refuses an end entity that is an authority, and knows no end entity that is trusted by itself. The usual recipe
//! for a mirror registry, `openssl req -x509`, makes such a certificate, and OpenSSL and Go accept it. So where `webpki`
//! refuses, two more ways are tried. Name, dates and use count on both of them.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

/// How many certificates a path may have between the end entity and the trusted one.
const MAX_INTERMEDIATES: usize = 6;

/// How many signatures are looked at for one handshake: who sends certificates that all claim the same issuer cannot
/// keep us busy.
const MAX_SIGNATURES: usize = 64;

/// The crypto provider of every connection.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The authorities of the system, read once: `SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set.
fn system() -> &'static [CertificateDer<'static>] {
    static SYSTEM: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let loaded = rustls_native_certs::load_native_certs();
        for error in loaded.errors {
            tracing::debug!(%error, "an authority of the system cannot be used");
        }
        loaded.certs
    })
}

/// Verifies the certificates of servers.
#[derive(Debug)]
pub(crate) struct Verifier {
    webpki: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Trusts the system's authorities and `more`.
    ///
    /// # Errors
    /// When one of `more` is no certificate.
    pub(crate) fn new(more: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in more.iter().filter(|certificate| may_be_root(certificate)) {
            roots.add(certificate.clone())?;
        }
        roots.add_parsable_certificates(system().iter().filter(|certificate| may_be_root(certificate)).cloned());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().ok();
        let trusted = more.into_iter().chain(system().iter().cloned()).collect();
        Ok(Self { webpki, provider, trusted })
    }

    /// Whether the end entity is trusted itself, or is an authority that a trusted one vouches for. `None`: neither.
    fn by_itself(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Result<(), Error>> {
        let (_, certificate) = X509Certificate::from_der(end_entity).ok()?;
        let is_trusted = self.trusted.iter().any(|trusted| trusted.as_ref() == end_entity.as_ref());
        let counts = is_trusted || (certificate.is_ca() && self.is_vouched_for(&certificate, intermediates, now));
        if !counts {
            return None;
        }
        let check = || {
            // Critical extensions that nobody knows are refused here.
            let parsed = ParsedCertificate::try_from(end_entity)?;
            verify_server_name(&parsed, name)?;
            check_dates(&certificate, now)?;
            let for_servers = match certificate.extended_key_usage() {
                Ok(Some(usage)) => usage.value.any || usage.value.server_auth,
                Ok(None) => true,
                Err(_) => false,
            };
            if for_servers { Ok(()) } else { Err(Error::InvalidCertificate(CertificateError::InvalidPurpose)) }
        };
        Some(check())
    }

    /// Whether a path of authorities leads from `certificate` to a trusted one.
    fn is_vouched_for(&self, certificate: &X509Certificate<'_>, given: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let given: Vec<X509Certificate<'_>> =
            given.iter().filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1)).collect();
        let anchors: Vec<X509Certificate<'_>> =
            self.trusted.iter().filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1)).collect();
        let mut signatures = 0;
        let mut open: Vec<(&X509Certificate<'_>, usize)> = vec![(certificate, 0)];
        while let Some((certificate, below)) = open.pop() {
            let mut vouches = |issuer: &X509Certificate<'_>| {
                if issuer.subject().as_raw() != certificate.issuer().as_raw()
                    || !may_issue(issuer, below, now)
                    || signatures == MAX_SIGNATURES
                {
                    return false;
                }
                signatures += 1;
                self.has_signed(issuer, certificate)
            };
            if anchors.iter().any(&mut vouches) {
                return true;
            }
            if below < MAX_INTERMEDIATES {
                open.extend(given.iter().filter(|issuer| vouches(issuer)).map(|issuer| (issuer, below + 1)));
            }
        }
        false
    }

    fn has_signed(&self, issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
        let key = issuer.public_key().subject_public_key.data.as_ref();
        let signature = certificate.signature_value.data.as_ref();
        let message = certificate.tbs_certificate.as_ref();
        // All of them are strong; which of them it is need not be read out of the certificate.
        let algorithms = self.provider.signature_verification_algorithms.all;
        algorithms.iter().any(|algorithm| algorithm.verify_signature(key, message, signature).is_ok())
    }
}

/// Whether a trusted certificate may vouch for others. To `webpki` each root may, but the certificate of a server speaks for
/// that server alone: a certificate of version 3 has to say that it is an authority, as OpenSSL and Go want it.
fn may_be_root(certificate: &CertificateDer<'_>) -> bool {
    match X509Certificate::from_der(certificate) {
        Ok((_, certificate)) => certificate.version() != X509Version::V3 || certificate.is_ca(),
        // What only one of two parsers understands is left to the other.
        Err(_) => true,
    }
}

/// Whether a certificate is an authority for one with `below` authorities between them. Constraints on names are for
/// `webpki`: an authority that has some is none here.
fn may_issue(issuer: &X509Certificate<'_>, below: usize, now: UnixTime) -> bool {
    let Ok(Some(constraints)) = issuer.basic_constraints() else { return false };
    let long_enough = constraints.value.path_len_constraint.is_none_or(|most| below <= most as usize);
    let signs = match issuer.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    let unconstrained = matches!(issuer.name_constraints(), Ok(None));
    constraints.value.ca && long_enough && signs && unconstrained && check_dates(issuer, now).is_ok()
}

fn check_dates(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let time = |seconds: i64| {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    };
    let validity = certificate.validity();
    let (not_before, not_after) = (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()));
    let error = if now.as_secs() < not_before.as_secs() {
        CertificateError::NotValidYetContext { time: now, not_before }
    } else if now.as_secs() > not_after.as_secs() {
        CertificateError::ExpiredContext { time: now, not_after }
    } else {
        return Ok(());
    };
    Err(Error::InvalidCertificate(error))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refused = match &self.webpki {
            Some(webpki) => {
                match webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                    Ok(verified) => return Ok(verified),
                    Err(error) => error,
                }
            }
            None => Error::InvalidCertificate(CertificateError::UnknownIssuer),
        };
        match self.by_itself(end_entity, intermediates, server_name, now) {
            Some(Ok(())) => Ok(ServerCertVerified::assertion()),
            Some(Err(error)) => Err(error),
            None => Err(match refused {
                // To a person it is one thing: nobody who is trusted has vouched for it.
                Error::InvalidCertificate(CertificateError::Other(other)) if is_authority(&other) => {
                    Error::InvalidCertificate(CertificateError::UnknownIssuer)
                }
                other => other,
            }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_authority(error: &rustls::OtherError) -> bool {
    error.to_string().contains("CaUsedAsEndEntity")
}
