//! Artifacts of an image in the registry that serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};
use image_ref::Digest;
use oci_manifest::{Attached, ImageTree, Root, VerifiedManifest, walk};
use oci_transport::{Client, Endpoint, Reference};

use super::tags::TagLists;
use super::{COSIGN_ENDINGS, cosign_tag};
use mirror_job::event::{Event, Observer};
use mirror_job::failure::chain;

/// How many manifests of one image are asked about at the same time.
const AT_ONCE: usize = 4;

/// How many referrers of one manifest travel. A hostile registry could name any number.
const MAX_REFERRERS: usize = 256;

/// How many layers an artifact may have, with its configuration. A manifest of a few MiB can name tens of thousands, each a
/// request; signatures and attestations have a handful.
const MAX_BLOBS: usize = 1000;

/// What is attached to an image.
pub struct FoundArtifacts {
    /// The artifacts.
    pub attached: Vec<Attached>,
    /// Whether every question was answered and every answer could be read.
    pub all: bool,
    /// Whether the source was spared the questions, since the cache has what it said to an earlier run.
    pub is_of_cache: bool,
    /// Whether the image itself has a signature, as far as the source was asked and has answered.
    pub signed: Option<bool>,
}

impl FoundArtifacts {
    /// What is known without asking.
    pub fn known(attached: Vec<Attached>) -> Self {
        Self { attached, all: true, is_of_cache: false, signed: None }
    }

    /// What an earlier run was told.
    pub fn of_cache(attached: Vec<Attached>) -> Self {
        Self { attached, all: true, is_of_cache: true, signed: None }
    }

    /// Nothing, as nobody was asked.
    pub(super) fn not_asked() -> Self {
        Self { attached: Vec::new(), all: false, is_of_cache: false, signed: None }
    }

    /// The same, with what the source has said about a signature.
    #[must_use]
    pub fn and_signed(self, signed: Option<bool>) -> Self {
        Self { signed, ..self }
    }
}

/// Where artifacts of an image are looked for.
pub(super) struct Source<'a> {
    pub(super) client: &'a Client,
    pub(super) endpoint: &'a Endpoint,
    /// What the repositories of the run have.
    pub(super) lists: &'a TagLists,
    /// The tag by which the image was found.
    pub(super) named: Option<&'a str>,
    /// Whether a policy wants signatures: those are asked for whatever a list says.
    pub(super) needs_signatures: bool,
}

/// Finds what is attached to the manifests of an image. Mostly there is nothing. Lookup failures are warnings: an image without
/// its signature is still useful.
pub(super) async fn find_online(source: &Source<'_>, tree: &ImageTree, observer: &Arc<dyn Observer>) -> FoundArtifacts {
    let asker = Asker { source, observer, failed: AtomicBool::new(false) };
    let subjects: Vec<Digest> = tree.image_manifests().map(|manifest| manifest.digest().clone()).collect();
    let found: Vec<Vec<Attached>> =
        stream::iter(subjects).map(|subject| asker.attached_to(subject)).buffered(AT_ONCE).collect().await;
    let attached: Vec<Attached> = found.into_iter().flatten().collect();
    if attached.is_empty() {
        observer.event(Event::Debug(format!(
            "{}@{}: no signature and no other artifact",
            source.endpoint,
            tree.root.digest()
        )));
    }
    let (all, own) = (!asker.failed.into_inner(), cosign_tag(tree.root.digest(), "sig"));
    let signed = all.then(|| attached.iter().any(|artifact| artifact.tag.as_ref() == Some(&own)));
    FoundArtifacts { attached, all, is_of_cache: false, signed }
}

/// The digest of the cosign signature of one manifest, if there is one.
///
/// # Errors
/// When that could not be asked.
pub async fn signature_digest(
    client: &Client,
    endpoint: &Endpoint,
    subject: &Digest,
) -> Result<Option<Digest>, oci_transport::Error> {
    let tag = Reference::Tag(cosign_tag(subject, "sig"));
    match client.head_manifest_at(endpoint, &tag).await {
        Ok(found) => Ok(found.map(|found| found.digest)),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Registries answer a question for what they do not have with 404, and some with 401, 403 or another refusal.
fn is_refusal(error: &oci_transport::Error) -> bool {
    matches!(error.status_code(), Some(400..=499))
}

struct Asker<'a> {
    source: &'a Source<'a>,
    observer: &'a Arc<dyn Observer>,
    failed: AtomicBool,
}

impl Asker<'_> {
    async fn attached_to(&self, subject: Digest) -> Vec<Attached> {
        let [sig, att, sbom] = COSIGN_ENDINGS.map(|ending| self.tagged(&subject, ending));
        let (sig, att, sbom, referrers) = tokio::join!(sig, att, sbom, self.referrers(&subject));
        [sig, att, sbom].into_iter().flatten().chain(referrers).collect()
    }

    /// Whether a tag is worth a request.
    async fn may_have(&self, tag: &str) -> bool {
        let Source { client, endpoint, lists, named, .. } = *self.source;
        lists.has(client, endpoint, named, tag).await != Some(false)
    }

    async fn tagged(&self, subject: &Digest, ending: &str) -> Option<Attached> {
        let tag = cosign_tag(subject, ending);
        let is_needed = self.source.needs_signatures && ending == "sig";
        if !is_needed && !self.may_have(&tag).await {
            return None;
        }
        let root = self.manifest(&Reference::Tag(tag.clone())).await?;
        let tree = self.tree(root).await?;
        Some(Attached { tag: Some(tag), tree })
    }

    async fn referrers(&self, subject: &Digest) -> Vec<Attached> {
        let listed = match self.source.client.referrers_by_api(self.source.endpoint, subject).await {
            Ok(Some(listed)) => Ok(listed),
            Ok(None) if !self.may_have(&subject.as_referrers_tag()).await => Ok(Vec::new()),
            Ok(None) => self.source.client.referrers_by_tag(self.source.endpoint, subject).await,
            Err(error) => Err(error),
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.complain(&error);
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for descriptor in listed.into_iter().take(MAX_REFERRERS) {
            let Some(root) = self.manifest(&Reference::Digest(descriptor.digest)).await else { continue };
            // A list may say anything; the artifact itself says what it is about.
            if subject_of(&root).as_ref() != Some(subject) {
                continue;
            }
            if let Some(tree) = self.tree(root).await {
                found.push(Attached { tag: None, tree });
            }
        }
        found
    }

    async fn tree(&self, root: VerifiedManifest) -> Option<ImageTree> {
        let name = root.digest().clone();
        // What was asked for by digest was compared when it came, and a tag may lead to anything.
        let root = Root::of(root, None).ok()?;
        let fetched = walk(root, &[], |child| async move {
            self.source.client.pull_manifest_at(self.source.endpoint, &Reference::Digest(child.digest)).await
        })
        .await;
        match fetched {
            Ok(tree) if blobs(&tree) > MAX_BLOBS => {
                self.warn(&format!(
                    "artifact {}@{name} has more than {MAX_BLOBS} layers and is left behind",
                    self.source.endpoint
                ));
                None
            }
            Ok(tree) => Some(tree),
            Err(error) => {
                let why = chain(&error);
                self.warn(&format!(
                    "artifact {}@{name} cannot be read and is left behind: {why}",
                    self.source.endpoint
                ));
                None
            }
        }
    }

    async fn manifest(&self, reference: &Reference) -> Option<VerifiedManifest> {
        match self.source.client.pull_manifest_at(self.source.endpoint, reference).await {
            Ok(manifest) => Some(manifest),
            Err(error) => {
                self.complain(&error);
                None
            }
        }
    }

    fn complain(&self, error: &oci_transport::Error) {
        if !is_refusal(error) {
            self.warn(&format!("signatures could not be looked up and are left behind: {}", chain(error)));
        }
    }

    fn warn(&self, text: &str) {
        self.failed.store(true, Ordering::Relaxed);
        self.observer.event(Event::Warning(text.to_owned()));
    }
}

/// How many configurations and layers an artifact has.
fn blobs(tree: &ImageTree) -> usize {
    tree.image_manifests().filter_map(|manifest| manifest.view().ok()).map(|view| view.blobs().len()).sum()
}

/// The manifest that an artifact says it is about.
pub(super) fn subject_of(artifact: &VerifiedManifest) -> Option<Digest> {
    artifact.view().ok()?.subject().map(|subject| subject.digest.clone())
}
