//! Events of our crates, told through `tracing`, become debug and trace lines of the [`Log`].

use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Level, Log};

/// Crates whose events are printed. What libraries below them say would drown the reader.
const OURS: [&str; 15] = [
    "archive_format",
    "cincinnati_graph",
    "cluster_resources",
    "fbc_catalog",
    "image_signature",
    "isc_schema",
    "mirror_collect",
    "mirror_content",
    "mirror_copy",
    "mirror_engine",
    "mirror_job",
    "mirror_plan",
    "mirror_trust",
    "oc_mirror",
    "oci_transport",
];

/// Installs the layer for the process. A second call, as in tests, changes nothing.
pub(super) fn install(log: Log) {
    let _ = tracing_subscriber::registry().with(LogLayer(log)).try_init();
}

pub(super) struct LogLayer(pub(super) Log);

impl<S: Subscriber> Layer<S> for LogLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        OURS.contains(&crate_name) && level_of(*metadata.level()) <= self.0.level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.0.level() {
            Level::Trace => LevelFilter::TRACE,
            Level::Debug => LevelFilter::DEBUG,
            Level::Info | Level::Warn => LevelFilter::WARN,
            Level::Error => LevelFilter::ERROR,
        })
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.write(level_of(*event.metadata().level()), &format_args!("{}{}", text.message, text.fields));
    }
}

/// Libraries tell; only the program speaks to users at info level. So their `info` is our debug.
fn level_of(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO | tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Streams;
    use super::*;

    #[test]
    fn events_of_our_crates_become_lines() {
        let (streams, written) = Streams::captured();
        let log = Log::new(streams, Level::Debug);
        let subscriber = tracing_subscriber::registry().with(LogLayer(log));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "oci_transport::client", status = 503, host = "reg.lan", "retrying");
            tracing::trace!(target: "oci_transport::client", "too fine");
            tracing::warn!(target: "mirror_engine", "careful");
            tracing::error!(target: "hyper", "not ours");
        });
        let lines: Vec<_> = written.stderr().lines().map(|line| line[20..].to_owned()).collect();
        assert_eq!(
            lines,
            ["\x1b[1;92m [DEBUG] \x1b[0m : retrying status=503 host=reg.lan", "\x1b[1;93m [WARN] \x1b[0m  : careful"]
        );
    }
}
