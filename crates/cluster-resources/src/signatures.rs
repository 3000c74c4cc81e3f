//! The `ConfigMap` with the signatures of mirrored releases (`docs/behaviour/release.md` 4.3).
//!
//! It grows from run to run: whoever applies it replaces the one before, and a cluster without the signature of a release
//! that was mirrored earlier can no longer verify it. So what the file of the run before has stays.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::document::{Document, Section, annotations};
use crate::mirrored::{Kind, Mirrored};
use crate::request::{Notice, Request};
use crate::yaml;

const NAME: &str = "mirrored-release-signatures";
const NAMESPACE: &str = "openshift-config-managed";
const LABEL: &str = "release.openshift.io/verification-signatures";

/// The `ConfigMap` as JSON and as YAML, or nothing when there is no signature for it: none of a mirrored release, and
/// none of the run before.
pub(crate) fn documents(rows: &[Mirrored], request: &Request<'_>, notices: &mut Vec<Notice>) -> Vec<Document> {
    let (mut by_tag, mut tag_of) = (BTreeMap::new(), BTreeMap::new());
    let mut files: Vec<_> = request.signatures.iter().collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    for file in files {
        match file.name.rsplit_once("-sha256-") {
            // Of two files with one tag the last name wins.
            Some((tag, hex)) if !tag.is_empty() && !hex.is_empty() => {
                by_tag.insert(tag, (hex, &file.content));
                tag_of.insert(hex, tag);
            }
            _ => notices.push(Notice::OddSignatureName(file.name.clone())),
        }
    }
    // By the digest's hex digits: each digest once.
    let mut data: BTreeMap<String, String> = earlier(request.earlier_signatures);
    for row in rows.iter().filter(|row| row.kind == Kind::Release) {
        let tag = row.origin.tag().map_or_else(|| row.destination.tag_or_digest_tag(), str::to_owned);
        if let Some((hex, content)) = by_tag.get(tag.as_str()) {
            data.insert((*hex).to_owned(), STANDARD.encode(content));
        }
    }
    let mut data: Vec<(String, String)> = data.into_iter().collect();
    // Numbered by version; those whose release nobody knows any more come last.
    data.sort_by(|(a, _), (b, _)| match (tag_of.get(a.as_str()), tag_of.get(b.as_str())) {
        (Some(one), Some(other)) => compare_release_tags(one, other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    });
    let numbered = (1..).zip(data).map(|(number, (hex, text))| (format!("sha256-{hex}-{number}"), text));
    let data: BTreeMap<String, String> = numbered.collect();
    if data.is_empty() { Vec::new() } else { both(&data, request) }
}

/// What the `ConfigMap` of the run before has, by the digest's hex digits. Of a file that is none, nothing: [`crate::lost`]
/// tells about it.
fn earlier(text: Option<&str>) -> BTreeMap<String, String> {
    let map: Value = text.and_then(|text| serde_saphyr::from_str(text).ok()).unwrap_or_default();
    let entries = map.get("binaryData").and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| {
            let (hex, _) = key.strip_prefix("sha256-")?.rsplit_once('-')?;
            let text = value.as_str().filter(|text| STANDARD.decode(text).is_ok_and(|bytes| !bytes.is_empty()))?;
            Some((hex.to_owned(), text.to_owned()))
        })
        .collect()
}

fn both(data: &BTreeMap<String, String>, request: &Request<'_>) -> Vec<Document> {
    // Field order is part of the JSON file, hence a struct.
    #[derive(Serialize)]
    struct ConfigMap<'a> {
        kind: &'static str,
        #[serde(rename = "apiVersion")]
        api_version: &'static str,
        metadata: Metadata,
        #[serde(rename = "binaryData")]
        binary_data: &'a BTreeMap<String, String>,
    }
    #[derive(Serialize)]
    struct Metadata {
        name: &'static str,
        namespace: &'static str,
        labels: BTreeMap<&'static str, &'static str>,
        annotations: BTreeMap<String, Value>,
    }
    let sorted = |map: Map<String, Value>| map.into_iter().collect::<BTreeMap<_, _>>();
    let map = ConfigMap {
        kind: "ConfigMap",
        api_version: "v1",
        metadata: Metadata {
            name: NAME,
            namespace: NAMESPACE,
            labels: BTreeMap::from([(LABEL, "")]),
            annotations: sorted(annotations(request)),
        },
        binary_data: data,
    };
    let json = serde_json::to_string(&map).expect("strings and maps of strings are JSON");
    let value = json!(map);
    let document = |extension: &str, text: String| Document {
        file_name: format!("signature-configmap.{extension}"),
        text,
        section: Section::Signatures,
    };
    vec![document("json", json), document("yaml", yaml::write(&value))]
}

/// Orders release tags by version: numbers as numbers, and a pre-release before its release.
fn compare_release_tags(a: &str, b: &str) -> Ordering {
    let key = |tag: &str| {
        let (numbers, rest) = tag.split_once('-').unwrap_or((tag, ""));
        let numbers: Vec<u64> = numbers.split('.').map(|number| number.parse().unwrap_or(u64::MAX)).collect();
        let (label, rest) = rest.split_once('.').unwrap_or(("~", rest));
        let count: u64 = rest.split('-').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        (numbers, label.to_owned(), count)
    };
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_order() {
        let mut tags = [
            "4.16.10-x86_64",
            "4.16.2-x86_64",
            "4.16.2-aarch64",
            "4.16.2-rc.10-x86_64",
            "4.16.2-rc.9-x86_64",
            "4.16.2-ec.1-x86_64",
            "odd",
            "4.9.0-x86_64",
        ];
        tags.sort_by(|a, b| compare_release_tags(a, b));
        assert_eq!(
            tags,
            [
                "4.9.0-x86_64",
                "4.16.2-ec.1-x86_64",
                "4.16.2-rc.9-x86_64",
                "4.16.2-rc.10-x86_64",
                "4.16.2-aarch64",
                "4.16.2-x86_64",
                "4.16.10-x86_64",
                "odd"
            ]
        );
    }
}
