//! `CatalogSource` and `ClusterCatalog`: catalogs for the two generations of OLM (`docs/behaviour/release.md` 6.3).

use std::collections::BTreeMap;

use image_ref::{ImageRef, Transport};
use serde_json::{Value, json};

use crate::document::{Document, Section, metadata, single};
use crate::mirrored::{Kind, Mirrored};
use crate::request::{Notice, Request};
use crate::template;

const NAMESPACE: &str = "openshift-marketplace";

/// Longest name of a Kubernetes object that is used as a DNS label.
const LONGEST_NAME: usize = 63;

/// How much of a tag or digest goes into a name.
const SUFFIX_LENGTH: usize = 12;

/// Both kinds of documents, for every catalog that is at the destination.
pub(crate) fn documents(rows: &[Mirrored], request: &Request<'_>, notices: &mut Vec<Notice>) -> Vec<Document> {
    let catalogs = named(rows, request, notices);
    let sources = catalogs.iter().map(|(name, row)| {
        let name = format!("cs-{name}");
        let object = catalog_source(&name, row, request, notices);
        single(Section::CatalogSource, format!("{name}.yaml"), &object)
    });
    let sources: Vec<_> = sources.collect();
    let clusters = catalogs.iter().map(|(name, row)| {
        let name = format!("cc-{name}");
        single(Section::ClusterCatalog, format!("{name}.yaml"), &cluster_catalog(&name, row, request))
    });
    sources.iter().cloned().chain(clusters).collect()
}

/// Catalogs with their names, without prefix; sorted by destination, so that names do not depend on copying order.
fn named<'a>(rows: &'a [Mirrored], request: &Request<'_>, notices: &mut Vec<Notice>) -> Vec<(String, &'a Mirrored)> {
    let in_cache = |row: &Mirrored| {
        !request.cache_host.is_empty() && row.destination.domain() == request.cache_host
            || row.destination.transport() != &Transport::Docker
    };
    let mut catalogs: Vec<_> = rows.iter().filter(|row| row.kind == Kind::Catalog && !in_cache(row)).collect();
    catalogs.sort_by_key(|row| row.destination.to_string());
    catalogs.dedup_by_key(|row| row.destination.to_string());
    let mut taken: BTreeMap<String, &Mirrored> = BTreeMap::new();
    for row in catalogs {
        let wanted = upstream_name(&row.destination);
        let mut name = repaired(&wanted, "");
        if name != wanted {
            notices.push(Notice::NameRepaired { catalog: row.destination.clone(), wanted, name: name.clone() });
        }
        if let Some(other) = taken.get(&name) {
            let other = other.destination.clone();
            name = repaired(&name, &format!("-{:08x}", fnv1a(&row.destination.to_string())));
            notices.push(Notice::NameShared { catalog: row.destination.clone(), other, name: name.clone() });
        }
        taken.insert(name, row);
    }
    taken.into_iter().collect()
}

/// The name that upstream gives: last path element, and the beginning of tag or digest.
fn upstream_name(destination: &ImageRef) -> String {
    let suffix: String = match (destination.tag(), destination.digest()) {
        (Some(tag), _) => {
            let known = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
            tag.to_ascii_lowercase().chars().take(SUFFIX_LENGTH).map(known).collect()
        }
        (None, Some(digest)) => digest.hex().chars().take(SUFFIX_LENGTH).collect(),
        (None, None) => String::new(),
    };
    let suffix = if suffix.is_empty() { "0" } else { &suffix };
    format!("{}-{suffix}", destination.base_name()).replace('.', "-")
}

/// The name as a DNS label behind a prefix of three characters: as it is when it is one already, otherwise with odd
/// characters replaced, cut to length, and not ending in a dash. `tail` is added within the length.
fn repaired(name: &str, tail: &str) -> String {
    let known = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let longest = LONGEST_NAME - "cs-".len();
    let mut label: String = name.chars().map(known).collect();
    if label.len() + tail.len() > longest {
        // The suffix tells versions of one catalog apart, so the repository's name gives way.
        let suffix = label.rfind('-').map_or(0, |_| label.len().min(SUFFIX_LENGTH + 1));
        let keep = longest - tail.len() - suffix;
        let end = label.split_off(label.len() - suffix);
        label.truncate(keep);
        label.push_str(&end);
    }
    let label = label.trim_end_matches('-');
    format!("{label}{tail}")
}

/// 32-bit FNV-1a: short, and the same on every machine.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn catalog_source(name: &str, row: &Mirrored, request: &Request<'_>, notices: &mut Vec<Notice>) -> Value {
    let mut object = json!({
        "apiVersion": template::API_VERSION,
        "kind": template::KIND,
        "metadata": metadata(request, name, NAMESPACE),
        "spec": {},
    });
    match template::find(request.templates, &row.origin) {
        None => {}
        Some(template) => {
            match template.text.as_ref().map_err(|why| why.clone().into()).and_then(|text| template::parse(text)) {
                Ok(parsed) => parsed.apply(&mut object),
                Err(error) => {
                    notices.push(Notice::TemplateRejected { catalog: template.catalog.clone(), error });
                }
            }
        }
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("image".into(), json!(without_scheme(&row.destination)));
        spec.insert("sourceType".into(), json!("grpc"));
    }
    object
}

fn cluster_catalog(name: &str, row: &Mirrored, request: &Request<'_>) -> Value {
    json!({
        "apiVersion": "olm.operatorframework.io/v1",
        "kind": "ClusterCatalog",
        "metadata": metadata(request, name, ""),
        "spec": {
            "priority": 0,
            "source": { "image": { "ref": without_scheme(&row.destination) }, "type": "Image" },
        },
    })
}

/// `ImageRef` prints registry references without `docker://`.
fn without_scheme(image: &ImageRef) -> String {
    image.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "7c4ef7434c97c8aa11111111111111111111111111111111111111111111aaaa";

    #[test]
    fn names() {
        let digest_tag = format!("sha256-{HEX}");
        let long = "a".repeat(70);
        let rows = [
            ("m/ns/redhat-operator-index:v4.16".to_owned(), "redhat-operator-index-v4-16", true),
            (format!("m/redhat-operator-index:{digest_tag}"), "redhat-operator-index-sha256-7c4ef", true),
            (format!("m/redhat-operator-index:{HEX}"), "redhat-operator-index-7c4ef7434c97", true),
            (format!("m/idx@sha256:{HEX}"), "idx-7c4ef7434c97", true),
            ("m/idx:V4.16_X".to_owned(), "idx-v4-16-x", true),
            ("m/my.idx:1.0".to_owned(), "my-idx-1-0", true),
            // Upstream stops with an error at these.
            ("m/my_idx:v1".to_owned(), "my-idx-v1", false),
            ("m/idx:verylongtag-1234".to_owned(), "idx-verylongtag", false),
            ("m/idx:v1-".to_owned(), "idx-v1", false),
            (format!("m/{long}:v4.16"), "", false),
        ];
        for (destination, expected, as_upstream) in rows {
            let destination = ImageRef::parse(&destination).unwrap();
            let upstream = upstream_name(&destination);
            let name = repaired(&upstream, "");
            assert_eq!(name == upstream, as_upstream, "{destination}");
            if !expected.is_empty() {
                assert_eq!(name, expected, "{destination}");
            }
            assert_label(&format!("cs-{name}"));
        }
    }

    fn assert_label(name: &str) {
        assert!(name.len() <= 63, "{name}");
        assert!(
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        );
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
    }

    #[test]
    fn fnv_vectors() {
        assert_eq!((fnv1a(""), fnv1a("a"), fnv1a("foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }

    proptest::proptest! {
        #[test]
        fn every_destination_gets_a_label(
            path in "[a-z0-9]{1,50}([._-][a-z0-9]{1,40}){0,2}",
            tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}",
            tail in "(-[0-9a-f]{8})?",
        ) {
            let destination = ImageRef::parse(&format!("m.io/{path}:{tag}")).unwrap();
            assert_label(&format!("cs-{}", repaired(&upstream_name(&destination), &tail)));
        }
    }
}
