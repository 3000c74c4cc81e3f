//! `oc-mirror init` and `oc-mirror schema`: a configuration to start from, and what editors check it against.

use std::fmt::Write as _;
use std::path::Path;

use image_ref::ImageRef;
use isc_schema::{Kind, json_schema};
use mirror_engine::list::PackageContents;

use super::catalog::contents;
use super::document::{self, fail};
use crate::args::OutputFormat;
use crate::exit::ExitStatus;
use crate::log::Log;
use crate::settings::{Init, Settings};

/// Prints a configuration to start from.
pub(crate) fn init(settings: &Settings, request: &Init, log: &Log) -> ExitStatus {
    let operators = match &request.catalog {
        None => OPERATORS.to_owned(),
        Some(catalog) => match contents(settings, catalog, log) {
            Ok(found) => operators_of(catalog, &found.packages),
            Err(error) => return fail(OutputFormat::Text, &error, log),
        },
    };
    if let Some(schema) = &request.schema
        && !settings.common.env.absolute(Path::new(schema)).is_file()
    {
        log.caution(format_args!("`{schema}` does not exist yet: `oc-mirror schema --out {schema}` writes it"));
    }
    let text = configuration(request.schema.as_deref(), &operators);
    log.with_stdout(|stdout| stdout.write_all(text.as_bytes()));
    ExitStatus::SUCCESS
}

/// Prints the JSON Schema of a kind of configuration, or writes it to a file.
pub(crate) fn schema(kind: Kind, out: Option<&Path>, log: &Log) -> ExitStatus {
    match document::schema(&json_schema(kind), out, log) {
        Ok(()) => ExitStatus::SUCCESS,
        Err(error) => fail(OutputFormat::Text, &error, log),
    }
}

fn configuration(schema: Option<&str>, operators: &str) -> String {
    let schema = schema.map(|file| format!("# yaml-language-server: $schema={file}\n")).unwrap_or_default();
    format!("{schema}{HEAD}{operators}{TAIL}")
}

const HEAD: &str = "\
# What to mirror. Save this file as isc.yaml, and see what it means before anything is mirrored:
#   oc-mirror -c isc.yaml --dry-run file:///srv/mirror
apiVersion: mirror.openshift.io/v2alpha1
kind: ImageSetConfiguration
# The largest size of an archive file, in GiB.
#archiveSize: 4
mirror:
  # OpenShift releases. `oc-mirror list releases --channels --version 4.20` lists channels.
  platform:
    # The update graph, with which clusters find updates inside the disconnected network.
    graph: true
    channels:
    # Without minVersion and maxVersion: the newest release of the channel.
    - name: stable-4.20
      #minVersion: 4.20.1
      #maxVersion: 4.20.6
";

const OPERATORS: &str = "
  # Operators. `oc-mirror list operators --catalog IMAGE` lists packages, and with `--package NAME` their channels.
  # `oc-mirror init --from-catalog IMAGE` writes this section with all packages of a catalog.
  operators:
  - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.20
    packages:
    # Without channels and versions: the newest version in the package's default channel.
    - name: web-terminal
    - name: node-healthcheck-operator
      #minVersion: 0.8.0
";

const TAIL: &str = "
  # Single images, by tag or digest.
  additionalImages:
  - name: registry.redhat.io/ubi9/ubi:latest

  # Images that are not mirrored, although a release, an operator or a chart names them. Regular expressions work.
  #blockedImages:
  #- name: registry.redhat.io/ubi9/ubi-minimal:.*
";

/// The section of operators, with every package of a catalog to choose from.
fn operators_of(catalog: &ImageRef, packages: &[PackageContents]) -> String {
    let mut text = format!(
        "
  # Operators. Remove the `#` in front of the packages to mirror, and in front of `packages`. Without `packages`, the newest
  # version of each of the {} packages is mirrored.
  operators:
  - catalog: {catalog}
    #packages:
",
        packages.len()
    );
    let width = packages.iter().map(|package| package.name.chars().count()).max().unwrap_or_default();
    for package in packages {
        let mut about: Vec<String> = Vec::new();
        if !package.display_name.is_empty() {
            about.push(package.display_name.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let channels: Vec<&str> = package.channels.iter().map(|channel| channel.name.as_str()).collect();
        if !channels.is_empty() {
            about.push(format!("channels {}", channels.join(", ")));
        }
        let line = format!("    #- name: {:width$} # {}", package.name, about.join("; "));
        let _ = writeln!(text, "{}", line.trim_end().trim_end_matches('#').trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same text with every line of `wanted` made active.
    fn with_active(text: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut active = String::new();
        for line in text.lines() {
            match line.split_once('#') {
                Some((before, rest)) if before.trim().is_empty() && !rest.starts_with(' ') && wanted(rest) => {
                    let _ = writeln!(active, "{before}{rest}");
                }
                _ => {
                    let _ = writeln!(active, "{line}");
                }
            }
        }
        active
    }

    fn check(text: &str) {
        let parsed = isc_schema::parse(text, Kind::ImageSet);
        assert!(parsed.diagnostics.is_empty(), "{}\n{text}", parsed.render("isc.yaml", text));
        assert!(parsed.config.is_some());
    }

    #[test]
    fn what_is_printed_loads_and_so_does_each_line_that_is_offered() {
        let text = configuration(None, OPERATORS);
        check(&text);
        check(&with_active(&text, |_| true));
        let with_schema = configuration(Some("./isc.schema.json"), OPERATORS);
        assert_eq!(with_schema.lines().next(), Some("# yaml-language-server: $schema=./isc.schema.json"));
        check(&with_schema);
    }
}
