//! The cache of `opm`: against caches that operator-registry has built, and a small one with its digest in this file.

use std::collections::BTreeMap;
use std::path::Path;

use fbc_catalog::opm_cache::{Modes, build, digest};
use serde_json::Value;

type Files = Vec<(String, Vec<u8>)>;

/// A catalog with everything that has a place in the cache.
fn lamp() -> Files {
    let text = r#"
{"schema": "olm.package", "name": "lamp", "defaultChannel": "stable", "description": "A lamp.",
 "icon": {"base64data": "PHN2Zy8+", "mediatype": "image/svg+xml"}}
{"schema": "olm.channel", "package": "lamp", "name": "stable", "entries": [
  {"name": "lamp.v1.1.0", "replaces": "lamp.v1.0.0", "skips": ["lamp.v1.0.1"]},
  {"name": "lamp.v1.0.0", "skipRange": ">=0.9.0 <1.0.0"}]}
{"schema": "olm.channel", "package": "lamp", "name": "old", "entries": [{"name": "lamp.v1.0.0"}]}
{"schema": "olm.bundle", "package": "lamp", "name": "lamp.v1.0.0", "image": "example.org/lamp:1.0.0",
 "properties": [
  {"type": "olm.package", "value": {"version": "1.0.0", "packageName": "lamp"}},
  {"type": "olm.gvk", "value": {"group": "lamp.example.org", "version": "v1", "kind": "Lamp"}},
  {"type": "olm.package.required", "value": {"packageName": "socket", "versionRange": ">=2.0.0"}},
  {"type": "olm.csv.metadata", "value": {"displayName": "Lamp", "annotations": {"a": "b"}, "unknown": 1,
   "crdDescriptions": {"owned": [{"name": "lamps", "specDescriptors": [{"path": "p", "value": {"b": 1, "a": 2.0}}]}]},
   "apiServiceDefinitions": {"required": [{"name": "x", "containerPort": 8443}]},
   "installModes": [{"type": "OwnNamespace", "supported": true}, {"type": "AllNamespaces"}],
   "provider": {"name": "Example"}}}],
 "relatedImages": [{"name": "", "image": "example.org/lamp:1.0.0"}]}
{"schema": "olm.bundle", "package": "lamp", "name": "lamp.v1.1.0", "image": "example.org/lamp:1.1.0",
 "properties": [
  {"type": "olm.package", "value": {"packageName": "lamp", "version": "1.1.0"}},
  {"type": "olm.gvk.required", "value": {"group": "socket.example.org", "version": "v1", "kind": "Socket"}},
  {"type": "olm.constraint", "value": {"failureMessage": "n", "all": [1.0, 1e21]}}]}
{"schema": "olm.deprecations", "package": "lamp", "entries": [
  {"reference": {"schema": "olm.package"}, "message": "The lamp goes out."},
  {"reference": {"schema": "olm.channel", "name": "old"}, "message": "Use stable."},
  {"reference": {"schema": "olm.bundle", "name": "lamp.v1.0.0"}, "message": "Use lamp.v1.1.0."}]}
{"schema": "io.example.lifecycle", "package": "lamp", "phases": [{"until": "2027", "name": "full"}]}
"#;
    vec![("lamp/catalog.json".to_owned(), text.as_bytes().to_vec())]
}

fn show(files: &Files) -> String {
    let parts = files.iter().map(|(path, bytes)| format!("{path}\n{}\n", String::from_utf8_lossy(bytes).trim_end()));
    parts.collect()
}

#[test]
fn a_small_cache() {
    let files = build(&lamp(), Modes::READABLE).unwrap();
    insta::assert_snapshot!(show(&files));
    assert_eq!(files, build(&lamp(), Modes::READABLE).unwrap());
    // The digest covers the modes and every byte of both folders.
    let digest_of = |files: Files| String::from_utf8(files.last().unwrap().1.clone()).unwrap();
    let whole = digest_of(files);
    assert_eq!(whole.len(), 16);
    assert_ne!(digest_of(build(&lamp(), Modes::OPM).unwrap()), whole);
    let mut other = lamp();
    other[0].1.push(b'\n');
    assert_ne!(digest_of(build(&other, Modes::READABLE).unwrap()), whole);
}

/// Names of every length and kind: each was computed by Go's `archive/tar` and `hash/fnv`.
#[test]
fn digests_of_odd_names() {
    let check = |path: &str, expected: &str| {
        let files = [(path, b"x".as_slice())];
        assert_eq!(digest(&files, Modes::READABLE, &files, Modes::OPM), expected, "{path}");
    };
    check("a.json", "246402bbee20b024");
    check(&"n".repeat(100), "3c56e5b9042d6eec");
    check(&"n".repeat(101), "93a6c75149d97ac4");
    check(&"n".repeat(240), "76ecc62992953ca0");
    check(&format!("{}/{}", "d".repeat(90), "n".repeat(90)), "f1887d915a9e6ccd");
    check(&format!("{}/{}", "d".repeat(156), "n".repeat(90)), "0a4d65d61578b13e");
    check(&format!("{}/{}", "d".repeat(90), "n".repeat(120)), "2192cd9b6e9b8f11");
    check("é/ü.json", "adace208c0ee9702");
    check("a-b/x", "3cec72b9ed06618e");
    let files: Vec<(&str, &[u8])> = vec![("a/x", b"1"), ("a-b/x", b"2"), ("a.json", &[7; 512]), ("a/b/c", b"")];
    assert_eq!(digest(&files, Modes::OPM, &[], Modes::OPM), "17434cc820f61fa3");
}

/// What `opm` would refuse has no cache.
#[test]
fn catalogs_without_a_cache() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = String::from_utf8(lamp().remove(0).1).unwrap();
        assert!(text.contains(from), "{from}");
        let files = vec![("lamp/catalog.json".to_owned(), text.replacen(from, to, 1).into_bytes())];
        let error = build(&files, Modes::READABLE).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("\"defaultChannel\": \"stable\"", "\"defaultChannel\": \"x\"", "the default channel \"x\" does not exist");
    check(
        "PHN2Zy8+",
        "PHN2Zy8",
        "package \"lamp\": icon.base64data has the unexpected value `PHN2Zy8`, expected base64",
    );
    let csv = "bundle \"lamp.v1.0.0\" of package \"lamp\": property olm.csv.metadata.";
    check("\"displayName\": \"Lamp\"", "\"displayName\": 7", &format!("{csv}displayName has the unexpected value `7`"));
    check("8443", "8443.5", &format!("{csv}apiServiceDefinitions.required.containerPort has the unexpected"));
    check(
        "{\"a\": \"b\"}",
        "{\"a\": {}}",
        &format!("{csv}annotations.a has the unexpected value `{{}}`, expected a text"),
    );
    check("\"kind\": \"Lamp\"", "\"kind\": []", "property olm.gvk.kind has the unexpected value `[]`");
    check(
        "{\"type\": \"olm.gvk\", \"value\": {",
        "{\"type\": \"olm.csv.metadata\", \"value\": {",
        "expected one property of this type",
    );
    // Channels `a_b` and `a` with bundles `c` and `b_c` would share a file.
    let channel = |name: &str, bundle: &str| {
        format!(
            r#"{{"schema":"olm.channel","package":"p","name":"{name}","entries":[{{"name":"{bundle}"}}]}}
               {{"schema":"olm.bundle","package":"p","name":"{bundle}","image":"q.io/b:1","properties":[
               {{"type":"olm.package","value":{{"packageName":"p","version":"{}.0.0"}}}}]}}"#,
            name.len()
        )
    };
    let package = |name: &str| format!(r#"{{"schema":"olm.package","name":"p","defaultChannel":"{name}"}}"#);
    let check = |texts: &[String], expected: &str| {
        let files = vec![("p/catalog.json".to_owned(), texts.concat().into_bytes())];
        assert_eq!(build(&files, Modes::READABLE).unwrap_err().to_string(), expected);
    };
    check(
        &[package("a"), channel("a", "b_c"), channel("a_b", "c")],
        "two bundles would share the file `cache/p_a_b_c.json`",
    );
    check(&[package("a/b"), channel("a/b", "c")], "no file can be called `p_a/b_c.json`");
    let long = "n".repeat(300);
    check(&[package("a"), channel("a", &long)], &format!("no file can be called `p_a_{long}.json`"));
}

/// Caches that operator-registry 1.28.0 and 1.73.0 have built. Without the data the test says so and passes.
#[test]
fn caches_of_operator_registry() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/opm-cache/catalogs.tar.xz");
    if !archive.is_file() {
        eprintln!("skipped: no caches of operator-registry at {}", archive.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unpacked = std::process::Command::new("tar").arg("xJf").arg(&archive).arg("-C").arg(folder.path()).status();
    assert!(unpacked.unwrap().success());
    let mut seen = 0;
    for catalog in std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let configs = read(&catalog.join("configs"));
        let configs_modes = modes(&catalog.join("configs"));
        let built = build(&configs, Modes::OPM).unwrap();
        for version in ["1.28.0", "1.73.0"] {
            let sample = catalog.join(format!("cache-{version}"));
            let expected = read(&sample);
            let of = |files: &Files, folder: &str| -> Files {
                let inside = |(path, bytes): &(String, Vec<u8>)| {
                    Some((path.strip_prefix(folder)?.strip_prefix('/')?.to_owned(), bytes.clone()))
                };
                files.iter().filter_map(inside).collect()
            };
            let cached = of(&expected, "cache");
            let computed = digest(&refs(&configs), configs_modes, &refs(&cached), modes(&sample.join("cache")));
            let told = expected.iter().find(|(path, _)| path == "digest").unwrap();
            assert_eq!(computed.as_bytes(), told.1, "{}", sample.display());

            let comparable = |files: &Files| -> BTreeMap<String, Value> {
                let files = files.iter().filter(|(path, _)| path.starts_with("cache/"));
                // Old versions know no documents of other schemas.
                let files = files.filter(|(path, _)| version != "1.28.0" || !path.starts_with("cache/metas/"));
                files.map(|(path, bytes)| (path.clone(), parsed(serde_json::from_slice(bytes).unwrap()))).collect()
            };
            let (ours, theirs) = (comparable(&built), comparable(&expected));
            assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
            for (path, value) in &theirs {
                let mut ours = ours[path].clone();
                let mut value = value.clone();
                if version == "1.28.0" {
                    // Old versions know no deprecations, and the name of a dependency's range.
                    [&mut ours, &mut value].into_iter().for_each(old);
                }
                assert_eq!(ours, value, "{} {path}", sample.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// Texts that hold JSON are compared as JSON.
fn parsed(mut value: Value) -> Value {
    if let Some(csv) = value.get_mut("csvJson") {
        *csv = serde_json::from_str(csv.as_str().unwrap()).unwrap();
    }
    for object in value.get_mut("object").and_then(Value::as_array_mut).into_iter().flatten() {
        *object = serde_json::from_str(object.as_str().unwrap()).unwrap();
    }
    value
}

fn old(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("deprecation");
            fields.remove("creationTimestamp");
            fields.values_mut().for_each(old);
        }
        Value::Array(items) => items.iter_mut().for_each(old),
        _ => {}
    }
}

fn refs(files: &Files) -> Vec<(&str, &[u8])> {
    files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect()
}

fn read(folder: &Path) -> Files {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            files.push((name, std::fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

fn modes(folder: &Path) -> Modes {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let file = read(folder).remove(0).0;
    Modes { folder: mode(folder), file: mode(&folder.join(file)) }
}
