//! Rows that real Helm answered: each line of `tests/rows/*.jsonl` is a case, and what Helm 3.21.4 makes of it.
//!
//! `out` is the answer, `err` the error. The rows were recorded by a program in Go that calls Helm's own packages; the
//! README of the crate says how.

use std::path::{Path, PathBuf};

use crate::yaml::Json;
use crate::{json, yaml};

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
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
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
    match row.text("op") {
        "yaml" => {
            let value = yaml::read(row.text("text").as_bytes()).map_err(|error| error.to_string())?;
            Ok(Json::Str(plain(&value)))
        }
        op => panic!("unknown op {op}"),
    }
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
