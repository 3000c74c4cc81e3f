//! Real charts, and the images that Helm finds in them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use helm_chart::yaml::Json;
use helm_chart::{Chart, Hook, ImagePaths, Limits, Rendered};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/helm")
}

fn texts(row: &Value, name: &str) -> Vec<String> {
    let items = row.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// What the chart gives: images and images of hooks, or the words of its error.
fn images(path: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let name = path.file_name().unwrap().to_string_lossy();
    let chart = Chart::from_package(&name, &std::fs::read(path).unwrap()).map_err(|error| error.to_string())?;
    // A tenth of what a chart may take: the bounds are for those who mean harm.
    let limits = Limits { steps: 1_000_000, bytes: 24 << 20, depth: 1_200 };
    let rendered = chart.render_within(&Json::Null, limits).map_err(|error| error.to_string())?;
    let paths = ImagePaths::new([]).unwrap();
    let found = rendered.images(&paths).map_err(|error| error.to_string())?;
    let mut of_hooks = Vec::new();
    for hook in &rendered.hooks {
        let one = Rendered { hooks: vec![hook.clone()], ..Rendered::default() };
        for image in one.hook_images(&paths).map_err(|error| error.to_string())? {
            of_hooks.push(format!("{}{}", if is_test(hook) { "test:" } else { "" }, image.name));
        }
    }
    Ok((found.into_iter().map(|image| image.name).collect(), of_hooks))
}

fn is_test(hook: &Hook) -> bool {
    hook.events.contains(&"test")
}

#[test]
fn real_charts_give_the_images_that_helm_finds() {
    let Ok(expected) = std::fs::read_to_string(folder().join("expected.jsonl")) else {
        println!("skipped: the charts are not here ({})", folder().display());
        return;
    };
    let mut wrong = Vec::new();
    let mut slowest = (0, String::new());
    for line in expected.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = row["chart"].as_str().unwrap();
        let start = Instant::now();
        let ours = images(&folder().join("charts").join(name));
        slowest = slowest.max((start.elapsed().as_millis(), name.to_owned()));
        let theirs = match row.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok((texts(&row, "images"), texts(&row, "hook_images"))),
        };
        if ours != theirs {
            wrong.push(format!("{name}\n  ours {ours:?}\n  helm {theirs:?}"));
        }
    }
    println!("the slowest chart took {} ms: {}", slowest.0, slowest.1);
    assert!(wrong.is_empty(), "{} charts differ:\n{}", wrong.len(), wrong.join("\n"));
}
