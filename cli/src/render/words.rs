//! Numbers and results in words.

use std::fmt::Write as _;
use std::time::Duration;

use mirror_engine::RunReport;
use mirror_engine::dry_run::Sizes;
use mirror_engine::report::FamilyCount;
use mirror_engine::size;

/// A duration as Go prints it, cut to a sensible precision: `1h2m3.5s`, `850ms`.
pub fn go_duration(duration: Duration) -> String {
    let total = duration.as_secs();
    if total == 0 {
        return format!("{}ms", duration.as_millis());
    }
    let (hours, minutes) = (total / 3600, total / 60 % 60);
    let seconds = (total % 60) as f64 + f64::from(duration.subsec_millis()) / 1000.0;
    // Trailing zeros say nothing.
    let seconds = format!("{seconds:.3}");
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The time left for a person: whole seconds, minutes above two minutes.
pub(super) fn time_left(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s left"),
        seconds @ 120..7200 => format!("{} min left", seconds / 60),
        seconds => format!("{} h {} min left", seconds / 3600, seconds / 60 % 60),
    }
}

/// The result line of a family (`docs/behaviour/config-cli.md` 6.2).
pub(super) fn result_line(count: FamilyCount) -> String {
    let FamilyCount { family, mirrored, total } = count;
    if mirrored == total {
        format!("\u{1b}[1;32m ✓ \u{1b}[0m {mirrored} / {total} {family} images mirrored successfully")
    } else {
        format!(
            "\u{1b}[1;31m ✗ \u{1b}[0m {mirrored} / {total} {family} images mirrored: Some {family} images failed to be \
             mirrored - please check the logs"
        )
    }
}

/// One line that says what the run did.
pub fn closing_line(report: &RunReport, elapsed: Duration) -> String {
    let there = report.images.iter().filter(|image| image.outcome.is_there()).count();
    let mut line = format!(
        "{there} of {} images are in place; {} transferred, {} were already there or shared",
        report.images.len(),
        size(report.bytes_moved),
        size(report.bytes_saved),
    );
    if let Some(archive) = &report.archive {
        let bytes: u64 = archive.files.iter().map(|file| file.bytes).sum();
        let _ = write!(line, "; archive: {} in {} file(s)", size(bytes), archive.files.len());
    }
    let _ = write!(line, "; {}", go_duration(elapsed));
    line
}

/// What a dry run found, one fact a line.
pub fn size_lines(sizes: &Sizes) -> Vec<String> {
    let mut lines = vec![format!("{} images, {} unique blobs, {}", sizes.images, sizes.blobs, size(sizes.bytes))];
    if sizes.unknown_images > 0 {
        lines.push(format!("{} of them could not be inspected and are not in these figures", sizes.unknown_images));
    }
    if let Some(bytes) = sizes.download_bytes {
        lines.push(format!("to download: {}", size(bytes)));
    }
    if let Some(bytes) = sizes.cached_bytes {
        lines.push(format!("in the cache already: {}", size(bytes)));
    }
    if let Some(archive) = &sizes.archive {
        lines.push(format!(
            "archive: about {} in {} file(s), {} blobs left out because earlier archives have them",
            size(archive.bytes),
            archive.files,
            archive.blobs_left_out
        ));
    }
    if let Some(bytes) = sizes.destination_lacks_bytes {
        lines.push(format!("the destination lacks: {}", size(bytes)));
    }
    for need in &sizes.disk {
        lines.push(format!(
            "disk for the {}: {} needed, {} free in {}",
            need.stage,
            size(need.needed),
            size(need.free),
            need.path.display()
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (millis, expected) in [
            (0, "0ms"),
            (850, "850ms"),
            (1000, "1s"),
            (1500, "1.5s"),
            (62_030, "1m2.03s"),
            (3_600_000, "1h0m0s"),
            (3_723_004, "1h2m3.004s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(millis)), expected, "{millis}");
        }
    }

    #[test]
    fn time_left_in_words() {
        for (seconds, expected) in [
            (0, "0 s left"),
            (119, "119 s left"),
            (120, "2 min left"),
            (7199, "119 min left"),
            (7260, "2 h 1 min left"),
        ] {
            assert_eq!(time_left(Duration::from_secs(seconds)), expected);
        }
    }
}
