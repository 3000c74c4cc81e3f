//! The configuration of a command: read, validated, its mistakes told.

use std::path::Path;

use anyhow::{Context as _, bail};
use isc_schema::{Diagnostic, Document, ImageSetConfiguration, Kind, Stage};
use mirror_engine::report;

use crate::exit::ExitStatus;
use crate::log::Log;

/// Reads and validates an image set configuration.
pub(super) fn read_configuration(path: &Path, log: &Log) -> anyhow::Result<(ImageSetConfiguration, Vec<u8>)> {
    match read_document(path, Kind::ImageSet, log)? {
        (Document::ImageSet(configuration), bytes) => Ok((configuration, bytes)),
        (Document::Delete(_), _) => bail!(
            "could not parse config: `{}`: expected kind ImageSetConfiguration, found DeleteImageSetConfiguration",
            path.display()
        ),
    }
}

/// Reads and validates a configuration. Every mistake of the file is told before this fails.
pub(super) fn read_document(path: &Path, kind: Kind, log: &Log) -> anyhow::Result<(Document, Vec<u8>)> {
    let bytes =
        std::fs::read(path).with_context(|| format!("could not parse config: cannot read `{}`", path.display()))?;
    Ok((parse_document(path, &bytes, kind, log)?, bytes))
}

/// Validates the text of a configuration, which is called `path`. Every mistake is told before this fails.
pub(super) fn parse_document(path: &Path, bytes: &[u8], kind: Kind, log: &Log) -> anyhow::Result<Document> {
    let text = std::str::from_utf8(bytes)
        .with_context(|| format!("could not parse config: `{}` is no UTF-8 text", path.display()))?;
    // Diagnostics show lines of the file, and a name may carry a password.
    for line in text.lines() {
        log.redactor().hide_address(value_of(line));
    }
    log.add_to_head(crate::head::of_configuration(path, text));
    let parsed = isc_schema::parse(text, kind);
    let file = path.display().to_string();
    for diagnostic in &parsed.diagnostics {
        let shown = diagnostic.display_with_source(&file, text).to_string();
        if diagnostic.is_error() {
            log.error(shown);
        } else {
            log.warn(shown);
        }
    }
    let mistakes = parsed.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    match parsed.config {
        Some(document) if mistakes == 0 => Ok(document),
        _ => {
            let diagnostics = parsed.diagnostics.iter().filter(|found| found.is_error()).map(Into::into).collect();
            Err(Mistakes { count: mistakes, file, status: status_of(&parsed.diagnostics, kind), diagnostics }.into())
        }
    }
}

/// What a line of YAML says behind its key, without quotes.
fn value_of(line: &str) -> &str {
    let value = line.split_once(": ").map_or(line, |(_, value)| value);
    value.trim_start_matches(['-', ' ']).trim().trim_matches(['"', '\''])
}

/// A configuration that was refused; what is wrong with it has been told.
#[derive(Debug, thiserror::Error)]
#[error("could not parse config: {count} mistake(s) in `{file}`, listed above")]
pub(super) struct Mistakes {
    count: usize,
    file: String,
    /// How mirroring ends because of them.
    pub(super) status: ExitStatus,
    /// Where they are, for the document.
    pub(super) diagnostics: Vec<report::Diagnostic>,
}

/// With which exit code oc-mirror, which comes to some mistakes only while it collects, ends because of these (
/// `docs/behaviour/config-cli.md` 1.4, 1.5 and 3). What it finds first decides: loading, then releases, then all others
/// together.
fn status_of(diagnostics: &[Diagnostic], kind: Kind) -> ExitStatus {
    let stages: Vec<Stage> = diagnostics.iter().filter(|found| found.is_error()).map(|found| found.stage).collect();
    let first = [Stage::Load, Stage::Release].into_iter().find(|stage| stages.contains(stage));
    match first {
        _ if kind == Kind::Delete || stages.is_empty() => ExitStatus::GENERIC,
        Some(stage) => ExitStatus::from_bits(stage.exit_bit()),
        None => ExitStatus::from_bits(stages.iter().fold(0, |bits, stage| bits | stage.exit_bit())),
    }
}
