//! From planned images and their manifests to the document that people approve (`docs/formats/plan.md`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image_ref::{Algorithm, Digest, Hasher};
use mirror_plan::{Blocked, ImageId, Mode, PinnedCatalog, PlannedImage};
use oci_manifest::{Attached, ImageTree, VerifiedManifest};
use plan_document::{AttachedArtifact, BuiltFile, Document, Image, Manifest, Options, SignatureText, Template};

use crate::brought;
use crate::outcome::RunError;
use crate::resources;
use mirror_copy::Resolved;
use mirror_job::failure::CopyError;
use mirror_job::job::{DryRun, Job, Workflow};
use mirror_job::workdir::WorkingDir;

/// What a document is made of.
pub(crate) struct Planning<'a> {
    pub(crate) job: &'a Job,
    pub(crate) workflow: &'a Workflow,
    pub(crate) images: &'a [PlannedImage],
    /// What became of reading each of them.
    pub(crate) looked: &'a [Result<Resolved, CopyError>],
    pub(crate) catalogs: &'a [PinnedCatalog],
    pub(crate) blocked: &'a [Blocked],
    pub(crate) working_dir: &'a WorkingDir,
}

impl Planning<'_> {
    /// The document.
    ///
    /// # Errors
    /// When a file of the working directory cannot be read.
    pub(crate) fn document(&self) -> Result<Document, RunError> {
        let (job, options) = (self.job, &self.job.options);
        let (destination, nested) = match self.workflow {
            Workflow::MirrorToDisk { folder } => (format!("file://{}", folder.display()), 0),
            Workflow::DiskToMirror { destination, .. } | Workflow::MirrorToMirror { destination, .. } => {
                (format!("docker://{destination}"), destination.max_nested_paths())
            }
        };
        let mode = self.workflow.mode();
        let mut document = Document::new(mode, destination);
        document.max_nested_paths = nested;
        document.created = job.stamp();
        document.tool = format!("oc-mirror {}", job.version.git_version);
        document.options = Options {
            operator_selection: match options.operator_selection {
                fbc_catalog::RuleSet::VersionRange => "version-range".to_owned(),
                fbc_catalog::RuleSet::UpgradeGraph => "upgrade-graph".to_owned(),
            },
            strict_selection: options.strict_selection,
            add_intermediate_releases: options.add_intermediate_releases,
            remove_signatures: options.remove_signatures,
            cache_host: options.cache_host.clone(),
        };
        document.configuration = String::from_utf8_lossy(&job.configuration_text).into_owned();
        document.catalogs = self.catalogs.to_vec();
        document.blocked = self.blocked.to_vec();
        let names: HashMap<&ImageId, String> =
            self.images.iter().map(|image| (&image.id, image.cache.to_string())).collect();
        for (planned, looked) in self.images.iter().zip(self.looked) {
            let mut image = Image::of(planned, &names);
            match looked {
                Ok(resolved) => self.describe(&mut image, resolved, &mut document.blobs),
                Err(error) => (image.digest, image.error) = (None, Some(error.message.clone())),
            }
            document.images.push(image);
        }
        document.drop_updates_to_elsewhere();
        document.built_blobs = self.built_blobs();
        let signatures = resources::signatures(self.working_dir)?;
        document.signatures = signatures
            .into_iter()
            .map(|file| SignatureText { name: file.name, content: BASE64.encode(file.content) })
            .collect();
        document.templates = resources::templates(&job.configuration)
            .into_iter()
            .map(|template| match template.text {
                Ok(text) => Template { catalog: template.catalog, text: Some(text), error: None },
                Err(error) => Template { catalog: template.catalog, text: None, error: Some(error) },
            })
            .collect();
        if mode == Mode::MirrorToDisk {
            document.files = files(self.working_dir)?;
        }
        Ok(document)
    }

    fn describe(&self, image: &mut Image, resolved: &Resolved, blobs: &mut BTreeMap<Digest, u64>) {
        let tree = &resolved.tree;
        blobs.extend(tree.blobs.iter().map(|blob| (blob.digest.clone(), blob.size)));
        image.digest = Some(tree.root.digest().clone());
        image.manifests = manifests(tree);
        let of_artifacts: HashSet<&Digest> =
            tree.attached.iter().flat_map(|one| &one.tree.blobs).map(|blob| &blob.digest).collect();
        let own = tree.blobs.iter().map(|blob| &blob.digest).filter(|blob| !of_artifacts.contains(blob));
        image.blobs = own.cloned().collect();
        image.attached =
            self.asked_for_artifacts(image, resolved).then(|| tree.attached.iter().map(artifact).collect());
    }

    /// Whether the artifacts of an image are known. A rehearsal of mirror to mirror does not ask for those of an image that
    /// is at the destination already.
    fn asked_for_artifacts(&self, image: &Image, resolved: &Resolved) -> bool {
        let options = &self.job.options;
        let spared = self.workflow.mode() == Mode::MirrorToMirror
            && options.dry_run != DryRun::Plan
            && !options.remove_signatures
            && image.destination.is_some()
            && resolved.complete;
        !spared || !resolved.tree.attached.is_empty()
    }

    /// What only this machine has: blobs and manifests of images that this program built.
    fn built_blobs(&self) -> BTreeMap<Digest, u64> {
        let all = |built: bool| {
            let images = self.images.iter().zip(self.looked).filter(move |(image, _)| image.built == built);
            images.filter_map(|(_, looked)| looked.as_ref().ok()).flat_map(|resolved| {
                let tree = &resolved.tree;
                let manifests = tree.manifests().map(|manifest| (manifest.digest(), size(manifest)));
                tree.blobs.iter().map(|blob| (&blob.digest, blob.size)).chain(manifests)
            })
        };
        let elsewhere: HashSet<&Digest> = all(false).map(|(digest, _)| digest).collect();
        let built = all(true).filter(|(digest, _)| !elsewhere.contains(digest));
        built.map(|(digest, size)| (digest.clone(), size)).collect()
    }
}

fn size(manifest: &VerifiedManifest) -> u64 {
    manifest.hashed_bytes().len() as u64
}

/// The manifests of an image itself, the first one first.
fn manifests(tree: &ImageTree) -> Vec<Manifest> {
    let all = std::iter::once(&tree.root).chain(&tree.children);
    all.map(|manifest| Manifest {
        digest: manifest.digest().clone(),
        size: size(manifest),
        media_type: manifest.media_type().to_owned(),
    })
    .collect()
}

fn artifact(attached: &Attached) -> AttachedArtifact {
    AttachedArtifact {
        tag: attached.tag.clone(),
        digest: attached.tree.root.digest().clone(),
        manifests: manifests(&attached.tree),
        blobs: attached.tree.blobs.iter().map(|blob| blob.digest.clone()).collect(),
    }
}

/// The files of the working directory that the planner of the receiving side reads.
fn files(working_dir: &WorkingDir) -> io::Result<Vec<BuiltFile>> {
    let listing = working_dir.files_for_archive()?;
    let travelling = listing.files.iter().filter(|(name, _)| brought::is_content(name));
    travelling.map(|(name, path)| describe_file(working_dir, name, path)).collect()
}

/// Name, size and digest of a file of the working directory.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn describe_file(working_dir: &WorkingDir, name: &str, path: &Path) -> io::Result<BuiltFile> {
    let (digest, size) = Hasher::of_reader(Algorithm::Sha256, &mut working_dir.folder().open(path)?)?;
    Ok(BuiltFile { name: name.to_owned(), size, digest })
}
