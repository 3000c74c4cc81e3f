//! Certificates of servers as people make them: self-signed, expired, for another name, of an authority or of none.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::Date;

/// Who signs a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy {
    /// Its own key, as `openssl req -x509` does.
    Itself,
    /// An authority.
    Authority,
    /// An authority between, which an authority has signed. The server sends it along.
    Intermediate,
    /// A server with a certificate of its own, which is no authority (CA:FALSE).
    Server,
    /// Somebody whose certificate does not say whether it is an authority.
    Unmarked,
}

/// How a server's certificate is made. Without more it is self-signed, CA:FALSE, valid now, and for the loopback addresses.
#[derive(Debug, Clone)]
pub struct CertificateRecipe {
    params: CertificateParams,
    signed_by: SignedBy,
}

impl CertificateRecipe {
    /// A certificate that `signed_by` signs.
    pub fn new(signed_by: SignedBy) -> Self {
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned).to_vec();
        let mut params = CertificateParams::new(names).expect("loopback names are valid");
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.is_ca = IsCa::ExplicitNoCa;
        Self { params, signed_by }
    }

    /// With CA:TRUE.
    #[must_use]
    pub fn authority(mut self) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// For another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.params.subject_alt_names = CertificateParams::new(vec![name.to_owned()]).expect(name).subject_alt_names;
        self
    }

    /// Valid from the first date to the second.
    #[must_use]
    pub fn valid(mut self, from: Date, to: Date) -> Self {
        self.params.not_before = date_time_ymd(from.0, from.1, from.2);
        self.params.not_after = date_time_ymd(to.0, to.1, to.2);
        self
    }

    /// For clients only.
    #[must_use]
    pub fn for_clients(mut self) -> Self {
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self
    }

    /// Makes keys and certificates.
    pub fn make(self) -> ServerCertificate {
        let key = KeyPair::generate().expect("a key can be made");
        let signed = |issuer: &CertifiedIssuer<'_, KeyPair>| {
            self.params.clone().signed_by(&key, issuer).expect("the certificate can be signed")
        };
        let authority = || issuer(IsCa::Ca(BasicConstraints::Unconstrained), "an authority");
        let (certificate, issuers) = match self.signed_by {
            SignedBy::Itself => (self.params.self_signed(&key).expect("the certificate can be signed"), Vec::new()),
            SignedBy::Authority => {
                let issuer = authority();
                (signed(&issuer), vec![(issuer.pem(), issuer.der().clone())])
            }
            SignedBy::Intermediate => {
                let root = authority();
                let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
                params.distinguished_name.push(DnType::CommonName, "an authority between");
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                let between = KeyPair::generate().expect("a key can be made");
                let between = CertifiedIssuer::signed_by(params, between, &root).expect("it can be signed");
                let issuers = vec![(between.pem(), between.der().clone()), (root.pem(), root.der().clone())];
                (signed(&between), issuers)
            }
            SignedBy::Server | SignedBy::Unmarked => {
                let mark = if self.signed_by == SignedBy::Server { IsCa::ExplicitNoCa } else { IsCa::NoCa };
                let issuer = issuer(mark, "another server");
                (signed(&issuer), vec![(issuer.pem(), issuer.der().clone())])
            }
        };
        let mut chain = vec![certificate.der().clone()];
        // The last one is what people trust, so that servers do not send it.
        chain.extend(issuers.iter().rev().skip(1).rev().map(|(_, der)| der.clone()));
        let issuers = issuers.into_iter().map(|(pem, _)| pem).collect();
        ServerCertificate { pem: certificate.pem(), issuers, chain, key: key.serialize_der() }
    }
}

fn issuer(mark: IsCa, name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = mark;
    let key = KeyPair::generate().expect("a key can be made");
    CertifiedIssuer::self_signed(params, key).expect("it can be signed")
}

/// A server's certificate with its key, for [`RegistryBuilder::certificate`](crate::RegistryBuilder::certificate).
pub struct ServerCertificate {
    pem: String,
    issuers: Vec<String>,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl ServerCertificate {
    /// The server's own certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificates above it, PEM, the nearest first; none when it has signed itself.
    pub fn issuers(&self) -> &[String] {
        &self.issuers
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for them")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), PrivatePkcs8KeyDer::from(self.key.clone()).into())
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl std::fmt::Debug for ServerCertificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerCertificate").field("pem", &self.pem).finish_non_exhaustive()
    }
}
