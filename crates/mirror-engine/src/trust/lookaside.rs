//! Simple-signing signatures: in the folders and on the servers that registries.d names, and those that an archive brought.
//!
//! They are read for the policy. What mirror to disk read goes into the working directory, below `lookaside/<registry>`, and
//! so into the archive: disk to mirror opens no connection but to its destination, and has to judge all the same.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_ref::{Digest, ImageRef, Repository};
use image_signature::SignatureBlob;
use oci_transport::Client;
use registries_conf::{Lookaside, RegistriesD};

use super::gate::{MAX_SIGNATURE_BYTES, MAX_SIGNATURES, read_small, refusal};
use crate::carrier::transport;
use crate::copy::CopyError;

/// Where signatures are looked for.
pub(crate) struct Lookasides {
    /// Where they lie.
    pub(crate) registries_d: Arc<RegistriesD>,
    /// Where they lie for images of which `registries_d` says nothing.
    pub(crate) default: Option<PathBuf>,
    /// What the archive keeps, by registry.
    pub(crate) kept: PathBuf,
    pub(crate) way: Way,
}

/// What a workflow does about signatures that lie elsewhere.
pub(crate) enum Way {
    /// Asks servers; what is found is kept for the archive when it travels.
    Out(Client, Keep),
    /// Asks nobody: what an archive brought has to do.
    In,
}

/// Whether signatures are kept for the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Yes,
    No,
}

impl Lookasides {
    /// The signatures of one manifest, at most [`MAX_SIGNATURES`]. That there are none is normal.
    ///
    /// # Errors
    /// When one is there and cannot be read, when a server does not answer, or when a server would have to be asked and
    /// must not.
    pub(crate) async fn find(&self, name: &ImageRef, digest: &Digest) -> Result<Vec<SignatureBlob>, CopyError> {
        let Ok(repository) = name.repository() else { return Ok(Vec::new()) };
        let configured = self.registries_d.lookaside(name).map_err(|error| refusal(error.to_string()))?;
        let base = configured.or_else(|| self.default.clone().map(Lookaside::Directory));
        let kept = Lookaside::Directory(self.kept.join(repository.registry()));
        let mut found = Vec::new();
        match (&self.way, &base) {
            (Way::In, _) => {
                found = read(&kept, &repository, digest, None).await?;
                match base {
                    Some(base @ Lookaside::Directory(_)) => {
                        found.extend(read(&base, &repository, digest, None).await?);
                    }
                    Some(Lookaside::Web(url)) if found.is_empty() => {
                        return Err(refusal(format!(
                            "its signatures are at {url}, the archive carries none, and \
                             disk to mirror opens no connection but to its destination. Make the archive with \
                             --secure-policy, which puts the signatures into it"
                        )));
                    }
                    _ => {}
                }
            }
            (Way::Out(client, keep), Some(base)) => {
                found = read(base, &repository, digest, Some(client)).await?;
                if *keep == Keep::Yes && !found.is_empty() {
                    Self::keep(&kept, &repository, digest, &found)?;
                }
            }
            (Way::Out(..), None) => {}
        }
        found
            .iter()
            .map(|(place, bytes)| {
                SignatureBlob::parse(bytes).map_err(|error| refusal(format!("signature `{place}`: {error}")))
            })
            .collect()
    }

    fn keep(
        kept: &Lookaside,
        repository: &Repository,
        digest: &Digest,
        found: &[(String, Vec<u8>)],
    ) -> Result<(), CopyError> {
        for (at, (_, bytes)) in found.iter().enumerate() {
            let Lookaside::Directory(path) = kept.signature(repository, digest, at + 1) else { continue };
            let written =
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, bytes));
            written.map_err(|error| {
                CopyError::permanent("working-dir", format!("cannot write `{}`: {error}", path.display()))
            })?;
        }
        Ok(())
    }
}

/// Reads numbers from 1 until one is missing; each with its place.
async fn read(
    base: &Lookaside,
    repository: &Repository,
    digest: &Digest,
    client: Option<&Client>,
) -> Result<Vec<(String, Vec<u8>)>, CopyError> {
    let mut found = Vec::new();
    for number in 1..=MAX_SIGNATURES {
        let read = match (base.signature(repository, digest, number), client) {
            (Lookaside::Directory(path), _) => read_file(&path)?.map(|bytes| (path.display().to_string(), bytes)),
            (Lookaside::Web(url), Some(client)) => fetch(client, &url).await?.map(|bytes| (url, bytes)),
            (Lookaside::Web(_), None) => None,
        };
        let Some(read) = read else { break };
        found.push(read);
    }
    Ok(found)
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, CopyError> {
    match read_small(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refusal(format!("cannot read signature `{}`: {error}", path.display()))),
    }
}

/// Documents are fetched without credentials, with the retries of the client, and bounded.
async fn fetch(client: &Client, url: &str) -> Result<Option<Vec<u8>>, CopyError> {
    let limit = usize::try_from(MAX_SIGNATURE_BYTES).unwrap_or(usize::MAX);
    let answer = client.get(url, None, limit).await.map_err(|error| transport(&error))?;
    match answer.status {
        200 => Ok(Some(answer.body.to_vec())),
        404 => Ok(None),
        status => Err(refusal(format!("cannot read signature `{url}`: the server answered {status}"))),
    }
}
