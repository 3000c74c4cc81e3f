//! Release signatures in the results of the hop before: what `OCP_SIGNATURE_URL=file:///DIR` names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image_ref::Digest;
use image_signature::openpgp::MAX_MESSAGE_SIZE;
use mirror_plan::release::signature;
use serde_json::Value;

use crate::regular_file::read_bounded;

/// Folders of kept signatures below the place that is named: the folder itself, a working directory, or what is above it.
const FOLDERS: [&str; 3] = ["", "signatures", "working-dir/signatures"];

/// Signatures as a cluster gets them, below the same places.
const CONFIG_MAPS: [&str; 3] = [
    "signature-configmap.json",
    "cluster-resources/signature-configmap.json",
    "working-dir/cluster-resources/signature-configmap.json",
];

/// The largest `ConfigMap` that is read, in bytes. Kubernetes accepts 1 MiB.
const MAX_CONFIG_MAP: u64 = 16 * 1024 * 1024;

/// How many signatures of one payload are read from one place.
const MOST: usize = 32;

/// The signatures of a payload at a place: where each lies, and its bytes.
///
/// # Errors
/// A sentence, when the place is not there, holds no signatures at all, or cannot be read.
pub(super) fn find(place: &Path, digest: &Digest) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let about = fs::metadata(place).map_err(|error| format!("OCP_SIGNATURE_URL: `{}`: {error}", place.display()))?;
    if about.is_file() {
        return config_map(place, digest);
    }
    let mut found = Vec::new();
    let mut is_place = false;
    for folder in FOLDERS.map(|folder| place.join(folder)) {
        let names = names(&folder)?;
        is_place |= names.iter().any(|name| signature::parse_file_name(name).is_some());
        for name in signature::find_kept(names.iter().map(String::as_str), digest).into_iter().take(MOST) {
            let path = folder.join(name);
            if path.is_file() {
                found.push((path.clone(), read(&path, MAX_MESSAGE_SIZE as u64)?));
            }
        }
    }
    for file in CONFIG_MAPS.map(|file| place.join(file)).into_iter().filter(|file| file.is_file()) {
        is_place = true;
        found.extend(config_map(&file, digest)?);
    }
    if !is_place {
        return Err(format!(
            "OCP_SIGNATURE_URL: `{}` holds no release signatures: name the working directory of the hop before, its folder \
             `signatures`, or its `cluster-resources/signature-configmap.json`",
            place.display()
        ));
    }
    Ok(found)
}

/// The names in a folder; none when there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error: io::Error| format!("reading `{}`: {error}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(unreadable)?.file_name().into_string().ok());
    }
    Ok(names)
}

/// The signatures of a payload in a `ConfigMap`, whose keys are `sha256-<hex>-<number>`.
fn config_map(path: &Path, digest: &Digest) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let unusable = |why: String| {
        format!("OCP_SIGNATURE_URL: `{}` is no `ConfigMap` of release signatures in JSON: {why}", path.display())
    };
    let object: Value =
        serde_json::from_slice(&read(path, MAX_CONFIG_MAP)?).map_err(|error| unusable(error.to_string()))?;
    let data = object.get("binaryData").and_then(Value::as_object);
    let data = data.ok_or_else(|| unusable("it has no `binaryData`".to_owned()))?;
    let begin = format!("{}-", digest.as_tag());
    let of_payload = data.iter().filter(|(key, _)| key.starts_with(&begin)).take(MOST);
    let mut found = Vec::new();
    for (key, value) in of_payload {
        let content = value.as_str().and_then(|text| BASE64.decode(text).ok());
        let content = content.ok_or_else(|| unusable(format!("`{key}` is no base64")))?;
        found.push((path.to_owned(), content));
    }
    Ok(found)
}

/// A whole file of bounded size.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    read_bounded(path, most).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            format!("`{}` is larger than {most} bytes, more than any file of signatures", path.display())
        }
        _ => format!("reading `{}`: {error}", path.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest::sha256(&"1".repeat(64)).unwrap()
    }

    fn write(folder: &Path, name: &str, bytes: &[u8]) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn every_place_of_the_hop_before() {
        let kept = format!("4.16.1-x86_64-sha256-{}", "1".repeat(64));
        let map = format!(
            r#"{{"binaryData": {{"sha256-{}-1": "c2lnbmVk", "sha256-{}-1": "eA=="}}}}"#,
            "1".repeat(64),
            "2".repeat(64)
        );
        for (file, named) in [
            (kept.clone(), ""),
            (format!("signatures/{kept}"), ""),
            (format!("signatures/{kept}"), "signatures"),
            (format!("working-dir/signatures/{kept}"), ""),
            ("cluster-resources/signature-configmap.json".to_owned(), ""),
            ("cluster-resources/signature-configmap.json".to_owned(), "cluster-resources"),
            ("working-dir/cluster-resources/signature-configmap.json".to_owned(), ""),
            ("any-name.json".to_owned(), "any-name.json"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let content = if file.contains(".json") { map.as_bytes() } else { b"signed".as_slice() };
            write(folder.path(), &file, content);
            let found = find(&folder.path().join(named), &digest()).unwrap();
            let found: Vec<&[u8]> = found.iter().map(|(_, bytes)| bytes.as_slice()).collect();
            assert_eq!(found, [b"signed".as_slice()], "{file} as {named}");
            // Another release has none there.
            let other = Digest::sha256(&"3".repeat(64)).unwrap();
            assert_eq!(find(&folder.path().join(named), &other), Ok(Vec::new()), "{file}");
        }
    }

    #[test]
    fn places_that_are_none() {
        let check = |file: &str, content: &[u8], named: &str, expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), file, content);
            let said = find(&folder.path().join(named), &digest()).unwrap_err();
            assert!(said.contains(expected), "{said}");
        };
        check("a", b"", "gone", "No such file");
        check("a", b"", "", "holds no release signatures");
        check("a.json", b"no json", "a.json", "is no `ConfigMap`");
        check("a.json", b"{}", "a.json", "no `binaryData`");
        let broken = format!(r#"{{"binaryData": {{"sha256-{}-1": "?"}}}}"#, "1".repeat(64));
        check("signature-configmap.json", broken.as_bytes(), "", "is no base64");
        let large = vec![0; MAX_MESSAGE_SIZE + 1];
        check(&format!("x-sha256-{}", "1".repeat(64)), &large, "", "larger than");
    }
}
