//! `oc-mirror list releases` and `oc-mirror list operators`. The answer goes to standard output, log lines to standard
//! error (`docs/behaviour/config-cli.md` 2.8, 2.9).

use std::fmt::Write as _;

use image_ref::ImageRef;
use mirror_engine::event::uses_variable;
use mirror_engine::{list, visible};
use serde_json::{Value, json};

use super::catalog::contents;
use super::document::{Answer, print};
use super::runtime::Runtime;
use crate::access::Clients;
use crate::env::UPDATE_URL_OVERRIDE;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::render::table;
use crate::settings::{ListOperators, ListReleases, OperatorQuery, Settings};

/// Lists releases.
pub(crate) fn releases(settings: &Settings, request: &ListReleases, log: &Log) -> ExitStatus {
    print(settings.output, find_releases(settings, request, log), log)
}

/// Lists operator catalogs and what they hold.
pub(crate) fn operators(settings: &Settings, request: &ListOperators, log: &Log) -> ExitStatus {
    print(settings.output, find_operators(settings, request, log), log)
}

fn find_releases(settings: &Settings, request: &ListReleases, log: &Log) -> anyhow::Result<Answer> {
    let clients = Clients::new(&settings.common, log)?;
    let (runtime, client) = (Runtime::new(&clients)?, clients.source);
    let update_url = settings.common.env.update_url.as_deref();
    if let (ListReleases::Channels { .. } | ListReleases::Versions { .. }, Some(url)) = (request, update_url) {
        log.info(format_args!("{}", uses_variable(UPDATE_URL_OVERRIDE, url)));
    }
    let mut text = String::new();
    match request {
        ListReleases::MinorVersions => {
            let versions = runtime.block_on(list::release_minors(&client))?;
            text.push_str("Available OpenShift Container Platform release versions:\n");
            for version in &versions {
                let _ = writeln!(text, "  {}", visible::word(version));
            }
            Ok(Answer { text, document: json!({ "format": 1, "versions": versions }), errors: Vec::new() })
        }
        ListReleases::Channels { version } => {
            let channels = runtime.block_on(list::release_channels(&client, update_url, version))?;
            let _ = writeln!(text, "Listing channels for version {version}:\n");
            for channel in &channels {
                let _ = writeln!(text, "{}", visible::word(channel));
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
                            let _ = writeln!(text, "{}", visible::word(version));
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

fn find_operators(settings: &Settings, request: &ListOperators, log: &Log) -> anyhow::Result<Answer> {
    match request {
        ListOperators::Catalogs { version } => find_catalogs(settings, version, log),
        ListOperators::Catalog { catalog, query } => find_contents(settings, catalog, query, log),
    }
}

fn find_catalogs(settings: &Settings, version: &str, log: &Log) -> anyhow::Result<Answer> {
    let clients = Clients::new(&settings.common, log)?;
    let answers = Runtime::new(&clients)?.block_on(list::catalogs(&clients.source, version));
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

/// What one catalog holds. Texts are the columns of `docs/behaviour/config-cli.md` 2.8, documents all that is known at
/// that depth.
fn find_contents(settings: &Settings, catalog: &ImageRef, query: &OperatorQuery, log: &Log) -> anyhow::Result<Answer> {
    let found = contents(settings, catalog, log)?;
    let name = catalog.to_string();
    let digest = found.digest.to_string();
    let (text, document) = match query {
        OperatorQuery::Packages => {
            let rows: Vec<_> = found.packages.iter().collect();
            let packages: Vec<_> = rows.iter().map(|package| package_document(package)).collect();
            (packages_text(&rows), json!({ "format": 1, "catalog": name, "digest": digest, "packages": packages }))
        }
        OperatorQuery::Channels { package } => {
            let package = found.package(catalog, package)?;
            let mut text = String::new();
            if !package.default_channel.is_empty() {
                text = packages_text(&[package]);
                text.push('\n');
            }
            let header = ["PACKAGE", "CHANNEL", "HEAD"].map(str::to_owned);
            let rows = package.channels.iter().map(|channel| {
                let head = channel.head.clone().unwrap_or_else(|| format!("ERROR: {}", channel.faults.join("; ")));
                [package.name.clone(), channel.name.clone(), head]
            });
            text.push_str(&table(std::iter::once(header).chain(rows)));
            let channels: Vec<Value> = package
                .channels
                .iter()
                .map(|channel| match &channel.head {
                    Some(head) => json!({ "name": channel.name, "head": head }),
                    None => json!({ "name": channel.name, "errors": channel.faults }),
                })
                .collect();
            let mut document = package_document(package);
            document["channels"] = json!(channels);
            (text, json!({ "format": 1, "catalog": name, "digest": digest, "package": document }))
        }
        OperatorQuery::Versions { package, channel } => {
            let package = found.package(catalog, package)?;
            let channel = package.channel(catalog, channel)?;
            let lines = std::iter::once("VERSIONS").chain(channel.versions.iter().map(String::as_str));
            let text = lines.fold(String::new(), |text, line| text + &visible::word(line) + "\n");
            let document = json!({
                "format": 1,
                "catalog": name,
                "digest": digest,
                "package": package.name,
                "channel": channel.name,
                "versions": channel.versions,
            });
            (text, document)
        }
    };
    Ok(Answer { text, document, errors: Vec::new() })
}

fn packages_text(packages: &[&list::PackageContents]) -> String {
    let header = ["NAME", "DISPLAY NAME", "DEFAULT CHANNEL"];
    let rows = packages
        .iter()
        .map(|package| [package.name.as_str(), package.display_name.as_str(), package.default_channel.as_str()]);
    table(std::iter::once(header).chain(rows))
}

fn package_document(package: &list::PackageContents) -> Value {
    json!({
        "name": package.name,
        "displayName": package.display_name,
        "defaultChannel": package.default_channel,
    })
}
