//! The list of images to delete: written by the first step of `delete`, read by people, obeyed by the second step
//! (`docs/behaviour/config-cli.md` 7.2, 7.3 and 4.6).
//!
//! The list is the contract between the two steps and between versions of the program, so its types are texts: a kind
//! that this version does not know still names an image that somebody decided to delete.
//!
//! ```
//! use mirror_plan::delete::{DeleteItem, DeleteList};
//!
//! let list = DeleteList::new([DeleteItem {
//!     image_name: "img.example/t/cli:v1".into(),
//!     image_reference: "docker://reg.lan:5000/m/t/cli:v1".into(),
//!     kind: "generic".into(),
//!     ..DeleteItem::default()
//! }]);
//! assert_eq!(DeleteList::parse(&list.to_yaml()).unwrap(), list);
//! assert!(list.items[0].target("reg.lan:5000/m").is_ok());
//! assert!(list.items[0].target("reg.lan:5000/n").is_err());
//! ```

use std::fmt::Write as _;

use image_ref::{Digest, ImageRef, Transport};
use serde::Deserialize;

use crate::attachment;
use crate::claim::Reserved;
use crate::release::{COMPONENT_REPOSITORY, GRAPH_REPOSITORY, RELEASE_REPOSITORY};

const RELEASE: &str = "ocpRelease";
const RELEASE_CONTENT: &str = "ocpReleaseContent";
const GRAPH: &str = "cincinnatiGraph";

/// How many nodes a list may have: some 200 000 images.
const MOST_NODES: usize = 2_000_000;

/// The images to delete: each reference once for the same digests, sorted by it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteList {
    /// The images.
    pub items: Vec<DeleteItem>,
}

/// One image to delete.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteItem {
    /// The image's origin, for people.
    #[serde(default)]
    pub image_name: String,
    /// What is deleted: `docker://registry/path:tag`.
    #[serde(default)]
    pub image_reference: String,
    /// The image's type, such as `ocpRelease` or `generic`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// References of images outside the list that need this one: bundles whose operator shares it, catalogs that hold it. While
    /// one of them is at the destination, this image is kept; one with tag and digest is there as long as the tag names that
    /// digest. Upstream has no such field and ignores it.
    #[serde(default)]
    pub needed_by: Vec<String>,
    /// The manifests that may be deleted, where it is known which the image is: by its digest in the configuration, in a
    /// release or in a catalog. What the tag of the reference names is left alone when it is another one. Upstream knows no
    /// such field.
    #[serde(default, rename = "manifests")]
    pub digests: Vec<Digest>,
}

impl DeleteList {
    /// A list of these items: sorted by reference; of several with the same reference and digests the first stays.
    pub fn new(items: impl IntoIterator<Item = DeleteItem>) -> Self {
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort_by(|a, b| (&a.image_reference, &a.digests).cmp(&(&b.image_reference, &b.digests)));
        items.dedup_by(|a, b| a.image_reference == b.image_reference && a.digests == b.digests);
        Self { items }
    }

    /// Reads a list. Unknown fields are ignored, kind and version are not looked at; order and duplicates stay.
    ///
    /// # Errors
    /// When the text is not YAML, or `items` is no list of items.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default)]
            items: Option<Vec<DeleteItem>>,
        }
        let mut options = serde_saphyr::Options::default();
        let mut budget = serde_saphyr::Budget::default();
        budget.max_nodes = MOST_NODES;
        budget.max_events = MOST_NODES * 2;
        budget.max_total_scalar_bytes = text.len();
        options.budget = Some(budget);
        let wire: Option<Wire> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| ReadError(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
        Ok(Self { items: wire.and_then(|wire| wire.items).unwrap_or_default() })
    }

    /// The list as the file that people read before the second step: keys sorted.
    pub fn to_yaml(&self) -> String {
        let mut text = "apiVersion: mirror.openshift.io/v2alpha1\n".to_owned();
        text.push_str(if self.items.is_empty() { "items: []\n" } else { "items:\n" });
        for item in &self.items {
            let [name, reference, kind] =
                [&item.image_name, &item.image_reference, &item.kind].map(|text| scalar(text));
            let _ = writeln!(text, "- imageName: {name}\n  imageReference: {reference}");
            if !item.digests.is_empty() {
                text.push_str("  manifests:\n");
            }
            for digest in &item.digests {
                let _ = writeln!(text, "  - {digest}");
            }
            if !item.needed_by.is_empty() {
                text.push_str("  neededBy:\n");
            }
            for needing in &item.needed_by {
                let _ = writeln!(text, "  - {}", scalar(needing));
            }
            let _ = writeln!(text, "  type: {kind}");
        }
        text.push_str("kind: DeleteImageList\n");
        text
    }
}

/// Names of the two files of the first step: the list, and the configuration it came from.
pub fn file_names(id: Option<&str>) -> (String, String) {
    let suffix = id.filter(|id| !id.is_empty()).map(|id| format!("-{id}")).unwrap_or_default();
    (format!("delete-images{suffix}.yaml"), format!("delete-imageset-config{suffix}.yaml"))
}

impl DeleteItem {
    /// The item for what cosign has attached to a manifest of this image: the tag `sha256-<hex>.<ending>` beside it, where
    /// the ending is `sig` for a signature. None when this item's reference is none, and when cosign has no tag for the digest.
    pub fn attachment(&self, digest: &Digest, ending: &str) -> Option<Self> {
        let tag = attachment::tag(digest, ending);
        attachment::subject(&tag)?;
        let beside = |text: &str| ImageRef::parse_name(text).ok().map(|image| image.with_tag(&tag));
        Some(Self {
            image_name: beside(&self.image_name)?.to_string(),
            image_reference: beside(&self.image_reference)?.with_scheme(),
            kind: self.kind.clone(),
            needed_by: self.needed_by.clone(),
            digests: Vec::new(),
        })
    }

    /// The digests of the manifests that this item means: those that the list names, else the one that the tag of its
    /// `image` is made of, such as `sha256-<hex>`. None when whatever the tag names is meant.
    pub fn manifests(&self, image: &ImageRef) -> Vec<Digest> {
        if self.digests.is_empty() {
            return image.tag().and_then(Digest::from_tag).into_iter().collect();
        }
        self.digests.clone()
    }

    /// The references under which the image may be known: its own, and those by its digests.
    pub fn names(&self) -> Vec<String> {
        let own = std::iter::once(self.image_reference.clone());
        let Ok(image) = ImageRef::parse(&self.image_reference) else { return own.collect() };
        let by_digest = self.digests.iter().map(|digest| image.with_tag(&digest.as_tag()).with_scheme());
        own.chain(by_digest).collect()
    }

    /// What is to be deleted, if it is where the second step may delete: below `destination`
    /// (`registry[/namespace]`), a release exactly where releases are mirrored to, and nothing else there.
    ///
    /// # Errors
    /// When the reference is none, names another place, or one of releases without being of a release.
    pub fn target(&self, destination: &str) -> Result<ImageRef, TargetError> {
        let destination = destination.trim_end_matches('/');
        let image = ImageRef::parse(&self.image_reference)
            .map_err(|error| TargetError::Reference { text: self.image_reference.clone(), why: error.to_string() })?;
        let matches = image.transport() == &Transport::Docker
            && match self.kind.as_str() {
                RELEASE => image.name() == format!("{destination}/openshift/release-images"),
                RELEASE_CONTENT => image.name() == format!("{destination}/openshift/release"),
                _ => image.name().strip_prefix(destination).is_some_and(|rest| rest.starts_with('/')),
            };
        if !matches {
            return Err(TargetError::Elsewhere {
                text: self.image_reference.clone(),
                kind: self.kind.clone(),
                destination: destination.to_owned(),
            });
        }
        let below = image.name().strip_prefix(destination).map(|rest| rest.trim_start_matches('/'));
        let reserved = below.into_iter().chain([image.path()]).find_map(Reserved::in_cache);
        match reserved {
            Some(repository) if !may_be_in(&self.kind, repository) => Err(TargetError::Reserved {
                text: self.image_reference.clone(),
                kind: self.kind.clone(),
                repository: repository.to_owned(),
            }),
            _ => Ok(image),
        }
    }
}

/// Whether images of this type are in that repository of releases.
fn may_be_in(kind: &str, repository: &str) -> bool {
    match kind {
        RELEASE => repository == RELEASE_REPOSITORY,
        RELEASE_CONTENT => repository == COMPONENT_REPOSITORY,
        GRAPH => repository == GRAPH_REPOSITORY,
        _ => false,
    }
}

/// Where an image that oc-mirror v1 mirrored came from; decides its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum V1Source {
    /// An operator of a catalog in a registry.
    Operator,
    /// An operator of a catalog in a directory, `oci://`.
    OperatorOfLocalCatalog,
    /// An additional image or an image of a Helm chart.
    Other,
}

/// The tag that oc-mirror v1 gave an image; none unless the image is named by digest alone, since other images kept
/// their tag.
pub fn v1_tag(image: &ImageRef, source: V1Source) -> Option<String> {
    let digest = image.digest().filter(|_| image.tag().is_none())?;
    Some(match source {
        V1Source::Operator => {
            let text = image.to_string();
            let without_transport = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
            format!("{:x}", fnv1a(without_transport))
        }
        V1Source::OperatorOfLocalCatalog => digest.hex().get(..6)?.to_owned(),
        V1Source::Other => "latest".to_owned(),
    })
}

/// 32-bit FNV-1a.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A plain scalar where that is surely the same text; otherwise quoted as JSON, which is YAML too.
fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._/:@+-".contains(c);
    // A slash or a leading letter rules out numbers and dates; the words of YAML are shorter than any type here.
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic()) || text.starts_with('/');
    let plain = starts && text.len() > 5 && text.chars().all(safe) && !text.ends_with(':');
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// The text is no delete list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no list of images to delete: {0}; expected a file that `delete --generate` wrote")]
pub struct ReadError(String);

/// Why an item is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum TargetError {
    #[error("imageReference `{text}` names no image: {why}")]
    Reference { text: String, why: String },
    #[error("delete destination `{destination}` does not match imageReference `{text}` of type `{kind}`: skipped")]
    Elsewhere { text: String, kind: String, destination: String },
    #[error(
        "imageReference `{text}` of type `{kind}` is in `{repository}`, which is reserved for images of releases: \
         skipped. Delete a release by naming it under `platform` in the configuration"
    )]
    Reserved { text: String, kind: String, repository: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    fn item(name: &str, reference: &str, kind: &str) -> DeleteItem {
        DeleteItem {
            image_name: name.into(),
            image_reference: reference.into(),
            kind: kind.into(),
            ..DeleteItem::default()
        }
    }

    #[test]
    fn the_file() {
        let list = DeleteList::new([
            item(
                &format!("img.example/t/cli@{D}"),
                &format!("docker://reg.lan:5000/m/t/cli:{}", D.replace(':', "-")),
                "generic",
            ),
            item(
                "docker://localhost:55000/openshift/graph-image:latest",
                "docker://reg.lan:5000/m/openshift/graph-image:latest",
                "cincinnatiGraph",
            ),
            item("second of its reference", "docker://reg.lan:5000/m/openshift/graph-image:latest", "generic"),
            item("oci:///srv/with blank: and #", "docker://reg.lan:5000/m/a:1", "generic"),
            DeleteItem {
                digests: vec![D.parse().unwrap()],
                ..item(&format!("img.example/t/cli:v1@{D}"), "docker://reg.lan:5000/m/t/cli:v1", "generic")
            },
        ]);
        let yaml = list.to_yaml();
        insta::assert_snapshot!(yaml, @r#"
        apiVersion: mirror.openshift.io/v2alpha1
        items:
        - imageName: "oci:///srv/with blank: and #"
          imageReference: docker://reg.lan:5000/m/a:1
          type: generic
        - imageName: docker://localhost:55000/openshift/graph-image:latest
          imageReference: docker://reg.lan:5000/m/openshift/graph-image:latest
          type: cincinnatiGraph
        - imageName: img.example/t/cli@sha256:1111111111111111111111111111111111111111111111111111111111111111
          imageReference: docker://reg.lan:5000/m/t/cli:sha256-1111111111111111111111111111111111111111111111111111111111111111
          type: generic
        - imageName: img.example/t/cli:v1@sha256:1111111111111111111111111111111111111111111111111111111111111111
          imageReference: docker://reg.lan:5000/m/t/cli:v1
          manifests:
          - sha256:1111111111111111111111111111111111111111111111111111111111111111
          type: generic
        kind: DeleteImageList
        "#);
        assert_eq!(DeleteList::parse(&yaml).unwrap(), list);
        assert_eq!(
            DeleteList::default().to_yaml(),
            "apiVersion: mirror.openshift.io/v2alpha1\nitems: []\nkind: DeleteImageList\n"
        );
    }

    #[test]
    fn which_manifests_are_meant() {
        let other = D.replace('1', "2");
        let check = |reference: &str, told: &[&str], meant: &[&str], names: &[&str]| {
            let digests = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Digest>>();
            let item = DeleteItem { digests: digests(told), ..item("", reference, "generic") };
            let image = item.target("r.io/m").unwrap();
            assert_eq!(item.manifests(&image), digests(meant), "{reference} {told:?}");
            assert_eq!(item.names(), names, "{reference} {told:?}");
        };
        let by_digest = |digest: &str| format!("docker://r.io/m/a:{}", digest.replace(':', "-"));
        check("docker://r.io/m/a:v1", &[], &[], &["docker://r.io/m/a:v1"]);
        check("docker://r.io/m/a:v1", &[D], &[D], &["docker://r.io/m/a:v1", &by_digest(D)]);
        let all = ["docker://r.io/m/a:v1", &by_digest(D), &by_digest(&other)];
        check("docker://r.io/m/a:v1", &[D, &other], &[D, &other], &all);
        // The tag of a digest says so itself, unless the list says otherwise; that of a signature is none.
        check(&by_digest(D), &[], &[D], &[&by_digest(D)]);
        check(&by_digest(D), &[&other], &[&other], &[&by_digest(D), &by_digest(&other)]);
        let signature = format!("{}.sig", by_digest(D));
        check(&signature, &[], &[], &[&signature]);
    }

    #[test]
    fn names() {
        assert_eq!(file_names(None), ("delete-images.yaml".into(), "delete-imageset-config.yaml".into()));
        assert_eq!(file_names(Some("")), file_names(None));
        assert_eq!(file_names(Some("x")), ("delete-images-x.yaml".into(), "delete-imageset-config-x.yaml".into()));
    }

    #[test]
    fn what_is_read() {
        let rows = [
            ("", 0),
            ("items:", 0),
            ("items: []\nkind: Whatever", 0),
            (
                "kind: DeleteImageList\nextra: {a: 1}\nitems:\n- imageReference: docker://h.io/a:1\n  relatedBlobs: [x]\n",
                1,
            ),
            (
                "items:\n- {imageReference: 'docker://h.io/b:1'}\n- {imageReference: 'docker://h.io/a:1', type: new}\n",
                2,
            ),
        ];
        for (text, count) in rows {
            assert_eq!(DeleteList::parse(text).unwrap().items.len(), count, "{text:?}");
        }
        // The order of the file is the order of deleting.
        assert_eq!(DeleteList::parse(rows[4].0).unwrap().items[0].image_reference, "docker://h.io/b:1");
        for text in ["items: 5", "items: [5]", "a: ["] {
            assert!(DeleteList::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn where_deleting_is_allowed() {
        let rows = [
            ("ocpRelease", "docker://r.io/m/openshift/release-images:4", true),
            ("ocpRelease", "docker://r.io/m/openshift/release-images-x:4", false),
            ("ocpRelease", "docker://r.io/m/x/openshift/release-images:4", false),
            ("ocpRelease", "docker://r.io/m/openshift/release:4", false),
            ("ocpReleaseContent", "docker://r.io/m/openshift/release:4-etcd", true),
            ("ocpReleaseContent", "docker://r.io/m/openshift/release-images:4", false),
            ("generic", "docker://r.io/m/a:1", true),
            ("generic", "docker://r.io/m/openshift/release:4", false),
            ("generic", "docker://r.io/m/openshift/release-images:4", false),
            ("operatorBundle", "docker://r.io/m/openshift/graph-image:latest", false),
            ("somethingNew", "docker://r.io/m/openshift/release-images:4", false),
            ("cincinnatiGraph", "docker://r.io/m/openshift/graph-image:latest", true),
            ("cincinnatiGraph", "docker://r.io/m/openshift/release:4", false),
            ("generic", "docker://r.io/m/openshift/release/x:4", true),
            ("generic", "docker://r.io/m/x/openshift/release:4", true),
            ("generic", "r.io/m/a:1", true),
            ("generic", "docker://r.io/mm/a:1", false),
            ("generic", "docker://r.io/m:1", false),
            ("generic", "docker://other.io/m/a:1", false),
            ("generic", "oci://r.io/m/a", false),
            (
                "somethingNew",
                "docker://r.io/m/a@sha256:1111111111111111111111111111111111111111111111111111111111111111",
                true,
            ),
            ("generic", "docker://r.io/m/a", false),
            ("generic", "", false),
        ];
        for (kind, reference, allowed) in rows {
            assert_eq!(item("", reference, kind).target("r.io/m").is_ok(), allowed, "{kind} {reference}");
        }
        let elsewhere = item("", "docker://other.io/m/a:1", "generic").target("r.io/m").unwrap_err();
        let from_root = item("", "docker://r.io/openshift/release:1", "generic").target("r.io/openshift").unwrap_err();
        insta::assert_snapshot!(from_root, @"imageReference `docker://r.io/openshift/release:1` of type `generic` is in `openshift/release`, which is reserved for images of releases: skipped. Delete a release by naming it under `platform` in the configuration");
        insta::assert_snapshot!(elsewhere, @"delete destination `r.io/m` does not match imageReference `docker://other.io/m/a:1` of type `generic`: skipped");
    }

    #[test]
    fn signatures_lie_beside_their_image() {
        let signature = item(&format!("img.example/t/cli@{D}"), "docker://r.io/m/t/cli:x", "generic")
            .attachment(&D.parse().unwrap(), "sig")
            .unwrap();
        let tag = format!("{}.sig", D.replace(':', "-"));
        assert_eq!(
            signature,
            item(&format!("img.example/t/cli:{tag}"), &format!("docker://r.io/m/t/cli:{tag}"), "generic")
        );
    }

    #[test]
    fn tags_of_v1() {
        let rows = [
            (format!("quay.io/ns/img@{D}"), V1Source::Operator, Some("59f3ce02")),
            (format!("docker://quay.io/ns/img@{D}"), V1Source::Operator, Some("59f3ce02")),
            (format!("quay.io/ns/img@{D}"), V1Source::OperatorOfLocalCatalog, Some("111111")),
            (format!("quay.io/ns/img@{D}"), V1Source::Other, Some("latest")),
            (format!("quay.io/ns/img:1@{D}"), V1Source::Operator, None),
            ("quay.io/ns/img:1".to_owned(), V1Source::Other, None),
        ];
        for (image, source, tag) in rows {
            assert_eq!(v1_tag(&ImageRef::parse(&image).unwrap(), source).as_deref(), tag, "{image}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in proptest::collection::vec(("\\PC{0,12}", "[ -~]{0,12}", "[a-zA-Z]{0,8}"), 0..6)) {
            let list = DeleteList::new(rows.iter().map(|(name, reference, kind)| item(name, reference, kind)));
            proptest::prop_assert_eq!(DeleteList::parse(&list.to_yaml()).unwrap(), list);
        }
    }
}
