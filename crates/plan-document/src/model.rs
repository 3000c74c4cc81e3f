//! The document's members. Their order here is their order in the text.

use std::collections::BTreeMap;

use image_ref::{Digest, ImageRef, Platform};
use mirror_plan::{
    Blocked, CacheName, CatalogImage, ConfigEntry, ImageKind, Mode, OperatorUse, PinnedCatalog, PlannedBundle,
    PlannedRelease, Twin, Why,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `kind` of every plan.
pub const KIND: &str = "MirrorPlan";

/// The format that this crate reads and writes. It rises when a member changes its meaning.
pub const FORMAT: u32 = 2;

/// A resolved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "MirrorPlan")]
pub struct Document {
    /// `MirrorPlan`.
    pub kind: String,
    /// The format of the document: 2.
    pub format: u32,
    /// SHA-256 of the text without the lines of `id`, `created` and `tool`.
    #[schemars(with = "String")]
    pub id: Digest,
    /// When the plan was made, RFC 3339 in UTC. Cluster resources of an applied plan carry this moment.
    pub created: String,
    /// The program that made the plan, with its version.
    pub tool: String,
    /// The workflow: `mirrorToDisk`, `diskToMirror` or `mirrorToMirror`.
    #[schemars(with = "String")]
    pub mode: Mode,
    /// Where the images go: `docker://HOST[:PORT][/NAMESPACE]`, or `file://DIR`.
    pub destination: String,
    /// The longest repository path at the destination, in elements; 0 means no limit.
    pub max_nested_paths: u32,
    /// How content was selected, and what else shapes the result.
    pub options: Options,
    /// The image set configuration, as written.
    pub configuration: String,
    /// Figures of the plan, for people.
    pub totals: Totals,
    /// The catalogs of the configuration, by digest.
    #[schemars(with = "Vec<PinnedCatalogSchema>")]
    pub catalogs: Vec<PinnedCatalog>,
    /// The images, in copying order.
    pub images: Vec<Image>,
    /// What `blockedImages` kept out.
    #[schemars(with = "Vec<BlockedSchema>")]
    pub blocked: Vec<Blocked>,
    /// Release signatures that cluster resources carry.
    pub signatures: Vec<SignatureText>,
    /// Templates of catalog sources.
    pub templates: Vec<Template>,
    /// Files of the working directory that the archive of this plan carries; only in mirror to disk.
    pub files: Vec<BuiltFile>,
    /// Every blob of every image with its size in bytes.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub blobs: BTreeMap<Digest, u64>,
    /// The blobs and manifests among them that no registry has, with sizes in bytes: this program made them.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub built_blobs: BTreeMap<Digest, u64>,
}

/// Choices of the run that made the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Rules for operator versions: `version-range` or `upgrade-graph`.
    pub operator_selection: String,
    /// Whether a selection that breaks an upgrade graph was refused.
    pub strict_selection: bool,
    /// Whether releases between the selected ones were added.
    pub add_intermediate_releases: bool,
    /// Whether signatures of images stay behind.
    pub remove_signatures: bool,
    /// The cache's name in mapping files.
    pub cache_host: String,
}

/// Figures of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Images.
    pub images: usize,
    /// Manifests, each once.
    pub manifests: usize,
    /// Their bytes.
    pub manifest_bytes: u64,
    /// Configurations and layers, each once.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that more than one image has.
    pub shared_blobs: usize,
    /// Their bytes, each blob once.
    pub shared_bytes: u64,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its name in cache and archive, `repository:tag`. Other images name it in `needs`.
    pub name: String,
    /// Its role, such as `ocpReleaseContent`, `operatorBundle`, `generic`.
    #[schemars(with = "String")]
    pub kind: ImageKind,
    /// Its name in logs and error files.
    pub origin: String,
    /// The reference that the configuration, a release or a catalog names it by.
    #[schemars(with = "String")]
    pub named: ImageRef,
    /// Where it comes from.
    #[schemars(with = "String")]
    pub source: ImageRef,
    /// Its name at the destination registry; none for what goes to a disk or into the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub destination: Option<ImageRef>,
    /// The digest of its first manifest; none when it could not be read.
    #[schemars(with = "Option<String>")]
    pub digest: Option<Digest>,
    /// The platforms to take from a list; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<PlatformSchema>")]
    pub platforms: Vec<Platform>,
    /// Whether this program made it: a rebuilt catalog, the update graph.
    #[serde(default, skip_serializing_if = "is_false")]
    pub built: bool,
    /// The images that have to be there before it, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The operators that are incomplete without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<OperatorUseSchema>")]
    pub operators: Vec<OperatorUse>,
    /// The bundles that it is, one for each catalog and bundle. Plans of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<BundleSchema>")]
    pub bundles: Vec<PlannedBundle>,
    /// The release whose payload it is. Plans of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReleaseSchema>")]
    pub release: Option<PlannedRelease>,
    /// The entry of the configuration it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, usize>>")]
    pub entry: Option<ConfigEntry>,
    /// Which part of a catalog it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<CatalogImageSchema>")]
    pub catalog: Option<CatalogImage>,
    /// Images of other sources that are this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<TwinSchema>")]
    pub twins: Vec<Twin>,
    /// Whether it may be tagged by its digest where another image of its repository has its tag.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tag_may_give_way: bool,
    /// What brought it in.
    #[schemars(with = "WhySchema")]
    pub why: Why,
    /// Its manifests, the first one first.
    pub manifests: Vec<Manifest>,
    /// Its configurations and layers.
    #[schemars(with = "Vec<String>")]
    pub blobs: Vec<Digest>,
    /// Signatures, attestations and other artifacts that travel with it; none when nobody asked for them.
    pub attached: Option<Vec<AttachedArtifact>>,
    /// Why it could not be read. A plan with such an image is for reading only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Its digest.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
}

/// An artifact about an image, in the image's repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachedArtifact {
    /// The tag that leads to it, such as `sha256-….sig`; none for a referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest of its first manifest.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// Its manifests, the first one first.
    pub manifests: Vec<Manifest>,
    /// Its blobs.
    #[schemars(with = "Vec<String>")]
    pub blobs: Vec<Digest>,
}

/// A release signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureText {
    /// Its file name.
    pub name: String,
    /// Its bytes, base64.
    pub content: String,
}

/// The template of a catalog source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The catalog, as the configuration names it.
    pub catalog: String,
    /// Its text; none when the file could not be read.
    pub text: Option<String>,
    /// Why the file could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A file of the working directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuiltFile {
    /// Its path below the working directory.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its content.
    #[schemars(with = "String")]
    pub digest: Digest,
}

impl Document {
    /// A plan without images.
    pub fn new(mode: Mode, destination: impl Into<String>) -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            id: Digest::from_sha256_bytes(&[0; 32]),
            created: String::new(),
            tool: String::new(),
            mode,
            destination: destination.into(),
            max_nested_paths: 0,
            options: Options::default(),
            configuration: String::new(),
            totals: Totals::default(),
            catalogs: Vec::new(),
            images: Vec::new(),
            blocked: Vec::new(),
            signatures: Vec::new(),
            templates: Vec::new(),
            files: Vec::new(),
            blobs: BTreeMap::new(),
            built_blobs: BTreeMap::new(),
        }
    }

    /// The size of a blob in bytes; 0 when the plan does not list it, which [`Document::read`] refuses.
    pub fn size_of(&self, blob: &Digest) -> u64 {
        self.blobs.get(blob).copied().unwrap_or_default()
    }

    /// The blobs that nobody of `have` holds, with sizes in bytes.
    pub fn lacking<'a>(&'a self, have: impl Fn(&Digest) -> bool + 'a) -> impl Iterator<Item = (&'a Digest, u64)> + 'a {
        self.blobs.iter().filter(move |(digest, _)| !have(digest)).map(|(digest, size)| (digest, *size))
    }
}

impl Image {
    /// Its name in cache and archive, from the text.
    pub fn cache_name(&self) -> Option<CacheName> {
        let (repository, tag) = self.name.rsplit_once(':')?;
        Some(CacheName { repository: repository.to_owned(), tag: tag.to_owned() })
    }

    /// All blobs, those of its artifacts included. A blob may come twice.
    pub fn all_blobs(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.iter().chain(self.attached.iter().flatten().flat_map(|artifact| &artifact.blobs))
    }

    /// All manifests, those of its artifacts included.
    pub fn all_manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter().chain(self.attached.iter().flatten().flat_map(|artifact| &artifact.manifests))
    }
}

/// The JSON Schema of the document.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Document).into()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

// What the members of other crates look like, for the schema alone.

#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the schema is made of it")]
struct PinnedCatalogSchema {
    entry: usize,
    catalog: String,
    target_tag: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct BlockedSchema {
    origin: String,
    pattern: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct PlatformSchema {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct OperatorUseSchema {
    operator: String,
    bundle: String,
}

/// A bundle of an operator, in a catalog of the configuration.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct BundleSchema {
    /// The catalog, as the configuration names it.
    catalog: String,
    package: String,
    name: String,
    version: Option<String>,
    /// The channels that list the bundle.
    channels: Vec<BundleChannelSchema>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct BundleChannelSchema {
    name: String,
    /// Whether no other bundle of the channel replaces or skips this one, in the catalog as clusters get it.
    #[serde(default)]
    head: bool,
}

/// A release of OpenShift.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct ReleaseSchema {
    version: Option<String>,
    architecture: Option<String>,
    /// The channels that selected the release.
    #[serde(default)]
    channels: Vec<String>,
    /// The releases of the plan that clusters can update to from here; absent when no update graph was read.
    updates: Option<Vec<ReleaseUpdateSchema>>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct ReleaseUpdateSchema {
    /// The version that clusters update to.
    to: String,
    /// Whether the update is offered only to clusters where none of the risks applies.
    #[serde(default)]
    conditional: bool,
    /// The known risks of a conditional update, by name.
    #[serde(default)]
    risks: Vec<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct CacheNameSchema {
    repository: String,
    tag: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct CatalogImageSchema {
    role: String,
    published: Option<CacheNameSchema>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct TwinSchema {
    kind: String,
    origin: String,
    named: String,
    source: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is made of it")]
struct WhySchema {
    path: String,
    line: u32,
    steps: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_every_member() {
        let schema = json_schema();
        let (document, text) = Document::new(Mode::MirrorToDisk, "file:///srv/m").seal();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let named = schema["properties"].as_object().unwrap();
        for member in value.as_object().unwrap().keys() {
            assert!(named.contains_key(member), "{member}");
        }
        assert_eq!(named.len(), value.as_object().unwrap().len());
        assert_eq!(document.kind, KIND);
    }
}
