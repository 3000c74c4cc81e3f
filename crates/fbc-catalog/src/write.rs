//! Writing: one directory per package, one `catalog.json` in it (`docs/behaviour/operators-archive.md` 1.4 and 3.3).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use crate::catalog::{Blob, Catalog, Channel, Deprecations, Entry};
use crate::fields::{Fields, same_name};
use crate::yaml::push_string;

/// Writes a catalog: relative paths with their bytes, sorted by path. The same catalog gives the same bytes.
///
/// Blobs of known schemas are indented by four blanks, their fields in the usual order and what they hold besides after
/// that. Blobs of other schemas keep their bytes.
///
/// # Errors
/// When a package name cannot be the name of a directory.
pub fn write(catalog: &Catalog) -> Result<Vec<(String, Vec<u8>)>, WriteError> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for package in &catalog.packages {
        let mut default_channel = String::new();
        push_string(&mut default_channel, &package.default_channel);
        let file = files.entry(&package.name).or_default();
        push_blob(file, &package.blob, &PACKAGE_FIELDS, Some(("defaultChannel", &default_channel)));
    }
    let mut channels: Vec<&Channel> = catalog.channels.iter().collect();
    channels.sort_by(|left, right| left.name.cmp(&right.name));
    for channel in channels {
        let file = files.entry(&channel.package).or_default();
        push_blob(file, &channel.blob, &CHANNEL_FIELDS, Some(("entries", &entries_json(&channel.entries))));
    }
    let mut bundles: Vec<_> = catalog.bundles.iter().collect();
    bundles.sort_by(|left, right| left.name.cmp(&right.name));
    for bundle in bundles {
        let mut image = String::new();
        push_string(&mut image, &bundle.image);
        push_blob(files.entry(&bundle.package).or_default(), &bundle.blob, &BUNDLE_FIELDS, Some(("image", &image)));
    }
    let mut others: Vec<_> = catalog.others.iter().collect();
    others.sort_by(|left, right| left.schema.cmp(&right.schema));
    for other in others {
        let file = files.entry(&other.package).or_default();
        file.push_str(other.text());
        file.push('\n');
    }
    for deprecations in &catalog.deprecations {
        let file = files.entry(&deprecations.package).or_default();
        let entries = deprecations_json(deprecations);
        push_blob(file, &deprecations.blob, &DEPRECATIONS_FIELDS, Some(("entries", &entries)));
    }
    files
        .into_iter()
        .map(|(package, text)| {
            let path = match package {
                "" => "catalog.json".to_owned(),
                package if is_local_element(package) => format!("{package}/catalog.json"),
                package => return Err(WriteError::PackageName(package.to_owned())),
            };
            Ok((path, text.into_bytes()))
        })
        .collect()
}

/// A catalog that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A package name that would leave its place.
    #[error("invalid package name \"{0}\": must be a single local path element")]
    PackageName(String),
}

const PACKAGE_FIELDS: [&str; 6] = ["schema", "name", "defaultChannel", "icon", "description", "properties"];
const CHANNEL_FIELDS: [&str; 5] = ["schema", "name", "package", "entries", "properties"];
const BUNDLE_FIELDS: [&str; 6] = ["schema", "name", "package", "image", "properties", "relatedImages"];
const DEPRECATIONS_FIELDS: [&str; 3] = ["schema", "package", "entries"];

fn is_local_element(name: &str) -> bool {
    name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

fn entries_json(entries: &[Entry]) -> String {
    let mut json = String::from("[");
    for (index, entry) in entries.iter().enumerate() {
        json.push_str(if index == 0 { "{\"name\":" } else { ",{\"name\":" });
        push_string(&mut json, &entry.name);
        if let Some(replaces) = &entry.replaces {
            json.push_str(",\"replaces\":");
            push_string(&mut json, replaces);
        }
        for (index, skipped) in entry.skips.iter().enumerate() {
            json.push_str(if index == 0 { ",\"skips\":[" } else { "," });
            push_string(&mut json, skipped);
        }
        if !entry.skips.is_empty() {
            json.push(']');
        }
        if let Some(range) = &entry.skip_range {
            json.push_str(",\"skipRange\":");
            push_string(&mut json, range);
        }
        json.push('}');
    }
    json.push(']');
    json
}

fn deprecations_json(deprecations: &Deprecations) -> String {
    let mut json = String::from("[");
    for (index, entry) in deprecations.entries.iter().enumerate() {
        json.push_str(if index == 0 { "{\"reference\":{\"schema\":" } else { ",{\"reference\":{\"schema\":" });
        push_string(&mut json, &entry.schema);
        if !entry.name.is_empty() {
            json.push_str(",\"name\":");
            push_string(&mut json, &entry.name);
        }
        json.push_str("},\"message\":");
        push_string(&mut json, &entry.message);
        json.push('}');
    }
    json.push(']');
    json
}

/// Appends a blob: known fields first and in order, one of them replaced when the model may differ from the text.
fn push_blob(out: &mut String, blob: &Blob, order: &[&str], replaced: Option<(&str, &str)>) {
    let text = blob.text.get();
    let fields: Fields<'_> = serde_json::from_str(text).expect("every blob of a catalog was read as an object");
    let mut members: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(fields.0.len() + 1);
    for name in order {
        match replaced {
            Some((field, value)) if field == *name => members.push((Cow::Borrowed(name), value)),
            _ => members.extend(fields.get(name).map(|value| (Cow::Borrowed(*name), value.get()))),
        }
    }
    let unknown = |key: &str| !order.iter().any(|name| same_name(key, name));
    // Of a repeated field the last one counts, as for the reader.
    let last: HashMap<&str, usize> = fields.0.iter().enumerate().map(|(index, (key, _))| (&**key, index)).collect();
    for (index, (key, value)) in fields.0.iter().enumerate() {
        if unknown(key) && last.get(&**key) == Some(&index) {
            members.push((key.clone(), RawValue::get(value)));
        }
    }
    out.reserve(text.len() + text.len() / 4);
    out.push('{');
    for (index, (key, value)) in members.iter().enumerate() {
        out.push_str(if index == 0 { "\n    " } else { ",\n    " });
        push_string(out, key);
        out.push_str(": ");
        push_indented(out, value, 1);
    }
    out.push_str(if members.is_empty() { "}\n" } else { "\n}\n" });
}

/// Appends valid JSON with new white space between its tokens; the tokens stay as they are.
///
/// Indentation stops growing at a depth no catalog has, lest a deeply nested value become quadratically long.
fn push_indented(out: &mut String, json: &str, mut depth: usize) {
    const DEEPEST: usize = 64;
    let bytes = json.as_bytes();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth.min(DEEPEST)));
    };
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                at += 1;
                out.push_str(json.get(start..at).unwrap_or_default());
            }
            b'{' | b'[' => {
                out.push(char::from(*byte));
                let rest = json.get(at..).unwrap_or_default().trim_start();
                if let Some(end) = rest.chars().next().filter(|c| matches!(c, '}' | ']')) {
                    at = json.len() - rest.len() + 1;
                    out.push(end);
                } else {
                    depth += 1;
                    line(out, depth);
                }
            }
            b'}' | b']' => {
                depth -= 1;
                line(out, depth);
                out.push(char::from(*byte));
            }
            b',' => {
                out.push(',');
                line(out, depth);
            }
            b':' => out.push_str(": "),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => {
                while bytes
                    .get(at)
                    .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                {
                    at += 1;
                }
                out.push_str(json.get(start..at).unwrap_or_default());
            }
        }
    }
}
