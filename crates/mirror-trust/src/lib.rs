//! Trust: what others say about an image travels with it, and a policy decides whether it may travel at all.
//!
//! - `online` finds signatures, attestations, SBOMs and OCI referrers in the registry that serves the image;
//! - `index` finds them in a cache or an archive;
//! - `approved` reads what an approved plan says is attached;
//! - `gate` asks the trust policy;
//! - `lookaside` finds the simple-signing signatures that it may want, and takes them along;
//! - `files` knows their files; `verdict` the name that a policy judges;
//! - `staging` writes them to where those of the destination belong;
//! - `push` puts them beside the image at the destination, and `refused` remembers what it did not take;
//! - `sign` gives rebuilt catalogs a signature of the user's own;
//! - `tags` lists the tags of a repository, so that not every one of them is asked for;
//! - `notes` remembers which images came without the question, and which had no signature then;
//! - `none` knows for how long it counts that there was none.
//!
//! What is found becomes [`oci_manifest::Attached`] of the image's tree: its blobs are the image's blobs, and its
//! manifests are in place before the image's tag is.
//!
//! Artifacts are asked for when an image is copied, and again when an image that is named by a tag is found unchanged
//! and its own signature is another one than before. For an image that is pinned by a digest and complete in the cache,
//! nothing is asked: what the cache has is taken, unless the image came without the question having been answered, or the
//! answer that it has no signature is older than a day.
//!
//! A referrer keeps its `subject` and no tag. Where a destination has no referrers API, `push` lists the referrers under
//! the tag that the specification gives such lists, `sha256-<hex>`, unless an image has that tag: a pinned image has it in
//! cache and mirror.
//!
//! ```
//! let image: image_ref::Digest = format!("sha256:{}", "a".repeat(64)).parse()?;
//! assert_eq!(mirror_trust::cosign_tag(&image, "sig"), format!("sha256-{}.sig", "a".repeat(64)));
//! # Ok::<(), image_ref::ParseDigestError>(())
//! ```

#![expect(missing_debug_implementations, reason = "most types hold clients and observers, which print nothing useful")]
// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

mod approved;
mod files;
mod gate;
mod index;
mod lookaside;
mod none;
mod notes;
mod online;
mod push;
mod refused;
mod sign;
mod staging;
mod tags;
mod verdict;

use lookaside::{Lookasides, Lookups};
use staging::Staging;
use tags::TagLists;

pub use approved::read_artifacts;
pub use files::folder_of as signature_folder;
pub use gate::{Gate, NoBytes, RegistryBytes, SignatureBytes};
pub use index::{ArchiveIndex, ArtifactIndex, CacheIndex, find_in_index};
pub use notes::{Coverage, place_of};
use online::Source;
pub use online::{FoundArtifacts, signature_digest};
pub use push::Attaching;
pub use refused::Refused;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use archive_format::Store;
use image_ref::{Digest, ImageRef};
use image_signature::cosign::SigningKey;
use mirror_plan::{Mode, PlannedImage};
use oci_transport::{Client, Endpoint};
use plan_document::AttachedArtifact;

use mirror_job::event::{Event, Observer};
use mirror_job::failure::CopyError;
use mirror_job::job::{DryRun, Job};
use mirror_job::workdir::WorkingDir;
use oci_manifest::{Attached, ImageTree};

/// What one run does about trust.
pub struct Trust {
    /// Whether signatures and other artifacts travel.
    pub travel: bool,
    /// The policy to enforce.
    pub gate: Option<Gate>,
    /// Where simple-signing signatures lie.
    lookasides: Arc<Lookasides>,
    /// The key that rebuilt catalogs are signed with.
    key: Option<SigningKey>,
    /// Whether images come from an archive, with the signatures that it has for them.
    from_archive: bool,
    /// What the sources have.
    lists: TagLists,
    /// What an approved plan says is attached to its images.
    approved: Option<approved::Artifacts>,
}

/// The key that catalogs are to be signed with is none.
#[derive(Debug, thiserror::Error)]
#[error("--sign-catalogs: {0}")]
pub struct BadSigningKey(image_signature::cosign::KeyError);

impl Trust {
    /// What the options of a run with these images ask for. Signatures of lookasides are kept in `working_dir`; in disk to
    /// mirror they come from there.
    ///
    /// # Errors
    /// When the key of `--sign-catalogs` is none.
    pub fn of(job: &Job, mode: Mode, working_dir: &WorkingDir, images: &[PlannedImage]) -> Result<Self, BadSigningKey> {
        let options = &job.options;
        let carries = !options.remove_signatures && options.dry_run == DryRun::No;
        let lookasides = Arc::new(Lookasides {
            registries_d: Arc::clone(&options.registries_d),
            default: options.default_lookaside.clone(),
            kept: working_dir.lookaside(),
            way: match mode {
                Mode::DiskToMirror => Lookups::In,
                Mode::MirrorToDisk | Mode::MirrorToMirror => Lookups::Out(job.source.clone()),
            },
            now: job.started,
            staging: carries.then(Staging::default),
            held: Mutex::new(HashMap::new()),
        });
        let gate = options.policy.as_ref().map(|policy| Gate {
            policy: Arc::clone(policy),
            lookasides: Arc::clone(&lookasides),
            now: job.started,
        });
        let key = options.sign_catalogs.as_deref().map(|pem| SigningKey::from_pem(&String::from_utf8_lossy(pem)));
        let key = key.transpose().map_err(BadSigningKey)?;
        Ok(Self {
            travel: !options.remove_signatures,
            gate,
            lookasides,
            key,
            from_archive: mode == Mode::DiskToMirror,
            lists: TagLists::of(images),
            // Where artifacts stay behind, only a policy wants them, and the plan does not name them.
            approved: options
                .approved
                .as_ref()
                .filter(|_| !options.remove_signatures)
                .map(|document| approved::Artifacts::of(document)),
        })
    }

    /// What an approved plan says is attached to an image; none in a run without such a plan.
    pub fn approved(&self, image: &PlannedImage) -> Option<&[AttachedArtifact]> {
        self.approved.as_ref().map(|approved| approved.get(image))
    }

    /// Whether registries.d leaves attachments of an image at this place in peace (`use-sigstore-attachments: false`).
    fn is_left_in_peace(&self, endpoint: &Endpoint, digest: &Digest) -> bool {
        let name = ImageRef::from_parts(endpoint.logical(), None, Some(digest.clone()));
        self.lookasides.registries_d.use_sigstore_attachments(&name) == Some(false)
    }

    /// What is attached to the manifests of an image in the registry that serves it, see `online`.
    pub async fn find_online(
        &self,
        client: &Client,
        endpoint: &Endpoint,
        image: &PlannedImage,
        tree: &ImageTree,
        observer: &Arc<dyn Observer>,
    ) -> FoundArtifacts {
        if self.is_left_in_peace(endpoint, tree.root.digest()) {
            return FoundArtifacts::not_asked();
        }
        let needs_signatures = self.needs_signatures(image);
        let source = Source { client, endpoint, lists: &self.lists, named: named(image), needs_signatures };
        online::find_online(&source, tree, observer).await
    }

    /// The digest of the cosign signature that an image has at its source now, if it has one.
    ///
    /// # Errors
    /// When that could not be asked.
    pub async fn signature_at_source(
        &self,
        client: &Client,
        endpoint: &Endpoint,
        image: &PlannedImage,
        digest: &Digest,
    ) -> Result<Option<Digest>, oci_transport::Error> {
        if self.is_left_in_peace(endpoint, digest) {
            return Ok(None);
        }
        if !self.needs_signatures(image) && self.lists.pays_for_one_question(endpoint) {
            let tag = cosign_tag(digest, "sig");
            if self.lists.has(client, endpoint, named(image), &tag).await == Some(false) {
                return Ok(None);
            }
        }
        signature_digest(client, endpoint, digest).await
    }

    /// Takes the simple-signing signatures of an image along, when signatures travel.
    pub async fn carry(&self, image: &PlannedImage, tree: &ImageTree, observer: &Arc<dyn Observer>) {
        self.lookasides.carry(image, tree, observer).await;
    }

    /// Signs a rebuilt catalog if there is a key for that; `None` for every other image, and for a catalog whose signature
    /// an archive may have.
    ///
    /// The name in the signature is where the catalog will be used from: its destination, or its source's name as long as
    /// nobody knows the destination.
    ///
    /// # Errors
    /// When the store does not take the signature.
    pub fn sign(
        &self,
        store: &Store,
        image: &PlannedImage,
        tree: &ImageTree,
        observer: &Arc<dyn Observer>,
    ) -> Result<Option<Vec<Attached>>, CopyError> {
        if !mirror_plan::operators::is_rebuilt(image) {
            return Ok(None);
        }
        let Some(key) = &self.key else {
            observer.event(Event::CatalogNotSigned { catalog: image.origin.clone() });
            // The cache may still have what an earlier run signed; this one was not asked to.
            return Ok((!self.from_archive).then(Vec::new));
        };
        let name = image.destination.as_ref().unwrap_or(&image.source).name();
        let signed = sign::sign(store, &image.cache.repository, tree, name, key);
        signed.map(Some).map_err(|error| mirror_job::failure::store(&error))
    }

    /// Whether this run signs what it has rebuilt.
    pub fn signs(&self) -> bool {
        self.key.is_some()
    }

    /// The gate an image has to pass.
    pub fn gate_for(&self, image: &PlannedImage) -> Option<&Gate> {
        self.gate.as_ref().filter(|_| !Gate::exempts(image))
    }

    /// Whether signatures and other artifacts travel with the image. The original of a filtered catalog stays in the cache, and
    /// what is made of it has other bytes: nobody can use the signatures there.
    pub fn travels_with(&self, image: &PlannedImage) -> bool {
        self.travel && !mirror_plan::operators::is_kept_original(image)
    }

    /// Whether signatures of the image are of any use to this run.
    pub fn wants_signatures(&self, image: &PlannedImage) -> bool {
        self.travels_with(image) || self.needs_signatures(image)
    }

    /// Whether a policy judges the image by its cosign signatures.
    pub fn needs_signatures(&self, image: &PlannedImage) -> bool {
        self.gate_for(image).is_some_and(|gate| gate.needs_signatures(image))
    }
}

pub use mirror_plan::attachment::{ENDINGS as COSIGN_ENDINGS, tag as cosign_tag};

/// The tag by which the source was asked for an image; none for one that is pinned.
fn named(image: &PlannedImage) -> Option<&str> {
    image.source.tag().filter(|_| image.source.digest().is_none())
}
