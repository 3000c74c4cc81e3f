//! Artifacts beside the image at the destination.
//!
//! Artifacts are optional: what a registry does not take stays behind, see [`Refused`]. Only the signatures of a run with a
//! policy must arrive.
//!
//! A referrer is found by its `subject`. A registry without the referrers API does not look at `subject`, so whoever pushes
//! writes the list of referrers under the tag `sha256-<hex>` (distribution specification, "Pushing Manifests with Subject").
//! That tag is the name of a pinned image in a mirror: where an image has the tag, the list cannot be written.

use std::collections::BTreeMap;

use image_ref::Digest;
use oci_manifest::{Attached, ImageTree, ManifestView, VerifiedManifest, media_type};
use oci_transport::{Client, Endpoint, Error, Reference};
use serde_json::{Map, Value, json};

use super::online::subject_of;
use super::refused::Refused;
use mirror_job::failure::{CopyError, transport};

/// Puts artifacts of an image into a repository of the destination.
pub struct Attaching<'a> {
    /// Sends to the destination.
    pub client: &'a Client,
    /// The repository.
    pub endpoint: &'a Endpoint,
    /// What destinations did not take.
    pub refused: &'a Refused,
    /// Whether signatures must arrive.
    pub strict: bool,
    /// The tag of the image itself.
    pub own_tag: Option<&'a str>,
}

impl Attaching<'_> {
    /// Pushes the manifests of artifacts: children by digest, then each root by its tag, or by digest when it has none.
    /// Their blobs are there, and so is what they are about, except for the image's own tag.
    ///
    /// # Errors
    /// When the registry cannot be reached, or does not take a signature that must arrive.
    pub async fn push(&self, attached: &[Attached]) -> Result<(), CopyError> {
        let mut unlisted: BTreeMap<Digest, Vec<&VerifiedManifest>> = BTreeMap::new();
        for artifact in attached {
            let root = &artifact.tree.root;
            let was_refused = self.refused.contains(self.endpoint, root.digest());
            if was_refused && !self.is_needed(artifact) {
                continue;
            }
            let listed = match self.push_one(&artifact.tree, &name_of(artifact)).await {
                Ok(listed) => listed,
                Err(error) if error.is_refusal() && !self.is_needed(artifact) => {
                    self.refused.add(self.endpoint, root.digest(), &error);
                    continue;
                }
                Err(error) => return Err(transport(&error)),
            };
            if was_refused {
                self.refused.taken(self.endpoint, root.digest());
            }
            if artifact.tag.is_none()
                && !listed
                && let Some(subject) = subject_of(root)
            {
                unlisted.entry(subject).or_default().push(root);
            }
        }
        for (subject, referrers) in unlisted {
            self.list(&subject, &referrers).await?;
        }
        Ok(())
    }

    fn is_needed(&self, artifact: &Attached) -> bool {
        self.strict && artifact.tag.as_ref().is_some_and(|tag| tag.strip_suffix(".sig").is_some())
    }

    /// Pushes one artifact; whether the registry said that it lists it for its subject.
    async fn push_one(&self, tree: &ImageTree, name: &Reference) -> Result<bool, Error> {
        for child in &tree.children {
            self.client.push_manifest(self.endpoint, &Reference::Digest(child.digest().clone()), child).await?;
        }
        self.client.push_referrer(self.endpoint, name, &tree.root).await
    }

    /// Lists referrers under the tag that stands for the API, unless the registry has the API.
    async fn list(&self, subject: &Digest, referrers: &[&VerifiedManifest]) -> Result<(), CopyError> {
        let (client, at, tag) = (self.client, self.endpoint, subject.as_referrers_tag());
        if client.referrers_by_api(at, subject).await.map_err(|error| transport(&error))?.is_some() {
            return Ok(());
        }
        let reference = Reference::Tag(tag.clone());
        let earlier = match client.pull_manifest_at(at, &reference).await {
            Ok(manifest) if manifest.digest() == subject => None,
            Ok(manifest) => entries(&manifest),
            Err(error) if error.is_not_found() => Some(Vec::new()),
            Err(error) => return Err(transport(&error)),
        };
        let Some(earlier) = earlier.filter(|_| self.own_tag != Some(&tag)) else {
            if self.refused.is_first(at) {
                self.refused.warn(format!(
                    "`{at}` has no referrers API, and the tag {tag} that stands for it is the name of an image: the \
                     artifacts are there by their digests, but nobody finds them by their image"
                ));
            }
            return Ok(());
        };
        let index = index_of(earlier, referrers);
        client.push_manifest(at, &reference, &index).await.or_else(|error| {
            if !error.is_refusal() {
                return Err(transport(&error));
            }
            self.refused.add(at, index.digest(), &error);
            Ok(())
        })
    }

    /// Whether all artifacts that the registry takes are there under their names.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub async fn are_there(&self, attached: &[Attached]) -> Result<bool, CopyError> {
        for artifact in attached {
            let digest = artifact.tree.root.digest();
            if self.refused.contains(self.endpoint, digest) && !self.is_needed(artifact) {
                continue;
            }
            let found = self.client.probe_manifest_at(self.endpoint, &name_of(artifact)).await;
            if found.map_err(|error| transport(&error))?.is_none_or(|found| found.digest != *digest) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The entries of a list of referrers; `None` when the manifest is something else.
fn entries(manifest: &VerifiedManifest) -> Option<Vec<Value>> {
    let Ok(ManifestView::Index(_)) = manifest.view() else { return None };
    let mut json: Value = serde_json::from_slice(manifest.bytes()).ok()?;
    match json.get_mut("manifests")?.take() {
        Value::Array(entries) => Some(entries),
        _ => None,
    }
}

/// A list of referrers with the entries of before and these.
fn index_of(mut entries: Vec<Value>, referrers: &[&VerifiedManifest]) -> VerifiedManifest {
    for referrer in referrers {
        let digest = referrer.digest().to_string();
        if entries.iter().any(|entry| entry["digest"] == digest.as_str()) {
            continue;
        }
        let json: Value = serde_json::from_slice(referrer.bytes()).unwrap_or_default();
        let mut entry = Map::new();
        entry.insert("mediaType".into(), json!(referrer.media_type()));
        entry.insert("digest".into(), json!(digest));
        entry.insert("size".into(), json!(referrer.bytes().len()));
        let kind = json.get("artifactType").filter(|kind| kind.as_str().is_some_and(|kind| !kind.is_empty()));
        if let Some(kind) = kind.or_else(|| json.pointer("/config/mediaType")) {
            entry.insert("artifactType".into(), kind.clone());
        }
        if let Some(annotations) = json.get("annotations").filter(|annotations| annotations.is_object()) {
            entry.insert("annotations".into(), annotations.clone());
        }
        entries.push(Value::Object(entry));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries });
    VerifiedManifest::made(&index, media_type::OCI_INDEX)
}

fn name_of(artifact: &Attached) -> Reference {
    match &artifact.tag {
        Some(tag) => Reference::Tag(tag.clone()),
        None => Reference::Digest(artifact.tree.root.digest().clone()),
    }
}
