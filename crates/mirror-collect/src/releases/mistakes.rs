//! Mistakes of `platform.channels` that the update graph shows: which channel or bound is meant, and what to write instead.

use cincinnati_graph::{Failure, GraphError, Graphs, SelectError, SelectionError};
use fbc_catalog::near;
use isc_schema::{BoundField, Item, Place, PlatformConfig, ReleaseChannel};

use crate::fault::{Fault, Finding};

/// The kinds of channels of OpenShift Container Platform.
const KINDS: [&str; 4] = ["stable", "fast", "candidate", "eus"];

/// A selection that gives no releases, or not all of them.
pub(super) fn of_selection(platform: &PlatformConfig, error: &SelectionError, graphs: &Graphs) -> Fault {
    let failures = match error {
        SelectionError::NoReleaseImages { failures } | SelectionError::Failures { failures } => failures.as_slice(),
        _ => &[],
    };
    let found = if failures.is_empty() {
        // No version lies between the bounds of any channel.
        let channels = platform.channels.iter().enumerate();
        channels
            .map(|(index, channel)| Finding {
                help: Some(versions_of(&channel.name, graphs)),
                ..Finding::at(bounds_of(Item::ReleaseChannel(index), channel))
            })
            .collect()
    } else {
        // What fails across channels follows from channels that failed themselves.
        let is_cause =
            |failure: &&Failure| failure.index.is_some() || failures.iter().all(|other| other.index.is_none());
        failures.iter().filter(is_cause).map(|failure| of_failure(platform, failure, graphs)).collect()
    };
    Fault::new(error.to_string(), found)
}

fn of_failure(platform: &PlatformConfig, failure: &Failure, graphs: &Graphs) -> Finding {
    let Failure { index, error, .. } = failure;
    let configured = index.and_then(|index| Some((Item::ReleaseChannel(index), platform.channels.get(index)?)));
    let place = configured.map_or(Item::Platform.into(), |(item, channel)| place(item, channel, error));
    Finding { place, message: Some(failure.to_string()), help: help(error, graphs) }
}

/// The bound that an error is about, when it is about one.
fn place(item: Item, channel: &ReleaseChannel, error: &SelectError) -> Place {
    match error {
        SelectError::Min { .. } => item.bound(BoundField::Min),
        SelectError::Max { .. } => item.bound(BoundField::Max),
        SelectError::CurrentNotFound { version, .. } | SelectError::RequestedNotFound { version, .. } => {
            let is = |bound: &Option<isc_schema::VersionBound>| {
                bound.as_ref().is_some_and(|bound| bound.version() == version)
            };
            if is(&channel.min_version) {
                item.bound(BoundField::Min)
            } else if is(&channel.max_version) {
                item.bound(BoundField::Max)
            } else {
                item.into()
            }
        }
        SelectError::NoMinimum(_) | SelectError::NoMaximum(_) => bounds_of(item, channel),
        _ => item.into(),
    }
}

/// The only bound that is written; the channel when there are two, or none.
fn bounds_of(item: Item, channel: &ReleaseChannel) -> Place {
    match (&channel.min_version, &channel.max_version) {
        (Some(_), None) => item.bound(BoundField::Min),
        (None, Some(_)) => item.bound(BoundField::Max),
        _ => item.into(),
    }
}

fn help(error: &SelectError, graphs: &Graphs) -> Option<String> {
    match error {
        SelectError::NoHead { channel, .. } | SelectError::NoVersions { channel } => Some(channels_like(channel)),
        SelectError::Request { channel, source, .. } if matches!(**source, GraphError::Status { status: 404, .. }) => {
            Some(channels_like(channel))
        }
        SelectError::CurrentNotFound { channel, .. } | SelectError::RequestedNotFound { channel, .. } => {
            Some(versions_of(channel, graphs))
        }
        SelectError::Min { .. } | SelectError::Max { .. } => Some("write three numbers, such as 4.16.2".to_owned()),
        _ => None,
    }
}

/// Names that may have been meant, and the command that lists the channels of the version.
fn channels_like(channel: &str) -> String {
    let Some((kind, version)) = channel.rsplit_once('-') else {
        return "a channel is named after its kind and a version, such as stable-4.16".to_owned();
    };
    let close: Vec<String> =
        near(kind, KINDS).into_iter().filter(|near| near != kind).map(|near| format!("{near}-{version}")).collect();
    let close =
        if close.is_empty() { String::new() } else { format!("channels with a similar name: {}\n", close.join(", ")) };
    format!("{close}`oc-mirror list releases --channels --version {version}` lists the channels")
}

/// The lowest and highest version of a channel, and the command that lists all of them.
fn versions_of(channel: &str, graphs: &Graphs) -> String {
    let versions = graphs.iter().filter(|(key, _)| key.channel == channel).flat_map(|(_, graph)| graph.versions());
    let versions: Vec<_> = versions.collect();
    let extent = match (versions.iter().min(), versions.iter().max()) {
        (Some(lowest), Some(highest)) => format!("channel {channel} holds {lowest} to {highest}\n"),
        _ => String::new(),
    };
    format!("{extent}`oc-mirror list releases --channel {channel}` lists the versions")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cincinnati_graph::{Graph, GraphKey};
    use semver::Version;

    use super::*;
    use crate::fault::configuration;

    const TEXT: &str = "\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  platform:
    channels:
    - name: stable-4.16
      minVersion: 4.16.1
      maxVersion: 4.16.9
    - name: fast-4.17
      maxVersion: 4.17.2
";

    fn found(error: SelectError, index: usize) -> (String, String, Option<String>) {
        let configuration = configuration(TEXT);
        let mut graphs = Graphs::new();
        let graph = br#"{"nodes": [{"version": "4.16.3", "payload": "q/r@sha256:1"}, {"version": "4.16.20", "payload": "q/r@sha256:2"}], "edges": []}"#;
        graphs.insert(GraphKey::ocp("amd64", "stable-4.16"), Ok(Graph::from_json(graph).unwrap()));
        let failure = Failure { arch: "amd64".into(), channel: None, index: Some(index), error };
        let finding = of_failure(&configuration.mirror.platform, &failure, &graphs);
        let line = configuration.mirror.span_of(finding.place).unwrap().line as usize;
        (finding.place.to_string(), TEXT.lines().nth(line - 1).unwrap().trim().to_owned(), finding.help)
    }

    #[test]
    fn where_a_failure_stands() {
        let semver = |text: &str| Arc::new(Version::parse(text).unwrap_err());
        let (first, second) = ("mirror.platform.channels[0]", "mirror.platform.channels[1]");
        let version = |text: &str| Version::parse(text).unwrap();
        let rows = [
            (
                SelectError::Min { channel: "x".into(), text: "4".into(), source: semver("4") },
                0,
                format!("{first}.minVersion"),
                "minVersion: 4.16.1",
                "write three numbers, such as 4.16.2",
            ),
            (
                SelectError::CurrentNotFound { version: version("4.16.1"), channel: "stable-4.16".into() },
                0,
                format!("{first}.minVersion"),
                "minVersion: 4.16.1",
                "channel stable-4.16 holds 4.16.3 to 4.16.20\n`oc-mirror list releases --channel stable-4.16` lists the versions",
            ),
            (
                SelectError::RequestedNotFound { version: version("4.16.9"), channel: "stable-4.16".into() },
                0,
                format!("{first}.maxVersion"),
                "maxVersion: 4.16.9",
                "channel stable-4.16 holds 4.16.3 to 4.16.20\n`oc-mirror list releases --channel stable-4.16` lists the versions",
            ),
            (
                SelectError::NoVersions { channel: "fats-4.17".into() },
                1,
                second.to_owned(),
                "- name: fast-4.17",
                "`oc-mirror list releases --channels --version 4.17` lists the channels",
            ),
            (
                SelectError::NoVersions { channel: "stabel-4.17".into() },
                1,
                second.to_owned(),
                "- name: fast-4.17",
                "channels with a similar name: stable-4.17\n`oc-mirror list releases --channels --version 4.17` lists the channels",
            ),
            (SelectError::NoMaximum("x".into()), 1, format!("{second}.maxVersion"), "maxVersion: 4.17.2", ""),
        ];
        for (error, index, path, line, help) in rows {
            let text = error.to_string();
            let (found_path, found_line, found_help) = found(error, index);
            assert_eq!((found_path, found_line.as_str()), (path, line), "{text}");
            assert_eq!(found_help.unwrap_or_default(), help, "{text}");
        }
    }
}
