//! A certificate authority for tests, with certificates for the loopback addresses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A fresh CA, a server certificate for `127.0.0.1`, `::1` and `localhost`, and a client certificate, as PEM files in
/// a temporary folder that goes away with it.
#[derive(Debug)]
pub struct TestCa {
    folder: TempDir,
    ca_pem: String,
    ca: CertificateDer<'static>,
    server: CertificateDer<'static>,
    server_key: Vec<u8>,
}

impl TestCa {
    /// Makes the keys and certificates.
    pub fn new() -> Self {
        let ca_key = KeyPair::generate().expect("a key can be made");
        let mut ca = CertificateParams::new(Vec::new()).expect("no names are valid names");
        ca.distinguished_name.push(DnType::CommonName, "test CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(ca, ca_key).expect("the CA can be signed");

        let server_key = KeyPair::generate().expect("a key can be made");
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned).to_vec();
        let mut server = CertificateParams::new(names).expect("loopback names are valid");
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = server.signed_by(&server_key, &ca).expect("the certificate can be signed");

        let client_key = KeyPair::generate().expect("a key can be made");
        let mut client = CertificateParams::new(Vec::new()).expect("no names are valid names");
        client.distinguished_name.push(DnType::CommonName, "test client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&client_key, &ca).expect("the certificate can be signed");

        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("the folder is new");
        // Apart from the others: a folder for containers-certs.d(5) must not hold a key without its certificate.
        fs::create_dir(folder.path().join("server")).expect("the folder is new");
        write("ca.crt", &ca.pem());
        write("server/server.crt", &server.pem());
        write("server/server.key", &server_key.serialize_pem());
        write("client.cert", &client.pem());
        write("client.key", &client_key.serialize_pem());
        Self {
            ca_pem: ca.pem(),
            ca: ca.der().clone(),
            server: server.der().clone(),
            server_key: server_key.serialize_der(),
            folder,
        }
    }

    /// The CA certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.ca_pem
    }

    /// A folder as containers-certs.d(5) wants it, and `skopeo --cert-dir`: `ca.crt`, `client.cert`, `client.key`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with the CA certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// The file with the server's certificate, PEM.
    pub fn server_certificate(&self) -> PathBuf {
        self.folder.path().join("server/server.crt")
    }

    /// The file with the server's key, PEM.
    pub fn server_key(&self) -> PathBuf {
        self.folder.path().join("server/server.key")
    }

    /// The file with the client's certificate, PEM.
    pub fn client_certificate(&self) -> PathBuf {
        self.folder.path().join("client.cert")
    }

    /// The file with the client's key, PEM.
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client.key")
    }

    /// Writes the folder `HOST` below `certs_d` as containers-certs.d(5) wants it: `ca.crt` and, when asked,
    /// `client.cert` and `client.key`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_certs_d(&self, certs_d: &Path, host: &str, with_client: bool) -> std::io::Result<()> {
        let folder = certs_d.join(host);
        fs::create_dir_all(&folder)?;
        fs::copy(self.certificate(), folder.join("ca.crt"))?;
        if with_client {
            fs::copy(self.client_certificate(), folder.join("client.cert"))?;
            fs::copy(self.client_key(), folder.join("client.key"))?;
        }
        Ok(())
    }

    pub(crate) fn acceptor(&self, client_certificate: bool) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for them");
        let builder = if client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.clone()).expect("our own CA is well formed");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivatePkcs8KeyDer::from(self.server_key.clone());
        let mut config = builder
            .with_single_cert(vec![self.server.clone()], key.into())
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}
