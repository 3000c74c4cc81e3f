//! `oc-mirror list releases` and `oc-mirror list operators`. The answer goes to standard output, log lines to standard
//! error (contract `config-cli.md` 2.8, 2.9).

use std::fmt::Write as _;

use anyhow::bail;
use mirror_engine::list;
use serde_json::{Value, json};

use super::archive::{answer, fail};
use super::why::runtime;
use crate::access::Clients;
use crate::args::OutputFormat;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::{ListOperators, ListReleases, Settings};

/// What to print, as text and as a document, and what went wrong beside that.
struct Answer {
    text: String,
    document: Value,
    errors: Vec<String>,
}

/// Lists releases.
pub(super) fn releases(settings: &Settings, request: &ListReleases, log: &Log) -> ExitStatus {
    print(settings.output, find_releases(settings, request), log)
}

/// Lists operator catalogs and what they hold.
pub(super) fn operators(settings: &Settings, request: &ListOperators, log: &Log) -> ExitStatus {
    print(settings.output, find_operators(settings, request), log)
}

fn print(output: OutputFormat, found: anyhow::Result<Answer>, log: &Log) -> ExitStatus {
    match found {
        Err(error) => fail(log, &error),
        Ok(found) => {
            answer(output, &found.document, || found.text, log);
            if found.errors.is_empty() {
                return ExitStatus::SUCCESS;
            }
            log.error(format_args!("[Executor] {} ", found.errors.join("\n")));
            ExitStatus::GENERIC
        }
    }
}

fn find_releases(settings: &Settings, request: &ListReleases) -> anyhow::Result<Answer> {
    let client = Clients::new(&settings.common)?.source;
    let update_url = settings.common.env.update_url.as_deref();
    let runtime = runtime()?;
    let mut text = String::new();
    match request {
        ListReleases::MinorVersions => {
            let versions = runtime.block_on(list::release_minors(&client))?;
            text.push_str("Available OpenShift Container Platform release versions:\n");
            for version in &versions {
                let _ = writeln!(text, "  {version}");
            }
            Ok(Answer { text, document: json!({ "format": 1, "versions": versions }), errors: Vec::new() })
        }
        ListReleases::Channels { version } => {
            let channels = runtime.block_on(list::release_channels(&client, update_url, version))?;
            let _ = writeln!(text, "Listing channels for version {version}:\n");
            for channel in &channels {
                let _ = writeln!(text, "{channel}");
            }
            let document = json!({ "format": 1, "version": version, "channels": channels });
            Ok(Answer { text, document, errors: Vec::new() })
        }
        ListReleases::Versions { channel, version, architectures } => {
            if channel.starts_with("stable") {
                let version = version.as_deref().unwrap_or("<version>");
                let _ = writeln!(
                    text,
                    "Listing stable channels. Use --channel=<name> to filter.\nUse oc-mirror --v2 list releases \
                     --channels --version={version} to discover other channels.\n"
                );
            }
            let (mut rows, mut errors) = (Vec::new(), Vec::new());
            for architecture in architectures {
                match runtime.block_on(list::release_versions(&client, update_url, channel, architecture)) {
                    Ok(versions) => {
                        let _ = writeln!(text, "Channel: {channel}\nArchitecture: {architecture}");
                        for version in &versions {
                            let _ = writeln!(text, "{version}");
                        }
                        rows.push(json!({ "architecture": architecture, "versions": versions }));
                    }
                    Err(error) => errors.push(error.to_string()),
                }
            }
            let document = json!({ "format": 1, "channel": channel, "architectures": rows, "errors": errors });
            Ok(Answer { text, document, errors })
        }
    }
}

fn find_operators(settings: &Settings, request: &ListOperators) -> anyhow::Result<Answer> {
    let version = match request {
        ListOperators::Catalogs { version } => version,
        ListOperators::Catalog { catalog, .. } => {
            bail!("listing the content of a catalog (`{catalog}`) is not supported by this version")
        }
    };
    let client = Clients::new(&settings.common)?.source;
    let answers = runtime()?.block_on(list::catalogs(&client, version));
    let mut text = format!("Available OpenShift OperatorHub catalogs:\nOpenShift {version}:\n");
    let (mut there, mut errors) = (Vec::new(), Vec::new());
    for found in answers {
        match found.there {
            Ok(true) => {
                let _ = writeln!(text, "{}", found.reference);
                there.push(found.reference);
            }
            Ok(false) => {
                let _ = writeln!(text, "Invalid catalog reference \"{}\", please check version", found.reference);
            }
            Err(reason) => errors.push(reason),
        }
    }
    let document = json!({ "format": 1, "version": version, "catalogs": there, "errors": errors });
    Ok(Answer { text, document, errors })
}
