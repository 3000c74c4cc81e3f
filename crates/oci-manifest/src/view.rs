//! What a manifest says: a view on its bytes.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use image_ref::{Digest, Platform};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::descriptor::Descriptor;
use crate::media_type;
use crate::object::Object;

/// How many bytes a manifest may have: 4 MiB, the limit that the distribution specification asks registries to support
/// and that registries enforce on upload.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestView {
    /// One image: configuration and layers.
    Image(Image),
    /// A list of manifests, one per platform.
    Index(Index),
    /// A Docker schema 1 image: layers by digest only, without sizes and without configuration blob.
    Schema1(Schema1),
    /// An OCI artifact manifest.
    Artifact(Artifact),
}

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; schema 1 does not tell sizes.
    pub size: Option<u64>,
    /// As [`Descriptor::may_be_left_out`].
    pub may_be_left_out: bool,
}

impl ManifestView {
    /// Reads a manifest of this media type. Where the media type is none of a manifest, the shape of the body decides.
    ///
    /// # Errors
    /// When the bytes are too many, are no JSON object, can be read in two ways, or lack what their media type requires.
    pub fn parse(bytes: &[u8], media_type: &str) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge { bytes: bytes.len() as u64, limit: MAX_MANIFEST_BYTES });
        }
        let json = |error: serde_json::Error| ManifestError::Json {
            media_type: media_type.to_owned(),
            message: error.to_string(),
        };
        let Properties { names, misspelt } = serde_json::from_slice(bytes).map_err(json)?;
        let Object(body) = serde_json::from_slice::<Object<Body>>(bytes).map_err(json)?;
        let kind = Kind::of(media_type, &body);
        let ambiguous = |property: String| ManifestError::Ambiguous { media_type: media_type.to_owned(), property };
        if let Some(name) = misspelt.into_iter().next() {
            return Err(ambiguous(name));
        }
        if let Some(name) = kind.properties_of_others().find(|name| names.contains(*name)) {
            return Err(ambiguous(name.to_owned()));
        }
        if let Some(told) = &body.media_type
            && Kind::of_media_type(told).is_some_and(|told| told != kind)
        {
            return Err(ambiguous(format!("mediaType: {told}")));
        }
        let missing = |property: &'static str| ManifestError::Missing { media_type: media_type.to_owned(), property };
        let list =
            |list: Option<Vec<Object<Descriptor>>>| list.map(|list| list.into_iter().map(|Object(one)| one).collect());
        let subject = body.subject.map(|Object(subject)| subject);
        match kind {
            Kind::Index => Ok(Self::Index(Index {
                manifests: body
                    .manifests
                    .ok_or_else(|| missing("manifests"))?
                    .into_iter()
                    .map(|Object(one)| one)
                    .collect(),
                subject,
            })),
            Kind::Schema1 => Ok(Self::Schema1(Schema1 {
                layers: unique(
                    body.fs_layers.ok_or_else(|| missing("fsLayers"))?.into_iter().map(|Object(layer)| layer.blob_sum),
                ),
            })),
            Kind::Artifact => Ok(Self::Artifact(Artifact {
                blobs: list(body.blobs).unwrap_or_default(),
                artifact_type: body.artifact_type,
                subject,
            })),
            Kind::Image => Ok(Self::Image(Image {
                config: body.config.ok_or_else(|| missing("config"))?.0,
                layers: list(body.layers).unwrap_or_default(),
                artifact_type: body.artifact_type,
                subject,
            })),
            Kind::Unknown => Err(ManifestError::Unknown(media_type.to_owned())),
        }
    }

    /// The blobs that the manifest names directly: configuration first, then layers, each once. Empty for an index and
    /// for schema 1, whose layers have no sizes.
    pub fn blobs(&self) -> Vec<&Descriptor> {
        let all: Vec<&Descriptor> = match self {
            Self::Image(image) => std::iter::once(&image.config).chain(&image.layers).collect(),
            Self::Artifact(artifact) => artifact.blobs.iter().collect(),
            Self::Index(_) | Self::Schema1(_) => Vec::new(),
        };
        let mut seen = HashSet::new();
        all.into_iter().filter(|blob| seen.insert(&blob.digest)).collect()
    }

    /// The blobs that the manifest names directly, those of schema 1 among them, each once.
    pub fn named_blobs(&self) -> Vec<NamedBlob> {
        match self {
            Self::Schema1(image) => {
                let named = |digest: &Digest| NamedBlob { digest: digest.clone(), size: None, may_be_left_out: false };
                image.layers.iter().map(named).collect()
            }
            other => {
                let named = |blob: &Descriptor| NamedBlob {
                    digest: blob.digest.clone(),
                    size: Some(blob.size),
                    may_be_left_out: blob.may_be_left_out(),
                };
                other.blobs().into_iter().map(named).collect()
            }
        }
    }

    /// The manifests that an index lists, in the order of the file; none for anything else.
    pub fn children(&self) -> &[IndexEntry] {
        match self {
            Self::Index(index) => &index.manifests,
            _ => &[],
        }
    }

    /// The manifest that this one is about, such as the image that a signature signs.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
            Self::Artifact(artifact) => artifact.subject.as_ref(),
            Self::Schema1(_) => None,
        }
    }
}

/// An OCI image manifest, or Docker's schema 2, which has the same shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The configuration blob. REQUIRED.
    pub config: Descriptor,
    /// The layers, base first. The same layer may stand more than once.
    pub layers: Vec<Descriptor>,
    /// What the artifact is, when this is none of an image. OPTIONAL.
    pub artifact_type: Option<String>,
    /// The manifest this one is about. OPTIONAL.
    pub subject: Option<Descriptor>,
}

/// An OCI image index, or Docker's manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The entries, in the order of the file.
    pub manifests: Vec<IndexEntry>,
    /// The manifest this one is about. OPTIONAL.
    pub subject: Option<Descriptor>,
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IndexEntry {
    /// The manifest.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// The platform it is for. OPTIONAL.
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// A Docker schema 1 image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema1 {
    /// The layers, newest first as in the file, each digest once. Sizes are not in the manifest: ask the registry.
    pub layers: Vec<Digest>,
}

/// An OCI artifact manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its blobs.
    pub blobs: Vec<Descriptor>,
    /// What it is.
    pub artifact_type: Option<String>,
    /// The manifest this one is about. OPTIONAL.
    pub subject: Option<Descriptor>,
}

/// The media type that a body claims or, if it claims none, has by its shape; `application/octet-stream` when it has
/// none that is known.
pub(crate) fn guess_media_type(bytes: &[u8]) -> String {
    let Ok(Object(body)) = serde_json::from_slice::<Object<Shape>>(bytes) else {
        return "application/octet-stream".to_owned();
    };
    if let Some(media_type) = body.media_type {
        return media_type;
    }
    let guess = if body.schema_version == Some(1) || body.fs_layers.is_some() {
        if body.signatures.is_some() { media_type::DOCKER_SCHEMA1_SIGNED } else { media_type::DOCKER_SCHEMA1 }
    } else if body.manifests.is_some() {
        media_type::OCI_INDEX
    } else if body.config.is_some() {
        media_type::OCI_MANIFEST
    } else {
        "application/octet-stream"
    };
    guess.to_owned()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    Index,
    Schema1,
    Artifact,
    Unknown,
}

impl Kind {
    fn of(media_type: &str, body: &Body) -> Self {
        // Some registries serve manifests as `application/json` or `text/plain`; then the shape decides.
        Self::of_media_type(media_type).unwrap_or(match body {
            Body { manifests: Some(_), .. } => Self::Index,
            Body { config: Some(_), .. } => Self::Image,
            Body { fs_layers: Some(_), .. } => Self::Schema1,
            _ => Self::Unknown,
        })
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            media_type::OCI_INDEX | media_type::DOCKER_LIST => Some(Self::Index),
            media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST => Some(Self::Image),
            media_type::DOCKER_SCHEMA1 | media_type::DOCKER_SCHEMA1_SIGNED => Some(Self::Schema1),
            media_type::OCI_ARTIFACT => Some(Self::Artifact),
            _ => None,
        }
    }

    /// The properties by which programs tell manifests of another kind. A manifest that has one of them as well is one
    /// image to this program and another one to the next (CVE-2021-41190); `containers/image` refuses the same.
    fn properties_of_others(self) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match self {
            Self::Image => &["config", "layers"],
            Self::Index => &["manifests"],
            Self::Schema1 => &["fsLayers", "history"],
            Self::Artifact => &["blobs"],
            Self::Unknown => TELLING,
        };
        TELLING.iter().copied().filter(move |name| !own.contains(name))
    }
}

/// The properties by which programs tell what a manifest is.
const TELLING: &[&str] = &["config", "layers", "manifests", "fsLayers", "history", "blobs"];

/// The properties whose spelling must be exact, because other programs do not mind their case.
const EXACT: &[&str] = &[
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "history",
    "blobs",
    "mediaType",
    "schemaVersion",
    "subject",
    "artifactType",
    "signatures",
];

fn unique(digests: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut seen = HashSet::new();
    digests.filter(|digest| seen.insert(digest.clone())).collect()
}

/// The names of a body's properties that count.
struct Properties {
    /// Names of [`EXACT`], except those whose value is `null`: such a property is as good as absent.
    names: BTreeSet<&'static str>,
    /// Names that equal one of [`EXACT`] but for upper and lower case: some programs read them as that one.
    misspelt: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut found = Properties { names: BTreeSet::new(), misspelt: BTreeSet::new() };
                while let Some(key) = map.next_key::<String>()? {
                    let is_there = map.next_value::<Option<IgnoredAny>>()?.is_some();
                    if let Some(known) = EXACT.iter().find(|known| **known == key) {
                        if is_there {
                            found.names.insert(known);
                        }
                    } else if EXACT.iter().any(|known| folded(known) == folded(&key)) {
                        found.misspelt.insert(key);
                    }
                }
                Ok(found)
            }
        }

        deserializer.deserialize_map(Names)
    }
}

/// A name as programs see it that do not mind upper and lower case: Go's JSON reader takes `ſ` for `s` and the Kelvin
/// sign for `k` as well.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    media_type: Option<String>,
    config: Option<Object<Descriptor>>,
    layers: Option<Vec<Object<Descriptor>>>,
    manifests: Option<Vec<Object<IndexEntry>>>,
    fs_layers: Option<Vec<Object<FsLayer>>>,
    blobs: Option<Vec<Object<Descriptor>>>,
    artifact_type: Option<String>,
    subject: Option<Object<Descriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer {
    blob_sum: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    schema_version: Option<u64>,
    config: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
    signatures: Option<IgnoredAny>,
}

/// Why a manifest cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ManifestError {
    #[error("manifest has {bytes} bytes, more than the {} MiB that manifests may have", limit / 1024 / 1024)]
    TooLarge { bytes: u64, limit: usize },
    #[error("manifest of type `{media_type}` cannot be read: {message}")]
    Json { media_type: String, message: String },
    #[error("manifest of type `{media_type}` has no `{property}`")]
    Missing { media_type: String, property: &'static str },
    #[error(
        "manifest of type `{media_type}` is ambiguous: it also has `{property}`, which other programs read as an image \
         of another kind"
    )]
    Ambiguous { media_type: String, property: String },
    #[error("`{0}` is no manifest type that can be read, expected an OCI or Docker image or list")]
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = media_type::OCI_MANIFEST;
    const INDEX: &str = media_type::OCI_INDEX;

    #[test]
    fn guesses() {
        fn check(body: &str, expected: &str) {
            assert_eq!(guess_media_type(body.as_bytes()), expected, "{body}");
        }
        check(r#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#, INDEX);
        check(r#"{"schemaVersion":2,"config":{}}"#, IMAGE);
        check(r#"{"schemaVersion":2,"manifests":[]}"#, INDEX);
        check(r#"{"schemaVersion":1,"fsLayers":[]}"#, media_type::DOCKER_SCHEMA1);
        check(r#"{"schemaVersion":1,"fsLayers":[],"signatures":[]}"#, media_type::DOCKER_SCHEMA1_SIGNED);
        check("{}", "application/octet-stream");
        check("[]", "application/octet-stream");
        check(r#"["application/vnd.oci.image.index.v1+json",2]"#, "application/octet-stream");
        check("not json", "application/octet-stream");
    }

    fn fails(body: &str, media_type: &str) -> String {
        ManifestView::parse(body.as_bytes(), media_type).expect_err(body).to_string()
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let check =
            |body: &str, media_type: &str, expected: &str| assert_eq!(fails(body, media_type), expected, "{body}");
        check(
            "{",
            IMAGE,
            &format!("manifest of type `{IMAGE}` cannot be read: EOF while parsing an object at line 1 column 1"),
        );
        check("{}", IMAGE, &format!("manifest of type `{IMAGE}` has no `config`"));
        check("{}", INDEX, &format!("manifest of type `{INDEX}` has no `manifests`"));
        check(
            "{}",
            "text/plain",
            "`text/plain` is no manifest type that can be read, expected an OCI or Docker image or list",
        );
        let bad = r#"{"config":{"mediaType":"x","digest":"sha256:00","size":1}}"#;
        check(
            bad,
            IMAGE,
            &format!(
                "manifest of type `{IMAGE}` cannot be read: invalid digest: sha256 needs 64 hex digits, found 2 characters at line 1 column 47"
            ),
        );
        check(
            &" ".repeat(MAX_MANIFEST_BYTES + 1),
            IMAGE,
            "manifest has 4194305 bytes, more than the 4 MiB that manifests may have",
        );
    }

    fn descriptor(letter: char) -> String {
        format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":1}}"#, letter.to_string().repeat(64))
    }

    /// Programs disagree about what such a document is, so it is nothing.
    #[test]
    fn ambiguous_manifests_are_refused() {
        fn check(body: &str, media_type: &str, property: Option<&str>) {
            let (c, l) = (descriptor('a'), descriptor('b'));
            let body = body.replace("CONFIG", &format!(r#""config":{c}"#)).replace("LAYER", &l);
            match property {
                None => drop(ManifestView::parse(body.as_bytes(), media_type).expect(&body)),
                Some(property) => {
                    let expected = format!("is ambiguous: it also has `{property}`,");
                    let found = fails(&body, media_type);
                    assert!(found.contains(&expected), "{body}: {found}");
                }
            }
        }
        let (docker, list) = (media_type::DOCKER_MANIFEST, media_type::DOCKER_LIST);
        let (schema1, artifact) = (media_type::DOCKER_SCHEMA1, media_type::OCI_ARTIFACT);
        for image in [IMAGE, docker] {
            check(r#"{CONFIG,"layers":[LAYER]}"#, image, None);
            check(r#"{CONFIG,"layers":[LAYER],"manifests":null}"#, image, None);
            check(r#"{CONFIG,"layers":[],"manifests":[]}"#, image, Some("manifests"));
            check(r#"{CONFIG,"layers":[],"manifests":[LAYER]}"#, image, Some("manifests"));
            check(r#"{CONFIG,"layers":[],"fsLayers":[]}"#, image, Some("fsLayers"));
            check(r#"{CONFIG,"layers":[],"history":[]}"#, image, Some("history"));
            check(r#"{CONFIG,"layers":[],"blobs":[]}"#, image, Some("blobs"));
            // Go's reader does not mind the case of letters, nor two letters that look alike.
            check(r#"{CONFIG,"layers":[],"Manifests":[]}"#, image, Some("Manifests"));
            check(r#"{CONFIG,"layers":[],"LayeRS":[LAYER]}"#, image, Some("LayeRS"));
            check("{CONFIG,\"layers\":[],\"layer\u{17f}\":[LAYER]}", image, Some("layer\u{17f}"));
            check(r#"{CONFIG,"layers":[],"MediaType":"x"}"#, image, Some("MediaType"));
            // The body says that it is of another kind.
            check(&format!(r#"{{CONFIG,"mediaType":"{INDEX}"}}"#), image, Some(&format!("mediaType: {INDEX}")));
            check(&format!(r#"{{CONFIG,"mediaType":"{docker}"}}"#), image, None);
            check(r#"{CONFIG,"mediaType":"of/nobody"}"#, image, None);
        }
        for index in [INDEX, list] {
            check(r#"{"manifests":[LAYER]}"#, index, None);
            check(r#"{"manifests":[LAYER],"layers":[]}"#, index, Some("layers"));
            check(r#"{"manifests":[LAYER],CONFIG}"#, index, Some("config"));
            check(r#"{"manifests":[LAYER],"fsLayers":[]}"#, index, Some("fsLayers"));
        }
        check(r#"{"fsLayers":[],"history":[]}"#, schema1, None);
        check(r#"{"fsLayers":[],"layers":[]}"#, schema1, Some("layers"));
        check(r#"{"fsLayers":[],"manifests":[]}"#, schema1, Some("manifests"));
        check(r#"{"blobs":[]}"#, artifact, None);
        check(r#"{"blobs":[],"manifests":[]}"#, artifact, Some("manifests"));
        // Nobody said what it is.
        check(r#"{"manifests":[]}"#, "text/plain", None);
        check(r#"{"manifests":[],CONFIG}"#, "text/plain", Some("config"));
    }

    #[test]
    fn manifests_and_what_they_name_are_json_objects() {
        fn check(body: &str, media_type: &str, says: &str) {
            let found = fails(body, media_type);
            assert!(found.contains(says), "{body}: {found}");
        }
        let (a, array) = (descriptor('a'), format!(r#"["x","sha256:{}",1,[],{{}},null]"#, "a".repeat(64)));
        for body in ["[]", "1", "null", "\"x\"", &format!("[{a}]")] {
            for media_type in [IMAGE, INDEX, "text/plain"] {
                check(body, media_type, "expected a JSON object");
            }
        }
        check(&format!(r#"{{"config":{array},"layers":[]}}"#), IMAGE, "expected a JSON object");
        check(&format!(r#"{{"config":{a},"layers":[{array}]}}"#), IMAGE, "expected a JSON object");
        check(&format!(r#"{{"manifests":[{array}]}}"#), INDEX, "expected a JSON object");
        check(
            &format!(r#"{{"fsLayers":[["sha256:{}"]]}}"#, "a".repeat(64)),
            media_type::DOCKER_SCHEMA1,
            "a JSON object",
        );
        // A property that stands twice is read in two ways.
        check(&format!(r#"{{"config":{a},"config":{a}}}"#), IMAGE, "duplicate field `config`");
        check(&format!(r#"{{"config":{a},"layers":[],"layers":[]}}"#), IMAGE, "duplicate field `layers`");
        check(r#"{"manifests":[],"mediaType":"x","mediaType":"y"}"#, INDEX, "duplicate field `mediaType`");
    }

    #[test]
    fn a_layer_that_stands_twice_is_one_blob() {
        let (layer, config) = (descriptor('a'), descriptor('b'));
        let body = format!(r#"{{"config":{config},"layers":[{layer},{layer}]}}"#);
        let view = ManifestView::parse(body.as_bytes(), IMAGE).expect("well formed");
        assert_eq!(view.blobs().len(), 2);
        assert_eq!(view.named_blobs().len(), 2);
        let body = format!(r#"{{"fsLayers":[{{"blobSum":"sha256:{0}"}},{{"blobSum":"sha256:{0}"}}]}}"#, "a".repeat(64));
        let view = ManifestView::parse(body.as_bytes(), media_type::DOCKER_SCHEMA1).expect("well formed");
        assert_eq!((view.blobs().len(), view.named_blobs().len()), (0, 1));
    }
}
