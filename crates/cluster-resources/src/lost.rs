//! What a cluster loses when new files replace those of the run before.
//!
//! Every run writes its own files. Whoever applies them replaces what earlier runs had told the cluster, and an entry
//! that is gone means images that are not found any more. So a run can say which ones those are.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::document::Document;

/// One thing that resources tell a cluster. Display is for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Entry {
    /// A mirror of a source.
    Mirror {
        /// `ImageDigestMirrorSet` or `ImageTagMirrorSet`.
        kind: String,
        /// The source.
        source: String,
        /// The mirror.
        mirror: String,
    },
    /// A named resource: a catalog or an update service.
    Resource {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The signature of a release payload, by the payload's digest in the form `sha256-<hex>`.
    Signature(String),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mirror { kind, source, mirror } => write!(f, "{kind}: {source} -> {mirror}"),
            Self::Resource { kind, name } => write!(f, "{kind}: {name}"),
            Self::Signature(digest) => write!(f, "release signature: {digest}"),
        }
    }
}

/// The entries that the files of the run before had and the new documents lack, sorted.
///
/// # Errors
/// When a previous file is not YAML.
pub fn lost<'a>(
    previous: impl IntoIterator<Item = (&'a str, &'a str)>,
    new: &[Document],
) -> Result<Vec<Entry>, ReadError> {
    let mut before = BTreeSet::new();
    for (file_name, text) in previous {
        before.extend(entries(file_name, text)?);
    }
    let mut after = BTreeSet::new();
    for document in new {
        after.extend(entries(&document.file_name, &document.text)?);
    }
    Ok(before.difference(&after).cloned().collect())
}

fn entries(file_name: &str, text: &str) -> Result<BTreeSet<Entry>, ReadError> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| ReadError {
        file_name: file_name.to_owned(),
        why: error.to_string().lines().next().unwrap_or_default().to_owned(),
    })?;
    Ok(objects.iter().flat_map(entries_of).collect())
}

fn entries_of(object: &Value) -> Vec<Entry> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&object["kind"]);
    let field = match kind.as_str() {
        "ImageDigestMirrorSet" => "imageDigestMirrors",
        "ImageTagMirrorSet" => "imageTagMirrors",
        "ConfigMap" => {
            let keys = object["binaryData"].as_object().into_iter().flat_map(serde_json::Map::keys);
            // `sha256-<hex>-<n>`: the number only counts.
            return keys
                .map(|key| Entry::Signature(key.rsplit_once('-').map_or(key.as_str(), |(d, _)| d).into()))
                .collect();
        }
        "" => return Vec::new(),
        _ => {
            return vec![Entry::Resource {
                name: object.pointer("/metadata/name").map(text).unwrap_or_default(),
                kind,
            }];
        }
    };
    let pairs = object["spec"].get(field).and_then(Value::as_array).into_iter().flatten();
    let mirrors =
        pairs.flat_map(|pair| pair["mirrors"].as_array().into_iter().flatten().map(move |mirror| (pair, mirror)));
    mirrors
        .map(|(pair, mirror)| Entry::Mirror { kind: kind.clone(), source: text(&pair["source"]), mirror: text(mirror) })
        .collect()
}

/// A file of the run before cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot compare with `{file_name}` of the run before: {why}")]
pub struct ReadError {
    file_name: String,
    why: String,
}
