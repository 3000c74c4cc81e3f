//! Rows that real Helm answered: each line of `tests/rows/*.jsonl` is a case, and what Helm 3.21.4 makes of it.
//!
//! `out` is the answer, `err` the error. A program in Go that calls Helm's own packages recorded the rows;
//! `tests/rows/README.md` says how.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use go_template::{Value, on_large_stack};
use sha2::Digest as _;

use crate::chart::{Chart, File};
use crate::glob::Glob;
use crate::ignore::Rules;
use crate::images::{FindError, FoundImage, ImagePaths};
use crate::index::{Index, IndexEntry};
use crate::jsonpath::JsonPath;
use crate::load::{Folder, FolderEntry, FolderKind, unpack};
use crate::manifest::Manifest;
use crate::render::RenderError;
use crate::semver::{Constraint, Version};
use crate::yaml::Json;
use crate::{json, manifest, render, schema, yaml};

/// A case and its answer.
struct Row {
    fields: Json,
}

impl Row {
    fn text(&self, name: &str) -> &str {
        match self.fields.get(name) {
            Some(Json::Str(text)) => text,
            _ => "",
        }
    }

    fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = if let Some(Json::Map(files)) = self.fields.get("files") { Some(files) } else { None };
        files.into_iter().flatten().map(|(name, text)| match text {
            Json::Str(text) => (name.as_str(), text.as_str()),
            other => panic!("a file is a text, not {other:?}"),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment says where fresh answers are")]
fn files() -> Vec<PathBuf> {
    // Whoever has Helm at hand points this to fresh answers.
    let folder = std::env::var_os("HELM_ROWS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files
}

/// JSON as text, so that answers compare as text.
fn plain(value: &Json) -> String {
    let value = value.to_value();
    let mut context = go_template::Context::new(go_template::Limits::default());
    String::from_utf8(json::marshal(&value, json::Style::PLAIN, &mut context).unwrap()).unwrap()
}

/// What this crate answers, as the rows write it.
fn answer(row: &Row) -> Result<Json, String> {
    let text = row.text("text");
    let arg = row.text("arg");
    match row.text("op") {
        "yaml" => {
            let value = yaml::read(text.as_bytes()).map_err(|error| error.to_string())?;
            Ok(Json::Str(plain(&value)))
        }
        "jsonpath" => {
            let path = JsonPath::parse(text).map_err(|error| error.to_string())?;
            path.print(row.fields.get("values").unwrap_or(&Json::Null))
                .map(Json::Str)
                .map_err(|error| error.to_string())
        }
        "semver" => {
            let constraint = Constraint::parse(text).map_err(|error| error.to_string())?;
            let version = Version::parse(arg).map_err(|error| error.to_string())?;
            Ok(Json::Bool(constraint.allows(&version)))
        }
        "version" => {
            let version = Version::parse(text).map_err(|error| error.to_string())?;
            let number = |number: u64| Json::Uint(number);
            Ok(Json::List(vec![
                Json::Str(version.to_string()),
                Json::Str(version.original),
                number(version.major),
                number(version.minor),
                number(version.patch),
                Json::Str(version.prerelease),
                Json::Str(version.metadata),
            ]))
        }
        "compare" => {
            let one = Version::parse(text).map_err(|error| error.to_string())?;
            let other = Version::parse(arg).map_err(|error| error.to_string())?;
            Ok(Json::Int(one.cmp(&other) as i64))
        }
        "glob" => match Glob::new(text) {
            Some(glob) => Ok(Json::Bool(glob.matches(arg))),
            None => Err("malformed".into()),
        },
        "ignore" => {
            let rules = Rules::parse(text.as_bytes()).map_err(|error| error.to_string())?;
            Ok(Json::Bool(rules.ignores(arg.trim_end_matches("//"), arg.ends_with("//"))))
        }
        "split" => {
            let files = row.files().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
            let (hooks, manifests) = manifest::sort(&files).map_err(|error| error.to_string())?;
            let text = |text: &str| Json::Str(text.to_owned());
            let hooks = hooks.iter().map(|hook| {
                let events = Json::List(hook.events.iter().map(|event| text(event)).collect());
                let Manifest { path, kind, text: body } = &hook.manifest;
                Json::List(vec![
                    text("hook"),
                    text(path),
                    text(&hook.name),
                    text(kind),
                    Json::Int(hook.weight),
                    events,
                    text(body),
                ])
            });
            let manifests =
                manifests.iter().map(|of| Json::List(vec![text("manifest"), text(&of.path), text(&of.text)]));
            let all: Vec<Json> = hooks.chain(manifests).collect();
            Ok(if all.is_empty() { Json::Null } else { Json::List(all) })
        }
        "schema" => {
            let Value::Map(values) = row.fields.get("values").unwrap_or(&Json::Null).to_value() else {
                panic!("the values are a mapping");
            };
            schema::check_one(&values, text.as_bytes()).map(|()| Json::Bool(true))
        }
        "package" => {
            let bytes = decoded(text);
            let chart = Chart::from_package("c.tgz", &bytes).map_err(|error| error.to_string())?;
            Ok(tree(&chart))
        }
        "folder" => {
            let chart = Chart::from_folder(&Files::of(row)).map_err(|error| error.to_string())?;
            Ok(tree(&chart))
        }
        "index" => index(row, text),
        "tpl" => on_large_stack(|| template(row, text)).expect("the system gives a thread"),
        "chart" => on_large_stack(|| chart(row)).expect("the system gives a thread"),
        op => panic!("unknown op {op}"),
    }
}

/// What the template `text` gives in a small chart.
fn template(row: &Row, text: &str) -> Result<Json, String> {
    let values = match row.fields.get("values") {
        Some(values) => plain(values),
        None => include_str!("../tests/rows/values.json").to_owned(),
    };
    let metadata = "apiVersion: v2\nname: c\nversion: 1.2.3\nappVersion: \"4.5\"\ndescription: <d>\nkeywords: [k]\n\
        maintainers: [{name: m, email: e}]\nannotations: {a: b}\ntype: application\nkubeVersion: '>=1.0'\n";
    let files = [
        ("Chart.yaml", metadata.as_bytes()),
        ("templates/t.yaml", text.as_bytes()),
        ("files/a.txt", b"one\ntwo\n"),
        ("files/b.bin", b"\xFF\0x"),
        ("files/sub/c.txt", b"see"),
        ("README.md", b"read"),
        ("values.yaml", values.as_bytes()),
    ];
    let files = files.map(|(name, data)| File { name: name.into(), data: data.into() });
    let chart = Chart::from_files(files.into()).map_err(|error| error.to_string())?;
    let (_, files) = render::files(&chart, &Json::Null, render::LIMITS).map_err(|error| error.to_string())?;
    Ok(Json::Str(files["c/templates/t.yaml"].clone()))
}

/// A text as bytes: what stands behind `base64:` is Base64.
fn bytes(text: &str) -> Vec<u8> {
    text.strip_prefix("base64:").map_or_else(|| text.into(), decoded)
}

fn decoded(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// A folder that lies in a row.
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn of(row: &Row) -> Self {
        Self(row.files().map(|(name, text)| (name.to_owned(), bytes(text))).collect())
    }
}

impl Folder for Files {
    fn entries(&self, path: &str) -> std::io::Result<Vec<FolderEntry>> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries = BTreeMap::new();
        for rest in self.0.keys().filter_map(|name| name.strip_prefix(&prefix)) {
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, FolderKind::Folder),
                None => (rest, FolderKind::File),
            };
            entries.insert(name.to_owned(), kind);
        }
        Ok(entries.into_iter().map(|(name, kind)| FolderEntry { name, kind }).collect())
    }

    fn read(&self, path: &str, _most: u64) -> std::io::Result<Vec<u8>> {
        Ok(self.0[path].clone())
    }
}

/// A loaded chart: its files with their sizes and the beginning of their hashes, and the charts inside of it.
fn tree(chart: &Chart) -> Json {
    let list = |files: &[File]| {
        let file = |file: &File| {
            let sum = sha2::Sha256::digest(&file.data)[..4].iter().fold(String::new(), |mut sum, byte| {
                let _ = write!(sum, "{byte:02x}");
                sum
            });
            Json::List(vec![Json::Str(file.name.clone()), Json::Uint(file.data.len() as u64), Json::Str(sum)])
        };
        Json::List(files.iter().map(file).collect())
    };
    // Go makes an empty map of an empty file, and a nil map without a file: nobody can tell them apart.
    let values = Json::Map(chart.values.clone().unwrap_or_default());
    let entries = [
        ("name", Json::Str(chart.metadata.name.clone())),
        ("version", Json::Str(chart.metadata.version.clone())),
        ("templates", list(&chart.templates)),
        ("files", list(&chart.files)),
        ("values", Json::Str(plain(&values))),
        ("charts", Json::List(chart.dependencies.iter().map(tree).collect())),
        ("schema", Json::Uint(chart.schema.as_ref().map_or(0, Vec::len) as u64)),
    ];
    Json::Map(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

/// The entries of an index in their order, and what it gives for each wish `name@version`.
fn index(row: &Row, text: &str) -> Result<Json, String> {
    let index = Index::read(text.as_bytes()).map_err(|error| error.to_string())?;
    let text = |text: &str| Json::Str(text.to_owned());
    // Go has no list where nothing was given.
    let list = |all: Vec<Json>| if all.is_empty() { Json::Null } else { Json::List(all) };
    let urls = |entry: &IndexEntry| list(entry.urls.iter().map(|url| text(url)).collect());
    let entry =
        |entry: &IndexEntry| Json::List(vec![text(&entry.metadata.version), urls(entry), text(&entry.metadata.kind)]);
    let charts = index.charts();
    let entries = charts.map(|(name, all)| Json::List(vec![text(name), list(all.iter().map(entry).collect())]));
    let entries = list(entries.collect());
    let Some(Json::List(wishes)) = row.fields.get("paths") else { panic!("an index is asked for something") };
    let pick = |wish: &Json| {
        let Json::Str(wish) = wish else { panic!("a wish is a text") };
        let (name, version) = wish.split_once('@').unwrap();
        match index.choose(name, Some(version)) {
            Ok(entry) => Json::List(vec![text(&entry.metadata.version), urls(entry)]),
            Err(error) => text(&error.to_string()),
        }
    };
    let picks = Json::List(wishes.iter().map(pick).collect());
    Ok(Json::Map([("entries".to_owned(), entries), ("picks".to_owned(), picks)].into()))
}

/// The chart of a row: its files, or the package at a path of this machine with some of its files in another form.
fn load(row: &Row) -> Result<Chart, String> {
    let path = row.text("arg");
    let chart = if path.is_empty() {
        Chart::from_files(row.files().map(|(name, text)| File { name: name.into(), data: bytes(text) }).collect())
    } else {
        let package = std::fs::read(path).unwrap();
        match row.fields.get("patch") {
            Some(Json::Map(patch)) => {
                let mut files = unpack(&package).unwrap();
                for file in &mut files {
                    if let Some(Json::Str(text)) = patch.get(&file.name) {
                        file.data = text.clone().into_bytes();
                    }
                }
                Chart::from_files(files)
            }
            _ => Chart::from_package(path, &package),
        }
    };
    chart.map_err(|error| format!("load: {error}"))
}

/// What a whole chart gives: files, text, images.
fn chart(row: &Row) -> Result<Json, String> {
    let chart = load(row)?;
    let values = row.fields.get("values").unwrap_or(&Json::Null);
    let stage = |error: RenderError| match error {
        RenderError::Dependencies(error) => format!("dependencies: {error}"),
        RenderError::Values(error) => format!("values: {error}"),
        RenderError::Template(error) => format!("render: {error}"),
        RenderError::Manifest(error) => format!("sort: {error}"),
        RenderError::Thread(error) => error,
    };
    // oc-mirror does not say in which template an image is looked for.
    let found = |error: FindError| match error {
        FindError::Yaml { error, .. } => format!("find: {error}"),
        FindError::Path { path, error, .. } => format!("find: failed to parse {path}: {error}"),
    };
    let (_, files) = render::files(&chart, values, render::LIMITS).map_err(stage)?;
    let rendered = chart.render(values).map_err(stage)?;
    let more = match row.fields.get("paths") {
        Some(Json::List(paths)) => paths.iter().map(crate::chart::text_of).collect(),
        _ => Vec::new(),
    };
    let paths = ImagePaths::new(more.iter().map(String::as_str))
        .map_err(|(path, error)| format!("find: failed to parse {path}: {error}"))?;
    let images = rendered.images(&paths).map_err(found)?;
    let hooks = rendered.hook_images(&paths).map_err(found)?;
    let names = |images: Vec<FoundImage>| {
        let names: Vec<Json> = images.into_iter().map(|image| Json::Str(image.name)).collect();
        if names.is_empty() { Json::Null } else { Json::List(names) }
    };
    let mut text = String::new();
    for manifest in rendered.crds.iter().chain(&rendered.manifests) {
        let _ = write!(text, "---\n# Source: {}\n{}\n", manifest.path, manifest.text);
    }
    if row.fields.get("lean") == Some(&Json::Bool(true)) {
        let sum = sha2::Sha256::digest(text.as_bytes())[..8].iter().fold(String::new(), |mut sum, byte| {
            let _ = write!(sum, "{byte:02x}");
            sum
        });
        let entries = [("images", names(images)), ("hooks", names(hooks)), ("sum", Json::Str(sum))];
        return Ok(Json::Map(entries.map(|(name, value)| (name.to_owned(), value)).into()));
    }
    let files = Json::Map(files.into_iter().map(|(path, text)| (path, Json::Str(text))).collect());
    let entries = [("images", names(images)), ("hooks", names(hooks)), ("text", Json::Str(text)), ("files", files)];
    Ok(Json::Map(entries.map(|(name, value)| (name.to_owned(), value)).into()))
}

#[test]
fn every_recorded_answer_of_helm_is_ours() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in files() {
        let lines = std::fs::read_to_string(&file).unwrap();
        for (number, line) in lines.lines().enumerate() {
            let row = Row { fields: json::read(line.as_bytes()).unwrap() };
            let expected = match row.fields.get("err") {
                Some(Json::Str(error)) => Err(error.clone()),
                _ => Ok(row.fields.get("out").cloned().unwrap_or_default()),
            };
            let ours = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer(&row)))
                .unwrap_or_else(|_| Err("a panic".into()));
            count += 1;
            let same = match (&ours, &expected) {
                (Ok(ours), Ok(expected)) => plain(ours) == plain(expected),
                // The words of a malformed pattern reach nobody.
                (Err(ours), Err(_)) if ours == "malformed" => true,
                (Err(ours), Err(expected)) => ours == expected,
                _ => false,
            };
            if !same {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                let (text, arg) = (row.text("text"), row.text("arg"));
                let shown = |answer: &Result<Json, String>| match answer {
                    Ok(answer) => plain(answer),
                    Err(error) => format!("error {error:?}"),
                };
                let (ours, theirs) = (shown(&ours), shown(&expected));
                wrong.push(format!("{name}:{}: {text:?} {arg:?}\n  ours {ours}\n  helm {theirs}", number + 1));
            }
        }
    }
    assert!(count > 0, "the rows are missing");
    assert!(wrong.is_empty(), "{} of {count} rows differ:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}
