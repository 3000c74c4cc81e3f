//! Rows that real Helm answered: each line of `tests/rows/*.jsonl` is a case, and what Helm 3.21.4 makes of it.
//!
//! `out` is the answer, `err` the error. A program in Go that calls Helm's own packages recorded the rows;
//! `tests/rows/README.md` says how.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use go_template::{Value, on_large_stack};

use crate::chart::{Chart, File};
use crate::glob::Glob;
use crate::ignore::Rules;
use crate::images::{FoundImage, ImagePaths};
use crate::jsonpath::JsonPath;
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

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows");
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

/// What a whole chart gives: files, text, images.
fn chart(row: &Row) -> Result<Json, String> {
    let files = row.files().map(|(name, text)| File { name: name.into(), data: text.into() }).collect();
    let chart = Chart::from_files(files).map_err(|error| format!("load: {error}"))?;
    let values = row.fields.get("values").unwrap_or(&Json::Null);
    let stage = |error: RenderError| match error {
        RenderError::Dependencies(error) => format!("dependencies: {error}"),
        RenderError::Values(error) => format!("values: {error}"),
        RenderError::Template(error) => format!("render: {error}"),
        RenderError::Manifest(error) => format!("sort: {error}"),
        RenderError::Thread(error) => error,
    };
    let (_, files) = render::files(&chart, values, render::LIMITS).map_err(stage)?;
    let rendered = chart.render(values).map_err(stage)?;
    let paths = ImagePaths::new([]).unwrap();
    let images = rendered.images(&paths).map_err(|error| format!("find: {error}"))?;
    let hooks = rendered.hook_images(&paths).map_err(|error| format!("find: {error}"))?;
    let names = |images: Vec<FoundImage>| {
        let names: Vec<Json> = images.into_iter().map(|image| Json::Str(image.name)).collect();
        if names.is_empty() { Json::Null } else { Json::List(names) }
    };
    let mut text = String::new();
    for manifest in rendered.crds.iter().chain(&rendered.manifests) {
        let _ = write!(text, "---\n# Source: {}\n{}\n", manifest.path, manifest.text);
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
                wrong.push(format!("{name}:{}: {}\n  ours {ours:?}\n  helm {expected:?}", number + 1, {
                    let text = row.text("text");
                    format!("{text:?} {:?}", row.text("arg"))
                }));
            }
        }
    }
    assert!(count > 0, "the rows are missing");
    assert!(wrong.is_empty(), "{} of {count} rows differ:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}
