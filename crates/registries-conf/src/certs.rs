//! What the files of one certs.d folder are for (containers-certs.d(5), `docs/behaviour/release.md` 7.5).

/// The certificates for one registry, as file names of its folder, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostCerts {
    /// `*.crt`: certificate authorities, added to the system's.
    pub authorities: Vec<String>,
    /// `x.cert` with `x.key`: what the client shows.
    pub clients: Vec<ClientPair>,
}

/// A client certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPair {
    /// The name of the certificate's file, `*.cert`.
    pub cert: String,
    /// The name of the key's file, `*.key`.
    pub key: String,
}

/// A client certificate or key stands alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum CertsError {
    #[error("missing key `{key}` for client certificate `{cert}`; CA certificates must use the extension `.crt`")]
    KeyMissing { cert: String, key: String },
    #[error("missing client certificate `{cert}` for key `{key}`")]
    CertMissing { cert: String, key: String },
}

impl HostCerts {
    /// Sorts the file names of a folder into what they are for. Other names are ignored.
    ///
    /// # Errors
    /// When a `.cert` has no `.key` or the reverse.
    pub fn from_listing<S: AsRef<str>>(names: &[S]) -> Result<Self, CertsError> {
        let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        names.sort_unstable();
        let mut certs = Self::default();
        for name in &names {
            if name.strip_suffix(".crt").is_some() {
                certs.authorities.push((*name).to_owned());
            } else if let Some(stem) = name.strip_suffix(".cert") {
                let (cert, key) = ((*name).to_owned(), format!("{stem}.key"));
                if !names.contains(&key.as_str()) {
                    return Err(CertsError::KeyMissing { cert, key });
                }
                certs.clients.push(ClientPair { cert, key });
            } else if let Some(stem) = name.strip_suffix(".key") {
                let (cert, key) = (format!("{stem}.cert"), (*name).to_owned());
                if !names.contains(&cert.as_str()) {
                    return Err(CertsError::CertMissing { cert, key });
                }
            }
        }
        Ok(certs)
    }
}
