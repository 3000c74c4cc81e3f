//! Image digest and image tag mirror sets: which source is mirrored where (`docs/behaviour/release.md` 6.2).

use std::collections::{BTreeMap, BTreeSet};

use image_ref::Transport;
use serde_json::{Value, json};

use crate::document::{Document, Section, metadata};
use crate::mirrored::{Category, Kind, Mirrored};
use crate::request::Request;
use crate::yaml;

/// Source to mirrors. Both sorted, so that nothing depends on the order of copying.
type Pairs = BTreeMap<String, BTreeSet<String>>;

/// The two mirror sets, each absent when no image qualifies.
pub(crate) fn documents(rows: &[Mirrored], request: &Request<'_>) -> Vec<Document> {
    [(Section::Idms, Set::DIGEST), (Section::Itms, Set::TAG)]
        .into_iter()
        .filter_map(|(section, set)| set.document(rows, request, section))
        .collect()
}

/// What tells the two kinds of sets apart.
struct Set {
    kind: &'static str,
    prefix: &'static str,
    field: &'static str,
    takes: fn(&Mirrored) -> bool,
}

impl Set {
    const DIGEST: Self = Self {
        kind: "ImageDigestMirrorSet",
        prefix: "idms",
        field: "imageDigestMirrors",
        // The payload is mirrored by tag, but the cluster pulls it by digest.
        takes: |row| row.origin.digest().is_some() || row.kind == Kind::Release,
    };
    const TAG: Self = Self {
        kind: "ImageTagMirrorSet",
        prefix: "itms",
        field: "imageTagMirrors",
        takes: |row| row.origin.digest().is_none() || row.origin.tag().is_some(),
    };

    fn document(&self, rows: &[Mirrored], request: &Request<'_>, section: Section) -> Option<Document> {
        let mut text = String::new();
        for category in Category::ALL {
            let mut pairs = Pairs::new();
            let rows = rows.iter().filter(|row| row.kind.category() == Some(category) && (self.takes)(row));
            for (source, mirror) in rows.filter_map(|row| pair(row, request.max_nested_paths.is_some())) {
                pairs.entry(source).or_default().insert(mirror);
            }
            if !pairs.is_empty() {
                text.push_str("---\n");
                text.push_str(&yaml::write(&self.object(&pairs, category, request)));
            }
        }
        let file_name = format!("{}-oc-mirror.yaml", self.prefix);
        (!text.is_empty()).then_some(Document { file_name, text, section })
    }

    fn object(&self, pairs: &Pairs, category: Category, request: &Request<'_>) -> Value {
        let mirrors: Vec<_> =
            pairs.iter().map(|(source, mirrors)| json!({ "source": source, "mirrors": mirrors })).collect();
        json!({
            "apiVersion": "config.openshift.io/v1",
            "kind": self.kind,
            "metadata": metadata(request, &format!("{}-{}-0", self.prefix, category.as_str()), ""),
            "spec": { self.field: mirrors },
        })
    }
}

/// Source and mirror of one image: the namespaces when the destination path ends with the source path, so that one
/// pair serves many images; otherwise, or when paths are flattened, the repositories. None for an image that has no
/// registry to pull from, and for a name that breaks the grammar of references.
pub(crate) fn pair(row: &Mirrored, repositories_only: bool) -> Option<(String, String)> {
    // A name that no registry can have would make the cluster refuse the whole document.
    if row.origin.repository().is_err() || row.destination.transport() != &Transport::Docker {
        return None;
    }
    let normalized = row.origin.normalized();
    let (source, mirror) = (normalized.name(), row.destination.name());
    if !repositories_only && ends_with_elements(row.destination.path(), row.origin.path()) {
        return Some((without_last(source).to_owned(), without_last(mirror).to_owned()));
    }
    Some((source.to_owned(), mirror.to_owned()))
}

fn ends_with_elements(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// `host/a/b` without its last element. A destination always has a host, and so does a normalised source.
fn without_last(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(rest, _)| rest)
}

#[cfg(test)]
mod tests {
    use image_ref::ImageRef;

    use super::*;

    const D: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    /// The pair, and the sets it appears in, for each row of the table of `docs/behaviour/config-cli.md`.
    #[test]
    fn pairs_and_sets() {
        let rows = [
            (
                Kind::Generic,
                "registry.redhat.io/ubi8-minimal@D",
                "m:5000/ns/ubi8-minimal:t",
                "registry.redhat.io -> m:5000/ns",
                "I",
            ),
            (
                Kind::Generic,
                "registry.redhat.io/ubi8-minimal@D",
                "m:5000/ubi8-minimal:t",
                "registry.redhat.io -> m:5000",
                "I",
            ),
            (
                Kind::Operator,
                "quay.io/acme/op-bundle@D",
                "m:5000/ns/acme/op-bundle:t",
                "quay.io/acme -> m:5000/ns/acme",
                "I",
            ),
            (
                Kind::Release,
                "quay.io/openshift-release-dev/ocp-release:T",
                "m:5000/ns/openshift/release-images:T",
                "quay.io/openshift-release-dev/ocp-release -> m:5000/ns/openshift/release-images",
                "IT",
            ),
            (
                Kind::ReleaseContent,
                "quay.io/openshift-release-dev/ocp-v4.0-art-dev@D",
                "m:5000/ns/openshift/release:T",
                "quay.io/openshift-release-dev/ocp-v4.0-art-dev -> m:5000/ns/openshift/release",
                "I",
            ),
            (
                Kind::Generic,
                "ghcr.io/foo/podinfo:5",
                "m:5000/ns/my/renamed:5",
                "ghcr.io/foo/podinfo -> m:5000/ns/my/renamed",
                "T",
            ),
            (Kind::Generic, "quay.io/ubi:1", "m:5000/ns/myubi:1", "quay.io/ubi -> m:5000/ns/myubi", "T"),
            (Kind::Operator, "quay.io/a/b:1@D", "m:5000/a/b:1", "quay.io/a -> m:5000/a", "IT"),
            (Kind::Generic, "oci:///tmp/app1", "m:5000/ns/tmp/app1:latest", "none", "T"),
            (Kind::Operator, "quay.io/a/*/b:1", "m:5000/a/b:1", "none", "T"),
            (Kind::Operator, "*.io/a/b:1", "m:5000/a/b:1", "none", "T"),
            (Kind::Generic, "ubi:1", "m:5000/ubi:1", "docker.io/library -> m:5000", "T"),
            (Kind::Generic, "docker://quay.io/a/b:1", "docker://m:5000/a/b:1", "quay.io/a -> m:5000/a", "T"),
            (
                Kind::Generic,
                "quay.io/release/x:1",
                "m:5000/release/release/x:1",
                "quay.io/release -> m:5000/release/release",
                "T",
            ),
        ];
        for (kind, origin, destination, expected, sets) in rows {
            let row = Mirrored {
                kind,
                origin: ImageRef::parse(&origin.replace('D', D)).unwrap(),
                destination: ImageRef::parse(destination).unwrap(),
            };
            let found = pair(&row, false).map_or("none".into(), |(source, mirror)| format!("{source} -> {mirror}"));
            assert_eq!(found, expected, "{origin}");
            let mut found = String::new();
            for (name, set) in [('I', Set::DIGEST), ('T', Set::TAG)] {
                if (set.takes)(&row) {
                    found.push(name);
                }
            }
            assert_eq!(found, sets, "{origin}");
        }
    }

    #[test]
    fn flattened_paths_are_paired_by_repository() {
        let row = Mirrored {
            kind: Kind::Generic,
            origin: ImageRef::parse("quay.io/a/b/c:1").unwrap(),
            destination: ImageRef::parse("m:5000/a/b-c:1").unwrap(),
        };
        assert_eq!(pair(&row, true), Some(("quay.io/a/b/c".into(), "m:5000/a/b-c".into())));
        let row = Mirrored { destination: ImageRef::parse("m:5000/a/b/c:1").unwrap(), ..row };
        assert_eq!(pair(&row, true), Some(("quay.io/a/b/c".into(), "m:5000/a/b/c".into())));
    }

    proptest::proptest! {
        /// What a pair is for: replacing the source by the mirror turns origin into destination.
        #[test]
        fn a_pair_leads_from_origin_to_destination(
            path in "[a-c]{1,2}(/[a-c]{1,2}){0,3}",
            destination in "[a-c]{1,2}(/[a-c]{1,2}){0,4}",
            flat: bool,
        ) {
            let row = Mirrored {
                kind: Kind::Generic,
                origin: ImageRef::parse(&format!("q.io/{path}:1")).unwrap(),
                destination: ImageRef::parse(&format!("m.io/{destination}:1")).unwrap(),
            };
            let (source, mirror) = pair(&row, flat).unwrap();
            let rest = row.origin.name().strip_prefix(&source).unwrap();
            proptest::prop_assert!(rest.is_empty() || rest.starts_with('/'));
            proptest::prop_assert_eq!(format!("{mirror}{rest}"), row.destination.name());
        }
    }
}
