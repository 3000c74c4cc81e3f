//! Simple-signing signatures: in the folders and on the servers that registries.d names, and those that an archive brought.
//!
//! They are read for the policy, and travel with their images. What mirror to disk and mirror to mirror read goes into the
//! working directory, below `lookaside/<registry>`, and so into the archive: disk to mirror opens no connection but to its
//! destination. From there, or straight from the source, they go where registries.d wants those of the destination
//! ([`super::staging`]).
//!
//! Folders are read each time. A server is asked once about a manifest of a pinned image: the folder of its signatures in
//! the working directory says that it has answered. When there were none, the folder is empty, and the answer counts for a
//! day: signatures are published after their images.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image_ref::{Digest, ImageRef, Repository};
use image_signature::SignatureBlob;
use jiff::Timestamp;
use mirror_plan::PlannedImage;
use oci_transport::Client;
use registries_conf::{Lookaside, RegistriesD};
use rooted_folder::RootedFolder;

use super::files::{MAX_SIGNATURE_BYTES, MAX_SIGNATURES, file_name, folder_of, read_small};
use super::none;
use super::staging::Staging;
use super::verdict::{asked_for, refusal};
use mirror_job::event::Observer;
use mirror_job::failure::{Condition, CopyError, transport};
use mirror_job::workdir::write_whole;
use oci_manifest::ImageTree;

/// Where signatures are looked for.
pub struct Lookasides {
    /// Where they lie.
    pub registries_d: Arc<RegistriesD>,
    /// Where they lie for images of which `registries_d` says nothing.
    pub default: Option<PathBuf>,
    /// What the archive keeps, by registry.
    pub kept: RootedFolder,
    pub way: Lookups,
    /// When the run began.
    pub now: Timestamp,
    /// Where they are written to when they travel.
    pub staging: Option<Staging>,
    /// What the policy has read of images that are about to travel, so that nobody is asked twice.
    pub held: Mutex<HashMap<(String, Digest), FoundArtifacts>>,
}

/// Signatures as they lie there, each with its place.
type FoundArtifacts = Vec<(String, Vec<u8>)>;

/// What a workflow does about signatures that lie elsewhere.
pub enum Lookups {
    /// Asks servers.
    Out(Client),
    /// Asks nobody: what an archive brought has to do.
    In,
}

/// Whether a server has to answer anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// It has to.
    Anew,
    /// What it has answered to an earlier run is good enough.
    Once,
}

impl Lookasides {
    /// Whether nobody may be asked.
    pub fn is_offline(&self) -> bool {
        matches!(self.way, Lookups::In)
    }

    /// The signatures of one manifest, at most [`MAX_SIGNATURES`]. That there are none is normal.
    ///
    /// # Errors
    /// When one is there and cannot be read, when a server does not answer, or when a server would have to be asked and
    /// must not.
    pub async fn find(&self, name: &ImageRef, digest: &Digest) -> Result<Vec<SignatureBlob>, CopyError> {
        let found = self.read(name, digest, Ask::Anew).await?;
        if let (true, Lookups::In, Ok(Some(Lookaside::Web(url)))) =
            (found.is_empty(), &self.way, self.registries_d.lookaside(name))
        {
            return Err(refusal(format!(
                "its signatures are at {url}, the archive carries none, and disk to mirror opens no connection but to its \
                 destination. Make the archive with registries.d naming that place and without --remove-signatures, which \
                 puts the signatures into it"
            )));
        }
        let parsed = found
            .iter()
            .map(|(place, bytes)| {
                SignatureBlob::parse(bytes).map_err(|error| refusal(format!("signature `{place}`: {error}")))
            })
            .collect::<Result<_, _>>()?;
        if self.staging.is_some() {
            self.held.lock().expect("no holder panics").insert((name.to_string(), digest.clone()), found);
        }
        Ok(parsed)
    }

    /// Takes the signatures of every manifest of an image along: into the working directory, and to where registries.d
    /// wants those of its destination. What cannot be read or written is warned about and stays behind: only a policy makes
    /// signatures a condition.
    pub(super) async fn carry(&self, image: &PlannedImage, tree: &ImageTree, observer: &Arc<dyn Observer>) {
        let Some(staging) = &self.staging else { return };
        let name = asked_for(image);
        // What this program has built is signed by nobody else; the policy has read what the original has.
        if image.built {
            let name = name.to_string();
            return self.held.lock().expect("no holder panics").retain(|(held, _), _| *held != name);
        }
        let ask = if name.digest().is_some() { Ask::Once } else { Ask::Anew };
        for manifest in tree.image_manifests() {
            let digest = manifest.digest();
            let held = self.held.lock().expect("no holder panics").remove(&(name.to_string(), digest.clone()));
            let found = match held {
                Some(found) => Ok(found),
                None => self.read(&name, digest, ask).await,
            };
            match found {
                Ok(found) => staging.write(&self.registries_d, image, digest, &found, observer),
                Err(error) => {
                    staging
                        .warn(observer, format!("simple-signing signatures of {name} stay behind: {}", error.message));
                }
            }
        }
    }

    async fn read(&self, name: &ImageRef, digest: &Digest, ask: Ask) -> Result<FoundArtifacts, CopyError> {
        let Ok(repository) = name.repository() else { return Ok(Vec::new()) };
        let configured = self.registries_d.lookaside(name).map_err(|error| refusal(error.to_string()))?;
        let base = configured.or_else(|| self.default.clone().map(Lookaside::Directory));
        let kept = self.kept.below(repository.registry());
        let folder = || kept.below(folder_of(kept.path(), &repository, digest));
        match (&self.way, &base) {
            (Lookups::In, base) => {
                let mut found = read_kept(&folder())?;
                if let Some(base @ Lookaside::Directory(_)) = base {
                    found.extend(read(base, &repository, digest, None).await?);
                }
                Ok(found)
            }
            (Lookups::Out(client), Some(base)) => {
                let of_server = matches!(base, Lookaside::Web(_));
                if of_server && ask == Ask::Once && has_answered(&folder(), self.now) {
                    return read_kept(&folder());
                }
                let found = read(base, &repository, digest, Some(client)).await?;
                if self.staging.is_some() {
                    keep(&folder(), &found, of_server.then_some(self.now))?;
                }
                Ok(found)
            }
            (Lookups::Out(_), None) => Ok(Vec::new()),
        }
    }
}

/// Whether what a server has answered, which is in this folder, still counts.
fn has_answered(folder: &RootedFolder, now: Timestamp) -> bool {
    folder.is_file(file_name(1)) || none::still_counts(folder, "", now) == Some(true)
}

/// Replaces what is kept of a manifest. That a server has none is kept, too, with the time of its answer.
fn keep(folder: &RootedFolder, found: &FoundArtifacts, answered: Option<Timestamp>) -> Result<(), CopyError> {
    let failed = |error: std::io::Error| {
        CopyError::permanent(Condition::WorkingDir, format!("cannot write signatures: {error}"))
    };
    for (at, (_, bytes)) in found.iter().enumerate() {
        write_whole(folder, file_name(at + 1).as_ref(), bytes).map_err(failed)?;
    }
    // Readers stop at the first number that is missing.
    folder.remove_file_if_there(file_name(found.len() + 1)).map_err(failed)?;
    if let (Some(now), true) = (answered, found.is_empty()) {
        folder.create_dir_all("").map_err(failed)?;
        none::answered(folder, "", now);
    }
    Ok(())
}

/// Reads what was kept of the signatures of a manifest.
fn read_kept(folder: &RootedFolder) -> Result<FoundArtifacts, CopyError> {
    let mut found = Vec::new();
    for number in 1..=MAX_SIGNATURES {
        let name = file_name(number);
        let place = folder.path().join(&name).display().to_string();
        match folder.read_bounded(&name, MAX_SIGNATURE_BYTES) {
            Ok(bytes) => found.push((place, bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(refusal(format!("cannot read signature `{place}`: {error}"))),
        }
    }
    Ok(found)
}

/// Reads numbers from 1 until one is missing; each with its place.
async fn read(
    base: &Lookaside,
    repository: &Repository,
    digest: &Digest,
    client: Option<&Client>,
) -> Result<FoundArtifacts, CopyError> {
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
