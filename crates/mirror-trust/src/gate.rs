//! The gate: asks the trust policy about every image before any of its layers moves.
//!
//! What is asked about is each single image, for a list each instance that would be copied, as upstream does (
//! `docs/behaviour/release.md` 7.7); the list itself is not. The name is the one the configuration led to, before
//! registries.conf and before any mirroring: in disk to mirror, what the archive claims the source was.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use image_ref::{Digest, ImageRef};
use image_signature::policy::{self, Candidate, Reason};
use image_signature::{SignatureBlob, SigstoreSignature};
use jiff::Timestamp;
use mirror_plan::{ImageKind, PlannedImage};
use oci_manifest::{Attached, Descriptor, ImageTree, ManifestView, VerifiedManifest};
use oci_transport::{Client, Endpoint};
use registries_conf::Policy;
use registries_conf::policy::Requirement;

use super::cosign_tag;
use super::files::{MAX_SIGNATURE_BYTES, MAX_SIGNATURES, read_small};
use super::lookaside::Lookasides;
use super::verdict::{asked_for, refusal};
use mirror_job::failure::{Condition, CopyError, transport};

/// Enforces a trust policy.
pub struct Gate {
    /// The policy.
    pub policy: Arc<Policy>,
    /// Where simple-signing signatures are looked for.
    pub lookasides: Arc<Lookasides>,
    /// When the run began.
    pub now: Timestamp,
}

/// Whoever can get the blobs of an image's signatures.
pub trait SignatureBytes: Sync {
    /// The content of one small blob, verified.
    fn read(&self, blob: &Descriptor) -> impl Future<Output = Result<Vec<u8>, CopyError>> + Send;
}

/// The registry that serves the image.
pub struct RegistryBytes<'a> {
    /// Asks the registry.
    pub client: &'a Client,
    /// The repository of the image.
    pub endpoint: &'a Endpoint,
}

impl SignatureBytes for RegistryBytes<'_> {
    async fn read(&self, blob: &Descriptor) -> Result<Vec<u8>, CopyError> {
        let mut bytes = Vec::new();
        let pulled = self.client.pull_blob(self.endpoint, blob, &mut bytes, &|_| ()).await;
        pulled.map(|()| bytes).map_err(|error| transport(&error))
    }
}

/// For images that cannot have attached signatures.
pub struct NoBytes;

impl SignatureBytes for NoBytes {
    async fn read(&self, blob: &Descriptor) -> Result<Vec<u8>, CopyError> {
        Err(refusal(format!("signature {} cannot be read", blob.digest)))
    }
}

impl Gate {
    /// Whether the policy leaves the image alone: it is of our own making and no registry's.
    pub fn exempts(image: &PlannedImage) -> bool {
        image.built && image.kind == ImageKind::Graph
    }

    /// Whether the verdict on an image depends on the cosign signatures beside it. Simple-signing signatures lie elsewhere:
    /// the gate finds them itself.
    pub fn needs_signatures(&self, image: &PlannedImage) -> bool {
        let requirements = self.requirements(&asked_for(image));
        requirements.iter().any(|requirement| matches!(requirement, Requirement::SigstoreSigned(_)))
    }

    fn requirements<'a>(&'a self, name: &ImageRef) -> &'a [Requirement] {
        self.policy.requirements_for(name.transport(), name).requirements
    }

    /// Decides about an image whose manifests and signatures are known.
    ///
    /// # Errors
    /// With condition `policy`: the policy refuses the image, or a signature that it asks for cannot be read.
    pub async fn check<B: SignatureBytes>(
        &self,
        image: &PlannedImage,
        tree: &ImageTree,
        attached: &[Attached],
        blobs: &B,
    ) -> Result<(), CopyError> {
        let checked = self.check_all(image, tree, attached, blobs).await;
        checked.map_err(|error| CopyError { condition: Condition::Policy, ..error })
    }

    async fn check_all<B: SignatureBytes>(
        &self,
        image: &PlannedImage,
        tree: &ImageTree,
        attached: &[Attached],
        blobs: &B,
    ) -> Result<(), CopyError> {
        let instances: Vec<&VerifiedManifest> =
            tree.image_manifests().filter(|manifest| !matches!(manifest.view(), Ok(ManifestView::Index(_)))).collect();
        // A list without instances is judged itself, so that nothing passes unasked.
        let subjects = if instances.is_empty() { vec![&tree.root] } else { instances };
        for subject in subjects {
            self.check_one(image, tree, subject, attached, blobs).await?;
        }
        Ok(())
    }

    async fn check_one<B: SignatureBytes>(
        &self,
        image: &PlannedImage,
        tree: &ImageTree,
        subject: &VerifiedManifest,
        attached: &[Attached],
        blobs: &B,
    ) -> Result<(), CopyError> {
        let name = asked_for(image);
        let requirements = self.requirements(&name);
        let mut signatures = Vec::new();
        if requirements.iter().any(|requirement| matches!(requirement, Requirement::SigstoreSigned(_))) {
            signatures.extend(sigstore(subject.digest(), attached, blobs).await?);
        }
        if requirements.iter().any(|requirement| matches!(requirement, Requirement::SignedBy(_))) {
            let found = self.lookasides.find(&name, subject.digest()).await;
            signatures.extend(found.map_err(|mut error| {
                let section = self.policy.requirements_for(name.transport(), &name);
                error.message = format!("{name} is rejected by policy: `signedBy` of {section}: {}", error.message);
                error
            })?);
        }
        let candidate = Candidate {
            transport: name.transport(),
            image: &name,
            manifest_digest: subject.digest(),
            signatures: &signatures,
        };
        policy::evaluate(&self.policy, &candidate, self.now, &read_key).map_err(|rejection| {
            let mut message = rejection.to_string();
            if subject.digest() != tree.root.digest() {
                message = format!("{message} (instance {} of the list {})", subject.digest(), tree.root.digest());
            }
            if rejection.reason == Reason::NoSignature && self.lookasides.is_offline() && !image.built {
                message.push_str(
                    "; if it was signed after it was mirrored, mirror to disk with --secure-policy fetches the signature",
                );
            }
            if image.built {
                message.push_str(
                    "; a rebuilt catalog has no signature but that of --sign-catalogs: sign it, and let the policy \
                     trust that key for this name",
                );
            }
            refusal(message)
        })?;
        Ok(())
    }
}

/// cosign's signatures of one manifest.
async fn sigstore<B: SignatureBytes>(
    subject: &Digest,
    attached: &[Attached],
    blobs: &B,
) -> Result<Vec<SignatureBlob>, CopyError> {
    let tag = cosign_tag(subject, "sig");
    let Some(found) = attached.iter().find(|artifact| artifact.tag.as_deref() == Some(tag.as_str())) else {
        return Ok(Vec::new());
    };
    let Ok(ManifestView::Image(image)) = found.tree.root.view() else { return Ok(Vec::new()) };
    let mut signatures = Vec::new();
    for layer in image.layers.iter().filter(|layer| layer.size <= MAX_SIGNATURE_BYTES).take(MAX_SIGNATURES) {
        let payload = blobs.read(layer).await?;
        signatures.push(SignatureBlob::Sigstore(SigstoreSignature {
            media_type: layer.media_type.clone(),
            payload,
            annotations: layer.annotations.clone(),
        }));
    }
    Ok(signatures)
}

fn read_key(path: &Path) -> Result<Vec<u8>, String> {
    read_small(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}
