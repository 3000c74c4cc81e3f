//! `oc-mirror describe`: what an archive or a working directory is for.

use std::fmt::Write as _;
use std::path::Path;

use isc_schema::{Document, Kind, Mirror};
use mirror_engine::inspect::{self, Description};
use mirror_engine::visible;

use super::document::{answer, fail};
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::render::{size, table};
use crate::settings::Settings;

/// Describes a folder.
pub(crate) fn run(settings: &Settings, folder: &Path, log: &Log) -> ExitStatus {
    match inspect::describe(&inspect::folder_of(folder)) {
        Ok(description) => {
            answer(settings.output, &description, || text(&description), log);
            if description.damage.is_empty() {
                return ExitStatus::SUCCESS;
            }
            for damage in &description.damage {
                log.error(format_args!("[Executor] {damage}: the description is incomplete "));
            }
            ExitStatus::GENERIC
        }
        Err(error) => fail(settings.output, &error.into(), log),
    }
}

fn text(description: &Description) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    let what = if description.archive { "archive" } else { "working directory, no archive" };
    row("Directory:", format!("{} ({what})", description.directory.display()));
    row("Created:", description.created_at.clone().unwrap_or_else(|| "unknown".into()));
    row(
        "Created by:",
        description.created_by.as_ref().map_or("unknown".into(), |version| {
            if version.git_commit.is_empty() {
                version.git_version.clone()
            } else {
                format!("{} ({})", version.git_version, version.git_commit)
            }
        }),
    );
    for file in &description.files {
        row("File:", format!("{}  {}", file.name, size(file.bytes)));
    }
    if description.archive {
        row("Images:", description.images.to_string());
        row("Blobs:", format!("{}, {}", description.blobs, size(description.bytes)));
        if !description.platforms.is_empty() {
            row("Platforms:", description.platforms.join(", "));
        }
        for image in &description.lacking {
            let line = if image.line > 0 { format!(" (line {})", image.line) } else { String::new() };
            row("Lacks:", format!("{}{line}", image.origin));
        }
        if description.absent_blobs > 0 {
            row("Not here:", format!("{} blobs that these images need", description.absent_blobs));
        }
    }
    let sequence = match (description.archive, description.earlier_archives) {
        (true, 0) => "the first archive of its sequence".to_owned(),
        (true, earlier) => format!("needs {earlier} earlier archive(s), loaded in order before this one"),
        (false, archives) => format!("{archives} archive(s) made so far"),
    };
    row("Sequence:", sequence);
    row("Working-dir:", format!("{} files, {}", description.working_dir_files, size(description.working_dir_bytes)));
    let mut text = table(rows);
    if let Some(configuration) = &description.configuration {
        if let Some(Document::ImageSet(parsed)) = isc_schema::parse(configuration, Kind::ImageSet).config {
            text.push_str("\nMade for:\n");
            made_for(&parsed.mirror, &mut text);
        }
        text.push_str("\nConfiguration:\n");
        for line in configuration.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// The configuration's content in a few lines.
fn made_for(mirror: &Mirror, text: &mut String) {
    let mut line = |line: String| {
        let _ = writeln!(text, "  {}", visible::word(&line));
    };
    for channel in &mirror.platform.channels {
        let bound = |name: &str, version: &Option<isc_schema::VersionBound>| {
            version.as_ref().map(|version| format!(" {name} {}", version.as_str())).unwrap_or_default()
        };
        let (from, to) = (bound("from", &channel.min_version), bound("to", &channel.max_version));
        line(format!("releases of channel {}{from}{to}", channel.name));
    }
    if let Some(release) = &mirror.platform.release {
        line(format!("release {}", release.as_written()));
    }
    for operator in &mirror.operators {
        let names: Vec<&str> = operator.packages.iter().flatten().map(|package| package.name.as_str()).collect();
        let packages = if names.is_empty() { "all packages".to_owned() } else { names.join(", ") };
        line(format!("catalog {}: {packages}", operator.catalog.as_written()));
    }
    for image in &mirror.additional_images {
        line(format!("image {}", image.name.as_written()));
    }
    for repository in &mirror.helm.repositories {
        line(format!("Helm charts of {}", repository.url));
    }
    for chart in &mirror.helm.local {
        line(format!("Helm chart {}", chart.name));
    }
}
