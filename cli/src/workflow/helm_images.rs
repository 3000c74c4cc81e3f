//! `oc-mirror list helm-images`: the images of a chart, and what the configuration needs so that all of them are mirrored.

use std::fmt::Write as _;

use mirror_engine::list::{ChartImage, ChartImages, ChartQuery, Needs, chart_images};
use serde_json::{Value, json};

use super::document::{Answer, print};
use super::runtime::Runtime;
use crate::access::Clients;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::render::table;
use crate::settings::{ListHelmImages, Settings};

/// Lists the images of a chart.
pub(crate) fn run(settings: &Settings, request: &ListHelmImages, log: &Log) -> ExitStatus {
    print(settings.output, find(settings, request, log), log)
}

fn find(settings: &Settings, request: &ListHelmImages, log: &Log) -> anyhow::Result<Answer> {
    log.redactor().hide_address(&request.chart);
    let clients = Clients::new(&settings.common, log)?;
    let mut query = ChartQuery::new(&request.chart);
    query.version.clone_from(&request.version);
    query.values.clone_from(&request.values);
    let found = Runtime::new(&clients)?.block_on(chart_images(&clients.source, &query)).map_err(anyhow::Error::msg)?;
    Ok(Answer { text: text(&found), document: document(&found), errors: Vec::new() })
}

fn text(found: &ChartImages) -> String {
    let mut text = format!("Chart {} {}\n", found.name, found.version);
    let is_found = |image: &&ChartImage| image.needs == Needs::Nothing;
    let known: Vec<&ChartImage> = found.images.iter().filter(is_found).collect();
    let more: Vec<&ChartImage> = found.images.iter().filter(|image| !is_found(image)).collect();
    if found.images.is_empty() {
        text.push_str("\nThe chart names no image.\n");
    }
    if !known.is_empty() {
        let rows = known.into_iter().map(|image| [image.image.as_str(), image.template.as_str()]);
        let _ = write!(text, "\nImages that mirroring finds:\n{}", table(rows));
    }
    if !more.is_empty() {
        let rows = more.into_iter().map(|image| [image.image.clone(), image.template.clone(), advice(&image.needs)]);
        let _ =
            write!(text, "\nImages that mirroring does not find yet, and what each of them needs:\n{}", table(rows));
    }
    if !found.image_paths.is_empty() {
        text.push_str("\nTo mirror them, add to the chart in the configuration:\n    imagePaths:\n");
        for path in &found.image_paths {
            let _ = writeln!(text, "    - {}", single_quoted(path));
        }
    }
    if more_hooks(found) {
        text.push_str(if found.image_paths.is_empty() {
            "\nTo mirror the images of hooks, add to the chart in the configuration:\n    hooks: true\n"
        } else {
            "    hooks: true\n"
        });
    }
    text
}

/// Whether any image is in a manifest with a hook.
fn more_hooks(found: &ChartImages) -> bool {
    found.images.iter().any(|image| matches!(image.needs, Needs::Hooks | Needs::Path { hook: true, .. }))
}

fn advice(needs: &Needs) -> String {
    match needs {
        Needs::Nothing => String::new(),
        Needs::Hooks => "hooks: true".to_owned(),
        Needs::Path { hook: false, .. } => "imagePaths".to_owned(),
        Needs::Path { hook: true, .. } => "imagePaths and hooks: true".to_owned(),
        Needs::Line => "a line of additionalImages".to_owned(),
        Needs::Mending(why) => why.clone(),
    }
}

fn document(found: &ChartImages) -> Value {
    let image = |image: &ChartImage| {
        let mut document = json!({ "image": image.image, "template": image.template, "found": false });
        match &image.needs {
            Needs::Nothing => document["found"] = true.into(),
            Needs::Hooks => document["hook"] = true.into(),
            Needs::Path { path, hook } => {
                document["imagePath"] = path.as_str().into();
                document["hook"] = (*hook).into();
            }
            Needs::Line => document["additionalImage"] = true.into(),
            Needs::Mending(why) => document["problem"] = why.as_str().into(),
        }
        document
    };
    json!({
        "format": 1,
        "chart": found.name,
        "version": found.version,
        "images": found.images.iter().map(image).collect::<Vec<_>>(),
        "imagePaths": found.image_paths,
    })
}

/// A scalar of YAML.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
